// What a report costs its reader: `node measure.mjs FILE` prints one JSON object. CPU is that of the page's main thread, in ms, from the
// browser's own counters; Wall is ms since navigation; the median of five runs.
//
// static: every chart is in the page and a frame with it has been made, its CPU that of the page without its script; firstPlot: plotly has drawn a chart. zoom and filter are measured
// where most charts are in view at once, from the first press of the mouse until nothing changes any more: charts, tiles and tables.

import { statSync } from "node:fs";

import { drawn, launch, markAt, missingBrowser, open } from "./rig.mjs";

const RUNS = 5;

const file = process.argv[2];
const missing = missingBrowser();
if (missing || !file) {
  console.error(missing ?? "usage: node measure.mjs FILE");
  process.exit(2);
}
const browser = await launch();
const runs = [];
for (let run = 0; run < RUNS; run++) runs.push(await measure());
await browser.close();
const figures = Object.keys(runs[0]).map((name) => [name, median(runs.map((run) => run[name]))]);
console.log(JSON.stringify({ bytes: statSync(file).size, ...Object.fromEntries(figures) }));

async function measure() {
  const still = await open(browser, file, { javaScriptEnabled: false });
  await still.page.screenshot();
  const staticCpu = Math.round((await still.counters()).cpuMillis);
  await still.close();
  const { page, counters, close } = await open(browser, file, { before: markPictures });
  const cpu = async (act) => {
    const before = (await counters()).cpuMillis;
    await act();
    return Math.round((await counters()).cpuMillis - before);
  };
  const figures = {};
  figures.staticWall = Math.round(await markAt(page, "test:pictures"));
  figures.staticCpu = staticCpu;
  figures.firstPlotWall = Math.round(await markAt(page, "nodebook:first-plot"));
  figures.firstPlotCpu = Math.round((await counters()).cpuMillis);
  const { id, charts } = await crowded(page);
  figures.chartsInView = charts;
  const figure = page.locator(`figure[data-chart="${id}"]`);
  await figure.evaluate((element) => element.scrollIntoView({ block: "start" }));
  await drawn(page, id);
  await settled(page);
  const { x, y, width, height } = await figure.locator(".chart-plot .nsewdrag").boundingBox();
  const at = (share) => [x + width * share, y + height / 2];
  await page.mouse.move(...at(0.3));
  await settled(page);
  figures.zoomCpu = await cpu(() => dragged(page, at(0.6)));
  await page.locator('[data-filter="reset"]').click();
  await settled(page);
  figures.filterCpu = await cpu(() => filtered(page));
  figures.heapMegabytes = Math.round((await counters()).heapBytes / 1e5) / 10;
  await close();
  return figures;
}

/** Runs in the page before its own script. */
function markPictures() {
  const look = () => {
    if (document.readyState === "loading") return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => performance.mark("test:pictures")));
  };
  requestAnimationFrame(look);
}

/** The chart that follows the filter's time and with which, at the top of the window, most others are in view. */
async function crowded(page) {
  return page.evaluate(() => {
    const { charts } = JSON.parse(document.getElementById("nodebook-data").textContent);
    const follow = new Set(charts.filter((chart) => !chart.grid).map((chart) => chart.id));
    const figures = [...document.querySelectorAll("figure[data-chart]")].filter((figure) => follow.has(figure.dataset.chart));
    const top = (figure) => figure.getBoundingClientRect().top;
    const beside = (first) => figures.filter((figure) => top(figure) >= top(first) - 1 && top(figure) < top(first) + innerHeight).length;
    const lines = figures.filter((figure) => figure.dataset.chart.startsWith("line-"));
    const best = lines.toSorted((a, b) => beside(b) - beside(a))[0];
    return { id: best.dataset.chart, charts: beside(best) };
  });
}

/** Drags from where the mouse is. */
async function dragged(page, to) {
  await page.mouse.down();
  await page.mouse.move(...to);
  await page.mouse.up();
  await page.waitForFunction(() => location.hash.includes("from="));
  await settled(page);
}

/** Chooses the first node. */
async function filtered(page) {
  await page.evaluate(() => {
    const select = document.querySelector('[data-filter="node"]');
    select.options[0].selected = true;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await page.waitForFunction(() => location.hash.includes("node="));
  await settled(page);
}

/** Until nothing has been drawn for a while. */
async function settled(page) {
  await page.waitForFunction(
    () =>
      new Promise((resolve) => {
        let timer = setTimeout(() => resolve(true), 300);
        const seen = new MutationObserver(() => {
          clearTimeout(timer);
          timer = setTimeout(() => resolve(true), 300);
        });
        seen.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
      }),
  );
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
