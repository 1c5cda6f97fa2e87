// Opens report files in Debian's Chromium and records everything that a report must not do.

import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why the browser tests cannot run here; null where they can. */
export function missingBrowser() {
  return existsSync(EXECUTABLE) ? null : `${EXECUTABLE} is missing: apt-get install chromium, or name one in $CHROMIUM`;
}

export async function launch() {
  return chromium.launch({ executablePath: EXECUTABLE, headless: true, args: FLAGS });
}

/** An opened report: `page` is playwright's, `faults` is what it must not have done, in words.
 *  `before` runs in the page before its own script; other options are those of a browser context. */
export async function open(browser, file, { hash = "", before = null, ...options } = {}) {
  const url = pathToFileURL(file).href;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  if (before) await context.addInitScript(before);
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => faults.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("dialog", async (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("popup", (popup) => faults.push(`popup: ${popup.url()}`));
  page.on("request", (request) => {
    const asked = request.url();
    // The file itself; and what a script makes and reads within the page.
    if (asked.split("#")[0] !== url && !asked.startsWith("blob:") && !asked.startsWith("data:")) faults.push(`request: ${asked}`);
  });
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(url + hash, { waitUntil: "load" });
  return { page, faults, counters: () => counters(session), close: () => context.close() };
}

/** Scrolls a chart into view and waits until plotly has drawn it. */
export async function drawn(page, id) {
  const figure = page.locator(`figure[data-chart="${id}"]`);
  await figure.scrollIntoViewIfNeeded();
  await page.locator(`figure[data-chart="${id}"][data-drawn="plotly"]`).waitFor({ timeout: 20_000 });
  return figure;
}

/** Ids of the charts that plotly is to draw. */
export async function chartIds(page) {
  return page.evaluate(() => {
    const data = document.getElementById("nodebook-data");
    if (!data) return [];
    const drawable = new Set(JSON.parse(data.textContent).charts.map((chart) => chart.id));
    return [...document.querySelectorAll("figure[data-chart]")].map((f) => f.dataset.chart).filter((id) => drawable.has(id));
  });
}

/** Milliseconds after navigation at which the page set a mark. */
export async function markAt(page, name) {
  await page.waitForFunction((name) => performance.getEntriesByName(name).length > 0, name, { timeout: 20_000 });
  return page.evaluate((name) => performance.getEntriesByName(name)[0].startTime, name);
}

/** CPU of the page's main thread and its heap, from the browser's own counters. */
async function counters(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  const value = (name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return { cpuMillis: value("TaskDuration") * 1000, scriptMillis: value("ScriptDuration") * 1000, heapBytes: value("JSHeapUsedSize") };
}
