//! `nodebook info`: what is in the file, and what it costs.

use super::args::InfoArgs;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{Align, plain, print_json, print_text, table};
use crate::store::{Layer, StoreInfo};

/// Prints it.
pub fn run(args: &InfoArgs, context: &Context) -> Result<Code, CliError> {
    let info = context.reader()?.info()?;
    if args.json {
        print_json(&info)?;
    } else {
        print_text(&text(&info))?;
    }
    Ok(Code::Done)
}

fn text(info: &StoreInfo) -> String {
    let span = match (&info.from, &info.to) {
        (Some(from), Some(to)) => format!("from {from} to {to}"),
        _ => "no samples yet".to_owned(),
    };
    let cost = info.bytes_per_sample.map(|bytes| format!(", {bytes:.2} a sample")).unwrap_or_default();
    let layers = [
        ("head", info.layers.head),
        ("chunk", info.layers.chunk),
        ("rollup_1h", info.layers.rollup_1h),
        ("rollup_1d", info.layers.rollup_1d),
    ];
    let row = |(name, layer): (&str, Layer)| vec![name.to_owned(), layer.samples.to_string(), layer.bytes.to_string()];
    format!(
        "{}: schema {}, {} bytes{cost}\n{} samples of {} series ({} metrics on {} nodes)\n{span}\n\n{}",
        plain(&info.path),
        info.schema,
        info.bytes,
        info.samples,
        info.series,
        info.metrics,
        info.nodes,
        table(&[("layer", Align::Left), ("samples", Align::Right), ("bytes", Align::Right)], layers.map(row))
    )
}
