// Tiles: the figures at the top, for what the filter shows.

import { chosenRows, isNeutral } from "./filter.js";
import { formatValue } from "./format.js";
import { statistic } from "./statistics.js";

/** A text in the page that a filter replaces and that comes back without one. */
class Replaced {
  constructor(element, attributes) {
    this.element = element;
    this.text = element.textContent;
    this.attributes = attributes.map((name) => [name, element.getAttribute(name)]);
  }

  restore() {
    if (this.element.textContent !== this.text) this.element.textContent = this.text;
    for (const [name, value] of this.attributes) {
      if (value === null) this.element.removeAttribute(name);
      else this.element.setAttribute(name, value);
    }
  }
}

/** What a tile says of the nodes that are shown: `avg` is the mean of their means, `sum` the sum of their means, `last` the sum of their
 *  latest values; others are taken of all values. */
export function tileValue(metric, agg, filter, dataset) {
  const [first, end] = dataset.bucketsOf(filter.from, filter.to);
  const which = agg === "min" || agg === "max" ? agg : "avg";
  const lines = chosenRows(dataset.nodeRows(metric), filter, dataset).map((row) => dataset.values(row, which));
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
        delta: element.querySelector('[data-role="delta"]'),
      }));
  }

  show(filter) {
    const whole = isNeutral({ ...filter, metrics: null });
    for (const { element, metric, value, whole: wholeValue, delta } of this.tiles) {
      element.hidden = filter.metrics !== null && !filter.metrics.includes(metric.name);
      // The period before is not in the page: a difference to it would be to something else.
      if (delta) delta.hidden = !whole;
      if (whole) {
        value.restore();
        element.dataset.value = wholeValue;
      } else {
        const number = tileValue(metric, element.dataset.agg, filter, this.dataset);
        value.element.textContent = formatValue(metric.unit, number);
        element.dataset.value = Number.isFinite(number) ? String(number) : "";
      }
    }
  }
}

/** The cells of the node table: `td[data-metric][data-agg]` in `tr[data-node]`. */
export class NodeRows {
  constructor(dataset) {
    this.dataset = dataset;
    this.rows = [...document.querySelectorAll("tr[data-node]")].map((element) => ({
      element,
      node: dataset.nodeByName.get(element.dataset.node),
      name: element.dataset.node,
      cells: [...element.querySelectorAll("td[data-metric][data-agg]")]
        .filter((cell) => dataset.metricByName.has(cell.dataset.metric) && cell.dataset.part === undefined)
        .map((cell) => new Replaced(cell, ["data-value"])),
    }));
  }

  show(filter) {
    const [first, end] = this.dataset.bucketsOf(filter.from, filter.to);
    const wholePeriod = filter.from === null && filter.to === null;
    for (const { element, node, name, cells } of this.rows) {
      element.hidden = filter.nodes !== null && !filter.nodes.includes(name);
      for (const cell of cells) {
        if (wholePeriod) cell.restore();
        else if (!element.hidden) this.recompute(cell.element, node, first, end);
      }
    }
  }

  recompute(cell, node, first, end) {
    const metric = this.dataset.metricByName.get(cell.dataset.metric);
    const agg = cell.dataset.agg;
    const row = metric.rows.find((row) => row.node === node && row.part === "");
    const lines = row ? [this.dataset.values(row, agg === "min" || agg === "max" ? agg : "avg")] : [];
    const number = statistic(lines, agg, first, end);
    cell.textContent = formatValue(metric.unit, number);
    cell.dataset.value = Number.isFinite(number) ? String(number) : "";
  }
}
