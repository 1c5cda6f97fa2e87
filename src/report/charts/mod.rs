//! The interactive layer's data: plotly figures made with the `plotly` crate, and the columns they draw from.
//!
//! In a page the big arrays of a figure are left out: a trace says in `nb` which column of the packed data it draws, and the page's script
//! fills it in, filtered. A figure by itself (`plot -o x.json`) carries its arrays.

mod figures;
mod incidents;
mod payload;
mod trace;

pub(crate) use figures::full_figure;
pub(crate) use payload::PageData;
