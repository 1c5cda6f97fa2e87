//! Remembers the handles of series (or what a format has of them) by the raw bytes that named them.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::limits::SERIES_CACHED_MAX;
/// Raw bytes -> handle. Files repeat their series in the same order scrape after scrape, so each entry remembers which one followed
/// it last time: mostly one comparison finds the next, without hashing.
#[derive(Debug)]
pub(super) struct SeriesCache<H> {
    slots: Vec<Slot<H>>,
    by_bytes: HashMap<Arc<[u8]>, usize>,
    last: usize,
}

#[derive(Debug)]
struct Slot<H> {
    bytes: Arc<[u8]>,
    series: H,
    next: usize,
}

impl<H> Default for SeriesCache<H> {
    fn default() -> Self {
        SeriesCache { slots: Vec::new(), by_bytes: HashMap::new(), last: 0 }
    }
}

impl<H: Copy> SeriesCache<H> {
    pub(super) fn get(&mut self, bytes: &[u8]) -> Option<H> {
        let expected = self.slots.get(self.last).map_or(0, |last| last.next);
        if let Some(slot) = self.slots.get(expected)
            && *slot.bytes == *bytes
        {
            self.last = expected;
            return Some(slot.series);
        }
        let found = *self.by_bytes.get(bytes)?;
        self.follow(found);
        Some(self.slots[found].series)
    }

    pub(super) fn insert(&mut self, bytes: &[u8], series: H) {
        if self.slots.len() >= SERIES_CACHED_MAX {
            *self = SeriesCache::default();
        }
        let bytes: Arc<[u8]> = Arc::from(bytes);
        self.slots.push(Slot { bytes: bytes.clone(), series, next: 0 });
        let added = self.slots.len() - 1;
        self.by_bytes.insert(bytes, added);
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
            assert_eq!(cache.get(name.as_bytes()), None);
            cache.insert(name.as_bytes(), SeriesId(i as u32));
        }
        for i in (0..500).map(|i| (i * 17 + i / 50) % 50) {
            assert_eq!(cache.get(names[i].as_bytes()), Some(SeriesId(i as u32)));
        }
        assert_eq!(cache.get(b"other"), None);
    }
}
