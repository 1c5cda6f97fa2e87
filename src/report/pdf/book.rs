//! The pages while they are drawn: text, rules and shapes at places, with what they are.

use std::collections::BTreeMap;

use pdf_writer::types::StructRole;
use pdf_writer::{Content, Name, Ref, Str, TextStr};

use super::face::{Cut, Face, Glyph};
use super::logo::Raster;
use super::palette::Colour;
use super::tags::{TagId, Tags};
use crate::report::error::ReportError;

/// A page: what is drawn on it, and what it holds.
pub(super) struct Sheet {
    pub content: Content,
    /// The element of every marked stretch, by its number.
    pub marks: Vec<TagId>,
    pub links: Vec<Link>,
}

/// A place that leads to another one.
pub(super) struct Link {
    pub object: Ref,
    /// Left, bottom, right, top.
    pub area: [f32; 4],
    pub target: String,
    pub text: String,
    pub tag: TagId,
}

/// A point of a page, from the bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub page: usize,
    pub y: f32,
}

/// A line of the table of contents of a reader.
pub(super) struct Bookmark {
    pub title: String,
    pub at: Place,
    /// Below the last one of a section.
    pub inner: bool,
}

/// All pages. Lengths are points, `y` counts from the bottom.
pub(super) struct Book {
    pub size: (f32, f32),
    pub faces: [Face; 2],
    pub sheets: Vec<Sheet>,
    pub tags: Tags,
    pub bookmarks: Vec<Bookmark>,
    /// Where links lead to.
    pub anchors: BTreeMap<String, Place>,
    /// Opacities that were used, in hundredths, with the number of their resource.
    pub opacities: BTreeMap<u8, usize>,
    pub logo: Option<Raster>,
    next_object: i32,
    /// The page that is drawn on.
    at: usize,
}

impl Book {
    pub fn new(size: (f32, f32)) -> Result<Book, ReportError> {
        Ok(Book {
            size,
            faces: [Face::new(Cut::Regular)?, Face::new(Cut::Bold)?],
            sheets: Vec::new(),
            tags: Tags::new(),
            bookmarks: Vec::new(),
            anchors: BTreeMap::new(),
            opacities: BTreeMap::new(),
            logo: None,
            next_object: 1,
            at: 0,
        })
    }

    /// A number for an object of the file.
    pub fn object(&mut self) -> Ref {
        self.objects(1)
    }

    /// The first of so many numbers.
    pub fn objects(&mut self, count: usize) -> Ref {
        let first = self.next_object;
        self.next_object += count as i32;
        Ref::new(first)
    }

    pub fn face(&self, cut: Cut) -> &Face {
        &self.faces[cut as usize]
    }

    /// The next page.
    pub fn turn(&mut self) {
        self.at = self.sheets.len();
        self.sheets.push(Sheet { content: Content::new(), marks: Vec::new(), links: Vec::new() });
    }

    /// Goes back to the pages there are.
    pub fn go_to(&mut self, page: usize) {
        self.at = page.min(self.sheets.len().saturating_sub(1));
    }

    /// What is drawn on the current page.
    pub fn content(&mut self) -> &mut Content {
        if self.sheets.is_empty() {
            self.turn();
        }
        &mut self.sheets[self.at].content
    }

    /// What `draw` draws belongs to the element.
    pub fn tagged(&mut self, tag: TagId, role: StructRole, draw: impl FnOnce(&mut Book)) {
        self.content();
        let page = self.at;
        let number = self.sheets[page].marks.len() as i32;
        self.sheets[page].marks.push(tag);
        self.tags.mark(tag, page, number);
        self.content().begin_marked_content_with_properties(role.to_name()).properties().identify(number);
        draw(self);
        self.content().end_marked_content();
    }

    /// What `draw` draws says nothing by itself: rules, grounds, page numbers.
    pub fn untold(&mut self, draw: impl FnOnce(&mut Book)) {
        self.content().begin_marked_content(Name(b"Artifact"));
        draw(self);
        self.content().end_marked_content();
    }

    /// Writes a line from `x` on.
    pub fn text(&mut self, (x, y): (f32, f32), text: &str, cut: Cut, size: f32, colour: Colour) {
        let whole = text.chars().all(|sign| self.face(cut).has(sign));
        let glyphs = self.faces[cut as usize].glyphs(text);
        let content = self.content();
        if !whole {
            // What the font has no signs for is drawn as boxes, and still found and copied as what it is.
            content.begin_marked_content_with_properties(Name(b"Span")).properties().actual_text(TextStr(text));
        }
        fill(content, colour);
        content.begin_text().set_font(cut.resource(), round(size)).next_line(round(x), round(y));
        content.show(Str(&encoded(&glyphs))).end_text();
        if !whole {
            content.end_marked_content();
        }
    }

    /// A filled rectangle, from its lower left corner.
    pub fn rectangle(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), colour: Colour) {
        let content = self.content();
        fill(content, colour);
        content.rect(round(x), round(y), round(width), round(height)).fill_nonzero();
    }

    /// The resource of an opacity.
    pub fn opacity(&mut self, opacity: f32) -> String {
        let hundredths = (opacity.clamp(0.0, 1.0) * 100.0).round() as u8;
        let next = self.opacities.len();
        format!("O{}", self.opacities.entry(hundredths).or_insert(next))
    }

    /// An area of the page leads to an anchor.
    pub fn link(&mut self, area: [f32; 4], target: &str, text: &str, parent: TagId) {
        let tag = self.tags.add(parent, StructRole::Link);
        let (object, page) = (self.object(), self.at);
        self.tags.link(tag, object, page);
        let link = Link { object, area: area.map(round), target: target.to_owned(), text: text.to_owned(), tag };
        self.sheets[page].links.push(link);
    }

    /// Links to `name` lead to this height of the page.
    pub fn anchor(&mut self, name: &str, y: f32) -> Place {
        let place = Place { page: self.at, y: round(y) };
        self.anchors.insert(name.to_owned(), place);
        place
    }
}

/// Sets the colour of what is filled and written.
pub(super) fn fill(content: &mut Content, Colour(red, green, blue): Colour) {
    content.set_fill_rgb(red, green, blue);
}

/// Hundredths of a point are enough, and the file is smaller.
pub(super) fn round(length: f32) -> f32 {
    (length * 100.0).round() / 100.0
}

/// Glyphs as a text of the file has them.
pub(super) fn encoded(glyphs: &[Glyph]) -> Vec<u8> {
    glyphs.iter().flat_map(|glyph| glyph.id.to_be_bytes()).collect()
}
