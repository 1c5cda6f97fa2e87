#!/usr/bin/env python3
"""Change points on clean weeks of real metrics: how many are found in them, and how many of the steps put in?

    changes.py --detect target/release/examples/detect --nab DIR --jumpstarter DIR [--pieces 120] [--work DIR]

Pieces are one-week stretches without a labelled window, at least 90 % there, not constant. Steps of 2, 3 and 5 sd (robust sd of 30 min means less their running median of
a day) are put in at a random time, a day or more from the ends. A step is found when a change lies within 6 h of it; whatever is found in the piece as it is, is called false
(some of it may be real). Needs numpy.
"""
import argparse, csv, glob, json, os, subprocess, sys
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
WEEK = 604800


def parse(t):
    return np.datetime64(t.strip().replace(" ", "T")).astype("datetime64[s]").astype(np.int64)


def load(path):
    with open(path) as f:
        rows = list(csv.reader(f))[1:]
    t = np.array([parse(r[0]) for r in rows])
    v = np.array([[float(x) if x else np.nan for x in r[1:]] for r in rows])
    return t, v


def pieces(folder, files, labels):
    out = []
    for name in files:
        t, v = load(os.path.join(folder, name))
        windows = [(parse(a.split(".")[0]), parse(b.split(".")[0])) for a, b in labels[name]]
        step = int(np.median(np.diff(t)))
        if step != 300:
            continue
        for start in range(int(t[0]), int(t[-1]) - WEEK + 1, WEEK // 2):
            end = start + WEEK
            if any(a < end and b > start for a, b in windows):
                continue
            grid = np.full((WEEK // step, v.shape[1]), np.nan)
            inside = (t >= start) & (t < end)
            grid[((t[inside] - start) // step)] = v[inside]
            for k in range(v.shape[1]):
                x = grid[:, k]
                if np.isfinite(x).mean() > 0.9 and np.nanstd(x) > 0 and len(np.unique(x[np.isfinite(x)])) > 20:
                    out.append(x)
    return out


def fast_sd(x):
    b = np.array([np.nanmean(c) if np.isfinite(c).any() else np.nan for c in x[:len(x) // 6 * 6].reshape(-1, 6)])
    slow = np.array([np.nanmedian(b[max(0, i - 24):i + 24]) for i in range(len(b))])
    r = b - slow
    r = r[np.isfinite(r)]
    return 1.4826 * np.median(np.abs(r - np.median(r)))


def run(detect, work, columns):
    path = os.path.join(work, "changes.csv")
    with open(path, "w") as f:
        f.write("timestamp," + ",".join("p%d:value" % i for i in range(len(columns))) + "\n")
        for i, row in enumerate(np.array(columns).T.tolist()):
            f.write("%d,%s\n" % (1767571200 + 300 * i, ",".join("" if x != x else repr(x) for x in row)))
    found = json.loads(subprocess.run([detect, "--changes", path], check=True, capture_output=True).stdout)["findings"]
    at = [[] for _ in columns]
    for f in found:
        at[int(f["node"][1:])].append((parse(f["from"].split(".")[0]) - 1767571200) / 300)
    return at


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--detect", required=True)
    p.add_argument("--nab", required=True)
    p.add_argument("--jumpstarter", required=True)
    p.add_argument("--pieces", type=int, default=120)
    p.add_argument("--work", default=".")
    a = p.parse_args()
    rng = np.random.default_rng(1)
    take = []
    for folder, share in ((a.nab, 0.5), (a.jumpstarter, 0.5)):
        labels = json.load(open(os.path.join(folder, "windows.json")))
        every = pieces(folder, sorted(labels), labels)
        take += [every[i] for i in rng.permutation(len(every))[:int(a.pieces * share)]]
    take = [x for x in take if fast_sd(x) > 0]
    clean = run(a.detect, a.work, take)
    print("%d clean weeks: %.3f changes found per series-week, in %.0f %% of them any" % (
        len(take), sum(map(len, clean)) / len(take), 100 * np.mean([len(c) > 0 for c in clean])))
    for size in (2, 3, 5):
        rows = rng.integers(288, len(take[0]) - 288, len(take))
        stepped = [x + np.where(np.arange(len(x)) >= r, size * fast_sd(x) * rng.choice([-1, 1]), 0) for x, r in zip(take, rows)]
        found = run(a.detect, a.work, stepped)
        near = [min([abs(c - r) for c in f], default=1e9) for f, r in zip(found, rows)]
        hit = [d for d in near if d <= 72]
        print("step of %d sd: recall %.2f, median offset %.0f min" % (size, len(hit) / len(take), 5 * np.median(hit) if hit else -1))


if __name__ == "__main__":
    main()
