//! Floor 0: chunk bytes <-> slices. No SQL, no I/O, no clock.
//!
//! [`encode_values`] and [`encode_times`] turn the samples of one chunk into bytes; [`decode_values`] and [`decode_times`]
//! turn the bytes back into exactly the same bits, or refuse them. This page is the format's specification; released
//! encodings are never edited, and `tests/golden/chunks/` holds bytes that must decode to the same numbers for ever.
//!
//! # Bytes of a chunk
//! Integers are little endian. *varint* is LEB128 (7 bits a byte, low bits first, at most 10 bytes); *zigzag* maps
//! `0, -1, 1, -2` to `0, 1, 2, 3`.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | encoding, see below |
//! | 1 | 1 | format version: 1; of sketches 2 |
//! | 2 | 4 | CRC32C of identity (8 bytes), encoding, version, and everything from offset 6 on |
//! | 6 | 1–10 | count of samples, varint |
//! | … | | payload of the encoding |
//!
//! The first six bytes keep their place and meaning in every version, so that a damaged chunk is told from a newer one. A new
//! encoding raises the format version. The *identity* (series and window) is not stored: it only goes into the checksum, and a
//! chunk that is read under another identity is refused.
//!
//! | encoding | of | payload |
//! |---|---|---|
//! | 1 plain | values | 8 bytes a value, the bits of the f64 |
//! | 2 constant | values | the bits all values have, big endian, trailing zero bytes left out: 0 to 8 bytes |
//! | 3 decimal | values | scale `k` (1 byte, 0 to 6), exceptions, integers |
//! | 4 bits | values | shift `s` (1 byte, 0 to 63), integers |
//! | 16 plain | times | 8 bytes a time |
//! | 17 regular | times | start (zigzag varint), step (varint): time `i` is `start + i * step` |
//! | 18 grid | times | start (zigzag varint), step (varint), integers: what time `i` lies off the regular grid |
//! | 32 sketches | quantile sketches ([`StoredSketch`]) | a head a sketch, then two columns: gaps, counts |
//!
//! *Integers*: smallest (zigzag varint), divisor (varint), then pco's wrapped form of one chunk with one page: format version,
//! chunk metadata, page, of the u64 `(integer - smallest) / divisor`. Only pco's classic mode without delta or with consecutive deltas
//! is written, and read: the others can ask for memory that the bytes have not earned.
//!
//! *decimal*: value `i` is `integer / 10^k`, correctly rounded, which gives back the very bits of a number that was written
//! with at most `k` decimals. Values that are not of that form (NaN, infinities, -0, more decimals) are *exceptions*: count of runs (varint),
//! then for each run its distance from the end of the run before (varint), its length (varint) and its bits (8 bytes). The
//! integer at an excepted place repeats its neighbour.
//!
//! *sketches*: a head is flags (1 byte: buckets below zero, above zero, zeros, infinities below, above), the slot's distance from the slot before (varint),
//! for each flagged list of buckets its length (varint) and first index (zigzag varint, from the first index before), for each flagged number
//! it (varint). A column is twice its length in bytes, plus 1 where it holds *integers* and not zigzag varints (varint), and its bytes. Gaps: between
//! neighbouring indices of a list, less 1. Counts: of each bucket, less 1.
//!
//! *bits*: the f64's bits, shifted right by `s` (the low bits that are zero in all values, as in numbers that once were f32), are
//! ordered as the numbers are: sign and magnitude become the integer `magnitude`, or `-1 - magnitude` below zero.

mod checksum;
mod error;
mod integers;
pub mod page;
pub mod parquet;
pub mod protobuf;
mod sketches;
mod times;
mod values;
mod varint;

pub use error::CodecError;
pub use sketches::{StoredSketch, decode_sketches, encode_sketches};
pub use times::{decode_times, encode_times};
pub use values::{decode_values, encode_values};

#[cfg(test)]
mod tests;
