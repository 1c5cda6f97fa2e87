//! Runs the detectors on CSV files: what a library user who has numbers and no database would write.
//!
//! ```text
//! detect [--root DIR] [--findings | --changes | --together | --pairs] FILE.csv...
//! detect --speed
//! ```
//!
//! A file has a header, a time column first (`2026-01-05 14:00:00`, RFC 3339, epoch seconds or milliseconds) and a column a series. Printed is the dense CSV
//! `series,timestamp,score,alarm` (alarm 0, 1 notable, 2 strong; a file of one column is named by its path, else `path/column`), or with `--findings` a JSON object
//! `{"findings": […]}` a file, with `--changes` the lasting shifts of every series. `--together` takes the columns of a file as one node and prints its findings of kind anomaly as alarms. A column named `node:metric`
//! belongs to that node. `--pairs` prints correlation and probability of every pair of columns. `--speed` times everything on 2,000 made-up series of 10,080 rows.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use nodebook::analyse::anomaly::Detector;
use nodebook::analyse::correlate::{Mover, autocorrelations, correlate};
use nodebook::analyse::{Changes, Finding, FindingKind, Options, Subject, find};
use nodebook::model::catalogue::{Unit, Worse};
use nodebook::model::{Kind, Labels, MetricName, NodeName, SeriesKey, Timestamp};
use nodebook::query::Grid;

const KINDS: [FindingKind; 5] =
    [FindingKind::Anomaly, FindingKind::Change, FindingKind::Peer, FindingKind::Correlation, FindingKind::Capacity];

/// A CSV on a grid.
struct Table {
    name: String,
    columns: Vec<String>,
    /// Milliseconds, as they stand in the file.
    stamps: Vec<i64>,
    /// The row of the grid that each stamp falls into.
    rows: Vec<usize>,
    grid: Grid,
    series: Vec<Vec<f64>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut root, mut print, mut files) = (PathBuf::from("."), Print::Dense, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--root" => root = args.next().ok_or("--root needs a directory")?.into(),
            "--findings" => print = Print::Findings,
            "--changes" => print = Print::Changes,
            "--together" => print = Print::Together,
            "--pairs" => print = Print::Pairs,
            "--speed" => return speed(),
            _ => files.push(arg),
        }
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    match print {
        Print::Dense | Print::Together => writeln!(out, "series,timestamp,score,alarm")?,
        Print::Pairs => writeln!(out, "a,b,r,p")?,
        Print::Findings | Print::Changes => {}
    }
    for file in &files {
        let table = Table::read(&root, file)?;
        match print {
            Print::Dense => table.write_dense(&mut out)?,
            Print::Together => table.write_together(&mut out)?,
            Print::Pairs => table.write_pairs(&mut out)?,
            Print::Findings => writeln!(out, "{}", table.findings(&KINDS, &Options::default()))?,
            Print::Changes => {
                let options = Options { changes: Changes::Each, ..Options::default() };
                writeln!(out, "{}", table.findings(&[FindingKind::Change], &options))?;
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Print {
    Dense,
    Together,
    Findings,
    Changes,
    Pairs,
}

impl Table {
    fn read(root: &Path, name: &str) -> Result<Table, Box<dyn Error>> {
        let mut reader = csv::Reader::from_reader(File::open(root.join(name))?);
        let columns: Vec<String> = reader.headers()?.iter().skip(1).map(str::to_owned).collect();
        let (mut stamps, mut values) = (Vec::new(), vec![Vec::new(); columns.len()]);
        for record in reader.records() {
            let record = record?;
            stamps.push(parse_time(&record[0]).ok_or_else(|| format!("{name}: `{}` is not a time", &record[0]))?);
            for (column, text) in values.iter_mut().zip(record.iter().skip(1)) {
                column.push(text.trim().parse().unwrap_or(f64::NAN));
            }
        }
        let (first, last) = stamps.iter().min().zip(stamps.iter().max()).ok_or("no rows")?;
        let mut steps: Vec<i64> = stamps.windows(2).map(|w| w[1] - w[0]).filter(|d| *d > 0).collect();
        steps.sort_unstable();
        let step_ms = steps.get(steps.len() / 2).copied().unwrap_or(60_000);
        let grid =
            Grid { start: Timestamp::from_millis(*first), step_ms, len: ((last - first) / step_ms) as usize + 1 };
        let rows: Vec<usize> =
            stamps.iter().map(|t| (((t - first) + step_ms / 2) / step_ms).min(grid.len as i64 - 1) as usize).collect();
        let series = values.iter().map(|column| on_grid(column, &rows, grid.len)).collect();
        Ok(Table { name: name.to_owned(), columns, stamps, rows, grid, series })
    }

    fn subjects(&self) -> Vec<Subject<'_>> {
        self.columns
            .iter()
            .zip(&self.series)
            .filter_map(|(column, values)| {
                let (node, metric) = column.split_once(':').unwrap_or((&self.name, column));
                let unit = Unit::from_name(metric, Kind::from_name(metric));
                let key = SeriesKey {
                    node: NodeName::new(node).ok()?,
                    metric: MetricName::new(metric).ok()?,
                    labels: Labels::default(),
                };
                let capacity = (unit == Unit::Percent).then_some(100.0);
                // Of traffic neither much nor little is bad by itself.
                let is_rate = matches!(unit, Unit::BytesPerSecond | Unit::PerSecond);
                let worse = if is_rate { Worse::Neither } else { Worse::High };
                Some(Subject { key, title: metric.to_owned(), unit, worse, capacity, place: None, values })
            })
            .collect()
    }

    fn findings(&self, kinds: &[FindingKind], options: &Options) -> serde_json::Value {
        let found = find(&self.subjects(), self.grid, kinds, options);
        serde_json::json!({
            "file": self.name,
            "findings": found.all.iter().map(as_json).collect::<Vec<_>>(),
            "notes": found.judged.notes,
        })
    }

    fn write_dense(&self, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let options = Options::default();
        let mut detector = Detector::new(self.grid, 0, options.anomaly_levels(), options.change);
        for (subject, column) in self.subjects().iter().zip(&self.columns) {
            let series = if self.columns.len() == 1 { self.name.clone() } else { format!("{}/{column}", self.name) };
            detector.judge(subject.values, options.floors.of_subject(subject));
            let alarms = detector.alarms().to_vec();
            let score = detector.score();
            for (stamp, &row) in self.stamps.iter().zip(&self.rows) {
                writeln!(out, "{series},{},{:.4},{}", stamp / 1000, score[row], alarms[row].level())?;
            }
        }
        Ok(())
    }

    fn write_pairs(&self, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let options = Options::default();
        let mut detector = Detector::new(self.grid, 0, options.anomaly, options.change);
        let mut mover = Mover::default();
        let moves: Vec<Vec<f32>> = self
            .series
            .iter()
            .map(|values| {
                let judged = detector.judge(values, 0.0).unjudged.is_none();
                if judged {
                    mover.moves(detector.residual(), self.grid.step_ms, &options.correlate)
                } else {
                    Vec::new()
                }
            })
            .collect();
        let rho: Vec<Vec<f32>> = moves.iter().map(|m| autocorrelations(m, options.correlate.lags)).collect();
        for a in 0..moves.len() {
            for b in a + 1..moves.len() {
                if !(moves[a].is_empty() || moves[b].is_empty()) {
                    let (r, p) = correlate(&moves[a], &moves[b], &rho[a], &rho[b]);
                    writeln!(out, "{},{},{r:.4},{p:.3e}", self.columns[a], self.columns[b])?;
                }
            }
        }
        Ok(())
    }

    fn write_together(&self, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let found = find(&self.subjects(), self.grid, &[FindingKind::Anomaly], &Options::default());
        for &stamp in &self.stamps {
            let at = Timestamp::from_millis(stamp);
            let strength = found.all.iter().filter(|f| f.from <= at && at < f.to).map(|f| f.strength);
            let strength = strength.fold(0.0, f64::max);
            writeln!(out, "{},{},{strength:.4},{}", self.name, stamp / 1000, u8::from(strength > 0.0))?;
        }
        Ok(())
    }
}

/// Means of the values that fall into a row; NaN where there is none.
fn on_grid(column: &[f64], rows: &[usize], len: usize) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; len], vec![0.0; len]);
    for (&row, &value) in rows.iter().zip(column).filter(|(_, v)| v.is_finite()) {
        sums[row] += value;
        counts[row] += 1.0;
    }
    sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect()
}

/// Everything on a made-up cluster of 100 nodes with 20 series, a week of minutes.
fn speed() -> Result<(), Box<dyn Error>> {
    const ROWS: usize = 10_080;
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let series: Vec<Vec<f64>> = (0..2000)
        .map(|s| {
            let mut wander = 0.0;
            let phase = s as f64 / 2000.0;
            (0..ROWS)
                .map(|i| {
                    wander = 0.97 * wander + random();
                    let wave = ((i as f64 / 1440.0 + phase) * std::f64::consts::TAU).sin();
                    50.0 + 20.0 * wave + wander + 2.0 * random()
                })
                .collect()
        })
        .collect();
    let table = Table {
        name: "speed".to_owned(),
        columns: (0..series.len()).map(|s| format!("node-{:03}:metric_{:02}_percent", s / 20, s % 20)).collect(),
        stamps: Vec::new(),
        rows: Vec::new(),
        grid: Grid { start: Timestamp::from_millis(1_767_571_200_000), step_ms: 60_000, len: ROWS },
        series,
    };
    let subjects = table.subjects();
    for kinds in [&KINDS[..2], &KINDS[2..3], &KINDS[3..4], &KINDS[4..], &KINDS[..]] {
        let begun = std::time::Instant::now();
        let found = find(&subjects, table.grid, kinds, &Options::default());
        println!("{:6.2} s  {:4} findings  {kinds:?}", begun.elapsed().as_secs_f64(), found.all.len());
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!(
        "{}, of which the values {} MB",
        status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or(""),
        2000 * ROWS * 8 / 1_000_000
    );
    Ok(())
}

fn as_json(f: &Finding) -> serde_json::Value {
    let number = |v: f64| if v.is_finite() { serde_json::json!(v) } else { serde_json::Value::Null };
    serde_json::json!({
        "kind": f.kind.as_str(),
        "severity": f.severity.as_str(),
        "node": f.series.node.as_str(),
        "metric": f.series.metric.as_str(),
        "from": f.from.to_rfc3339(),
        "to": f.to.to_rfc3339(),
        "value": number(f.value),
        "expected": number(f.expected),
        "unit": f.unit,
        "strength": number(f.strength),
        "text": f.text,
        "moved": f.moved.iter().map(|m| format!("{}/{}", m.series.node, m.series.metric)).collect::<Vec<_>>(),
        "moved_count": f.moved_count,
    })
}

fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return Some(if number.abs() < 1e11 { (number * 1000.0) as i64 } else { number as i64 });
    }
    let plain = text.trim_end_matches('Z').replace('T', " ");
    let time = chrono::NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_millis())
}
