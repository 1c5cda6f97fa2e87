//! `nodebook info`: what is in the file, and what it costs.

use chrono::{DateTime, Utc};
use indicatif::HumanBytes;

use super::args::InfoArgs;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{Align, plain, print_json, print_text, table};
use crate::model::Timestamp;
use crate::store::{Layer, StoreInfo};

/// Prints it.
pub fn run(args: &InfoArgs, context: &Context) -> Result<Code, CliError> {
    let info = context.reader()?.info()?;
    if args.json {
        print_json(&info)?;
    } else {
        print_text(&text(&info, context))?;
    }
    Ok(Code::Done)
}

fn text(info: &StoreInfo, context: &Context) -> String {
    let moment = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let span = match (moment(&info.from), moment(&info.to)) {
        (Some(from), Some(to)) => {
            let [first, last] = [from, to].map(|at| context.local(Timestamp::from(at)));
            let days = (to - from).num_milliseconds() as f64 / 86_400_000.0;
            format!("from {first} to {last} {}{}", context.settings.timezone, a_day(info, days))
        }
        _ => without_samples(info),
    };
    let cost = info.bytes_per_sample.map(|bytes| format!(", {bytes:.2} bytes a sample")).unwrap_or_default();
    let layers = [
        ("head", info.layers.head),
        ("chunk", info.layers.chunk),
        ("rollup_1h", info.layers.rollup_1h),
        ("rollup_1d", info.layers.rollup_1d),
    ];
    let row = |(name, layer): (&str, Layer)| {
        vec![name.to_owned(), layer.samples.to_string(), HumanBytes(layer.bytes).to_string()]
    };
    format!(
        "{}: schema {}, {}{cost}\n{} samples of {} series ({} metrics on {} nodes)\n{span}\n\n{}",
        plain(&info.path),
        info.schema,
        HumanBytes(info.bytes),
        info.samples,
        info.series,
        info.metrics,
        info.nodes,
        table(&[("layer", Align::Left), ("samples", Align::Right), ("size", Align::Right)], layers.map(row))
    )
}

/// That there is nothing in it: what a copy beside a recorder looks like, while all that was recorded is in the log.
pub fn without_samples(info: &StoreInfo) -> String {
    if info.log_bytes > 0 {
        return "no samples yet".to_owned();
    }
    let copy = "if this is a copy of a file that was being recorded, its -wal was not copied";
    format!("no samples: {copy}: `nodebook check --db ORIGINAL.db --recover NEW.db` copies a file that is recorded")
}

/// How much room a day takes as samples, on the average of the whole file: what to multiply by the days that are to be kept.
fn a_day(info: &StoreInfo, days: f64) -> String {
    const DAYS_MIN: f64 = 1.0 / 24.0;
    /// What a sealed sample takes where none is sealed yet, bytes.
    const SEALED: f64 = 2.0;
    if days < DAYS_MIN {
        return String::new(); // too little to be multiplied by anything
    }
    let Layer { samples, bytes, .. } = info.layers.chunk;
    let each = if samples > 0 { bytes as f64 / samples as f64 } else { SEALED };
    let samples = info.samples as f64 / days;
    let size = HumanBytes((samples * each) as u64);
    let samples = if samples < 1e6 { format!("{samples:.0}") } else { format!("{:.1} million", samples / 1e6) };
    format!("\na day has about {samples} samples: {size} once they are sealed, rollups not counted")
}
