//! The configuration file: which keys there are, and where it is looked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::batch::{BatchSection, WebhookSection};
use super::catalogue::CatalogueSection;
use super::error::{ConfigError, Place};
use super::keys;
use super::look::beside;
use super::mail::MailSection;
use super::report::ReportSection;
use super::retention::RetentionSection;
use super::serve::ServeSection;
use super::source::{ForwardSections, SourceSection};
use super::target::TargetSection;
use super::values::{Amount, MuteGlob, Span, Switch, Zone};
use crate::analyse::{Mute, Sensitivity};
use crate::net::read_small_text;
use crate::store::Durability;

/// Most bytes of a file: some ten thousand targets.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// What one layer (the file, or the environment) says. Nothing said is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// The database.
    pub db: Option<PathBuf>,
    /// Zone of shown times.
    pub timezone: Option<Zone>,
    /// Title of reports.
    pub title: Option<String>,
    /// `[record]`
    pub record: RecordSection,
    /// `[retention]`
    pub retention: RetentionSection,
    /// `[analysis]`
    pub analysis: AnalysisSection,
    /// `[report]`
    pub report: ReportSection,
    /// `[thresholds]`: by the name of the metric
    pub thresholds: BTreeMap<String, ThresholdSection>,
    /// `[[catalogue]]`
    pub catalogue: Vec<CatalogueSection>,
    /// `[mail]`
    pub mail: MailSection,
    /// `[serve]`
    pub serve: ServeSection,
    /// `[source]`
    pub source: SourceSection,
    /// `[[batch]]`
    pub batch: Vec<BatchSection>,
    /// `[[webhook]]`
    pub webhook: Vec<WebhookSection>,
}

/// A threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThresholdSection {
    /// From where on it is worth a warning.
    pub warn: Option<f64>,
    /// From where on it is bad.
    pub bad: Option<f64>,
}

/// `[record]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSection {
    /// Distance of samples.
    pub interval: Option<Span>,
    /// What power loss may cost.
    pub durability: Option<Durability>,
    /// Whether this machine is sampled.
    pub host: Option<Switch>,
    /// Where pushes are taken: `HOST:PORT`, or a port.
    pub listen: Option<String>,
    /// `[[record.target]]`
    pub target: Vec<TargetSection>,
    /// `[record.forward]`
    pub forward: ForwardSections,
}

impl RecordSection {
    /// `self` where it says something, else `below`.
    fn over(self, below: RecordSection) -> RecordSection {
        RecordSection {
            interval: self.interval.or(below.interval),
            durability: self.durability.or(below.durability),
            host: self.host.or(below.host),
            listen: self.listen.or(below.listen),
            forward: self.forward.over(below.forward),
            target: if self.target.is_empty() { below.target } else { self.target },
        }
    }
}

/// `[analysis]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalysisSection {
    /// How readily something is told.
    pub sensitivity: Option<Sensitivity>,
    /// Which events that last mute what is odd in them.
    pub mute: Option<MuteGlob>,
    /// `[analysis.floors]`: the least difference worth telling, by unit
    pub floors: BTreeMap<String, Amount>,
}

impl AnalysisSection {
    /// Which events are maintenance.
    pub fn mute(&self) -> Mute {
        self.mute.clone().map_or_else(Mute::default, |glob| Mute::Events(glob.0))
    }

    fn over(self, below: AnalysisSection) -> AnalysisSection {
        AnalysisSection {
            sensitivity: self.sensitivity.or(below.sensitivity),
            mute: self.mute.or(below.mute),
            floors: below.floors.into_iter().chain(self.floors).collect(),
        }
    }
}

impl Layer {
    /// Reads a file. A relative `db` or logo is relative to the file that names it.
    pub fn read(path: &Path) -> Result<Layer, ConfigError> {
        let text = read_small_text(path, CONFIG_BYTES_MAX)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut layer =
            Layer::parse(&text, |offset| Place::File { path: path.to_owned(), line: line_of(&text, offset) })?;
        layer.db = layer.db.map(|db| beside(path, db));
        layer.report.logo = layer.report.logo.map(|logo| beside(path, logo));
        let directory = path.parent().unwrap_or(Path::new(""));
        layer.record.target = layer.record.target.into_iter().map(|target| target.beside(directory)).collect();
        layer.record.forward = layer.record.forward.beside(directory);
        layer.mail = layer.mail.beside(directory);
        layer.serve = layer.serve.beside(directory);
        layer.source = layer.source.beside(directory);
        layer.batch = layer.batch.into_iter().map(|batch| batch.beside(directory)).collect();
        layer.webhook = layer.webhook.into_iter().map(|webhook| webhook.beside(directory)).collect();
        Ok(layer)
    }

    /// Reads TOML; `place` says where a byte offset is.
    pub fn parse(text: &str, place: impl Fn(usize) -> Place) -> Result<Layer, ConfigError> {
        let wrong = |error: toml::de::Error| ConfigError::Value {
            place: place(error.span().map_or(0, |span| span.start)),
            reason: error.message().lines().collect::<Vec<_>>().join(" "),
        };
        let document = DeTable::parse(text).map_err(wrong)?;
        if let Some((key, offset)) = unknown_key(document.get_ref(), "") {
            return Err(ConfigError::UnknownKey { place: place(offset), nearest: keys::nearest(&key), key });
        }
        toml::from_str(text).map_err(wrong)
    }

    /// `self` where it says something, else `below`.
    pub fn over(self, below: Layer) -> Layer {
        Layer {
            db: self.db.or(below.db),
            timezone: self.timezone.or(below.timezone),
            title: self.title.or(below.title),
            record: self.record.over(below.record),
            retention: self.retention.over(below.retention),
            analysis: self.analysis.over(below.analysis),
            report: self.report.over(below.report),
            thresholds: below.thresholds.into_iter().chain(self.thresholds).collect(),
            catalogue: if self.catalogue.is_empty() { below.catalogue } else { self.catalogue },
            mail: self.mail.over(below.mail),
            serve: self.serve.over(below.serve),
            source: self.source.over(below.source),
            batch: if self.batch.is_empty() { below.batch } else { self.batch },
            webhook: if self.webhook.is_empty() { below.webhook } else { self.webhook },
        }
    }
}

/// The first key that is none of ours, and its offset. Serde would find it too, but does not know its path or its like.
fn unknown_key(table: &DeTable<'_>, prefix: &str) -> Option<(String, usize)> {
    table.iter().find_map(|(key, value)| {
        let path = format!("{prefix}{}", key.get_ref());
        if keys::is_known(&path) { unknown_inside(value, &path) } else { Some((path, key.span().start)) }
    })
}

fn unknown_inside(value: &Spanned<DeValue<'_>>, path: &str) -> Option<(String, usize)> {
    match value.get_ref() {
        DeValue::Table(table) => unknown_key(table, &format!("{path}.")),
        DeValue::Array(entries) => entries.iter().find_map(|entry| unknown_inside(entry, &format!("{path}[]"))),
        _ => None,
    }
}

/// Line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// The places that are looked at where no file is named, in this order.
pub fn default_paths(home: Option<&Path>, xdg: Option<&Path>) -> Vec<PathBuf> {
    let user = xdg.map(Path::to_owned).or_else(|| home.map(|home| home.join(".config")));
    let mut paths = vec![PathBuf::from("nodebook.toml")];
    paths.extend(user.map(|dir| dir.join("nodebook/config.toml")));
    paths.push(PathBuf::from("/etc/nodebook/config.toml"));
    paths
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Attach, Share};
    use super::super::values::Size;
    use super::*;
    use crate::report::SectionId;
    use crate::store::retention::Keep;

    fn parse(text: &str) -> Result<Layer, ConfigError> {
        Layer::parse(text, |offset| Place::File { path: "nodebook.toml".into(), line: line_of(text, offset) })
    }

    const EVERYTHING: &str = r##"
        db = "a.db"
        timezone = "Europe/Berlin"
        title = "Cluster A"
        [record]
        interval = "5s"
        durability = "normal"
        host = false
        [[record.target]]
        url = "http://db-1:9100/metrics"
        node = "db-1"
        interval = "30s"
        timeout = "5s"
        user = "nodebook"
        password_file = "db-1-password"
        ca_file = "ca.pem"
        [[record.target]]
        url = "https://vm:8428"
        token_file = "vm-token"
        [record.forward]
        url = "http://vm:8428/api/v1/write"
        tenant = "a"
        user = "nodebook"
        password_file = "vm-password"
        token_file = "vm-token"
        ca_file = "ca.pem"
        [retention]
        raw = "30d"
        1h = "2y"
        1d = "forever"
        max_size = "5GiB"
        [[retention.rule]]
        metric = "debug_*"
        node = "test-*"
        raw = "2d"
        1h = "30d"
        1d = "forever"
        [analysis]
        sensitivity = "low"
        mute = "*wartung*"
        [analysis.floors]
        percent = 2
        bytes = "64MiB"
        bytes_per_second = 1e6
        per_second = 10
        seconds = 0.1
        celsius = "1.5"
        count = 1
        none = 0
        [report]
        sections = ["summary", "nodes"]
        titles = { nodes = "Machines" }
        logo = "logo.svg"
        paper = "letter"
        language = "de"
        colors = ["#d55e00", { light = "#0072b2", dark = "#56b4e9" }]
        accent = { light = "#8a3ffc", dark = "#be95ff" }
        [[report.metric]]
        metric = "queue_depth"
        unit = "items"
        worse = "high"
        section = "resources"
        [[report.plot]]
        title = "Queue depth"
        metric = "queue_depth"
        by = "node"
        [[report.mask]]
        name = "office"
        days = "mon-fri"
        hours = "08:00-18:00"
        node = ["db-*"]
        action = "only"
        [thresholds]
        disk_percent = { warn = 80, bad = 90 }
        queue_depth.bad = 1000
        [[catalogue]]
        metric = "queue_percent"
        from = "100 * queue_depth / queue_size"
        title = "Queue full"
        unit = "percent"
        section = "resources"
        worse = "high"
        capacity = 100
        part = "queue"
        agg = "max"
        [mail]
        server = "smtp.example.org:587"
        tls = "starttls"
        user = "nodebook"
        password_file = "/etc/nodebook/smtp-password"
        ca_file = "ca.pem"
        from = "nodebook@example.org"
        reply_to = "ops@example.org"
        sendmail = "/usr/sbin/sendmail"
        timeout = "30s"
        attach_max = "10MB"
        [serve]
        listen = "127.0.0.1:9464"
        hosts = ["metrics.example.org"]
        token_file = "token"
        certificate = "server.pem"
        key = "server.key"
        [source]
        url = "http://vm:8428"
        flavour = "victoria"
        tenant = "a"
        user = "nodebook"
        password_file = "vm-password"
        ca_file = "ca.pem"
        token_file = "vm-token"
        [[batch]]
        name = "weekly"
        schedule = "0 7 * * 1"
        range = "last-week"
        node = ["db-*"]
        output = "/reports/{name}/{from}.html"
        keep = 52
        catch_up = "last"
        to = ["ops@example.org"]
        attach = ["html", "csv.gz"]
        when = "findings > 0"
        min_coverage = "95%"
        language = "fr"
        [batch.groups]
        databases = ["db-*"]
        [[webhook]]
        name = "chat"
        url_file = "chat-url"
        shape = "slack"
    "##;

    #[test]
    fn every_known_key_is_read() {
        let layer = parse(EVERYTHING).unwrap();
        assert_eq!((layer.record.interval, layer.record.host), (Some(Span(5_000)), Some(Switch(false))));
        let targets: Vec<String> = layer.record.target.iter().map(|target| target.url.0.to_string()).collect();
        assert_eq!(targets, ["http://db-1:9100/metrics", "https://vm:8428/metrics"]);
        assert_eq!(layer.analysis.sensitivity, Some(Sensitivity::Low));
        assert_eq!(layer.analysis.floors["bytes"], Amount(64.0 * 1024.0 * 1024.0));
        assert_eq!((layer.analysis.floors["percent"], layer.analysis.floors["celsius"]), (Amount(2.0), Amount(1.5)));
        assert_eq!(layer.retention.hourly, Some(Keep::Millis(2 * 365 * 86_400_000)));
        assert_eq!(layer.retention.rule[0].raw, Some(Keep::Millis(2 * 86_400_000)));
        assert_eq!(layer.thresholds["disk_percent"], ThresholdSection { warn: Some(80.0), bad: Some(90.0) });
        assert_eq!(layer.report.sections().chosen.unwrap(), [SectionId::Summary, SectionId::Nodes]);
        assert_eq!(layer.report.mask[0].0.when(), "mon-fri 08:00-18:00");
        assert_eq!(layer.report.titles[&SectionId::Nodes], "Machines");
        assert_eq!(layer.report.paper, Some(crate::report::Paper::Letter));
        assert_eq!(layer.thresholds["queue_depth"].bad, Some(1000.0));
        assert_eq!(layer.catalogue[0].0.name, "queue_percent");
        let batch = &layer.batch[0];
        assert_eq!((batch.name.0.as_str(), batch.min_coverage, batch.groups.len()), ("weekly", Some(Share(0.95)), 1));
        assert_eq!(batch.attachments(), [Attach::Html, Attach::CsvGz]);
        for key in keys::SCALARS {
            assert!(
                EVERYTHING.contains(&format!("{} = ", key.rsplit('.').next().unwrap())),
                "{key} is not in the test"
            );
        }
    }

    #[test]
    fn the_layer_above_wins_key_by_key() {
        let above = parse("title = 'above'\n[retention]\nraw = '1d'").unwrap();
        let both = above.over(parse(EVERYTHING).unwrap());
        assert_eq!(both.title.as_deref(), Some("above"));
        assert_eq!(both.retention.raw, Some(Keep::Millis(86_400_000)));
        assert_eq!(both.retention.max_size, Some(Size(5 << 30)));
        assert_eq!(both.retention.rule.len(), 1);
    }

    #[test]
    fn an_error_says_where_and_what() {
        let say = |text: &str| parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(say("[record]\nintervl = '5s'"), @"nodebook.toml, line 2: unknown key `record.intervl`; did you mean `record.interval`?");
        let target = |keys: &str| say(&format!("[[record.target]]\n{keys}"));
        insta::assert_snapshot!(target("node = 'db-1'"), @"nodebook.toml, line 1: missing field `url`");
        insta::assert_snapshot!(target("url = 'db-1:9100'"), @"nodebook.toml, line 2: `db-1:9100` is not an address: it begins with http:// or https://");
        insta::assert_snapshot!(target("url = 'http://db-1'\nnode = ''"), @"nodebook.toml, line 3: the node name is empty");
        insta::assert_snapshot!(target("url = 'http://db-1'\npassword = 'x'"), @"nodebook.toml, line 3: unknown key `record.target[].password`; did you mean `record.target[].password_file`?");
        insta::assert_snapshot!(say("[record]\nhost = 'no'"), @"nodebook.toml, line 2: `no` is none of `true` and `false`");
        insta::assert_snapshot!(say("[smtp]\nserver = 'x'"), @"nodebook.toml, line 1: unknown key `smtp`; known there: db, timezone, title, record, retention, analysis, report, thresholds, catalogue, mail, batch, webhook, serve, source");
        insta::assert_snapshot!(say("[[catalogue]]\nmetric = 'x'\nfrom = 'a - b'"), @"nodebook.toml, line 1: `a - b` is no formula: expected the end at `- b`");
        insta::assert_snapshot!(say("[[catalogue]]\nmetrc = 'x'"), @"nodebook.toml, line 2: unknown key `catalogue[].metrc`; did you mean `catalogue[].metric`?");
        insta::assert_snapshot!(say("[mail]\npassword = 'x'"), @"nodebook.toml, line 2: unknown key `mail.password`; did you mean `mail.password_file`?");
        insta::assert_snapshot!(say("[[batch]]\nname = 'a b'"), @"nodebook.toml, line 2: `a b` is not a name: letters, digits, `.`, `_` and `-`, at most 60, and no `.` or `-` at its start");
        insta::assert_snapshot!(say("[[batch]]\nname = 'a'\nschedule = '7 o clock'"), @"nodebook.toml, line 3: `7 o clock` is not a schedule: give five fields (minute hour day month weekday), as in `0 7 * * 1`, or @hourly, @daily, @weekly or @monthly");
        insta::assert_snapshot!(say("[[batch]]\nname = 'a'\nattach = ['doc']"), @"nodebook.toml, line 3: `doc` is none of `html`, `pdf`, `zip`, `csv.gz` and `none`");
        insta::assert_snapshot!(say("[[retention.rule]]\nmetrc = 'x'"), @"nodebook.toml, line 2: unknown key `retention.rule[].metrc`; did you mean `retention.rule[].metric`?");
        insta::assert_snapshot!(say("timezone = 'Mars'"), @"nodebook.toml, line 1: `Mars` is not a time zone such as Europe/Berlin or UTC");
        insta::assert_snapshot!(say("\n[retention]\nraw = 'ever'"), @"nodebook.toml, line 3: `ever` is neither a duration such as 30d nor `forever`");
        insta::assert_snapshot!(say("[record]\ninterval = 5"), @"nodebook.toml, line 2: invalid type: integer `5`, expected a string");
        insta::assert_snapshot!(say("[analysis]\nsensitivity = 'some'"), @"nodebook.toml, line 2: `some` is none of `low`, `normal` and `high`");
        insta::assert_snapshot!(say("[analysis.floors]\npercent = -1"), @"nodebook.toml, line 2: `-1` is no amount: 0 or more, bytes also as 16MiB");
        insta::assert_snapshot!(say("[analysis.floors]\npercnt = 1"), @"nodebook.toml, line 2: unknown key `analysis.floors.percnt`; did you mean `analysis.floors.percent`?");
        insta::assert_snapshot!(say("[thresholds]\ndisk_percent = { wran = 8 }"), @"nodebook.toml, line 2: unknown field `wran`, expected `warn` or `bad`");
        insta::assert_snapshot!(say("[report]\nsections = ['summary', 'capcity']"), @"nodebook.toml, line 2: `capcity` is no section of a report; did you mean `capacity`?");
        insta::assert_snapshot!(say("[report]\nsections = ['io', 'io']"), @"nodebook.toml, line 2: `io` is named twice");
        insta::assert_snapshot!(say("[report.titles]\nnods = 'Machines'"), @"nodebook.toml, line 2: `nods` is no section of a report; did you mean `nodes`?");
        insta::assert_snapshot!(say("[report]\ncolors = ['#ff0']"), @"nodebook.toml, line 2: `#ff0` on the light page has a contrast of 1.1: it needs 3; give one for each, { light = \"#…\", dark = \"#…\" }");
        insta::assert_snapshot!(say("[report]\ncolors = [7]"), @"nodebook.toml, line 2: invalid type: integer `7`, expected a colour such as \"#0072b2\" or { light = \"#0072b2\", dark = \"#56b4e9\" }");
        insta::assert_snapshot!(say("[report]\ncolors = [{ ligth = '#000' }]"), @"nodebook.toml, line 2: unknown key `report.colors[].ligth`; did you mean `report.colors[].light`?");
        insta::assert_snapshot!(say("[report]\naccent = '#777777'"), @"nodebook.toml, line 2: `#777777` on the light page has a contrast of 4.2: it needs 4.5; give one for each, { light = \"#…\", dark = \"#…\" }");
        insta::assert_snapshot!(say("[[report.metric]]\nmetric = 'x'\nworse = 'up'"), @"nodebook.toml, line 1: `up` is none of `high`, `low` and `neither`");
        insta::assert_snapshot!(say("[[report.metric]]\nmetric = 'x'\nsection = 'nodes'"), @"nodebook.toml, line 1: a metric stands in resources, io, partitions or other, not in `nodes`");
        let plot = "[[report.plot]]\ntitle = 'x'\nmetric = 'y'\n";
        insta::assert_snapshot!(say(&format!("{plot}{plot}")), @"nodebook.toml, line 1: two plots are called `x`");
        insta::assert_snapshot!(say(&format!("{plot}bad_abov = 3")), @"nodebook.toml, line 4: unknown key `report.plot[].bad_abov`; did you mean `report.plot[].bad_above`?");
        let mask = |keys: &str| say(&format!("[[report.mask]]\nname = 'm'\n{keys}"));
        insta::assert_snapshot!(mask("hours = '8-18'\naction = 'only'"), @"nodebook.toml, line 1: `8-18` are no hours such as 08:00-18:00 or 22:00-06:00");
        insta::assert_snapshot!(mask("action = 'only'"), @"nodebook.toml, line 1: mask `m` says no time: give days, hours or event");
        insta::assert_snapshot!(mask("action = 'hide'\nhours = '08:00-18:00'"), @"nodebook.toml, line 1: `hide` is none of `shade`, `leave_out` and `only` (nothing else counts)");
        insta::assert_snapshot!(mask("hour = '08:00-18:00'"), @"nodebook.toml, line 3: unknown key `report.mask[].hour`; did you mean `report.mask[].hours`?");
        insta::assert_snapshot!(mask("hours = '08:00-18:00'"), @"nodebook.toml, line 1: missing field `action`");
        insta::assert_snapshot!(say("db = 'a\n"), @"nodebook.toml, line 1: invalid literal string, expected `'`");
    }

    #[test]
    fn the_file_is_looked_for_here_then_for_the_user_then_for_the_machine() {
        let paths = default_paths(Some(Path::new("/home/u")), None);
        assert_eq!(paths[1], Path::new("/home/u/.config/nodebook/config.toml"));
        assert_eq!(default_paths(None, Some(Path::new("/x"))).len(), 3);
        assert_eq!(default_paths(None, None).len(), 2);
    }
}
