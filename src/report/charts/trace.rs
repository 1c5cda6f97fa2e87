use plotly::{HeatMap, Scatter, Trace};
use serde::Serialize;

/// What a trace of the page draws.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Source {
    /// The line of a row of a metric.
    Row { metric: usize, row: usize, col: &'static str },
    /// One line over all nodes that the filter shows, or over one part of each.
    Fold {
        metric: usize,
        agg: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<String>,
    },
    /// The other period's line of a row, of a part over all nodes, or of all nodes together.
    Before {
        metric: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        row: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<String>,
    },
    /// From the smallest to the largest of the nodes that the filter shows.
    Band { metric: usize },
    /// A line on the figure's own grid.
    Own { col: u32 },
    /// From one column on the figure's own grid to another.
    Between { lo: u32, hi: u32 },
    /// A point by itself; `at` in ms UTC.
    Mark { at: i64, value: f64 },
    /// Nodes by time, the `top` busiest.
    Heat { metric: usize, top: usize },
    /// A bar a node, the `top` longest.
    Bar { metric: usize, stat: &'static str, top: usize },
}

/// A plotly trace whose arrays the page fills in.
#[derive(Clone, Serialize)]
pub(super) struct Sourced<T> {
    #[serde(flatten)]
    pub trace: Box<T>,
    pub nb: Source,
}

macro_rules! sourced_trace {
    ($inner:ty) => {
        impl Trace for Sourced<$inner> {
            fn to_json(&self) -> String {
                // Only a map with keys that are no text can fail here, and there is none.
                serde_json::to_string(self).unwrap_or_default()
            }
        }
    };
}

sourced_trace!(Scatter<String, f64>);
sourced_trace!(HeatMap<String, String, Vec<f64>>);
sourced_trace!(plotly::Bar<f64, String>);
