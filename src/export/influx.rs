//! Influx line protocol: measurement = metric, labels and node as tags, one field `value`, times in nanoseconds.
//!
//! The protocol has no word for what is no finite number, and no escape for a line feed: such samples and series are left out, and counted.

use std::io::Write;

use super::cells::push_value;
use super::{ExportError, named, slices};
use crate::model::{Selector, SeriesKey, TimeRange};
use crate::query::Source;

/// What an export wrote, and what it could not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Samples written.
    pub samples: u64,
    /// Samples the format has no words for.
    pub left_out: u64,
}

/// Writes the stored samples of the selected series by time and then by series.
pub fn influx(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    out: &mut dyn Write,
) -> Result<Written, ExportError> {
    let series = source.series(selector)?;
    let heads: Vec<Option<Vec<u8>>> = series.iter().map(|s| head(&s.key)).collect();
    let mut written = Written::default();
    let mut lines = Vec::new();
    slices::by_time(source, &series, range, &mut |samples| {
        for sample in samples {
            let Some(head) = heads[sample.place as usize].as_ref().filter(|_| sample.value.is_finite()) else {
                written.left_out += 1;
                continue;
            };
            lines.extend_from_slice(head);
            push_value(&mut lines, sample.value);
            writeln!(lines, " {}000000", sample.ts)?;
            written.samples += 1;
        }
        out.write_all(&lines)?;
        lines.clear();
        Ok(())
    })?;
    Ok(written)
}

/// `metric,label=value,… value=`; `None` for names that the protocol cannot write.
fn head(key: &SeriesKey) -> Option<Vec<u8>> {
    let mut head = escaped(key.metric.as_str(), &[',', ' '])?;
    if head.starts_with('#') {
        return None;
    }
    for (label, value) in named::labels(key) {
        head += &format!(",{}={}", escaped(&label, &[',', '=', ' '])?, escaped(value, &[',', '=', ' '])?);
    }
    Some((head + " value=").into_bytes())
}

/// A backslash is one unless it stands before what it would hide: such a text cannot be written either.
fn escaped(text: &str, hidden: &[char]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut before = '\0';
    for c in text.chars() {
        if matches!(c, '\n' | '\r') || (before == '\\' && matches!(c, ',' | '=' | ' ')) {
            return None;
        }
        if hidden.contains(&c) {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    // at the end it would hide what comes next
    (before != '\\' && text == text.trim()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::{MemorySource, key, range};

    #[test]
    fn a_point_a_sample() {
        let source = MemorySource::default()
            .with(key("a b", "load1", &[("m", "x=1,2")]), [(1, 1.5), (2, f64::NAN)])
            .with(key("a", "line\nfeed", &[]), [(1, 1.0)]);
        let mut out = Vec::new();
        let written = influx(&source, &Selector::all(), range(0, 10_000), &mut out).unwrap();
        assert_eq!(written, Written { samples: 1, left_out: 2 });
        assert_eq!(String::from_utf8(out).unwrap(), "load1,m=x\\=1\\,2,node=a\\ b value=1.5 1000000\n");
    }
}
