// "Download CSV": the bucket means that the filter shows, in the columns of `nodebook export` (and of `nodebook import`).

import { chosenRows } from "./filter.js";

/** The lines of the file, metric by metric. */
export function* csvLines(dataset, filter) {
  yield "timestamp,node,metric,labels,value\r\n";
  const [first, end] = dataset.bucketsOf(filter.from, filter.to);
  for (const metric of dataset.metrics) {
    // A plot of one's own is made of metrics, and none itself.
    if (metric.section === "own") continue;
    if (filter.metrics !== null && !filter.metrics.includes(metric.name)) continue;
    for (const row of chosenRows(metric.rows, filter, dataset)) {
      const labels = row.part === "" ? "" : JSON.stringify({ part: row.part });
      const middle = [dataset.nodes[row.node], metric.name, labels].map(field).join(",");
      const values = dataset.values(row, "avg");
      for (let i = first; i < end; i++) {
        if (values[i] !== values[i]) continue;
        // The page's values have no more digits than that.
        const value = Number(values[i].toPrecision(7));
        yield `${new Date(dataset.bucketStart(i)).toISOString()},${middle},${value}\r\n`;
      }
    }
  }
}

/** A field that a spreadsheet takes for text, never for a formula. */
export function field(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function download(dataset, filter) {
  const blob = new Blob([...csvLines(dataset, filter)], { type: "text/csv;charset=utf-8" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "nodebook-filtered.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
