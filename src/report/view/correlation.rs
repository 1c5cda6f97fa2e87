//! Section 10: what moves together.

use crate::analyse::{Finding, FindingKind, Relations};
use crate::model::{NodeName, SeriesKey};

use crate::report::figure::MatrixFigure;
use crate::report::format::Numerals;
use crate::report::model::Model;
use crate::report::svg::{self, Canvas, Legend};

use super::sql::query_of;

/// Groups listed; the others are counted.
const GROUPS_MAX: usize = 12;
/// Members of a group named one by one.
const NAMED_MAX: usize = 8;

/// What moves together.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    pub groups: Vec<Group>,
    pub more: String,
    pub matrix: Option<Matrix>,
}

/// One group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub node: String,
    pub metric: String,
    pub from: String,
    pub to: String,
    /// The finding in one sentence.
    pub text: String,
    /// The two that are closest.
    pub closest: String,
    pub r: String,
    pub exact_r: String,
    pub size: String,
    pub members: String,
    pub sql: String,
}

/// The matrix of the first groups' series.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub title: &'static str,
    pub subtitle: &'static str,
    pub svg: String,
    pub legend: Legend,
    pub sentence: String,
    /// The series in the order of the rows.
    pub names: Vec<String>,
}

pub(super) fn correlation(model: &Model) -> Option<Correlation> {
    let say = model.numerals();
    let all: Vec<&Finding> =
        model.examined.findings.all.iter().filter(|f| f.kind == FindingKind::Correlation).collect();
    if all.is_empty() {
        return None;
    }
    let more = match all.len().saturating_sub(GROUPS_MAX) {
        0 => String::new(),
        n => {
            format!(
                "{} not listed here (nodebook analyse --what correlation lists them all).",
                say.count(n, "smaller group")
            )
        }
    };
    Some(Correlation {
        groups: all.iter().take(GROUPS_MAX).map(|f| group(model, f)).collect(),
        more,
        matrix: model.examined.relations.as_ref().map(|relations| matrix(say, relations)),
    })
}

fn group(model: &Model, found: &Finding) -> Group {
    let say = model.numerals();
    let keys: Vec<&SeriesKey> = std::iter::once(&found.series).chain(found.moved.iter().map(|m| &m.series)).collect();
    let metric = model.frame_of(&found.series).map(|(_, f)| f.shown.name.clone());
    Group {
        node: found.series.node.to_string(),
        metric: metric.unwrap_or_else(|| found.series.metric.to_string()),
        from: found.from.to_rfc3339(),
        to: found.to.to_rfc3339(),
        text: format!("{}.", model.retold(&found.text)),
        closest: closest(model, found),
        r: say.plain((found.value * 100.0).round() / 100.0),
        exact_r: found.value.to_string(),
        size: say.plain((found.moved_count + 1) as f64),
        members: members(model, &keys, found.moved_count + 1),
        sql: query_of(model, found),
    }
}

/// The first members of a group, node by node, of `all`.
fn members(model: &Model, keys: &[&SeriesKey], all: usize) -> String {
    let named = &keys[..keys.len().min(NAMED_MAX)];
    let mut nodes: Vec<(&NodeName, Vec<String>)> = Vec::new();
    for key in named {
        let title = model.title_of(key);
        match nodes.iter_mut().find(|(node, _)| **node == key.node) {
            Some((_, titles)) => titles.push(title),
            None => nodes.push((&key.node, vec![title])),
        }
    }
    let told: Vec<String> = nodes.iter().map(|(node, titles)| format!("{node}: {}", titles.join(", "))).collect();
    let rest = match all - named.len() {
        0 => String::new(),
        left => format!("; and {left} more"),
    };
    format!("{}{rest}", told.join("; "))
}

/// The two of a group that are closest.
fn closest(model: &Model, found: &Finding) -> String {
    let other = found.moved.iter().max_by(|a, b| a.strength.abs().total_cmp(&b.strength.abs()));
    let (a, b) = (&found.series, other.map_or(&found.series, |moved| &moved.series));
    match a.node == b.node {
        true => format!("{} and {}", model.title_of(a), model.name_of(b)),
        false => format!("{} and {}", model.name_of(a), model.name_of(b)),
    }
}

fn matrix(say: Numerals, relations: &Relations) -> Matrix {
    let figure = MatrixFigure { say, names: &relations.names, r: &relations.r, lag_ms: &relations.lag_ms };
    Matrix {
        title: "How closely the series of these groups move together",
        subtitle: "rank correlation of their steps over 15 min, written where it is 0.5 or more · above the diagonal: by how many minutes the \
                   column follows the row, where that explains more",
        svg: svg::matrix(&figure, Canvas::Fluid),
        legend: svg::matrix_legend(),
        names: relations.names.clone(),
        sentence: format!(
            "Matrix of the rank correlation of every two of {}, in the order of the groups.",
            say.count(relations.len(), "series")
        ),
    }
}
