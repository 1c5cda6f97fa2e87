/// Inner units across and inner units a pixel of height of a stretched picture: half a pixel of a wide one, a fifth of a pixel.
const WIDE: f64 = 2_000.0;
const FINE: f64 = 5.0;

/// What a picture is drawn on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Canvas {
    /// As wide as its place in a page: what has a shape is stretched, what is written is placed by percent.
    Fluid,
    /// So many pixels wide: for an image by itself.
    Fixed(f64),
}

impl Canvas {
    /// Inner units of the whole width, and of a pixel of height.
    pub fn units(self) -> (f64, f64) {
        match self {
            Canvas::Fluid => (WIDE, FINE),
            Canvas::Fixed(width) => (width * 10.0, 10.0),
        }
    }

    /// Where something stands that is not stretched.
    pub fn place(self, share: f64) -> String {
        match self {
            Canvas::Fluid => format!("{}%", (share * 10_000.0).round() / 100.0),
            Canvas::Fixed(width) => format!("{:.1}", share * width),
        }
    }

    /// Begins a picture.
    pub fn open(self, height: f64) -> String {
        match self {
            Canvas::Fluid => {
                format!(
                    "<svg class=\"pic\" width=\"100%\" height=\"{height}\" aria-hidden=\"true\" focusable=\"false\">"
                )
            }
            Canvas::Fixed(_) => "<g class=\"pic\">".to_owned(),
        }
    }

    /// Ends it.
    pub fn close(self) -> &'static str {
        match self {
            Canvas::Fluid => "</svg>",
            Canvas::Fixed(_) => "</g>",
        }
    }

    /// Begins its stretched part.
    pub fn open_shapes(self, height: f64) -> String {
        match self {
            Canvas::Fluid => format!(
                "<svg viewBox=\"0 0 {WIDE} {}\" preserveAspectRatio=\"none\" width=\"100%\" height=\"{height}\">",
                height * FINE
            ),
            Canvas::Fixed(_) => "<g>".to_owned(),
        }
    }
}
