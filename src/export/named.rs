//! Series as the exchange formats name them: the node is the label `node`, the metric perhaps `__name__`.

use crate::model::SeriesKey;

/// Names that mean something in one of the formats: the node, and the metric, which Prometheus keeps as a label.
const RESERVED: [&str; 2] = ["node", "__name__"];

/// The labels of a series with its node among them, sorted by key. A label that has a name of ours gets `exported_` in front, as in Prometheus; one that
/// looks as if that had been done already gets one more, so that taking one away always gives the label back.
pub(crate) fn labels(key: &SeriesKey) -> Vec<(String, &str)> {
    let shifted = |label: &str| {
        let plain = label.strip_prefix("exported_").map_or(label, |rest| rest.trim_start_matches("exported_"));
        if RESERVED.contains(&plain) { format!("exported_{label}") } else { label.to_owned() }
    };
    let mut labels: Vec<(String, &str)> = key.labels.iter().map(|(label, value)| (shifted(label), value)).collect();
    labels.push(("node".to_owned(), key.node.as_str()));
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::memory::key;

    #[test]
    fn a_label_that_is_named_as_ours_makes_room() {
        let key = key("a", "up", &[("node", "x"), ("exported_node", "y"), ("mode", "z"), ("exported_mode", "w")]);
        let labels: Vec<String> = labels(&key).iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(labels, ["exported_exported_node=y", "exported_mode=w", "exported_node=x", "mode=z", "node=a"]);
    }
}
