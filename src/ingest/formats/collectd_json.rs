//! What collectd's write_http sends with `Format JSON`: lists of `{"values":[…],"dstypes":[…],"dsnames":[…],"time":…,"host":…,"plugin":…}`, one body or several after
//! each other.
//!
//! Names are those of its Prometheus page and of its CSV tree ([`collectd`](super::collectd)). `StoreRates` stands nowhere in a body: where a counter has a
//! fraction, all of that host are rates, from then on.
//! Source: collectd 5.12, src/utils/format_json/format_json.c.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::collectd::Identity;
use super::emitter::{Emitter, Point};
use super::json::{lines, value_end};
use super::jsonl::words;
use super::whole::{Whole, WholeFormat};
use super::{NodeRule, Parser, Reason, Sink, Stop};

/// For one file.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(Whole(CollectdJson { emitter: Emitter::new(node), rates: RateHosts::default() }))
}

/// Reads a request. `said` is what its sender says of its counters; where it says nothing, hosts that were seen to send rates still do.
pub fn read(
    bytes: &[u8],
    node: NodeRule,
    said: Option<Counters>,
    rates: &mut RateHosts,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    take_all(&mut Emitter::new(node), bytes, said, rates, sink)
}

#[derive(Debug)]
struct CollectdJson {
    emitter: Emitter,
    rates: RateHosts,
}

/// Most hosts that are remembered: beyond it all are learned anew.
const HOSTS_MAX: usize = 10_000;

/// Hosts whose counters are rates: a whole number alone does not tell, and one that was a total in one request and a rate in the next would be two series.
#[derive(Debug, Default)]
pub struct RateHosts(BTreeSet<String>);

impl RateHosts {
    fn learn(&mut self, host: &str) {
        if !self.0.contains(host) {
            if self.0.len() >= HOSTS_MAX {
                self.0.clear();
            }
            self.0.insert(host.to_owned());
        }
    }
}

/// What one plugin read at one moment.
#[derive(Deserialize)]
struct ValueList<'a> {
    values: Vec<Option<f64>>,
    #[serde(borrow)]
    dstypes: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    dsnames: Vec<Cow<'a, str>>,
    /// Seconds.
    time: f64,
    #[serde(borrow)]
    host: Cow<'a, str>,
    #[serde(borrow)]
    plugin: Cow<'a, str>,
    #[serde(borrow, default)]
    plugin_instance: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    type_instance: Cow<'a, str>,
}

/// Whether a text begins like this, for detection.
pub(super) fn looks_like(text: &[u8]) -> bool {
    let inside = text.trim_ascii_start().strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|list| {
        list.starts_with(b"{") && memchr::memmem::find(&list[..list.len().min(4096)], b"\"dsnames\"").is_some()
    })
}

impl WholeFormat for CollectdJson {
    fn message(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        take_all(&mut self.emitter, bytes, None, &mut self.rates, sink)
    }
}

fn take_all(
    emitter: &mut Emitter,
    bytes: &[u8],
    said: Option<Counters>,
    rates: &mut RateHosts,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    if said.is_none() {
        each(bytes, |_, text| {
            if let Ok(list) = serde_json::from_slice::<ValueList>(text)
                && list.counters().any(|value| value.fract() != 0.0)
            {
                rates.learn(&list.host);
            }
            Ok(())
        })?;
    }
    each(bytes, |line, text| match serde_json::from_slice::<ValueList>(text) {
        Ok(list) => {
            let learned = if rates.0.contains(&*list.host) { Counters::Rates } else { Counters::Totals };
            take(emitter, line, &list, said.unwrap_or(learned), sink)
        }
        Err(error) => sink.refuse(line, &Reason::Json { column: error.column(), why: words(&error) }),
    })
}

/// What the values of counters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// What was counted (`StoreRates false`).
    Totals,
    /// What was counted a second.
    Rates,
}

/// Calls `found` for everything between the brackets and commas of lists, with its line; also for a bracket that ends no list, and with nothing where a list has no end.
fn each(bytes: &[u8], mut found: impl FnMut(u64, &[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
    let (mut at, mut line, mut depth) = (0, 1, 0usize);
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b'[' => {
                depth += 1;
                1
            }
            b']' if depth > 0 => {
                depth -= 1;
                1
            }
            b',' => 1,
            byte if byte.is_ascii_whitespace() => 1,
            _ => {
                let Some(length) = value_end(&bytes[at..]) else { return found(line, &bytes[at..]) };
                found(line, &bytes[at..at + length])?;
                length
            }
        };
        line += lines(&bytes[at..at + length]);
        at += length;
    }
    if depth > 0 { found(line, b"") } else { Ok(()) }
}

impl ValueList<'_> {
    fn counters(&self) -> impl Iterator<Item = f64> {
        self.values.iter().zip(&self.dstypes).filter(|(_, kind)| **kind != "gauge").filter_map(|(value, _)| *value)
    }
}

fn take(
    emitter: &mut Emitter,
    line: u64,
    list: &ValueList,
    counters: Counters,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    let expected = list.values.len();
    if let Some(found) = [list.dstypes.len(), list.dsnames.len()].into_iter().find(|found| *found != expected) {
        return sink.refuse(line, &Reason::Fields { found, expected });
    }
    let identity = Identity::of(&list.plugin, &list.plugin_instance, &list.kind, &list.type_instance);
    let ms = (list.time * 1000.0).round() as i64;
    for ((value, kind), source) in list.values.iter().zip(&list.dstypes).zip(&list.dsnames) {
        // null is what collectd has for "nothing known"
        let Some(value) = *value else { continue };
        let is_total = *kind != "gauge" && counters == Counters::Totals;
        let (metric, labels) = identity.named(source, is_total);
        let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let point = Point { node: Some(&list.host), metric: &metric, labels: &labels, meta: None, ms, value };
        emitter.take(line, &point, sink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::collected::{Collected, collect, rule};
    use super::*;

    fn read(text: &str) -> String {
        collect(parser(rule()).as_mut(), text.as_bytes()).to_string()
    }

    const DISK: &str = r#"{"values":[2,3],"dstypes":["derive","derive"],"dsnames":["read","write"],"time":1795457189.369,"interval":2.0,"host":"a","plugin":"disk","plugin_instance":"vda","type":"disk_octets","type_instance":""}"#;
    const USED: &str = r#"{"values":[5],"dstypes":["gauge"],"dsnames":["value"],"time":1.5,"host":"a","plugin":"memory","plugin_instance":"","type":"memory","type_instance":"used"}"#;

    #[test]
    fn names_are_those_of_the_prometheus_page() {
        insta::assert_snapshot!(read(&format!("[{DISK},{USED}]\n[{USED}]")), @r#"
        a/collectd_disk_disk_octets_read_total{disk="vda"} 1795457189369 2
        a/collectd_disk_disk_octets_write_total{disk="vda"} 1795457189369 3
        a/collectd_memory{memory="used"} 1500 5
        a/collectd_memory{memory="used"} 1500 5
        "#);
        let rates = DISK.replace("[2,3]", "[0,3.5]");
        insta::assert_snapshot!(read(&format!("[{rates}]")), @r#"
        a/collectd_disk_disk_octets_read{disk="vda"} 1795457189369 0
        a/collectd_disk_disk_octets_write{disk="vda"} 1795457189369 3.5
        "#);
    }

    #[test]
    fn what_is_whole_before_a_break_is_kept_and_the_break_is_named() {
        let short = USED.replace("[\"value\"]", "[]");
        let nothing = USED.replace("[5]", "[null]");
        insta::assert_snapshot!(read(&format!("[{USED},\n{short},{nothing},7,\n{}", &DISK[..40])), @r#"
        a/collectd_memory{memory="used"} 1500 5
        refused
        2: 0 fields, the header has 1
        2: column 1: invalid type: integer `7`, expected struct ValueList
        3: column 40: EOF while parsing a string
        "#);
    }

    #[test]
    fn a_list_without_an_end_is_refused() {
        insta::assert_snapshot!(read("["), @"

        refused
        1: column 0: EOF while parsing a value
        ");
        insta::assert_snapshot!(read(&format!("[{USED}")), @r#"
        a/collectd_memory{memory="used"} 1500 5
        refused
        1: column 0: EOF while parsing a value
        "#);
        insta::assert_snapshot!(read(&format!("[{USED}]\n]")), @r#"
        a/collectd_memory{memory="used"} 1500 5
        refused
        2: column 1: expected value
        "#);
        insta::assert_snapshot!(read("[]"), @"");
    }

    #[test]
    fn a_host_that_sends_rates_is_known_by_the_next_request() {
        let mut rates = RateHosts::default();
        let mut name = |body: &str, said| {
            let mut collected = Collected::default();
            assert!(super::read(body.as_bytes(), rule(), said, &mut rates, &mut collected).is_ok());
            collected.samples[0].0.metric.to_string()
        };
        let whole = format!("[{DISK}]");
        assert_eq!(name(&whole, None), "collectd_disk_disk_octets_read_total");
        assert_eq!(name(&whole, Some(Counters::Rates)), "collectd_disk_disk_octets_read");
        assert_eq!(name(&whole.replace("[2,3]", "[2,3.5]"), None), "collectd_disk_disk_octets_read");
        assert_eq!(name(&whole, None), "collectd_disk_disk_octets_read", "it sends rates still");
        assert_eq!(name(&whole.replace("\"a\"", "\"b\""), None), "collectd_disk_disk_octets_read_total");
        assert_eq!(name(&whole, Some(Counters::Totals)), "collectd_disk_disk_octets_read_total");
    }
}
