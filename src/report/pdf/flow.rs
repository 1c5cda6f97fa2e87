//! Text in lines, and lines on pages: what is written next stands below what was written before, or on the next page.

use std::ops::Range;

use pdf_writer::types::StructRole;

use super::book::{Book, Bookmark};
use super::face::Cut;
use super::palette::{Colour, Palette};
use super::tags::{TagId, Tags};

/// Around the text of a page.
pub(super) const SIDE: f32 = 40.0;
const TOP: f32 = 42.0;
const BOTTOM: f32 = 48.0;
/// Distance of lines, in sizes of their letters; the letters stand so far above the line's lower end.
const LEADING: f32 = 1.4;
const DESCENT: f32 = 0.36;
/// What a heading takes.
const HEAD: f32 = 36.0;
/// It stands with at least so much of a text or a table.
pub(super) const HEADED: f32 = 60.0;

/// Some words of one look.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub text: String,
    pub cut: Cut,
    pub colour: Colour,
    /// Anchor that it leads to; empty for none.
    pub link: String,
}

impl Run {
    pub fn new(text: &str, colour: Colour) -> Run {
        Run { text: one_line(text), cut: Cut::Regular, colour, link: String::new() }
    }

    pub fn bold(self) -> Run {
        Run { cut: Cut::Bold, ..self }
    }

    pub fn to(self, link: &str) -> Run {
        Run { link: link.trim_start_matches('#').to_owned(), ..self }
    }
}

/// Names from data may have lines and other signs that command; a text has one line.
fn one_line(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// A part of a run on a line.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub run: usize,
    pub text: String,
    pub x: f32,
    pub width: f32,
}

/// Lines of runs, at most so wide.
pub(super) fn lines(book: &Book, runs: &[Run], size: f32, width: f32) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut at = 0.0;
    for (index, run) in runs.iter().enumerate() {
        let face = book.face(run.cut);
        let space = face.width(" ") * size;
        for word in words(&run.text) {
            for part in fitting(word, |text| face.width(text) * size, width) {
                let wide = face.width(part) * size;
                let gap = if at > 0.0 && word.len() == part.len() { space } else { 0.0 };
                let fits = at == 0.0 || at + gap + wide <= width + 0.01;
                if !fits {
                    lines.push(Vec::new());
                    at = 0.0;
                }
                let Some(line) = lines.last_mut() else { continue };
                let gap = if at > 0.0 { gap } else { 0.0 };
                match line.last_mut() {
                    Some(last) if last.run == index && gap > 0.0 => {
                        last.text.push(' ');
                        last.text.push_str(part);
                        last.width += gap + wide;
                    }
                    _ => line.push(Piece { run: index, text: part.to_owned(), x: at + gap, width: wide }),
                }
                at += gap + wide;
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Words end at spaces that may break.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// A word that is wider than a line is cut where it must be.
fn fitting(word: &str, wide: impl Fn(&str) -> f32, width: f32) -> Vec<&str> {
    if wide(word) <= width {
        return vec![word];
    }
    let mut parts = Vec::new();
    let mut part: Range<usize> = 0..0;
    for (at, sign) in word.char_indices() {
        let end = at + sign.len_utf8();
        if part.start < at && wide(&word[part.start..end]) > width {
            parts.push(&word[part.start..at]);
            part.start = at;
        }
        part.end = end;
    }
    parts.push(&word[part]);
    parts
}

/// Height of so many lines.
pub(super) fn height(lines: usize, size: f32) -> f32 {
    lines as f32 * size * LEADING
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub x: f32,
    pub width: f32,
    pub size: f32,
    pub role: StructRole,
    pub parent: TagId,
}

/// Where the next thing stands.
pub(super) struct Flow<'a> {
    pub book: Book,
    pub palette: Palette<'a>,
    /// From the bottom of the page.
    pub y: f32,
}

impl<'a> Flow<'a> {
    pub fn new(mut book: Book, palette: Palette<'a>) -> Flow<'a> {
        book.turn();
        let y = book.size.1 - TOP;
        Flow { book, palette, y }
    }

    /// Width between the sides.
    pub fn width(&self) -> f32 {
        self.book.size.0 - 2.0 * SIDE
    }

    /// A text over the whole width.
    pub fn setting(&self, size: f32, role: StructRole) -> Setting {
        Setting { x: SIDE, width: self.width(), size, role, parent: Tags::ROOT }
    }

    /// Height between the upper and the lower end of a page.
    pub fn page(&self) -> f32 {
        self.book.size.1 - TOP - BOTTOM
    }

    /// Turns the page where there is no room of this height; whether it did.
    pub fn need(&mut self, height: f32) -> bool {
        let turns = self.y - height.min(self.page()) < BOTTOM;
        if turns {
            self.book.turn();
            self.y = self.book.size.1 - TOP;
        }
        turns
    }

    /// Leaves some room.
    pub fn skip(&mut self, height: f32) {
        self.y -= height;
    }

    /// A text, which may go on on the next page.
    pub fn text(&mut self, runs: &[Run], setting: Setting) {
        let lines = lines(&self.book, runs, setting.size, setting.width);
        if lines.is_empty() {
            return;
        }
        let tag = self.book.tags.add(setting.parent, setting.role);
        for line in &lines {
            self.need(height(1, setting.size));
            let top = self.y;
            self.line(line, runs, tag, setting, top);
            self.y = top - height(1, setting.size);
        }
    }

    /// A text that stays where it is, from `top` on; its height.
    pub fn text_at(&mut self, runs: &[Run], setting: Setting, top: f32) -> f32 {
        let lines = lines(&self.book, runs, setting.size, setting.width);
        if lines.is_empty() {
            return 0.0;
        }
        let tag = self.book.tags.add(setting.parent, setting.role);
        for (i, line) in lines.iter().enumerate() {
            self.line(line, runs, tag, setting, top - height(i, setting.size));
        }
        height(lines.len(), setting.size)
    }

    /// One line, whose upper end is `top`.
    pub fn line(&mut self, line: &[Piece], runs: &[Run], tag: TagId, setting: Setting, top: f32) {
        let Setting { x, size, role, .. } = setting;
        let base = top - height(1, size) + DESCENT * size;
        self.book.tagged(tag, role, |book| {
            for piece in line {
                let run = &runs[piece.run];
                book.text((x + piece.x, base), &piece.text, run.cut, size, run.colour);
            }
        });
        for piece in line {
            let run = &runs[piece.run];
            if !run.link.is_empty() {
                let area = [x + piece.x, base - 0.25 * size, x + piece.x + piece.width, base + size];
                self.book.link(area, &run.link, &piece.text, tag);
            }
        }
    }

    /// A thin line over the width.
    pub fn rule(&mut self, x: f32, width: f32, colour: Colour) {
        let y = self.y;
        self.book.untold(|book| book.rectangle((x, y - 0.25), (width, 0.5), colour));
    }

    /// The heading of a section, which links lead to by `name`; on one page with what follows it.
    pub fn section(&mut self, name: &str, title: &str, follows: f32) {
        self.skip(14.0);
        self.need(HEAD + follows);
        self.rule(SIDE, self.width(), self.palette.hair);
        self.skip(8.0);
        let at = self.book.anchor(name, self.y + 8.0);
        self.book.bookmarks.push(Bookmark { title: one_line(title), at, inner: false });
        let runs = [Run::new(title, self.palette.ink).bold()];
        self.text(&runs, self.setting(13.0, StructRole::H2));
        self.skip(4.0);
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let runs = [Run::new(text, self.palette.ink)];
        self.text(&runs, self.setting(8.5, StructRole::P));
        self.skip(2.0);
    }

    /// A paragraph of less weight.
    pub fn note(&mut self, text: &str) {
        let runs = [Run::new(text, self.palette.muted)];
        self.text(&runs, self.setting(7.5, StructRole::P));
        self.skip(2.0);
    }
}
