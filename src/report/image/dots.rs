//! Drawings as PNG, with a font of their own: the same on every machine. A Cargo feature (`png`), as the reader of SVG and its fonts have 4 MB.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use super::ReportError;

/// A PNG has so many dots a pixel: sharp on the screens of today.
const DENSITY: f32 = 2.0;

/// How drawings are read: with a font of our own.
pub(in crate::report) fn options() -> Options<'static> {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    Options { fontdb: Arc::new(fonts), font_family: "DejaVu Sans".to_owned(), ..Options::default() }
}

/// Makes dots of drawings.
pub(in crate::report) struct Painter {
    options: Options<'static>,
}

impl Painter {
    pub(in crate::report) fn new() -> Painter {
        Painter { options: options() }
    }

    /// The shapes and glyphs of a drawing.
    pub(in crate::report) fn tree(&self, svg: &str) -> Result<Tree, ReportError> {
        Tree::from_str(svg, &self.options).map_err(|e| ReportError::Image(e.to_string()))
    }

    pub(in crate::report) fn png(&self, svg: &str) -> Result<Vec<u8>, ReportError> {
        let failed = |what: String| ReportError::Image(what);
        let tree = self.tree(svg)?;
        let size = tree.size().to_int_size().scale_by(DENSITY).ok_or_else(|| failed("it is too large".into()))?;
        let mut dots = Pixmap::new(size.width(), size.height()).ok_or_else(|| failed("it is too large".into()))?;
        resvg::render(&tree, Transform::from_scale(DENSITY, DENSITY), &mut dots.as_mut());
        dots.encode_png().map_err(|e| failed(e.to_string()))
    }
}
