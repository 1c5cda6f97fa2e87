use super::{Selector, Timestamp};

/// An event that every chart shows: a deploy, a maintenance window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Start.
    pub at: Timestamp,
    /// End, for something that lasts.
    pub until: Option<Timestamp>,
    /// Glob of the nodes it concerns; `None` for all.
    pub nodes: Option<String>,
    /// What happened.
    pub text: String,
}

impl Annotation {
    /// The text that marks a stretch of simulated data: whoever shows the data says so.
    pub const SIMULATED: &str = "simulated data (nodebook demo)";

    /// Whether it is about the node. A glob that is none is about no node.
    pub fn concerns(&self, node: &str) -> bool {
        let Some(glob) = &self.nodes else { return true };
        Selector::parse(std::slice::from_ref(glob), &[], &[]).is_ok_and(|nodes| nodes.matches_node(node))
    }

    /// Whether this marks simulated data.
    pub fn marks_simulated_data(&self) -> bool {
        self.text == Annotation::SIMULATED
    }
}
