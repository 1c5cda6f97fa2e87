//! The parser for an input.

use super::source::Input;
use super::{Format, ImportOptions};
use crate::ingest::formats::collectd::{self, Identity};
use crate::ingest::formats::csv::CsvParser;
use crate::ingest::formats::detect::{DetectError, Detected, detect};
use crate::ingest::formats::prometheus::{Dialect, Options, PrometheusParser, Rules};
use crate::ingest::formats::{
    NodeRule, Parser, collectd_json, graphite, influx, jsonl, otlp, parquet, remote_write, report_page, sysstat, time,
    vmstat,
};

/// Why an input is not read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChoiceError {
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error("a file of collectd's CSV tree is named HOST/PLUGIN/TYPE-YYYY-MM-DD: keep its directories")]
    CollectdPath,
    #[error("this is no {asked}: leave --format out, and it is found out")]
    Other { asked: &'static str },
}

/// Whether an input that begins with `head` is to be read as Parquet, which is no format of a stream.
pub(super) fn is_parquet(head: &[u8], format: Format) -> bool {
    matches!(format, Format::Auto | Format::Parquet) && parquet::looks_like(head)
}

/// Which node the samples of an input are of.
pub(super) fn node_rule(input: &Input, options: &ImportOptions) -> NodeRule {
    NodeRule { given: options.node.clone(), fallback: input.node() }
}

/// The parser for an input that begins with `head`; `None` where there is nothing to read.
pub(super) fn parser_for(
    head: &[u8],
    whole: bool,
    input: &Input,
    options: &ImportOptions,
) -> Result<Option<Box<dyn Parser>>, ChoiceError> {
    let Some(detected) = wanted(options.format, head, whole)? else { return Ok(None) };
    let node = node_rule(input, options);
    let (zone, now) = (options.zone, options.now);
    let parser: Box<dyn Parser> = match detected {
        Detected::Empty => return Ok(None),
        Detected::Csv => Box::new(CsvParser::new(node).in_zone(zone)),
        Detected::Collectd => {
            let identity = match input {
                Input::File(path) => Identity::from_path(&path.canonicalize().unwrap_or_else(|_| path.clone())),
                Input::Stdin => None,
            };
            collectd::parser(identity.ok_or(ChoiceError::CollectdPath)?, node)
        }
        Detected::CollectdJson => collectd_json::parser(node),
        Detected::Exposition { dialect, time_unit } => {
            let rules = if options.strict { Rules::Strict } else { Rules::Lenient };
            Box::new(PrometheusParser::new(Options { dialect, rules, time_unit, node, now }))
        }
        Detected::Graphite => graphite::parser(node, now),
        Detected::Influx => influx::parser(node, options.precision, now),
        Detected::JsonLines => jsonl::parser(node),
        Detected::OtlpJson => otlp::json(node),
        Detected::OtlpProtobuf => otlp::protobuf(node),
        Detected::Parquet => return Err(ChoiceError::Other { asked: "stream: Parquet is read from its end" }),
        Detected::RemoteWrite => remote_write::parser(node),
        Detected::Report => report_page::parser(node),
        Detected::SysstatDelimited => sysstat::delimited(node, zone),
        Detected::SysstatJson => sysstat::json(node, zone),
        Detected::SysstatText => sysstat::text(node, zone),
        Detected::Vmstat => vmstat::parser(node, zone),
    };
    Ok(Some(parser))
}

/// What the input is to be read as. A format that is asked for is believed; of those that have several forms, the one that is there.
fn wanted(format: Format, head: &[u8], whole: bool) -> Result<Option<Detected>, ChoiceError> {
    let one_of = |asked, forms: &[Detected]| match detect(head, whole) {
        Ok(Detected::Empty) => Ok(None),
        Ok(found) if forms.contains(&found) => Ok(Some(found)),
        Err(known @ (DetectError::Processes | DetectError::DiskCounts)) => Err(known.into()),
        _ => Err(ChoiceError::Other { asked }),
    };
    let (text, openmetrics) = (Dialect::Text, Dialect::OpenMetrics);
    Ok(Some(match format {
        Format::Auto => detect(head, whole)?,
        Format::Csv | Format::Pcp => Detected::Csv,
        Format::Prometheus => Detected::Exposition { dialect: text, time_unit: time::Unit::Millis },
        Format::OpenMetrics => Detected::Exposition { dialect: openmetrics, time_unit: time::Unit::Seconds },
        Format::JsonLines => Detected::JsonLines,
        Format::Influx => Detected::Influx,
        Format::Graphite => Detected::Graphite,
        Format::RemoteWrite => Detected::RemoteWrite,
        Format::Collectd if detect(head, whole) == Ok(Detected::CollectdJson) => Detected::CollectdJson,
        Format::Collectd => Detected::Collectd,
        Format::Sadf => {
            return one_of(
                "output of sadf",
                &[Detected::SysstatJson, Detected::SysstatDelimited, Detected::SysstatText],
            );
        }
        Format::Vmstat => {
            let forms = [Detected::Vmstat, Detected::SysstatText, Detected::SysstatJson];
            return one_of("output of vmstat, iostat or mpstat", &forms);
        }
        Format::Parquet => return Err(ChoiceError::Other { asked: "Parquet file" }),
        Format::Otlp => return one_of("OTLP", &[Detected::OtlpJson, Detected::OtlpProtobuf]),
    }))
}
