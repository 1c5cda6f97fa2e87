//! Floor 6: the library as one value, for a program that wants metrics kept, plotted, exported and summed up, and nothing else to learn.
//!
//! [`MetricsVisualizer`] holds one database file. What it does is a few lines over the parts below ([`store`](crate::store),
//! [`query`](crate::query), [`report`], [`export`]), which are there for those who want more.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use crate::analyse;
use crate::export::{self, ExportError, Shape, TimeFormat};
use crate::model::{
    Batch, Labels, MetricName, NameError, NodeName, Sample, Selector, SelectorError, SeriesKey, TimeRange, Timestamp,
};
use crate::query::summary::Summary;
use crate::query::{LocalSource, QueryError};
use crate::report::{self, Report, ReportError, ReportOptions};
use crate::store::{OnConflict, Store, StoreError, StoreOptions, WriteCounts};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum FacadeError {
    /// A node's or metric's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A glob.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// A time that no sample may carry.
    #[error("{at} is outside of the years 1970 to 9999: times are milliseconds since 1970")]
    Time {
        /// The time.
        at: Timestamp,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question to it.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The figure.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The export.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// The usual numbers of a node under the names that reports know; what is `None` is not stored.
///
/// ```
/// use nodebook::facade::NodeMetrics;
/// let metrics = NodeMetrics { cpu_percent: Some(42.0), partition_count: Some(128.0), ..NodeMetrics::default() };
/// let pairs: Vec<_> = metrics.into_iter().collect();
/// assert_eq!(pairs, [("cpu_percent", 42.0), ("partition_count", 128.0)]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeMetrics {
    /// Busy share of the processors, 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Used share of the memory, 0 to 100.
    pub memory_percent: Option<f64>,
    /// Used share of the fullest disk, 0 to 100.
    pub disk_percent: Option<f64>,
    /// Runnable processes, mean over a minute.
    pub load1: Option<f64>,
    /// Bytes read from all disks a second.
    pub disk_read_bytes_per_second: Option<f64>,
    /// Bytes written to all disks a second.
    pub disk_write_bytes_per_second: Option<f64>,
    /// Bytes received from the network a second.
    pub net_receive_bytes_per_second: Option<f64>,
    /// Bytes sent to the network a second.
    pub net_transmit_bytes_per_second: Option<f64>,
    /// Partitions the node holds.
    pub partition_count: Option<f64>,
    /// Partitions the node leads.
    pub partition_leader_count: Option<f64>,
}

impl IntoIterator for NodeMetrics {
    type Item = (&'static str, f64);
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<(&'static str, f64)>, 10>>;

    fn into_iter(self) -> Self::IntoIter {
        let named = |name: &'static str, value: Option<f64>| value.map(|value| (name, value));
        [
            named("cpu_percent", self.cpu_percent),
            named("memory_percent", self.memory_percent),
            named("disk_percent", self.disk_percent),
            named("load1", self.load1),
            named("disk_read_bytes_per_second", self.disk_read_bytes_per_second),
            named("disk_write_bytes_per_second", self.disk_write_bytes_per_second),
            named("net_receive_bytes_per_second", self.net_receive_bytes_per_second),
            named("net_transmit_bytes_per_second", self.net_transmit_bytes_per_second),
            named("partition_count", self.partition_count),
            named("partition_leader_count", self.partition_leader_count),
        ]
        .into_iter()
        .flatten()
    }
}

/// A cluster's metrics in one file: add, plot, export, sum up.
///
/// It is the file's one writer while it lives (a second one is refused); whoever reads the file meanwhile sees what was added so far.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("cluster.db");
/// use nodebook::MetricsVisualizer;
/// use nodebook::model::{TimeRange, Timestamp};
///
/// let mut metrics = MetricsVisualizer::open(&path)?;
/// let now = Timestamp::from_millis(1_767_571_200_000);
/// metrics.add_metrics("db-1", [("cpu_percent", 12.5), ("partition_count", 64.0)], now)?;
/// let html = metrics.plot_node_metrics(&["db-1"], &["cpu_percent"], TimeRange::ALL)?;
/// assert!(html.contains("db-1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MetricsVisualizer {
    store: Store,
    path: PathBuf,
    timezone: Tz,
}

impl MetricsVisualizer {
    /// Opens the database at `path` for writing, and creates it where there is none. Every commit is synced.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// let metrics = MetricsVisualizer::open(&path)?;
    /// assert!(MetricsVisualizer::open(&path).is_err(), "there is one writer at a time");
    /// metrics.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FacadeError> {
        let path = path.as_ref().to_path_buf();
        let store = Store::open(&path, StoreOptions::default())?;
        Ok(MetricsVisualizer { store, path, timezone: Tz::UTC })
    }

    /// Shows times of figures in `timezone` instead of UTC.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// let metrics = MetricsVisualizer::open(&path)?.with_timezone("Europe/Berlin".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_timezone(mut self, timezone: Tz) -> Self {
        self.timezone = timezone;
        self
    }

    /// Stores values of one node at one moment, in one commit: all of them survive a crash, or none was acknowledged. Takes names with values, or
    /// [`NodeMetrics`]. A value that is there already for that metric and moment stays (`dropped` in the counts, or `duplicates` where it
    /// is the same).
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// use nodebook::facade::NodeMetrics;
    /// use nodebook::model::Timestamp;
    ///
    /// let mut metrics = MetricsVisualizer::open(&path)?;
    /// let now = Timestamp::from_millis(1_767_571_200_000);
    /// let counts = metrics.add_metrics("db-1", [("cpu_percent", 12.5), ("queue_depth", 3.0)], now)?;
    /// assert_eq!(counts.stored, 2);
    /// metrics.add_metrics("db-2", NodeMetrics { load1: Some(0.7), ..NodeMetrics::default() }, now)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_metrics<M: AsRef<str>>(
        &mut self,
        node: &str,
        metrics: impl IntoIterator<Item = (M, f64)>,
        at: Timestamp,
    ) -> Result<WriteCounts, FacadeError> {
        if !at.is_storable() {
            return Err(FacadeError::Time { at });
        }
        let node = NodeName::new(node)?;
        let mut batch = Batch::default();
        for (metric, value) in metrics {
            let metric = MetricName::new(metric.as_ref())?;
            let key = SeriesKey { node: node.clone(), metric, labels: Labels::default() };
            batch.push(key, None, Sample { ts: at, value });
        }
        self.add_batch(&batch)
    }

    /// Stores a batch of samples of any series, with labels, units and kinds, in one commit.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// use nodebook::model::{Batch, Labels, MetricName, NodeName, Sample, SeriesKey, Timestamp};
    ///
    /// let key = SeriesKey {
    ///     node: NodeName::new("db-1")?,
    ///     metric: MetricName::new("disk_percent")?,
    ///     labels: Labels::new([("mount", "/var")])?,
    /// };
    /// let mut batch = Batch::default();
    /// batch.push(key, None, Sample { ts: Timestamp::from_millis(1_767_571_200_000), value: 71.0 });
    /// let counts = MetricsVisualizer::open(&path)?.add_batch(&batch)?;
    /// assert_eq!(counts.stored, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_batch(&mut self, batch: &Batch) -> Result<WriteCounts, FacadeError> {
        Ok(self.store.append(batch, OnConflict::Keep)?)
    }

    /// A figure of some metrics of some nodes over `range`, as an HTML page by itself that needs no network. `nodes` are names, none means all;
    /// `metrics` are names or globs of stored or shown metrics.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// use nodebook::model::{TimeRange, Timestamp};
    ///
    /// let mut metrics = MetricsVisualizer::open(&path)?;
    /// for minute in 0..60 {
    ///     let at = Timestamp::from_millis(1_767_571_200_000 + minute * 60_000);
    ///     metrics.add_metrics("db-1", [("load1", minute as f64 / 10.0)], at)?;
    /// }
    /// let html = metrics.plot_node_metrics(&["db-1"], &["load1"], TimeRange::ALL)?;
    /// assert!(html.starts_with("<!"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn plot_node_metrics(&self, nodes: &[&str], metrics: &[&str], range: TimeRange) -> Result<String, FacadeError> {
        let nodes: Vec<String> = nodes.iter().map(|name| literal(name)).collect();
        let source = self.source()?;
        let range = within_data(&source, range)?;
        let options = ReportOptions::new(range, Selector::parse(&nodes, &[], &[])?, self.timezone);
        let metrics: Vec<String> = metrics.iter().map(|metric| (*metric).to_owned()).collect();
        Ok(report::plot_html(&source, &metrics, &options)?)
    }

    /// Writes the samples of the selected series in `range` as CSV (`timestamp,node,metric,labels,value`), ordered by time, in constant memory; returns
    /// their number. `nodebook import` reads it back, bit for bit.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// use nodebook::model::{Selector, TimeRange, Timestamp};
    ///
    /// let mut metrics = MetricsVisualizer::open(&path)?;
    /// metrics.add_metrics("db-1", [("load1", 0.5)], Timestamp::from_millis(1_767_571_200_000))?;
    /// let mut csv = Vec::new();
    /// assert_eq!(metrics.export_metrics(&mut csv, &Selector::all(), TimeRange::ALL)?, 1);
    /// assert_eq!(csv, b"timestamp,node,metric,labels,value\n2026-01-05T00:00:00.000Z,db-1,load1,,0.5\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export_metrics(
        &self,
        out: &mut dyn Write,
        selector: &Selector,
        range: TimeRange,
    ) -> Result<u64, FacadeError> {
        Ok(export::csv(&self.source()?, selector, range, Shape::Long, TimeFormat::Rfc3339, out)?)
    }

    /// The whole report of `range` as one HTML page that opens offline: what `nodebook report` writes, with findings, charts and tables of all nodes.
    /// [`report::Report`] is for those who want it of some nodes, with a title, or compared with another period.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// use nodebook::model::{TimeRange, Timestamp};
    ///
    /// let mut metrics = MetricsVisualizer::open(&path)?;
    /// for second in 0..60 {
    ///     let at = Timestamp::from_millis(1_767_571_200_000 + second * 1000);
    ///     metrics.add_metrics("db-1", [("cpu_percent", 12.5)], at)?;
    /// }
    /// assert!(metrics.report(TimeRange::ALL)?.contains("CPU busy"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(&self, range: TimeRange) -> Result<String, FacadeError> {
        let source = self.source()?;
        let range = within_data(&source, range)?;
        let report = Report::of(&source, &ReportOptions::new(range, Selector::all(), self.timezone))?;
        Ok(report::html(&report.view)?)
    }

    /// The numbers of every stored series in `range`, how complete they are, and findings; serialises to what `nodebook summary --format json` prints.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// use nodebook::model::{TimeRange, Timestamp};
    ///
    /// let mut metrics = MetricsVisualizer::open(&path)?;
    /// metrics.add_metrics("db-1", [("load1", 0.5)], Timestamp::from_millis(1_767_571_200_000))?;
    /// let summary = metrics.summary(TimeRange::ALL)?;
    /// assert_eq!((summary.metrics[0].metric.as_str(), summary.metrics[0].max), ("load1", 0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn summary(&self, range: TimeRange) -> Result<Summary, FacadeError> {
        let source = self.source()?;
        let range = within_data(&source, range)?;
        Ok(analyse::summarise(&source, &Selector::all(), range, &analyse::Options::default(), &|t| t.to_rfc3339())?.0)
    }

    /// Writes everything into the one file and closes it. Dropping it loses nothing either, but may leave SQLite's log beside the file.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("cluster.db");
    /// use nodebook::MetricsVisualizer;
    /// MetricsVisualizer::open(&path)?.close()?;
    /// assert_eq!(std::fs::read_dir(dir.path())?.filter_map(Result::ok).filter(|f| f.file_name() != "cluster.db.lock").count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(self) -> Result<(), FacadeError> {
        Ok(self.store.close()?)
    }

    fn source(&self) -> Result<LocalSource, FacadeError> {
        Ok(LocalSource::open(&self.path)?)
    }
}

/// `range` cut to the time there is data of, so that "all" is not eight thousand years of buckets; as it is where both have nothing in common.
fn within_data(source: &LocalSource, range: TimeRange) -> Result<TimeRange, QueryError> {
    use crate::query::Source;
    Ok(source
        .span()?
        .and_then(|data| data.intersect(range))
        .unwrap_or(TimeRange::new(range.from(), range.from()).unwrap_or(range)))
}

/// A glob that matches exactly `name`.
fn literal(name: &str) -> String {
    let mut glob = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if matches!(c, '\\' | '*' | '?' | '[' | ']' | '{' | '}' | ',' | '!') {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_matched_as_it_is() {
        for name in ["a", "!a", "a*b", "[x]", "{a,b}", "a\\b", "a?", "<img src=x>"] {
            let selector = Selector::parse(&[literal(name)], &[], &[]).unwrap();
            assert!(selector.matches_node(name), "{name}");
            assert!(!selector.matches_node("other") && !selector.matches_node("axb"), "{name}");
        }
    }

    #[test]
    fn typed_metrics_have_the_names_that_reports_know() {
        let some = Some(1.0);
        let all = NodeMetrics {
            cpu_percent: some,
            memory_percent: some,
            disk_percent: some,
            load1: some,
            disk_read_bytes_per_second: some,
            disk_write_bytes_per_second: some,
            net_receive_bytes_per_second: some,
            net_transmit_bytes_per_second: some,
            partition_count: some,
            partition_leader_count: some,
        };
        assert_eq!(all.into_iter().count(), 10);
        assert!(all.into_iter().all(|(name, _)| crate::model::catalogue::Catalogue::built_in().get(name).is_some()));
    }
}
