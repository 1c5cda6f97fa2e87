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

impl Annotation {
    /// The text that marks a stretch of simulated data: whoever shows the data says so.
    pub const SIMULATED: &str = "simulated data (nodebook demo)";

    /// Whether this marks simulated data.
    pub fn marks_simulated_data(&self) -> bool {
        self.text == Annotation::SIMULATED
    }
}
