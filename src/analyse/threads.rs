//! The same done to many, on several threads; what comes of it is in their order.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `make` makes of every item.
pub(super) fn map<T: Sync, R: Send>(items: &[T], threads: usize, make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_with(items, threads, || (), |(), item| make(item))
}

/// The same with a `tool` for each thread, which is used for one item after the other.
pub(super) fn map_with<T: Sync, R: Send, W>(
    items: &[T],
    threads: usize,
    tool: impl Fn() -> W + Sync,
    make: impl Fn(&mut W, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut tool, mut made) = (tool(), Vec::new());
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { return made };
            made.push((place, make(&mut tool, item)));
        }
    };
    let others = threads.min(items.len()).saturating_sub(1);
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        others.into_iter().for_each(|other| all.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))));
        all
    });
    all.sort_unstable_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whoever_made_them() {
        let items: Vec<usize> = (0..100).collect();
        let squares: Vec<usize> = items.iter().map(|i| i * i).collect();
        for threads in [0, 1, 3, 200] {
            assert_eq!(map(&items, threads, |i| i * i), squares);
        }
        assert!(map(&[] as &[usize], 4, |i| *i).is_empty());
        // A tool is one thread's, from one item to the next.
        let counted = map_with(&items, 1, || 0, |count, _| std::mem::replace(count, *count + 1));
        assert_eq!(counted, items);
    }
}
