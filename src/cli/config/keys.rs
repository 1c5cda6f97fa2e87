//! The known keys, and which of them an unknown one was meant to be.

/// Every scalar key, by its path. Each can be set in the environment: `record.interval` is `NODEBOOK_RECORD_INTERVAL`.
pub const SCALARS: &[&str] = &[
    "db",
    "timezone",
    "title",
    "record.interval",
    "record.durability",
    "record.host",
    "record.listen",
    "record.forward.url",
    "record.forward.tenant",
    "record.forward.user",
    "record.forward.password_file",
    "record.forward.token_file",
    "record.forward.ca_file",
    "retention.raw",
    "retention.1h",
    "retention.1d",
    "retention.max_size",
    "analysis.sensitivity",
    "analysis.mute",
    "report.logo",
    "report.paper",
    "report.language",
    "analysis.floors.percent",
    "analysis.floors.bytes",
    "analysis.floors.bytes_per_second",
    "analysis.floors.per_second",
    "analysis.floors.seconds",
    "analysis.floors.celsius",
    "analysis.floors.count",
    "analysis.floors.none",
    "mail.server",
    "mail.tls",
    "mail.user",
    "mail.password_file",
    "mail.ca_file",
    "mail.from",
    "mail.reply_to",
    "mail.sendmail",
    "mail.timeout",
    "mail.attach_max",
    "serve.listen",
    "serve.token_file",
    "serve.certificate",
    "serve.key",
    "source.url",
    "source.flavour",
    "source.tenant",
    "source.user",
    "source.password_file",
    "source.token_file",
    "source.ca_file",
];

/// Keys with a list for a value: in the file only.
const LISTS: &[&str] = &["report.sections", "report.colors", "serve.hosts"];

/// Keys of the entries of lists, `[]` standing for the entry.
const IN_LISTS: &[&str] = &[
    "record.target[].url",
    "record.target[].node",
    "record.target[].interval",
    "record.target[].timeout",
    "record.target[].user",
    "record.target[].password_file",
    "record.target[].token_file",
    "record.target[].ca_file",
    "record.forward[].url",
    "record.forward[].tenant",
    "record.forward[].user",
    "record.forward[].password_file",
    "record.forward[].token_file",
    "record.forward[].ca_file",
    "retention.rule[].metric",
    "retention.rule[].node",
    "retention.rule[].raw",
    "retention.rule[].1h",
    "retention.rule[].1d",
    "report.colors[].light",
    "report.colors[].dark",
    "report.accent.light",
    "report.accent.dark",
    "report.metric[].metric",
    "report.metric[].title",
    "report.metric[].unit",
    "report.metric[].worse",
    "report.metric[].section",
    "catalogue[].metric",
    "catalogue[].from",
    "catalogue[].title",
    "catalogue[].unit",
    "catalogue[].section",
    "catalogue[].worse",
    "catalogue[].capacity",
    "catalogue[].part",
    "catalogue[].agg",
    "report.plot[].title",
    "report.plot[].metric",
    "report.plot[].by",
    "report.plot[].agg",
    "report.plot[].unit",
    "report.plot[].warn_above",
    "report.plot[].bad_above",
    "report.plot[].warn_below",
    "report.plot[].bad_below",
    "report.plot[].section",
    "report.plot[].kind",
    "report.mask[].name",
    "report.mask[].days",
    "report.mask[].hours",
    "report.mask[].event",
    "report.mask[].node",
    "report.mask[].action",
    "batch[].name",
    "batch[].schedule",
    "batch[].range",
    "batch[].node",
    "batch[].metric",
    "batch[].label",
    "batch[].title",
    "batch[].output",
    "batch[].keep",
    "batch[].catch_up",
    "batch[].each",
    "batch[].to",
    "batch[].send",
    "batch[].subject",
    "batch[].attach",
    "batch[].webhook",
    "batch[].when",
    "batch[].min_coverage",
    "batch[].hold",
    "batch[].max_size",
    "batch[].interactive",
    "batch[].analyse",
    "batch[].language",
    "webhook[].name",
    "webhook[].url_file",
    "webhook[].shape",
    "webhook[].ca_file",
];

/// Keys that hold others.
const TABLES: &[&str] = &[
    "record",
    "record.target",
    "record.target[]",
    "retention",
    "retention.rule",
    "retention.rule[]",
    "analysis",
    "analysis.floors",
    "report",
    "report.accent",
    "report.colors[]",
    "report.metric",
    "report.metric[]",
    "report.plot",
    "report.plot[]",
    "report.mask",
    "report.mask[]",
    "report.titles",
    "thresholds",
    "catalogue",
    "catalogue[]",
    "mail",
    "batch",
    "batch[]",
    "batch[].groups",
    "webhook",
    "webhook[]",
    "serve",
    "source",
    "record.forward",
    "record.forward[]",
];

/// Keys below are names (of metrics, of sections), which are checked where they are read, as is what they hold.
const NAMED: &[&str] = &["thresholds.", "report.titles.", "batch[].groups."];

/// Every key, for tests.
#[cfg(test)]
pub(super) fn everything() -> Vec<&'static str> {
    all().collect()
}

fn all() -> impl Iterator<Item = &'static str> {
    [SCALARS, LISTS, IN_LISTS, TABLES].into_iter().flatten().copied()
}

/// Whether `path` is a key.
pub fn is_known(path: &str) -> bool {
    all().any(|key| key == path) || NAMED.iter().any(|table| path.starts_with(table))
}

/// The known key that is most like `path`, if any is.
pub fn nearest(path: &str) -> Option<&'static str> {
    let leaf = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    all()
        .filter(|known| !known.ends_with("[]"))
        .map(|known| {
            let whole = strsim::jaro_winkler(path, known);
            let last = strsim::jaro_winkler(&leaf(path), &leaf(known)) - 0.02; // the same word elsewhere is the second guess
            let inside = if known.contains('[') && !path.contains('[') { 0.01 } else { 0.0 }; // and the same in a list the third
            (whole.max(last) - inside, known)
        })
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// The known keys of the table that `path` is in, without their path.
pub fn beside(path: &str) -> Vec<&'static str> {
    let table = path.rfind('.').map_or("", |dot| &path[..=dot]);
    let leaves = all().filter_map(|key| key.strip_prefix(table).filter(|leaf| !leaf.contains(['.', '['])));
    leaves.collect()
}

/// The environment variable of a key.
pub fn variable(path: &str) -> String {
    format!("NODEBOOK_{}", path.replace('.', "_").to_uppercase())
}

/// What a variable that is none of ours was meant to be: `None` where it is nobody's business (a container gets `NODEBOOK_PORT`
/// for a service of that name), `Some(None)` where it names a section of ours but is like no key in it.
pub fn nearest_variable(name: &str) -> Option<Option<String>> {
    let slips = |known: &String| strsim::osa_distance(name, known);
    let nearest = SCALARS
        .iter()
        .map(|key| variable(key))
        .min_by_key(slips)
        .filter(|known| slips(known) <= name.len().saturating_sub("NODEBOOK_".len()).div_ceil(5));
    let is_in_a_section = [
        "NODEBOOK_RECORD_",
        "NODEBOOK_RETENTION_",
        "NODEBOOK_ANALYSIS_",
        "NODEBOOK_REPORT_",
        "NODEBOOK_MAIL_",
        "NODEBOOK_SERVE_",
        "NODEBOOK_SOURCE_",
    ]
    .iter()
    .any(|section| name.starts_with(section));
    if nearest.is_some() || is_in_a_section { Some(nearest) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        assert_eq!(nearest("record.intervall"), Some("record.interval"));
        assert_eq!(nearest("recrod.interval"), Some("record.interval"));
        assert_eq!(nearest("interval"), Some("record.interval"));
        assert_eq!(nearest("retention.rule[].metrics"), Some("retention.rule[].metric"));
        assert_eq!(nearest("retentoin"), Some("retention"));
        assert_eq!(nearest("smtp"), None);
    }

    #[test]
    fn a_slip_in_a_variable_is_found_and_what_is_not_ours_is_left_alone() {
        let meant = |name: &str| nearest_variable(name).map(|meant| meant.unwrap_or_else(|| "?".to_owned()));
        assert_eq!(meant("NODEBOOK_RECORD_INTERVL").as_deref(), Some("NODEBOOK_RECORD_INTERVAL"));
        assert_eq!(meant("NODEBOOK_TIMEZON").as_deref(), Some("NODEBOOK_TIMEZONE"));
        assert_eq!(meant("NODEBOOK_RECORD_TARGET_URL").as_deref(), Some("?"));
        for foreign in ["NODEBOOK_PORT", "NODEBOOK_BIN", "NODEBOOK_SERVICE_HOST", "NODEBOOK_TEST_KILLS"] {
            assert_eq!(meant(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn keys_have_neighbours() {
        assert_eq!(
            beside("smtp"),
            [
                "db",
                "timezone",
                "title",
                "record",
                "retention",
                "analysis",
                "report",
                "thresholds",
                "catalogue",
                "mail",
                "batch",
                "webhook",
                "serve",
                "source"
            ]
        );
        assert_eq!(beside("record.listen"), ["interval", "durability", "host", "listen", "target", "forward"]);
        assert_eq!(beside("retention.rule[].x"), ["metric", "node", "raw", "1h", "1d"]);
    }

    #[test]
    fn a_variable_is_the_path_in_capitals() {
        assert_eq!(variable("retention.max_size"), "NODEBOOK_RETENTION_MAX_SIZE");
    }
}
