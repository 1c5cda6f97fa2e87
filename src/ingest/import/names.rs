//! Other names for nodes: for data that is handed on without the names of its machines.

use std::collections::{BTreeMap, BTreeSet};

use super::super::formats::Quoted;
use crate::model::{Annotation, Labels, NameError, NodeName, NodeRule, SeriesKey};

/// Nodes by the name they are to have. A node that is not among them keeps its name; two that are given one name become one.
#[derive(Clone, Debug, Default)]
pub struct NodeNames {
    by_old: BTreeMap<String, NodeName>,
    /// Old names that were met.
    met: BTreeSet<String>,
    /// Globs of events that choose a node by more than its name.
    globs: BTreeSet<String>,
}

/// Why names for nodes are none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NodeNamesError {
    /// No `=`.
    #[error("`{0}` is not of the form OLD=NEW")]
    Form(String),
    /// Two new names for one node.
    #[error("node `{0}` is given two names")]
    Twice(String),
    /// One of the names.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl NodeNames {
    /// Reads `OLD=NEW`, each.
    pub fn parse(texts: &[String]) -> Result<NodeNames, NodeNamesError> {
        let mut names = NodeNames::default();
        for text in texts {
            let (old, new) = text.split_once('=').ok_or_else(|| NodeNamesError::Form(text.clone()))?;
            let (old, new) = (NodeName::new(old)?, NodeName::new(new)?);
            if names.by_old.insert(old.as_str().to_owned(), new).is_some() {
                return Err(NodeNamesError::Twice(old.as_str().to_owned()));
            }
        }
        Ok(names)
    }

    fn new_of(&mut self, old: &str) -> Option<NodeName> {
        let new = self.by_old.get(old)?.clone();
        self.met.insert(old.to_owned());
        Some(new)
    }

    /// The key under its new names, in labels that name a node too; `None` where it keeps its own.
    pub(super) fn key(&mut self, key: &SeriesKey) -> Option<SeriesKey> {
        if self.by_old.is_empty() {
            return None;
        }
        let node = self.new_of(key.node.as_str());
        let names_a_node = |label: &str| NodeRule::LABELS.contains(&label.trim_start_matches("exported_"));
        let mut is_renamed = false;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (label, value) in key.labels.iter() {
            let new = if names_a_node(label) { self.new_of(value) } else { None };
            is_renamed |= new.is_some();
            pairs.push((label.to_owned(), new.map_or_else(|| value.to_owned(), |new| new.as_str().to_owned())));
        }
        if node.is_none() && !is_renamed {
            return None;
        }
        // the same keys as before, and values that are short enough for a node
        let labels = Labels::new(pairs).unwrap_or_else(|_| key.labels.clone());
        Some(SeriesKey { node: node.unwrap_or_else(|| key.node.clone()), metric: key.metric.clone(), labels })
    }

    /// The event, about the same node.
    pub(super) fn event(&mut self, event: Annotation) -> Annotation {
        let Some(glob) = &event.nodes else { return event };
        match self.new_of(glob) {
            Some(new) => Annotation { nodes: Some(new.as_str().to_owned()), ..event },
            None => {
                if self.by_old.keys().any(|old| event.concerns(old)) {
                    self.globs.insert(glob.clone());
                }
                event
            }
        }
    }

    /// What was not renamed though it might have been meant.
    pub(super) fn notes(&self) -> Vec<String> {
        let quoted = |name: &String| Quoted(name.as_bytes()).to_string();
        let missed = self.by_old.keys().filter(|old| !self.met.contains(*old));
        let missed = missed.map(|old| format!("--rename-node: no node {} was met", quoted(old)));
        let kept =
            self.globs.iter().map(|glob| format!("--rename-node: events of the nodes {} keep that glob", quoted(glob)));
        missed.chain(kept).collect()
    }
}
