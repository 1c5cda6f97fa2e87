use crate::model::Timestamp;
use crate::model::catalogue::Worse;
use crate::query::frame::{Frame, Row};

use crate::report::format::{Clock, named};
use crate::report::model::{Model, Totals};

use super::shape::Shape;

/// The point of a frame that its title speaks of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Extreme {
    /// Index into the rows it was looked for in.
    pub row: usize,
    pub bucket: usize,
    pub value: f64,
}

/// The highest value of the rows, or the lowest where low is bad; of equals the first.
pub(crate) fn extreme(rows: &[Row], worse: Worse) -> Option<Extreme> {
    let mut found: Option<Extreme> = None;
    for (r, row) in rows.iter().enumerate() {
        let values = if worse == Worse::Low { &row.min } else { &row.max };
        for (i, v) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            let further = found.as_ref().is_none_or(|e| if worse == Worse::Low { *v < e.value } else { *v > e.value });
            if further {
                found = Some(Extreme { row: r, bucket: i, value: *v });
            }
        }
    }
    found
}

/// `at 14:10`, `on Tue at 14:10`, `on Tue 24 Nov at 14:10`.
pub(crate) fn at(clock: Clock, t: Timestamp) -> String {
    let text = clock.moment(t);
    match text.rsplit_once(' ') {
        Some((day, time)) => format!("on {day} at {time}"),
        None => format!("at {text}"),
    }
}

/// What is to be seen in the chart of a frame, in one sentence without a full stop.
pub(crate) fn title(model: &Model, frame: &Frame, shape: &Shape) -> String {
    let say = model.numerals();
    let name = &frame.shown.title;
    let unit = frame.shown.unit;
    let rows = shape.rows(frame);
    let (Some(totals), Some(found)) = (Totals::of(frame), extreme(rows, frame.shown.worse)) else {
        return format!("{name}: no value in this period");
    };
    // What reads the same is the same to the reader.
    let level = |least: f64, most: f64| say.value(unit, least) == say.value(unit, most);
    if let (Shape::Whole(_), [row]) = (shape, rows) {
        if level(row.stats.min, row.stats.max) {
            let throughout = if filled(rows) > 1 { " throughout" } else { "" };
            return format!("{name}: {}{throughout}", say.value(unit, row.stats.avg));
        }
    } else if level(totals.min, totals.max) && (!shape.by_part() || level(least(rows), most(rows))) {
        let everywhere = if frame.nodes.len() > 1 { " on every node" } else { "" };
        let throughout = if filled(rows) > 1 { " throughout" } else { "" };
        return format!("{name}: {}{everywhere}{throughout}", say.value(unit, totals.avg));
    }
    let row = &rows[found.row];
    let who = named(&shape.name(row));
    let shown = say.value(unit, found.value);
    if filled(std::slice::from_ref(row)) <= 1 {
        return format!("{name}: highest on {who}, {shown}");
    }
    if level(row.stats.min, row.stats.max) {
        return format!("{name}: highest on {who}, {shown} throughout");
    }
    let when = at(model.clock, model.middle(found.bucket));
    let verb = match frame.shown.worse {
        Worse::Low => "fell to",
        _ if ends_there(row, found.bucket) => "rose to",
        _ => "peaked at",
    };
    match shape {
        Shape::Whole(_) => format!("{name} averaged {}; it {verb} {shown} {when}", say.value(unit, row.stats.avg)),
        Shape::One if say.value(unit, totals.avg) == shown => format!("{name} stayed near {shown}"),
        Shape::One => format!("{name} averaged {}; it {verb} {shown} {when}", say.value(unit, totals.avg)),
        Shape::Parts(_) | Shape::PartMeans(_) | Shape::Each | Shape::Fold(_) => {
            format!("{name}: {who} {verb} {shown} {when}")
        }
    }
}

/// The lowest mean of a bucket of the rows, and the highest: parts may move where the mean over them does not (shares of a whole never move it).
fn least(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.stats.min).fold(f64::INFINITY, f64::min)
}

fn most(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.stats.max).fold(f64::NEG_INFINITY, f64::max)
}

/// How many buckets of the fullest row have a number.
fn filled(rows: &[Row]) -> usize {
    rows.iter().map(|r| r.avg.iter().filter(|v| v.is_finite()).count()).max().unwrap_or(0)
}

/// Whether the highest value is where a growing line ends: it has not peaked, it is still there.
fn ends_there(row: &Row, bucket: usize) -> bool {
    let numbers: Vec<usize> = (0..row.avg.len()).filter(|i| row.avg[*i].is_finite()).collect();
    let Some(last) = numbers.last() else { return false };
    let near_the_end = *last - bucket.min(*last) <= numbers.len() / 50;
    let middle = numbers[numbers.len() / 2];
    near_the_end && row.avg[middle] < row.avg[*last]
}
