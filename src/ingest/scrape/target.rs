//! What is scraped, and whose its samples are.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::model::{Labels, NodeName, SeriesKey};
use crate::net::{Address, Login, Trust};

/// Longest that a target may take, where nothing is said of it.
const TIMEOUT_MS_MAX: i64 = 10_000;
/// Where an address with a host and nothing behind it is asked.
const USUAL_PATH: &str = "/metrics";
/// The label that tells several targets of one node apart.
const TARGET_LABEL: &str = "target";

/// An address that is scraped.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub address: Address,
    /// Whose its samples are.
    pub owner: Owner,
    /// How often.
    pub interval_ms: i64,
    /// How long it may take.
    pub timeout: Duration,
    /// Who asks.
    pub login: Option<Login>,
    /// Who is believed to be the target.
    pub trust: Trust,
}

/// Whose the samples of a target are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: NodeName,
    /// The target's address, where another target of the same node comes before it: its series carry it as a label, so that what both say of
    /// themselves (`process_cpu_seconds_total`) does not become one series.
    pub label: Option<String>,
}

impl Owner {
    /// The series as the target's own.
    pub(super) fn own(&self, key: &SeriesKey) -> SeriesKey {
        SeriesKey { node: self.node.clone(), metric: key.metric.clone(), labels: self.labels(&key.labels) }
    }

    /// Labels of one of its series.
    pub(super) fn labels(&self, labels: &Labels) -> Labels {
        let Some(label) = &self.label else { return labels.clone() };
        if labels.get(TARGET_LABEL).is_some() {
            return labels.clone();
        }
        let all = labels.iter().chain([(TARGET_LABEL, label.as_str())]);
        Labels::new(all).unwrap_or_else(|_| labels.clone()) // it has as many labels as there may be
    }
}

/// A target that is given twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the target {address} of node {node} is given twice")]
pub struct TwiceError {
    /// Its address.
    pub address: String,
    /// Its node.
    pub node: NodeName,
}

/// Says whose the samples of each target are, in the order they are given: the first of a node is the node's, those after it carry their address.
pub fn owners<'a>(targets: impl IntoIterator<Item = (&'a Address, NodeName)>) -> Result<Vec<Owner>, TwiceError> {
    let mut by_node: BTreeMap<NodeName, Vec<&Address>> = BTreeMap::new();
    let mut owners = Vec::new();
    for (address, node) in targets {
        let before = by_node.entry(node.clone()).or_default();
        if before.contains(&address) {
            return Err(TwiceError { address: address.to_string(), node });
        }
        let mut place = place_of(address);
        let alike = before.iter().filter(|other| place_of(other) == place).count();
        if alike > 0 {
            place = format!("{place}#{}", alike + 1); // what differs is in the query, which may be a secret
        }
        owners.push(Owner { node, label: (!before.is_empty()).then_some(place) });
        before.push(address);
    }
    Ok(owners)
}

/// `db-1:9100`, and the path where that is not the usual one.
fn place_of(address: &Address) -> String {
    let text = address.to_string();
    let place = text.split_once("://").map_or(text.as_str(), |(_, place)| place);
    place.strip_suffix(USUAL_PATH).unwrap_or(place).to_owned()
}

/// The address in a text; one with a host and nothing behind it is where exporters usually are.
pub fn address_of(text: &str) -> Result<Address, crate::net::NetError> {
    let text = text.trim();
    let host_alone = |(_, place): (&str, &str)| !place.trim_end_matches('/').contains(['/', '?']);
    match text.split_once("://").is_some_and(host_alone) {
        true => format!("{}{USUAL_PATH}", text.trim_end_matches('/')).parse(),
        false => text.parse(),
    }
}

impl Target {
    /// How long a target may take by itself: its interval, and never longer than 10 s.
    pub fn usual_timeout(interval_ms: i64) -> Duration {
        Duration::from_millis(interval_ms.min(TIMEOUT_MS_MAX).unsigned_abs())
    }

    /// Whether `other` is scraped in the same way. The system's authorities are not looked into: they are read again with the next start.
    pub(super) fn is_as(&self, other: &Target) -> bool {
        let of = |target: &Target| (target.owner.clone(), target.interval_ms, target.timeout, target.login.clone());
        self.address == other.address && of(self) == of(other) && self.trust.is_as(&other.trust)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MetricName;

    fn owned(targets: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let read: Vec<Address> = targets.iter().map(|(_, url)| address_of(url).unwrap()).collect();
        let nodes = targets.iter().map(|(node, _)| NodeName::new(node).unwrap());
        let owners = owners(read.iter().zip(nodes)).map_err(|error| error.to_string())?;
        let key = |labels: &[(&str, &str)]| SeriesKey {
            node: NodeName::new("x").unwrap(),
            metric: MetricName::new("up").unwrap(),
            labels: Labels::new(labels.iter().copied()).unwrap(),
        };
        let shown = |owner: &Owner| format!("{} {}", owner.own(&key(&[])), owner.own(&key(&[("target", "y")])));
        Ok(owners.iter().map(shown).collect())
    }

    #[test]
    fn several_targets_of_one_node_are_told_apart() {
        let targets = [
            ("db-1", "http://db-1:9100/metrics"),
            ("db-1", "http://db-1:9187/metrics"),
            ("db-2", "http://db-2:9100"),
            ("db-1", "http://db-1:9187/other?a=b"),
            ("db-1", "http://db-1:9187/other?a=c"),
        ];
        insta::assert_snapshot!(owned(&targets).unwrap().join("\n"), @r#"
        db-1/up db-1/up{target="y"}
        db-1/up{target="db-1:9187"} db-1/up{target="y"}
        db-2/up db-2/up{target="y"}
        db-1/up{target="db-1:9187/other?…"} db-1/up{target="y"}
        db-1/up{target="db-1:9187/other?…#2"} db-1/up{target="y"}
        "#);
        let twice = owned(&[("a", "http://a:1"), ("b", "http://a:1"), ("a", "http://a:1/metrics")]).unwrap_err();
        insta::assert_snapshot!(twice, @"the target http://a:1/metrics of node a is given twice");
    }

    #[test]
    fn a_host_alone_is_asked_where_exporters_are() {
        let asked = |text: &str| address_of(text).unwrap().to_string();
        assert_eq!(asked("http://db-1:9100"), "http://db-1:9100/metrics");
        assert_eq!(asked(" https://db-1:9100/ "), "https://db-1:9100/metrics");
        assert_eq!(asked("http://db-1:9100/probe?module=x"), "http://db-1:9100/probe?…");
        assert!(address_of("db-1:9100").is_err() && address_of("file:///etc/passwd").is_err());
    }
}
