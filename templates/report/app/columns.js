// The packed columns of the page, decoded one by one when they are first asked for.
// The bytes are specified in src/codec/page.rs.

const GROUP_BYTES = 40;
const HEAD_BYTES = 12;
const DELTA = 0;
const BELOW = 1;

/** The body of packed bytes is raw deflate behind this head; null where the bytes are not ours. */
export function packedBody(bytes) {
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  return magic === "NBP1" ? bytes.subarray(HEAD_BYTES) : null;
}

/** Columns of an inflated body. */
export class Columns {
  constructor(body) {
    this.body = body;
    this.groups = [];
    this.decoded = new Map();
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    let first = 0;
    for (let group = 0; group < view.getUint32(0, true); group++) {
      const at = 4 + group * GROUP_BYTES;
      const columns = view.getUint32(at + 16, true);
      this.groups.push({
        first,
        columns,
        lo: view.getFloat64(at, true),
        quantum: view.getFloat64(at + 8, true),
        len: view.getUint32(at + 20, true),
        offset: view.getUint32(at + 24, true),
        firstBase: view.getUint32(at + 28, true),
        bits: view.getUint8(at + 32),
        coding: view.getUint8(at + 33),
      });
      first += columns;
    }
  }

  /** The values of a column (NaN is a gap), decoded once. */
  column(number) {
    let values = this.decoded.get(number);
    if (!values) {
      const { group, levels } = this.levels(number);
      values = Float64Array.from(levels, (level) => (level < 0 ? NaN : group.lo + level * group.quantum));
      this.decoded.set(number, values);
    }
    return values;
  }

  /** The largest magnitude in the scale of a column, which it shares with its group. */
  reach(number) {
    const { lo, quantum, bits } = this.group(number);
    return Math.max(Math.abs(lo), Math.abs(lo + (2 ** bits - 2) * quantum));
  }

  group(number) {
    return this.groups.findLast((group) => group.first <= number && group.columns > 0);
  }

  /** The levels of a column; -1 is a gap. */
  levels(number) {
    const group = this.group(number);
    const { len, bits, coding } = group;
    const start = group.offset + (number - group.first) * len;
    const plane = group.columns * len;
    const modulus = 2 ** bits - 1;
    const base = coding === DELTA ? null : this.levels(group.firstBase + number - group.first).levels;
    const levels = new Int32Array(len);
    let before = 0;
    for (let i = 0; i < len; i++) {
      const symbol = (this.body[start + i] | (bits > 8 ? this.body[start + plane + i] << 8 : 0)) - 1;
      if (symbol < 0) {
        levels[i] = -1;
      } else if (base) {
        const from = Math.max(base[i], 0);
        levels[i] = (coding === BELOW ? from - symbol + modulus : from + symbol) % modulus;
      } else {
        const delta = symbol % 2 === 1 ? -(symbol + 1) / 2 : symbol / 2;
        before = (before + delta + modulus) % modulus;
        levels[i] = before;
      }
    }
    return { group, levels };
  }
}
