//! Which format an input is in, told by its first bytes.

use memchr::memchr;

use super::prometheus::Dialect;
use super::{
    collectd, collectd_json, csv, graphite, influx, jsonl, otlp, parquet, prometheus, remote_write, report_page,
    sysstat, time, vmstat,
};

/// Lines that are looked at for a format of lines: a text may begin with lines of its own.
const LINES_MAX: usize = 200;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// Nothing at all.
    Empty,
    /// CSV, long or wide, PCP's too.
    Csv,
    /// A file of collectd's CSV tree.
    Collectd,
    /// A body of collectd's write_http.
    CollectdJson,
    /// A report page of ours, whose data is read back.
    Report,
    /// A Prometheus or OpenMetrics page.
    Exposition {
        /// OpenMetrics where something is there that only OpenMetrics has.
        dialect: Dialect,
        /// Milliseconds, or seconds where the dialect or the size of the times says so.
        time_unit: time::Unit,
    },
    /// Graphite's plain text.
    Graphite,
    /// Influx line protocol.
    Influx,
    /// A series a line, as JSON.
    JsonLines,
    /// OpenTelemetry, JSON.
    OtlpJson,
    /// OpenTelemetry, protobuf.
    OtlpProtobuf,
    /// A Parquet file.
    Parquet,
    /// The body of a remote write request.
    RemoteWrite,
    /// `sadf -d` or `sadf -p`.
    SysstatDelimited,
    /// `sadf -j`, `iostat -o JSON`, `mpstat -o JSON`.
    SysstatJson,
    /// The text of `sar`, `mpstat` or `iostat`.
    SysstatText,
    /// The text of `vmstat -t`.
    Vmstat,
}

/// Why an input is not read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// An SQLite file.
    #[error("an SQLite database that is none of nodebook's, or not a file")]
    Sqlite,
    /// The same, within gzip or zstd.
    #[error("a packed SQLite database, which is read from a file only: unpack it first, with gunzip -k or zstd -d")]
    PackedSqlite,
    /// Compressed in a way that is not read.
    #[error("compressed with {0}, which import does not read: decompress it first, or use gzip or zstd")]
    Compressed(&'static str),
    /// What sar and sadc write, which changes with every version of theirs.
    #[error("sysstat's own binary file, which its own program reads best: sadf -j FILE -- -A | nodebook import -")]
    Sysstat,
    /// `pidstat`: its heading is that of sar, its rows are those of processes.
    #[error(
        "the output of pidstat, which has a series for every process: import reads what sar, mpstat or iostat -t say of the machine"
    )]
    Processes,
    /// `vmstat -d`.
    #[error(
        "the output of vmstat -d, which counts from the start of the machine: import reads iostat -dxt 10, the same as rates"
    )]
    DiskCounts,
    /// UTF-16, as spreadsheets write "Unicode text".
    #[error("text in UTF-16: save it as UTF-8")]
    Utf16,
    /// A page that is no report of ours.
    #[error("an HTML page that is no report of nodebook")]
    Html,
    /// None of the formats.
    #[error(
        "no format that import reads: expected CSV with a header that has a time column (timestamp,node,metric,labels,value, or a column a metric), Prometheus text, or one of the formats of --format"
    )]
    Unknown,
}

/// Looks at the first bytes of an input, decompressed. `whole`: there are no more.
pub fn detect(head: &[u8], whole: bool) -> Result<Detected, DetectError> {
    refuse_binary(head)?;
    if parquet::looks_like(head) {
        return Ok(Detected::Parquet);
    }
    if let Some(is_ours) = report_page::looks_like(head) {
        return if is_ours { Ok(Detected::Report) } else { Err(DetectError::Html) };
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if let Some(message) = message(text) {
        return Ok(message);
    }
    let lines = || lines_of(text, whole).filter(|line| !line.trim_ascii().is_empty());
    let Some(first) = lines().next() else {
        return match () {
            // a line longer than what is looked at
            () if jsonl::looks_like(text) => Ok(Detected::JsonLines),
            () if text.trim_ascii().is_empty() && whole => Ok(Detected::Empty),
            () => Err(DetectError::Unknown),
        };
    };
    if vmstat::is_of_disks(first) {
        return Err(DetectError::DiskCounts);
    }
    if let Some(table) = table(first) {
        let is_of_processes = table == Detected::SysstatText && lines().nth(1).is_some_and(sysstat::is_of_processes);
        return if is_of_processes { Err(DetectError::Processes) } else { Ok(table) };
    }
    for line in lines().take(LINES_MAX) {
        if prometheus::looks_like(line) {
            return Ok(exposition(lines()));
        }
        if influx::looks_like(line) {
            return Ok(Detected::Influx);
        }
        if graphite::looks_like(line) {
            return Ok(Detected::Graphite);
        }
    }
    // a header without a time column, which the reader of CSV explains
    // (JSON and what begins with a comment are no such thing: under the columns of another program's comment its rows would
    // be read as what they are not)
    let is_table = !matches!(first.trim_ascii_start().first(), Some(b'#' | b'{' | b'['))
        && first.iter().any(|byte| matches!(byte, b',' | b';' | b'\t'))
        && std::str::from_utf8(first).is_ok();
    if is_table { Ok(Detected::Csv) } else { Err(DetectError::Unknown) }
}

/// Formats that are told by how the whole begins.
fn message(text: &[u8]) -> Option<Detected> {
    // no text has these, in its first bytes at least
    let is_binary = text.iter().take(512).any(|byte| matches!(byte, 0..=8 | 14..=31)) || !starts_as_utf8(text);
    match () {
        () if is_binary && otlp::looks_like_protobuf(text) => Some(Detected::OtlpProtobuf),
        () if is_binary && remote_write::looks_like(text) => Some(Detected::RemoteWrite),
        () if otlp::looks_like_json(text) => Some(Detected::OtlpJson),
        () if collectd_json::looks_like(text) => Some(Detected::CollectdJson),
        () if sysstat::looks_like_json(text) => Some(Detected::SysstatJson),
        () => None,
    }
}

fn starts_as_utf8(text: &[u8]) -> bool {
    match std::str::from_utf8(&text[..text.len().min(512)]) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Formats that are told by their first line.
fn table(first: &[u8]) -> Option<Detected> {
    let line = first.strip_suffix(b"\r").unwrap_or(first);
    match () {
        () if jsonl::looks_like(line) => Some(Detected::JsonLines),
        () if sysstat::looks_like_delimited(line) => Some(Detected::SysstatDelimited),
        () if sysstat::looks_like_text(line.trim_ascii_end()) => Some(Detected::SysstatText),
        () if vmstat::looks_like(line) => Some(Detected::Vmstat),
        () if collectd::looks_like(line) => Some(Detected::Collectd),
        () if csv::looks_like(line) => Some(Detected::Csv),
        () => None,
    }
}

fn refuse_binary(head: &[u8]) -> Result<(), DetectError> {
    const COMPRESSED: [(&[u8], &str); 3] = [(b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\x03\x04", "zip")];
    if head.starts_with(b"SQLite format 3\0") {
        return Err(DetectError::Sqlite);
    }
    if let Some((_, name)) = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(DetectError::Compressed(name));
    }
    // of either byte order, and the second magic of data files
    if head.starts_with(b"\x96\xd5\x75\x21") || head.starts_with(b"\xd5\x96\x21\x75") {
        return Err(DetectError::Sysstat);
    }
    // with its mark, or as Latin text looks without
    let pairs = head.as_chunks::<2>().0;
    let is_wide =
        |zero: usize| pairs.len() >= 8 && pairs.iter().take(32).all(|pair| pair[zero] == 0 && pair[1 - zero] != 0);
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || is_wide(0) || is_wide(1) {
        return Err(DetectError::Utf16);
    }
    Ok(())
}

/// Whole lines; the last one too where nothing follows it.
fn lines_of(text: &[u8], whole: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || match memchr(b'\n', rest) {
        Some(at) => {
            let line = &rest[..at];
            rest = &rest[at + 1..];
            Some(line)
        }
        None if whole && !rest.is_empty() => Some(std::mem::take(&mut rest)),
        None => None,
    })
}

/// Tells OpenMetrics by `# EOF`, `# UNIT` or an exemplar. The times of other pages are milliseconds; unless all of them are too small
/// for that (before March 1973), or have a fraction: then they are seconds, as in an OpenMetrics file whose end is not seen yet.
fn exposition<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Detected {
    let mut dialect = Dialect::Text;
    let (mut timed, mut seconds) = (0u32, 0u32);
    for line in lines {
        let (time, openmetrics) = prometheus::traits_of(line);
        if openmetrics {
            dialect = Dialect::OpenMetrics;
        }
        if let Some(time) = time {
            timed += 1;
            let small = time::parse(time, time::Unit::Millis).is_some_and(|ms| (1e8..1e11).contains(&(ms as f64)));
            seconds += u32::from(time.contains(&b'.') || small);
        }
    }
    let in_seconds = dialect == Dialect::OpenMetrics || (timed > 0 && timed == seconds);
    Detected::Exposition { dialect, time_unit: if in_seconds { time::Unit::Seconds } else { time::Unit::Millis } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Detected, DetectError> {
        detect(text.as_bytes(), true)
    }

    const TEXT: Detected = Detected::Exposition { dialect: Dialect::Text, time_unit: time::Unit::Millis };
    const IN_SECONDS: Detected = Detected::Exposition { dialect: Dialect::Text, time_unit: time::Unit::Seconds };
    const OPENMETRICS: Detected =
        Detected::Exposition { dialect: Dialect::OpenMetrics, time_unit: time::Unit::Seconds };

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(found(""), Ok(Detected::Empty));
        assert_eq!(found("\u{feff}timestamp,node,metric,value\n"), Ok(Detected::Csv));
        assert_eq!(found("\n\"Time\";\"cpu\"\n1;2"), Ok(Detected::Csv));
        assert_eq!(found("a,b,c\n1,2,3\n"), Ok(Detected::Csv));
        assert_eq!(found("# HELP up x, time, y\nup 1\n"), Ok(TEXT));
        assert_eq!(found("up{job=\"a,b\"} 1 1795457209379\n"), Ok(TEXT));
        assert_eq!(found("@bad\nup 1\n"), Ok(TEXT));
        assert_eq!(found("up 1 1767571200.000\nup 2 1767571210.000\n"), Ok(IN_SECONDS));
        assert_eq!(found("up 1\n# EOF\n"), Ok(OPENMETRICS));
        assert_eq!(found("a_bucket{le=\"1\"} 3 # {id=\"x\"} 0.5\n"), Ok(OPENMETRICS));
        assert_eq!(found("\n<!DOCTYPE HTML>\n<html lang=\"en\" data-nodebook=\"0.1.0\">"), Ok(Detected::Report));
        assert_eq!(found("<html><body>a,b,time</body>"), Err(DetectError::Html));
        assert_eq!(found("hello world\n"), Err(DetectError::Unknown));
        assert_eq!(detect(b"up 1\ncut_he", false), Ok(TEXT));
        assert_eq!(detect(b"\xff\xfea\0", true), Err(DetectError::Utf16));
        assert_eq!(detect(b"t\0i\0m\0e\0,\0l\0o\0a\0d\0\n\0", true), Err(DetectError::Utf16));
        assert_eq!(detect(b"PAR1\x15\0", false), Ok(Detected::Parquet));
        for (text, expected) in [
            ("epoch,value\n1,2\n", Detected::Collectd),
            ("cpu,host=a usage=1.5,n=2i 1784292355882553116\n", Detected::Influx),
            ("m value=1\n", Detected::Influx),
            ("a.b.c 1.5 1795457185\n", Detected::Graphite),
            ("{\"metric\":{\"__name__\":\"up\"},\"values\":[1],\"timestamps\":[1]}\n", Detected::JsonLines),
            ("[{\"values\":[1],\"dstypes\":[\"gauge\"],\"dsnames\":[\"value\"]", Detected::CollectdJson),
            ("{\"resourceMetrics\": []}", Detected::OtlpJson),
            ("{\"sysstat\": {\n\t\"hosts\": [", Detected::SysstatJson),
            ("# hostname;interval;timestamp;CPU;%user\n", Detected::SysstatDelimited),
            ("vm\t2\t2026-11-23 17:44:56 UTC\tall\t%user\t88.25\n", Detected::SysstatDelimited),
            ("Linux 6.18 (vm) \t2026-11-23 \t_x86_64_\t(2 CPU)\n\n", Detected::SysstatText),
            ("procs -----------memory---------- ---swap--\n r  b\n", Detected::Vmstat),
            ("Time,\"kernel.all.load-1 minute\"\n", Detected::Csv),
            ("time,path\n", Detected::Csv),
        ] {
            assert_eq!(found(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let all = [
            detect(b"SQLite format 3\0...", false).unwrap_err(),
            DetectError::PackedSqlite,
            detect(b"BZh91AY", false).unwrap_err(),
            detect(b"\x96\xd5\x75\x21\x0c\x06\x01\0P\x01\0\0", false).unwrap_err(),
            DetectError::Utf16,
            DetectError::Html,
            found("Linux 6.18 (vm) \t11/29/26 \t_x86_64_\t(2 CPU)\n\n19:21:14      UID       PID    %usr  Command\n")
                .unwrap_err(),
            found("disk- ------------reads------------ ------------writes-----------\n").unwrap_err(),
            detect(b"\x00\x01\x02\x03", true).unwrap_err(),
        ];
        insta::assert_snapshot!(all.map(|e| e.to_string()).join("\n"), @r##"
    an SQLite database that is none of nodebook's, or not a file
    a packed SQLite database, which is read from a file only: unpack it first, with gunzip -k or zstd -d
    compressed with bzip2, which import does not read: decompress it first, or use gzip or zstd
    sysstat's own binary file, which its own program reads best: sadf -j FILE -- -A | nodebook import -
    text in UTF-16: save it as UTF-8
    an HTML page that is no report of nodebook
    the output of pidstat, which has a series for every process: import reads what sar, mpstat or iostat -t say of the machine
    the output of vmstat -d, which counts from the start of the machine: import reads iostat -dxt 10, the same as rates
    no format that import reads: expected CSV with a header that has a time column (timestamp,node,metric,labels,value, or a column a metric), Prometheus text, or one of the formats of --format
    "##);
    }
}
