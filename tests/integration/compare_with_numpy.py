"""Judges an import: count, sum, min and max of every series against numpy over the generator's own arrays.

    compare_with_numpy.py DATA SUMS.csv

DATA holds values.npy (nodes x metrics x times, NaN = missing) and manifest.json; SUMS.csv has the columns
node, metric, n, total, low, high. Prints what differs; exit code 1 where anything does.
"""
import csv
import json
import math
import sys

import numpy as np

data, sums = sys.argv[1], sys.argv[2]
values = np.load(f"{data}/values.npy")
manifest = json.load(open(f"{data}/manifest.json"))
metrics = manifest["metrics"]
found = {(row["node"], row["metric"]): row for row in csv.DictReader(open(sums, newline=""))}
problems = []
for n in range(values.shape[0]):
    for m, metric in enumerate(metrics):
        column = values[n, m]
        column = column[~np.isnan(column)]
        row = found.pop((f"node-{n:03d}", metric), None)
        if row is None:
            problems.append(f"node-{n:03d} {metric}: missing")
            continue
        exact = (int(row["n"]) == column.size, float(row["low"]) == column.min(), float(row["high"]) == column.max())
        # The order of summation differs: fsum is the exact sum, and a plain sum of so many is this near.
        total = math.isclose(float(row["total"]), math.fsum(column), rel_tol=1e-12)
        if not all(exact) or not total:
            problems.append(f"node-{n:03d} {metric}: {row} is not {column.size} {math.fsum(column)} {column.min()} {column.max()}")
problems += [f"{key}: not in the data" for key in found]
print("\n".join(problems[:20]))
sys.exit(1 if problems else 0)
