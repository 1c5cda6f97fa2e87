// What every report must be in a real browser.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { HOSTILE, makeReports } from "./reports.mjs";
import { chartIds, drawn, launch, markAt, missingBrowser, open } from "./rig.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Main-thread CPU until the first chart is drawn. About 450 ms where the machine is idle; a busy one is granted three times that. */
const FIRST_PLOT_CPU_MS = 1_350;

const made = missingBrowser() ? { reports: [], skipped: missingBrowser(), remove() {} } : makeReports();

describe("reports in a browser", { skip: made.skipped ?? false }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    made.remove();
  });
  for (const report of made.reports) describe(report.name, () => suite(report, () => browser));
});

/** Opens a report, lets `look` look at it, and wants it to have been silent. */
async function silent(browser, report, options, look) {
  const { page, faults, counters, close } = await open(browser, report.file, options);
  try {
    await look(page, counters);
    assert.deepEqual(faults, [], "the page must be silent and ask for nothing");
  } finally {
    await close();
  }
}

function suite(report, browser) {
  const charts = { skip: report.interactive ? false : "this report carries no plotly.js" };

  test("every chart is drawn by plotly when it is reached", charts, (context) =>
    silent(browser(), report, {}, async (page, counters) => {
      const wall = await markAt(page, "nodebook:first-plot").catch(() => null);
      const { cpuMillis, heapBytes } = await counters();
      const ids = await chartIds(page);
      assert.ok(ids.length > 0, "there are charts");
      for (const id of ids) {
        const figure = await drawn(page, id);
        assert.ok((await figure.locator(".chart-plot svg.main-svg").count()) > 0, `${id} is drawn`);
      }
      await markAt(page, "nodebook:ready");
      assert.ok(wall !== null, "the first chart is in view, or near it, when the page opens");
      assert.ok(cpuMillis < FIRST_PLOT_CPU_MS, `the first chart took ${cpuMillis} ms of CPU`);
      context.diagnostic(
        `${statSync(report.file).size} bytes; first chart at ${wall.toFixed(0)} ms, ${cpuMillis.toFixed(0)} ms CPU, ` +
          `heap ${(heapBytes / 1e6).toFixed(1)} MB; ${ids.length} charts, heap ${((await counters()).heapBytes / 1e6).toFixed(1)} MB`,
      );
    }),
  );

  test("it reads without script", () =>
    silent(browser(), report, { javaScriptEnabled: false }, async (page) => {
      await wholeStory(page);
      assert.equal(await page.locator("[data-needs-script]:visible").count(), 0, "nothing offers what only a script can do");
    }),
  );

  test("an old browser gets the whole page and one line about it", charts, () =>
    silent(browser(), report, { before: () => delete globalThis.DecompressionStream }, async (page) => {
      await wholeStory(page);
      assert.match(await page.locator("#nodebook-status").textContent(), /interactive charts need a newer browser/i);
      assert.equal(await page.locator("#nodebook-filter").isVisible(), false);
    }),
  );

  test("the other period lies behind the lines, with and without script", (context) =>
    silent(browser(), report, {}, async (page) => {
      const pictures = page.locator(".chart-canvas path.l.before");
      if ((await pictures.count()) === 0) return context.skip("this report has no other period");
      assert.ok((await page.locator(".tile [data-role=delta]:visible").count()) > 0, "tiles tell changes");
      assert.ok((await page.locator("td[data-delta]").count()) > 0, "the table has changes");
      if (!report.interactive) return;
      const id = await pictures.first().evaluate((path) => path.closest("figure").dataset.chart);
      await drawn(page, id);
      const strokes = await page.evaluate((id) => {
        const probe = document.body.appendChild(document.createElement("span"));
        probe.style.color = "var(--before)";
        const lines = document.querySelectorAll(`figure[data-chart="${id}"] .scatterlayer .trace path.js-line`);
        return { grey: getComputedStyle(probe).color, lines: [...lines].map((line) => getComputedStyle(line).stroke) };
      }, id);
      assert.ok(strokes.lines.includes(strokes.grey), JSON.stringify(strokes));
      assert.notEqual(strokes.lines.at(-1), strokes.grey, "it lies behind");
    }),
  );

  test("it is printed with its static pictures", () =>
    silent(browser(), report, {}, async (page) => {
      for (const id of (await chartIds(page)).slice(0, 2)) await drawn(page, id);
      await page.emulateMedia({ media: "print" });
      await picturesShow(page);
      assert.equal(await page.locator(".chart-plot:visible, [data-needs-script]:visible").count(), 0);
    }),
  );

  test("light and dark, by the system and by the reader", () =>
    silent(browser(), report, { colorScheme: "light" }, async (page) => {
      const look = () =>
        page.evaluate(() => ({
          page: getComputedStyle(document.body).backgroundColor,
          chart: document.querySelector(".chart-plot .xtick text") && getComputedStyle(document.querySelector(".chart-plot .xtick text")).fill,
        }));
      if (report.interactive) {
        await markAt(page, "nodebook:ready");
        // What is out of view is drawn in its new colours when it is reached.
        await drawn(page, (await chartIds(page))[0]);
      }
      const light = await look();
      await page.emulateMedia({ colorScheme: "dark" });
      await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, light.page);
      if (light.chart) {
        await page.waitForFunction((before) => getComputedStyle(document.querySelector(".chart-plot .xtick text")).fill !== before, light.chart);
      }
      const dark = await look();
      await page.locator("[data-theme-set=light]").click();
      assert.equal(await page.locator("[data-theme-set=light]").getAttribute("aria-pressed"), "true");
      assert.equal((await look()).page, light.page, "the reader's choice goes before the system's");
      await page.locator("[data-theme-set=dark]").click();
      assert.equal((await look()).page, dark.page);
      await page.locator("[data-theme-set=system]").click();
      assert.equal((await look()).page, dark.page, "the system says dark");
    }),
  );

  test("it fits a phone", () =>
    silent(browser(), report, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }, async (page) => {
      for (const id of await chartIds(page)) await drawn(page, id);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 390, `the page is ${wide} px wide`);
    }),
  );

  for (const colorScheme of ["light", "dark"]) {
    test(`axe-core finds nothing serious (${colorScheme})`, () =>
      silent(browser(), report, { colorScheme }, async (page) => {
        if (report.interactive) await markAt(page, "nodebook:ready");
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        const serious = violations
          .filter((violation) => ["serious", "critical"].includes(violation.impact))
          .map((violation) => `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
        assert.deepEqual(serious, []);
      }),
    );
  }

  test("tables are sorted by keyboard", () =>
    silent(browser(), report, {}, async (page) => {
      const heading = page.locator("table[data-sortable] th[data-sort=number]").first();
      await heading.locator("button").focus();
      await page.keyboard.press("Enter");
      assert.equal(await heading.getAttribute("aria-sort"), "descending");
      await page.keyboard.press("Enter");
      assert.equal(await heading.getAttribute("aria-sort"), "ascending");
    }),
  );

  test("hostile names are text", { skip: report.hostile ? false : "this report's names are harmless" }, () =>
    silent(browser(), report, {}, async (page) => {
      for (const id of await chartIds(page)) await drawn(page, id);
      const text = await page.evaluate(() => document.body.textContent);
      for (const name of HOSTILE) assert.ok(text.includes(name), `${name} is shown as it is`);
      assert.equal(await page.locator("[onerror], img[src=x]").count(), 0);
      // In plotly's own text too, where long names are shortened in the middle.
      const texts = await page.evaluate(() => [...document.querySelectorAll(".chart-plot text")].map((text) => text.textContent));
      for (const start of ["</sc", "<b>", "=cmd"]) assert.ok(texts.some((text) => text.startsWith(start)), `${start} stays text in ${texts}`);
      assert.equal(await page.locator(".chart-plot text a, .chart-plot text tspan[style*=bold]").count(), 0, "no markup of plotly's was obeyed");
    }),
  );
}

/** Verdict, tiles, pictures and tables are there to be read. */
async function wholeStory(page) {
  assert.ok((await page.locator("[data-verdict]").first().innerText()).trim().length > 0, "there is a verdict");
  for (const tile of await page.locator("[data-tile]").all()) assert.match(await tile.innerText(), /\d|–/);
  assert.ok((await page.locator("table tbody tr").count()) > 0, "there are tables");
  await picturesShow(page);
}

/** Every figure shows a static picture. */
async function picturesShow(page) {
  const figures = await page.locator("figure[data-chart]").all();
  assert.ok(figures.length > 0, "there are pictures");
  for (const figure of figures) {
    const box = await figure.locator(".chart-canvas svg:not(.main-svg)").first().boundingBox();
    assert.ok(box && box.width > 100 && box.height > 20, `${await figure.getAttribute("data-chart")} has a picture`);
  }
}
