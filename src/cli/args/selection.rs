use clap::Args;

use crate::model::range::RangeSpec;
use crate::model::{Selector, SelectorError};

/// RANGE: which time.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Range (half-open; default: the last 24 h of data)")]
pub struct RangeArgs {
    /// The last so much, up to now or the end of the data: 30m, 6h, 7d, 4w
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["range", "from", "to"])]
    pub last: Option<String>,

    /// A period: yesterday, last-week, last-month, 2026-11-23, 2026-W14, 2026-Q1, now-1d/d, or FROM..TO
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["from", "to"])]
    pub range: Option<String>,

    /// Start, part of the range: 2026-11-23, '2026-11-23 14:00', RFC 3339, epoch, now-6h, yesterday
    #[arg(long, value_name = "T")]
    pub from: Option<String>,

    /// End, not part of the range: as --from; a period means its end [default: the end of the data]
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
}

impl RangeArgs {
    /// Whether anything is said.
    pub fn is_given(&self) -> bool {
        [&self.last, &self.range, &self.from, &self.to].into_iter().any(Option::is_some)
    }

    /// As the model reads it.
    pub fn spec(&self) -> RangeSpec {
        RangeSpec { last: self.last.clone(), range: self.range.clone(), from: self.from.clone(), to: self.to.clone() }
    }
}

/// SELECT: which series.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Selection (repeatable; !GLOB leaves out)")]
pub struct SelectArgs {
    /// Nodes: db-*, web-[0-9], {a,b}, !test-*
    #[arg(long, value_name = "GLOB")]
    pub node: Vec<String>,

    /// Metrics as they are stored: load1, disk_*; report, plot, analyse and compare take computed ones too
    #[arg(long, value_name = "GLOB")]
    pub metric: Vec<String>,

    /// Series by a label: mount=/var*, device=!loop*
    #[arg(long, value_name = "KEY=GLOB")]
    pub label: Vec<String>,
}

impl SelectArgs {
    /// Whether anything is said.
    pub fn is_given(&self) -> bool {
        [&self.node, &self.metric, &self.label].into_iter().any(|globs| !globs.is_empty())
    }

    /// What to add where nothing was found: a comma in a glob is no end of it.
    pub fn apart(&self) -> &'static str {
        let has_comma = |glob: &String| glob.contains(',') && !glob.contains('{');
        if self.node.iter().chain(&self.metric).any(has_comma) {
            "; globs are given one by one (--metric A --metric B), or as {A,B}"
        } else {
            ""
        }
    }

    /// As the model reads it.
    pub fn selector(&self) -> Result<Selector, SelectorError> {
        Selector::parse(&self.node, &self.metric, &self.label)
    }
}
