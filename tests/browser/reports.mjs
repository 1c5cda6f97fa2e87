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

/** One report of eight quiet nodes over eight days, of which `db-2` is overloaded for two hours and fills its disk; and a plot
 *  of it with an event in its midst: `{file, plot, skipped, remove()}`. */
export function makeIncident() {
  if (!binary()) return { file: null, skipped: "there is no nodebook to make reports with: cargo build, or set $NODEBOOK_BIN", remove() {} };
  const directory = mkdtempSync(join(tmpdir(), "nodebook-page-"));
  const at = (name) => join(directory, name);
  writeFileSync(at("incident.csv"), incidentCsv());
  nodebook(at("incident.db"), "import", at("incident.csv"));
  nodebook(at("incident.db"), "report", "--last", "8d", "--title", "Orders", "-o", at("incident.html"));
  nodebook(at("incident.db"), "annotate", "--at", "2026-01-08T00:00:00Z", "--until", "2026-01-10T00:00:00Z", "deploy <b>2</b>");
  nodebook(at("incident.db"), "plot", "cpu_percent", "--last", "8d", "-o", at("plot.html"));
  return { file: at("incident.html"), plot: at("plot.html"), skipped: null, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

function incidentCsv() {
  const lines = ["timestamp_ms,node,metric,value"];
  const start = Date.UTC(2026, 0, 5);
  const noise = (seed) => {
    const x = Math.sin(seed * 12.9898) * 43758.5453;
    return x - Math.floor(x);
  };
  for (let step = 0; step < 8 * 144; step++) {
    for (let node = 0; node < 8; node++) {
      const name = node < 3 ? `db-${node + 1}` : `web-${node - 2}`;
      const wave = 12 * Math.sin((step / 144) * 2 * Math.PI);
      const storm = name === "db-2" && step >= 800 && step < 812 ? 52 : 0;
      const cpu = 28 + wave + storm + 4 * noise(step * 8 + node);
      const disk = name === "db-2" ? 58 + (step / 144) * 4.2 : 41 + node;
      const values = {
        cpu_percent: cpu,
        memory_percent: 50 + 0.2 * cpu + noise(step * 8 + node + 0.5),
        disk_percent: disk + 0.05 * noise(step + node),
        net_transmit_bytes_per_second: 1e6 * (cpu + 3 * noise(step * 8 + node + 0.25)),
      };
      for (const [metric, value] of Object.entries(values)) lines.push(`${start + step * 600_000},${name},${metric},${value.toFixed(2)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
