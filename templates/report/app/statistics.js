// Numbers over rows and buckets. NaN is a gap: it is left out, and what has no value at all is NaN.

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };

/** One line of many: bucket by bucket the `avg`, `sum`, `min` or `max` over the lines. */
export function foldLines(lines, how, len) {
  const folded = new Float64Array(len).fill(NaN);
  for (let i = 0; i < len; i++) {
    let count = 0;
    let total = 0;
    let least = Infinity;
    let most = -Infinity;
    for (const line of lines) {
      const value = line[i];
      if (value !== value) continue;
      count += 1;
      total += value;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    if (count === 0) continue;
    folded[i] = how === "sum" ? total : how === "min" ? least : how === "max" ? most : total / count;
  }
  return folded;
}

/** `avg`, `min`, `max`, `last`, `p50`, `p95`, `p99` of the values of lines in buckets `first` to `end`. */
export function statistic(lines, which, first, end) {
  if (which in QUANTILES) return quantile(valuesOf(lines, first, end), QUANTILES[which]);
  let count = 0;
  let total = 0;
  let least = Infinity;
  let most = -Infinity;
  let last = NaN;
  for (const line of lines) {
    for (let i = first; i < end; i++) {
      const value = line[i];
      if (value !== value) continue;
      count += 1;
      total += value;
      if (value < least) least = value;
      if (value > most) most = value;
      last = value;
    }
  }
  if (count === 0) return NaN;
  return which === "min" ? least : which === "max" ? most : which === "last" ? last : total / count;
}

function valuesOf(lines, first, end) {
  return lines.flatMap((line) => Array.from(line.slice(first, end)).filter((value) => !Number.isNaN(value)));
}

/** Between the two nearest ranks, as src/query does. */
export function quantile(values, share) {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  const rank = share * (sorted.length - 1);
  const low = Math.floor(rank);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (rank - low);
}

/** Runs of buckets in which all lines have values, as lists of indices; at most `bridge` empty buckets lie between two of a run. */
export function runsOf(lines, bridge) {
  const runs = [];
  for (let i = 0; i < lines[0].length; i++) {
    if (!lines.every((line) => line[i] === line[i])) continue;
    const run = runs.at(-1);
    if (run && i - run.at(-1) <= bridge + 1) run.push(i);
    else runs.push([i]);
  }
  return runs;
}
