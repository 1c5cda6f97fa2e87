// The live page in a browser: it shows what comes, keeps what the reader has done, and reaches nothing but its server.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { binary, HOSTILE } from "./reports.mjs";
import { launch, missingBrowser } from "./rig.mjs";

/** Distance of samples, ms. */
const INTERVAL = 2_000;
const missing = missingBrowser() ?? (binary() ? false : "there is no nodebook: cargo build, or set $NODEBOOK_BIN");

/** A recorder that takes pushes. */
async function record(directory) {
  const words = ["record", "--no-host", "--interval", `${INTERVAL}ms`, "--db", join(directory, "live.db"), "--listen", "127.0.0.1:0"];
  const recorder = spawn(binary(), words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  const url = await new Promise((resolve, reject) => {
    recorder.stderr.on("data", (data) => {
      said += data;
      const found = /http:\/\/\S+/.exec(said);
      if (found) resolve(found[0]);
    });
    recorder.on("exit", () => reject(new Error(said)));
  });
  return { url, stop: () => recorder.kill() };
}

async function push(url, values) {
  const now = Date.now();
  const line = ([node, value], minute) => `cpu_percent{node=${JSON.stringify(node)}} ${value} ${now - minute * 60_000}`;
  const lines = Object.entries(values).flatMap((one) => [0, 1, 2].map((minute) => line(one, minute)));
  const answer = await fetch(`${url}/api/v1/import/prometheus`, { method: "POST", body: `${lines.join("\n")}\n` });
  assert.equal(answer.status, 204, await answer.text());
}

describe("the live page", { skip: missing }, () => {
  const directory = mkdtempSync(join(tmpdir(), "nodebook-live-"));
  let browser;
  let recorder;
  before(async () => {
    browser = await launch();
    recorder = await record(directory);
    await push(recorder.url, { "db-1": 20, "db-2": 20, [HOSTILE[0]]: 20 });
  });
  after(async () => {
    await browser?.close();
    recorder?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function opened(path) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    const faults = [];
    page.on("console", (message) => faults.push(`console ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
    page.on("dialog", (dialog) => faults.push(`dialog: ${dialog.message()}`) && dialog.dismiss());
    page.on("request", (request) => {
      if (!request.url().startsWith(recorder.url)) faults.push(`request: ${request.url()}`);
    });
    await page.goto(recorder.url + path, { waitUntil: "load" });
    return { page, faults, close: () => context.close() };
  }

  const cell = (page, node) => page.locator(`section[data-section=nodes] tr[data-node="${node}"] td[data-metric=cpu_percent]`).first();

  test("shows a value that changes within two intervals, and a node that is new", async () => {
    const { page, faults, close } = await opened("/");
    try {
      const before = await cell(page, "db-1").textContent();
      assert.match(before, /20/);
      await page.waitForFunction(() => document.getElementById("live-status").dataset.state === "here");
      const start = performance.now();
      await push(recorder.url, { "db-1": 90, "db-9": 55 });
      await page.waitForFunction(
        ([text]) => document.querySelector("section[data-section=nodes] tr[data-node=db-1] td[data-metric=cpu_percent]").textContent !== text,
        [before],
        { timeout: 20_000, polling: 20 },
      );
      const took = performance.now() - start;
      console.log(`a value changed on the page after ${took.toFixed(0)} ms`);
      assert.ok(took < 2 * INTERVAL, `${took} ms`);
      assert.match(await cell(page, "db-9").textContent(), /55/);
      assert.deepEqual(faults, []);
    } finally {
      await close();
    }
  });

  test("keeps what is open, sorted and named by data as it was", async () => {
    const { page, faults, close } = await opened("/");
    try {
      await page.waitForFunction(() => document.getElementById("live-status").dataset.state === "here");
      const method = page.locator("section[data-section=method] details").first();
      await method.locator("summary").click();
      await page.locator("section[data-section=nodes] th button.sort").first().click();
      const order = () => page.$$eval("section[data-section=nodes] tr[data-node]", (rows) => rows.map((row) => row.dataset.node));
      const sorted = await order();
      const status = await page.locator("#live-status").textContent();
      const before = await cell(page, "db-2").textContent();
      await page.waitForTimeout(1_100); // so that the page is of another second
      await push(recorder.url, { "db-2": 70 });
      await page.waitForFunction(
        ([text]) => document.querySelector("section[data-section=nodes] tr[data-node=db-2] td[data-metric=cpu_percent]").textContent !== text,
        [before],
        { timeout: 20_000 },
      );
      assert.notEqual(await page.locator("#live-status").textContent(), status);
      assert.ok(await method.evaluate((details) => details.open), "what was opened stays open");
      assert.deepEqual(await order(), sorted);
      const link = page.locator("section[data-section=nodes] tr[data-node=db-2] > th a");
      assert.equal(await link.getAttribute("href"), "/?node=db-2");
      await link.click();
      await page.waitForLoadState("load");
      assert.deepEqual(await order(), ["db-2"], "a page of one node");
      assert.deepEqual(faults, []);
    } finally {
      await close();
    }
  });
});
