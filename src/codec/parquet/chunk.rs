//! The pages of a column in a group, written.

use std::collections::HashMap;
use std::hash::Hash;

use super::cells::{PLACES, PLAIN, RUNS};
use super::footer::Written;
use super::table::Values;
use super::{page, runs};

/// Level of zstd: the default of its own tool.
const ZSTD_LEVEL: i32 = 3;
/// Values that are the same in a dictionary: fewer on average, and the values themselves are shorter.
const TIMES_MIN: usize = 4;

/// Appends the pages of `values` to `out`, which is at `at` in the file.
pub(super) fn push(out: &mut Vec<u8>, at: u64, values: &Values<'_>) -> std::io::Result<Written> {
    let rows = values.len();
    let mut written = Written { offset: at, values: rows as u64, ..Written::default() };
    let (dictionary, data, encoding) = match values {
        Values::Times(times) => {
            written.span = times.iter().copied().min().zip(times.iter().copied().max());
            let bits: Vec<[u8; 8]> = times.iter().map(|time| time.to_le_bytes()).collect();
            numbers(&bits)
        }
        Values::Numbers(values) => numbers(&values.iter().map(|value| value.to_le_bytes()).collect::<Vec<_>>()),
        Values::Perhaps(values) => {
            let there: Vec<[u8; 8]> = values.iter().flatten().map(|value| value.to_le_bytes()).collect();
            written.nulls = (rows - there.len()) as u64;
            let (dictionary, packed, encoding) = numbers(&there);
            let levels: Vec<u32> = values.iter().map(|value| u32::from(value.is_some())).collect();
            let mut data = vec![0; 4];
            runs::push(&mut data, &levels, 1);
            let length = (data.len() - 4) as u32;
            data[..4].copy_from_slice(&length.to_le_bytes());
            data.extend_from_slice(&packed);
            (dictionary, data, encoding)
        }
        Values::Texts(texts) => {
            let found = Found::of(texts, usize::MAX).unwrap_or_default();
            let mut dictionary = Vec::new();
            for text in &found.distinct {
                dictionary.extend_from_slice(&(text.len() as u32).to_le_bytes());
                dictionary.extend_from_slice(text.as_bytes());
            }
            (Some((dictionary, found.distinct.len())), found.places(), PLACES)
        }
    };
    written.encodings = if dictionary.is_some() { vec![PLAIN, RUNS, PLACES] } else { vec![PLAIN, RUNS] }
        .into_iter()
        .map(|encoding| encoding as i64)
        .collect();
    if let Some((bytes, count)) = dictionary {
        written.dictionary = Some(at);
        push_page(out, &mut written, &bytes, count, None)?;
    }
    written.data = at + written.packed;
    push_page(out, &mut written, &data, rows, Some(encoding as i64))?;
    Ok(written)
}

fn push_page(
    out: &mut Vec<u8>,
    written: &mut Written,
    bytes: &[u8],
    values: usize,
    encoding: Option<i64>,
) -> std::io::Result<()> {
    let packed = zstd::bulk::compress(bytes, ZSTD_LEVEL)?;
    let head = page::head(&packed, bytes.len(), values, encoding);
    out.extend_from_slice(&head);
    out.extend_from_slice(&packed);
    written.packed += (head.len() + packed.len()) as u64;
    written.unpacked += (head.len() + bytes.len()) as u64;
    Ok(())
}

/// A dictionary with the number of its values where it is worth it, the bytes of the page, and their encoding.
type Coded = (Option<(Vec<u8>, usize)>, Vec<u8>, u64);

fn numbers(bits: &[[u8; 8]]) -> Coded {
    match Found::of(bits, bits.len() / TIMES_MIN).filter(|_| !bits.is_empty()) {
        Some(found) => (Some((found.distinct.concat(), found.distinct.len())), found.places(), PLACES),
        None => (None, bits.concat(), PLAIN),
    }
}

/// Distinct values in the order of their first places, and the place of each value among them.
#[derive(Debug)]
struct Found<T> {
    distinct: Vec<T>,
    of_each: Vec<u32>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Found { distinct: Vec::new(), of_each: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Found<T> {
    /// `None` where there are more than `most`.
    fn of(values: &[T], most: usize) -> Option<Found<T>> {
        let mut found = Found::default();
        let mut places: HashMap<T, u32> = HashMap::new();
        let mut last = None;
        for value in values {
            // neighbours are often the same: times of a scrape, nodes of a time
            if let Some((before, place)) = last
                && before == *value
            {
                found.of_each.push(place);
                continue;
            }
            let next = places.len() as u32;
            let place = *places.entry(*value).or_insert(next);
            if place == next {
                if found.distinct.len() == most {
                    return None;
                }
                found.distinct.push(*value);
            }
            found.of_each.push(place);
            last = Some((*value, place));
        }
        Some(found)
    }

    /// The bytes of a page: the width, then the places.
    fn places(&self) -> Vec<u8> {
        let width = runs::width((self.distinct.len() as u64).saturating_sub(1));
        let mut bytes = vec![width as u8];
        runs::push(&mut bytes, &self.of_each, width);
        bytes
    }
}
