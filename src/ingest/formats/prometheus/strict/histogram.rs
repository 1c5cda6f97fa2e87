//! What the buckets, count and sum of one histogram have to agree in.

use std::collections::HashSet;

use super::Broken;

/// The group of a histogram that is being read: one label set at one time.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    at: Option<(Vec<u8>, Option<i128>)>,
    /// The samples it had, by suffix and `le`.
    seen: HashSet<String>,
    bucket: Option<f64>,
    value: f64,
    count: Option<f64>,
    has_sum: bool,
    has_gsum: bool,
    has_negative_gsum: bool,
    has_negative_buckets: bool,
}

impl Histogram {
    /// Takes the sample `family` + `suffix` of a bucket, whose `le` is a text and a number, or of none. One that was said already is passed over.
    pub(super) fn take(
        &mut self,
        (group, time): (&[u8], Option<i128>),
        suffix: &str,
        (le, bound): (&str, Option<f64>),
        value: f64,
    ) -> Result<(), Broken> {
        if !self.at.as_ref().is_some_and(|(known, at)| known == group && *at == time) {
            self.end()?;
            *self = Histogram { at: Some((group.to_owned(), time)), ..Histogram::default() };
        }
        if !self.seen.insert([suffix, le].concat()) {
            return Ok(());
        }
        match (suffix, bound) {
            ("_bucket", Some(bound)) => {
                self.has_negative_buckets |= bound < 0.0;
                if self.bucket.is_some_and(|before| bound <= before) {
                    return Err("buckets ascend by `le`");
                }
                if value < self.value {
                    return Err("a bucket holds what the ones before it hold: its value is no smaller than theirs");
                }
                (self.bucket, self.value) = (Some(bound), value);
            }
            ("_count" | "_gcount", _) => self.count = Some(value),
            ("_sum", _) => self.has_sum = true,
            ("_gsum", _) => {
                self.has_gsum = true;
                self.has_negative_gsum |= value < 0.0;
            }
            _ => {}
        }
        Ok(())
    }

    /// What holds of a whole group.
    pub(super) fn end(&self) -> Result<(), Broken> {
        let has_sum = self.has_sum || self.has_gsum;
        match () {
            () if self.at.is_none() => Ok(()),
            () if self.bucket != Some(f64::INFINITY) => Err("a histogram has a bucket with le=\"+Inf\""),
            () if self.count.is_some_and(|count| count != self.value) => {
                Err("the count of a histogram is the value of its +Inf bucket")
            }
            () if has_sum && self.count.is_none() => Err("a histogram with a sum has a count"),
            () if !has_sum && self.count.is_some() => Err("a histogram with a count has a sum"),
            () if self.has_negative_buckets && self.has_sum => Err("a histogram with negative buckets has no sum"),
            () if !self.has_negative_buckets && self.has_negative_gsum => {
                Err("without negative buckets a sum is not negative")
            }
            () => Ok(()),
        }
    }
}
