//! Charts: title, unit, drawing, key; two beside each other, or one over the whole width.

use pdf_writer::types::StructRole;
use resvg::usvg::Tree;

use super::book::Bookmark;
use super::flow::{Flow, Run, SIDE, Setting, height, lines};
use super::picture::{Frame, draw};
use super::tags::{TagId, Tags};
use crate::report::error::ReportError;
use crate::report::image::{Painter, style};
use crate::report::look::Look;
use crate::report::svg::Legend;
use crate::report::view::{Chart, Key, Table};

/// Points a pixel of a drawing.
const SCALE: f32 = 0.6;
/// Between two charts beside each other, and below each.
const GUTTER: f32 = 18.0;
const BELOW: f32 = 14.0;
const TITLE: f32 = 8.5;
const SMALL: f32 = 7.0;
/// A key's stroke.
const SWATCH: f32 = 9.0;

/// Room around a drawing for what is written beside it, in pixels: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margins(f32, f32, f32, f32);

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lines,
    /// With names at the ends of the lines, where there is room.
    Labelled,
    Bars,
    Heat,
    Matrix,
}

impl Kind {
    /// As in the page's style sheet.
    fn margins(self, wide: bool) -> Margins {
        match (self, wide) {
            (Kind::Labelled, true) => Margins(48.0, 6.0, 112.0, 28.0),
            (Kind::Lines | Kind::Labelled, _) => Margins(40.0, 6.0, 8.0, 28.0),
            (Kind::Bars, _) => Margins(if wide { 128.0 } else { 96.0 }, 6.0, 64.0, 4.0),
            (Kind::Heat, _) => Margins(if wide { 128.0 } else { 96.0 }, 6.0, 60.0, 28.0),
            (Kind::Matrix, _) => Margins(232.0, 6.0, 8.0, 4.0),
        }
    }

    fn class(self) -> &'static str {
        match self {
            Kind::Heat => "heat",
            Kind::Lines | Kind::Labelled | Kind::Bars | Kind::Matrix => "",
        }
    }
}

/// A chart, by reference to the page's.
pub(super) struct Art<'a> {
    pub id: &'a str,
    pub kind: Kind,
    pub wide: bool,
    pub title: &'a str,
    pub subtitle: &'a str,
    pub sentence: &'a str,
    pub svg: &'a str,
    pub key: &'a [Key],
    pub legend: Option<&'a Legend>,
    /// Its numbers.
    pub table: Option<&'a Table>,
    /// Told below it; may be empty.
    pub note: String,
}

impl<'a> Art<'a> {
    pub fn of(chart: &'a Chart) -> Art<'a> {
        Art {
            id: &chart.id,
            kind: if chart.labelled { Kind::Labelled } else { Kind::Lines },
            wide: chart.wide,
            title: &chart.title,
            subtitle: &chart.subtitle,
            sentence: &chart.sentence,
            svg: &chart.svg,
            key: &chart.key,
            legend: None,
            table: Some(&chart.table),
            note: String::new(),
        }
    }
}

/// A drawing of the page as shapes.
pub(super) struct Drawer {
    painter: Painter,
    style: String,
}

impl Drawer {
    pub fn new(look: &Look) -> Drawer {
        Drawer { painter: Painter::new(), style: style(look) }
    }

    /// A drawing that is `width` pixels wide; as high as it says.
    pub fn tree(&self, svg: &str, width: f32, class: &str, more_style: &str) -> Result<Tree, ReportError> {
        let height = height_of(svg);
        self.painter.tree(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"DejaVu Sans\"><style>{}.pic{{overflow:visible}}.pic .c{{fill:#1a2130;font-size:11px}}{more_style}</style>{svg}</svg>",
            self.style
        ))
    }
}

/// Height in pixels, as the outermost element has it.
fn height_of(svg: &str) -> f32 {
    let tag = svg.split('>').next().unwrap_or_default();
    let value = tag.split_once(" height=\"").and_then(|(_, rest)| rest.split('"').next());
    value.and_then(|text| text.parse().ok()).unwrap_or(1.0)
}

/// A chart as it stands on a page.
struct Placed<'a> {
    art: &'a Art<'a>,
    tree: Tree,
    margins: Margins,
    width: f32,
    head: f32,
}

impl Flow<'_> {
    /// Draws charts in order.
    pub fn charts(&mut self, drawer: &Drawer, charts: &[Art<'_>]) -> Result<(), ReportError> {
        let half = (self.width() - GUTTER) / 2.0;
        let mut waiting: Option<Placed> = None;
        for art in charts {
            if art.wide {
                if let Some(left) = waiting.take() {
                    self.beside(drawer, &[left])?;
                }
                let placed = self.placed(drawer, art, self.width())?;
                self.beside(drawer, &[placed])?;
                continue;
            }
            let placed = self.placed(drawer, art, half)?;
            match waiting.take() {
                Some(left) => self.beside(drawer, &[left, placed])?,
                None => waiting = Some(placed),
            }
        }
        match waiting {
            Some(left) => self.beside(drawer, &[left]),
            None => Ok(()),
        }
    }

    /// How high a chart is.
    pub fn height_of(&self, drawer: &Drawer, art: &Art<'_>) -> Result<f32, ReportError> {
        let width = if art.wide { self.width() } else { (self.width() - GUTTER) / 2.0 };
        let placed = self.placed(drawer, art, width)?;
        Ok(self.tall(&placed, placed.head) + BELOW)
    }

    fn placed<'a>(&self, drawer: &Drawer, art: &'a Art<'a>, width: f32) -> Result<Placed<'a>, ReportError> {
        let margins = art.kind.margins(art.wide);
        let pixels = width / SCALE - margins.0 - margins.2;
        let narrow = match (art.wide, art.kind) {
            (false, Kind::Labelled) => ".dl,.odd{display:none}",
            (false, _) => ".odd{display:none}",
            (true, _) => "",
        };
        let tree = drawer.tree(art.svg, pixels, art.kind.class(), narrow)?;
        let head = height(self.lines_of(art.title, TITLE, width, true), TITLE)
            + height(self.lines_of(art.subtitle, SMALL, width, false), SMALL);
        Ok(Placed { art, tree, margins, width, head })
    }

    fn lines_of(&self, text: &str, size: f32, width: f32, bold: bool) -> usize {
        let run = Run::new(text, self.palette.ink);
        lines(&self.book, &[if bold { run.bold() } else { run }], size, width).len()
    }

    /// Draws charts beside each other.
    fn beside(&mut self, drawer: &Drawer, row: &[Placed<'_>]) -> Result<(), ReportError> {
        let head = row.iter().map(|placed| placed.head).fold(0.0, f32::max);
        let tall = row.iter().map(|placed| self.tall(placed, head)).fold(0.0, f32::max);
        self.need(tall + BELOW);
        let top = self.y;
        let mut x = SIDE;
        for placed in row {
            self.chart(drawer, placed, x, top, head)?;
            x += placed.width + GUTTER;
        }
        self.y = top - tall - BELOW;
        Ok(())
    }

    fn tall(&self, placed: &Placed<'_>, head: f32) -> f32 {
        let Margins(_, above, _, below) = placed.margins;
        let drawing = (above + placed.tree.size().height() + below) * SCALE;
        let note = height(self.lines_of(&placed.art.note, SMALL, placed.width, false), SMALL);
        head + 2.0 + drawing + self.key_height(placed) + note
    }

    fn chart(&mut self, drawer: &Drawer, placed: &Placed<'_>, x: f32, top: f32, head: f32) -> Result<(), ReportError> {
        let Placed { art, tree, margins, width, .. } = placed;
        let at = self.book.anchor(&format!("chart-{}", art.id), top + 4.0);
        let title = Run::new(art.title, self.palette.ink).bold();
        self.book.bookmarks.push(Bookmark { title: title.text.clone(), at, inner: true });
        let setting = Setting { x, width: *width, size: TITLE, role: StructRole::H3, parent: Tags::ROOT };
        let mut y = top - self.text_at(&[title], setting, top);
        let small = Setting { size: SMALL, role: StructRole::P, ..setting };
        let muted = self.palette.muted;
        self.text_at(&[Run::new(art.subtitle, muted)], small, y);
        y = top - head - 2.0 - margins.1 * SCALE;
        let figure = self.book.tags.figure(Tags::ROOT, art.sentence);
        let frame = Frame { x: x + margins.0 * SCALE, top: y, scale: SCALE };
        self.book.tagged(figure, StructRole::Figure, |book| draw(book, tree, frame));
        y -= (tree.size().height() + margins.3) * SCALE;
        y -= self.key(placed, x, y);
        if let Some(legend) = art.legend {
            self.legend(drawer, legend, x + margins.0 * SCALE, y, figure)?;
            y -= height(1, SMALL) + 2.0;
        }
        self.text_at(&[Run::new(&art.note, muted)], small, y);
        Ok(())
    }

    /// The entries of the key that the drawing has no labels for, each with its place: row and x.
    fn keyed<'k>(&self, placed: &Placed<'k>) -> Vec<(usize, f32, &'k Key)> {
        let Placed { art, margins, width, .. } = placed;
        let all = art.kind != Kind::Labelled || !art.wide;
        let shown = art.key.iter().filter(|key| all || key.band || key.token == "before");
        let face = self.book.face(super::face::Cut::Regular);
        let start = margins.0 * SCALE;
        let (mut row, mut x) = (0, start);
        let mut places = Vec::new();
        for key in shown {
            let wide = SWATCH + 4.0 + face.width(&key.name) * SMALL + 10.0;
            if x > start && x + wide > *width {
                (row, x) = (row + 1, start);
            }
            places.push((row, x, key));
            x += wide;
        }
        places
    }

    fn key_height(&self, placed: &Placed<'_>) -> f32 {
        let rows = self.keyed(placed).last().map_or(0, |(row, _, _)| row + 1);
        height(rows, SMALL) + if placed.art.legend.is_some() { height(1, SMALL) + 2.0 } else { 0.0 }
    }

    fn key(&mut self, placed: &Placed<'_>, x: f32, top: f32) -> f32 {
        let entries = self.keyed(placed);
        let rows = entries.last().map_or(0, |(row, _, _)| row + 1);
        let Placed { margins, width, .. } = placed;
        for (row, left, key) in entries {
            let y = top - height(row, SMALL);
            let colour = self.palette.token(key.token);
            let tall = if key.band { 5.0 } else { 1.5 };
            let middle = y - height(1, SMALL) / 2.0;
            self.book.untold(|book| {
                let opacity = book.opacity(if key.band { 0.25 } else { 1.0 });
                let content = book.content();
                content.save_state().set_parameters(pdf_writer::Name(opacity.as_bytes()));
                book.rectangle((x + left, middle - tall / 2.0), (SWATCH, tall), colour);
                book.content().restore_state();
            });
            let name_x = x + left + SWATCH + 4.0;
            let room = (x + width - name_x).max(margins.0);
            let setting = Setting { x: name_x, width: room, size: SMALL, role: StructRole::P, parent: Tags::ROOT };
            let muted = self.palette.muted;
            self.text_at(&[Run::new(&key.name, muted)], setting, y);
        }
        height(rows, SMALL)
    }

    fn legend(&mut self, drawer: &Drawer, legend: &Legend, x: f32, top: f32, figure: TagId) -> Result<(), ReportError> {
        let muted = self.palette.muted;
        let mut at = x;
        let parts = [
            (&*legend.least, &*legend.scale),
            (&*legend.most, legend.empty),
            (if legend.empty.is_empty() { "" } else { "no data" }, ""),
        ];
        for (text, svg) in parts {
            let setting = Setting { x: at, width: 200.0, size: SMALL, role: StructRole::P, parent: Tags::ROOT };
            self.text_at(&[Run::new(text, muted)], setting, top);
            at += self.book.face(super::face::Cut::Regular).width(text) * SMALL + 5.0;
            if svg.is_empty() {
                continue;
            }
            let tree = drawer.tree(svg, 400.0, "", "")?;
            let wide = width_of(svg) * SCALE;
            let frame = Frame { x: at, top: top - 2.0, scale: SCALE };
            self.book.tagged(figure, StructRole::Figure, |book| draw(book, &tree, frame));
            at += wide + 5.0;
        }
        Ok(())
    }
}

/// Width in pixels, as the outermost element has it.
fn width_of(svg: &str) -> f32 {
    let value = svg.split_once(" width=\"").and_then(|(_, rest)| rest.split('"').next());
    value.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
