//! The page that lists what a batch has made: offline as a report is, and with its look.

use askama::Template;
use chrono_tz::Tz;

use super::csp::{Contents, policy};
use super::error::ReportError;
use super::escape::without_turns;
use super::format::Clock;
use crate::model::{Language, TimeRange};

const CSS: &str = include_str!("../../templates/report/report.css");

/// A report that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct ShelfEntry {
    /// Name of the batch.
    pub batch: String,
    /// Node or group; may be empty.
    pub part: String,
    /// Time that it tells of.
    pub range: TimeRange,
    /// Its path from the page, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

#[derive(Template)]
#[template(path = "report/shelf.html")]
struct Shelf {
    version: &'static str,
    policy: String,
    css: &'static str,
    batches: Vec<ShelfBatch>,
}

struct ShelfBatch {
    name: String,
    rows: Vec<ShelfRow>,
}

struct ShelfRow {
    period: String,
    part: String,
    link: String,
    path: String,
    size: String,
}

/// The page; `entries` in the order in which they are to be shown, those of a batch together.
pub fn shelf_html(entries: &[ShelfEntry], zone: Tz, language: Language) -> Result<String, ReportError> {
    let mut batches: Vec<ShelfBatch> = Vec::new();
    for entry in entries {
        let row = ShelfRow {
            period: Clock::new(zone, entry.range, language).period(),
            part: entry.part.clone(),
            link: encoded(&entry.path),
            path: entry.path.clone(),
            size: format!("{} kB", entry.bytes.div_ceil(1_000)),
        };
        match batches.iter_mut().find(|batch| batch.name == entry.batch) {
            Some(batch) => batch.rows.push(row),
            None => batches.push(ShelfBatch { name: entry.batch.clone(), rows: vec![row] }),
        }
    }
    let policy = policy(Contents::Static, CSS);
    let shelf = Shelf { version: env!("CARGO_PKG_VERSION"), policy, css: CSS, batches };
    shelf.render().map(without_turns).map_err(|e| ReportError::Render(e.to_string()))
}

/// A path as a relative link: `./` keeps a colon in it from being taken for a scheme.
fn encoded(path: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/~".contains(&b);
    path.bytes().fold("./".to_owned(), |link, b| {
        if is_plain(b) { link + &char::from(b).to_string() } else { link + &format!("%{b:02X}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn what_was_made_is_listed_by_batch_and_a_path_is_only_a_path() {
        let from = Timestamp::from_millis(1_767_571_200_000);
        let entry = |batch: &str, path: &str| ShelfEntry {
            batch: batch.to_owned(),
            part: "<db>".to_owned(),
            range: TimeRange::new(from, from.plus_millis(86_400_000)).unwrap(),
            path: path.to_owned(),
            bytes: 1_234_567,
        };
        let entries =
            [entry("weekly", "weekly/a b.html"), entry("daily", "javascript:alert(1)"), entry("weekly", "w.html")];
        let page = shelf_html(&entries, Tz::UTC, Language::default()).unwrap();
        assert!(page.contains("href=\"./weekly/a%20b.html\"") && page.contains("href=\"./javascript%3Aalert%281%29\""));
        assert!(page.contains("Mon 5 Jan 2026") && page.contains("1235 kB") && !page.contains("<db>"));
        assert_eq!(page.matches("<h2").count(), 2);
    }
}
