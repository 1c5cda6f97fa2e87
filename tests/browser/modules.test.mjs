// The modules of the page's script one by one, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

const module = (name) => import(`../../templates/report/app/${name}`);
const { Columns, packedBody } = await module("columns.js");
const { csvLines, field } = await module("csv.js");
const { Dataset } = await module("dataset.js");
const { makeFigure } = await module("figures.js");
const { fromFragment, limited, NEUTRAL, toFragment } = await module("filter.js");
const { Numerals } = await module("format.js");
const { fromBase64, inflate } = await module("payload.js");
const { compare } = await module("sorting.js");
const { escapeText, shorten } = await module("text.js");
const { foldLines, runsOf, quantile, statistic } = await module("statistics.js");

/** The body whose bytes src/codec/page.rs promises to read for ever: an average, and a maximum packed against it. */
function specifiedBody() {
  const body = Buffer.alloc(92);
  const group = (at, numbers, coding) => {
    body.writeDoubleLE(1.0, at);
    body.writeDoubleLE(0.5, at + 8);
    numbers.forEach((number, index) => body.writeUInt32LE(number, at + 16 + 4 * index));
    body[at + 32] = 8;
    body[at + 33] = coding;
  };
  body.writeUInt32LE(2, 0);
  group(4, [1, 4, 84, 0], 0);
  group(44, [1, 4, 88, 0], 2);
  body.set([1 + 20, 1 + 1, 0, 1 + 2, 1, 3, 1 + 4, 0], 84);
  return body;
}

/** A dataset of two nodes, one named to do harm, over four hours in Berlin's winter. */
function dataset() {
  const start = Date.UTC(2026, 0, 5);
  const data = new Dataset({
    v: 1,
    from: start,
    to: start + 4 * 3_600_000,
    tz: "Europe/Berlin",
    offsets: [[start, 3_600_000]],
    grid: { start, step: 3_600_000, len: 4 },
    nodes: ["=cmd|'/c calc'!A1", "b"],
    metrics: [
      { name: "cpu", unit: "bytes", agg: "avg", all: { avg: 1, min: 0, max: 1 }, rows: [{ node: 0, part: "", avg: 0, max: 1 }, { node: 1, part: "", avg: 1 }] },
    ],
    charts: [],
  });
  data.columns = new Columns(specifiedBody());
  return data;
}

test("columns are decoded as specified", async () => {
  const columns = new Columns(specifiedBody());
  assert.deepEqual([...columns.column(0)], [6, 5.5, NaN, 6]);
  assert.deepEqual([...columns.column(1)], [6, 6.5, 3, NaN]);
  assert.equal(columns.column(0), columns.column(0), "decoded once");
  const packed = Buffer.concat([Buffer.from("NBP1........"), deflateRawSync(specifiedBody())]);
  const bytes = fromBase64(packed.toString("base64"));
  assert.deepEqual(Buffer.from(await inflate(packedBody(bytes))), specifiedBody());
  assert.equal(packedBody(Buffer.from("NBP2........")), null);
});

test("a run of rows is those rows", () => {
  const rows = [{ node: 0, avg: 4, run: 3 }, { node: 3, part: "sda", avg: 9 }];
  const unrolled = new Dataset({ nodes: [], charts: [], metrics: [{ name: "cpu", rows }] }).metrics[0].rows;
  assert.deepEqual(unrolled, [
    { part: "", node: 0, avg: 4 },
    { part: "", node: 1, avg: 5 },
    { part: "", node: 2, avg: 6 },
    { part: "sda", node: 3, avg: 9 },
  ]);
});

test("numbers are written as in src/report/format/number.rs", () => {
  const cases = [
    ["percent", 97.26, "97.3 %"],
    ["percent", 100, "100 %"],
    ["percent", 0, "0 %"],
    ["bytes", 1536, "1.5 KiB"],
    ["bytes", 1023.9, "1 KiB"],
    ["bytes", 17179869184, "16 GiB"],
    ["bytes/s", 1234567, "1.18 MiB/s"],
    ["1/s", 12345, "12.3k/s"],
    ["1/s", 0.25, "0.25/s"],
    ["seconds", 0.00125, "1.25 ms"],
    ["seconds", 90, "90 s"],
    ["seconds", 864000, "10 d"],
    ["count", 1204, "1,204"],
    ["count", 1234567, "1.23M"],
    ["celsius", -4.5, "−4.5 °C"],
    ["", 3e-9, "3e-9"],
    ["", -0.00001, "−1e-5"],
    ["", NaN, "–"],
  ];
  const numerals = new Numerals();
  for (const [unit, value, text] of cases) assert.equal(numerals.value(unit, value).replaceAll("\u00a0", " "), text);
});

test("signs are those of the report's language", () => {
  const german = new Numerals({ name: "de", decimal: ",", group: ".", grouped_from: 4 });
  const spanish = new Numerals({ name: "es", decimal: ",", group: ".", grouped_from: 5 });
  const shown = (numerals) => [numerals.value("percent", 97.26), numerals.value("count", 1204), numerals.plain(-123456), numerals.plain(-1.25e-9), numerals.change("bytes", 200, 150.5)];
  const spaced = (texts) => texts.map((text) => text.replaceAll("\u00a0", " "));
  assert.deepEqual(spaced(shown(german)), ["97,3 %", "1.204", "−123.456", "−1,25e-9", "▼ 24,8 %"]);
  assert.deepEqual(spaced(shown(spanish)), ["97,3 %", "1204", "−123.456", "−1,25e-9", "▼ 24,8 %"]);
  assert.equal(german.d3Format(1204, 1), ",.1~f");
  assert.equal(spanish.d3Format(1204, 1), ".1~f");
});

test("gaps are left out of numbers and end runs", () => {
  const lines = [
    [1, NaN, 3, NaN],
    [3, 5, NaN, NaN],
  ];
  assert.deepEqual([...foldLines(lines, "avg", 4)], [2, 5, 3, NaN]);
  assert.deepEqual([...foldLines(lines, "sum", 4)], [4, 5, 3, NaN]);
  assert.deepEqual([...foldLines(lines, "max", 4)], [3, 5, 3, NaN]);
  assert.equal(statistic(lines, "avg", 0, 4), 3);
  assert.equal(statistic(lines, "max", 1, 4), 5);
  assert.equal(statistic([lines[0]], "last", 0, 4), 3);
  assert.equal(statistic(lines, "p50", 0, 4), 3);
  assert.equal(statistic(lines, "p95", 3, 4), NaN);
  assert.equal(statistic(lines, "avg", 3, 4), NaN);
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.deepEqual(runsOf([[1, NaN, 2, 3]], 0), [[0], [2, 3]]);
  assert.deepEqual(runsOf([[1, NaN, 2, 3]], 1), [[0, 2, 3]], "a bridge");
  assert.deepEqual(runsOf([[NaN]], 0), []);
});

test("a filter goes through the address and back", () => {
  const data = dataset();
  const hour = 3_600_000;
  const filter = { nodes: ["=cmd|'/c calc'!A1"], metrics: ["cpu"], from: data.from + hour, to: data.from + 2 * hour };
  assert.deepEqual(fromFragment(toFragment(filter), data), filter);
  assert.equal(toFragment(NEUTRAL), "");
  assert.equal(fromFragment("section-io", data), null, "an anchor is no filter");
  assert.deepEqual(fromFragment("node=unknown&from=never", data), NEUTRAL);
  const minutes = (from, to) => limited({ ...NEUTRAL, from: data.from + from * 60_000, to: data.from + to * 60_000 }, data);
  assert.deepEqual(minutes(70, 80), { ...NEUTRAL, from: data.from + hour, to: data.from + 2 * hour }, "whole buckets");
  assert.deepEqual(minutes(-5, 999), NEUTRAL, "beyond the report is the whole report");
  assert.deepEqual(minutes(130, 20), { ...NEUTRAL, from: data.from + 2 * hour, to: data.from + 3 * hour });
});

test("clocks that are put back show an hour twice", () => {
  const data = dataset();
  const change = Date.UTC(2026, 9, 25, 1);
  data.offsets = [[change - 86_400_000, 7_200_000], [change, 3_600_000]];
  assert.equal(data.offsetAt(change - 1), 7_200_000);
  assert.equal(data.offsetAt(change), 3_600_000);
  assert.equal(data.instantOf(Date.UTC(2026, 9, 25, 2, 30)), Date.UTC(2026, 9, 25, 0, 30), "the first of the two");
  assert.equal(data.instantOf(Date.UTC(2026, 9, 25, 4)), Date.UTC(2026, 9, 25, 3));
});

test("no line runs back when clocks are put back, and a chart with lines of its own keeps its time", () => {
  globalThis.matchMedia = () => ({ matches: false });
  const data = dataset();
  const palette = { resolved: (part) => part, colour: (token) => token };
  const hour = 3_600_000;
  data.offsets = [[data.from, 4 * hour], [data.from + 2 * hour, hour]];
  const trace = { type: "scatter", name: "x", nb: { kind: "own", col: 0 } };
  const chart = { bridge: 1, unit: "bytes", grid: { start: data.from, step: hour, len: 4 }, figure: { data: [trace], layout: {} } };
  const { data: drawn, layout } = makeFigure(chart, data, { ...NEUTRAL, from: data.from + hour, to: data.from + 2 * hour }, palette);
  assert.equal(drawn[0].y.filter((value) => value === null).length, 1, JSON.stringify(drawn[0].y));
  const split = drawn[0].y.indexOf(null);
  for (const part of [drawn[0].x.slice(0, split), drawn[0].x.slice(split + 1)]) {
    assert.deepEqual(part, part.toSorted((a, b) => a - b));
  }
  assert.deepEqual(layout.xaxis.range, [data.from + 4 * hour, data.from + 5 * hour]);
});

test("the CSV holds what is shown and no formula", () => {
  const data = dataset();
  const lines = [...csvLines(data, { ...NEUTRAL, nodes: ["=cmd|'/c calc'!A1"], from: data.from + 3_600_000 })].map((l) => l.trim());
  assert.deepEqual(lines, [
    "timestamp,node,metric,labels,value",
    "2026-01-05T01:00:00.000Z,'=cmd|'/c calc'!A1,cpu,,5.5",
    "2026-01-05T03:00:00.000Z,'=cmd|'/c calc'!A1,cpu,,6",
  ]);
  assert.deepEqual(["-1+1", "a,b", 'say "x"', "\tx", "plain"].map(field), ["'-1+1", '"a,b"', '"say ""x"""', "'\tx", "plain"]);
});

test("cells without a value stay last", () => {
  for (const order of ["ascending", "descending"]) {
    assert.deepEqual([null, 1, null, 2].sort((a, b) => compare(a, b, order)).slice(2), [null, null]);
  }
  assert.deepEqual(["node-10", "node-9"].sort((a, b) => compare(a, b, "ascending")), ["node-9", "node-10"]);
});

test("figures escape names, keep gaps and follow the filter", () => {
  const data = dataset();
  globalThis.matchMedia = () => ({ matches: false });
  const palette = { resolved: (part) => part, colour: (token) => token };
  const trace = (kind, more) => ({ type: "scatter", name: "<b>&", nb: { kind, metric: 0, ...more } });
  const chart = {
    metric: 0,
    figure: {
      data: [
        trace("row", { row: 0, col: "avg" }),
        trace("row", { row: 1, col: "avg" }),
        trace("fold", { agg: "avg" }),
        trace("band"),
        trace("heat"),
      ],
      layout: {},
    },
  };
  const all = makeFigure(chart, data, NEUTRAL, palette).data;
  assert.equal(all.length, 5);
  assert.equal(all[0].name, "&lt;b&gt;&amp;");
  assert.deepEqual(all[0].y, [6, 5.5, null, 6, 6], "a gap, and a lone value that is as long as its bucket");
  assert.deepEqual([...all[2].y], [6, 6.5, 3], "what the page carries of all nodes");
  assert.deepEqual([...all[3].y], [6, 6.5, 5.5, 6, 6], "a closed polygon");
  assert.equal(all[4].x.length, 5, "cells have edges");
  const one = makeFigure(chart, data, { ...NEUTRAL, nodes: ["b"] }, palette).data;
  assert.deepEqual(one.map((trace) => trace.name), ["&lt;b&gt;&amp;", "&lt;b&gt;&amp;", "b"], "band, heat, and the chosen node's line for the mean");
  assert.deepEqual(one[2].y, [6, 6.5, 3]);
  assert.equal(escapeText("</b>&amp;"), "&lt;/b&gt;&amp;amp;");
  assert.equal(shorten("a-rather-long-node-017", 12), "a-rather…017");
  assert.equal(shorten("node-017", 12), "node-017");
});
