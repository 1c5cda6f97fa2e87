//! Quantiles of classic histograms: counters `NAME_bucket` of what is at most `le`.

use super::plan::Nodes;
use super::shown::{Lines, Made, Shown, ShownNode, ShownPart};
use crate::model::catalogue::{Fold, Section, Unit, Worse};
use crate::model::{Series, SeriesId};

/// The quantiles that are offered, in percent.
const OFFERED: [f64; 4] = [50.0, 90.0, 95.0, 99.0];

/// `NAME_p50` and so on of every histogram: those metrics `NAME_bucket` whose series have an `le`. One line a node, over all its series.
pub(super) fn quantiles(nodes: &Nodes) -> impl Iterator<Item = Shown> {
    let stored: std::collections::BTreeSet<&str> = nodes.values().flat_map(|metrics| metrics.keys().copied()).collect();
    let names = stored.into_iter().filter_map(|metric| metric.strip_suffix("_bucket"));
    names.flat_map(move |name| OFFERED.into_iter().filter_map(move |percent| of(name, percent, nodes)))
}

fn of(name: &str, percent: f64, nodes: &Nodes) -> Option<Shown> {
    let buckets = format!("{name}_bucket");
    let rows = nodes.iter().filter_map(|(node, metrics)| {
        let part = part(metrics.get(buckets.as_str())?, percent)?;
        Some(ShownNode { node: (*node).clone(), parts: vec![part] })
    });
    let rows: Vec<ShownNode> = rows.collect();
    (!rows.is_empty()).then(|| Shown {
        name: format!("{name}_p{percent}"),
        title: format!("{name}, p{percent}"),
        unit: Unit::of_histogram(&buckets),
        unit_name: None,
        section: Section::Other,
        worse: Worse::Neither,
        capacity: None,
        fold: Fold::Max,
        lines: Lines::Natural,
        made_of: words(&buckets, percent),
        nodes: rows,
    })
}

/// The words of a report's "made of".
pub(super) fn words(buckets: &str, percent: f64) -> String {
    format!("p{percent} within the buckets of {buckets}, over all series of a node")
}

/// The counters of a node by their bound; `None` where there are no two bounds, or none that takes everything.
pub(super) fn part(series: &[&Series], percent: f64) -> Option<ShownPart> {
    let bound = |s: &&Series| Some((s.key.labels.get("le")?.parse::<f64>().ok().filter(|le| !le.is_nan())?, s.id));
    let mut counters: Vec<(f64, SeriesId)> = series.iter().filter_map(bound).collect();
    counters.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut bounds, mut inputs): (Vec<f64>, Vec<Vec<SeriesId>>) = (Vec::new(), Vec::new());
    for (le, id) in counters {
        match inputs.last_mut() {
            Some(last) if bounds.last() == Some(&le) => last.push(id),
            _ => {
                bounds.push(le);
                inputs.push(vec![id]);
            }
        }
    }
    let is_whole = bounds.len() > 1 && bounds.last() == Some(&f64::INFINITY);
    is_whole.then(|| ShownPart { name: String::new(), made: Made::Quantile(percent / 100.0), inputs, bounds })
}

/// The quantile `share` of what grew in one stretch of time: `counts` are the growths of the counters, in the order of `bounds`, the last of which is
/// infinite. Linear within a bucket, which starts at the bound below it (the first at 0, if its own is above 0); what lies beyond the last finite bound is told as
/// that bound. NaN where nothing grew. The same as `histogram_quantile` of Prometheus (promql/quantile.go, `bucketQuantile`).
pub(super) fn quantile(share: f64, bounds: &[f64], counts: impl Iterator<Item = f64>) -> f64 {
    // A counter that is missing, or was read before one below it, stands no lower than that one.
    let mut most = 0.0_f64;
    let counts: Vec<f64> = counts
        .map(|count| {
            most = most.max(count); // never NaN
            most
        })
        .collect();
    let wanted = share * most;
    let above = counts.iter().position(|count| *count >= wanted).filter(|_| most > 0.0);
    let (Some(place), [.., last, _]) = (above, bounds) else { return f64::NAN };
    let Some(&upper) = bounds.get(place).filter(|bound| bound.is_finite()) else { return *last };
    let (lower, below) = match place.checked_sub(1) {
        Some(before) => (bounds[before], counts[before]),
        None if upper <= 0.0 => return upper,
        None => (0.0, 0.0),
    };
    let within = counts[place] - below;
    if within > 0.0 { lower + (upper - lower) * (wanted - below) / within } else { upper }
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::{MemorySource, key, range};
    use super::super::super::{Grid, Source};
    use super::super::{load, offered, plan};
    use super::*;
    use crate::model::Selector;
    use crate::model::catalogue::{Catalogue, Own};

    const INF: f64 = f64::INFINITY;

    #[test]
    fn linear_within_a_bucket() {
        let of = |share, bounds: &[f64], counts: &[f64]| quantile(share, bounds, counts.iter().copied());
        let (bounds, counts) = ([0.1, 0.2, 1.0, INF], [10.0, 30.0, 40.0, 40.0]);
        assert_eq!(of(0.5, &bounds, &counts), 0.1 + 0.1 * 0.5);
        assert!((of(0.95, &bounds, &counts) - 0.84).abs() < 1e-12);
        assert_eq!(of(0.1, &bounds, &counts), 0.04);
        assert_eq!(of(0.99, &bounds, &[1.0, 2.0, 3.0, 100.0]), 1.0);
        assert_eq!(of(0.2, &[-1.0, 0.0, INF], &[5.0, 10.0, 10.0]), -1.0);
        assert!(of(0.5, &bounds, &[0.0; 4]).is_nan());
        assert!(of(0.5, &bounds, &[f64::NAN; 4]).is_nan());
        // A bucket that is missing counts for nothing of its own.
        assert_eq!(of(0.5, &bounds, &[10.0, f64::NAN, 40.0, 40.0]), 0.2 + 0.8 * (20.0 - 10.0) / 30.0);
    }

    fn source() -> MemorySource {
        let grows = |by: f64| (0..4).map(move |i| (i * 60_000, by * i as f64));
        let counters = [
            ("/a", "0.1", 6.0),
            ("/a", "0.5", 6.0),
            ("/a", "+Inf", 6.0),
            ("/b", "0.1", 0.0),
            ("/b", "0.5", 6.0),
            ("/b", "+Inf", 6.0),
        ];
        counters.into_iter().fold(MemorySource::default(), |source, (path, le, by)| {
            source.with(key("a", "http_seconds_bucket", &[("le", le), ("path", path)]), grows(by))
        })
    }

    #[test]
    fn a_quantile_is_offered_and_shown_where_it_is_asked_for() {
        let series = source().all();
        let names = |shown: Vec<Shown>| shown.into_iter().map(|s| s.name).collect::<Vec<_>>();
        let of =
            |globs: &[&str]| names(plan(Catalogue::built_in(), &series, &Selector::parse(&[], globs, &[]).unwrap()));
        assert!(of(&[]).is_empty() && of(&["!http_seconds_p95"]).is_empty());
        assert_eq!(of(&["http_*_p95"]), ["http_seconds_p95"]);
        let all = ["http_seconds_p50", "http_seconds_p90", "http_seconds_p95", "http_seconds_p99"];
        assert_eq!(names(offered(&series, &Selector::all())), all);
    }

    #[test]
    fn the_series_of_a_node_are_added_up_before_the_quantile() {
        let source = source();
        let own = Own { name: "slow".into(), from: vec!["p75(http_seconds)".parse().unwrap()], ..Own::default() };
        let catalogue = Catalogue::built_in().with([own]);
        let shown = plan(&catalogue, &source.all(), &Selector::all()).pop().unwrap();
        assert_eq!((shown.name.as_str(), shown.unit), ("slow", Unit::Seconds));
        let r = range(60_000, 180_000);
        let frame = load(&source, &shown, r, Grid::covering(r, 60_000)).unwrap();
        // 6 up to 0.1 and 6 more up to 0.5; the 9th is half way from 0.1.
        frame.nodes[0].avg.iter().for_each(|p75| assert!((p75 - 0.3).abs() < 1e-12, "{p75}"));
        assert_eq!(source.catalogue(), Catalogue::built_in());
    }
}
