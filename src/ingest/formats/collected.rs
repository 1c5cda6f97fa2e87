//! What a parser gave, for tests.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Follows, NodeRule, Parser, Reason, Sink, Stop, stream};
use crate::model::{Annotation, MetricMeta, NodeName, SeriesId, SeriesKey, Timestamp};

/// The node is that of the source, or `file`.
pub(in crate::ingest) fn rule() -> NodeRule {
    NodeRule { given: None, fallback: NodeName::new("file").unwrap() }
}

/// The project's shared data, where it lies beside the source tree; tests that want it say so where it is not.
pub(in crate::ingest) fn shared(what: &str) -> Option<PathBuf> {
    let ancestors = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = ancestors.map(|dir| dir.join("shared/data").join(what)).find(|path| path.exists());
    if found.is_none() {
        println!("skipped: there is no shared/data/{what}");
    }
    found
}

/// Everything a parser handed over, in order.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Collected {
    pub(in crate::ingest) meta: Vec<(SeriesKey, Option<MetricMeta>)>,
    pub(in crate::ingest) samples: Vec<(SeriesKey, Timestamp, f64)>,
    pub(in crate::ingest) events: Vec<Annotation>,
    /// `LINE: REASON`
    pub(in crate::ingest) refused: Vec<String>,
}

impl Sink for Collected {
    fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        self.meta.push((key.clone(), meta.cloned()));
        Ok(SeriesId(self.meta.len() as u32 - 1))
    }

    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop> {
        assert!(ts.is_storable());
        self.samples.push((self.meta[series.0 as usize].0.clone(), ts, value));
        Ok(())
    }

    fn event(&mut self, event: Annotation) -> Result<(), Stop> {
        self.events.push(event);
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop> {
        self.refused.push(format!("{line}: {reason}"));
        Ok(())
    }
}

impl Collected {
    pub(in crate::ingest) fn lines(&self) -> Vec<String> {
        self.samples.iter().map(|(key, ts, value)| format!("{key} {} {value}", ts.millis())).collect()
    }
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))?;
        if !self.refused.is_empty() {
            write!(f, "\nrefused\n{}", self.refused.join("\n"))?;
        }
        Ok(())
    }
}

pub(in crate::ingest) fn collect(parser: &mut dyn Parser, mut bytes: &[u8]) -> Collected {
    let mut collected = Collected::default();
    assert!(stream::read(&mut bytes, parser, &mut collected).is_ok());
    collected
}

/// Gives the parser a few bytes more each time.
pub(in crate::ingest) fn collect_in_pieces(parser: &mut dyn Parser, bytes: &[u8], size: usize) -> Collected {
    let mut collected = Collected::default();
    let (mut taken, mut shown) = (0, 0);
    while shown < bytes.len() {
        shown = (shown + size).min(bytes.len());
        taken += parser.parse(&bytes[taken..shown], Follows::More, &mut collected).unwrap();
    }
    taken += parser.parse(&bytes[taken..], Follows::Nothing, &mut collected).unwrap();
    assert_eq!(taken, bytes.len());
    collected
}
