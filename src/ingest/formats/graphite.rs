//! Graphite's plain text: `path value seconds`, tags as `path;key=value`.
//!
//! collectd and Telegraf put the machine first (`db-1.load.load.shortterm`), others a word like `servers` before it: that part is the node, unless the
//! tags `node`, `host` or `instance` name one, or the path has fewer than three parts. What collectd wrote is named as its own files are
//! ([`super::collectd`]), with `_` for the dots of a host name. A time of -1 is the moment of import.
//! Source: Graphite documentation, "The plaintext protocol".

use super::collectd::Identity;
use super::emitter::{Emitter, Point};
use super::lines::{LineFormat, Lines};
use super::time::{self, Unit};
use super::{NodeRule, Parser, Reason, Sink, Stop, number};
use crate::model::Timestamp;

/// For one file.
pub fn parser(node: NodeRule, now: Timestamp) -> Box<dyn Parser> {
    Box::new(Lines::new(Graphite { emitter: Emitter::new(node), now }))
}

#[derive(Debug)]
struct Graphite {
    emitter: Emitter,
    now: Timestamp,
}

/// First parts of a path that say what stands in the second.
const PREFIXES: [&str; 4] = ["servers", "hosts", "collectd", "telegraf"];

/// Whether a line is one of this format, for detection: a path with a dot, a number and a time.
pub(super) fn looks_like(line: &[u8]) -> bool {
    parts(line).is_some_and(|(path, value, ts)| {
        let is_path = path.contains(&b'.') && !path.iter().any(|byte| matches!(byte, b'{' | b'"' | b','));
        is_path && number::parse(value).is_some() && time::parse(ts, Unit::Seconds).is_some()
    })
}

fn parts(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let found = (words.next()?, words.next()?, words.next()?);
    words.next().is_none().then_some(found)
}

impl LineFormat for Graphite {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        match self.point(number, text, sink) {
            Ok(done) => done,
            Err(reason) => sink.refuse(number, &reason),
        }
    }
}

impl Graphite {
    fn point<'a>(&mut self, line: u64, text: &'a [u8], sink: &mut dyn Sink) -> Result<Result<(), Stop>, Reason<'a>> {
        let expected = Reason::Syntax { column: 1, expected: "a path, a value and a time", found: text };
        let (path, value_text, time_text) = parts(text).ok_or(expected)?;
        let path = std::str::from_utf8(path).map_err(|e| Reason::NotUtf8 { column: e.valid_up_to() + 1 })?;
        let value = number::parse(value_text).ok_or(Reason::Value { column: path.len() + 2, text: value_text })?;
        let column = text.len() - time_text.len() + 1;
        let ms = match time_text {
            b"-1" => self.now.millis(),
            text => time::parse(text, Unit::Seconds).ok_or(Reason::Time { column, text })?,
        };
        let mut tagged = path.split(';');
        let path = tagged.next().unwrap_or_default();
        let tags: Vec<(&str, &str)> = tagged.filter_map(|tag| tag.split_once('=')).collect();
        let (node, metric) = if tags.is_empty() { split_node(path) } else { (None, path) };
        let (metric, labels) = match Identity::from_graphite(metric).filter(|_| node.is_some()) {
            Some((identity, source)) => identity.series(source, value_text),
            None => (metric.to_owned(), Vec::new()),
        };
        let labels: Vec<(&str, &str)> =
            labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(tags).collect();
        Ok(self.emitter.take(line, &Point { node, metric: &metric, labels: &labels, meta: None, ms, value }, sink))
    }
}

fn split_node(path: &str) -> (Option<&str>, &str) {
    let path_without = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix)?.strip_prefix('.')).unwrap_or(path);
    match path_without.split_once('.') {
        Some((node, metric)) if metric.contains('.') && !node.is_empty() => (Some(node), metric),
        _ => (None, path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::collected::{collect, rule, shared};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        collect(parser(rule(), Timestamp::from_millis(7)).as_mut(), text.as_bytes()).to_string()
    }

    #[test]
    fn paths_tags_and_machines() {
        let text = "a.load.load.shortterm 1.5 1795457185\nservers.b.requests.count 2 1795457185\nup 1 5\nx.y 3 -1\n\
                    disk.used;host=c;mount=/var 7 1795457185\na.cpu-0.cpu-idle 88.5 1795457185\na.interface-lo.if_octets.rx nan 1795457185\n\
                    a.b x 1\na.b 1 x\na.b 1\n";
        insta::assert_snapshot!(read(text), @r#"
        a/collectd_load_shortterm 1795457185000 1.5
        b/requests.count 1795457185000 2
        file/up 5000 1
        file/x.y 7 3
        c/disk.used{mount="/var"} 1795457185000 7
        a/collectd_cpu{cpu="0",type="idle"} 1795457185000 88.5
        a/collectd_interface_if_octets_rx{interface="lo"} 1795457185000 NaN
        refused
        8: column 5: `x` is no number
        9: column 7: `x` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
        10: column 1: expected a path, a value and a time, found `a.b 1`
        "#);
    }

    #[test]
    fn what_collectd_wrote_is_all_taken() {
        let Some(path) = shared("fixtures/collectd/graphite.txt") else { return };
        let bytes = std::fs::read(path).unwrap();
        let got = collect(parser(rule(), Timestamp::from_millis(7)).as_mut(), &bytes);
        assert_eq!((got.samples.len(), got.refused.len()), (600, 0));
        assert!(got.samples.iter().all(|(key, ..)| key.node.as_str() == "node-a"));
        assert!(got.samples.iter().any(|(key, ..)| key.to_string() == "node-a/collectd_load_shortterm"));
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            collect(parser(rule(), Timestamp::from_millis(7)).as_mut(), &text);
        }

        #[test]
        fn never_panics_on_nearly_right_text(text in "[a-c.;=\\- 0-9\n]{0,40}") {
            let got = collect(parser(rule(), Timestamp::from_millis(7)).as_mut(), text.as_bytes());
            prop_assert!(got.samples.len() + got.refused.len() <= text.lines().count());
        }
    }
}
