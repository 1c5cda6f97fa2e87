//! Charts as images by themselves: the same pictures as in a page, on white, with a font of their own.

#[cfg(feature = "png")]
mod dots;

use std::fmt::Write;

use crate::model::Annotation;
use crate::query::frame::Frame;

use super::error::ReportError;
use super::escape::xml;
use super::figure::LineFigure;
use super::format::shorten;
use super::look::Look;
use super::model::{Cluster, Model};
use super::svg::{self, Canvas};
use super::view::{Chart, Shape, chart_by_itself, line_figure};

#[cfg(feature = "png")]
pub(super) use dots::Painter;
#[cfg(feature = "pdf")]
pub(super) use dots::options;

/// Pixels: of the image, around its charts, and of the axes.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 128.0;
const EDGE: f64 = 24.0;
const AXES: f64 = 300.0;
/// Above the axes: title, unit, and whose it is and when; below them: times and key.
const HEAD: f64 = 80.0;
const FOOT: f64 = 56.0;
/// Above and below the axes of a small chart.
const SMALL_TOP: f64 = 12.0;
const SMALL_FOOT: f64 = 26.0;
/// It is drawn so much larger than it is shown, so that the labels of a week have room beside each other.
const SMALLER: f64 = 1.16;
/// Letters of a title that fit.
const TITLE_MAX: usize = 96;
/// Letters of an event that fit, and the room that one takes.
const EVENT_MAX: usize = 28;
const EVENT_LETTER: f64 = 7.0;
/// Most charts of one image.
const CHARTS_MAX: usize = 24;

/// The tokens of the page's style sheet with their colours on white: its first rule has those.
fn tokens() -> impl Iterator<Item = (&'static str, &'static str)> {
    let page = include_str!("../../templates/report/report.css");
    let tokens = page.split_once(":root {").and_then(|(_, rest)| rest.split_once('}')).map_or("", |(tokens, _)| tokens);
    let tokens = tokens.split(';').filter_map(|one| one.trim().split_once(": "));
    tokens.filter_map(|(name, colour)| Some((name.strip_prefix("--")?, colour)))
}

/// The colour of a token on white, `#rrggbb`; empty for none of that name.
#[cfg(feature = "pdf")]
pub(super) fn light(look: &Look, token: &str) -> String {
    let of_page =
        || tokens().find(|(name, _)| *name == token).map_or_else(String::new, |(_, colour)| colour.to_owned());
    look.light(token).unwrap_or_else(of_page)
}

/// The style of a page's pictures with the colours on white.
pub(super) fn style(look: &Look) -> String {
    let css = include_str!("../../templates/report/picture.css");
    tokens().fold(css.to_owned(), |css, (name, colour)| {
        css.replace(&format!("var(--{name})"), look.light(name).as_deref().unwrap_or(colour))
    })
}

/// The charts of a model below each other.
pub(super) fn svg(model: &Model) -> String {
    let frames = &model.frames[..model.frames.len().min(CHARTS_MAX)];
    let each = HEAD + AXES + FOOT;
    let height = EDGE + each * frames.len() as f64 + EDGE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"DejaVu Sans, system-ui, sans-serif\"><style>{}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        style(&model.options.look)
    );
    for (i, frame) in frames.iter().enumerate() {
        let shape = Shape::of(model.numerals(), frame);
        let cluster = Cluster::of(&frame.nodes, frame.grid.len);
        let figure = line_figure(model, i, frame, &shape, &cluster);
        let picture = svg::line(&figure, Canvas::Fixed(WIDTH - LEFT - RIGHT), AXES);
        let top = EDGE + each * i as f64;
        // An image travels without its page: whose line it is, and of which day, is nowhere else.
        let node = if let [one] = frame.nodes.as_slice() { format!("{} · ", one.node) } else { String::new() };
        let place = format!("{node}{} · {}", model.clock.period(), model.clock.zone());
        framed(&mut out, &chart_by_itself(model, i, frame), &picture, top, &place);
        told(&mut out, &figure, top + HEAD - 6.0);
    }
    out.push_str("</svg>");
    out
}

fn framed(out: &mut String, chart: &Chart, picture: &str, top: f64, place: &str) {
    let (title, unit) = (shorten(&chart.title, TITLE_MAX), shorten(&chart.subtitle, TITLE_MAX + 24));
    let place = shorten(place, TITLE_MAX + 24);
    let _ = write!(
        out,
        "<g role=\"img\" aria-label=\"{label}\"><text x=\"{EDGE}\" y=\"{title_y}\" font-size=\"16\" font-weight=\"bold\" fill=\"#1a2130\">{title}</text>\
         <text x=\"{EDGE}\" y=\"{unit_y}\" font-size=\"12\" fill=\"#566072\">{unit}</text>\
         <text x=\"{EDGE}\" y=\"{place_y}\" font-size=\"12\" fill=\"#566072\">{place}</text>\
         <g transform=\"translate({LEFT} {axes_y})\">{picture}</g></g>",
        label = xml(&chart.sentence),
        title_y = top + 18.0,
        title = xml(&title),
        unit_y = top + 38.0,
        unit = xml(&unit),
        place_y = top + 56.0,
        place = xml(&place),
        axes_y = top + HEAD,
    );
}

/// What the events of a chart are, above its axes: in a page their texts show under the pointer. Of those that stand in each other's way the
/// first.
fn told(out: &mut String, figure: &LineFigure<'_>, y: f64) {
    let mut events: Vec<&Annotation> = figure.events.to_vec();
    events.sort_by_key(|event| event.at);
    let (start, length) = (figure.domain.from().millis(), figure.domain.millis().max(1));
    let mut free = 0.0;
    for event in events {
        let text = shorten(&event.text, EVENT_MAX);
        let wide = EVENT_LETTER * text.chars().count() as f64;
        let share = (event.at.millis() - start) as f64 / length as f64;
        let x = LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT);
        let x = x.min(WIDTH - EDGE - wide);
        if x >= free {
            let text = xml(&text);
            let _ = write!(out, "<text x=\"{x:.1}\" y=\"{y}\" font-size=\"11\" fill=\"#566072\">{text}</text>");
            free = x + wide + EVENT_LETTER;
        }
    }
}

/// A chart of a mail: without title and unit, which are written above it.
pub(super) fn small(model: &Model, index: usize, frame: &Frame, width: f64, height: f64) -> String {
    let shape = Shape::of(model.numerals(), frame);
    let cluster = Cluster::of(&frame.nodes, frame.grid.len);
    let figure = line_figure(model, index, frame, &shape, &cluster);
    let (left, right) = if figure.lines.len() > 1 { (56.0, 112.0) } else { (56.0, 16.0) };
    let (wide, high) = (width * SMALLER, height * SMALLER);
    let picture = svg::line(&figure, Canvas::Fixed(wide - left - right), high - SMALL_TOP - SMALL_FOOT);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {wide} {high}\" \
         font-family=\"DejaVu Sans, system-ui, sans-serif\"><style>{}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\
         <g transform=\"translate({left} {SMALL_TOP})\">{picture}</g></svg>",
        style(&model.options.look)
    )
}

/// Makes dots of drawings; a build without them says so.
#[cfg(not(feature = "png"))]
pub(super) struct Painter;

#[cfg(not(feature = "png"))]
impl Painter {
    pub(super) fn new() -> Painter {
        Painter
    }

    pub(super) fn png(&self, _: &str) -> Result<Vec<u8>, ReportError> {
        Err(ReportError::WithoutPng)
    }
}

/// The same in dots.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, ReportError> {
    Painter::new().png(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{HOSTILE, cluster, empty, frame};

    #[test]
    fn an_image_stands_by_itself() {
        let mut model = cluster(8, 100, 60_000);
        model.frames.truncate(2);
        let svg = svg(&model);
        assert!(!svg.contains("var(--"), "{}", &svg[..600]);
        assert!(svg.contains("CPU busy: "));
        if !cfg!(feature = "png") {
            assert!(matches!(png(&svg), Err(ReportError::WithoutPng)));
            return;
        }
        let png = png(&svg).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        if let Some(dir) = std::env::var_os("NODEBOOK_KEEP_PAGES") {
            std::fs::write(std::path::Path::new(&dir).join("image.png"), &png).unwrap();
            std::fs::write(std::path::Path::new(&dir).join("image.svg"), &svg).unwrap();
        }
    }

    #[test]
    fn events_have_their_texts() {
        let mut model = cluster(2, 100, 60_000);
        model.frames.truncate(1);
        let event = |minute: i64, text: &str| Annotation {
            at: model.options.range.from().plus_millis(minute * 60_000),
            until: None,
            nodes: None,
            text: text.to_owned(),
        };
        model.events = vec![event(99, "late <b>"), event(10, "deploy 7"), event(11, "right behind it")];
        let svg = svg(&model);
        let shown = |text: &str| svg.contains(&format!("\">{text}</text>"));
        assert!(shown("deploy 7") && shown("late &lt;b&gt;") && !shown("right behind it"), "{svg}");
    }

    #[test]
    fn hostile_names_are_text() {
        let mut model = empty(&[HOSTILE], 3, 1_000);
        model.frames = vec![frame(&model, HOSTILE, vec![(HOSTILE, "", vec![1.0, 9.0, 2.0])])];
        let svg = svg(&model);
        assert!(!svg.contains("<img") && !svg.contains("</script>"));
        assert_eq!(png(&svg).is_ok(), cfg!(feature = "png"));
    }
}
