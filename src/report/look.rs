//! The look of a page: colours of lines, the accent, the logo. What is configured is checked here, so that every page can be read.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Colours and logo of one's own; nothing is the look of this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Of the first to the fifth line.
    pub series: Vec<Tone>,
    /// Of links and of what has the focus.
    pub accent: Option<Tone>,
    /// Beside the title.
    pub logo: Option<Logo>,
}

/// Lines a chart tells apart by colour.
pub const SERIES_MAX: usize = 5;

/// A colour on light and on dark ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    light: Rgb,
    dark: Rgb,
}

/// What a colour is for, and so how well it must stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A line.
    Line,
    /// Text.
    Text,
}

/// Why a colour was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ColourError {
    /// Not written as one.
    #[error("`{0}` is not a colour such as #0072b2")]
    Syntax(String),
    /// Hard to see.
    #[error(
        "`{colour}` on the {theme} page has a contrast of {contrast:.1}: it needs {least}; give one for each, {{ light = \"#…\", dark = \"#…\" }}"
    )]
    Contrast {
        /// The colour.
        colour: String,
        /// Which page.
        theme: &'static str,
        /// What it has.
        contrast: f64,
        /// What it needs.
        least: f64,
    },
}

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rgb([u8; 3]);

/// The grounds of the page, as in its style sheet: the page itself and the cards on it.
const LIGHT_GROUNDS: [Rgb; 2] = [Rgb([0xff, 0xff, 0xff]), Rgb([0xf6, 0xf7, 0xf9])];
const DARK_GROUNDS: [Rgb; 2] = [Rgb([0x12, 0x16, 0x1d]), Rgb([0x1a, 0x20, 0x2a])];

impl Rgb {
    fn parse(text: &str) -> Result<Rgb, ColourError> {
        let wrong = || ColourError::Syntax(text.to_owned());
        let digits = text.strip_prefix('#').filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
        let wide: String = match digits.len() {
            3 => digits.chars().flat_map(|c| [c, c]).collect(),
            6 => digits.to_owned(),
            _ => return Err(wrong()),
        };
        let channel = |i: usize| u8::from_str_radix(&wide[2 * i..2 * i + 2], 16).map_err(|_| wrong());
        Ok(Rgb([channel(0)?, channel(1)?, channel(2)?]))
    }

    fn css(self) -> String {
        let Rgb([r, g, b]) = self;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// Contrast ratio (WCAG 2.2), 1 to 21.
    fn contrast(self, other: Rgb) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }
}

impl Tone {
    /// From `#rrggbb` on light and on dark ground; both may be the same. Lines need a contrast of 3, text one of 4.5.
    pub fn new(light: &str, dark: &str, role: Role) -> Result<Tone, ColourError> {
        let least = match role {
            Role::Line => 3.0,
            Role::Text => 4.5,
        };
        let checked = |text: &str, grounds: [Rgb; 2], theme: &'static str| {
            let colour = Rgb::parse(text)?;
            // Lines are drawn on the page only, text on cards too.
            let grounds = if role == Role::Line { &grounds[..1] } else { &grounds[..] };
            let contrast = grounds.iter().map(|ground| colour.contrast(*ground)).fold(f64::INFINITY, f64::min);
            if contrast < least {
                return Err(ColourError::Contrast { colour: text.to_owned(), theme, contrast, least });
            }
            Ok(colour)
        };
        Ok(Tone { light: checked(light, LIGHT_GROUNDS, "light")?, dark: checked(dark, DARK_GROUNDS, "dark")? })
    }
}

impl Look {
    /// The tokens of the style sheet that it changes, with their values on light and on dark ground.
    fn tokens(&self) -> Vec<(String, Tone)> {
        let series = self.series.iter().take(SERIES_MAX).enumerate().map(|(i, tone)| (format!("--s{}", i + 1), *tone));
        series.chain(self.accent.map(|tone| ("--link".to_owned(), tone))).collect()
    }

    /// The rules that follow those of the page; empty for no colour of one's own.
    pub(crate) fn css(&self) -> String {
        let tokens = self.tokens();
        if tokens.is_empty() {
            return String::new();
        }
        let list = |pick: fn(&Tone) -> Rgb| {
            tokens.iter().fold(String::new(), |mut css, (name, tone)| {
                let _ = write!(css, "{name}:{};", pick(tone).css());
                css
            })
        };
        let (light, dark) = (list(|tone| tone.light), list(|tone| tone.dark));
        format!(
            ":root{{{light}}}\n\
             @media screen and (prefers-color-scheme: dark){{:root:not([data-theme=\"light\"]){{{dark}}}}}\n\
             @media screen{{:root[data-theme=\"dark\"]{{{dark}}}}}\n"
        )
    }

    /// The colour of a token on white, where it has one of its own.
    pub(crate) fn light(&self, token: &str) -> Option<String> {
        let named = self.tokens().into_iter().find(|(name, _)| name.strip_prefix("--") == Some(token));
        named.map(|(_, tone)| tone.light.css())
    }
}

/// A picture that travels in the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    media_type: &'static str,
    base64: String,
}

/// Why a logo was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LogoError {
    /// Every page carries it.
    #[error("{bytes} bytes are too many for a logo: at most {LOGO_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not a picture that every browser shows.
    #[error("it is neither PNG, JPEG nor SVG")]
    Unknown,
}

/// Most bytes of a logo.
pub const LOGO_BYTES_MAX: usize = 200_000;

impl Logo {
    /// From the bytes of a PNG, JPEG or SVG file. It is shown as an image: what an SVG would load or run, it does not there.
    pub fn of(bytes: &[u8]) -> Result<Logo, LogoError> {
        if bytes.len() > LOGO_BYTES_MAX {
            return Err(LogoError::TooLarge { bytes: bytes.len() });
        }
        let media_type = match bytes {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            _ if is_svg(bytes) => "image/svg+xml",
            _ => return Err(LogoError::Unknown),
        };
        Ok(Logo { media_type, base64: STANDARD.encode(bytes) })
    }

    /// The file's bytes.
    #[cfg(feature = "pdf")]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.base64).unwrap_or_default()
    }

    /// As the address of an image.
    pub(crate) fn address(&self) -> String {
        format!("data:{};base64,{}", self.media_type, self.base64)
    }
}

fn is_svg(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(2_048)]);
    let start = start.trim_start_matches('\u{feff}').trim_start();
    start.starts_with("<svg") || (start.starts_with("<?xml") || start.starts_with("<!")) && start.contains("<svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        let of = |a: &str, b: &str| (Rgb::parse(a).unwrap().contrast(Rgb::parse(b).unwrap()) * 10.0).round() / 10.0;
        assert_eq!((of("#000", "#fff"), of("#0072b2", "#ffffff"), of("#56B4E9", "#12161d")), (21.0, 5.2, 7.9));
    }

    #[test]
    fn a_colour_must_be_seen_on_both_pages() {
        let line = |light: &str, dark: &str| Tone::new(light, dark, Role::Line).map_err(|e| e.to_string());
        assert!(line("#d55e00", "#d55e00").is_ok() && line("#111111", "#eeeeee").is_ok());
        insta::assert_snapshot!(line("#111111", "#111111").unwrap_err(), @"`#111111` on the dark page has a contrast of 1.0: it needs 3; give one for each, { light = \"#…\", dark = \"#…\" }");
        insta::assert_snapshot!(line("#ffff00", "#ffff00").unwrap_err(), @"`#ffff00` on the light page has a contrast of 1.1: it needs 3; give one for each, { light = \"#…\", dark = \"#…\" }");
        insta::assert_snapshot!(line("red", "red").unwrap_err(), @"`red` is not a colour such as #0072b2");
        assert!(line("#12345", "#12345").is_err() && line("#ééé", "#ééé").is_err());
        assert!(Tone::new("#7a7a7a", "#7a7a7a", Role::Text).is_err(), "no colour is text on both");
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let css = include_str!("../../templates/report/report.css");
        for (ground, token) in LIGHT_GROUNDS.iter().chain(&DARK_GROUNDS).zip(["page", "card", "page", "card"]) {
            assert!(css.contains(&format!("--{token}: {};", ground.css())), "{token} {}", ground.css());
        }
    }

    #[test]
    fn a_look_changes_its_tokens_in_every_theme() {
        let tone = Tone::new("#c00000", "#ff8080", Role::Text).unwrap();
        let look = Look { series: vec![tone], accent: Some(tone), logo: None };
        let css = look.css();
        assert!(css.starts_with(":root{--s1:#c00000;--link:#c00000;}"), "{css}");
        assert_eq!(css.matches("--s1:#ff8080;").count(), 2);
        assert_eq!((look.light("s1").as_deref(), look.light("s2")), (Some("#c00000"), None));
        assert_eq!(Look::default().css(), "");
    }

    #[test]
    fn a_logo_is_a_picture_of_a_fair_size() {
        assert!(Logo::of(b"\x89PNG\r\n").unwrap().address().starts_with("data:image/png;base64,iVBORw"));
        assert_eq!(Logo::of(b"<?xml version='1.0'?>\n<svg/>").unwrap().media_type, "image/svg+xml");
        assert_eq!(Logo::of(b"\xff\xd8\xff\xe0").unwrap().media_type, "image/jpeg");
        insta::assert_snapshot!(Logo::of(b"<html><svg>").unwrap_err(), @"it is neither PNG, JPEG nor SVG");
        insta::assert_snapshot!(Logo::of(&vec![0; LOGO_BYTES_MAX + 1]).unwrap_err(), @"200001 bytes are too many for a logo: at most 200000");
    }
}
