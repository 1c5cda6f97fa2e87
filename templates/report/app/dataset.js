// The data of the page: names from its JSON, numbers from its packed columns.

import { Columns, packedBody } from "./columns.js";
import { Numerals } from "./format.js";
import { inflate, payload } from "./payload.js";

/** What the page knows, or null where it carries nothing to draw from. */
export function readDataset() {
  const element = document.getElementById("nodebook-data");
  const json = element && JSON.parse(element.textContent);
  return json && (json.v === 1 || json.v === 2) ? new Dataset(json) : null;
}

/** The rows of a run: of one node after the other, each in the column after the one before. */
function rowsOfRun({ run = 1, ...row }) {
  return Array.from({ length: run }, (_, i) => ({ part: "", ...row, node: row.node + i, avg: row.avg + i }));
}

export class Dataset {
  constructor(json) {
    this.from = json.from;
    this.to = json.to;
    this.zone = json.tz;
    this.offsets = json.offsets;
    this.numerals = new Numerals(json.language);
    this.grid = json.grid;
    this.shades = json.shades ?? [];
    this.nodes = json.nodes;
    // A row without a part is a node's whole line.
    this.metrics = json.metrics.map((metric) => ({ ...metric, rows: metric.rows.flatMap(rowsOfRun) }));
    this.charts = json.charts;
    this.metricByName = new Map(this.metrics.map((metric) => [metric.name, metric]));
    this.nodeByName = new Map(json.nodes.map((name, index) => [name, index]));
    this.columns = null;
    this.localTimes = null;
  }

  /** Inflates the packed columns, once. */
  async load() {
    if (this.columns) return;
    const bytes = payload("nodebook-columns");
    const body = bytes && packedBody(bytes);
    if (!body) throw new Error("the page carries no columns");
    this.columns = new Columns(await inflate(body));
  }

  /** Values of a row: `avg`, `min` or `max`; the mean where the page carries no limits. */
  values(row, which) {
    return this.columns.column(row[which] ?? row.avg);
  }

  /** Values of the other period of a row, or of all nodes of a metric, in the buckets they are drawn in; null where the page has none. */
  valuesBefore(row) {
    return row.before === undefined ? null : this.columns.column(row.before);
  }

  /** The largest magnitude that any row of the metric of `row` can have. */
  reach(row) {
    return this.columns.reach(row.avg);
  }

  /** Rows of a metric that are a node's whole line. */
  nodeRows(metric) {
    return metric.rows.filter((row) => row.part === "");
  }

  /** Milliseconds that the report's zone is ahead of UTC at an instant. */
  offsetAt(ms) {
    let offset = this.offsets[0][1];
    for (const [since, next] of this.offsets) if (since <= ms) offset = next;
    return offset;
  }

  /** The instant at which clocks of the report's zone show `local`; the earlier one where they show it twice. */
  instantOf(local) {
    for (const [, offset] of this.offsets) {
      if (this.offsetAt(local - offset) === offset) return local - offset;
    }
    return local - this.offsetAt(local);
  }

  bucketStart(index) {
    return this.grid.start + index * this.grid.step;
  }

  /** Middle of every bucket as clocks of the report's zone show it: what the charts' time axes are made of. */
  times() {
    this.localTimes ??= this.timesOf(this.grid);
    return this.localTimes;
  }

  /** The same of another grid. */
  timesOf({ start, step, len }) {
    return Float64Array.from({ length: len }, (_, index) => {
      const middle = start + (index + 0.5) * step;
      return middle + this.offsetAt(middle);
    });
  }

  /** First bucket and the one behind the last of a time range; buckets that only begin before it are not in it. */
  bucketsOf(from, to) {
    const { start, step, len } = this.grid;
    const bound = (ms) => Math.min(Math.max(Math.ceil((ms - start) / step), 0), len);
    return [from === null ? 0 : bound(from), to === null ? len : bound(to)];
  }
}
