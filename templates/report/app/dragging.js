// Choosing a stretch of a chart by dragging over it.

/** Less than this many pixels is a click. */
const LEAST = 6;
/** Two clicks within so many milliseconds are a double click. */
const TWO_CLICKS = 400;

/** `chosen(first, last)` is called with the edges of a stretch, in pixels from the left of `plot`, when a mouse or a pen has been dragged
 *  over it, and `reset()` after two clicks. A finger scrolls the page. */
export function chooseByDragging(plot, chosen, reset) {
  const shade = document.createElement("div");
  shade.className = "chart-selection";
  shade.hidden = true;
  plot.append(shade);
  let start = null;
  let clicked = Number.NEGATIVE_INFINITY;
  const place = (event) => event.clientX - plot.getBoundingClientRect().left;
  const edges = (event) => [start, place(event)].toSorted((a, b) => a - b);
  plot.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType !== "touch") start = place(event);
  });
  // What lies under the pointer is not told while a stretch is chosen.
  plot.addEventListener("mousemove", (event) => start !== null && event.stopPropagation(), true);
  const moved = (event) => {
    if (start === null) return;
    const [first, last] = edges(event);
    shade.hidden = last - first < LEAST;
    shade.style.transform = `translateX(${first}px)`;
    shade.style.width = `${last - first}px`;
  };
  const ended = (event) => {
    if (start === null) return;
    const [first, last] = edges(event);
    start = null;
    shade.hidden = true;
    if (event.type !== "pointerup") return;
    if (last - first >= LEAST) return chosen(first, last);
    // Plotly lays a cover over the page while a button is down, so the browser sees no double click.
    if (event.timeStamp - clicked < TWO_CLICKS) reset();
    clicked = event.timeStamp;
  };
  // The drag may leave the chart.
  window.addEventListener("pointermove", moved);
  window.addEventListener("pointerup", ended);
  window.addEventListener("pointercancel", ended);
}
