//! What a user knows of metrics.

use super::{Catalogue, Derivation, Fold, Input, Known, Section, Unit, Worse};
use crate::model::Kind;

/// A row of one's own, or what is said better of a known one. What is `None` stays as it is; of a new metric it is what its name says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// Name of the shown metric.
    pub name: String,
    /// Where it comes from, best first: before what a known one comes from otherwise.
    pub from: Vec<Derivation>,
    /// Title for people.
    pub title: Option<String>,
    /// A word of [`Unit::from_word`], or the name of what is counted.
    pub unit: Option<String>,
    /// Section of the report.
    pub section: Option<Section>,
    /// Direction of badness.
    pub worse: Option<Worse>,
    /// What full is.
    pub capacity: Option<f64>,
    /// The labels that tell parts.
    pub part_labels: Option<Vec<String>>,
    /// How parts become the node's line.
    pub fold: Option<Fold>,
}

impl Catalogue {
    /// With what a user knows, in the order in which it is said.
    pub fn with(&self, own: impl IntoIterator<Item = Own>) -> Catalogue {
        let mut rows = self.rows.clone();
        for one in own {
            match rows.iter_mut().find(|row| row.name == one.name) {
                Some(row) => one.apply(row),
                None => {
                    let mut row = one.new_row();
                    one.apply(&mut row);
                    rows.push(row);
                }
            }
        }
        Catalogue { rows }
    }
}

impl Own {
    /// The metric as its name and its first derivation tell it.
    fn new_row(&self) -> Known {
        let unit = match self.from.first() {
            Some(Derivation::Gauge { input, scale: 1.0 }) => Unit::from_name(&input.metric, Kind::Gauge),
            Some(Derivation::Rate { input, scale: 1.0 }) => Unit::from_name(&input.metric, Kind::Counter),
            Some(Derivation::Quantile { buckets, .. }) => Unit::of_histogram(&buckets.metric),
            Some(Derivation::Gauge { .. } | Derivation::Rate { .. } | Derivation::Sum(_)) | None => Unit::None,
            Some(_) => Unit::Percent,
        };
        let named = Unit::from_name(&self.name, Kind::Gauge);
        let unit = if named == Unit::None { unit } else { named };
        Known {
            name: self.name.clone(),
            title: self.name.clone(),
            unit,
            unit_name: None,
            section: Section::Other,
            worse: Worse::Neither,
            capacity: (unit == Unit::Percent).then_some(100.0),
            part_labels: Vec::new(),
            fold: match self.from.first() {
                Some(Derivation::Rate { .. }) => Fold::Sum,
                _ => Fold::Avg,
            },
            from: vec![Derivation::Gauge { input: Input::all(&self.name), scale: 1.0 }],
        }
    }

    fn apply(&self, row: &mut Known) {
        row.from.splice(0..0, self.from.iter().cloned());
        if let Some(title) = &self.title {
            row.title.clone_from(title);
        }
        if let Some(text) = &self.unit {
            let known = Unit::from_word(text);
            row.unit = known.unwrap_or(Unit::None);
            row.unit_name = known.is_none().then(|| text.clone());
            row.capacity = (row.unit == Unit::Percent).then_some(100.0);
        }
        row.section = self.section.unwrap_or(row.section);
        row.worse = self.worse.unwrap_or(row.worse);
        row.capacity = self.capacity.or(row.capacity);
        if let Some(labels) = &self.part_labels {
            row.part_labels.clone_from(labels);
        }
        row.fold = self.fold.unwrap_or(row.fold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str, formula: &str) -> Own {
        Own { name: name.to_owned(), from: vec![formula.parse().unwrap()], ..Own::default() }
    }

    #[test]
    fn a_known_metric_gets_another_source_and_keeps_what_it_is() {
        let built_in = Catalogue::built_in();
        let catalogue = built_in.with([own("cpu_percent", "100 - my_idle")]);
        let (before, now) = (built_in.get("cpu_percent").unwrap(), catalogue.get("cpu_percent").unwrap());
        assert_eq!(now.from[0].to_string(), "100 - my_idle");
        assert_eq!((now.from.len(), &now.title, now.unit), (before.from.len() + 1, &before.title, before.unit));
        assert_eq!(catalogue.rows().len(), built_in.rows().len());
    }

    #[test]
    fn a_new_metric_is_what_its_name_and_formula_say_and_what_is_said_of_it() {
        let said = Own { unit: Some("orders".into()), worse: Some(Worse::Low), ..own("orders", "rate(shop_orders)") };
        let catalogue = Catalogue::built_in().with([
            own("queue_bytes", "1024 * queue_kb"),
            own("busy", "100 * (1 - rate(a) / rate(b))"),
            own("done", "rate(done_total)"),
            own("slow", "p95(http_seconds)"),
            said,
        ]);
        let of = |name: &str| {
            let row = catalogue.get(name).unwrap();
            (row.unit, row.capacity, row.fold)
        };
        assert_eq!(of("queue_bytes"), (Unit::Bytes, None, Fold::Avg));
        assert_eq!(of("busy"), (Unit::Percent, Some(100.0), Fold::Avg));
        assert_eq!(of("done"), (Unit::PerSecond, None, Fold::Sum));
        assert_eq!(of("slow"), (Unit::Seconds, None, Fold::Avg));
        let orders = catalogue.get("orders").unwrap();
        assert_eq!((orders.unit_name.as_deref(), orders.worse), (Some("orders"), Worse::Low));
        assert!(catalogue.is_counter("shop_orders") && !catalogue.is_counter("queue_kb"));
        assert!(catalogue.is_counter("http_seconds_bucket"));
    }
}
