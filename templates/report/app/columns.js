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
      const group = this.group(number);
      const levels = this.levels(group, number);
      const { lo, quantum } = group;
      values = new Float64Array(levels.length);
      for (let i = 0; i < levels.length; i++) values[i] = levels[i] < 0 ? NaN : lo + levels[i] * quantum;
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

  /** The levels of a column of a group; -1 is a gap. */
  levels(group, number) {
    const { len, bits, coding, columns, offset, firstBase } = group;
    const { body } = this;
    const low = offset + (number - group.first) * len;
    // Without a second plane the first one is read again, for nothing.
    const high = bits > 8 ? low + columns * len : low;
    const factor = bits > 8 ? 256 : 0;
    const modulus = 2 ** bits - 1;
    const levels = new Int32Array(len);
    if (coding !== DELTA) {
      const base = this.levels(this.group(firstBase), firstBase + number - group.first);
      const sign = coding === BELOW ? -1 : 1;
      for (let i = 0; i < len; i++) {
        const symbol = body[low + i] + factor * body[high + i] - 1;
        levels[i] = symbol < 0 ? -1 : (Math.max(base[i], 0) + sign * symbol + modulus) % modulus;
      }
      return levels;
    }
    let before = 0;
    for (let i = 0; i < len; i++) {
      const symbol = body[low + i] + factor * body[high + i] - 1;
      if (symbol < 0) {
        levels[i] = -1;
        continue;
      }
      before += symbol & 1 ? -(symbol + 1) / 2 : symbol / 2;
      if (before < 0) before += modulus;
      else if (before >= modulus) before -= modulus;
      levels[i] = before;
    }
    return levels;
  }
}
