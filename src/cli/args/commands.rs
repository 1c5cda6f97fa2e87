use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{RangeArgs, SelectArgs};
use crate::cli::config::{Size, report_keys};
use crate::model::Language;

/// `nodebook record`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook record                                    every 10 s until Ctrl-C
  nodebook record --interval 1s --for 30s --report report.html
  nodebook record --no-host --scrape http://db-1:9100/metrics --scrape db-2=http://10.0.0.2:9100
  nodebook record --listen 9465
  curl -s http://127.0.0.1:9465/api/v1/import/prometheus --data-binary 'queue_depth 5'
  curl -s http://127.0.0.1:9465/api/annotations --data '{\"text\": \"deploy 4.2.0\"}'

Stops on SIGINT and SIGTERM: everything is written and one file is left. A second signal stops at once. A missed moment is a gap, never made up; a \
full disk is said once, and recording goes on when there is room again.

Targets are asked for Prometheus text or OpenMetrics, each at its own even moment of the interval; one that fails is a gap (its `up` is 0), is said \
once, and holds nobody up. More of them, with intervals and logins, stand in the configuration as [[record.target]]; on SIGHUP the targets in it are \
read again (on a terminal SIGHUP stops).

With --listen others push: Prometheus remote write (/api/v1/write), Influx line protocol (/write, /api/v2/write), Prometheus text and OpenMetrics \
(/api/v1/import/prometheus), OTLP over HTTP (/v1/metrics), collectd's write_http with `Format JSON` (/collectd), events (/api/annotations); and what `serve` \
answers is answered there, too. 2xx means stored. The node is that of `?node=`, else the label node, host or instance, else the sender's. An address \
that other machines reach needs a token, as with `serve`.")]
pub struct RecordArgs {
    /// Distance of samples: 1s, 10s, 1m [default: `record.interval`, then 10s]
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<String>,

    /// Stop after so long: 30s, 8h [default: never]
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,

    /// Name of this machine in the database [default: its host name]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,

    /// Scrape a target, too: http://HOST[:PORT][/PATH], `/metrics` if there is no path; its samples are NODE's [default: HOST's]. Repeatable
    #[arg(long, value_name = "[NODE=]URL")]
    pub scrape: Vec<String>,

    /// Take pushes, and answer what `serve` does: HOST:PORT, or a port of this machine alone [default: `record.listen`, else nowhere]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// File with the token that clients need [default: `serve.token_file`]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Do not sample this machine
    #[arg(long)]
    pub no_host: bool,

    /// At the end, write the HTML report of what was recorded
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// `nodebook import`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook import metrics.csv
  curl -s http://db-1:9100/metrics | nodebook import --format prom --node db-1 -
  sadf -j /var/log/sysstat/sa23 -- -A | nodebook import -
  nodebook import /var/lib/collectd/csv node-*.db

What a file is, is found out by looking into it. CSV is `timestamp,node,metric,labels,value` in any order (`timestamp_ms`, `ts`, `time` too; `labels` may be missing), or \
wide: a time column, perhaps `node`, and one column a metric (of CSV, columns of text are labels); Parquet has the same columns. The same file twice changes nothing.

Read are: CSV, Prometheus and OpenMetrics text, JSON lines, Influx line protocol, Graphite, remote write bodies, sadf -j, -d and -p, the text of sar, mpstat, iostat and vmstat, \
collectd's CSV tree and write_http JSON, PCP (pmrep -o csv), OTLP as JSON and protobuf, Parquet, nodebook databases and report pages. Metrics of common exporters are known by name: a \
report shows them without configuration. Others become known by [[catalogue]] in the configuration, e.g. metric = \"cpu_percent\", from = \"100 - idle_percent\" (see the README).

Events come as CSV with the columns `at` and `text`, and `until` and `node` (a glob) if wanted.")]
pub struct ImportArgs {
    /// Files (.gz and .zst are read as they are; other nodebook databases and report pages too), directories, `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What the files are
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub format: ImportFormat,

    /// Refuse a whole file for one bad line
    #[arg(long)]
    pub strict: bool,

    /// Unit of the times of Influx line protocol, where their size does not say it
    #[arg(long, value_name = "UNIT")]
    pub precision: Option<ImportPrecision>,

    /// Node of every sample, whatever the files say; the node that they name stays as the label `node`
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,

    /// Another name for a node, in labels and events that name it too; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    pub rename_node: Vec<String>,

    /// Print the result as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Formats of `import`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// Found by looking at the content
    Auto,
    /// CSV, long or wide
    Csv,
    /// JSON lines: a series a line, as VictoriaMetrics exports them
    Jsonl,
    /// Prometheus text
    Prom,
    /// OpenMetrics text
    Openmetrics,
    /// Influx line protocol
    Influx,
    /// Graphite's plain text
    Graphite,
    /// The body of a Prometheus remote write 1.0 request
    RemoteWrite,
    /// sysstat: sadf -j, -d or -p, sar
    Sadf,
    /// vmstat -t, iostat -t, mpstat
    Vmstat,
    /// collectd's CSV tree
    Collectd,
    /// PCP: pmrep -o csv
    Pcp,
    /// OpenTelemetry metrics, JSON or protobuf
    Otlp,
    /// Parquet, long or wide
    Parquet,
}

/// Units of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportPrecision {
    /// Nanoseconds
    Ns,
    /// Microseconds
    Us,
    /// Milliseconds
    Ms,
    /// Seconds
    S,
}

const REPORT_EXAMPLES: &str = "\
Examples:
  nodebook report --last 7d
  nodebook report --range last-week --node 'db-*' -o weekly.html
  nodebook report --range 2026-W14 --compare 2026-W10

Metrics of common exporters are known by name. Others become known by [[catalogue]] in the configuration: metric = \"cpu_percent\", from = \"100 - idle_percent\"; with title, unit, section, \
worse, capacity and part, if wanted (see the README).

The file opens offline, in any browser. SOURCE_DATE_EPOCH makes it reproducible byte for byte.";

/// `nodebook report`
#[derive(Args, Debug)]
#[command(after_help = REPORT_EXAMPLES, after_long_help = format!("{REPORT_EXAMPLES}\n\n{}", report_keys()))]
pub struct ReportArgs {
    /// Where to: NAME.html, NAME.pdf or NAME.json (the view data), repeatable, `-` for stdout
    /// [default: nodebook-report-FROM-TO.html]
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,

    /// Title [default: `title` of the configuration file, or one made of the nodes]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Another period, drawn behind and told as changes: `previous` of the same length, `none`, or a PERIOD or FROM..TO
    /// [default: previous, where it was recorded]
    #[arg(long, value_name = "PERIOD")]
    pub compare: Option<String>,

    /// Size the file is to stay within: its charts are made as coarse as that needs [default: 2MB]
    #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
    pub max_size: Option<Size>,

    /// How numbers and dates are written: cs, da, de, en, es, fi, fr, it, nb, nl, pl, pt or sv; sentences stay English
    /// [default: `language` of [report] in the configuration file, or en]
    #[arg(long, value_name = "NAME")]
    pub language: Option<Language>,

    /// With plotly charts to zoom and hover; `off` leaves the script out and the file a third as large
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub interactive: Interactive,

    /// With what is odd, changed, related and running full; `off` judges limits and completeness only, and takes a third of the time
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub analyse: Analyse,

    /// Which time.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Which series.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Whether a report carries plotly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Interactive {
    /// Charts can be zoomed
    On,
    /// Still charts, no script
    Off,
}

/// Whether a report says what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Analyse {
    /// Everything is looked for
    On,
    /// Limits and missing data only
    Off,
}

/// `nodebook plot`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook plot cpu_percent --last 6h -o cpu.html
  nodebook plot 'disk_*' --node db-1 -o disk.png

.html is a page by itself, .png and .svg are pictures, .json is a plotly figure (data, layout, config).")]
pub struct PlotArgs {
    /// Metrics, stored or shown; globs
    #[arg(required = true, value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// Where to: NAME.html, NAME.png, NAME.svg or NAME.json
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Title [default: the metrics']
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// How numbers and dates are written: cs, da, de, en, es, fi, fr, it, nb, nl, pl, pt or sv
    /// [default: `language` of [report] in the configuration file, or en]
    #[arg(long, value_name = "NAME")]
    pub language: Option<Language>,

    /// Which time.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Which series.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// `nodebook export`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook export --range yesterday -o yesterday.csv.gz
  nodebook export --metric load1 --shape wide --time s -o - | head
  nodebook export --last 7d --every 1h --agg avg,max,p95 -o hourly.csv
  nodebook export --last 30d -o samples.parquet

Long rows are `timestamp,node,metric,labels,value`, labels as JSON; `nodebook import` reads both shapes back.")]
pub struct ExportArgs {
    /// Where to: NAME.parquet, or .csv, .jsonl, .om (OpenMetrics) or .lp (Influx), with .gz or .zst or not, `-` for stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Format [default: from the ending; csv on stdout]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,

    /// A row a sample, or a row a time and node with a column a metric
    #[arg(long, value_name = "SHAPE", default_value = "long")]
    pub shape: ExportShape,

    /// A row a series and stretch of so long, instead of samples: 5m, 1h; with --agg
    #[arg(long, value_name = "DURATION", conflicts_with = "shape")]
    pub every: Option<String>,

    /// What of each stretch: avg, min, max, sum, count, first, last, increase, rate, p95, p99.9
    #[arg(long, value_name = "AGG,...", value_delimiter = ',', default_value = "avg", requires = "every")]
    pub agg: Vec<String>,

    /// How times are written: RFC 3339 in UTC, milliseconds or seconds since 1970
    #[arg(long, value_name = "TIME", default_value = "rfc3339")]
    pub time: ExportTime,

    /// Which time.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Which series.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Formats of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// CSV
    #[value(name = "csv")]
    Csv,
    /// CSV, compressed by gzip
    #[value(name = "csv.gz")]
    CsvGz,
    /// CSV, compressed by zstd
    #[value(name = "csv.zst")]
    CsvZst,
    /// JSON lines: a series a line, as VictoriaMetrics exports and imports them
    #[value(name = "jsonl")]
    Jsonl,
    /// OpenMetrics text
    #[value(name = "om", alias = "openmetrics")]
    Openmetrics,
    /// Influx line protocol
    #[value(name = "lp", alias = "influx")]
    Influx,
    /// Parquet
    #[value(name = "parquet")]
    Parquet,
}

/// Shapes of a table of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportShape {
    /// A row a sample
    Long,
    /// A row a time and node
    Wide,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportTime {
    /// 2026-11-23T14:00:00.000Z
    Rfc3339,
    /// Milliseconds since 1970
    Ms,
    /// Seconds since 1970
    S,
}

/// `nodebook summary`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook summary --last 1h
  nodebook summary --range last-week --format json | jq '.metrics[] | select(.p95 > 90)'")]
pub struct SummaryArgs {
    /// For eyes, for programs, or for a ticket
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: SummaryFormat,

    /// Which time.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Which series.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Formats of `summary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// A table
    Text,
    /// One JSON object
    Json,
    /// Markdown tables
    Markdown,
}

/// `nodebook analyse`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook analyse --last 7d
  nodebook analyse --range last-week --what forecast --metric disk_percent
  nodebook analyse --last 14d --what anomalies --format json | jq -r '.findings[].text'
  nodebook analyse --last 7d --what anomalies --format csv > scores.csv

Every series is judged against its own history: a week or two of it tells far more than a day (a daily rhythm needs 3 \
days, a forecast 5). A finding says what was seen against what was expected, never why. CSV of anomalies is \
`series,timestamp,score,alarm`, a row for every series and step; alarm is 0, 1 (notable) or 2 (strong).

Settings, for every command that tells findings:
  [analysis]
  sensitivity = \"normal\"       # low tells less, high more
  mute = \"*maintenance*\"       # which annotations mute, by their text; \"\" for none
  [analysis.floors]            # the least difference worth telling; these are the defaults
  percent = 5                  # points
  bytes = \"16MiB\"
  bytes_per_second = 100000
  per_second = 1
  seconds = 0.005
  celsius = 3
  count = 2
  none = 0                     # where the unit is not known
  [thresholds]                 # limits, which are findings too
  cpu_percent = { warn = 85, bad = 95 }")]
pub struct AnalyseArgs {
    /// Which findings
    #[arg(long, value_name = "WHAT", default_value = "all")]
    pub what: What,

    /// For eyes, for programs, or for a spreadsheet
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: AnalyseFormat,

    /// Which time.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Which series.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Findings of `analyse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Stretches that are odd against the series' own history
    Anomalies,
    /// Lasting shifts of level
    Changes,
    /// Series that move together
    Correlation,
    /// Capacities that fill
    Forecast,
    /// All of these, nodes unlike the others, and data that is missing
    All,
}

/// Formats of `analyse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AnalyseFormat {
    /// A line a finding
    Table,
    /// One JSON object
    Json,
    /// A row a finding; of anomalies and all: a row a series and step
    Csv,
}

/// `nodebook compare`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook compare 2026-W13 2026-W14
  nodebook compare 2026-11-23T10:00..2026-11-23T10:30 2026-11-23T11:00..2026-11-23T11:30 -o runs.html
  nodebook compare before.db after.db --format json | jq -r '.findings[].text'

B is compared with A, each from its own start; two databases are compared whole. Means and quantiles are exact. `steady` \
says in how many of the days (of shorter periods: of twelve equal stretches) a change that is a tenth or more had its sign.")]
pub struct CompareArgs {
    /// A period (yesterday, 2026-W13, FROM..TO) or a database
    #[arg(value_name = "A")]
    pub a: String,

    /// The same, compared with A
    #[arg(value_name = "B")]
    pub b: String,

    /// Write a report of B with A behind it: NAME.html, NAME.pdf or NAME.json; repeatable, `-` for stdout in place of the table
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,

    /// Title of that report
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// For eyes, or for programs
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: CompareFormat,

    /// Which series.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Formats of `compare`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// A line a change
    Table,
    /// One JSON object
    Json,
}

/// `nodebook sql`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook sql \"SELECT node, max(value) FROM samples WHERE metric = 'load1' GROUP BY node\"
  nodebook sql --format csv \"SELECT * FROM buckets('cpu_percent', NULL, NULL, NULL, '1h')\"
  nodebook sql \"SELECT node, percentile(value, 95) FROM samples WHERE metric = 'load1' GROUP BY 1\"
  nodebook sql \"SELECT rate(ts, value) FROM samples WHERE metric GLOB '*_total' GROUP BY series_id\"
  echo 'SELECT count(*) FROM samples' | nodebook sql -

Tables: samples(ts, node, metric, labels, value, series_id), buckets(metric, node, from, to, step), node, metric, series, \
sample, rollup_1h, rollup_1d. Times are milliseconds since 1970, UTC. Nothing can be changed from here.
(In another SQLite client rollup_1h lacks the hours of series sampled once a minute or slower, while their samples are kept.)

Functions, beside SQLite's own:
  rate(ts, value [, gap])  how fast a counter grew, per second, resets handled: of a group, or a window OVER (PARTITION BY \
series_id ORDER BY ts ROWS 1 PRECEDING); left out is where samples are further apart than gap ('5m')
  percentile(value, p)     exact, p from 0 to 100: of a group or a window
  time_bucket(step, ts)    start of the bucket that holds ts; step is ms or '15m'
  iso(ts)                  RFC 3339, UTC
  unixepoch(t) * 1000      ts of a text: WHERE ts >= unixepoch('2026-11-27') * 1000; datetime(ts / 1000, 'unixepoch') reads ts,
                           datetime(ts) takes it for a day number and is blank
  sqrt(x)                  the square root; NULL of less than 0")]
pub struct SqlArgs {
    /// One statement; `-` reads it from stdin; none on a terminal is a prompt
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,

    /// How rows are printed; a table shows at most 10,000
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: SqlFormat,

    /// Stop a query after so long
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub time_limit: String,

    /// Of an engine (--source): fetch at most so many samples
    #[arg(long, value_name = "SAMPLES", default_value_t = 50_000_000)]
    pub limit: u64,

    /// Of an engine: which time is fetched.
    #[command(flatten)]
    pub range: RangeArgs,

    /// Of an engine: which series are fetched.
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Formats of `sql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    /// For eyes
    Table,
    /// With a header
    Csv,
    /// An array of objects by column name
    Json,
    /// An object a line
    Jsonl,
    /// A Markdown table
    Markdown,
}
