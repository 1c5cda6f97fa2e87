#!/usr/bin/env python3
"""Planted anomalies: how many of those that gen_cluster.py plants does `detect --findings` find, and how often is it wrong?

    cluster.py --detect target/release/examples/detect --gen gen_cluster.py [--seeds 10] [--nodes 10] [--days 7] [--step 60] [--work DIR]
    cluster.py --nodebook target/release/nodebook --gen gen_cluster.py …    the same through import and analyse, whose JSON names the leading node only

Samples become means of --step seconds, counters become rates (a reset is no rate). A planted anomaly counts where it lasts 15 min or longer; it is found when a
finding of kind anomaly that names its node, as the leading or another series, overlaps it (+- 15 min). A finding is false when it overlaps nothing planted (of any length,
reboots too) on any node it leads with or names. Findings come in order of rank: of the first few of a cluster-week, how many are right? With --accept the exit code says whether
three quarters of all that was planted, and of spikes, leaks and fills each, are found with at most 0.4 false per series-week. Needs numpy.
"""
import argparse, collections, json, os, subprocess, sys
import numpy as np


def series_csv(folder, path, step):
    man = json.load(open(os.path.join(folder, "manifest.json")))
    v = np.load(os.path.join(folder, "values.npy"))
    per = step // man["interval_s"]
    rows = v.shape[2] // per
    names, cols = [], []
    for n in range(v.shape[0]):
        for m, name in enumerate(man["metrics"]):
            x = v[n, m]
            if name in man["counters"]:
                d = np.diff(x, prepend=np.nan) / man["interval_s"]
                x = np.where(d >= 0, d, np.nan)
                name = name.replace("_total", "_per_second")
            x = x[:rows * per].reshape(rows, per)
            there = np.isfinite(x)
            with np.errstate(invalid="ignore"):
                cols.append(np.where(there, x, 0).sum(1) / there.sum(1))
            names.append("node-%03d:%s" % (n, name))
    t = man["start_ms"] // 1000 + np.arange(rows) * step
    with open(path, "w") as f:
        f.write("timestamp," + ",".join(names) + "\n")
        for i, row in enumerate(np.array(cols).T.tolist()):
            f.write("%d,%s\n" % (t[i], ",".join("" if x != x else "%.6g" % x for x in row)))
    return man


def by_command(nodebook, gen, folder, seed, a):
    """Manifest and findings of samples as they are, at their 10 s."""
    db = os.path.join(folder, "cluster.db")
    if not os.path.exists(db):
        subprocess.run([sys.executable, gen, "--nodes", str(a.nodes), "--days", str(a.days), "--seed", str(seed),
                        "--formats", "csv", "--out", folder], check=True, stderr=subprocess.DEVNULL)
        csv = os.path.join(folder, "metrics.csv")
        subprocess.run([nodebook, "--db", db + ".part", "import", csv], check=True, capture_output=True)
        os.remove(csv)
        os.rename(db + ".part", db)
    man = json.load(open(os.path.join(folder, "manifest.json")))
    ends = [man["start_ms"], man["start_ms"] + int(a.days * 86_400_000)]
    ends = [str(np.datetime64(t, "ms")) + "Z" for t in ends]
    out = subprocess.run([nodebook, "--db", db, "analyse", "--from", ends[0], "--to", ends[1], "--what", "anomalies", "--format", "json"],
                         check=True, capture_output=True).stdout
    return man, [dict(f, moved=[], strength=0.0) for f in json.loads(out)["findings"]]


def seconds(text):
    return np.datetime64(text.rstrip("Z")).astype("datetime64[ms]").astype(np.int64) / 1000.0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--detect")
    p.add_argument("--nodebook")
    p.add_argument("--gen", required=True)
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--first-seed", type=int, default=1)
    p.add_argument("--nodes", type=int, default=10)
    p.add_argument("--days", type=float, default=7)
    p.add_argument("--step", type=int, default=60)
    p.add_argument("--work", default="cluster-bench")
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--accept", action="store_true")
    a = p.parse_args()
    if not a.detect and not a.nodebook:
        p.error("--detect or --nodebook is needed")
    total, met, findings, false, weeks, kinds = collections.Counter(), collections.Counter(), 0, 0, 0.0, collections.Counter()
    firsts = {1: [], 3: [], 5: [], 10: []}
    for seed in range(a.first_seed, a.first_seed + a.seeds):
        folder = os.path.join(a.work, "seed%d-%dx%g-%d" % (seed, a.nodes, a.days, a.step))
        if a.nodebook:
            man, found = by_command(a.nodebook, a.gen, folder, seed, a)
        else:
            csv = os.path.join(folder, "wide.csv")
            if not os.path.exists(csv):
                subprocess.run([sys.executable, a.gen, "--nodes", str(a.nodes), "--days", str(a.days), "--seed", str(seed),
                                "--formats", "npy", "--out", folder], check=True, stderr=subprocess.DEVNULL)
                series_csv(folder, csv, a.step)
                os.remove(os.path.join(folder, "values.npy"))
            man = json.load(open(os.path.join(folder, "manifest.json")))
            out = subprocess.run([a.detect, "--findings", csv], check=True, capture_output=True).stdout
            found = json.loads(out)["findings"]
        kinds.update(f["kind"] for f in found)
        found = [f for f in found if f["kind"] == "anomaly"]
        weeks += man["series"] * a.days / 7.0
        spans = []
        for f in found:
            nodes = {f["node"]} | {m.split("/")[0] for m in f["moved"]}
            spans.append((nodes, seconds(f["from"]), seconds(f["to"]), f))
        for an in man["anomalies"]:
            lo, hi = an["from_ms"] / 1000 - 900, an["to_ms"] / 1000 + 900
            name = "node-%03d" % an["node"]
            if an["kind"] == "reboot" or an["to_ms"] - an["from_ms"] < 900_000:
                continue
            total[an["kind"]] += 1
            hit = any(name in nodes and s <= hi and e >= lo for nodes, s, e, _ in spans)
            met[an["kind"]] += hit
            if a.verbose and not hit:
                print("seed %d missed %s on %s, %d min" % (seed, an["kind"], name, (an["to_ms"] - an["from_ms"]) / 60000))
        right = []
        for nodes, s, e, f in spans:
            findings += 1
            good = any("node-%03d" % an["node"] in nodes and s <= an["to_ms"] / 1000 + 900 and e >= an["from_ms"] / 1000 - 900
                       for an in man["anomalies"])
            false += not good
            right.append(good)
            if a.verbose and not good:
                print("seed %d false: %s %s %s %.1f" % (seed, f["from"], f["to"], f["text"], f["strength"]))
        for first in firsts:
            firsts[first].append(sum(right[:first]) / min(first, max(1, len(man["anomalies"]))))
    for kind in sorted(total):
        print("%-11s found %d of %d" % (kind, met[kind], total[kind]))
    n = sum(total.values())
    print("all         found %d of %d = %.2f" % (sum(met.values()), n, sum(met.values()) / max(n, 1)))
    print("findings %d, false %d: precision %.2f, false per series-week %.3f, per cluster-week %.1f; all kinds %s" % (
        findings, false, 1 - false / max(findings, 1), false / weeks, false / (a.seeds * a.days / 7), dict(kinds)))

    print("right of the first " + ", ".join("%d: %.2f" % (n, np.mean(r)) for n, r in firsts.items()))
    share = lambda kind: met[kind] / max(1, total[kind])
    passed = sum(met.values()) >= 0.75 * n and all(share(k) >= 0.75 for k in ("cpu_spike", "mem_leak", "disk_fill")) and false / weeks <= 0.4
    if a.accept:
        print("accepted" if passed else "not accepted")
        sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
