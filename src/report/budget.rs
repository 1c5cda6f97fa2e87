//! How fine the data of a page is, so that the page stays within its size: a pure choice, best first.

use super::options::{HEATMAP_ROWS_MAX, OTHER_CHARTS_MAX};

/// What the page carries of every metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// Most buckets the period is cut into.
    pub buckets: usize,
    /// Bits of a packed value.
    pub bits: u8,
    /// Which rows carry the smallest and the largest sample of each bucket beside the mean.
    pub limits: Limits,
    /// Which rows carry the mean of the other period beside that of this one.
    pub compared: Compared,
    /// Most metrics of no known kind: of more only the names.
    pub others: usize,
}

impl Resolution {
    /// Whether a page at another resolution draws the same of the same data, and packs it in another way.
    pub fn differs_in_packing(self, other: Resolution) -> bool {
        (self.buckets, self.others) == (other.buckets, other.others)
    }

    /// Whether there is none that is coarser, for a page with so many metrics of no known kind.
    pub fn is_coarsest(self, others: usize) -> bool {
        (self.buckets, self.bits) == (COARSEST.buckets, COARSEST.bits) && others == 0
    }
}

/// Rows with the other period, beside those whose line of it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// Every node's.
    All,
    /// Every node's of the metrics that have a tile: a filter can tell their change.
    Tiles,
    /// No other: a filter hides the change.
    Drawn,
}

/// Rows with minimum and maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Every row.
    All,
    /// Those that a chart draws, and what all nodes do together.
    Notable,
}

/// From the finest to the coarsest. A chart is 200 to 400 pixels high and 400 to 1,100 wide: 9 bits are half a pixel, 8 bits are seen as steps.
const LADDER: [Resolution; 12] = [
    rung(700, 10, Limits::All, Compared::All),
    rung(700, 10, Limits::Notable, Compared::All),
    rung(350, 9, Limits::All, Compared::All),
    rung(350, 9, Limits::Notable, Compared::Tiles),
    rung(350, 8, Limits::Notable, Compared::Tiles),
    rung(175, 9, Limits::Notable, Compared::Tiles),
    rung(175, 8, Limits::Notable, Compared::Tiles),
    rung(175, 8, Limits::Notable, Compared::Drawn),
    rung(90, 8, Limits::Notable, Compared::Drawn),
    COARSEST,
    Resolution { others: 8, ..COARSEST },
    Resolution { others: 0, ..COARSEST },
];
/// Of everything.
const COARSEST: Resolution = rung(45, 8, Limits::Notable, Compared::Drawn);

const fn rung(buckets: usize, bits: u8, limits: Limits, compared: Compared) -> Resolution {
    Resolution { buckets, bits, limits, compared, others: OTHER_CHARTS_MAX }
}

impl Default for Resolution {
    fn default() -> Self {
        LADDER[2]
    }
}

/// What a page is made of, as far as it is known before it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Contents {
    pub nodes: usize,
    pub metrics: usize,
    /// Nodes and their parts, over all metrics.
    pub rows: usize,
    /// How many of the metrics are of no known kind, and how many of the rows.
    pub others: usize,
    pub other_rows: usize,
    /// Nodes of all metrics that the other period has too, and those of the metrics with a tile.
    pub compared: usize,
    pub compared_in_tiles: usize,
    /// Charts of what was found.
    pub found: usize,
    /// Buckets that the sampling gives at most: more would be empty.
    pub buckets_max: usize,
    pub interactive: bool,
}

/// Bytes of a page, measured on simulated clusters: plotly.js and the page's script, style and words; a chart with its table and figure;
/// a chart of what was found, with its part of the lists beside it; a node with its row, and that of the heatmap; a packed value in base64.
const INTERACTIVE: f64 = 525_000.0;
const PAGE: f64 = 84_000.0;
const CHART: f64 = 14_000.0;
const FOUND: f64 = 13_000.0;
const NODE: f64 = 1_900.0;
const HEATMAP_ROW: f64 = 1_100.0;
const VALUE_8_BITS: f64 = 0.57;
/// A bit more of noise, in base64.
const VALUE_BIT: f64 = 0.07;
/// A minimum or maximum is near its mean.
const LIMIT_SHARE: f64 = 0.75;

impl Contents {
    fn estimate(&self, resolution: Resolution) -> f64 {
        self.bytes(resolution, VALUE_8_BITS + VALUE_BIT * f64::from(resolution.bits - 8))
    }

    /// With values of `each` so many bytes.
    fn bytes(&self, resolution: Resolution, each: f64) -> f64 {
        let others = resolution.others.min(self.others);
        let left_out = self.other_rows * (self.others - others) / self.others.max(1);
        let (metrics, rows) = (self.metrics - self.others + others, self.rows - left_out);
        let fixed = PAGE
            + CHART * metrics as f64
            + FOUND * self.found as f64
            + NODE * self.nodes as f64
            + HEATMAP_ROW * self.nodes.min(HEATMAP_ROWS_MAX) as f64;
        if !self.interactive {
            return fixed;
        }
        let values = (rows * resolution.buckets.min(self.buckets_max)) as f64;
        let limits = if resolution.limits == Limits::All { 1.0 + 2.0 * LIMIT_SHARE } else { 1.0 };
        let compared = match resolution.compared {
            Compared::All => self.compared,
            Compared::Tiles => self.compared_in_tiles,
            Compared::Drawn => 0,
        };
        let compared = (compared * resolution.buckets.min(self.buckets_max)) as f64;
        fixed + INTERACTIVE + (values * limits + compared) * each
    }
}

/// Of the size that a page is to stay within it fills so much.
const AIM: f64 = 0.8;

/// The size that a page aims at.
pub(crate) fn aim(max_bytes: u64) -> u64 {
    (AIM * max_bytes as f64) as u64
}

/// Whether a page of this resolution stays within the aim whatever its values are: nothing packs noise, and a character of base64 holds six bits.
pub(crate) fn is_sure(contents: &Contents, resolution: Resolution, max_bytes: u64) -> bool {
    contents.bytes(resolution, f64::from(resolution.bits) / 6.0) <= aim(max_bytes) as f64
}

fn first_that_fits(contents: &Contents, max_bytes: u64) -> Option<usize> {
    LADDER.iter().position(|r| contents.estimate(*r) <= aim(max_bytes) as f64)
}

/// The most that a page may have to be taken: the aim, or what is asked for where no resolution is estimated to reach that.
pub(crate) fn limit(contents: &Contents, max_bytes: u64) -> u64 {
    first_that_fits(contents, max_bytes).map_or(max_bytes, |_| aim(max_bytes))
}

/// The resolutions to try, best first: those that are estimated to reach the aim of `max_bytes`, and all that are coarser; where none is, those that leave out nothing but
/// buckets, and metrics of no known kind. What is no coarser than
/// the one before, because the sampling is, is left out.
pub(crate) fn choices(contents: &Contents, max_bytes: u64) -> Vec<Resolution> {
    let compared = |r: &Resolution| (contents.compared > 0).then_some(r.compared);
    let effective = |r: &Resolution| {
        (r.buckets.min(contents.buckets_max), r.bits, r.limits, compared(r), r.others.min(contents.others))
    };
    let is_coarse = |r: &Resolution| *r == COARSEST;
    let first = first_that_fits(contents, max_bytes).or_else(|| LADDER.iter().position(is_coarse)).unwrap_or(0);
    let mut choices: Vec<Resolution> = Vec::new();
    for rung in &LADDER[first..] {
        if !choices.iter().any(|earlier| effective(earlier) == effective(rung)) {
            choices.push(*rung);
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Contents = Contents {
        nodes: 100,
        metrics: 20,
        rows: 2_000,
        others: 0,
        other_rows: 0,
        compared: 0,
        compared_in_tiles: 0,
        found: 0,
        buckets_max: 60_480,
        interactive: true,
    };

    #[test]
    fn small_pages_are_fine_and_large_ones_coarse() {
        let first = |contents: Contents, max| choices(&contents, max)[0];
        assert_eq!(first(Contents { nodes: 3, rows: 60, ..WEEK }, 2_000_000), LADDER[0]);
        assert_eq!(first(WEEK, 2_000_000), LADDER[3]);
        let busy = Contents { metrics: 19, rows: 1_900, found: 12, ..WEEK };
        assert_eq!(first(busy, 2_000_000), LADDER[5]);
        let compared = Contents { compared: 2_000, compared_in_tiles: 900, ..WEEK };
        assert_eq!((first(compared, 2_000_000), first(compared, 1_350_000)), (LADDER[5], LADDER[9]));
        let huge = Contents { nodes: 500, metrics: 60, rows: 30_000, ..WEEK };
        assert_eq!(first(huge, 2_000_000), LADDER[9]);
        let without = Contents { others: 43, other_rows: 21_500, ..huge };
        assert_eq!([3_600_000, 3_000_000].map(|max| first(without, max)), [LADDER[9], LADDER[10]]);
        assert_eq!(choices(&without, 2_000_000), LADDER[9..], "an estimate leaves nothing out");
        assert_eq!([3_000_000, 2_000_000].map(|max| limit(&without, max)), [2_400_000, 2_000_000]);
        assert_eq!(first(Contents { interactive: false, ..WEEK }, 2_000_000), LADDER[0]);
    }

    #[test]
    fn a_small_page_is_sure_to_fit_and_one_that_just_fits_is_not() {
        assert!(is_sure(&Contents { nodes: 3, rows: 60, ..WEEK }, LADDER[0], 2_000_000));
        assert!(!is_sure(&WEEK, choices(&WEEK, 2_000_000)[0], 2_000_000));
    }

    #[test]
    fn every_choice_is_another_page() {
        let short = Contents { buckets_max: 30, ..WEEK };
        let tried = choices(&short, 2_000_000);
        assert_eq!(tried[..2], LADDER[..2]);
        // At 30 buckets at most, those with 175 are those with 350 again.
        assert_eq!(tried.last(), Some(&LADDER[4]));
        let compared = Contents { compared: 2_000, ..short };
        assert_eq!(choices(&compared, 2_000_000).last(), Some(&LADDER[7]), "without the other period");
    }

    #[test]
    fn a_larger_budget_never_gives_a_coarser_page() {
        let mut last = usize::MAX;
        for max in (0..60).map(|step| step * 100_000) {
            let place = LADDER.iter().position(|r| *r == choices(&WEEK, max)[0]).unwrap();
            assert!(place <= last, "{max}");
            last = place;
        }
        assert_eq!(last, 0);
    }
}
