// Layouts of plotly figures: the style of the page around what the page gives (`figure.layout`), in units that people read.

import { unitSuffix } from "./format.js";
import { statistic } from "./statistics.js";
import { escapeText, shorten } from "./text.js";

/** More lines than this are told apart by pointing at one, not in one common label and a legend. */
const NAMED_LINES_MAX = 8;
/** Labels beside the lines' ends are this far apart, in pixels. */
const LABEL_DISTANCE = 15;
/** About the width of a letter in them, and the letters that are shown in any case. */
const LETTER = 6.2;
const LABEL_MIN = 18;
/** What lies behind the lines is not counted with them. */
const BEHIND = "before";
/** Pixels of a chart on a phone: the last time does not fit beside its axes, and would be cut. Looking for such labels costs a twentieth of a zoom. */
const NARROW = 480;
/** A time that is written to the second, and the space beside it. */
const TIME_LABEL = 76;
const SECOND = 1_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
const FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif';

/** Where a chart is drawn, if nothing is known of the picture that it covers: `margin` around its axes, `width` and
 *  `height` (by itself where undefined), whether there is room for
 *  `labels` beside the lines' ends and `notes` beside rows, and whether the page has a `key` to it. */
export const BARE_PLACE = Object.freeze({ bare: true, margin: { l: 64, r: 16, t: 8, b: 32 }, height: 300, labels: false, notes: false, key: false });

/** The layout of a chart whose traces are `data`. */
export function makeLayout(chart, dataset, filter, palette, { metric, scale, place, data }) {
  const given = palette.resolved(structuredClone(chart.figure.layout ?? {}));
  const kinds = new Set(chart.figure.data.map((trace) => trace.nb?.kind));
  const [ink, muted, grid, card, ground] = ["ink", "muted", "grid", "card", "page"].map((token) => palette.colour(`var(--${token})`));
  const lines = data.filter((trace) => trace.hoverinfo !== "skip" && trace.legendgroup !== BEHIND).length;
  const timed = hasTimeAxis(chart);
  const named = kinds.has("heat") || kinds.has("bar");
  const divisor = scale?.divisor ?? 1;
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, tickfont: { color: muted }, fixedrange: true };
  const pointer = { spikecolor: muted, spikethickness: 1, spikedash: "solid" };
  const suffix = scale ? unitSuffix(scale) : "";
  // Beside a picture there is room for a number and a sign; its subtitle names longer units.
  const unit = { ticksuffix: place.bare || suffix.length <= 2 ? suffix : "" };
  const bars = place.bare ? unit : { showticklabels: false, showgrid: false };
  return {
    paper_bgcolor: ground,
    // Behind a heatmap: what is empty.
    plot_bgcolor: kinds.has("heat") ? grid : ground,
    hovermode: !timed || named || lines > NAMED_LINES_MAX ? "closest" : "x unified",
    // The page itself sees to dragging: plotly would draw the chart twice.
    dragmode: false,
    ...given,
    showlegend: (!place.key || filter.nodes !== null) && !place.labels && lines > 1 && lines <= NAMED_LINES_MAX,
    margin: place.margin,
    height: place.height,
    width: place.width,
    separators: dataset.numerals.separators,
    uirevision: "kept",
    font: { family: FONT, size: 12, color: ink, ...given.font },
    hoverlabel: { bgcolor: card, bordercolor: grid, font: { color: ink }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)", ...given.legend },
    shapes: [...(timed ? shadeShapes(dataset, palette) : []), ...(given.shapes ?? []).map((shape) => shapeInUnit(shape, divisor))],
    // Times stay level: plotly would lay out the page to see whether they have to be turned.
    xaxis: timed
      ? { ...axis, ...given.xaxis, type: "date", tickangle: 0, showgrid: false, ticklabeloverflow: place.width < NARROW ? "hide past div" : "allow", ...pointer, ...ticksAtMost(place), ...timeAxis(dataset, filter, chart.grid) }
      : { ...axis, ...given.xaxis, ...bars },
    yaxis: named
      ? { ...axis, ...given.yaxis, type: "category", showgrid: false, automargin: place.bare === true }
      : valueAxis({ ...axis, ticklabeloverflow: "allow", ...unit, ...given.yaxis }, divisor, metric, filter, data),
  };
}

/** Where there is little room fewer times than plotly has at least. */
function ticksAtMost({ width, margin }) {
  const most = Math.floor((width - margin.l - margin.r) / TIME_LABEL);
  return most < 5 ? { nticks: Math.max(most, 2) } : {};
}

/** The axis of values: as given for all nodes; a few of them get one of their own, unless there is a natural one. */
function valueAxis(axis, divisor, metric, filter, data) {
  const own = filter.nodes !== null && (metric?.capacity ?? null) === null;
  if (!own && axis.range) {
    const inUnit = (values) => values?.map((value) => value / divisor);
    return { ...axis, range: inUnit(axis.range), tickvals: inUnit(axis.tickvals), ticktext: axis.ticktext?.map(escapeText) };
  }
  let [low, high] = [0, 0];
  for (const { y } of data) {
    for (const value of y ?? []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const room = (high - low || 1) * 0.05;
  const { tickvals, ticktext, tickmode, ...free } = axis;
  return { ...free, range: [low < 0 ? low - room : 0, high + room] };
}

/** The names of the lines beside their ends, moved apart where they would touch. */
export function endLabels(data, { yaxis, margin, height }, [, end]) {
  const inside = height - margin.t - margin.b;
  const [low, high] = yaxis.range;
  const labels = data
    .filter((trace) => typeof trace.meta === "string")
    .map((trace) => ({ trace, last: lastBefore(trace, end) }))
    .filter(({ last }) => last !== null)
    .map(({ trace, last }) => ({ trace, at: ((high - last) / (high - low)) * inside }))
    .sort((a, b) => a.at - b.at);
  for (let i = 1; i < labels.length; i++) labels[i].at = Math.max(labels[i].at, labels[i - 1].at + LABEL_DISTANCE);
  for (let i = labels.length - 1, below = inside; i >= 0; i--, below = labels[i + 1].at - LABEL_DISTANCE) {
    labels[i].at = Math.min(labels[i].at, below);
  }
  return labels.map(({ trace, at }) => ({
    text: shorten(trace.meta, Math.max(Math.floor((margin.r - 8) / LETTER), LABEL_MIN)),
    color: trace.line.color,
    top: at,
  }));
}

/** What stands right of a heatmap's rows: the mean of the node in the time that is shown. */
export function rowNotes({ z }, { margin, height }, format, dataset, filter) {
  const [first, end] = dataset.bucketsOf(filter.from, filter.to);
  const each = (height - margin.t - margin.b) / z.length;
  return z.map((values, row) => ({
    text: format(statistic([values], "avg", first, end)),
    // The first row lies at the bottom.
    top: (z.length - row - 0.5) * each,
  }));
}

function lastBefore({ x, y }, end) {
  for (let i = y.length - 1; i >= 0; i--) {
    if (x[i] <= end && y[i] !== null && !Number.isNaN(y[i])) return y[i];
  }
  return null;
}

/** What is shaded in every chart, over its whole height and below its lines. */
function shadeShapes(dataset, palette) {
  const fillcolor = palette.colour("var(--event)");
  const local = (ms) => ms + dataset.offsetAt(ms);
  return dataset.shades.flatMap(({ ranges }) =>
    ranges.map(([from, to]) => ({
      type: "rect",
      layer: "below",
      yref: "paper",
      x0: local(from),
      x1: local(to - 1),
      y0: 0,
      y1: 1,
      fillcolor,
      line: { width: 0 },
    })),
  );
}

/** A threshold line stands at a value. */
function shapeInUnit(shape, divisor) {
  if (shape.yref !== undefined && shape.yref !== "y") return shape;
  return { ...shape, y0: shape.y0 / divisor, y1: shape.y1 / divisor };
}

/** Whether a chart's x axis is time, and so follows the others. */
export function hasTimeAxis(chart) {
  const kinds = chart.figure.data.map((trace) => trace.nb?.kind);
  return kinds.some((kind) => kind && kind !== "bar");
}

/** The time axis that a filter shows, or that of a chart's own grid, as clocks of the report's zone show it. */
export function timeRange(dataset, filter, grid) {
  // A report of one sample shows the bucket that it lies in.
  const whole = grid ?? (dataset.to - dataset.from < dataset.grid.step ? dataset.grid : null);
  const from = whole ? whole.start : (filter.from ?? dataset.from);
  const to = whole ? whole.start + whole.len * whole.step : (filter.to ?? dataset.to);
  return [from + dataset.offsetAt(from), to + dataset.offsetAt(to - 1)];
}

/** The time axis under a filter, with labels of one line: the picture below has room for no more. */
export function timeAxis(dataset, filter, grid) {
  const range = timeRange(dataset, filter, grid);
  const { day_month, weekday_date, month } = dataset.numerals.language;
  const seconds = (grid ?? dataset.grid).step < MINUTE ? ":%S" : "";
  return {
    range,
    hoverformat: `${weekday_date} %H:%M${seconds}`,
    tickformatstops: [
      { dtickrange: [null, SECOND - 1], value: "%H:%M:%S.%L" },
      { dtickrange: [SECOND, MINUTE - 1], value: "%H:%M:%S" },
      { dtickrange: [MINUTE, DAY - 1], value: range[1] - range[0] <= DAY ? "%H:%M" : `${day_month} %H:%M` },
      { dtickrange: [DAY, "M1"], value: weekday_date },
      { dtickrange: ["M1", null], value: month },
    ],
  };
}
