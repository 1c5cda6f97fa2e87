//! Programs that push, as their users have them: Prometheus, collectd, Telegraf's requests, the SDK of OpenTelemetry.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Project, figure};
use crate::push::now_ms;
use crate::web::{Web, get};

/// A program beside ours; killed when it is dropped.
struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Beside {
    /// Starts it in the project's directory, its words in a file; `None`, and said, where it is not installed.
    fn start(project: &Project, program: &str, arguments: &[&str]) -> Option<Beside> {
        let log = std::fs::File::create(project.path("beside.log")).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(project.root()).stdin(Stdio::null());
        let started = command.stdout(log.try_clone().unwrap()).stderr(log).spawn();
        match started {
            Ok(child) => Some(Beside(child)),
            Err(error) => {
                println!("skipped: {program}: {error}");
                None
            }
        }
    }

    /// Asks it to end, and waits until it has.
    fn end(mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn recorder_at(project: &Project, port: u16) -> Web {
    Web::start(project, ["record", "--no-host", "--interval", "1s", "--listen", &port.to_string()])
}

/// Name, node and labels of a series.
type Key = (String, String, String);

/// Every sample in the file that is a number, by series and ms, as bits.
fn recorded(project: &Project) -> HashMap<(Key, i64), u64> {
    project.run(["export", "--from", "1970-01-01", "--to", "now+1h", "--time", "ms", "-o", "all.csv"]).ok();
    let mut rows = csv::Reader::from_path(project.path("all.csv")).unwrap();
    let mut all = HashMap::new();
    for row in rows.records() {
        let row = row.unwrap();
        // An empty cell is the end of a series, and no number is no value.
        if let Some(value) = row[4].parse::<f64>().ok().filter(|value| !value.is_nan()) {
            let key = (row[2].to_owned(), row[1].to_owned(), row[3].to_owned());
            all.insert((key, row[0].parse().unwrap()), value.to_bits());
        }
    }
    all
}

/// Every sample that Prometheus holds up to a moment, in the same form.
fn held(prometheus: &str, to_ms: i64) -> HashMap<(Key, i64), u64> {
    let time = format!("{}.{:03}", to_ms / 1000, to_ms % 1000);
    let path = format!("/api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D%5B10m%5D&time={time}");
    let answer = get(prometheus, &path).is(200).json();
    let mut all = HashMap::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        let mut labels = series["metric"].as_object().unwrap().clone();
        let mut taken = |key: &str| labels.remove(key).map(|value| value.as_str().unwrap().to_owned());
        let (name, node) = (taken("__name__").unwrap(), taken("instance").unwrap());
        let labels = if labels.is_empty() { String::new() } else { serde_json::Value::Object(labels).to_string() };
        let key = (name, node, labels);
        for sample in series["values"].as_array().unwrap() {
            let ms = (sample[0].as_f64().unwrap() * 1000.0).round() as i64;
            let value: f64 = sample[1].as_str().unwrap().replace("Inf", "inf").parse().unwrap();
            if !value.is_nan() {
                all.insert((key.clone(), ms), value.to_bits());
            }
        }
    }
    all
}

/// Looks again and again until it is so, or for so long; whether it is.
fn until(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() >= patience {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
    true
}

/// What the recorder says of itself.
fn pushed_to(web: &Web) -> f64 {
    let page = get(&web.address, "/metrics").is(200).text();
    let line = page.lines().find_map(|line| line.strip_prefix("nodebook_push_samples_total "));
    line.unwrap().parse().unwrap()
}

/// How long Prometheus writes here.
fn seconds() -> u64 {
    std::env::var("NODEBOOK_TEST_PEER_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15)
}

#[test]
fn prometheus_writes_here_and_every_sample_is_there_bit_for_bit() {
    let project = Project::new();
    let (ours, theirs) = (free_port(), free_port());
    project.write(
        "prometheus.yml",
        format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n\
             scrape_configs: [{{job_name: p, static_configs: [{{targets: ['127.0.0.1:{theirs}', '127.0.0.1:{ours}']}}]}}]\n\
             remote_write: [{{url: 'http://127.0.0.1:{ours}/api/v1/write', metadata_config: {{send_interval: 2s}},\n\
             queue_config: {{max_samples_per_send: 500, batch_send_deadline: 500ms, max_backoff: 500ms}}}}]\n"
        ),
    );
    let web = recorder_at(&project, ours);
    let address = format!("127.0.0.1:{theirs}");
    let listen = format!("--web.listen-address={address}");
    let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", listen.as_str()];
    let Some(_prometheus) = Beside::start(&project, "prometheus", &arguments) else { return };
    let third = Duration::from_secs(seconds()) / 3;
    let for_a_while = |web: &Web| {
        let start = Instant::now();
        assert!(until(Duration::from_secs(60), || start.elapsed() > third && pushed_to(web) > 100.0), "nothing comes");
    };
    for_a_while(&web);
    web.running.kill();
    let web = recorder_at(&project, ours);
    for_a_while(&web);
    web.running.kill();
    until(third / 2, || false); // down: what is scraped now comes later
    let web = recorder_at(&project, ours);
    until(third / 2, || false);
    let to_ms = now_ms();
    let held = held(&address, to_ms);
    let mut here = HashMap::new();
    let mut missing = 0;
    until(Duration::from_secs(40), || {
        here = recorded(&project);
        missing = held.iter().filter(|(sample, bits)| here.get(sample) != Some(bits)).count();
        missing == 0
    });
    let log = || std::fs::read_to_string(project.path("beside.log")).unwrap_or_default();
    assert!(held.len() > 500 * seconds() as usize, "{} samples\n{}", held.len(), log());
    let example = held.iter().find(|(sample, bits)| here.get(sample) != Some(bits));
    assert_eq!(missing, 0, "of {}, for example {example:?}\n{}", held.len(), log());
    let beyond = here.keys().find(|sample| sample.1 < to_ms - 2_000 && !held.contains_key(sample));
    assert_eq!(beyond, None, "nothing is there that Prometheus does not hold");
    let wrong = project.sql(
        "SELECT count(*) FROM metric WHERE kind <> 'counter' AND (name GLOB '*_total' OR name GLOB '*_seconds_count')",
    );
    assert_eq!(wrong, 0, "what it said of its metrics is known");
    assert!(project.sql("SELECT count(*) FROM metric WHERE help IS NOT NULL").as_u64() > Some(50));
    web.running.signal("TERM");
    web.running.wait().ok();
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
    figure(format_args!(
        "1 | Prometheus remote-writing {} s, recorder killed twice | {} samples compared bit for bit | 0 missing",
        seconds(),
        held.len()
    ));
}

#[test]
fn collectd_sends_what_it_writes_to_disk() {
    let project = Project::new();
    let port = free_port();
    // In a directory that it does not rename, as it does those that begin with a dot.
    let disk = tempfile::Builder::new().prefix("nodebook-collectd").tempdir().unwrap();
    let plugins = ["cpu", "memory", "load", "interface"].map(|name| format!("LoadPlugin {name}\n")).concat();
    project.write(
        "collectd.conf",
        format!(
            "Hostname \"c1\"\nBaseDir \"{0}\"\nPIDFile \"{0}/pid\"\nInterval 1\n{plugins}\
             LoadPlugin csv\n<Plugin csv>\n DataDir \"{1}\"\n StoreRates false\n</Plugin>\n\
             LoadPlugin write_http\n<Plugin write_http>\n <Node n>\n  URL \"http://127.0.0.1:{port}/collectd\"\n  \
             Format \"JSON\"\n  StoreRates false\n  BufferSize 4096\n </Node>\n</Plugin>\n",
            project.root().display(),
            disk.path().display()
        ),
    );
    let web = recorder_at(&project, port);
    let Some(collectd) = Beside::start(&project, "/usr/sbin/collectd", &["-f", "-C", "collectd.conf"]) else { return };
    let log = || std::fs::read_to_string(project.path("beside.log")).unwrap();
    let cannot = || log().contains("Failed to load plugin") || log().contains("cannot open shared object");
    let times = "SELECT count(DISTINCT ts) > 4 FROM samples";
    let came = until(Duration::from_secs(60), || {
        cannot() || project.run(["sql", "--format", "csv", times]).stdout().lines().nth(1) == Some("1")
    });
    if cannot() {
        return println!("skipped: collectd: {}", log());
    }
    assert!(came, "{}", log());
    collectd.end();
    web.running.signal("TERM");
    web.running.wait().ok();
    project.run(["import", "--db", "disk.db", &disk.path().to_string_lossy()]).ok();
    let pushed = recorded(&project);
    std::fs::rename(project.path("disk.db"), project.path("nodebook.db")).unwrap();
    let on_disk = recorded(&project);
    let same = pushed.iter().filter(|(sample, bits)| {
        let (pushed, on_disk) = (f64::from_bits(**bits), on_disk.get(sample).map(|bits| f64::from_bits(*bits)));
        on_disk.is_some_and(|on_disk| (pushed - on_disk).abs() <= 1e-5 * pushed.abs())
    });
    let same = same.count();
    println!("collectd: {} samples pushed, {} on disk, {same} the same", pushed.len(), on_disk.len());
    assert!(same > 50 && same * 100 >= pushed.len() * 95, "{same} of {}", pushed.len());
}

#[test]
fn telegraf_makes_its_database_and_sends() {
    let project = Project::new();
    let web = crate::push::recorder(&project);
    let agent = [("user-agent", "Telegraf/1.32.0 Go/1.23"), ("content-type", "application/x-www-form-urlencoded")];
    web.post("/query", &agent, b"q=CREATE+DATABASE+%22telegraf%22").is(200);
    let body = "cpu,cpu=cpu-total,host=web-1 usage_idle=98.5,usage_iowait=0.25 1767571200000000000\n\
                mem,host=web-1 used_percent=41.5,total=16777216000i 1767571200000000000\n\
                system,host=web-1 uptime_format=\"3 days\",load1=0.5,uptime=259200i 1767571200000000000\n";
    let headers = [agent[0], ("content-type", "text/plain; charset=utf-8"), ("content-encoding", "gzip")];
    web.post("/write?db=telegraf", &headers, &crate::push::gzip(body.as_bytes())).is(204);
    assert_eq!(project.sql("SELECT count(*) FROM samples WHERE node = 'web-1' AND ts = 1767571200000"), 6);
    let busy = web.get("/api/query?metric=cpu_usage_idle&from=2026-01-05&to=2026-01-05T00:01:00Z&step=1m").json();
    assert_eq!(busy["series"][0]["buckets"][0][1], 98.5, "{busy}");
}

#[test]
fn the_sdk_of_opentelemetry_is_understood() {
    let Some(python) = std::env::var_os("NODEBOOK_TEST_PYTHON") else {
        return println!("skipped: OpenTelemetry: no NODEBOOK_TEST_PYTHON");
    };
    let project = Project::new();
    let web = crate::push::recorder(&project);
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/otlp_sdk.py");
    let run = Command::new(python).arg(script).arg(format!("http://{}/v1/metrics", web.address)).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    if said.contains("No module named 'opentelemetry") {
        return println!("skipped: the SDK of OpenTelemetry is not installed");
    }
    assert!(run.status.success(), "{said}");
    let last = |metric: &str| {
        project.sql(&format!(
            "SELECT value FROM samples WHERE metric = '{metric}' AND node = 'sdk-host' ORDER BY ts DESC LIMIT 1"
        ))
    };
    assert_eq!((last("cumulative.requests"), last("delta.requests")), (15.0.into(), 15.0.into()), "{said}");
    assert_eq!((last("cumulative.latency_count"), last("delta.latency_count")), (5.0.into(), 5.0.into()));
    assert_eq!((last("cumulative.latency_sum"), last("delta.latency_sum")), (150.0.into(), 150.0.into()));
    assert_eq!(last("delta.open"), 3.0, "what goes up and down is cumulative");
    assert_eq!(last("cumulative.temperature"), 21.5);
    assert_eq!(project.sql("SELECT count(*) FROM metric WHERE kind = 'counter' AND name LIKE '%.requests'"), 2);
}
