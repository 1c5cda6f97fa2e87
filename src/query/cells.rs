//! The cells of one series on a grid. Only stretches with something in them are held: a grid of decades costs what there is of the series.

use std::ops::Range;

use super::Bucket;

/// Cells held together: two days of hours.
pub(super) const PAGE: usize = 48;

/// Buckets by their place; those that nothing was put into are empty.
#[derive(Debug)]
pub(super) struct Cells {
    len: usize,
    /// By number, ascending.
    pages: Vec<(usize, Box<[Bucket; PAGE]>)>,
}

impl Cells {
    /// All empty.
    pub(super) fn new(len: usize) -> Cells {
        Cells { len, pages: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// `None` beyond the last.
    pub(super) fn cell_mut(&mut self, place: usize) -> Option<&mut Bucket> {
        if place >= self.len {
            return None;
        }
        let number = place / PAGE;
        let found = match self.pages.last() {
            // Time goes on, most often.
            Some((last, _)) if *last == number => Ok(self.pages.len() - 1),
            Some((last, _)) if *last > number => self.pages.binary_search_by_key(&number, |(number, _)| *number),
            _ => Err(self.pages.len()),
        };
        let page = found.unwrap_or_else(|page| {
            self.pages.insert(page, (number, Box::new([Bucket::default(); PAGE])));
            page
        });
        Some(&mut self.pages[page].1[place % PAGE])
    }

    /// Empties `part`.
    pub(super) fn clear(&mut self, part: Range<usize>) {
        let first = self.first_page(part.start);
        for (number, cells) in self.pages[first..].iter_mut().take_while(|(number, _)| number * PAGE < part.end) {
            let start = *number * PAGE;
            cells[part.start.saturating_sub(start)..(part.end - start).min(PAGE)].fill(Bucket::default());
        }
    }

    /// The cells of `part` with their places, ascending, without those that are known to be empty.
    pub(super) fn held(&self, part: Range<usize>) -> impl Iterator<Item = (usize, &Bucket)> {
        let pages = self.pages[self.first_page(part.start)..].iter();
        let pages = pages.take_while(move |(number, _)| number * PAGE < part.end);
        pages.flat_map(move |(number, cells)| {
            let start = number * PAGE;
            let (from, to) = (part.start.saturating_sub(start), (part.end - start).min(PAGE));
            cells[from..to].iter().enumerate().map(move |(i, cell)| (start + from + i, cell))
        })
    }

    /// The first page that may hold `place` or what comes after it.
    fn first_page(&self, place: usize) -> usize {
        self.pages.partition_point(|(number, _)| *number < place / PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Aggregate;
    use proptest::prelude::*;

    fn full(value: f64) -> Bucket {
        Bucket { aggregate: Aggregate::of(&[value]), increase_seconds: 0.0 }
    }

    #[test]
    fn two_hours_of_a_lifetime_take_two_pages() {
        let mut cells = Cells::new(500_000);
        for place in [499_999, 0, 1] {
            *cells.cell_mut(place).unwrap() = full(place as f64);
        }
        assert!(cells.cell_mut(500_000).is_none());
        assert_eq!((cells.pages.len(), cells.held(0..usize::MAX).count()), (2, 2 * PAGE));
    }

    proptest! {
        #[test]
        fn as_a_plain_list(len in 1usize..300, steps in prop::collection::vec((0usize..300, 0usize..60, any::<bool>()), 0..40)) {
            let (mut cells, mut plain) = (Cells::new(len), vec![Bucket::default(); len]);
            for (i, (place, width, put)) in steps.into_iter().enumerate() {
                let part = place..place + width;
                let there: u64 = plain.iter().skip(place).take(width).map(|cell| cell.aggregate.count).sum();
                prop_assert_eq!(cells.held(part.clone()).map(|(_, cell)| cell.aggregate.count).sum::<u64>(), there);
                if put {
                    prop_assert_eq!(cells.cell_mut(place).map(|cell| *cell = full(i as f64)).is_some(), place < len);
                    plain.get_mut(place).into_iter().for_each(|cell| *cell = full(i as f64));
                } else {
                    cells.clear(part);
                    plain.iter_mut().skip(place).take(width).for_each(|cell| *cell = Bucket::default());
                }
            }
            let mut all = vec![Bucket::default(); len];
            cells.held(0..len).for_each(|(place, cell)| all[place] = *cell);
            prop_assert_eq!(format!("{all:?}"), format!("{plain:?}")); // NaN is what it is
        }
    }
}
