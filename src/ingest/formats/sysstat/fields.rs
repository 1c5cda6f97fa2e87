//! The names of sysstat's columns and keys, as metrics.

/// The report a column is of, told by columns that no other report has. First match counts.
const REPORTS: &[(&str, &str)] = &[
    ("%idle", "cpu"),
    ("%user", "cpu"),
    ("%usr", "cpu"),
    ("kbmemfree", "memory"),
    ("kbswpfree", "memory"),
    ("ldavg-1", "queue"),
    ("%util", "disk"),
    ("kB_read/s", "disk"),
    ("MB_read/s", "disk"),
    ("rxpck/s", "net"),
    ("rxerr/s", "net_edev"),
    ("pgpgin/s", "paging"),
    ("pswpin/s", "swap_pages"),
    ("proc/s", "process_and_context_switch"),
    ("cswch/s", "process_and_context_switch"),
    ("rtps", "io"),
    ("MBfsfree", "filesystem"),
    ("dentunusd", "kernel"),
    ("kbhugfree", "hugepages"),
    ("totsck", "net_sock"),
    ("intr/s", "interrupts"),
    ("INTR", "interrupts"),
    ("call/s", "net_nfs"),
    ("estres/s", "net_etcp"),
    ("some_avg10", "psi"),
    ("%scpu-10", "psi_cpu"),
];

/// Columns of a report by the one that `sadf -p` names by itself: those that reports need.
const COLUMNS: &[(&str, &str)] = &[
    ("%user", "cpu"),
    ("%nice", "cpu"),
    ("%system", "cpu"),
    ("%iowait", "cpu"),
    ("%steal", "cpu"),
    ("%idle", "cpu"),
    ("%usr", "cpu"),
    ("%sys", "cpu"),
    ("%irq", "cpu"),
    ("%soft", "cpu"),
    ("%guest", "cpu"),
    ("%gnice", "cpu"),
    ("kbmemfree", "memory"),
    ("kbavail", "memory"),
    ("kbmemused", "memory"),
    ("%memused", "memory"),
    ("kbbuffers", "memory"),
    ("kbcached", "memory"),
    ("kbcommit", "memory"),
    ("%commit", "memory"),
    ("kbactive", "memory"),
    ("kbinact", "memory"),
    ("kbdirty", "memory"),
    ("kbswpfree", "memory"),
    ("kbswpused", "memory"),
    ("%swpused", "memory"),
    ("runq-sz", "queue"),
    ("plist-sz", "queue"),
    ("ldavg-1", "queue"),
    ("ldavg-5", "queue"),
    ("ldavg-15", "queue"),
    ("blocked", "queue"),
    ("tps", "disk"),
    ("rkB/s", "disk"),
    ("wkB/s", "disk"),
    ("dkB/s", "disk"),
    ("areq-sz", "disk"),
    ("aqu-sz", "disk"),
    ("await", "disk"),
    ("%util", "disk"),
    ("rxpck/s", "net"),
    ("txpck/s", "net"),
    ("rxkB/s", "net"),
    ("txkB/s", "net"),
    ("rxcmp/s", "net"),
    ("txcmp/s", "net"),
    ("rxmcst/s", "net"),
    ("%ifutil", "net"),
    ("call/s", "net_nfs"),
    ("read/s", "net_nfs"),
    ("write/s", "net_nfs"),
    ("access/s", "net_nfs"),
    ("getatt/s", "net_nfs"),
    ("atmptf/s", "net_etcp"),
    ("estres/s", "net_etcp"),
    ("isegerr/s", "net_etcp"),
    ("orsts/s", "net_etcp"),
];

/// A column that two reports have, NFS and TCP: `sadf -p` names it between others of its report.
pub(super) const SHARED: &str = "retrans/s";

/// The report of a row of columns; empty where it is not known.
pub(super) fn report_of<'a>(columns: impl Iterator<Item = &'a str> + Clone) -> &'static str {
    let has = |wanted: &str| columns.clone().any(|column| column == wanted);
    REPORTS.iter().find(|(column, _)| has(column)).map_or("", |(_, report)| report)
}

/// The report of one column of `sadf -p`.
pub(super) fn report_of_column(column: &str) -> &'static str {
    COLUMNS.iter().find(|(known, _)| *known == column).map_or("", |(_, report)| report)
}

/// The label of a column or key that says which one a row is about (`CPU`, `DEV`, `disk-device`); `None` for one of values.
pub(super) fn label_of(column: &str) -> Option<String> {
    let known = match column {
        "DEV" | "disk-device" | "disk_device" | "Device" | "Device:" => "device",
        "IFACE" | "iface" => "interface",
        "CPU" | "cpu" | "number" => "cpu",
        "FILESYSTEM" | "filesystem" | "MOUNTPOINT" => "filesystem",
        "intr" => "intr",
        "line" => "line",
        "fchost" => "fchost",
        _ => "",
    };
    if !known.is_empty() {
        return Some(known.to_owned());
    }
    let is_key = column.len() > 1 && column.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    is_key.then(|| column.to_ascii_lowercase())
}

/// `sysstat_REPORT_NAME` of a column (`%memused`, `rkB/s`) or a JSON key (`memused-percent`, `rkB`).
pub(super) fn metric(report: &str, column: &str) -> String {
    let rate = column.strip_suffix("/s");
    // iostat writes what `-x` has as `rkB/s` as `kB_read/s`, and beside it the amount since the report before, `kB_read`.
    if let Some((unit, done)) = rate.and_then(|rate| rate.split_once('_'))
        && let Some((_, short)) =
            [("read", "r"), ("wrtn", "w"), ("dscd", "d"), ("w+d", "wd")].iter().find(|(d, _)| *d == done)
    {
        return format!("sysstat_disk_{short}{unit}");
    }
    let name = rate.unwrap_or(column);
    let (name, is_percent) = match name.strip_prefix('%').or_else(|| name.strip_suffix("-percent")) {
        Some(name) => (name, true),
        None => (name, false),
    };
    let name = match (report, name) {
        ("cpu", "usr") => "user",
        ("cpu", "sys") => "system",
        ("memory", "kbinact") => "inactive",
        ("memory" | "hugepages", name) => name.strip_prefix("kb").unwrap_or(name),
        (_, name) => name,
    };
    // all of a CPU's are percent, and some tools say so while others do not
    // and the JSON of iostat leaves the sign out, beside a rate of the same name
    let is_of_percent = matches!((report, name), ("disk", "util"))
        || (rate.is_none() && matches!((report, name), ("disk", "rrqm" | "wrqm" | "drqm")));
    let is_percent = (is_percent && report != "cpu") || is_of_percent;
    let mut metric = String::from("sysstat");
    for part in [report, name].into_iter().filter(|part| !part.is_empty()) {
        metric.push('_');
        metric.extend(part.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    }
    if is_percent {
        metric.push_str("_percent");
    }
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quantity_has_one_name() {
        for (report, names, expected) in [
            ("cpu", ["%user", "usr", "user"], "sysstat_cpu_user"),
            ("cpu", ["%iowait", "iowait", "iowait"], "sysstat_cpu_iowait"),
            ("memory", ["%memused", "memused-percent", "%memused"], "sysstat_memory_memused_percent"),
            ("memory", ["kbinact", "inactive", "kbinact"], "sysstat_memory_inactive"),
            ("memory", ["kbavail", "avail", "kbavail"], "sysstat_memory_avail"),
            ("disk", ["%util", "util-percent", "util"], "sysstat_disk_util_percent"),
            ("disk", ["%rrqm", "rrqm", "%rrqm"], "sysstat_disk_rrqm_percent"),
            ("disk", ["wrqm/s", "wrqm/s", "wrqm/s"], "sysstat_disk_wrqm"),
            ("disk", ["rkB/s", "rkB", "kB_read/s"], "sysstat_disk_rkB"),
            ("queue", ["ldavg-1", "ldavg-1", "ldavg-1"], "sysstat_queue_ldavg_1"),
        ] {
            assert_eq!(names.map(|name| metric(report, name)), [expected, expected, expected]);
        }
        assert_eq!(label_of("TTY").as_deref(), Some("tty"));
        assert_eq!(label_of("ldavg-1"), None);
    }
}
