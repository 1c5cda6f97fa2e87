//! Which node a sample is of.

use super::{Labels, NameError, NodeName};

/// The rule for the node of a sample: the one that was asked for (`--node`); else the node column or the label `node`, `host` or
/// `instance`, taken out of the label set; else a fallback, which is the name of the input. Two pages saved as `db-1.prom` and
/// `db-2.prom` stay two nodes. Under a node that was asked for, such a label stays a label.
#[derive(Clone, Debug)]
pub struct NodeRule {
    /// Node of every sample, where given.
    pub given: Option<NodeName>,
    /// Node of a sample that names none.
    pub fallback: NodeName,
}

impl NodeRule {
    /// Labels that name the node, best first.
    pub const LABELS: [&str; 3] = ["node", "host", "instance"];

    /// For samples that carry their node: splits a label set into node and labels.
    pub fn split<K: AsRef<str>, V: AsRef<str>>(&self, pairs: &[(K, V)]) -> Result<(NodeName, Labels), NameError> {
        let all = || pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
        if let Some(node) = &self.given {
            return Ok((node.clone(), Labels::new(all())?));
        }
        let value = |key: &str| all().find(|(k, v)| *k == key && !v.is_empty());
        match Self::LABELS.into_iter().find_map(value) {
            Some((taken, node)) => {
                if all().filter(|(key, _)| *key == taken).count() > 1 {
                    return Err(NameError::DuplicateLabel { key: taken.to_owned() });
                }
                let labels = all().filter(|(key, _)| *key != taken);
                let shifted =
                    labels.map(|(key, value)| if taken == "node" { (unshifted(key), value) } else { (key, value) });
                Ok((NodeName::new(node)?, Labels::new(shifted)?))
            }
            None => Ok((self.fallback.clone(), Labels::new(all())?)),
        }
    }

    /// For samples of a scraped page, whose labels are all about the thing measured.
    pub fn keep<K: AsRef<str>, V: AsRef<str>>(&self, pairs: &[(K, V)]) -> Result<(NodeName, Labels), NameError> {
        let node = self.given.as_ref().unwrap_or(&self.fallback);
        Ok((node.clone(), Labels::new(pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())))?))
    }
}

/// Exports that name the node by the label `node` write a label of that name as `exported_node`, and so on, as Prometheus does, and one of the
/// name `__name__` likewise: taken back here.
fn unshifted(key: &str) -> &str {
    let shifted = key.strip_prefix("exported_");
    shifted.filter(|rest| matches!(rest.trim_start_matches("exported_"), "node" | "__name__")).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(given: Option<&str>) -> NodeRule {
        let name = |text: &str| NodeName::new(text).unwrap();
        NodeRule { given: given.map(name), fallback: name("file") }
    }

    #[test]
    fn the_node_is_asked_for_or_named_by_a_label_or_the_input() {
        let pairs = [("instance", "b:9100"), ("host", "a"), ("mode", "idle")];
        let (node, labels) = rule(None).split(&pairs).unwrap();
        assert_eq!((node.as_str(), labels.to_string()), ("a", r#"{instance="b:9100",mode="idle"}"#.to_owned()));
        let (node, labels) = rule(Some("x")).split(&pairs).unwrap();
        assert_eq!((node.as_str(), labels.iter().count()), ("x", 3));
        let (node, labels) = rule(None).split(&[("host", ""), ("mode", "idle")]).unwrap();
        assert_eq!((node.as_str(), labels.iter().count()), ("file", 1));
        assert!(rule(None).split(&[("host", "a"), ("host", "b")]).is_err(), "which of them?");
        let (node, labels) = rule(None).keep(&pairs).unwrap();
        assert_eq!((node.as_str(), labels.iter().count()), ("file", 3));
    }
}
