// Plotly figures: the style comes with the page (`figure`), the numbers from its columns, for the nodes that the filter shows.
//
// A trace with `nb` says what its arrays are made of. Its values, axis ranges and shapes are in base units; here they get a unit that
// people read. Names are data: they are escaped for plotly's pseudo-HTML.

import { chosenRows, NEUTRAL } from "./filter.js";
import { scaleOf, unitSuffix } from "./format.js";
import { BARE_PLACE, endLabels, makeLayout, rowNotes, timeRange } from "./layout.js";
import { foldLines, runsOf, statistic } from "./statistics.js";
import { escapeText, shorten } from "./text.js";

/** Longest name beside an axis, in letters, where there is room for it; and about the width of a letter. */
const AXIS_NAME_MAX = 24;
const AXIS_LETTER = 6.8;
/** As many chosen nodes have a line of their own: there are as many colours. */
const CHOSEN_LINES_MAX = 5;
/** What a filter of few nodes replaces by lines of its own. */
const LINES_OF_ALL = new Set(["row", "before"]);
const FOLD_NAMES = { avg: "mean", sum: "sum", min: "lowest", max: "highest" };

/** How charts are drawn: nothing leaves the page, and nothing stands over the picture. */
export const CONFIG = Object.freeze({
  displayModeBar: false,
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  typesetMath: false,
  doubleClick: false,
  showTips: false,
  responsive: false,
});

/** `data` and `layout` of a chart under a filter, and what gives the labels that stand right of it: `beside(filter)` is a list of
 *  `{text, color?, top}`, top in pixels from the upper edge of the axes; the filter may be another one in time only. */
export function makeFigure(chart, dataset, chosen, palette, place = BARE_PLACE) {
  const metric = dataset.metrics[chart.metric] ?? null;
  // What has lines of its own shows them whatever is chosen.
  const filter = chart.grid ? NEUTRAL : chosen;
  const traces = tracesUnder(chart.figure.data, dataset, filter);
  const made = traces.map((trace) => ({
    trace,
    arrays: trace.nb ? makeArrays(trace.nb, chart, dataset, filter, place) : {},
  }));
  const most = largest(made);
  // The unit is that of the whole report, whatever the filter leaves: titles name it.
  const unit = metric?.unit ?? chart.unit;
  const scale = unit === undefined ? null : scaleOf(unit, metric ? Math.max(most, dataset.reach(metric.all)) : most);
  const data = made.map(({ trace, arrays }) => {
    const { nb, ...style } = palette.resolved(trace);
    const scaled = scale && nb ? inUnit(arrays, nb.kind, scale.divisor) : arrays;
    const name = traceName(trace, filter);
    const isLine = nb?.kind === "row" || nb?.kind === "fold" || nb?.kind === "own";
    const named = name === undefined ? {} : { name: escapeText(name), ...(isLine ? { meta: name } : {}) };
    return { ...style, ...named, ...scaled, ...(nb ? labels(nb.kind, style, scale, most, metric, arrays, dataset.numerals) : {}) };
  });
  const layout = makeLayout(chart, dataset, filter, palette, { metric, scale, place, data });
  const rows = place.notes ? made.map(({ arrays }) => arrays).filter(({ z }) => z) : [];
  const beside = (shown) => [
    ...(place.labels && layout.yaxis.range ? endLabels(data, layout, timeRange(dataset, shown, chart.grid)) : []),
    ...rows.flatMap((arrays) => rowNotes(arrays, layout, (value) => dataset.numerals.value(metric.unit, value), dataset, shown)),
  ];
  return { data, layout, beside };
}

/** The traces that a filter leaves. A chart that folds many nodes into one line draws the few that are chosen one by one. */
export function tracesUnder(traces, dataset, filter) {
  const fold = traces.find((trace) => trace.nb?.kind === "fold" && trace.nb.part === undefined);
  if (!fold || filter.nodes === null || filter.nodes.length > CHOSEN_LINES_MAX) {
    return traces.filter((trace) => isShown(trace.nb, dataset, filter));
  }
  const { metric } = fold.nb;
  const lines = filter.nodes.flatMap((name, index) => {
    const row = dataset.metrics[metric].rows.findIndex((row) => row.part === "" && dataset.nodes[row.node] === name);
    const line = { ...fold.line, color: `var(--s${index + 1})` };
    return row < 0 ? [] : [{ ...fold, name, line, nb: { kind: "row", metric, row, col: "avg" } }];
  });
  const around = traces.filter((trace) => !LINES_OF_ALL.has(trace.nb?.kind) && (lines.length > 1 || trace.nb?.kind !== "fold"));
  return [...around, ...behind(traces, lines, dataset), ...lines];
}

/** The other period of lines that a filter has brought, where the page has it and the chart shows it of all nodes. */
function behind(traces, lines, dataset) {
  const ofAll = traces.find((trace) => trace.nb?.kind === "before");
  if (!ofAll) return [];
  const known = lines.filter(({ nb }) => dataset.metrics[nb.metric].rows[nb.row].before !== undefined);
  return known.map(({ name, nb }) => ({ ...ofAll, name: `${name}, before`, nb: { kind: "before", metric: nb.metric, row: nb.row } }));
}

/** A row is hidden with its node. */
function isShown(nb, dataset, filter) {
  if (nb?.kind === "before" && nb.row === undefined) return filter.nodes === null;
  if (nb?.kind !== "row" && nb?.kind !== "before") return true;
  const rows = [dataset.metrics[nb.metric].rows[nb.row]];
  return chosenRows(rows, filter, dataset).length > 0;
}

/** What stands for all nodes stands for the chosen ones under a filter, and says so. */
export function traceName({ name, nb }, filter) {
  if (nb?.kind !== "fold" || nb.part !== undefined || filter.nodes === null) return name;
  return `${FOLD_NAMES[nb.agg]} of ${filter.nodes.length} chosen`;
}

function makeArrays(nb, chart, dataset, filter, place) {
  const bridge = chart.bridge ?? 0;
  if (nb.metric === undefined) return ownArrays(nb, chart.grid, bridge, dataset);
  const axis = { times: dataset.times(), step: dataset.grid.step };
  const metric = dataset.metrics[nb.metric];
  const rows = chosenRows(dataset.nodeRows(metric), filter, dataset);
  const lines = (which) => rows.map((row) => dataset.values(row, which));
  const len = dataset.grid.len;
  switch (nb.kind) {
    case "row":
      return line(axis, dataset.values(metric.rows[nb.row], nb.col), bridge);
    case "fold": {
      const which = nb.agg === "min" || nb.agg === "max" ? nb.agg : "avg";
      if (nb.part !== undefined) {
        const parts = chosenRows(metric.rows.filter((row) => row.part === nb.part), filter, dataset);
        return line(axis, foldLines(parts.map((row) => dataset.values(row, which)), nb.agg, len), bridge);
      }
      if (filter.nodes === null && nb.agg !== "sum") return line(axis, dataset.values(metric.all, which), bridge);
      return line(axis, foldLines(lines(which), nb.agg, len), bridge);
    }
    case "before":
      return line(axis, dataset.valuesBefore(pastOf(metric, nb)) ?? [], bridge);
    case "band":
      if (filter.nodes === null) return band(dataset.times(), dataset.values(metric.all, "min"), dataset.values(metric.all, "max"), bridge);
      return band(dataset.times(), foldLines(lines("min"), "min", len), foldLines(lines("max"), "max", len), bridge);
    case "heat":
      return heat(rows, nb.top, dataset, place);
    case "bar":
      return bars(rows, nb, dataset, filter, place);
    default:
      return {};
  }
}

/** What holds the column of a line of the other period. */
function pastOf(metric, { row, part }) {
  if (part !== undefined) return { before: metric.folds_before?.[part] };
  return row === undefined ? metric.all : metric.rows[row];
}

/** What a chart with lines of its own draws. */
function ownArrays(nb, grid, bridge, dataset) {
  if (nb.kind === "mark") return { x: [nb.at + dataset.offsetAt(nb.at)], y: [nb.value] };
  const axis = { times: dataset.timesOf(grid), step: grid.step };
  const column = (number) => dataset.columns.column(number);
  if (nb.kind === "between") return band(axis.times, column(nb.lo), column(nb.hi), bridge);
  return line(axis, column(nb.col), bridge);
}

/** The points of a line, with one without a value between its runs. A value with gaps on both sides is as long as its bucket. */
function line({ times, step }, values, bridge) {
  const runs = forwardRuns([values], times, bridge);
  if (values.length > 1 && runs.length === 1 && runs[0].length === values.length) return { x: times, y: values };
  const half = step / 2;
  const x = [];
  const y = [];
  for (const run of runs) {
    if (x.length > 0) x.push(times[run[0]] - half), y.push(null);
    if (run.length === 1) x.push(times[run[0]] - half, times[run[0]] + half), y.push(values[run[0]], values[run[0]]);
    else for (const i of run) x.push(times[i]), y.push(values[i]);
  }
  return { x, y };
}

/** Runs that also end where clocks are put back: no line runs back. */
function forwardRuns(lines, times, bridge) {
  return runsOf(lines, bridge).flatMap((run) => {
    const back = run.findIndex((bucket, place) => place > 0 && times[bucket] < times[run[place - 1]]);
    return back < 0 ? [run] : [run.slice(0, back), run.slice(back)];
  });
}

/** A closed polygon for each run: a fill to the next trace draws stray wedges across gaps. */
function band(times, low, high, bridge) {
  const x = [];
  const y = [];
  for (const run of forwardRuns([low, high], times, bridge)) {
    if (x.length > 0) x.push(times[run[0]]), y.push(null);
    for (const i of run) x.push(times[i]), y.push(high[i]);
    for (const i of run.toReversed()) x.push(times[i]), y.push(low[i]);
    x.push(times[run[0]]);
    y.push(high[run[0]]);
  }
  return { x, y };
}

/** Nodes from the least loaded at the bottom to the most loaded on top; cells have edges, so that they fill their buckets. */
function heat(rows, top, dataset, place) {
  const lines = rows
    .map((row) => ({ name: dataset.nodes[row.node], values: dataset.values(row, "avg") }))
    .map((line) => ({ ...line, load: statistic([line.values], "avg", 0, line.values.length) }))
    .sort((a, b) => (a.load || 0) - (b.load || 0))
    .slice(-(top ?? rows.length));
  const middles = dataset.times();
  const half = dataset.grid.step / 2;
  const edges = new Float64Array(middles.length + 1);
  for (let i = 0; i < edges.length; i++) {
    const edge = i < middles.length ? middles[i] - half : middles[i - 1] + half;
    // Clocks that are put back show an hour twice; edges must not run back.
    edges[i] = i === 0 ? edge : Math.max(edge, edges[i - 1] + 1);
  }
  const names = lines.map((line) => line.name);
  return { x: edges, y: axisNames(names, place), z: lines.map((line) => line.values), meta: names };
}

function bars(rows, { stat, top }, dataset, filter, place) {
  const [first, end] = dataset.bucketsOf(filter.from, filter.to);
  const which = stat === "max" ? "max" : "avg";
  const bars = rows
    .map((row) => ({
      name: dataset.nodes[row.node],
      value: statistic([dataset.values(row, which)], stat, first, end),
    }))
    .sort((a, b) => (a.value || 0) - (b.value || 0))
    .slice(-(top ?? rows.length));
  const names = bars.map((bar) => bar.name);
  return { x: bars.map((bar) => bar.value), y: axisNames(names, place), orientation: "h", meta: names };
}

/** Names short enough to stand beside an axis, as long as that keeps them different. */
function axisNames(names, place) {
  const most = place.bare ? AXIS_NAME_MAX : Math.floor((place.margin.l - AXIS_LETTER) / AXIS_LETTER);
  const shortened = names.map((name) => shorten(name, most));
  return (new Set(shortened).size === names.length ? shortened : names).map(escapeText);
}

/** The arrays that hold values, by kind. */
function valueArrays(kind, arrays) {
  if (kind === "heat") return arrays.z ?? [];
  return [kind === "bar" ? (arrays.x ?? []) : (arrays.y ?? [])];
}

function largest(made) {
  let most = 0;
  for (const { trace, arrays } of made) {
    for (const values of valueArrays(trace.nb?.kind, arrays)) {
      for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
    }
  }
  return most;
}

function inUnit(arrays, kind, divisor) {
  if (divisor === 1) return arrays;
  const divided = (values) => values.map((value) => (value === null ? null : value / divisor));
  if (kind === "heat") return { ...arrays, z: arrays.z.map(divided) };
  return kind === "bar" ? { ...arrays, x: divided(arrays.x) } : { ...arrays, y: divided(arrays.y) };
}

/** Labels with about four digits and the unit; the colours' scale and range in that unit too. */
function labels(kind, style, scale, most, metric, arrays, numerals) {
  if (kind === "band" || kind === "between" || kind === "mark") return { hoverinfo: "skip" };
  const size = most / (scale?.divisor ?? 1);
  const decimals = size > 0 ? Math.min(Math.max(3 - Math.ceil(Math.log10(size)), 0), 6) : 0;
  const number = (axis) => `%{${axis}:${numerals.d3Format(size, decimals)}}${scale ? unitSuffix(scale) : ""}`;
  if (kind === "heat") {
    const [zmin, zmax] = [style.zmin, style.zmax].map((value) => value && value / (scale?.divisor ?? 1));
    const colorbar = { thickness: 12, outlinewidth: 0, ticksuffix: scale ? unitSuffix(scale) : "", ...style.colorbar };
    return { zmin, zmax, colorbar, hovertemplate: `%{y}<br>%{x}<br>${number("z")}<extra></extra>` };
  }
  if (kind === "bar") {
    const text = arrays.x.map((value) => numerals.value(metric.unit, value));
    return { text, textposition: "outside", cliponaxis: false, hovertemplate: "%{y}: %{text}<extra></extra>" };
  }
  return { hovertemplate: number("y") };
}

/** The node at a point of a chart that has a row a node; null at others. */
export function nodeAt(point) {
  const place = point.pointNumber;
  const names = point.data.meta;
  return Array.isArray(names) ? (names[Array.isArray(place) ? place[0] : place] ?? null) : null;
}
