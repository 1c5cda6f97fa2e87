use super::Timestamp;

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
