// Numbers as people read them: the rules of src/report/format/number.rs, so that a filtered figure looks like the others. Signs and dates are
// those of the report's language.

const NBSP = "\u00a0";
const NONE = "–";
const MINUS = "−";
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const DECIMAL = ["", "k", "M", "G", "T", "P"];
const LONG_TIMES = [[86400, "d", 2], [3600, "h", 2], [60, "min", 2], [1, "s", 1]];
const SHORT_TIMES = [[1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

/** What values up to `magnitude` are divided by, and the unit they then have. */
export function scaleOf(unit, magnitude) {
  const size = Number.isFinite(magnitude) ? Math.abs(magnitude) : 0;
  switch (unit) {
    case "percent":
      return { divisor: 1, suffix: "%" };
    case "celsius":
      return { divisor: 1, suffix: "°C" };
    case "bytes":
      return prefixed(size, 1024, BINARY, "B");
    case "bytes/s":
      return prefixed(size, 1024, BINARY, "B/s");
    case "1/s":
      return prefixed(size, 1000, DECIMAL, "/s");
    case "seconds":
      return seconds(size);
    default:
      return size < 1e5 ? { divisor: 1, suffix: "" } : prefixed(size, 1000, DECIMAL, "");
  }
}

function prefixed(size, base, prefixes, unit) {
  let divisor = 1;
  let power = 0;
  while (size / divisor >= base * 0.9995 && power + 1 < prefixes.length) {
    divisor *= base;
    power += 1;
  }
  return { divisor, suffix: prefixes[power] + unit };
}

function seconds(size) {
  for (const [divisor, suffix, least] of LONG_TIMES) {
    if (size >= divisor * least || (divisor === 1 && size === 0)) return { divisor, suffix };
  }
  const [divisor, suffix] = SHORT_TIMES.find(([part]) => size >= part * 0.9995) ?? SHORT_TIMES[2];
  return { divisor, suffix };
}

/** What stands between a number and its unit: nothing before a decimal prefix, which belongs to the number. */
export function unitSuffix({ suffix }) {
  if (suffix === "") return "";
  return /^[kMGTP/]/.test(suffix) && !suffix.includes("B") ? suffix : NBSP + suffix;
}

/** What a page says where it says nothing of its language. */
const ENGLISH = Object.freeze({
  name: "en",
  decimal: ".",
  group: ",",
  grouped_from: 4,
  day_month: "%-d %b",
  weekday_date: "%a %-d %b",
  month: "%b %Y",
});

/** Writes numbers and names forms of dates, in the language of the report. */
export class Numerals {
  constructor(language) {
    this.language = language ?? ENGLISH;
  }

  /** A value with its unit: `97.3 %`, `1.21 GiB/s`, `1,204`. */
  value(unit, value) {
    if (!Number.isFinite(value)) return NONE;
    const scale = scaleOf(unit, value);
    return this.plain(value / scale.divisor) + unitSuffix(scale);
  }

  /** Three significant digits without idle zeros; whole numbers up to 999,999 in full. */
  plain(value) {
    if (Number.isNaN(value)) return NONE;
    const size = Math.abs(value);
    if (size === Infinity) return value > 0 ? "∞" : MINUS + "∞";
    let digits;
    if (size === 0) digits = "0";
    else if (size < 1e-4 || size >= 1e6) digits = this.signed(exponent(size));
    else if (size >= 999.5) digits = this.grouped(Math.round(size).toString());
    else digits = this.signed(trimmed(size.toFixed(Math.min(Math.max(2 - Math.floor(Math.log10(size)), 0), 6))));
    return value < 0 && digits !== "0" ? MINUS + digits : digits;
  }

  signed(digits) {
    return digits.replace(".", this.language.decimal);
  }

  grouped(digits) {
    return digits.length < this.language.grouped_from ? digits : digits.replace(/\B(?=(\d{3})+$)/g, this.language.group);
  }

  /** How a number differs from that of the other period: percentages by points, everything else by percent (src/report/view/change.rs). */
  change(unit, before, now) {
    const change = now - before;
    const arrow = change > 0 ? "▲" : "▼";
    if (unit !== "percent" && before === 0) return change === 0 ? "unchanged" : `${arrow} from 0`;
    const size = unit === "percent" ? Math.abs(change) : 100 * Math.abs(change / before);
    if (size < 0.05) return "unchanged";
    return `${arrow}${NBSP}${this.plain(Math.round(size * 10) / 10)}${NBSP}${unit === "percent" ? "points" : "%"}`;
  }

  /** The d3 format of numbers up to `size` in labels of plotly's. */
  d3Format(size, decimals) {
    return `${size < 10 ** (this.language.grouped_from - 1) ? "" : ","}.${decimals}~f`;
  }

  /** What plotly takes for its two signs. */
  get separators() {
    return this.language.decimal + this.language.group;
  }

  /** How plotly is told the names of months and days; nothing in English, which it speaks. */
  get locale() {
    const { name, days, months } = this.language;
    if (days === undefined) return {};
    return { locale: name, locales: { [name]: { format: { days, shortDays: days, months, shortMonths: months } } } };
  }
}

function trimmed(digits) {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

function exponent(size) {
  const [mantissa, power] = size.toExponential(2).split("e");
  return `${trimmed(mantissa)}e${Number(power)}`;
}

/** Whether the number is clearly another one. */
export function isClearChange(before, now) {
  return Math.abs(now - before) > 0.1 * Math.max(Math.abs(before), Number.MIN_VALUE);
}

/** `better` or `worse`, where a change is clear and its direction matters. */
export function changeClass(worse, before, now) {
  if (worse === "none" || !isClearChange(before, now)) return "";
  return now > before === (worse === "up") ? "worse" : "better";
}
