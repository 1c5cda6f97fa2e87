// What a report costs its reader: `node measure.mjs FILE` prints one JSON object. CPU is that of the page's main thread, in ms, from the
// browser's own counters; the median of three runs.

import { statSync } from "node:fs";

import { chartIds, drawn, launch, markAt, missingBrowser, open } from "./rig.mjs";

const RUNS = 3;

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
  const { page, counters, close } = await open(browser, file);
  const cpu = async (act) => {
    const before = (await counters()).cpuMillis;
    await act();
    return Math.round((await counters()).cpuMillis - before);
  };
  const figures = {};
  await markAt(page, "nodebook:first-plot");
  figures.firstPlotWall = Math.round(await markAt(page, "nodebook:first-plot"));
  figures.firstPlotCpu = Math.round((await counters()).cpuMillis);
  const [first] = await chartIds(page);
  const figure = await drawn(page, first);
  await settled(page);
  figures.zoomCpu = await cpu(() => dragged(page, figure));
  await page.locator('[data-filter="reset"]').click();
  await settled(page);
  figures.filterCpu = await cpu(() => filtered(page));
  figures.heapMegabytes = Math.round((await counters()).heapBytes / 1e5) / 10;
  await close();
  return figures;
}

/** Drags over the middle of a chart. */
async function dragged(page, figure) {
  const box = await figure.locator(".chart-plot .nsewdrag").boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, y);
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
