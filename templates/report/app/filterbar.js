// The filter bar: made by the script, since without it there is nothing to filter.

import { limited, NEUTRAL } from "./filter.js";

const HOUR = 3_600_000;
const PRESETS = [
  ["1 h", HOUR],
  ["6 h", 6 * HOUR],
  ["24 h", 24 * HOUR],
  ["7 days", 168 * HOUR],
];

export class FilterBar {
  /** `chosen(filter)` is called when the reader changes it, `downloadWanted()` for the CSV. */
  constructor(root, dataset, chosen, downloadWanted) {
    this.dataset = dataset;
    this.chosen = chosen;
    this.filter = NEUTRAL;
    this.nodes = new Picker("Nodes", "node", dataset.nodes.map((name) => [name, name]), () => this.read());
    this.metrics = new Picker(
      "Metrics",
      "metric",
      dataset.metrics.map((metric) => [metric.name, metric.title]),
      () => this.read(),
    );
    this.from = this.timeInput("from", "From");
    this.to = this.timeInput("to", "To");
    this.reset = button("Reset", () => chosen(NEUTRAL));
    this.reset.dataset.filter = "reset";
    const csv = button("Download CSV", downloadWanted);
    csv.dataset.download = "csv";
    const presets = document.createElement("div");
    presets.className = "filter-presets";
    const buttons = this.presetButtons();
    if (buttons.length > 0) presets.append("Last", ...buttons);
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Filter");
    root.append(this.nodes.element, this.metrics.element, presets, this.from.label, this.to.label, this.reset, csv);
  }

  presetButtons() {
    const { from, to } = this.dataset;
    return PRESETS.filter(([, length]) => length < to - from).map(([text, length]) => {
      const preset = button(text, () => this.choose({ ...this.filter, from: to - length, to: null }));
      preset.dataset.preset = String(length);
      preset.setAttribute("aria-label", `Last ${text}`);
      return preset;
    });
  }

  timeInput(name, text) {
    const label = document.createElement("label");
    label.textContent = text;
    const input = document.createElement("input");
    input.type = "datetime-local";
    input.step = this.dataset.grid.step < 60_000 ? "1" : "60";
    input.dataset.filter = name;
    input.addEventListener("change", () => this.read());
    label.append(input);
    return { label, input };
  }

  /** Takes what the controls say. */
  read() {
    const instant = ({ input }, whole) => {
      const local = Date.parse(`${input.value}Z`);
      if (!Number.isFinite(local)) return null;
      const ms = this.dataset.instantOf(local);
      return ms === whole ? null : ms;
    };
    this.choose({
      nodes: this.nodes.chosen(),
      metrics: this.metrics.chosen(),
      from: instant(this.from, this.dataset.from),
      to: instant(this.to, this.dataset.to),
    });
  }

  choose(filter) {
    this.chosen(limited(filter, this.dataset));
  }

  /** Shows a filter in the controls. */
  show(filter) {
    this.filter = filter;
    this.nodes.show(filter.nodes);
    this.metrics.show(filter.metrics);
    this.from.input.value = this.local(filter.from ?? this.dataset.from);
    this.to.input.value = this.local(filter.to ?? this.dataset.to);
  }

  local(ms) {
    const text = new Date(ms + this.dataset.offsetAt(ms)).toISOString();
    return text.slice(0, this.dataset.grid.step < 60_000 ? 19 : 16);
  }
}

/** A list to pick from, folded away, with a search where it is long. */
class Picker {
  constructor(title, name, options, changed) {
    this.title = title;
    this.element = document.createElement("details");
    this.element.className = "filter-picker";
    this.summary = document.createElement("summary");
    this.select = document.createElement("select");
    this.select.multiple = true;
    this.select.size = Math.min(Math.max(options.length, 2), 10);
    this.select.dataset.filter = name;
    this.select.setAttribute("aria-label", title);
    this.options = options.map(([value, text]) => {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = text;
      return option;
    });
    this.select.append(...this.options);
    this.select.addEventListener("change", changed);
    this.select.addEventListener("mousedown", (event) => this.toggle(event, changed));
    this.element.append(this.summary, ...(options.length > 10 ? [this.search()] : []), this.select);
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!this.element.contains(event.target)) this.element.open = false;
    });
    this.show(null);
  }

  close() {
    this.element.open = false;
    this.summary.focus();
  }

  /** A click adds or removes one, without the control key. */
  toggle(event, changed) {
    if (!(event.target instanceof HTMLOptionElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.target.selected = !event.target.selected;
    this.select.focus({ preventScroll: true });
    changed();
  }

  search() {
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = `Find among ${this.options.length}`;
    input.setAttribute("aria-label", `Find in ${this.title.toLowerCase()}`);
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const option of this.options) option.hidden = !option.textContent.toLowerCase().includes(wanted);
    });
    return input;
  }

  /** The chosen values; null for all. */
  chosen() {
    const values = this.options.filter((option) => option.selected).map((option) => option.value);
    return values.length === 0 || values.length === this.options.length ? null : values;
  }

  show(values) {
    const wanted = JSON.stringify(values);
    if (wanted === this.shown) return;
    this.shown = wanted;
    const chosen = new Set(values);
    for (const option of this.options) option.selected = chosen.has(option.value);
    const what = values === null ? "all" : values.length === 1 ? this.options.find((o) => o.selected)?.textContent : values.length;
    this.summary.textContent = `${this.title}: ${what}`;
  }
}

function button(text, clicked) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.addEventListener("click", clicked);
  return element;
}
