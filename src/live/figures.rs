use std::fmt;
use std::sync::Arc;

use super::tally::Exposition;

/// A number that whoever runs the server tells of itself, for `/metrics`.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Name of the metric.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// What it is.
    pub help: &'static str,
    /// How much.
    pub value: f64,
}

/// Gives such numbers whenever somebody looks.
#[derive(Clone)]
pub struct Figures(Arc<dyn Fn() -> Vec<Figure> + Send + Sync>);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Figures {
    /// From what is read at that moment.
    pub fn new(read: impl Fn() -> Vec<Figure> + Send + Sync + 'static) -> Figures {
        Figures(Arc::new(read))
    }

    /// As lines of the text format.
    pub(super) fn expose(&self, out: &mut Exposition) {
        for Figure { name, kind, help, value } in (self.0)() {
            out.one(name, kind, help, value);
        }
    }
}
