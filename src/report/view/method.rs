use crate::report::model::Model;

/// How the numbers were got.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    /// Title, name and derivation of every shown metric.
    pub metrics: Vec<(String, String, String)>,
}

pub(super) fn method(model: &Model) -> Method {
    let one = |f: &crate::query::frame::Frame| (f.shown.title.clone(), f.shown.name.clone(), f.shown.made_of.clone());
    Method { metrics: model.frames.iter().map(one).collect() }
}

/// Where the page comes from.
#[derive(Clone, Debug)]
pub(crate) struct Footer {
    pub origin: String,
    pub hash: String,
    pub command: String,
    pub series: String,
    /// Empty in a reproducible report.
    pub made: String,
    /// How long it took; may be empty.
    pub took: String,
}

pub(super) fn footer(model: &Model) -> Footer {
    let say = model.numerals();
    Footer {
        origin: model.origin.name.clone(),
        hash: model.origin.hash.clone().unwrap_or_default(),
        command: model.options.command.clone(),
        series: format!("{} stored series", say.plain(model.series as f64)),
        made: model.options.made_at.map_or_else(String::new, |t| model.clock.full(t)),
        took: String::new(),
    }
}
