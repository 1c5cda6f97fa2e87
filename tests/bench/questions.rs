//! What questions cost, beside plain SQLite in the same run: `cargo bench --bench questions`.
//!
//! `NODEBOOK_BENCH_NODES` (default 100) nodes of 20 metrics at 10 s: a day, and a week, of which plain SQLite has the first day too. Times are
//! the best wall time of three, and the mean CPU time in ms.

#[allow(dead_code, reason = "each bench takes its part")]
mod cluster;
#[allow(dead_code, reason = "each bench takes its part")]
mod measure;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use cluster::{DAY_MS, HOUR_MS, START_MS, Size, Track, fill, insert, metric, number, plain_database};
use measure::{Cost, cost, cost_of_one, cpu_of_thread, rate, row};
use nodebook::model::{Aggregate, SeriesId, TimeRange, Timestamp};
use nodebook::query::sql::{RowSink, SqlConsole, SqlLimits, Value};
use nodebook::query::{Grid, LocalSource, Source};
use nodebook::store::retention::{Keep, Policy, plan};
use nodebook::store::{Intake, Reader, Resolution, Store, StoreOptions};
use rusqlite::Connection;

fn main() {
    let day = Size { nodes: number("NODEBOOK_BENCH_NODES", 100), millis: DAY_MS, step_ms: 10_000, jitter_ms: 0 };
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain.db");
    let conn = plain_database(&plain, "OFF");
    for i in 0..day.series() {
        let mut track = Track::new(i);
        insert(&conn, (0..day.scrapes()).map(|s| (i as i64 + 1, day.at(i, s), track.next())));
    }
    let ours = dir.path().join("day.db");
    fill(&ours, day);
    let asked = Asked::of(&ours, day, conn);
    asked.raw(&ours);
    asked.buckets();
    asked.series();
    let ours = dir.path().join("week.db");
    let week = Size { millis: 7 * DAY_MS, ..day };
    fill(&ours, week);
    Asked::of(&ours, week, asked.conn).week();
    delete(week, &ours, &plain);
}

struct Asked {
    size: Size,
    source: LocalSource,
    reader: Reader,
    conn: Connection,
}

impl Asked {
    fn of(ours: &Path, size: Size, conn: Connection) -> Asked {
        Asked { size, source: LocalSource::open(ours).unwrap(), reader: Reader::open(ours).unwrap(), conn }
    }

    fn ids(&self, wanted: impl Fn(&str) -> bool) -> Vec<SeriesId> {
        (0..self.size.series()).filter(|i| wanted(metric(*i))).map(|i| SeriesId(i as u32 + 1)).collect()
    }

    fn range(&self) -> TimeRange {
        range(START_MS, START_MS + self.size.millis)
    }

    /// What plain SQLite needs to fetch all rows of a query.
    fn plain<P: rusqlite::Params + Clone>(&self, sql: &str, parameters: P) -> usize {
        let mut select = self.conn.prepare_cached(sql).unwrap();
        let mut rows = select.query(parameters).unwrap();
        let mut count = 0;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        count
    }

    fn raw(&self, ours: &Path) {
        let (size, all) = (self.size, self.ids(|_| true));
        let one = cost(|| scan(&self.reader, &all));
        let halves = all.split_at(all.len() / 2);
        let mut slower = Vec::new();
        let two = cost(|| {
            std::thread::scope(|threads| {
                let half = |ids: &[SeriesId]| {
                    let before = cpu_of_thread();
                    std::hint::black_box(scan(&Reader::open(ours).unwrap(), ids));
                    cpu_of_thread() - before
                };
                let other = threads.spawn(move || half(halves.1));
                slower.push(half(halves.0).max(other.join().unwrap()));
            })
        });
        let folded = cost_of_one(|| {
            let mut sums = vec![Extremes::default(); all.len()];
            self.reader.fold(&all, TimeRange::ALL, &mut sums).unwrap();
            sums
        });
        let sql = "SELECT sum(value), min(value), max(value) FROM sample";
        let plain = cost_of_one(|| self.plain(sql, []));
        row(
            "scan of everything, of CPU",
            ">= 70 M/s",
            &rate(size.samples(), one.cpu),
            &rate(size.samples(), plain.cpu),
        );
        let gain = one.wall.as_secs_f64() / two.wall.as_secs_f64();
        // Where others want the cores too, the wall time tells of them; the CPU time of the slower thread is what a quiet machine would take.
        let of_cpu = one.cpu.as_secs_f64() / slower.iter().sum::<Duration>().as_secs_f64() * slower.len() as f64;
        let told = format!("{gain:.2} x of wall, {of_cpu:.2} x by CPU of the slower thread");
        row("the same on two threads", ">= 1.5 x", &told, "-");
        let told = format!("{} of CPU, {}", rate(size.samples(), folded.cpu), folded.shown());
        row("the same by the fold over all cores", "", &told, "-");
        let sql = "SELECT count(*), avg(value) FROM samples";
        let console = cost_of_one(|| ask(ours, sql));
        let plain = cost_of_one(|| self.plain("SELECT count(*), avg(value) FROM sample", []));
        row(sql, ">= 12 M/s", &rate(size.samples(), console.cpu), &rate(size.samples(), plain.cpu));
        let middle = START_MS + 12 * HOUR_MS;
        let hour = range(middle, middle + HOUR_MS);
        let mut visit = |_: SeriesId, _: &[i64], _: &[f64]| ControlFlow::Continue(());
        let ours = cost(|| self.reader.scan(&all[all.len() / 2..][..1], hour, &mut visit).unwrap());
        let sql = "SELECT ts, value FROM sample WHERE series_id = ?1 AND ts >= ?2 AND ts < ?3";
        let plain = cost(|| self.plain(sql, [all.len() as i64 / 2 + 1, middle, middle + HOUR_MS]));
        row("Q1: one series, an hour of samples", "<= 0.5 ms", &ours.shown(), &plain.shown());
    }

    fn buckets(&self) {
        let all = self.ids(|_| true);
        let gauges = self.ids(|name| !name.ends_with("_total"));
        let hourly = cost(|| self.bucketed(&gauges, HOUR_MS));
        let raw = cost_of_one(|| ask(self.reader.path(), "SELECT sum(avg) FROM buckets(NULL, NULL, NULL, NULL, '1h')"));
        let sql = "SELECT series_id, ts / 3600000, avg(value) FROM sample GROUP BY 1, 2";
        let plain = cost_of_one(|| self.plain(sql, []));
        self.rollups("Q3: hourly averages of everything, from rollups, a day", "<= 60 ms", &plain.shown());
        row("the same, gauges, as a report asks", "", &hourly.shown(), "-");
        row("the same, all, from samples, as `buckets` does", "<= 250 ms", &raw.shown(), "-");
        let quarters = cost(|| self.bucketed(&all, HOUR_MS / 4));
        row("averages of 15 min of everything, from samples, a day", "", &quarters.shown(), "-");
    }

    fn rollups(&self, what: &str, goal: &str, plain: &str) {
        let all = self.ids(|_| true);
        let hours = all.len() as i64 * self.size.millis / HOUR_MS;
        let rollups = cost(|| {
            let mut sum = 0.0;
            self.reader.rollups(&all, Resolution::Hour, self.range(), &mut |_, _, a| sum += a.avg()).unwrap();
            sum
        });
        row(&format!("{what}: {hours} hours"), goal, &rollups.shown(), plain);
    }

    /// What a weekly report asks.
    fn week(&self) {
        self.rollups("the same of a week", "< 100 ms", "-");
        let all = self.ids(|_| true);
        let quarters = cost(|| self.bucketed(&all, HOUR_MS / 4));
        let what = format!("averages of 15 min of a week, from {:.0} M samples", self.size.samples() / 1e6);
        row(&what, "< 2.5 s on two cores", &quarters.shown(), "-");
    }

    fn bucketed(&self, ids: &[SeriesId], step_ms: i64) -> f64 {
        let mut sum = 0.0;
        let grid = Grid::covering(self.range(), step_ms);
        let mut add = |_: SeriesId, buckets: &[nodebook::query::Bucket]| {
            sum += buckets.iter().map(|b| b.aggregate.avg()).filter(|v| !v.is_nan()).sum::<f64>();
        };
        self.source.buckets(ids, self.range(), grid, &mut add).unwrap();
        sum
    }

    fn series(&self) {
        let cpu = self.ids(|name| name == "cpu_percent");
        let quantiles = cost(|| self.source.quantiles(&cpu, self.range(), &[0.95], &mut |_, _| ()).unwrap());
        let by_sorting = "SELECT value FROM sample WHERE series_id = ?1 ORDER BY value LIMIT 1 OFFSET 8208";
        let plain: Cost = cost_of_one(|| cpu.iter().map(|id| self.plain(by_sorting, [id.0])).sum::<usize>());
        row("Q4: p95 of one metric by node, a day", "<= 20 ms", &quantiles.shown(), &plain.shown());
        let all = self.ids(|_| true);
        let latest = cost(|| self.reader.latest(&all).unwrap());
        let newest = "SELECT value FROM sample WHERE series_id = ?1 ORDER BY ts DESC LIMIT 1";
        let plain = cost(|| all.iter().map(|id| self.plain(newest, [id.0])).sum::<usize>());
        row("Q5: last value of every series", "<= 3 ms", &latest.shown(), &plain.shown());
        let load = self.ids(|name| name == "load1");
        let top = cost(|| {
            let mut highest = Vec::new();
            let mut add = |id: SeriesId, buckets: &[nodebook::query::Bucket]| {
                highest.push((buckets.iter().map(|b| b.aggregate.max).fold(f64::MIN, f64::max), id));
            };
            let grid = Grid::covering(self.range(), self.size.millis);
            self.source.buckets(&load, self.range(), grid, &mut add).unwrap();
            highest.sort_by(|a, b| b.0.total_cmp(&a.0));
            highest.truncate(5);
            highest
        });
        let highest = "SELECT max(value) FROM sample WHERE series_id = ?1";
        let plain = cost(|| load.iter().map(|id| self.plain(highest, [id.0])).sum::<usize>());
        row("Q6: five nodes with the highest load1", "<= 5 ms", &top.shown(), &plain.shown());
    }
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_millis(from), Timestamp::from_millis(to)).unwrap()
}

/// Sum, minimum and maximum of all samples.
fn scan(reader: &Reader, ids: &[SeriesId]) -> f64 {
    let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
    let mut visit = |_: SeriesId, _: &[i64], values: &[f64]| {
        let mut here = 0.0;
        values.iter().for_each(|v| (here, min, max) = (here + v, f64::min(min, *v), f64::max(max, *v)));
        sum += here;
        ControlFlow::Continue(())
    };
    reader.scan(ids, TimeRange::ALL, &mut visit).unwrap();
    sum + min + max
}

/// The same of one series, on whichever thread reads it.
#[derive(Clone, Default)]
struct Extremes(Aggregate);

impl Intake for Extremes {
    fn take(&mut self, _: &[i64], values: &[f64]) {
        self.0.push_levels(values);
    }
}

struct Nowhere;

impl RowSink for Nowhere {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<ControlFlow<()>> {
        std::hint::black_box(values);
        Ok(ControlFlow::Continue(()))
    }
}

fn ask(path: &Path, sql: &str) -> u64 {
    let limits = SqlLimits { time: std::time::Duration::from_secs(600), ..SqlLimits::default() };
    SqlConsole::open(path, limits).unwrap().run(sql, &mut Nowhere).unwrap()
}

/// The oldest day.
fn delete(size: Size, ours: &Path, plain: &Path) {
    let mut store = Store::open(ours, StoreOptions::default()).unwrap();
    let policy = Policy { raw: Keep::Millis(size.millis - DAY_MS), ..Policy::default() };
    let pruned = cost_of_one(|| {
        let inventory = store.inventory(&policy, Timestamp::from_millis(START_MS + size.millis)).unwrap();
        let plan = plan(&policy, &inventory, Timestamp::from_millis(START_MS + size.millis));
        store.prune(&policy, &plan).unwrap();
    });
    let given_back = cost_of_one(|| store.vacuum().unwrap());
    let conn = Connection::open(plain).unwrap();
    let sql = "DELETE FROM sample WHERE ts < ?1";
    let rows = cost_of_one(|| conn.execute(sql, [START_MS + DAY_MS]).unwrap());
    row("deleting a day of a week, rollups kept, quantiles made", "< 500 ms", &pruned.shown(), &rows.shown());
    row("its pages given back", "", &given_back.shown(), "-");
}
