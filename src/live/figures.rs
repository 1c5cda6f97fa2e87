use std::fmt;
use std::sync::Arc;

use super::tally::Exposition;
use crate::export::quoted_label;

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
            let label = label.map(|(label, of)| format!("{{{label}={}}}", quoted_label(&of))).unwrap_or_default();
            out.sample(name, &label, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_engines_each_has_its_line_and_a_label_is_masked_as_the_format_has_it() {
        let figure = |engine: &str| Figure {
            name: "up",
            kind: "gauge",
            help: "Whether.",
            label: Some(("engine", engine.to_owned())),
            value: 1.0,
        };
        let both = Figures::new(move || vec![figure("a\t\u{301}"), figure("\"b\"\n\\")]);
        let mut page = Exposition::default();
        both.expose(&mut page);
        let lines = "up{engine=\"a\t\u{301}\"} 1\nup{engine=\"\\\"b\\\"\\n\\\\\"} 1\n";
        assert_eq!(page.0, format!("# HELP up Whether.\n# TYPE up gauge\n{lines}"));
    }
}
