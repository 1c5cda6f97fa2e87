//! What engines that speak the same API do differently.

use std::fmt;
use std::str::FromStr;

use crate::model::TimeRange;

/// What a person says of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// It is asked.
    #[default]
    Auto,
    /// Prometheus, and what has its query engine: Mimir, Thanos, Cortex.
    Prometheus,
    /// VictoriaMetrics, single or cluster.
    Victoria,
}

impl FromStr for Flavour {
    type Err = String;

    fn from_str(text: &str) -> Result<Flavour, String> {
        match text {
            "auto" => Ok(Flavour::Auto),
            "prometheus" | "mimir" | "thanos" | "cortex" => Ok(Flavour::Prometheus),
            "victoria" | "victoriametrics" => Ok(Flavour::Victoria),
            _ => Err(format!(
                "`{text}` is none of auto, prometheus, victoria, or the name of an engine: mimir, thanos, cortex, victoriametrics"
            )),
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flavour::Auto => "auto",
            Flavour::Prometheus => "prometheus",
            Flavour::Victoria => "victoria",
        })
    }
}

/// What is known of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// MetricsQL: several aggregates in one question, the times of the first and last sample, growth that is not extrapolated, JSON lines.
    Victoria,
    /// PromQL. Before Prometheus 3.0 a window held the moment it begins at too.
    Prometheus {
        /// Whether a window holds the moment it begins at.
        closed: bool,
    },
}

/// Only MetricsQL has this function.
pub(super) const PROBE_VICTORIA: &str = "tlast_over_time(vector(1)[1m])";
/// 3 where a window holds both of its ends, 2 where not the one it begins at.
pub(super) const PROBE_CLOSED: &str = "count_over_time(vector(1)[2ms:1ms])";

impl Dialect {
    /// The window of a range vector that holds what is in `[t - width, t)`, where it is evaluated at `t`: samples have whole milliseconds, and a window
    /// that ends a millisecond earlier is what we call half-open.
    pub(super) fn window(self, width_ms: i64) -> String {
        let width_ms = match self {
            Dialect::Prometheus { closed: true } => (width_ms - 1).max(1),
            _ => width_ms,
        };
        format!("[{width_ms}ms] offset 1ms")
    }

    /// The window, and the moment it is evaluated at, of the samples themselves. It may hold one too many.
    pub(super) fn raw_window(self, range: TimeRange) -> (String, i64) {
        (format!("[{}ms]", range.millis().max(1)), range.to().millis() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_half_open_in_every_dialect() {
        assert_eq!(Dialect::Victoria.window(60_000), "[60000ms] offset 1ms");
        assert_eq!(Dialect::Prometheus { closed: true }.window(60_000), "[59999ms] offset 1ms");
        assert_eq!(Dialect::Prometheus { closed: false }.window(60_000), "[60000ms] offset 1ms");
    }

    #[test]
    fn engines_have_names() {
        assert_eq!("mimir".parse(), Ok(Flavour::Prometheus));
        assert_eq!("victoriametrics".parse(), Ok(Flavour::Victoria));
        insta::assert_snapshot!("influx".parse::<Flavour>().unwrap_err(), @"`influx` is none of auto, prometheus, victoria, or the name of an engine: mimir, thanos, cortex, victoriametrics");
    }
}
