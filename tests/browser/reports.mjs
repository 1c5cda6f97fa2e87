// The report files that the tests open: made by the real binary ($NODEBOOK_BIN, or what cargo has built), or named in $NODEBOOK_REPORTS
// (separated by colons).

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const BUILT = ["target/release/nodebook", "target/debug/nodebook"].map((path) => join(ROOT, path));

/** Node names that try to be something else: an element, a formula, plotly's markup, a number. */
export const HOSTILE = ["</script><img src=x onerror=alert(1)>", "=cmd|'/c calc'!A1", "<b>bold</b> &lt;i&gt; $x^2$ %{y}", "10", "constructor", "__proto__"];

/** The binary, or null. */
export function binary() {
  return process.env.NODEBOOK_BIN ?? BUILT.find((path) => existsSync(path)) ?? null;
}

/** Runs nodebook on a database and returns what it prints. */
export function nodebook(database, ...words) {
  return execFileSync(binary(), ["--db", database, "--timezone", "Europe/Berlin", ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Makes the reports, or says why it cannot: `{reports: [{name, file, database?, hostile?, interactive}], skipped, remove()}`. */
export function makeReports() {
  if (process.env.NODEBOOK_REPORTS) {
    const files = process.env.NODEBOOK_REPORTS.split(":");
    return { reports: files.map((file) => ({ name: basename(file), file, interactive: true })), skipped: null, remove() {} };
  }
  if (!binary()) {
    return { reports: [], skipped: "there is no nodebook to make reports with: cargo build, or set $NODEBOOK_BIN or $NODEBOOK_REPORTS", remove() {} };
  }
  const directory = mkdtempSync(join(tmpdir(), "nodebook-browser-"));
  const at = (name) => join(directory, name);
  const report = (name, database, ...words) => {
    nodebook(database, "report", "-o", at(`${name}.html`), ...words);
    return { name, file: at(`${name}.html`), database, interactive: true };
  };
  // Twice as long as the report, so that it has a period to be compared with.
  nodebook(at("demo.db"), "demo", "--nodes", "6", "--days", "4", "--seed", "1");
  writeFileSync(at("hostile.csv"), hostileCsv());
  nodebook(at("hostile.db"), "import", at("hostile.csv"));
  writeFileSync(at("single.csv"), "timestamp,node,metric,value\n2026-01-05T12:00:00Z,lonely,cpu_percent,42\n");
  nodebook(at("single.db"), "import", at("single.csv"));
  const reports = [
    report("demo", at("demo.db"), "--last", "2d"),
    { ...report("hostile", at("hostile.db")), hostile: true },
    report("single", at("single.db")),
    { ...report("static", at("demo.db"), "--interactive", "off"), interactive: false },
  ];
  return { reports, skipped: null, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A day of a few metrics a minute apart, with a gap of two hours. */
function hostileCsv() {
  const lines = ["timestamp_ms,node,metric,value"];
  const start = Date.UTC(2026, 0, 5);
  for (let minute = 0; minute < 1440; minute++) {
    if (minute >= 600 && minute < 720) continue;
    HOSTILE.forEach((node, index) => {
      const wave = Math.sin((minute / 1440) * 2 * Math.PI + index);
      const field = `"${node.replaceAll('"', '""')}"`;
      lines.push(`${start + minute * 60_000},${field},cpu_percent,${(50 + 30 * wave).toFixed(2)}`);
      lines.push(`${start + minute * 60_000},${field},queue_depth,${Math.round(100 + 50 * wave)}`);
    });
  }
  return `${lines.join("\n")}\n`;
}
