//! Shown metrics: what the catalogue makes of stored series, node by node, on a grid.
//!
//! [`plan`] is pure: it decides from the list of series which metrics can be shown and from what ([`Shown`]). [`offered`] are the quantiles of histograms, which are shown where they are asked for. [`load`] fetches one of them as a
//! [`Frame`]: a row a node, a row a part. [`own`] is the plan of what somebody else describes. [`across`] makes the cluster's line of the nodes'. [`coverage`] says how complete the data is.

mod across;
mod counted;
mod coverage;
mod fold;
mod histogram;
mod load;
mod own;
mod plan;
mod shown;
mod up;

pub use across::{Across, Cluster, across};
pub use coverage::{Coverage, GAP_INTERVALS, coverage};
pub use fold::fold_lines;
pub use load::{Frame, Row, Stats, ahead, load};
pub(super) use load::{QUANTILES, rate_stats};
pub use own::{By, Own, own};
pub use plan::{offered, plan};
pub use shown::{Lines, Made, Shown, ShownNode, ShownPart};
