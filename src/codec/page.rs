//! The packed columns of a report page <-> slices.
//!
//! A report carries the numbers its charts are drawn from, so that the page can be filtered and zoomed offline. They are for drawing, not
//! for reading back: each value is one of at most 65,535 levels between the lowest and the highest of its group (10
//! bits are a thousandth of the range, less than a pixel). Exact values stand in the page's tables.
//!
//! # Bytes (all numbers little-endian)
//! ```text
//! offset  size  what
//! 0       4     "NBP1": the 1 is the version
//! 4       4     CRC-32C of the body, inflated
//! 8       4     length of the body, inflated
//! 12      …     the body, raw deflate
//!
//! body:
//! 0       4     number of groups
//! 4       40*g  the groups: 0 f64 lo · 8 f64 quantum · 16 u32 columns · 20 u32 len (values of a column) · 24 u32 offset of the
//!               planes in the body · 28 u32 number of the first base column · 32 u8 bits (2 to 16) · 33 u8 coding · 34 six zero bytes
//! …             the planes of each group
//! ```
//! Columns are numbered through all groups in order. A group's planes are `columns * len` low bytes of its symbols, column after
//! column, then, where bits > 8, as many high bytes.
//!
//! # Symbols
//! `levels = 2^bits - 1`; a value's level is `round((value - lo) / quantum)`, 0 to levels - 1, and its value is `lo + level * quantum`.
//! Symbol 0 is a gap. Symbol `1 + s` is a value, by the group's coding:
//! - 0, delta: s is the zigzag of the level minus the level of the value before it in the column (0 at first; gaps are passed over),
//!   wrapped modulo levels into ±(levels - 1) / 2. Zigzag: `2d` for d >= 0, `-2d - 1` below.
//! - 1, below: s is the base column's level minus this level, modulo levels. 2, above: s is this level minus the base column's. The base column is
//!   the delta-coded one of the same place in the group that starts at the first base column; lo, quantum, bits and len are the same.
//!   A value where the base has a gap counts from level 0.

use std::io::Read;

use flate2::read::DeflateDecoder;
use miniz_oxide::deflate::core::{
    CompressionStrategy, CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output,
    create_comp_flags_from_zip_params,
};

const MAGIC: &[u8; 3] = b"NBP";
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 12;
const GROUP_BYTES: usize = 40;
/// No header of zlib's, as flags of the deflate library have it.
const RAW: i32 = 0;

/// No page holds more values than this; what claims more is not unpacked.
const VALUES_MAX: usize = 200_000_000;

/// Why a page's columns were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Something else.
    #[error("these are not the packed columns of a report")]
    Foreign,
    /// A newer format.
    #[error("the report's columns have format {found}, this build knows {VERSION}: upgrade nodebook")]
    Version {
        /// As stored.
        found: char,
    },
    /// The checksum does not match.
    #[error("the report's columns are damaged: checksum {found:08x}, computed {computed:08x}")]
    Checksum {
        /// Stored.
        found: u32,
        /// Computed.
        computed: u32,
    },
    /// Inconsistent inside.
    #[error("the report's columns are damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
}

fn damaged(what: &'static str) -> PageError {
    PageError::Damaged { what }
}

/// The levels that values are rounded to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    lo: f64,
    quantum: f64,
    bits: u8,
}

impl Scale {
    /// The scale from the lowest to the highest of `values` (what is not finite is a gap). Whole numbers keep a quantum of 1 where the levels
    /// suffice, and so stay exact. `bits` is held within 2 to 16.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f64>, bits: u8) -> Scale {
        let bits = bits.clamp(2, 16);
        let (mut lo, mut hi, mut whole) = (f64::INFINITY, f64::NEG_INFINITY, true);
        for &value in values {
            if value.is_finite() {
                lo = lo.min(value);
                hi = hi.max(value);
                whole &= value.fract() == 0.0;
            }
        }
        if lo > hi {
            return Scale { lo: 0.0, quantum: 0.0, bits };
        }
        let top = f64::from(levels(bits) - 1);
        // The halves keep a range wider than f64 can hold finite.
        let quantum = (hi / 2.0 - lo / 2.0) / top * 2.0;
        Scale { lo, quantum: if whole && quantum > 0.0 && hi - lo <= top { 1.0 } else { quantum }, bits }
    }

    /// Distance of two levels: a packed value is at most half of it away from the true one.
    pub fn quantum(&self) -> f64 {
        self.quantum
    }

    fn level(&self, value: f64) -> Option<u32> {
        if !value.is_finite() {
            return None;
        }
        let level = if self.quantum > 0.0 { ((value / 2.0 - self.lo / 2.0) / self.quantum * 2.0).round() } else { 0.0 };
        Some(level.clamp(0.0, f64::from(levels(self.bits) - 1)) as u32)
    }

    fn value(&self, level: u32) -> f64 {
        self.lo + f64::from(level) * self.quantum
    }
}

fn levels(bits: u8) -> u32 {
    (1 << bits) - 1
}

/// How a group's levels become symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Delta,
    Below,
    Above,
}

impl Coding {
    const ALL: [Coding; 3] = [Coding::Delta, Coding::Below, Coding::Above];
}

#[derive(Clone, Debug, PartialEq)]
struct Group {
    scale: Scale,
    columns: u32,
    len: u32,
    first_base: u32,
    coding: Coding,
}

impl Group {
    fn symbols(&self) -> usize {
        self.columns as usize * self.len as usize
    }

    fn plane_bytes(&self) -> usize {
        if self.scale.bits > 8 { self.symbols() * 2 } else { self.symbols() }
    }
}

/// The first column of a delta-coded group, which limits can be packed against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Number of its first column.
    pub first: u32,
    group: usize,
}

/// Packs groups of columns: usually a metric's averages, a column a row.
#[derive(Clone, Debug, Default)]
pub struct Packer {
    groups: Vec<Group>,
    levels: Vec<Vec<Option<u32>>>,
    columns: u32,
}

impl Packer {
    /// An empty packer.
    pub fn new() -> Packer {
        Packer::default()
    }

    /// Adds columns of the same length; they are numbered from the returned base's `first`. Shorter columns end with gaps.
    pub fn add<'a>(&mut self, scale: Scale, columns: impl IntoIterator<Item = &'a [f64]>) -> Base {
        let base = Base { first: self.columns, group: self.groups.len() };
        self.push(scale, Coding::Delta, base.first, columns);
        base
    }

    /// Adds columns that lie below the base's (minima), in the same number and order and on its scale; returns the number of the first.
    /// Far smaller than by [`Packer::add`] where they lie close to it.
    pub fn add_below<'a>(&mut self, base: Base, columns: impl IntoIterator<Item = &'a [f64]>) -> u32 {
        self.push(self.groups[base.group].scale, Coding::Below, base.first, columns)
    }

    /// Adds columns that lie above the base's (maxima), likewise.
    pub fn add_above<'a>(&mut self, base: Base, columns: impl IntoIterator<Item = &'a [f64]>) -> u32 {
        self.push(self.groups[base.group].scale, Coding::Above, base.first, columns)
    }

    fn push<'a>(
        &mut self,
        scale: Scale,
        coding: Coding,
        base: u32,
        columns: impl IntoIterator<Item = &'a [f64]>,
    ) -> u32 {
        let columns: Vec<&[f64]> = columns.into_iter().collect();
        let len = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        let mut levels = Vec::with_capacity(columns.len() * len);
        for column in &columns {
            levels.extend(column.iter().map(|&value| scale.level(value)));
            levels.resize(levels.len() + len - column.len(), None);
        }
        let first = self.columns;
        self.columns += columns.len() as u32;
        self.groups.push(Group { scale, columns: columns.len() as u32, len: len as u32, first_base: base, coding });
        self.levels.push(levels);
        first
    }

    /// How many columns there are.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// The bytes.
    pub fn finish(&self) -> Vec<u8> {
        let body = self.body();
        let mut head = Vec::with_capacity(HEAD_BYTES + body.len() / 3);
        head.extend_from_slice(MAGIC);
        head.push(b'0' + VERSION);
        head.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        head.extend_from_slice(&(body.len() as u32).to_le_bytes());
        // Level 9 gains less than 1 % on such planes and takes ten times as long. Short repetitions in noise are chance, and cost more than they save:
        // filtered, it is 2 to 8 % smaller.
        let flags = create_comp_flags_from_zip_params(6, RAW, CompressionStrategy::Filtered.into());
        let (status, _) = compress_to_output(&mut CompressorOxide::new(flags), &body, TDEFLFlush::Finish, |bytes| {
            head.extend_from_slice(bytes);
            true
        });
        assert_eq!(status, TDEFLStatus::Done, "memory takes all of it");
        head
    }

    fn body(&self) -> Vec<u8> {
        let mut offset = 4 + GROUP_BYTES * self.groups.len();
        let total: usize = self.groups.iter().map(Group::plane_bytes).sum();
        let mut body = Vec::with_capacity(offset + total);
        body.extend_from_slice(&(self.groups.len() as u32).to_le_bytes());
        for group in &self.groups {
            body.extend_from_slice(&group.scale.lo.to_le_bytes());
            body.extend_from_slice(&group.scale.quantum.to_le_bytes());
            for number in [group.columns, group.len, offset as u32, group.first_base] {
                body.extend_from_slice(&number.to_le_bytes());
            }
            body.extend_from_slice(&[group.scale.bits, group.coding as u8, 0, 0, 0, 0, 0, 0]);
            offset += group.plane_bytes();
        }
        for (group, levels) in self.groups.iter().zip(&self.levels) {
            let symbols = self.group_symbols(group, levels);
            body.extend(symbols.iter().map(|&symbol| symbol as u8));
            if group.scale.bits > 8 {
                body.extend(symbols.iter().map(|&symbol| (symbol >> 8) as u8));
            }
        }
        body
    }

    fn group_symbols(&self, group: &Group, own: &[Option<u32>]) -> Vec<u32> {
        let modulus = levels(group.scale.bits);
        if group.coding == Coding::Delta {
            let mut symbols = Vec::with_capacity(own.len());
            for column in own.chunks(group.len.max(1) as usize) {
                let mut before = 0;
                for level in column {
                    symbols.push(level.map_or(0, |level| 1 + wrapped_zigzag(level, before, modulus)));
                    before = level.unwrap_or(before);
                }
            }
            return symbols;
        }
        let base = self.base_levels(group);
        own.iter()
            .enumerate()
            .map(|(index, level)| {
                let base = base.get(index).copied().flatten().unwrap_or(0);
                level.map_or(0, |level| 1 + difference(group.coding, level, base, modulus))
            })
            .collect()
    }

    fn base_levels(&self, group: &Group) -> &[Option<u32>] {
        let mut first = 0;
        for (candidate, levels) in self.groups.iter().zip(&self.levels) {
            if first == group.first_base {
                return levels;
            }
            first += candidate.columns;
        }
        &[]
    }
}

/// The zigzag of `level - before`, the shorter way round.
fn wrapped_zigzag(level: u32, before: u32, modulus: u32) -> u32 {
    let half = (modulus / 2) as i64;
    let mut delta = i64::from(level) - i64::from(before);
    if delta > half {
        delta -= i64::from(modulus);
    } else if delta < -half {
        delta += i64::from(modulus);
    }
    if delta < 0 { (-2 * delta - 1) as u32 } else { (2 * delta) as u32 }
}

fn unwrapped_zigzag(symbol: u32, before: u32, modulus: u32) -> u32 {
    let delta = if symbol % 2 == 1 { -i64::from(symbol.div_ceil(2)) } else { i64::from(symbol / 2) };
    (i64::from(before) + delta).rem_euclid(i64::from(modulus)) as u32
}

fn difference(coding: Coding, level: u32, base: u32, modulus: u32) -> u32 {
    match coding {
        Coding::Below => (base + modulus - level) % modulus,
        _ => (level + modulus - base) % modulus,
    }
}

/// Columns as they stand in a page, decoded one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    body: Vec<u8>,
    /// Each group with the number of its first column and the offset of its planes.
    groups: Vec<(u32, usize, Group)>,
}

impl Columns {
    /// Reads what [`Packer::finish`] wrote. Any bytes are safe: what does not fit is refused, and no more is allocated than the head says
    /// and [`VALUES_MAX`] allows.
    pub fn unpack(bytes: &[u8]) -> Result<Columns, PageError> {
        let (head, deflated) = bytes.split_at_checked(HEAD_BYTES).ok_or(PageError::Foreign)?;
        if &head[..3] != MAGIC {
            return Err(PageError::Foreign);
        }
        if head[3] != b'0' + VERSION {
            return Err(PageError::Version { found: char::from(head[3]) });
        }
        let (found, length) = (u32_at(head, 4), u32_at(head, 8) as usize);
        if length > VALUES_MAX * 2 {
            return Err(damaged("it claims to be larger than any report"));
        }
        let mut body = Vec::new();
        let mut decoder = DeflateDecoder::new(deflated).take(length as u64 + 1);
        decoder.read_to_end(&mut body).map_err(|_| damaged("it does not inflate"))?;
        if body.len() != length {
            return Err(damaged("it inflates to another length than it says"));
        }
        let computed = crc32c::crc32c(&body);
        if computed != found {
            return Err(PageError::Checksum { found, computed });
        }
        let groups = read_groups(&body)?;
        Ok(Columns { body, groups })
    }

    /// How many bytes the columns take when inflated, as their head says; `None` where there is no head.
    pub fn inflated_bytes(bytes: &[u8]) -> Option<usize> {
        bytes.get(..HEAD_BYTES).map(|head| u32_at(head, 8) as usize)
    }

    /// The most levels that the values of any column have.
    pub fn levels(&self) -> u32 {
        self.groups.iter().map(|(_, _, group)| levels(group.scale.bits)).max().unwrap_or(0)
    }

    /// How many columns there are.
    pub fn len(&self) -> u32 {
        self.groups.last().map_or(0, |(first, _, group)| first + group.columns)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a column; NaN is a gap. `None` where there is no such column.
    pub fn column(&self, number: u32) -> Option<Vec<f64>> {
        let (group, levels) = self.column_levels(number)?;
        Some(levels.into_iter().map(|level| level.map_or(f64::NAN, |level| group.scale.value(level))).collect())
    }

    /// How many values a column has. `None` where there is no such column.
    pub fn column_len(&self, number: u32) -> Option<usize> {
        self.group(number).map(|(_, _, group)| group.len as usize)
    }

    fn group(&self, number: u32) -> Option<&(u32, usize, Group)> {
        let found = self.groups.iter().rev().find(|(first, _, group)| *first <= number && group.columns > 0)?;
        (number - found.0 < found.2.columns).then_some(found)
    }

    fn column_levels(&self, number: u32) -> Option<(&Group, Vec<Option<u32>>)> {
        let (first, offset, group) = self.group(number)?;
        let index = number - first;
        let symbols = self.symbols(group, *offset, index as usize);
        let modulus = levels(group.scale.bits);
        if group.coding == Coding::Delta {
            let mut before = 0;
            let levels = symbols
                .map(|symbol| {
                    let level = unwrapped_zigzag(symbol.checked_sub(1)?, before, modulus);
                    before = level;
                    Some(level)
                })
                .collect();
            return Some((group, levels));
        }
        let (_, base) = self.column_levels(group.first_base + index)?;
        let levels = symbols
            .zip(base)
            .map(|(symbol, base)| {
                let (symbol, base) = (symbol.checked_sub(1)?, base.unwrap_or(0));
                Some(match group.coding {
                    Coding::Below => (base + modulus - symbol) % modulus,
                    _ => (base + symbol) % modulus,
                })
            })
            .collect();
        Some((group, levels))
    }

    fn symbols(&self, group: &Group, offset: usize, index: usize) -> impl Iterator<Item = u32> {
        let (len, plane) = (group.len as usize, group.symbols());
        let start = offset + index * len;
        let low = &self.body[start..start + len];
        let high = if group.scale.bits > 8 { &self.body[start + plane..start + plane + len] } else { &[] };
        // A damaged symbol beyond the levels would not fit in later arithmetic.
        let top = levels(group.scale.bits);
        (0..len).map(move |at| (u32::from(low[at]) | u32::from(high.get(at).copied().unwrap_or(0)) << 8).min(top))
    }
}

fn read_groups(body: &[u8]) -> Result<Vec<(u32, usize, Group)>, PageError> {
    let count = body.get(..4).map(|bytes| u32_at(bytes, 0) as usize).ok_or(damaged("it has no groups"))?;
    let end =
        count.checked_mul(GROUP_BYTES).and_then(|bytes| bytes.checked_add(4)).ok_or(damaged("too many groups"))?;
    let directory = body.get(4..end).ok_or(damaged("its groups are cut off"))?;
    let mut groups: Vec<(u32, usize, Group)> = Vec::with_capacity(count);
    let mut first: u32 = 0;
    for entry in directory.chunks_exact(GROUP_BYTES) {
        let group = Group {
            scale: Scale { lo: f64_at(entry, 0), quantum: f64_at(entry, 8), bits: entry[32] },
            columns: u32_at(entry, 16),
            len: u32_at(entry, 20),
            first_base: u32_at(entry, 28),
            coding: *Coding::ALL.get(entry[33] as usize).ok_or(damaged("a group has an unknown coding"))?,
        };
        let offset = u32_at(entry, 24) as usize;
        if !(2..=16).contains(&group.scale.bits) {
            return Err(damaged("a group has a strange number of bits"));
        }
        if (group.columns as usize).saturating_mul(group.len as usize) > VALUES_MAX
            || offset.saturating_add(group.plane_bytes()) > body.len()
        {
            return Err(damaged("the values of a group are cut off"));
        }
        if group.coding != Coding::Delta {
            let base = groups.iter().find(|(first, _, base)| *first == group.first_base && base.columns > 0);
            let fits = base.is_some_and(|(_, _, base)| {
                base.coding == Coding::Delta
                    && base.columns >= group.columns
                    && base.len == group.len
                    && base.scale.bits == group.scale.bits
            });
            if !fits && group.columns > 0 {
                return Err(damaged("a group has no base"));
            }
        }
        let columns = group.columns;
        groups.push((first, offset, group));
        first = first.checked_add(columns).ok_or(damaged("too many columns"))?;
    }
    Ok(groups)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn f64_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_bits(u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32)
}

#[cfg(test)]
mod tests;
