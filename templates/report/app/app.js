// The page's script. The page is complete without it: here pictures become charts, and the reader can choose what is shown.
//
// What the page gives (all of it optional but the data):
// - script elements `nodebook-data` (JSON), `nodebook-columns` (base64 of src/codec/page.rs) and `nodebook-plotly` (base64 of raw
//   deflate).
//   `{v: 1, from, to (ms), tz, offsets: [[ms, offset in ms that holds from then on], …] (the first one at or before `from`),
//   language?: {name, decimal, group, grouped_from, months, days, day_month, weekday_date, month} (English without it),
//   grid: {start, step (ms), len}, shades?: [{name, ranges: [[from, to], …]}, …], nodes: [name, …],
//   metrics: [{name, title, unit, section, worse, capacity, agg: "avg" | "sum", all: {avg, min, max, before?} (of all nodes together), rows: [{node, part?, avg, min?, max?, before?}, …], folds_before?: {part: column}}, …],
//   charts: [{id, metric?: index, bridge?: empty buckets that a line passes over, figure: {data, layout}, grid?, unit?}, …],
//   before?: {from, to, shift} (the other period: its columns lie in the buckets `shift` ms later)}`; avg, min, max and before are column numbers. A chart with a `grid` has lines of its own on it, in `unit`, which no filter changes.
// - `figure[data-chart=ID][data-metric][data-drawn=svg]` with a `.chart-canvas` that holds the static picture (`.pic`: its
//   rectangle is that of the axes), `.labelled` where lines are named beside their ends, and a `.key` (a list with an item a trace).
// - traces of a figure with `nb`: {kind: "row", metric, row, col} · {kind: "fold", metric, agg: "avg" | "sum" | "min" | "max"} ·
//   {kind: "own", col} · {kind: "between", lo, hi} (columns on the chart's own grid) · {kind: "mark", at, value} ·
//   {kind: "before", metric, row?, part?} (the other period of a row, of a part over all nodes, or of all nodes) · {kind: "band", metric} · {kind: "heat", metric, top?} · {kind: "bar", metric, stat, top?}; top: only so many of the highest. Others are
//   drawn as they are. Values in a layout (ranges, ticks, shapes, zmin) are in base units. Colours may be tokens of the style sheet:
//   `var(--grid)`.
// - `#nodebook-filter` (empty), `#nodebook-status` (a live region), `[data-theme-set=light|dark|system]`,
//   `table[data-sortable]` with `th[data-sort=number|text]`, `[data-tile][data-agg]` with `[data-role=value]` and `[data-role=delta]`,
//   `tr[data-node]` with `td[data-metric][data-agg]`. What only a script can do is `hidden` and marked `data-needs-script`.

import { Charts } from "./charts.js";
import { download } from "./csv.js";
import { readDataset } from "./dataset.js";
import { fromFragment, isNeutral, limited, NEUTRAL, sameFilter, toFragment } from "./filter.js";
import { FilterBar } from "./filterbar.js";
import { canInflate } from "./payload.js";
import { startSorting } from "./sorting.js";
import { Palette, startTheme } from "./theme.js";
import { NodeRows, Tiles } from "./tiles.js";

function start() {
  const palette = new Palette();
  let charts = null;
  startTheme(() => charts?.recolour());
  startSorting();
  const dataset = readDataset();
  const capable = canInflate() && "IntersectionObserver" in window && "findLast" in Array.prototype;
  for (const element of document.querySelectorAll("[data-needs-script]")) {
    if (element.id !== "nodebook-filter" || (dataset && capable)) element.hidden = false;
  }
  if (!dataset) return;
  if (!capable) {
    say("Interactive charts need a newer browser.");
    return;
  }
  const page = new Page(dataset);
  charts = new Charts(dataset, palette, {
    zoomed: (from, to) => page.choose(limited({ ...page.filter, from, to }, dataset)),
    picked: (node) => page.choose({ ...page.filter, nodes: page.filter.nodes?.length === 1 ? null : [node] }),
    failed: (reason) => say(`The charts stay pictures: ${reason}.`),
  });
  page.start(charts);
}

/** Holds the filter and hands it to everything that shows something. */
class Page {
  constructor(dataset) {
    this.dataset = dataset;
    this.filter = NEUTRAL;
    this.tiles = new Tiles(dataset);
    this.rows = new NodeRows(dataset);
    this.bar = null;
  }

  start(charts) {
    this.charts = charts;
    const root = document.getElementById("nodebook-filter");
    if (root) {
      this.bar = new FilterBar(
        root,
        this.dataset,
        (filter) => this.choose(filter),
        () => this.download(),
      );
    }
    const chosen = fromFragment(location.hash.slice(1), this.dataset);
    charts.start(chosen ?? NEUTRAL);
    if (chosen && !isNeutral(chosen)) this.choose(chosen);
    else {
      this.bar?.show(NEUTRAL);
      if (!matchMedia("(pointer: coarse)").matches) say("Drag over a chart to choose a time, double-click for all of it.");
    }
    window.addEventListener("hashchange", () => {
      const named = fromFragment(location.hash.slice(1), this.dataset);
      if (named) this.choose(named);
    });
  }

  async choose(filter) {
    if (sameFilter(filter, this.filter)) return;
    this.filter = filter;
    document.documentElement.toggleAttribute("data-filtered", !isNeutral(filter));
    this.bar?.show(filter);
    rememberFilter(toFragment(filter));
    this.charts.show(filter);
    await this.dataset.load();
    // Charts that are in view come first; the reader looks at one of them.
    setTimeout(() => this.showNumbers());
  }

  showNumbers() {
    this.tiles.show(this.filter);
    this.rows.show(this.filter);
    say(this.description());
  }

  /** In words, what the filter shows. */
  description() {
    const { nodes, metrics, from, to } = this.filter;
    if (isNeutral(this.filter)) return "Showing everything.";
    const { dataset } = this;
    const count = (chosen, all, noun) => `${chosen === null ? "all" : chosen.length} of ${all.length} ${noun}`;
    const parts = [];
    if (nodes !== null) parts.push(nodes.length <= 3 ? nodes.join(", ") : count(nodes, dataset.nodes, "nodes"));
    if (metrics !== null) parts.push(count(metrics, dataset.metrics, "metrics"));
    if (from !== null || to !== null) {
      parts.push(`${this.moment(from ?? dataset.from)} to ${this.moment(to ?? dataset.to)} (${dataset.zone})`);
    }
    const source = `Figures are computed from the page's means over ${stepName(dataset.grid.step)}`;
    return `Showing ${parts.join("; ")}. ${source}; findings and titles speak of the whole report.`;
  }

  moment(ms) {
    return new Date(ms + this.dataset.offsetAt(ms)).toISOString().slice(0, 16).replace("T", " ");
  }

  async download() {
    await this.dataset.load();
    download(this.dataset, this.filter);
  }
}

function stepName(ms) {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}

/** Keeps the filter in the address without adding to the history. */
function rememberFilter(fragment) {
  history.replaceState(null, "", fragment === "" ? location.href.split("#")[0] : `#${fragment}`);
}

/** Says it where readers and screen readers notice. */
function say(text) {
  const status = document.getElementById("nodebook-status");
  if (status) status.textContent = text;
}

start();
