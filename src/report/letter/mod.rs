//! A report as a mail shows it: text, HTML of tables with its styles in its tags (mail clients drop style sheets), and PNG charts that
//! the HTML refers to. It is complete with pictures off: a chart's finding is its alternative text.

mod picture;

use askama::Template;

use super::error::ReportError;
use super::escape::without_turns;
use super::format::shorten;
use super::model::Model;
use super::view::{Tile, View};

/// Most bytes of the HTML: Gmail cuts what is beyond 102 KB, and a forward adds to it.
pub const LETTER_BYTES_MAX: usize = 60_000;
/// Most letters of a text from data.
const TEXT_MAX: usize = 400;
/// Most letters of a title.
const TITLE_MAX: usize = 200;
/// Tiles beside each other.
const TILES_A_ROW: usize = 3;

/// A mail's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// For those who read text.
    pub text: String,
    /// For the others; refers to the pictures as `cid:ID`.
    pub html: String,
    /// The charts.
    pub pictures: Vec<Picture>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// How the HTML calls it.
    pub id: String,
    /// PNG.
    pub png: Vec<u8>,
}

#[derive(Template)]
#[template(path = "email/letter.html")]
struct HtmlLetter<'a> {
    title: String,
    period: &'a str,
    about: String,
    verdict: &'static str,
    verdict_colour: &'static str,
    verdict_text: String,
    notes: &'a [String],
    findings: Vec<Sentence>,
    more: &'a str,
    tile_rows: Vec<Vec<LetterTile>>,
    tiles_note: &'a str,
    charts: Vec<LetterChart>,
    quality: String,
    version: &'static str,
}

#[derive(Template)]
#[template(path = "email/letter.txt")]
struct TextLetter<'a> {
    letter: &'a HtmlLetter<'a>,
}

struct Sentence {
    colour: &'static str,
    word: &'static str,
    text: String,
}

struct LetterTile {
    label: &'static str,
    value: String,
    agg: &'static str,
    delta: String,
    detail: String,
}

struct LetterChart {
    id: String,
    title: String,
    subtitle: String,
    width: u32,
    height: u32,
}

/// The colours of severities on white.
fn colour(severity: &str) -> &'static str {
    match severity {
        "bad" => "#b3261e",
        "warn" => "#9a5b00",
        "ok" => "#1b7f4b",
        _ => "#566072",
    }
}

/// The body of a mail; `notes` are told before everything else.
pub(super) fn letter(model: &Model, view: &View, notes: &[String]) -> Result<Letter, ReportError> {
    let drawn = picture::draw(model, usize::MAX)?;
    let header = &view.header;
    let clean = |text: &str| shorten(&one_line(text), TEXT_MAX);
    let tiles: Vec<LetterTile> = view.tiles.tiles.iter().map(tile).collect();
    let mut rows: Vec<Vec<LetterTile>> = Vec::new();
    for tile in tiles {
        match rows.last_mut() {
            Some(row) if row.len() < TILES_A_ROW => row.push(tile),
            _ => rows.push(vec![tile]),
        }
    }
    let letter = HtmlLetter {
        title: shorten(&one_line(&header.title), TITLE_MAX),
        period: &header.period,
        about: format!("{} · {} · {}", header.length, header.zone, header.nodes),
        verdict: header.verdict_word,
        verdict_colour: colour(header.verdict),
        verdict_text: clean(&header.verdict_text),
        notes,
        findings: view
            .findings
            .shown
            .iter()
            .map(|found| Sentence { colour: colour(found.severity), word: found.word, text: clean(&found.sentence()) })
            .collect(),
        more: &view.findings.more,
        tile_rows: rows,
        tiles_note: &view.tiles.note,
        charts: drawn
            .iter()
            .map(|chart| LetterChart {
                id: chart.picture.id.clone(),
                title: clean(&chart.title),
                subtitle: clean(&chart.subtitle),
                width: picture::WIDTH,
                height: picture::HEIGHT,
            })
            .collect(),
        quality: clean(&view.quality.summary),
        version: env!("CARGO_PKG_VERSION"),
    };
    let render =
        |text: Result<String, askama::Error>| text.map(without_turns).map_err(|e| ReportError::Render(e.to_string()));
    let html = render(letter.render())?;
    let text = render(TextLetter { letter: &letter }.render())?;
    if html.len() > LETTER_BYTES_MAX {
        return Err(ReportError::Render(format!(
            "the mail's body has {} bytes, the limit is {LETTER_BYTES_MAX}",
            html.len()
        )));
    }
    Ok(Letter { text: wrapped(&text), html, pictures: drawn.into_iter().map(|chart| chart.picture).collect() })
}

/// The first chart of a letter.
pub(super) fn first_picture(model: &Model) -> Result<Option<Vec<u8>>, ReportError> {
    Ok(picture::draw(model, 1)?.into_iter().next().map(|drawn| drawn.picture.png))
}

fn tile(tile: &Tile) -> LetterTile {
    LetterTile {
        label: tile.label,
        value: tile.value.clone(),
        agg: tile.agg_word,
        delta: tile.delta.clone(),
        detail: shorten(&one_line(&tile.detail), TITLE_MAX),
    }
}

/// Names from data may have lines; a sentence has one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Lines of text mail are at most so long (RFC 5322 wants 78).
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 76;
    let mut out = String::with_capacity(text.len());
    for line in text.trim_matches('\n').lines() {
        let start = line.trim_start();
        let indent = line.len() - start.len();
        // Under the text of an item, not under its dash.
        let hanging = if start.starts_with("- ") { indent + 2 } else { indent };
        out.push_str(&" ".repeat(indent));
        let mut width = indent;
        for (i, word) in start.split_whitespace().enumerate() {
            let length = word.chars().count();
            if i > 0 && width + 1 + length > WIDTH {
                out.push('\n');
                out.push_str(&" ".repeat(hanging));
                width = hanging;
            } else if i > 0 {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += length;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{HOSTILE, cluster, empty, frame};

    fn letter_of(model: &Model, notes: &[String]) -> Letter {
        letter(model, &View::of(model), notes).unwrap()
    }

    #[test]
    fn a_letter_has_all_that_matters_in_text_and_html_with_pictures_off() {
        let model = cluster(8, 100, 60_000);
        let view = View::of(&model);
        let letter = letter_of(&model, &["The attachment was left out.".to_owned()]);
        for body in [&letter.text, &letter.html] {
            assert!(body.contains("The attachment was left out.") && body.contains(view.header.verdict_word));
            assert!(body.contains("CPU busy") && body.contains("Memory used"), "{body}");
        }
        let least = if cfg!(feature = "png") { 4 } else { 0 };
        assert!(letter.html.len() <= LETTER_BYTES_MAX && letter.pictures.len() >= least);
        for picture in &letter.pictures {
            assert_eq!(&picture.png[1..4], b"PNG");
            let image = letter.html.split("<img ").find(|img| img.contains(&format!("cid:{}", picture.id))).unwrap();
            assert!(image.contains("alt=\"") && !image.contains("alt=\"\""), "a picture says what is on it");
        }
        for never in ["<script", "<style", "<svg", "src=\"data:", "src=\"http", "<link"] {
            assert!(!letter.html.contains(never), "{never}");
        }
        if let Some(dir) = std::env::var_os("NODEBOOK_KEEP_PAGES") {
            std::fs::write(std::path::Path::new(&dir).join("letter.html"), &letter.html).unwrap();
            std::fs::write(std::path::Path::new(&dir).join("letter.txt"), &letter.text).unwrap();
        }
    }

    #[test]
    fn names_of_any_length_and_any_signs_leave_it_small_and_harmless() {
        let long = format!("{HOSTILE}{}", "x<&\"\r\nBcc: all@example.org".repeat(2_000));
        let mut model = empty(&["a"], 3, 1_000);
        model.frames = vec![frame(&model, HOSTILE, vec![("a", "", vec![1.0, 9.0, 2.0])])];
        model.options.title = Some(long);
        let letter = letter_of(&model, &[]);
        assert!(!letter.html.contains("<img src=x") && !letter.text.contains('\r') && !letter.html.contains('\r'));
        assert!(letter.html.len() <= LETTER_BYTES_MAX);
    }

    #[test]
    fn text_is_wrapped_between_words() {
        let text = wrapped(&format!("  - {}", "word ".repeat(40)));
        assert!(text.lines().all(|line| line.len() <= 76 && line.starts_with("  ")), "{text}");
    }
}
