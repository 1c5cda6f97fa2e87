// Charts: static pictures until they come into view or are touched; then plotly's, one after the other, so that the page stays
// responsive. What is out of view is drawn again when it is reached.

import { CONFIG, makeFigure, nodeAt, traceName, tracesUnder } from "./figures.js";
import { chooseByDragging } from "./dragging.js";
import { BARE_PLACE, hasTimeAxis, timeAxis } from "./layout.js";
import { library } from "./library.js";
import { sameChoice } from "./filter.js";

/** How far below the window a chart is drawn ahead. */
const AHEAD = "200px";
/** Milliseconds after which a turn begins no other chart: what the reader does is answered between turns. */
const TURN = 30;
/** Labels beside the lines' ends need this many pixels. */
const LABEL_ROOM = 60;
/** Numbers beside the rows of a heatmap need this many. */
const NOTE_ROOM = 40;
/** An event is told within so many of its edges. */
const EVENT_REACH = 6;

export class Charts {
  /** `zoomed(from, to)` is called with instants, or nulls for the whole period, when the reader drags over a time axis; `picked(node)`
   *  when a node's row or bar is clicked; `failed(reason)` once when charts cannot be drawn: then the pictures stay. */
  constructor(dataset, palette, { zoomed, picked, failed }) {
    this.dataset = dataset;
    this.palette = palette;
    this.zoomed = zoomed;
    this.picked = picked;
    this.failed = failed;
    this.filter = null;
    this.running = false;
    const specs = new Map(dataset.charts.map((spec) => [spec.id, spec]));
    this.config = { ...CONFIG, ...dataset.numerals.locale };
    this.figures = [...document.querySelectorAll("figure[data-chart]")];
    this.charts = this.figures
      .filter((element) => specs.has(element.dataset.chart))
      .map((element) => new Chart(element, specs.get(element.dataset.chart)));
  }

  /** Watches which charts are in view. */
  start(filter) {
    this.filter = filter;
    const byElement = new Map(this.charts.map((chart) => [chart.element, chart]));
    const watch = (told, options) =>
      new IntersectionObserver((entries) => {
        for (const entry of entries) told(byElement.get(entry.target), entry.isIntersecting);
        this.draw();
      }, options);
    const seen = watch((chart, isSeen) => (chart.inView = isSeen));
    const near = watch((chart, isNear) => (chart.isNear = isNear), { rootMargin: AHEAD });
    const resized = new ResizeObserver((entries) => {
      for (const { target } of entries) byElement.get(target.closest("figure")).resized();
      this.draw();
    });
    // One chart is drawn in any case, once the page stands: then plotly.js is there when the reader comes to the others.
    if (this.charts.length > 0) {
      this.charts[0].wanted = true;
      requestAnimationFrame(() => setTimeout(() => this.draw()));
    }
    for (const chart of this.charts) {
      seen.observe(chart.element);
      near.observe(chart.element);
      resized.observe(chart.canvas);
      for (const touch of ["pointerenter", "focusin"]) {
        chart.element.addEventListener(touch, () => {
          chart.wanted = true;
          this.draw();
        });
      }
    }
  }

  /** Shows another filter: what is in view at once. */
  show(filter) {
    const onlyTime = this.filter !== null && sameChoice(this.filter, filter);
    this.filter = filter;
    const isChosen = (chosen, name) => chosen === null || name === undefined || chosen.includes(name);
    for (const figure of this.figures) {
      const { metric, node } = figure.dataset;
      figure.hidden = !(isChosen(filter.metrics, metric) && isChosen(filter.nodes, node));
    }
    for (const chart of this.charts) {
      // What has lines of its own shows them whatever is chosen.
      if (!chart.spec.grid) chart.outdate(onlyTime && hasTimeAxis(chart.spec) ? "time" : "all");
    }
    this.draw();
  }

  /** Draws all again in the colours that the page now has. */
  recolour() {
    this.palette.forget();
    for (const chart of this.charts) chart.outdate("all");
    this.draw();
  }

  /** Draws what is in view and not up to date. The browser lays out and paints the page after every turn, so that a turn draws as many charts
   *  as it has time for; where no more than the time that they show changes, all of them. */
  async draw() {
    if (this.running) return;
    this.running = true;
    try {
      for (let due; (due = this.charts.filter((chart) => chart.isDue())).length > 0; ) {
        const [plotly] = await Promise.all([library(), this.dataset.load()]);
        const end = performance.now() + TURN;
        for (const chart of due) {
          const isQuick = chart.isQuick();
          await chart.draw(plotly, this);
          if (!isQuick && performance.now() > end) break;
        }
        await nextTurn();
      }
      if (this.charts.some((chart) => chart.plot)) markOnce("nodebook:ready");
      this.running = false;
    } catch (error) {
      // Still running, as far as others see: what failed once is not tried again.
      this.failed(error.message);
    }
  }

  /** A line through all charts in view at the time under the pointer. */
  point(source, event) {
    const time = event?.points[0]?.x;
    for (const chart of this.charts) {
      if (chart !== source && chart.inView && chart.plot && hasTimeAxis(chart.spec)) chart.point(time);
    }
  }
}

class Chart {
  constructor(element, spec) {
    this.element = element;
    this.spec = spec;
    this.canvas = element.querySelector(".chart-canvas");
    this.plot = null;
    this.made = null;
    /** Whether the reader sees it, and whether a little scrolling would show it. */
    this.inView = false;
    this.isNear = false;
    this.wanted = false;
    /** Not known before the browser has laid out the page. */
    this.width = 0;
    this.placed = null;
    this.outdated = "all";
  }

  outdate(what) {
    if (this.outdated !== "all") this.outdated = what;
  }

  /** A chart that is drawn follows the width of the page. */
  resized() {
    this.width = this.canvas.clientWidth;
    this.placed = null;
    if (this.plot && this.width !== this.made.layout.width) this.outdate("all");
  }

  /** A chart that is drawn already is drawn again when it is seen. */
  isDue() {
    const isReached = this.inView || this.wanted || (this.isNear && !this.plot);
    return this.outdated !== null && isReached && this.width > 0;
  }

  /** Whether only the time that it shows is not up to date. */
  isQuick() {
    return this.plot !== null && this.outdated === "time";
  }

  async draw(plotly, charts) {
    const { dataset, filter, palette } = charts;
    const outdated = this.outdated;
    this.outdated = null;
    this.wanted = false;
    if (this.plot && outdated === "time") {
      const { range, tickformatstops } = timeAxis(dataset, filter);
      // Plotly is quick where nothing but a range changes.
      const same = JSON.stringify(tickformatstops) === JSON.stringify(this.plot.layout.xaxis.tickformatstops);
      await plotly.relayout(this.plot, { "xaxis.range": range, ...(same ? {} : { "xaxis.tickformatstops": tickformatstops }) });
      this.crosshair.hidden = true;
    } else {
      this.placed ??= this.place();
      this.made = makeFigure(this.spec, dataset, filter, palette, this.placed);
      const { data, layout } = this.made;
      this.showKey(dataset, filter);
      if (this.plot) {
        await plotly.react(this.plot, data, layout, charts.config);
        if (this.crosshair) this.crosshair.hidden = true;
      } else {
        await this.coverPicture(plotly, data, layout, charts);
        markOnce("nodebook:first-plot");
      }
    }
    this.showLabels(this.made.beside(filter), this.made.layout);
  }

  /** Names at the lines' ends, or numbers at the rows, as elements of the page: texts, whatever the names are. */
  showLabels(labels, { margin, width }) {
    this.labels ??= this.canvas.appendChild(Object.assign(document.createElement("div"), { className: "chart-labels" }));
    this.labels.style.left = `${width - margin.r + 8}px`;
    this.labels.style.top = `${margin.t}px`;
    const shown = JSON.stringify(labels);
    if (shown === this.labelled) return;
    this.labelled = shown;
    const elements = labels.map(({ text, color, top }) => {
      const label = document.createElement("span");
      label.textContent = text;
      label.style.top = `${top}px`;
      if (color) label.style.color = color;
      return label;
    });
    this.labels.replaceChildren(...elements);
  }

  /** The axes of the chart stand where the picture's do, so that nothing moves when it is drawn. */
  place() {
    const picture = this.canvas.querySelector(".pic");
    const size = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    if (!picture) return { ...BARE_PLACE, ...size };
    const outer = this.canvas.getBoundingClientRect();
    const inner = picture.getBoundingClientRect();
    const margin = {
      l: inner.left - outer.left,
      r: outer.right - inner.right,
      t: inner.top - outer.top,
      b: outer.bottom - inner.bottom,
    };
    const labels = this.element.classList.contains("labelled") && margin.r > LABEL_ROOM;
    const notes = margin.r > NOTE_ROOM;
    return { ...size, margin, labels, notes, key: this.element.querySelector(".key") !== null };
  }

  /** The key below the chart says what is drawn; a line that only a filter has brought is named beside its end. */
  showKey(dataset, filter) {
    const shown = tracesUnder(this.spec.figure.data, dataset, filter);
    for (const item of this.element.querySelectorAll(".key > li")) {
      item.dataset.name ??= item.textContent;
      const trace = this.spec.figure.data.find((trace) => trace.name === item.dataset.name);
      if (!trace) continue;
      item.hidden = !shown.includes(trace);
      const name = traceName(trace, filter);
      if (item.lastChild.textContent !== name) item.lastChild.textContent = name;
    }
  }

  /** Puts plotly's chart over the picture, which stays for print. */
  async coverPicture(plotly, data, layout, charts) {
    const plot = document.createElement("div");
    plot.className = "chart-plot";
    this.canvas.append(plot);
    await plotly.newPlot(plot, data, layout, charts.config);
    this.plot = plot;
    this.element.dataset.drawn = "plotly";
    plot.on("plotly_click", (event) => {
      const node = nodeAt(event.points[0]);
      if (node !== null) charts.picked(node);
    });
    if (!hasTimeAxis(this.spec)) return;
    this.crosshair = document.createElement("div");
    this.crosshair.className = "chart-crosshair";
    this.crosshair.hidden = true;
    this.canvas.append(this.crosshair);
    const instant = (x) => {
      const axis = plot._fullLayout.xaxis;
      return charts.dataset.instantOf(axis.p2c(x - axis._offset));
    };
    chooseByDragging(
      plot,
      (first, last) => charts.zoomed(instant(first), instant(last)),
      () => charts.zoomed(null, null),
    );
    plot.on("plotly_hover", (event) => charts.point(this, event));
    plot.on("plotly_unhover", () => charts.point(this, null));
    const events = eventsOf(this.spec);
    if (events.length === 0) return;
    this.told = document.createElement("div");
    this.told.className = "chart-event";
    this.told.hidden = true;
    this.canvas.append(this.told);
    plot.addEventListener("mousemove", ({ clientX }) => this.tell(events, clientX - plot.getBoundingClientRect().left));
    plot.addEventListener("mouseleave", () => this.tell(events, NaN));
  }

  /** What the events at that place are, at the foot of the chart: the label at the pointer tells of lines alone. */
  tell(events, x) {
    const { xaxis, _size: size } = this.plot._fullLayout;
    const at = x - xaxis._offset;
    const near = events.filter(({ from, to }) => at >= xaxis.d2p(from) - EVENT_REACH && at <= xaxis.d2p(to) + EVENT_REACH);
    const text = near.map((event) => event.text).join(" · ");
    this.told.hidden = text === "";
    if (this.told.hidden || text === this.told.textContent) return;
    this.told.textContent = text;
    const start = Math.max(xaxis.d2p(near[0].from), 0);
    const isLate = start > xaxis._length / 2;
    this.told.style.left = isLate ? "auto" : `${xaxis._offset + start}px`;
    this.told.style.right = isLate ? `${size.r}px` : "auto";
    this.told.style.bottom = `${size.b + 4}px`;
    this.told.style.maxWidth = `${isLate ? xaxis._length : xaxis._length - start}px`;
  }

  point(time) {
    const axis = this.plot._fullLayout?.xaxis;
    const at = time === undefined || !axis ? NaN : axis.d2p(time);
    this.crosshair.hidden = !(at >= 0 && at <= axis?._length);
    if (!this.crosshair.hidden) this.crosshair.style.transform = `translateX(${axis._offset + at}px)`;
  }
}

/** The events of a chart: its shapes that have a name. */
function eventsOf({ figure }) {
  const named = (figure.layout?.shapes ?? []).filter((shape) => shape.name !== undefined);
  return named.map((shape) => ({ text: shape.name, from: shape.x0, to: shape.x1 }));
}

function nextTurn() {
  return new Promise((resolve) => setTimeout(resolve));
}

function markOnce(name) {
  if (performance.getEntriesByName(name).length === 0) performance.mark(name);
}
