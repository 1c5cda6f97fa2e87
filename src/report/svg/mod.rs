//! Static pictures of figures, drawn by us: line, band, bar, heatmap and sparkline as SVG text.
//!
//! A picture is as wide as its place: what has a shape lies in an inner `<svg>` that is stretched to the width (strokes keep theirs), and
//! what is written is placed by percent, so that letters never change their size. Colours and strokes are classes of `picture.css`, which is part
//! of the page's style sheet and of an image by itself.
//!
//! Never here: reading data, choosing what is shown, words other than labels.

mod axis;
mod bar;
mod canvas;
mod heatmap;
mod line;
mod matrix;
mod pen;
mod scale;
mod spark;

pub(crate) use bar::bars;
pub(crate) use canvas::Canvas;
pub(crate) use heatmap::{Legend, heatmap, legend};
pub(crate) use line::line;
pub(crate) use matrix::{matrix, matrix_legend};
pub(crate) use scale::ValueScale;
pub(crate) use spark::sparkline;
