//! The logo: the dots of a PNG or a drawing, or a JPEG as it is.

use pdf_writer::{Filter, Finish, Name, Pdf, Ref};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use super::book::Book;
use super::document::deflated;
use crate::report::image::options;
use crate::report::look::Logo;

/// Room for it, in points: as in the page.
const WIDTH_MAX: f32 = 120.0;
const HEIGHT_MAX: f32 = 42.0;
/// Dots a point of a drawing: sharp on paper.
const DENSITY: f32 = 4.0;
/// Most dots on a side of a picture that is taken as it is.
const DOTS_MAX: u32 = 4_000;

/// A picture by its dots.
pub(super) struct Raster {
    width: u32,
    height: u32,
    dots: Dots,
}

enum Dots {
    /// Red, green and blue, and how much of them is seen.
    Plain { colours: Vec<u8>, alpha: Vec<u8> },
    /// A whole JPEG file of three colours.
    Jpeg(Vec<u8>),
}

impl Raster {
    /// Of a logo; `None` where it is broken or too large: a report goes without it then, as a page shows none.
    pub fn of(logo: &Logo) -> Option<Raster> {
        let bytes = logo.bytes();
        let raster = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => Raster::plain(&Pixmap::decode_png(&bytes).ok()?),
            [0xff, 0xd8, 0xff, ..] => {
                let [width, height] = jpeg_size(&bytes)?;
                Raster { width, height, dots: Dots::Jpeg(bytes) }
            }
            _ => Raster::plain(&drawn(&bytes)?),
        };
        (raster.width.max(raster.height) <= DOTS_MAX).then_some(raster)
    }

    fn plain(dots: &Pixmap) -> Raster {
        let (mut colours, mut alpha) = (Vec::new(), Vec::new());
        for dot in dots.pixels() {
            let colour = dot.demultiply();
            colours.extend([colour.red(), colour.green(), colour.blue()]);
            alpha.push(colour.alpha());
        }
        Raster { width: dots.width(), height: dots.height(), dots: Dots::Plain { colours, alpha } }
    }

    /// Width and height on paper, in points.
    pub fn size(&self) -> (f32, f32) {
        let (width, height) = (self.width as f32, self.height as f32);
        let scale = (WIDTH_MAX / width).min(HEIGHT_MAX / height);
        (width * scale, height * scale)
    }

    /// As objects of the file: the picture, and what is seen of it.
    pub fn write(&self, pdf: &mut Pdf, picture: Ref, seen: Ref) {
        let (width, height) = (self.width as i32, self.height as i32);
        match &self.dots {
            Dots::Plain { colours, alpha } => {
                let more = |stream: &mut pdf_writer::Stream<'_>, space: &[u8], mask: Option<Ref>| {
                    stream.pair(Name(b"Type"), Name(b"XObject")).pair(Name(b"Subtype"), Name(b"Image"));
                    stream.pair(Name(b"Width"), width).pair(Name(b"Height"), height);
                    stream.pair(Name(b"ColorSpace"), Name(space)).pair(Name(b"BitsPerComponent"), 8);
                    if let Some(mask) = mask {
                        stream.pair(Name(b"SMask"), mask);
                    }
                };
                deflated(pdf, picture, colours, |stream| more(stream, b"DeviceRGB", Some(seen)));
                deflated(pdf, seen, alpha, |stream| more(stream, b"DeviceGray", None));
            }
            Dots::Jpeg(bytes) => {
                let mut image = pdf.image_xobject(picture, bytes);
                image.width(width).height(height).bits_per_component(8).color_space().device_rgb();
                image.filter(Filter::DctDecode);
                image.finish();
            }
        }
    }
}

/// The name by which pages call it.
pub(super) const RESOURCE: Name<'static> = Name(b"L");

/// Draws the logo of the book with its lower left corner at a point.
pub(super) fn place(book: &mut Book, (x, y): (f32, f32), (width, height): (f32, f32)) {
    book.untold(|book| {
        let content = book.content();
        content.save_state().transform([width, 0.0, 0.0, height, x, y]).x_object(RESOURCE).restore_state();
    });
}

/// The dots of a drawing. What it would load it does not.
fn drawn(svg: &[u8]) -> Option<Pixmap> {
    let nothing = ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = Options { image_href_resolver: nothing, ..options() };
    let tree = Tree::from_data(svg, &options).ok()?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = (DENSITY * WIDTH_MAX / width).min(DENSITY * HEIGHT_MAX / height);
    let mut dots = Pixmap::new((width * scale).ceil() as u32, (height * scale).ceil() as u32)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut dots.as_mut());
    Some(dots)
}

/// Width and height of a JPEG of three colours: what its frame's head says.
fn jpeg_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let mut at = 2;
    loop {
        let [0xff, marker, high, low] = *bytes.get(at..at + 4)? else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Start of frame, but for tables and what is coded arithmetically.
        if matches!(marker, 0xc0..=0xc2) {
            let [_, h1, h0, w1, w0, colours] = *bytes.get(at + 4..at + 10)? else { return None };
            let size = [[w1, w0], [h1, h0]].map(|bytes| u32::from(u16::from_be_bytes(bytes)));
            return (colours == 3 && size.iter().all(|side| *side > 0)).then_some(size);
        }
        at += 2 + length.max(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_and_its_dots_keep_their_shape() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'><rect width='10' height='10' fill='#f00'/><image href='/etc/passwd' width='9' height='9'/></svg>";
        let drawing = Raster::of(&Logo::of(svg).unwrap()).unwrap();
        assert_eq!(drawing.size(), (84.0, 42.0));
        let Dots::Plain { colours, alpha } = &drawing.dots else { panic!("no dots") };
        assert_eq!((&colours[..3], alpha[0], *alpha.last().unwrap()), (&[255, 0, 0][..], 255, 0));
        let png = Pixmap::new(300, 10).unwrap().encode_png().unwrap();
        assert_eq!(Raster::of(&Logo::of(&png).unwrap()).unwrap().size(), (120.0, 4.0));
    }

    #[test]
    fn what_is_broken_is_no_logo() {
        for broken in [&b"\x89PNG\r\n"[..], b"\xff\xd8\xff\xe0\x00\x04ab", b"<svg", b"\xff\xd8\xff"] {
            assert!(Logo::of(broken).ok().is_none_or(|logo| Raster::of(&logo).is_none()), "{broken:?}");
        }
        // Two markers, then a frame of 16 by 8 dots in three colours.
        let jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x08\x00\x10\x03\x01\x11\x00";
        assert_eq!(jpeg_size(jpeg), Some([16, 8]));
    }
}
