//! DejaVu Sans: how wide a text is, and the glyphs that were used as a font of the file.

use std::collections::BTreeMap;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Finish, Name, Pdf, Rect, Ref, Str};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, GlyphId, MetadataProvider};
use subsetter::GlyphRemapper;

use super::document::deflated;
use crate::report::error::ReportError;

/// Which of the two cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Regular,
    Bold,
}

impl Cut {
    pub const ALL: [Cut; 2] = [Cut::Regular, Cut::Bold];

    /// As pages call it.
    pub fn resource(self) -> Name<'static> {
        match self {
            Cut::Regular => Name(b"R"),
            Cut::Bold => Name(b"B"),
        }
    }

    /// As the file calls it: six letters say that it is a part of a font.
    fn font_name(self) -> Name<'static> {
        match self {
            Cut::Regular => Name(b"NODEBK+DejaVuSans"),
            Cut::Bold => Name(b"NODEBB+DejaVuSans-Bold"),
        }
    }
}

/// A glyph of the file, and how far it moves on, in em.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Glyph {
    pub id: u16,
    pub advance: f32,
}

/// A cut, and what of it was used.
pub(super) struct Face {
    cut: Cut,
    data: &'static [u8],
    letters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units: f32,
    used: GlyphRemapper,
    /// Of every glyph of the file: what it was in the font, and what it reads as.
    texts: BTreeMap<u16, (u32, String)>,
}

impl Face {
    pub fn new(cut: Cut) -> Result<Face, ReportError> {
        let data = match cut {
            Cut::Regular => dejavu::sans::regular(),
            Cut::Bold => dejavu::sans::bold(),
        };
        let font = FontRef::new(data).map_err(|e| ReportError::Pdf(e.to_string()))?;
        let place = LocationRef::default();
        Ok(Face {
            cut,
            data,
            letters: font.charmap(),
            metrics: font.glyph_metrics(Size::unscaled(), place),
            units: f32::from(font.metrics(Size::unscaled(), place).units_per_em),
            used: GlyphRemapper::new(),
            texts: BTreeMap::new(),
        })
    }

    /// Whether the font has the sign; what it does not have is drawn as a box.
    pub fn has(&self, sign: char) -> bool {
        self.letters.map(sign).is_some()
    }

    /// Width of a text in em.
    pub fn width(&self, text: &str) -> f32 {
        text.chars().map(|sign| self.advance(self.letter(sign))).sum()
    }

    /// The glyphs of a text.
    pub fn glyphs(&mut self, text: &str) -> Vec<Glyph> {
        let mut sign_text = [0; 4];
        text.chars().map(|sign| self.glyph(self.letter(sign), sign.encode_utf8(&mut sign_text))).collect()
    }

    /// A glyph of the font, which reads as `text`.
    pub fn glyph(&mut self, old: u32, text: &str) -> Glyph {
        let id = self.used.remap(old as u16);
        self.texts.entry(id).or_insert_with(|| (old, text.to_owned()));
        Glyph { id, advance: self.advance(old) }
    }

    fn letter(&self, sign: char) -> u32 {
        self.letters.map(sign).unwrap_or_default().to_u32()
    }

    fn advance(&self, glyph: u32) -> f32 {
        self.metrics.advance_width(GlyphId::new(glyph)).unwrap_or_default() / self.units
    }

    /// Writes the part of the font that was used; five objects from `first` on.
    pub fn write(&self, pdf: &mut Pdf, first: Ref) -> Result<(), ReportError> {
        let at = |n: i32| Ref::new(first.get() + n);
        let (cid, descriptor, map, file) = (at(1), at(2), at(3), at(4));
        let name = self.cut.font_name();
        let part = subsetter::subset(self.data, 0, &self.used).map_err(|e| ReportError::Pdf(e.to_string()))?;
        pdf.type0_font(first)
            .base_font(name)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(map);
        let identity = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
        let mut font = pdf.cid_font(cid);
        font.subtype(CidFontType::Type2).base_font(name).system_info(identity).font_descriptor(descriptor);
        font.cid_to_gid_map_predefined(Name(b"Identity"));
        let width = |old: u16| (self.advance(u32::from(old)) * 1_000.0).round();
        font.widths().consecutive(0, self.used.remapped_gids().map(width));
        font.finish();
        pdf.font_descriptor(descriptor)
            .name(name)
            .flags(FontFlags::NON_SYMBOLIC)
            .bbox(Rect::new(-1_021.0, -463.0, 1_793.0, 1_232.0))
            .italic_angle(0.0)
            .ascent(928.0)
            .descent(-236.0)
            .cap_height(729.0)
            .stem_v(if self.cut == Cut::Bold { 160.0 } else { 80.0 })
            .font_file2(file);
        let mut unicode = UnicodeCmap::<u16>::new(Name(b"Custom"), identity);
        // Glyph 0 is the box of what the font does not have: it reads as whatever stands there.
        for (id, (old, text)) in self.texts.iter().filter(|(id, _)| **id != 0) {
            debug_assert_ne!(*old, 0);
            unicode.pair_with_multiple(*id, text.chars());
        }
        deflated(pdf, map, &unicode.finish(), |_| ());
        deflated(pdf, file, &part, |stream| {
            stream.pair(Name(b"Length1"), part.len() as i32);
        });
        Ok(())
    }
}
