//! What stands behind the question mark.

use chrono_tz::Tz;

use super::super::answer::Refusal;
use super::super::face::clock;
use crate::model::range::RangeSpec;
use crate::model::{Selector, TimeRange};

/// Parameters that say which time.
const RANGE: [&str; 4] = ["last", "range", "from", "to"];
/// Parameters that say which series; each any number of times.
const SELECT: [&str; 3] = ["node", "metric", "label"];

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::live) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Range, selection and `own` are known; anything else is a mistake that is told.
    pub(in crate::live) fn new(pairs: Vec<(String, String)>, own: &[&str]) -> Result<Parameters, Refusal> {
        let known = || RANGE.iter().chain(&SELECT).chain(own);
        match pairs.iter().find(|(key, _)| !known().any(|one| one == key)) {
            None => Ok(Parameters(pairs)),
            Some((key, _)) => {
                let all: Vec<&str> = known().copied().collect();
                Err(Refusal::bad(format!("unknown parameter `{key}`; known: {}", all.join(", "))))
            }
        }
    }

    /// The value of one; the last, where it is given more often.
    pub(in crate::live) fn one(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, value)| k == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, value)| k == key && !value.is_empty()).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a range or a selection is given.
    pub(in crate::live) fn narrows(&self) -> bool {
        self.0.iter().any(|(key, value)| !value.is_empty() && RANGE.iter().chain(&SELECT).any(|one| one == key))
    }

    /// `node`, `metric` and `label`, as the command line has them.
    pub(in crate::live) fn selector(&self) -> Result<Selector, Refusal> {
        let [nodes, metrics, labels] = SELECT.map(|key| self.all(key));
        Selector::parse(&nodes, &metrics, &labels).map_err(|error| Refusal::bad(error.to_string()))
    }

    /// `last`, `range`, `from` and `to`, as the command line has them.
    pub(in crate::live) fn range(&self, zone: Tz, data: Option<TimeRange>) -> Result<TimeRange, Refusal> {
        let [last, range, from, to] = RANGE.map(|key| self.one(key).map(str::to_owned));
        let spec = RangeSpec { last, range, from, to };
        spec.resolve(clock(), zone, data).map_err(|error| Refusal::bad(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Result<Parameters, Refusal> {
        Parameters::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(), &["step"])
    }

    #[test]
    fn what_is_not_known_is_told() {
        let refused = parameters(&[("metrc", "x")]).unwrap_err().to_string();
        insta::assert_snapshot!(refused, @"unknown parameter `metrc`; known: last, range, from, to, node, metric, label, step");
        let both = parameters(&[("last", "1h"), ("from", "now-2h")]).unwrap();
        insta::assert_snapshot!(both.range(Tz::UTC, None).unwrap_err(), @"--last and --from say two different ranges: give --last, or --range, or --from and --to");
    }

    #[test]
    fn series_are_chosen_as_on_the_command_line() {
        let chosen = parameters(&[("node", "db-*"), ("node", "!db-9"), ("metric", ""), ("step", "1m")]).unwrap();
        let selector = chosen.selector().unwrap();
        assert!(selector.matches_node("db-1") && !selector.matches_node("db-9"));
        assert_eq!(chosen.one("step"), Some("1m"));
    }
}
