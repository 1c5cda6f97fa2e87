// How the page looks, at desktop and phone width, in light and dark; and that it can be used by keyboard alone. The data is made here, the same every time.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { comparedWithGolden } from "./golden.mjs";
import { makeIncident } from "./reports.mjs";
import { drawn, launch, markAt, missingBrowser, open } from "./rig.mjs";

const made = missingBrowser() ? { file: null, skipped: missingBrowser(), remove() {} } : makeIncident();

describe("the page of an incident", { skip: made.skipped ?? false }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    made.remove();
  });

  /** Opens it and wants it to have been silent. */
  async function opened(options, look) {
    const { page, faults, close } = await open(browser, made.file, options);
    try {
      await markAt(page, "nodebook:ready");
      await look(page);
      assert.deepEqual(faults, [], "the page must be silent and ask for nothing");
    } finally {
      await close();
    }
  }

  for (const [device, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`looks as it was looked at: ${device}, ${colorScheme}`, async () => {
        // Pictures only: what plotly has drawn by then is a matter of time.
        const { page, close } = await open(browser, made.file, { viewport, colorScheme, javaScriptEnabled: false });
        try {
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= viewport.width, "nothing is wider than the page");
          assert.equal(await comparedWithGolden(page, `${device}-${colorScheme}`), null);
        } finally {
          await close();
        }
      });
    }
  }

  test("the first sentence names the node and what is wrong", () =>
    opened({}, async (page) => {
      assert.match(await page.locator("[data-verdict]").innerText(), /db-2/);
      const first = page.locator("[data-section=findings] [data-finding]").first();
      assert.equal(await first.getAttribute("data-node"), "db-2");
    }),
  );

  test("what an event is shows under the pointer, and nowhere else", async () => {
    const { page, faults, close } = await open(browser, made.plot);
    try {
      const figure = await drawn(page, await page.locator("figure[data-chart]").first().getAttribute("data-chart"));
      const { x, y, width, height } = await figure.locator(".chart-plot .nsewdrag").boundingBox();
      const told = figure.locator(".chart-event");
      await page.mouse.move(x + width * 0.5, y + height * 0.5);
      assert.equal(await told.innerText(), "deploy <b>2</b>");
      await page.mouse.move(x + width * 0.2, y + height * 0.5);
      assert.ok(await told.isHidden());
      assert.deepEqual(faults, []);
    } finally {
      await close();
    }
  });

  test("every finding leads to what shows it", () =>
    opened({}, async (page) => {
      const links = await page.locator("[data-section=findings] [data-finding] a[href^='#']").all();
      assert.ok(links.length > 0);
      for (const link of links) {
        await link.click();
        const target = (await link.getAttribute("href")).slice(1);
        const box = await page.locator(`[id="${target}"]`).boundingBox();
        assert.ok(box && box.y < 900 && box.y + box.height > 0, `${target} is in view`);
      }
    }),
  );

  test("keyboard only: to a finding, its query, its chart, the filter and back to everything", () =>
    opened({}, async (page) => {
      const reach = async (what, matches) => {
        for (let presses = 0; presses < 400; presses++) {
          await page.keyboard.press("Tab");
          if (await page.evaluate(matches)) return;
        }
        assert.fail(`${what} is not reached by Tab`);
      };
      await page.keyboard.press("Tab");
      assert.ok(await page.evaluate(() => document.activeElement.classList.contains("skip")), "the skip link comes first");
      await reach("the query of a finding", () => document.activeElement.matches("[data-finding] details.sql > summary"));
      await page.keyboard.press("Enter");
      assert.ok(await page.evaluate(() => document.activeElement.parentElement.open && document.activeElement.nextElementSibling.textContent.startsWith("SELECT")));
      await reach("the list of nodes", () => document.activeElement.matches("details.filter-picker > summary"));
      await page.keyboard.press("Enter");
      await reach("the nodes in it", () => document.activeElement.matches("select[data-filter=node]"));
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Space");
      await page.waitForFunction(() => location.hash.includes("node="));
      await page.keyboard.press("Escape");
      await reach("reset", () => document.activeElement.matches("[data-filter=reset]"));
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => location.hash === "");
    }),
  );

  test("the time of an incident is shown in all charts", () =>
    opened({}, async (page) => {
      const link = page.locator("[data-section=anomalies] figure a[href^='#from=']").first();
      await link.scrollIntoViewIfNeeded();
      await link.click();
      await page.waitForFunction(() => document.documentElement.hasAttribute("data-filtered"));
      assert.match(await page.locator("#nodebook-status").innerText(), / to /);
    }),
  );

  test("print says that figures follow the filter and pictures do not", () =>
    opened({ hash: "#node=db-2" }, async (page) => {
      await page.waitForFunction(() => document.documentElement.hasAttribute("data-filtered"));
      await page.emulateMedia({ media: "print" });
      const said = await page.evaluate(() => getComputedStyle(document.getElementById("nodebook-status"), "::after").content);
      assert.match(said, /printed charts show the whole report/);
      assert.ok(await page.locator("#nodebook-status").isVisible());
    }),
  );
});
