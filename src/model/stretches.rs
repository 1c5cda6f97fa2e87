use super::{TimeRange, Timestamp};

/// A set of moments: ranges that ascend, are not empty and do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stretches(Vec<TimeRange>);

impl Stretches {
    /// Every moment that lies in one of `ranges`, which may overlap and come in any order.
    pub fn of(ranges: impl IntoIterator<Item = TimeRange>) -> Stretches {
        let mut ranges: Vec<TimeRange> = ranges.into_iter().filter(|r| !r.is_empty()).collect();
        ranges.sort_by_key(|r| (r.from(), r.to()));
        let mut all: Vec<TimeRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            let before = all.pop_if(|last| last.to() >= range.from());
            let (from, to) = before.map_or((range.from(), range.to()), |b| (b.from(), b.to().max(range.to())));
            all.extend(TimeRange::new(from, to));
        }
        Stretches(all)
    }

    /// The ranges.
    pub fn as_slice(&self) -> &[TimeRange] {
        &self.0
    }

    /// Whether there is no moment in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long all of it is.
    pub fn millis(&self) -> i64 {
        self.0.iter().map(|r| r.millis()).sum()
    }

    /// Whether `t` is one of its moments.
    pub fn contains(&self, t: Timestamp) -> bool {
        let next = self.0.partition_point(|r| r.to() <= t);
        self.0.get(next).is_some_and(|r| r.contains(t))
    }

    /// Its moments inside of `range`.
    pub fn within(&self, range: TimeRange) -> Stretches {
        let first = self.0.partition_point(|r| r.to() <= range.from());
        let near = self.0[first..].iter().take_while(|r| r.from() < range.to());
        Stretches(near.filter_map(|r| r.intersect(range)).collect())
    }

    /// The other moments of `range`.
    pub fn outside(&self, range: TimeRange) -> Stretches {
        let inside = self.within(range);
        let starts = std::iter::once(range.from()).chain(inside.0.iter().map(|r| r.to()));
        let ends = inside.0.iter().map(|r| r.from()).chain(std::iter::once(range.to()));
        let rests = starts.zip(ends).filter_map(|(from, to)| TimeRange::new(from, to));
        Stretches(rests.filter(|r| !r.is_empty()).collect())
    }

    /// The moments of either.
    pub fn join(self, other: Stretches) -> Stretches {
        if other.is_empty() {
            return self;
        }
        Stretches::of(self.0.into_iter().chain(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let all = Stretches::of([range(20, 30), range(0, 10), range(10, 12), range(25, 26), range(40, 40)]);
        assert_eq!(all.as_slice(), [range(0, 12), range(20, 30)]);
        assert_eq!(all.millis(), 22);
        assert_eq!(all.within(range(5, 21)).as_slice(), [range(5, 12), range(20, 21)]);
        assert_eq!(all.outside(range(-5, 50)).as_slice(), [range(-5, 0), range(12, 20), range(30, 50)]);
        assert_eq!(Stretches::default().outside(range(1, 2)).as_slice(), [range(1, 2)]);
    }

    proptest! {
        #[test]
        fn a_moment_is_inside_or_outside(parts in proptest::collection::vec((0i64..60, 0i64..12), 0..8), t in 0i64..80) {
            let ranges: Vec<TimeRange> = parts.iter().map(|(from, len)| range(*from, from + len)).collect();
            let (all, at) = (Stretches::of(ranges.clone()), Timestamp::from_millis(t));
            let inside = ranges.iter().any(|r| r.contains(at));
            prop_assert_eq!(all.contains(at), inside);
            prop_assert_eq!(all.outside(range(0, 80)).contains(at), !inside);
            prop_assert_eq!(all.within(range(10, 50)).contains(at), inside && (10..50).contains(&t));
            prop_assert!(all.as_slice().windows(2).all(|w| w[0].to() < w[1].from()));
        }
    }
}
