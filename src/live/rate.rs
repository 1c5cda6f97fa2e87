//! How often an address may do something: a bucket that fills steadily, and out of which each takes one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets by address.
#[derive(Debug)]
pub(super) struct Rate {
    a_second: f64,
    at_once: f64,
    addresses_max: usize,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    seen: Instant,
}

impl Rate {
    pub(super) fn new(a_second: f64, at_once: f64, addresses_max: usize) -> Rate {
        Rate { a_second, at_once, addresses_max, buckets: Mutex::default() }
    }

    /// Takes one; where none is left says how long until there is one.
    pub(super) fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= self.addresses_max && !buckets.contains_key(&address) {
            // Full ones tell nothing that a new one does not; if all are in use, all start anew.
            buckets.retain(|_, bucket| self.filled(*bucket, now) < self.at_once);
            if buckets.len() >= self.addresses_max {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { left: self.at_once, seen: now });
        *bucket = Bucket { left: self.filled(*bucket, now), seen: now };
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / self.a_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.seen).as_secs_f64();
        (bucket.left + since * self.a_second).min(self.at_once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
        let rate = Rate::new(10.0, 3.0, 8);
        let start = Instant::now();
        let taken = (0..5).filter(|_| rate.take(address(1), start).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(rate.take(address(1), start), Err(Duration::from_millis(100)));
        assert_eq!(rate.take(address(2), start), Ok(()), "another address has its own");
        assert_eq!(rate.take(address(1), start + Duration::from_millis(100)), Ok(()));
        assert!(rate.take(address(1), start + Duration::from_millis(100)).is_err());
    }

    #[test]
    fn addresses_do_not_fill_the_memory() {
        let rate = Rate::new(1.0, 2.0, 4);
        let start = Instant::now();
        for last in 0..200 {
            rate.take(address(last), start).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= 4);
    }
}
