//! The colours of the page on white.

use crate::report::image;
use crate::report::look::Look;

/// Red, green and blue, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour(pub f32, pub f32, pub f32);

impl Colour {
    pub fn of_bytes(red: u8, green: u8, blue: u8) -> Colour {
        let part = |byte: u8| (f32::from(byte) / 255.0 * 1_000.0).round() / 1_000.0;
        Colour(part(red), part(green), part(blue))
    }

    /// From `#rrggbb`; black where it is not one.
    fn parse(text: &str) -> Colour {
        let digits = text.strip_prefix('#').and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default();
        let [_, red, green, blue] = digits.to_be_bytes();
        Colour::of_bytes(red, green, blue)
    }
}

/// Those that text and rules are drawn in.
pub(super) struct Palette<'a> {
    look: &'a Look,
    pub ink: Colour,
    pub muted: Colour,
    pub link: Colour,
    pub card: Colour,
    pub hair: Colour,
    pub grid: Colour,
}

impl<'a> Palette<'a> {
    pub fn of(look: &'a Look) -> Palette<'a> {
        let of = |token: &str| Colour::parse(&image::light(look, token));
        Palette {
            look,
            ink: of("ink"),
            muted: of("muted"),
            link: of("link"),
            card: of("card"),
            hair: of("hair"),
            grid: of("grid"),
        }
    }

    /// The colour of a token of the style sheet.
    pub fn token(&self, token: &str) -> Colour {
        match token {
            "info" | "expected" | "" => self.muted,
            "better" => self.token("ok"),
            "worse" => self.token("bad"),
            other => Colour::parse(&image::light(self.look, other)),
        }
    }
}
