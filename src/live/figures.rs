use std::fmt;
use std::sync::Arc;

use super::tally::Exposition;

/// A number that whoever runs the server tells of itself, for `/metrics`.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of the metric.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Of what it is, where there are several of that name: a label and its value.
    pub label: Option<(&'static str, String)>,
    /// How much.
    pub value: f64,
}

/// Gives such numbers, those of one name after each other, whenever somebody looks.
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
        let mut told = "";
        for Figure { name, kind, help, label, value } in (self.0)() {
            if name != told {
                out.family(name, kind, help);
                told = name;
            }
            // A string of Rust is masked as one of the text format is.
            let label = label.map(|(label, of)| format!("{{{label}={of:?}}}")).unwrap_or_default();
            out.sample(name, &label, value);
        }
    }
}
