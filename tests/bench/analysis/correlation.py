#!/usr/bin/env python3
"""How many unrelated pairs does the correlation call related? Pairs of metrics of different services, one shifted by 3 to 22 days.

    correlation.py --detect target/release/examples/detect --jumpstarter DIR [--work DIR]

Needs numpy.
"""
import argparse, collections, csv, os, subprocess
import numpy as np


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--detect", required=True)
    p.add_argument("--jumpstarter", required=True)
    p.add_argument("--work", default=".")
    a = p.parse_args()
    rng = np.random.default_rng(1)
    names, cols, stamps = [], [], None
    for k, name in enumerate(sorted(n for n in os.listdir(a.jumpstarter) if n.endswith(".csv"))):
        rows = list(csv.reader(open(os.path.join(a.jumpstarter, name))))[1:]
        v = np.array([[float(x) for x in r[1:]] for r in rows])
        stamps = [r[0] for r in rows]
        v = np.roll(v, int((k + 1) * 25 * 288 / 17), axis=0)  # every service by an amount of its own
        for m in range(v.shape[1]):
            names.append("s%02d:m%02d" % (k, m))
            cols.append(v[:, m])
    path = os.path.join(a.work, "correlation.csv")
    with open(path, "w") as f:
        f.write("timestamp," + ",".join(names) + "\n")
        for t, row in zip(stamps, np.array(cols).T.tolist()):
            f.write(t + "," + ",".join(map(repr, row)) + "\n")
    out = subprocess.run([a.detect, "--pairs", path], check=True, capture_output=True, text=True).stdout
    null, same, big = [], [], []
    for row in csv.DictReader(out.splitlines()):
        other = row["a"][:3] != row["b"][:3]
        (null if other else same).append((abs(float(row["r"])), float(row["p"])))
    null, same = np.array(null), np.array(same)
    print("unrelated pairs %d: p < 0.001 in %.3f %%, 99.9 %% of |r| %.3f, greatest %.3f" % (
        len(null), 100 * (null[:, 1] < 0.001).mean(), np.quantile(null[:, 0], 0.999), null[:, 0].max()))
    print("pairs of one service %d: above that %.0f %%, p < 0.001 in %.0f %%" % (
        len(same), 100 * (same[:, 0] > np.quantile(null[:, 0], 0.999)).mean(), 100 * (same[:, 1] < 0.001).mean()))


if __name__ == "__main__":
    main()
