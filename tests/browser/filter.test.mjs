// The filter computes what SQL computes, everywhere in the page, and its state can be handed on.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { makeReports, nodebook } from "./reports.mjs";
import { launch, markAt, missingBrowser, open } from "./rig.mjs";

const made = missingBrowser() ? { reports: [], skipped: missingBrowser(), remove() {} } : makeReports();

describe("the filter", { skip: made.skipped ?? false }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    made.remove();
  });
  for (const report of made.reports.filter((report) => report.interactive)) {
    describe(report.name, () => suite(report, () => browser));
  }
});

async function withPage(browser, report, options, use) {
  const { page, faults, close } = await open(browser, report.file, options);
  try {
    await markAt(page, "nodebook:ready");
    await use(page);
    assert.deepEqual(faults, [], "the page must be silent and ask for nothing");
  } finally {
    await close();
  }
}

/** Chooses options of a filter's list by value, as a reader does: opens it and clicks. */
async function choose(page, name, ...values) {
  const picker = page.locator("details.filter-picker", { has: page.locator(`[data-filter=${name}]`) });
  await picker.locator("summary").click();
  for (const value of values) {
    const index = await page.locator(`[data-filter=${name}]`).evaluate((s, v) => [...s.options].findIndex((o) => o.value === v), value);
    await page.locator(`[data-filter=${name}] option`).nth(index).click();
  }
  await page.keyboard.press("Escape");
}

const status = (page) => page.locator("#nodebook-status").textContent();

/** Waits until the numbers of the page are those of the filter. */
async function settled(page, pattern) {
  await page.waitForFunction((source) => new RegExp(source).test(document.getElementById("nodebook-status").textContent), pattern.source);
}

const nodesOf = (page) => page.evaluate(() => JSON.parse(document.getElementById("nodebook-data").textContent).nodes);

/** What the page knows of a tile and of a node's cell of the same metric and statistic. */
async function tileAndCell(page, node) {
  return page.evaluate((node) => {
    const row = [...document.querySelectorAll("tr[data-node]")].find((row) => row.dataset.node === node);
    for (const tile of document.querySelectorAll("[data-tile][data-agg=avg]")) {
      const cell = [...(row?.querySelectorAll("td[data-metric][data-agg=avg]") ?? [])].find((c) => c.dataset.metric === tile.dataset.tile);
      if (cell) return { metric: tile.dataset.tile, tile: Number(tile.dataset.value), cell: Number(cell.dataset.value) };
    }
    return null;
  }, node);
}

function suite(report, browser) {
  test("one node's tiles are that node's exact figures", (context) =>
    withPage(browser(), report, {}, async (page) => {
      const nodes = await nodesOf(page);
      if (nodes.length < 2) return context.skip("this report has one node");
      await choose(page, "node", nodes[0]);
      await settled(page, /^Showing (?!everything)/);
      assert.ok((await status(page)).includes(nodes[0]));
      assert.equal(await page.locator(`tr[data-node]:visible`).evaluateAll((rows, node) => rows.every((r) => r.dataset.node === node), nodes[0]), true);
      const both = await tileAndCell(page, nodes[0]);
      if (!both) return context.skip("no tile and cell of the same metric");
      assert.ok(Math.abs(both.tile - both.cell) <= 0.005 * Math.abs(both.cell) + 0.05, JSON.stringify(both));
      await page.locator("[data-filter=reset]").click();
      await settled(page, /^Showing everything/);
      assert.equal(await page.locator("tr[data-node]").evaluateAll((rows) => rows.some((row) => row.hidden)), false);
    }),
  );

  test("a time range gives what SQL gives", (context) =>
    withPage(browser(), report, {}, async (page) => {
      if (!report.database) return context.skip("there is no database to this report");
      const nodes = await nodesOf(page);
      if ((await page.locator("[data-preset]").count()) === 0) return context.skip("this report is shorter than the presets");
      // The longest: its last bucket, which may hold few samples, weighs least.
      await page.locator("[data-preset]").last().click();
      if (nodes.length > 1) await choose(page, "node", nodes[0]);
      await settled(page, / to /);
      const both = await tileAndCell(page, nodes[0]);
      if (!both) return context.skip("no tile and cell of the same metric");
      assert.ok(Math.abs(both.tile - both.cell) < 1e-6 * Math.abs(both.cell) + 1e-9, "tile and table agree under the same filter");
      const parameters = new URLSearchParams(new URL(page.url()).hash.slice(1));
      const ms = (name, otherwise) => (parameters.has(name) ? Date.parse(parameters.get(name)) : otherwise);
      const text = (value) => `'${value.replaceAll("'", "''")}'`;
      const query =
        `SELECT avg(value) AS mean, count(*) AS n FROM samples WHERE metric = ${text(both.metric)} AND node = ${text(nodes[0])} ` +
        `AND ts >= ${ms("from", 0)} AND ts < ${ms("to", Number.MAX_SAFE_INTEGER)}`;
      const [{ mean, n }] = JSON.parse(nodebook(report.database, "sql", "--format", "json", query));
      if (n === 0) return context.skip(`${both.metric} is not stored under its own name`);
      assert.ok(Math.abs(mean - both.tile) <= 0.01 * Math.abs(mean) + 0.05, `SQL ${mean}, page ${both.tile}, of ${n} samples`);
      context.diagnostic(`${both.metric} of ${nodes[0]}: SQL ${mean}, page ${both.tile}`);
    }),
  );

  test("dragging over a chart moves all time axes; a double click shows everything", (context) =>
    withPage(browser(), report, {}, async (page) => {
      const buckets = await page.evaluate(() => JSON.parse(document.getElementById("nodebook-data").textContent).grid.len);
      if (buckets < 10) return context.skip("this report has no time to choose from");
      const plot = page.locator("figure[data-drawn=plotly] .chart-plot .nsewdrag").first();
      await page.evaluate(() => document.querySelector("figure[data-drawn=plotly]").scrollIntoView({ block: "center" }));
      await page.waitForFunction(() => {
        const drawn = document.querySelectorAll("figure[data-drawn=plotly]").length;
        return drawn >= Math.min(2, document.querySelectorAll("figure[data-chart]").length);
      });
      const box = await plot.boundingBox();
      const ranges = () =>
        page.evaluate(() =>
          [...document.querySelectorAll(".chart-plot")].filter((p) => p._fullLayout?.xaxis?.type === "date").map((p) => p._fullLayout.xaxis.range.join()),
        );
      const whole = await ranges();
      if (whole.length === 0) return context.skip("no chart with a time axis in view");
      const at = (share) => [box.x + box.width * share, box.y + box.height / 2];
      await page.mouse.move(...at(0.3));
      await page.mouse.down();
      await page.mouse.move(...at(0.4), { steps: 4 });
      await page.mouse.move(...at(0.6));
      await page.mouse.up();
      await settled(page, / to /);
      const zoomed = await ranges();
      assert.equal(new Set(zoomed).size, 1, `all alike: ${zoomed}`);
      assert.notEqual(zoomed[0], whole[0]);
      await page.mouse.dblclick(...at(0.5));
      await settled(page, /everything/);
      assert.deepEqual(await ranges(), whole);
    }),
  );

  test("the address holds the filter", (context) =>
    withPage(browser(), report, {}, async (page) => {
      const nodes = await nodesOf(page);
      if (nodes.length < 2) return context.skip("this report has one node");
      await choose(page, "node", nodes[1]);
      await settled(page, /^Showing (?!everything)/);
      const hash = new URL(page.url()).hash;
      const said = await status(page);
      await withPage(browser(), report, { hash }, async (other) => {
        await settled(other, /^Showing (?!everything)/);
        assert.equal(await status(other), said);
      });
      await page.locator("[data-filter=reset]").click();
      await settled(page, /everything/);
      assert.equal(new URL(page.url()).hash, "");
    }),
  );

  test("changes against the other period are SQL's, whatever is chosen", (context) =>
    withPage(browser(), report, {}, async (page) => {
      const { before, from, to } = await page.evaluate(() => JSON.parse(document.getElementById("nodebook-data").textContent));
      if (!before || !report.database) return context.skip("this report has no other period");
      const [node] = await nodesOf(page);
      const tile = page.locator("[data-tile=cpu_percent]");
      const mean = (first, end) => {
        const where = `metric = 'cpu_percent' AND node = '${node}' AND ts >= ${first} AND ts < ${end}`;
        return JSON.parse(nodebook(report.database, "sql", "--format", "json", `SELECT avg(value) AS mean FROM samples WHERE ${where}`))[0].mean;
      };
      const is = async (first, end) => {
        const expected = mean(first, end) - mean(first - before.shift, end - before.shift);
        const shown = Number(await tile.getAttribute("data-delta"));
        assert.ok(Math.abs(shown - expected) < 0.5, `SQL ${expected}, page ${shown}`);
        const text = await tile.locator("[data-role=delta]").innerText();
        if (Math.abs(expected) > 0.5) assert.match(text, expected > 0 ? /^▲.*points/ : /^▼.*points/);
      };
      const whole = [await tile.getAttribute("data-delta"), await tile.innerText()];
      await choose(page, "node", node);
      await settled(page, /^Showing (?!everything)/);
      await is(from, to);
      await page.locator("[data-preset]").last().click();
      await settled(page, / to /);
      await is(Date.parse(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("from")), to);
      await page.locator("[data-filter=reset]").click();
      await settled(page, /everything/);
      assert.deepEqual([await tile.getAttribute("data-delta"), await tile.innerText()], whole);
    }),
  );

  test("choosing metrics leaves only their charts", (context) =>
    withPage(browser(), report, {}, async (page) => {
      const metrics = await page.evaluate(() => [...new Set([...document.querySelectorAll("figure[data-chart]")].map((f) => f.dataset.metric).filter(Boolean))]);
      if (metrics.length < 2) return context.skip("this report has one metric");
      await choose(page, "metric", metrics[1]);
      await settled(page, /1 of \d+ metrics/);
      const shown = await page.locator("figure[data-chart]:visible").evaluateAll((figures) => figures.map((f) => f.dataset.metric));
      assert.deepEqual([...new Set(shown)], [metrics[1]]);
    }),
  );

  test("the CSV holds what the filter shows", () =>
    withPage(browser(), report, {}, async (page) => {
      const nodes = await nodesOf(page);
      if (nodes.length > 1) await choose(page, "node", nodes[0]);
      const [file] = await Promise.all([page.waitForEvent("download"), page.locator("[data-download=csv]").click()]);
      const lines = readFileSync(await file.path(), "utf8").trimEnd().split("\r\n");
      assert.equal(lines[0], "timestamp,node,metric,labels,value");
      assert.ok(lines.length > 1);
      for (const line of lines.slice(1)) {
        assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,("'?|'?)/);
        assert.ok(line.includes(nodes[0].replaceAll('"', '""')), line);
        assert.doesNotMatch(line, /,"?[=+@]/, "nothing a spreadsheet would run");
      }
    }),
  );
}
