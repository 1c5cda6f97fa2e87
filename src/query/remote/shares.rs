//! All series of an engine in some time, asked about in as many shares as it takes.
//!
//! Engines bound how many series a question may be of: VictoriaMetrics lists 30,000 (`-search.maxSeries`) and computes over 300,000
//! (`-search.maxUniqueTimeseries`), Mimir has limits of each tenant. A question that is refused for that is asked in halves: by the names of metrics, and
//! where it is a single one, by the labels that name nodes.

use serde::Deserialize;

use super::engine::{Ask, Asker, seconds};
use super::error::RemoteError;
use super::plan::{SELECTOR_BYTES_MAX, any_of, quoted};
use crate::model::{NodeRule, Selector, TimeRange};

/// Every series.
const EVERYTHING: &str = "__name__!=\"\"";

/// Those of all series that have some names, and some values of a label or of several.
#[derive(Debug)]
pub(super) struct Share {
    /// Of metrics; `None` is any.
    names: Option<Vec<String>>,
    /// Of [`NodeRule::LABELS`], in their order. The empty value is that of series that have no such label.
    labels: Vec<Vec<String>>,
}

impl Share {
    /// All of them.
    pub(super) fn everything() -> Share {
        Share { names: None, labels: Vec::new() }
    }

    /// Those of some metrics.
    pub(super) fn of_metrics(names: Vec<String>) -> Share {
        Share { names: Some(names), labels: Vec::new() }
    }

    /// What asks for it: `{__name__=~"a|b",node="n"}`.
    pub(super) fn selector(&self) -> String {
        let name = match self.names.as_deref() {
            None => EVERYTHING.to_owned(),
            Some(names) => format!("__name__{}", one_of(names)),
        };
        let labels =
            NodeRule::LABELS.iter().zip(&self.labels).map(|(label, values)| format!(",{label}{}", one_of(values)));
        format!("{{{name}{}}}", labels.collect::<String>())
    }

    /// Smaller ones that are the same together; none where it cannot be cut.
    fn cut(&self, asker: &impl Asker, range: TimeRange) -> Result<Vec<Share>, RemoteError> {
        let of = |names| Share { names: Some(names), labels: self.labels.clone() };
        match &self.names {
            None => Ok(parts(&values(asker, "label/__name__/values", range)?).map(of).collect()),
            Some(names) if names.len() > 1 => Ok(parts(names).map(of).collect()),
            Some(_) => self.cut_by_label(asker, range),
        }
    }

    fn cut_by_label(&self, asker: &impl Asker, range: TimeRange) -> Result<Vec<Share>, RemoteError> {
        let (mut labels, mut open) = (self.labels.clone(), Vec::new());
        if let Some(last) = labels.pop() {
            if last.len() > 1 {
                open = last;
            } else {
                labels.push(last);
            }
        }
        while open.len() < 2 {
            let Some(path) = LABEL_VALUES.get(labels.len()) else { return Ok(Vec::new()) };
            open = values(asker, path, range)?;
            open.push(String::new());
            if open.len() < 2 {
                labels.push(std::mem::take(&mut open));
            }
        }
        let with = |open: Vec<String>| labels.iter().cloned().chain([open]).collect();
        Ok(parts(&open).map(|open| Share { names: self.names.clone(), labels: with(open) }).collect())
    }
}

/// Where the values are of each of [`NodeRule::LABELS`].
const LABEL_VALUES: [&str; NodeRule::LABELS.len()] =
    ["label/node/values", "label/host/values", "label/instance/values"];

/// Asks a question of all series; where that are too many for the engine, of one share of them after the other. What is refused though it cannot be cut
/// is an error.
pub(super) fn each_share<T: for<'de> Deserialize<'de>>(
    asker: &impl Asker,
    range: TimeRange,
    shares: Vec<Share>,
    ask: &dyn Fn(String) -> Ask,
    each: &mut dyn FnMut(T) -> Result<(), RemoteError>,
) -> Result<(), RemoteError> {
    let mut left = shares;
    while !left.is_empty() {
        let asks: Vec<Ask> = left.iter().map(|share| ask(share.selector())).collect();
        let mut refused = Vec::new();
        asker.each_or(&asks, &mut |_, data| each(data), &mut |place, error| {
            refused.push((place, error));
            Ok(())
        })?;
        let mut smaller = Vec::new();
        for (place, error) in refused {
            match left[place].cut(asker, range)? {
                none if none.is_empty() => return Err(error),
                parts => smaller.extend(parts),
            }
        }
        left = smaller;
    }
    Ok(())
}

/// The shares of the nodes that are selected, and of the series that name none.
pub(super) fn of_nodes(asker: &impl Asker, range: TimeRange, selector: &Selector) -> Result<Vec<Share>, RemoteError> {
    let mut shares = Vec::new();
    let mut before: Vec<Vec<String>> = Vec::new();
    for path in LABEL_VALUES {
        let chosen = values(asker, path, range)?.into_iter().filter(|node| selector.matches_node(node));
        let chosen: Vec<String> = chosen.collect();
        let with = |chosen: Vec<String>| before.iter().cloned().chain([chosen]).collect();
        shares.extend(fitting(&chosen).map(|chosen| Share { names: None, labels: with(chosen) }));
        before.push(vec![String::new()]);
    }
    shares.push(Share { names: None, labels: before });
    Ok(shares)
}

fn values(asker: &impl Asker, path: &'static str, range: TimeRange) -> Result<Vec<String>, RemoteError> {
    let time = [("start", seconds(range.from().millis().max(0))), ("end", seconds(range.to().millis() - 1))];
    let mut found: Vec<String> = Vec::new();
    asker.each_or(
        &[Ask::new(path, time)],
        &mut |_, values: Vec<String>| {
            found = values;
            Ok(())
        },
        &mut |_, error| Err(error),
    )?;
    found.retain(|value| !value.is_empty());
    Ok(found)
}

/// Two halves, or more where texts are long.
fn parts(texts: &[String]) -> impl Iterator<Item = Vec<String>> {
    let (first, second) = texts.split_at(texts.len() / 2);
    fitting(first).chain(fitting(second))
}

/// As many as fit into a question.
fn fitting(texts: &[String]) -> impl Iterator<Item = Vec<String>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for text in texts {
        bytes += text.len() + 1;
        match parts.last_mut() {
            Some(part) if bytes <= SELECTOR_BYTES_MAX => part.push(text.clone()),
            _ => {
                bytes = text.len() + 1;
                parts.push(vec![text.clone()]);
            }
        }
    }
    parts.into_iter()
}

fn one_of(texts: &[String]) -> String {
    match texts {
        [one] => format!("={}", quoted(one)),
        many => format!("=~{}", quoted(&any_of(many.iter().map(String::as_str)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_asked_for_by_name_and_node() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let share = |names: Option<&[&str]>, labels: &[&[&str]]| {
            let labels = labels.iter().map(|values| texts(values)).collect();
            Share { names: names.map(texts), labels }.selector()
        };
        assert_eq!(Share::everything().selector(), r#"{__name__!=""}"#);
        assert_eq!(share(Some(&["a", "b.c"]), &[]), r#"{__name__=~"a|b\\.c"}"#);
        assert_eq!(share(Some(&["a"]), &[&[""], &["h1", ""]]), r#"{__name__="a",node="",host=~"h1|"}"#);
        let long = vec!["x".repeat(SELECTOR_BYTES_MAX / 2); 5];
        assert_eq!(parts(&long).map(|part| part.len()).collect::<Vec<_>>(), [1, 1, 1, 1, 1]);
        assert_eq!(parts(&texts(&["a", "b", "c"])).collect::<Vec<_>>(), [texts(&["a"]), texts(&["b", "c"])]);
    }
}
