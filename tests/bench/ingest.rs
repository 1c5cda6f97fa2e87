//! What taking data in costs before it is stored: `cargo bench --bench ingest`. By the time this thread was on a processor, best of five.

#[allow(dead_code, reason = "each bench takes its part")]
mod measure;

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use measure::row;
use nodebook::ingest::demo::{DemoOptions, batches};
use nodebook::ingest::formats::csv::CsvParser;
use nodebook::ingest::formats::prometheus::{Dialect, Options, PrometheusParser, Rules};
use nodebook::ingest::formats::{NodeRule, Parser, Reason, Sink, Stop, influx, jsonl, stream, time};
use nodebook::ingest::host::HostSampler;
use nodebook::model::{Annotation, MetricMeta, NodeName, SeriesId, SeriesKey, Timestamp};

/// Counts, and looks at every value.
#[derive(Default)]
struct Counted {
    series: u32,
    samples: u64,
    sum: f64,
    refused: u64,
}

impl Sink for Counted {
    fn series(&mut self, _key: &SeriesKey, _meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        self.series += 1;
        Ok(SeriesId(self.series))
    }

    fn sample(&mut self, _series: SeriesId, _ts: Timestamp, value: f64) -> Result<(), Stop> {
        self.samples += 1;
        self.sum += value;
        Ok(())
    }

    fn event(&mut self, _event: Annotation) -> Result<(), Stop> {
        Ok(())
    }

    fn refuse(&mut self, _line: u64, _reason: &Reason<'_>) -> Result<(), Stop> {
        self.refused += 1;
        Ok(())
    }
}

const UNTIL: Timestamp = Timestamp::from_millis(1_795_392_000_000);

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

fn rule() -> NodeRule {
    NodeRule { given: None, fallback: node("file") }
}

/// Time this thread was on a processor, which other programs on the machine do not lengthen; the clock where the kernel does not tell.
fn now() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match stat.split(' ').next().and_then(|field| field.parse().ok()) {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
    }
}

/// Best of five, in seconds.
fn best(mut run: impl FnMut()) -> f64 {
    let once = |run: &mut dyn FnMut()| {
        let started = now();
        run();
        now().saturating_sub(started)
    };
    (0..5).map(|_| once(&mut run)).min().unwrap_or(Duration::MAX).as_secs_f64()
}

/// Reads a text again and again, each time with a new parser, for long enough that the kernel's count of the time is exact.
fn parse(name: &str, goal: &str, text: &str, parser: &dyn Fn() -> Box<dyn Parser>) {
    let mut samples = 0;
    let times = (100_000_000 / text.len()).max(1);
    let seconds = best(|| {
        for _ in 0..times {
            let mut sink = Counted::default();
            let read = stream::read(&mut text.as_bytes(), parser().as_mut(), &mut sink);
            assert!(read.is_ok() && sink.refused == 0);
            samples = black_box(&sink).samples;
        }
    }) / times as f64;
    let (millions, megabytes) = (samples as f64 / 1e6, text.len() as f64 / 1e6);
    let told = format!("{:.0} MB/s, {:.2} M/s", megabytes / seconds, millions / seconds);
    row(&format!("parsing {name} ({samples} samples)"), goal, &told, "-");
}

fn csv() {
    let options = DemoOptions { nodes: 24, days: 2, seed: 1, until: UNTIL, interval_ms: 60_000 };
    let (mut plain, mut full) =
        (String::from("timestamp_ms,node,metric,value\n"), String::from("timestamp,node,metric,labels,value\n"));
    for batch in batches(options) {
        for (key, sample) in &batch.samples {
            let key = &batch.keys[*key as usize];
            let labels = key.labels.to_json().replace('"', "\"\"");
            let labels = if labels.is_empty() { labels } else { format!("\"{labels}\"") };
            plain.push_str(&format!(
                "{},{},{}_{},{}\n",
                sample.ts.millis(),
                key.node,
                key.metric,
                key.labels.iter().count(),
                sample.value
            ));
            full.push_str(&format!("{},{},{},{labels},{}\n", sample.ts, key.node, key.metric, sample.value));
        }
    }
    let parser = || Box::new(CsvParser::new(rule())) as Box<dyn Parser>;
    parse("CSV, long, epoch ms, no labels", "", &plain, &parser);
    parse("CSV, long, RFC 3339, labels as JSON", "", &full, &parser);
    let mut wide = String::from("timestamp,node");
    (0..50).for_each(|i| wide.push_str(&format!(",metric_{i}")));
    for row in 0..20_000 {
        wide.push_str(&format!("\n{},node-{}", 1_767_571_200 + row / 10 * 10, row % 10));
        (0..50).for_each(|i| wide.push_str(&format!(",{}", (row * 7 + i * 13) as f64 / 100.0)));
    }
    parse("CSV, wide, 50 columns", "", &wide, &parser);
}

fn exposition() {
    let mut page = String::new();
    for family in 0..200 {
        page.push_str(&format!("# HELP node_something_{family}_total A counter of things, by mode and cpu.\n# TYPE node_something_{family}_total counter\n"));
        for cpu in 0..16 {
            page.push_str(&format!(
                "node_something_{family}_total{{cpu=\"{cpu}\",mode=\"iowait\",device=\"/dev/nvme0n1\"}} {}\n",
                f64::from(cpu) * 1234.56
            ));
        }
    }
    let parser = |dialect, rules, time_unit| {
        let options = Options { dialect, rules, time_unit, node: rule(), now: UNTIL };
        Box::new(PrometheusParser::new(options)) as Box<dyn Parser>
    };
    let lenient = || parser(Dialect::Text, Rules::Lenient, time::Unit::Millis);
    let strict = || parser(Dialect::OpenMetrics, Rules::Strict, time::Unit::Seconds);
    let goal = ">= 200 MB/s";
    parse("an exposition, a page never seen", goal, &page, &lenient);
    parse("an exposition, 50 pages of one target", goal, &page.repeat(50), &lenient);
    let families = page.replace("_total A", " A").replace("_total counter", " counter");
    parse("OpenMetrics to the letter, a page never seen", goal, &format!("{families}# EOF\n"), &strict);
}

fn lines() {
    let (mut influx, mut jsonl) = (String::new(), String::new());
    for step in 0..200 {
        for cpu in 0..16 {
            let at = 1_767_571_200 + step * 10;
            influx.push_str(&format!("cpu,host=node-1,cpu=cpu{cpu} usage_idle={}.5,usage_user={},usage_system=1.25,usage_iowait=0 {at}000000000\n", 80 + cpu, step % 17));
        }
    }
    for cpu in 0..16 {
        let values: Vec<String> = (0..2000).map(|i| format!("{}.25", (i * 7 + cpu) % 100)).collect();
        let times: Vec<String> = (0..2000).map(|i| (1_767_571_200_000i64 + i * 10_000).to_string()).collect();
        let (values, times) = (values.join(","), times.join(","));
        jsonl.push_str(&format!(
            "{{\"metric\":{{\"__name__\":\"cpu\",\"cpu\":\"{cpu}\"}},\"values\":[{values}],\"timestamps\":[{times}]}}\n"
        ));
    }
    parse("line protocol, 4 fields a line", "", &influx, &|| influx::parser(rule(), time::Unit::Nanos, UNTIL));
    parse("JSON lines, 2,000 samples a line", "", &jsonl, &|| jsonl::parser(rule()));
}

fn host() {
    let Ok(mut sampler) = HostSampler::new(node("here")) else { return };
    let mut samples = 0;
    let seconds = best(|| {
        for i in 0..1000 {
            samples = sampler.sample(Timestamp::from_millis(i)).map_or(0, |batch| batch.samples.len());
        }
    });
    let told = format!("{:.2} ms", seconds);
    row(&format!("a reading of this machine ({samples} samples)"), "< 10 ms", &told, "-");
}

fn demo() {
    let options = DemoOptions { nodes: 12, days: 7, seed: 1, until: UNTIL, interval_ms: 60_000 };
    let mut samples = 0;
    let seconds = best(|| samples = batches(options).map(|batch| batch.samples.len()).sum());
    row(&format!("making a demo ({samples} samples)"), "", &format!("{:.2} M/s", samples as f64 / 1e6 / seconds), "-");
}

fn main() {
    host();
    exposition();
    lines();
    csv();
    demo();
}
