//! A drawing of the page on a page of paper: what usvg makes of its SVG, as paths and glyphs.

use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Name, Str};
use resvg::tiny_skia::{Path, PathSegment, Point, Transform};
use resvg::usvg::{
    self, Fill, FillRule, Group, LineCap, LineJoin, Node, Paint, ShapeRendering, Stroke, Text, Tree,
    layout::{PositionedGlyph, Span},
};

use super::book::{Book, encoded, round};
use super::face::{Cut, Glyph};
use super::palette::Colour;

/// Where a drawing lies: its upper left corner, and points a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub x: f32,
    pub top: f32,
    pub scale: f32,
}

/// Draws on the current page.
pub(super) fn draw(book: &mut Book, tree: &Tree, frame: Frame) {
    let Frame { x, top, scale } = frame;
    let pen = Pen { tree, scale, page: Transform::from_row(scale, 0.0, 0.0, -scale, x, top) };
    book.content().save_state();
    pen.group(book, tree.root(), 1.0);
    book.content().restore_state();
}

struct Pen<'a> {
    tree: &'a Tree,
    scale: f32,
    /// From the drawing to the page.
    page: Transform,
}

impl Pen<'_> {
    fn group(&self, book: &mut Book, group: &Group, opacity: f32) {
        let opacity = opacity * group.opacity().get();
        let clip = group.clip_path().map(|clip| clip.root());
        if let Some(clip) = clip {
            book.content().save_state();
            for node in clip.children() {
                if let Node::Path(path) = node {
                    outline(book.content(), path.data(), self.page.pre_concat(group.abs_transform()));
                }
            }
            book.content().clip_nonzero().end_path();
        }
        for node in group.children() {
            match node {
                Node::Group(inner) => self.group(book, inner, opacity),
                Node::Path(path) if path.is_visible() => self.path(book, path, opacity),
                Node::Text(text) => self.text(book, text, opacity),
                Node::Path(_) | Node::Image(_) => {}
            }
        }
        if clip.is_some() {
            book.content().restore_state();
        }
    }

    fn path(&self, book: &mut Book, path: &usvg::Path, opacity: f32) {
        let to_page = self.page.pre_concat(path.abs_transform());
        if let Some(fill) = path.fill() {
            self.filled(book, path.data(), to_page, fill, opacity);
        }
        if let Some(stroke) = path.stroke() {
            // Strokes keep their width however a drawing is stretched, but for the cells of a heatmap, which are its crisp ones.
            let is_cell = path.rendering_mode() == ShapeRendering::CrispEdges;
            let scale = if is_cell { to_page.sy.abs() } else { self.scale };
            self.stroked(book, path.data(), to_page, stroke, scale, opacity);
        }
    }

    fn filled(&self, book: &mut Book, path: &Path, to_page: Transform, fill: &Fill, opacity: f32) {
        let opacity = book.opacity(opacity * fill.opacity().get());
        let content = book.content();
        content.set_parameters(Name(opacity.as_bytes()));
        let Colour(red, green, blue) = colour(fill.paint());
        content.set_fill_rgb(red, green, blue);
        outline(content, path, to_page);
        match fill.rule() {
            FillRule::NonZero => content.fill_nonzero(),
            FillRule::EvenOdd => content.fill_even_odd(),
        };
    }

    fn stroked(&self, book: &mut Book, path: &Path, to_page: Transform, stroke: &Stroke, scale: f32, opacity: f32) {
        let opacity = book.opacity(opacity * stroke.opacity().get());
        let content = book.content();
        content.set_parameters(Name(opacity.as_bytes()));
        let Colour(red, green, blue) = colour(stroke.paint());
        content.set_stroke_rgb(red, green, blue).set_line_width(round(stroke.width().get() * scale));
        content.set_line_cap(match stroke.linecap() {
            LineCap::Butt => LineCapStyle::ButtCap,
            LineCap::Round => LineCapStyle::RoundCap,
            LineCap::Square => LineCapStyle::ProjectingSquareCap,
        });
        content.set_line_join(match stroke.linejoin() {
            LineJoin::Miter | LineJoin::MiterClip => LineJoinStyle::MiterJoin,
            LineJoin::Round => LineJoinStyle::RoundJoin,
            LineJoin::Bevel => LineJoinStyle::BevelJoin,
        });
        let dashes = stroke.dasharray().unwrap_or_default().iter().map(|length| round(length * scale));
        content.set_dash_pattern(dashes, round(stroke.dashoffset() * scale));
        outline(content, path, to_page);
        content.stroke();
    }

    fn text(&self, book: &mut Book, text: &Text, opacity: f32) {
        let to_page = self.page.pre_concat(text.abs_transform());
        self.halo(book, text.flattened(), opacity);
        for span in text.layouted().iter().filter(|span| span.visible) {
            let Some(fill) = &span.fill else { continue };
            let opacity = book.opacity(opacity * fill.opacity().get());
            let Colour(red, green, blue) = colour(fill.paint());
            book.content().set_parameters(Name(opacity.as_bytes())).set_fill_rgb(red, green, blue);
            self.glyphs(book, span, to_page);
        }
    }

    /// The ground that a text on lines has around it.
    fn halo(&self, book: &mut Book, group: &Group, opacity: f32) {
        for node in group.children() {
            match node {
                Node::Group(inner) => self.halo(book, inner, opacity),
                Node::Path(path) => {
                    if let Some(stroke) = path.stroke() {
                        let to_page = self.page.pre_concat(path.abs_transform());
                        self.stroked(book, path.data(), to_page, stroke, self.scale, opacity);
                    }
                }
                Node::Text(_) | Node::Image(_) => {}
            }
        }
    }

    fn glyphs(&self, book: &mut Book, span: &Span, to_page: Transform) {
        let placed: Vec<(Cut, Glyph, Transform)> = span
            .positioned_glyphs
            .iter()
            .map(|glyph| {
                let cut = self.cut(glyph);
                (cut, book.faces[cut as usize].glyph(glyph.id.0, &glyph.text), em(to_page, glyph))
            })
            .collect();
        let content = book.content();
        // A run of glyphs on one line is one text.
        let same_line = |a: &(Cut, Glyph, Transform), b: &(Cut, Glyph, Transform)| {
            a.0 == b.0 && a.2.sx == b.2.sx && a.2.ky == 0.0 && b.2.ky == 0.0 && (a.2.ty - b.2.ty).abs() < 0.01
        };
        for run in placed.chunk_by(same_line) {
            let Some((cut, _, first)) = run.first() else { continue };
            content.begin_text().set_font(cut.resource(), 1.0);
            content.set_text_matrix([first.sx, first.ky, first.kx, first.sy, first.tx, first.ty].map(round));
            let mut shown = content.show_positioned();
            let mut items = shown.items();
            let mut at = first.tx;
            for (_, glyph, place) in run {
                let off = (at - place.tx) / first.sx * 1_000.0;
                if off.abs() > 4.0 {
                    items.adjust(off.round());
                    at = place.tx;
                }
                items.show(Str(&encoded(&[*glyph])));
                at += glyph.advance * first.sx;
            }
            drop(items);
            drop(shown);
            content.end_text();
        }
    }

    /// Which of the two cuts a glyph is of: the drawing's fonts have no others.
    fn cut(&self, glyph: &PositionedGlyph) -> Cut {
        let bold = self.tree.fontdb().face(glyph.font).is_some_and(|face| face.weight.0 > 500);
        if bold { Cut::Bold } else { Cut::Regular }
    }
}

/// From a square of one em, upwards, to the page.
fn em(to_page: Transform, glyph: &PositionedGlyph) -> Transform {
    let place = to_page.pre_concat(glyph.outline_transform());
    let units = glyph_units(glyph);
    place.pre_scale(units, units)
}

/// Units of an em in the font of a glyph.
fn glyph_units(glyph: &PositionedGlyph) -> f32 {
    let scale = glyph.outline_transform().get_scale().0;
    if scale > 0.0 { glyph.font_size() / scale } else { 0.0 }
}

fn colour(paint: &Paint) -> Colour {
    match paint {
        Paint::Color(colour) => Colour::of_bytes(colour.red, colour.green, colour.blue),
        // Our drawings have none of these.
        Paint::LinearGradient(_) | Paint::RadialGradient(_) | Paint::Pattern(_) => Colour(0.0, 0.0, 0.0),
    }
}

fn outline(content: &mut Content, path: &Path, to_page: Transform) {
    let on_page = |mut point: Point| {
        to_page.map_point(&mut point);
        (round(point.x), round(point.y))
    };
    let mut from = Point::zero();
    for segment in path.segments() {
        match segment {
            PathSegment::MoveTo(to) => {
                let (x, y) = on_page(to);
                content.move_to(x, y);
                from = to;
            }
            PathSegment::LineTo(to) => {
                let (x, y) = on_page(to);
                content.line_to(x, y);
                from = to;
            }
            PathSegment::QuadTo(bend, to) => {
                let third = |end: Point| {
                    Point::from_xy(end.x + (bend.x - end.x) * 2.0 / 3.0, end.y + (bend.y - end.y) * 2.0 / 3.0)
                };
                curve(content, on_page(third(from)), on_page(third(to)), on_page(to));
                from = to;
            }
            PathSegment::CubicTo(first, second, to) => {
                curve(content, on_page(first), on_page(second), on_page(to));
                from = to;
            }
            PathSegment::Close => {
                content.close_path();
            }
        }
    }
}

fn curve(content: &mut Content, first: (f32, f32), second: (f32, f32), to: (f32, f32)) {
    content.cubic_to(first.0, first.1, second.0, second.1, to.0, to.1);
}
