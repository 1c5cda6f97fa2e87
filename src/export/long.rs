use std::io::Write;

use super::cells::{TimeCell, key_cells, push_value};
use super::{ExportError, TimeFormat, slices};
use crate::model::{Selector, TimeRange};
use crate::query::Source;

/// Rows are handed on in pieces of this many bytes.
const PIECE_BYTES: usize = 1 << 16;

pub(super) fn write(
    source: &dyn Source,
    selector: &Selector,
    range: TimeRange,
    time: TimeFormat,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let series = source.series(selector)?;
    let keys: Vec<Vec<u8>> = series.iter().map(|s| key_cells(&s.key)).collect();
    let mut time = TimeCell::new(time);
    let mut rows = b"timestamp,node,metric,labels,value\n".to_vec();
    let mut written = 0;
    slices::by_time(source, &series, range, &mut |samples| {
        for sample in samples {
            time.push(&mut rows, sample.ts);
            rows.extend_from_slice(&keys[sample.place as usize]);
            push_value(&mut rows, sample.value);
            rows.push(b'\n');
            if rows.len() >= PIECE_BYTES {
                out.write_all(&rows)?;
                rows.clear();
            }
        }
        written += samples.len() as u64;
        Ok(())
    })?;
    out.write_all(&rows)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::super::{Shape, csv};
    use super::*;
    use crate::model::STALE_MARKER_BITS;
    use crate::query::memory::{MemorySource, key, range};

    fn exported(source: &MemorySource, selector: &Selector) -> (u64, String) {
        let mut out = Vec::new();
        let n = csv(source, selector, range(0, 10_000), Shape::Long, TimeFormat::Millis, &mut out).unwrap();
        (n, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_row_a_sample_by_time_then_series() {
        let stale = f64::from_bits(STALE_MARKER_BITS);
        let source = MemorySource::default()
            .with(key("b", "load1", &[]), [(0, 1.5), (1_000, f64::NAN), (2_000, stale), (10_000, 9.0)])
            .with(key("=cmd|' /C calc'!A0", "disk_percent", &[("mount", "/v,a\"r")]), [(0, -0.0), (1_000, 1e22)]);
        let (n, text) = exported(&source, &Selector::all());
        assert_eq!(n, 5);
        insta::assert_snapshot!(text, @r#"
        timestamp,node,metric,labels,value
        0,'=cmd|' /C calc'!A0,disk_percent,"{""mount"":""/v,a\""r""}",-0
        0,b,load1,,1.5
        1000,'=cmd|' /C calc'!A0,disk_percent,"{""mount"":""/v,a\""r""}",1e22
        1000,b,load1,,NaN
        2000,b,load1,,StaleNaN
        "#);
    }

    #[test]
    fn no_sample_still_has_a_header() {
        let selector = Selector::parse(&["nobody"], &[], &[]).unwrap();
        assert_eq!(
            exported(&MemorySource::default(), &selector),
            (0, "timestamp,node,metric,labels,value\n".to_owned())
        );
    }
}
