//! The report on paper: the same view as the page's, laid out on A4 or Letter, with the same drawings as paths and glyphs.
//!
//! View -> [`story`] (which section becomes which text, table and charts) -> [`flow`] (lines and pages) -> [`book`] (what stands where, and
//! what it is) -> [`document`] (objects of the file). A drawing is what usvg makes of its SVG. Letters are those of DejaVu Sans, of which the file
//! holds what it uses; all text is text: to be searched, copied and read aloud. The same view gives the same bytes.
//!
//! Not here: what a chart shows or a finding says. Not in the file: the queries, which the page has; links
//! out of the file, scripts, forms, and anything else that a name from data could become.

mod art;
mod book;
mod document;
mod face;
mod flow;
mod logo;
mod palette;
mod picture;
mod story;
mod table;
mod tags;

use super::error::ReportError;
use super::model::Model;
use super::paper::Paper;
use super::view::View;

/// The bytes of the file.
pub(super) fn pdf(model: &Model, view: &View, paper: Paper) -> Result<Vec<u8>, ReportError> {
    let book = book::Book::new(paper.points())?;
    let flow = flow::Flow::new(book, palette::Palette::of(&view.look));
    let book = story::tell(flow, view)?;
    let title = format!("{} · {}", view.header.title, view.header.period);
    let about = document::About { title: &title, subject: &view.header.verdict_text, made_at: model.options.made_at };
    document::bytes(book, &about)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{HOSTILE, cluster, empty, frame};

    fn paper_of(model: &Model) -> Vec<u8> {
        let bytes = pdf(model, &View::of(model), Paper::A4).unwrap();
        if let Some(dir) = std::env::var_os("NODEBOOK_KEEP_PAGES") {
            std::fs::write(std::path::Path::new(&dir).join(format!("{}.pdf", bytes.len())), &bytes).unwrap();
        }
        bytes
    }

    /// Whether a text stands in the file outside of packed streams.
    fn has(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn the_same_view_gives_the_same_bytes() {
        let model = cluster(8, 100, 60_000);
        let bytes = paper_of(&model);
        assert!(bytes.starts_with(b"%PDF-1.7") && bytes.ends_with(b"%%EOF"));
        assert_eq!(bytes, paper_of(&model));
        for told in ["/Marked true", "/Lang", "/Outlines", "/StructTreeRoot", "/DisplayDocTitle true"] {
            assert!(has(&bytes, told), "{told}");
        }
    }

    #[test]
    fn a_finding_that_is_longer_than_a_page_goes_on_on_the_next() {
        let pages = |words: usize| {
            let mut model = cluster(3, 100, 60_000);
            let key = crate::model::SeriesKey {
                node: crate::model::NodeName::new("node-1").unwrap(),
                metric: crate::model::MetricName::new("cpu_percent").unwrap(),
                labels: crate::model::Labels::default(),
            };
            model.examined.findings.all = vec![crate::analyse::Finding {
                kind: crate::analyse::FindingKind::Threshold,
                severity: crate::analyse::Severity::Bad,
                series: key,
                from: model.options.range.from(),
                to: model.options.range.to(),
                expected_from: model.options.range.from(),
                value: 1.0,
                expected: 1.0,
                unit: "percent",
                strength: 1.0,
                text: "word ".repeat(words),
                moved: Vec::new(),
                moved_count: 0,
                first: None,
            }];
            let text = String::from_utf8_lossy(&paper_of(&model)).into_owned();
            text.matches("/Type /Page\n").count()
        };
        let few = pages(10);
        assert!(few > 0 && pages(10_000) >= few + 4, "{few} {}", pages(10_000));
    }

    #[test]
    fn no_name_becomes_anything_but_text() {
        let name = format!("{HOSTILE}) /URI (x)\u{202e}漢字 ");
        let long = format!("{name}{}", "w".repeat(120));
        let mut model = empty(&[&name, &long], 3, 1_000);
        model.options.title = Some(format!("{name}\r\n/JS (alert)"));
        let rows = vec![(&*name, "", vec![1.0, 9.0, 2.0]), (&*long, "", vec![1.0, f64::NAN, 2.0])];
        model.frames = vec![frame(&model, HOSTILE, rows)];
        let bytes = paper_of(&model);
        for never in ["/S /URI", "/JavaScript", "/S /JavaScript", "/Launch", "/EmbeddedFile", "/AcroForm"] {
            assert!(!has(&bytes, never), "{never}");
        }
    }
}
