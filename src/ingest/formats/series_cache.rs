//! Remembers the handles of series (or what a format has of them) by the raw bytes that named them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use super::super::limits::SERIES_CACHED_MAX;

/// Raw bytes -> handle. Files repeat their series in the same order scrape after scrape, so each entry remembers which one followed
/// it last time: mostly one comparison finds the next, without hashing.
#[derive(Debug)]
pub(super) struct SeriesCache<H> {
    slots: Vec<Slot<H>>,
    /// The slot added last of those whose bytes have a hash.
    by_hash: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    state: RandomState,
    last: usize,
}

#[derive(Debug)]
struct Slot<H> {
    bytes: Box<[u8]>,
    series: H,
    next: usize,
    /// The slot before it with the same hash.
    same: Option<usize>,
}

/// What is not there yet, by its hash.
#[derive(Debug)]
pub(super) struct Missing(u64);

/// Keys that are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<H> Default for SeriesCache<H> {
    fn default() -> Self {
        SeriesCache { slots: Vec::new(), by_hash: HashMap::default(), state: RandomState::new(), last: 0 }
    }
}

impl<H: Copy> SeriesCache<H> {
    pub(super) fn get(&mut self, bytes: &[u8]) -> Result<H, Missing> {
        let expected = self.slots.get(self.last).map_or(0, |last| last.next);
        if let Some(slot) = self.slots.get(expected)
            && *slot.bytes == *bytes
        {
            self.last = expected;
            return Ok(slot.series);
        }
        let hash = self.state.hash_one(bytes);
        let mut place = self.by_hash.get(&hash).copied();
        while let Some((found, slot)) = place.and_then(|found| Some((found, self.slots.get(found)?))) {
            if *slot.bytes == *bytes {
                let series = slot.series;
                self.follow(found);
                return Ok(series);
            }
            place = slot.same;
        }
        Err(Missing(hash))
    }

    /// Adds what [`SeriesCache::get`] did not find.
    pub(super) fn insert(&mut self, missing: Missing, bytes: &[u8], series: H) {
        if self.slots.len() >= SERIES_CACHED_MAX {
            self.slots.clear();
            self.by_hash.clear();
        }
        let added = self.slots.len();
        let same = self.by_hash.insert(missing.0, added);
        self.slots.push(Slot { bytes: bytes.into(), series, next: 0, same });
        self.follow(added);
    }

    fn follow(&mut self, slot: usize) {
        if let Some(last) = self.slots.get_mut(self.last) {
            last.next = slot;
        }
        self.last = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeriesId;

    #[test]
    fn finds_in_any_order() {
        let mut cache = SeriesCache::default();
        let names: Vec<String> = (0..50).map(|i| format!("series {i}")).collect();
        for (i, name) in names.iter().enumerate() {
            let missing = cache.get(name.as_bytes()).unwrap_err();
            cache.insert(missing, name.as_bytes(), SeriesId(i as u32));
        }
        for i in (0..500).map(|i| (i * 17 + i / 50) % 50) {
            assert_eq!(cache.get(names[i].as_bytes()).ok(), Some(SeriesId(i as u32)));
        }
        assert!(cache.get(b"other").is_err());
    }

    #[test]
    fn equal_hashes_are_told_apart_by_their_bytes() {
        let mut cache = SeriesCache::default();
        let names: [&[u8]; 3] = [b"a", b"b", b"c"];
        for (i, name) in names.into_iter().enumerate() {
            let Missing(_) = cache.get(name).unwrap_err();
            let hash = cache.state.hash_one(b"a".as_slice());
            cache.insert(Missing(hash), name, i);
        }
        assert_eq!(cache.get(b"a").ok(), Some(0));
        assert!(cache.by_hash.len() == 1 && cache.slots[2].same == Some(1));
    }
}
