//! The CSV tree of collectd: `HOST/PLUGIN[-INSTANCE]/TYPE[-INSTANCE]-YYYY-MM-DD`, each file `epoch,SOURCE,…`.
//!
//! The path names the series, so a file of it means nothing without its directories. Names are those that collectd's own Prometheus page has
//! (`collectd_cpu_total{cpu="0",type="idle"}`): a tree and a scrape of the same machine are one. With `StoreRates false` counters are
//! stored as they are, whole numbers; gauges and rates have a decimal point: that tells them apart.
//! Source: collectd 5.12, src/csv.c and src/write_prometheus.c.

use super::emitter::{Emitter, Point};
use super::lines::{LineFormat, Lines};
use super::time::{self, Unit};
use super::{NodeRule, Parser, Reason, Sink, Stop, number};

/// What the path of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The machine.
    pub host: String,
    plugin: String,
    plugin_instance: String,
    kind: String,
    type_instance: String,
}

impl Identity {
    /// Of the last three parts of a path; `None` where they are no such thing.
    pub fn from_path(path: &std::path::Path) -> Option<Identity> {
        let mut parts = path.components().rev().map(|part| part.as_os_str().to_str());
        let (file, plugin, host) = (parts.next()??, parts.next()??, parts.next()??);
        let file = file.strip_suffix(".gz").unwrap_or(file);
        let (name, date) = file.split_at_checked(file.len().checked_sub("-2026-11-23".len())?)?;
        let is_date = date.bytes().enumerate().all(|(i, byte)| match i {
            0 | 5 | 8 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        (is_date && !name.is_empty()).then(|| Identity::new(host, plugin, name))
    }

    /// Of `PLUGIN[-INSTANCE].TYPE[-INSTANCE][.SOURCE]`, as write_graphite puts it behind the host, and the source; plugins that are known only:
    /// anything may have such a path.
    pub(super) fn from_graphite(path: &str) -> Option<(Identity, &str)> {
        const PLUGINS: [&str; 16] = [
            "cpu",
            "memory",
            "swap",
            "load",
            "df",
            "disk",
            "interface",
            "uptime",
            "processes",
            "users",
            "vmem",
            "irq",
            "contextswitch",
            "entropy",
            "tcpconns",
            "conntrack",
        ];
        let mut parts = path.split('.');
        let (plugin, kind, source) = (parts.next()?, parts.next()?, parts.next().unwrap_or("value"));
        let known = PLUGINS.contains(&plugin.split('-').next()?) && parts.next().is_none();
        known.then(|| (Identity::new("", plugin, kind), source))
    }

    fn new(host: &str, plugin: &str, kind: &str) -> Identity {
        let apart = |text: &str| {
            let (name, instance) = text.split_once('-').unwrap_or((text, ""));
            (name.to_owned(), instance.to_owned())
        };
        let ((plugin, plugin_instance), (kind, type_instance)) = (apart(plugin), apart(kind));
        Identity { host: host.to_owned(), plugin, plugin_instance, kind, type_instance }
    }

    /// Of its four parts.
    pub(super) fn of(plugin: &str, plugin_instance: &str, kind: &str, type_instance: &str) -> Identity {
        let [plugin, plugin_instance, kind, type_instance] =
            [plugin, plugin_instance, kind, type_instance].map(str::to_owned);
        Identity { host: String::new(), plugin, plugin_instance, kind, type_instance }
    }

    /// Metric and labels of one of its sources, by the text of a value.
    pub(super) fn series(&self, source: &str, value: &[u8]) -> Named {
        self.named(source, !value.is_empty() && value.iter().all(|byte| byte.is_ascii_digit()))
    }

    /// Metric and labels of one of its sources.
    pub(super) fn named(&self, source: &str, is_total: bool) -> Named {
        let mut metric = format!("collectd_{}", self.plugin);
        for part in [(self.kind != self.plugin).then_some(self.kind.as_str()), (source != "value").then_some(source)] {
            metric.extend(part.into_iter().flat_map(|part| ["_", part]));
        }
        if is_total {
            metric.push_str("_total");
        }
        let metric = metric.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let instance = |label: &str, text: &str| (!text.is_empty()).then(|| (label.to_owned(), text.to_owned()));
        let labels = match self.plugin_instance.is_empty() {
            true => [instance(&self.plugin, &self.type_instance), None],
            false => [instance(&self.plugin, &self.plugin_instance), instance("type", &self.type_instance)],
        };
        (metric, labels.into_iter().flatten().collect())
    }
}

/// For one file.
pub fn parser(identity: Identity, node: NodeRule) -> Box<dyn Parser> {
    Box::new(Lines::new(CollectdCsv { identity, emitter: Emitter::new(node), sources: Vec::new(), series: Vec::new() }))
}

/// Metric and labels of a source.
pub(super) type Named = (String, Vec<(String, String)>);

#[derive(Debug)]
struct CollectdCsv {
    identity: Identity,
    emitter: Emitter,
    sources: Vec<String>,
    /// By source, once a value told what it is.
    series: Vec<Option<Named>>,
}

/// Whether a line is the header of such a file, for detection.
pub(super) fn looks_like(line: &[u8]) -> bool {
    line.starts_with(b"epoch,")
}

impl LineFormat for CollectdCsv {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        if let Some(sources) = text.strip_prefix(b"epoch,") {
            self.sources = String::from_utf8_lossy(sources).split(',').map(str::to_owned).collect();
            self.series = vec![None; self.sources.len()];
            return Ok(());
        }
        if text.is_empty() {
            return Ok(());
        }
        let fields: Vec<&[u8]> = text.split(|byte| *byte == b',').collect();
        if fields.len() != self.sources.len() + 1 {
            return sink.refuse(number, &Reason::Fields { found: fields.len(), expected: self.sources.len() + 1 });
        }
        let Some(ms) = time::parse(fields[0], Unit::Seconds) else {
            return sink.refuse(number, &Reason::Time { column: 1, text: fields[0] });
        };
        for (i, text) in fields[1..].iter().enumerate() {
            let Some(value) = number::parse(text) else {
                sink.refuse(number, &Reason::Value { column: i + 2, text })?;
                continue;
            };
            let (metric, labels) = self.series[i].get_or_insert_with(|| self.identity.series(&self.sources[i], text));
            let labels: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let node = Some(self.identity.host.as_str());
            self.emitter.take(number, &Point { node, metric, labels: &labels, meta: None, ms, value }, sink)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::collected::{collect, rule};
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn read(path: &str, text: &str) -> String {
        let identity = Identity::from_path(Path::new(path)).unwrap();
        collect(parser(identity, rule()).as_mut(), text.as_bytes()).to_string()
    }

    #[test]
    fn the_path_names_the_series() {
        insta::assert_snapshot!(read("a/cpu-0/cpu-idle-2026-11-23", "epoch,value\n1795457187.363,44114\n1795457189,44200\n"), @r#"
        a/collectd_cpu_total{cpu="0",type="idle"} 1795457187363 44114
        a/collectd_cpu_total{cpu="0",type="idle"} 1795457189000 44200
        "#);
        insta::assert_snapshot!(read("x/a/disk-vda/disk_octets-2026-11-23", "epoch,read,write\n1,2,3\n1,2\n1,x,4\ny,1,2\n"), @r#"
        a/collectd_disk_disk_octets_read_total{disk="vda"} 1000 2
        a/collectd_disk_disk_octets_write_total{disk="vda"} 1000 3
        a/collectd_disk_disk_octets_write_total{disk="vda"} 1000 4
        refused
        3: 2 fields, the header has 3
        4: column 2: `x` is no number
        5: column 1: `y` is no time: expected epoch seconds, ms, us or ns, or a time like 2026-11-23T14:00:00Z
        "#);
        insta::assert_snapshot!(read("a/memory/memory-used-2026-11-23", "epoch,value\n1,5.000000\n"), @r#"a/collectd_memory{memory="used"} 1000 5"#);
        insta::assert_snapshot!(read("a/load/load-2026-11-23", "epoch,shortterm\n1,nan\n"), @"a/collectd_load_shortterm 1000 NaN");
        for path in ["load-2026-11-23", "a/load/load", "a/load/-2026-11-23", "a/load/load-2026-11-xx", "é/é/é"] {
            assert_eq!(Identity::from_path(Path::new(path)), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(path in "\\PC{0,20}(/\\PC{0,20}){0,3}", text: Vec<u8>) {
            if let Some(identity) = Identity::from_path(Path::new(&format!("{path}-2026-11-23"))) {
                collect(parser(identity, rule()).as_mut(), &text);
            }
        }
    }
}
