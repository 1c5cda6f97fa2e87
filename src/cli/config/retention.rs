use serde::Deserialize;

use super::values::Size;
use crate::model::{Selector, SelectorError};
use crate::store::retention::{Keep, Policy, Rule};

/// `[retention]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSection {
    /// Samples.
    pub raw: Option<Keep>,
    /// Hourly rollups.
    #[serde(rename = "1h")]
    pub hourly: Option<Keep>,
    /// Daily rollups.
    #[serde(rename = "1d")]
    pub daily: Option<Keep>,
    /// Of the whole file.
    pub max_size: Option<Size>,
    /// `[[retention.rule]]`: single metrics.
    pub rule: Vec<RuleSection>,
}

/// `[[retention.rule]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSection {
    /// Glob of metrics.
    pub metric: String,
    /// Glob of nodes.
    pub node: Option<String>,
    /// Samples.
    pub raw: Option<Keep>,
    /// Hourly rollups.
    #[serde(rename = "1h")]
    pub hourly: Option<Keep>,
    /// Daily rollups.
    #[serde(rename = "1d")]
    pub daily: Option<Keep>,
}

impl RetentionSection {
    /// As the store reads it. Nothing said is kept for ever.
    pub fn policy(&self) -> Result<Policy, SelectorError> {
        Ok(Policy {
            raw: self.raw.unwrap_or_default(),
            hours: self.hourly.unwrap_or_default(),
            days: self.daily.unwrap_or_default(),
            max_bytes: self.max_size.map(|size| size.0),
            rules: self.rule.iter().map(RuleSection::rule).collect::<Result<_, _>>()?,
        })
    }

    /// Whether anything is ever pruned.
    pub fn prunes(&self) -> bool {
        *self != RetentionSection::default()
    }

    /// `self` where it says something, else `below`.
    pub fn over(self, below: RetentionSection) -> RetentionSection {
        RetentionSection {
            raw: self.raw.or(below.raw),
            hourly: self.hourly.or(below.hourly),
            daily: self.daily.or(below.daily),
            max_size: self.max_size.or(below.max_size),
            rule: if self.rule.is_empty() { below.rule } else { self.rule },
        }
    }
}

impl RuleSection {
    fn rule(&self) -> Result<Rule, SelectorError> {
        let nodes: Vec<&str> = self.node.as_deref().into_iter().collect();
        let selector = Selector::parse(&nodes, &[self.metric.as_str()], &[])?;
        Ok(Rule { selector, raw: self.raw, hours: self.hourly, days: self.daily })
    }

    /// Its globs, to name it.
    pub fn globs(&self) -> String {
        match &self.node {
            Some(node) => format!("{} on {node}", self.metric),
            None => self.metric.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_kept_for_ever() {
        let section = RetentionSection::default();
        let policy = section.policy().unwrap();
        assert!(!section.prunes());
        assert_eq!(
            (policy.raw, policy.hours, policy.days, policy.max_bytes),
            (Keep::Forever, Keep::Forever, Keep::Forever, None)
        );
    }

    #[test]
    fn a_rule_is_a_selection() {
        let rule = RuleSection {
            metric: "debug_*".into(),
            node: Some("t-*".into()),
            raw: Some(Keep::Millis(5)),
            hourly: None,
            daily: None,
        };
        let read = rule.rule().unwrap();
        assert!(read.selector.matches_metric("debug_x") && !read.selector.matches_node("a"));
        assert_eq!(rule.globs(), "debug_* on t-*");
        assert!(RuleSection { metric: "[".into(), ..rule }.rule().is_err());
    }
}
