//! Limits of what is taken in, each with its reason.

/// Largest body of a report's columns, inflated.
pub const REPORT_COLUMNS_BYTES_MAX: usize = 128 << 20;
/// Rows of a report's page that are taken: of all its metrics, runs unrolled.
pub const REPORT_ROWS_MAX: usize = 1 << 20;
/// Most values that are read from one report: 500 nodes x 60 metrics x 1,000 buckets, and twice that.
pub const REPORT_VALUES_MAX: usize = 60_000_000;
/// Longest line (or record) of a text format, in bytes. A wide CSV of 20,000 columns fits; a file without line ends does not fill the memory.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Largest piece of a format whose pieces are documents (a line of JSON lines, a request of OTLP, a moment of sysstat, a remote write body, a report page), in bytes:
/// a line of VictoriaMetrics' export holds a series of some million samples. Memory grows to a few times that.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of the pages and dictionaries of a Parquet file that are held at a time: those of common writers are some megabytes.
pub const PARQUET_HELD_BYTES_MAX: usize = 256 << 20;
/// A Parquet file that comes through a pipe, or packed once more, is put down first, up to this many bytes: it is read from its end.
pub const PARQUET_STAGED_BYTES_MAX: u64 = 8 << 30;
/// A line without an end is looked through to here; then reading stops: what comes is the output of a bomb.
pub const LINE_PASSED_OVER_BYTES_MAX: u64 = 4 << 30;
/// Largest window that zstd data may ask for, as a power of two: 128 MiB, what `zstd --long` writes and its own default to read.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Files of one directory, with those in its directories: a year of a cluster's collectd tree; a mistaken `/` ends here.
pub const DIRECTORY_FILES_MAX: usize = 1_000_000;
/// Bytes read at once: enough that reading costs nothing, small enough to stay in the processor's cache.
pub const READ_BYTES: usize = 256 << 10;
/// Rejections that are kept with file, line and reason; further ones are only counted.
pub const REJECTIONS_NAMED: usize = 20;
/// Longest piece of a rejected line that is shown, in characters.
pub const QUOTED_CHARS_MAX: usize = 40;
/// Bytes of an input that are looked at to find its format.
pub const DETECT_BYTES: usize = 64 << 10;
/// Columns of a CSV file: each may become a series for every node.
pub const COLUMNS_MAX: usize = 20_000;
/// Metric families of an exposition whose type and help are remembered; the largest real pages have a few thousand.
pub const FAMILIES_MAX: usize = 100_000;
/// Longest help text that is kept, in bytes: it is shown as one line.
pub const HELP_BYTES_MAX: usize = 1024;
/// Series whose raw text a parser remembers. Beyond it the memory is given up and filled again: slower, never wrong.
pub const SERIES_CACHED_MAX: usize = 1_000_000;
/// Series of OTLP whose deltas are added up; each takes some 200 bytes of memory for as long as we run.
pub const DELTA_SERIES_MAX: usize = 200_000;
/// An input that cannot be read twice (`--strict` on a pipe) is staged in memory up to this many bytes, then in a temporary file.
pub const STAGED_BYTES_IN_MEMORY: usize = 8 << 20;
/// Bytes between two calls of the progress callback.
pub const PROGRESS_BYTES: u64 = 4 << 20;

/// Samples that are taken of one page: those of the largest exporters of whole clusters, and an end for a label that never repeats.
pub const SCRAPE_SAMPLES_MAX: u64 = 50_000;
/// Samples of one request that pushes them: senders that batch send a tenth of that, and who has more sends two.
pub const PUSH_SAMPLES_MAX: usize = 100_000;
/// Largest request that pushes samples, when it is unpacked: some ten times what senders batch.
pub const PUSH_BYTES_MAX: usize = 16 << 20;
/// The same where it is JSON, of which values take more room in memory than in the text.
pub const PUSH_JSON_BYTES_MAX: usize = 4 << 20;
/// How far ahead of our clock a pushed or scraped sample may be, ms: what Prometheus allows. One of next year would be the newest for a year.
pub const PUSH_AHEAD_MS_MAX: i64 = 600_000;
/// Samples that wait to be written at a time: a few seconds of what the writer does, in some 70 MB.
pub const WAITING_SAMPLES_MAX: usize = 500_000;
/// Samples of one commit, after which those who wait have their answer: a tenth of a second or two.
pub const COMMIT_SAMPLES_MAX: usize = 100_000;

/// Disks of one machine that are sampled. Beyond it a storage server would write more of its disks than of itself.
pub const DISKS_MAX: usize = 64;
/// Mounted filesystems of one machine that are sampled.
pub const MOUNTS_MAX: usize = 64;
/// Network interfaces of one machine that are sampled: hosts of containers have thousands.
pub const INTERFACES_MAX: usize = 64;
