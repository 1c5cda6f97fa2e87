// Tiles: the figures at the top, for what the filter shows.

import { chosenRows, isNeutral } from "./filter.js";
import { changeClass, isClearChange } from "./format.js";
import { statistic } from "./statistics.js";

/** Something in the page that a filter replaces and that comes back without one. */
class Replaced {
  constructor(element, attributes) {
    this.element = element;
    this.content = [...element.childNodes];
    this.attributes = attributes.map((name) => [name, element.getAttribute(name)]);
    this.isReplaced = false;
  }

  replace(...content) {
    this.element.replaceChildren(...content);
    this.isReplaced = true;
  }

  restore() {
    if (!this.isReplaced) return;
    this.isReplaced = false;
    this.element.replaceChildren(...this.content);
    for (const [name, value] of this.attributes) setAttribute(this.element, name, value);
  }
}

function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** A number as an attribute: empty where it is unknown. */
const exact = (number) => (Number.isFinite(number) ? String(number) : "");

/** What a tile says of the nodes that are shown: `avg` is the mean of their means, `sum` the sum of their means, `last` the sum of their
 *  latest values; others are taken of all values. */
export function tileValue(metric, agg, filter, dataset) {
  const which = agg === "min" || agg === "max" ? agg : "avg";
  const rows = chosenRows(dataset.nodeRows(metric), filter, dataset);
  return summed(rows.map((row) => dataset.values(row, which)), agg, filter, dataset);
}

/** The same of the other period; NaN where the page does not have it. */
export function tileValueBefore(metric, agg, filter, dataset) {
  const rows = chosenRows(dataset.nodeRows(metric), filter, dataset);
  return summed(rows.map((row) => dataset.valuesBefore(row)).filter(Boolean), agg, filter, dataset);
}

function summed(lines, agg, filter, dataset) {
  const [first, end] = dataset.bucketsOf(filter.from, filter.to);
  if (agg !== "avg" && agg !== "sum" && agg !== "last") return statistic(lines, agg, first, end);
  const ofNodes = lines
    .map((line) => statistic([line], agg === "last" ? "last" : "avg", first, end))
    .filter((value) => !Number.isNaN(value));
  if (ofNodes.length === 0) return NaN;
  const total = ofNodes.reduce((total, value) => total + value);
  return agg === "avg" ? total / ofNodes.length : total;
}

export class Tiles {
  constructor(dataset) {
    this.dataset = dataset;
    this.tiles = [...document.querySelectorAll("[data-tile]")]
      .filter((element) => dataset.metricByName.has(element.dataset.tile) && element.querySelector('[data-role="value"]'))
      .map((element) => ({
        element,
        metric: dataset.metricByName.get(element.dataset.tile),
        value: new Replaced(element.querySelector('[data-role="value"]'), []),
        whole: element.dataset.value,
        delta: delta(element.querySelector('[data-role="delta"]')),
        wholeDelta: element.dataset.delta ?? null,
      }));
  }

  show(filter) {
    const whole = isNeutral({ ...filter, metrics: null });
    for (const tile of this.tiles) {
      const { element, metric, value, delta } = tile;
      element.hidden = filter.metrics !== null && !filter.metrics.includes(metric.name);
      if (whole) {
        value.restore();
        delta?.restore();
        element.dataset.value = tile.whole;
        setAttribute(element, "data-delta", tile.wholeDelta);
      } else {
        this.recompute(tile, filter);
      }
    }
  }

  recompute({ element, metric, value, delta }, filter) {
    const { agg } = element.dataset;
    const number = tileValue(metric, agg, filter, this.dataset);
    value.replace(this.dataset.numerals.value(metric.unit, number));
    element.dataset.value = exact(number);
    if (!delta) return;
    const before = tileValueBefore(metric, agg, filter, this.dataset);
    const known = Number.isFinite(number - before);
    delta.replace(known ? this.dataset.numerals.change(metric.unit, before, number) : "");
    delta.element.className = `delta ${known ? changeClass(metric.worse, before, number) : ""}`;
    setAttribute(element, "data-delta", known ? exact(number - before) : null);
  }
}

const delta = (element) => element && new Replaced(element, ["class"]);

/** The cells of the node table: `td[data-metric][data-agg]` in `tr[data-node]`. */
export class NodeRows {
  constructor(dataset) {
    this.dataset = dataset;
    this.byNode = new Map();
    this.rows = [...document.querySelectorAll("tr[data-node]")].map((element) => ({
      element,
      node: dataset.nodeByName.get(element.dataset.node),
      name: element.dataset.node,
      cells: [...element.querySelectorAll("td[data-metric][data-agg]")]
        .filter((cell) => dataset.metricByName.has(cell.dataset.metric) && cell.dataset.part === undefined)
        .map((cell) => new Replaced(cell, ["data-value", "data-delta"])),
    }));
  }

  show(filter) {
    const [first, end] = this.dataset.bucketsOf(filter.from, filter.to);
    const wholePeriod = filter.from === null && filter.to === null;
    for (const { element, node, name, cells } of this.rows) {
      element.hidden = filter.nodes !== null && !filter.nodes.includes(name);
      for (const cell of cells) {
        if (wholePeriod) cell.restore();
        else if (!element.hidden) this.recompute(cell, node, first, end);
      }
    }
  }

  recompute(cell, node, first, end) {
    const { dataset } = this;
    const metric = dataset.metricByName.get(cell.element.dataset.metric);
    const agg = cell.element.dataset.agg;
    const row = this.rowOf(metric, node);
    const lines = row ? [dataset.values(row, agg === "min" || agg === "max" ? agg : "avg")] : [];
    const number = statistic(lines, agg, first, end);
    const linesBefore = row ? [dataset.valuesBefore(row)].filter(Boolean) : [];
    const before = statistic(linesBefore, agg, first, end);
    cell.replace(dataset.numerals.value(metric.unit, number), ...noteOf(metric, before, number, dataset.numerals));
    cell.element.dataset.value = exact(number);
    setAttribute(cell.element, "data-delta", Number.isFinite(number - before) ? exact(number - before) : null);
  }

  /** The row of a node's whole line, looked up once a metric. */
  rowOf(metric, node) {
    if (!this.byNode.has(metric)) {
      this.byNode.set(metric, new Map(this.dataset.nodeRows(metric).map((row) => [row.node, row])));
    }
    return this.byNode.get(metric).get(node);
  }
}

/** A clear change, below its number. */
function noteOf(metric, before, number, numerals) {
  if (!isClearChange(before, number)) return [];
  const note = document.createElement("small");
  note.className = `delta ${changeClass(metric.worse, before, number)}`;
  note.textContent = numerals.change(metric.unit, before, number);
  return [note];
}
