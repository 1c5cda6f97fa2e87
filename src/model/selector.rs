use globset::{GlobBuilder, GlobMatcher};

use super::SeriesKey;

/// Why a selector was refused.
#[derive(Debug, thiserror::Error)]
pub enum SelectorError {
    /// The glob itself is wrong.
    #[error("`{glob}` is not a glob: {reason}")]
    Glob {
        /// What was given.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A label selector without `=`.
    #[error("`{text}` is not of the form KEY=GLOB")]
    Label {
        /// What was given.
        text: String,
    },
}

/// Which series are meant: globs over node, metric and labels (`*`, `?`, `[a-z]`, `{a,b}`), `!GLOB` leaves out.
///
/// In each dimension a series must match at least one of the globs without `!`, if there are any, and none of those with it.
/// A label that a series does not have counts as the empty text.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    nodes: Globs,
    metrics: Globs,
    labels: Vec<(String, Globs)>,
}

/// Globs over one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Globs {
    wanted: Vec<GlobMatcher>,
    unwanted: Vec<GlobMatcher>,
}

impl Globs {
    pub(super) fn add(&mut self, text: &str) -> Result<(), SelectorError> {
        let (list, glob) = match text.strip_prefix('!') {
            Some(rest) => (&mut self.unwanted, rest),
            None => (&mut self.wanted, text),
        };
        let glob = GlobBuilder::new(glob)
            .literal_separator(false)
            .backslash_escape(true)
            .build()
            .map_err(|e| SelectorError::Glob { glob: text.to_owned(), reason: e.kind().to_string() })?;
        list.push(glob.compile_matcher());
        Ok(())
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        (self.wanted.is_empty() || self.wanted.iter().any(|g| g.is_match(text)))
            && !self.unwanted.iter().any(|g| g.is_match(text))
    }

    fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }
}

impl Selector {
    /// Every series.
    pub fn all() -> Self {
        Self::default()
    }

    /// From what a person typed: `--node`, `--metric` and `--label KEY=GLOB`, each any number of times.
    pub fn parse<S: AsRef<str>>(nodes: &[S], metrics: &[S], labels: &[S]) -> Result<Self, SelectorError> {
        let mut selector = Selector::default();
        for glob in nodes {
            selector.nodes.add(glob.as_ref())?;
        }
        for glob in metrics {
            selector.metrics.add(glob.as_ref())?;
        }
        for text in labels {
            selector.add_label(text.as_ref())?;
        }
        Ok(selector)
    }

    fn add_label(&mut self, text: &str) -> Result<(), SelectorError> {
        let (key, glob) = text.split_once('=').ok_or_else(|| SelectorError::Label { text: text.to_owned() })?;
        match self.labels.iter_mut().find(|(k, _)| k == key) {
            Some((_, globs)) => globs.add(glob),
            None => {
                let mut globs = Globs::default();
                globs.add(glob)?;
                self.labels.push((key.to_owned(), globs));
                Ok(())
            }
        }
    }

    /// Whether it leaves nothing out.
    pub fn is_all(&self) -> bool {
        self.nodes.is_empty() && self.metrics.is_empty() && self.labels.is_empty()
    }

    /// Whether a glob asks for the metric: one that nothing was said of is not asked for.
    pub fn names_metric(&self, metric: &str) -> bool {
        !self.metrics.wanted.is_empty() && self.metrics.matches(metric)
    }

    /// Whether the node is wanted.
    pub fn matches_node(&self, node: &str) -> bool {
        self.nodes.matches(node)
    }

    /// Whether a glob says something of nodes.
    pub fn names_node(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// Whether the metric is wanted.
    pub fn matches_metric(&self, metric: &str) -> bool {
        self.metrics.matches(metric)
    }

    /// Whether the metric is left out by a `!GLOB`, which is more than not being asked for: a shown metric is not made of it either.
    pub fn leaves_out_metric(&self, metric: &str) -> bool {
        self.metrics.unwanted.iter().any(|g| g.is_match(metric))
    }

    /// Whether the series is wanted, whatever its metric: node and labels only. For metrics that are derived from others,
    /// whose own name is tested with [`Selector::matches_metric`].
    pub fn matches_but_for_metric(&self, key: &SeriesKey) -> bool {
        self.nodes.matches(key.node.as_str())
            && self.labels.iter().all(|(k, globs)| globs.matches(key.labels.get(k).unwrap_or("")))
    }

    /// Whether the series is wanted.
    pub fn matches(&self, key: &SeriesKey) -> bool {
        self.metrics.matches(key.metric.as_str()) && self.matches_but_for_metric(key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Labels, MetricName, NodeName};
    use super::*;

    fn key(node: &str, metric: &str, labels: &[(&str, &str)]) -> SeriesKey {
        SeriesKey {
            node: NodeName::new(node).unwrap(),
            metric: MetricName::new(metric).unwrap(),
            labels: Labels::new(labels.iter().copied()).unwrap(),
        }
    }

    #[test]
    fn wanted_and_unwanted_globs() {
        let s = Selector::parse(&["db-*", "!db-9"], &["cpu_*"], &["mode=user", "mode=!x*"]).unwrap();
        assert!(s.matches(&key("db-1", "cpu_percent", &[("mode", "user")])));
        assert!(!s.matches(&key("db-9", "cpu_percent", &[("mode", "user")])));
        assert!(!s.matches(&key("db-1", "load1", &[("mode", "user")])));
        assert!(!s.matches(&key("db-1", "cpu_percent", &[])));
        assert!(Selector::all().matches(&key("a/b", "x", &[])));
    }

    #[test]
    fn a_star_crosses_slashes_and_a_bad_glob_is_named() {
        let s = Selector::parse(&["*"], &["*"], &["mount=/var*"]).unwrap();
        assert!(s.matches(&key("a", "disk_percent", &[("mount", "/var/lib/x")])));
        assert!(matches!(Selector::parse(&["[a"], &[], &[]), Err(SelectorError::Glob { .. })));
        assert!(matches!(Selector::parse(&[], &[], &["mode"]), Err(SelectorError::Label { .. })));
    }
}
