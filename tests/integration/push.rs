//! `nodebook record --listen`: what others push, in the forms that senders have.

use std::io::{Read, Write};
use std::time::{Instant, SystemTime};

use serde_json::json;

use crate::harness::{Project, Running, figure};
use crate::web::{Answer, Web};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

/// A recorder that only takes pushes, on a free port.
pub fn recorder(project: &Project) -> Web {
    Web::start(project, ["record", "--no-host", "--node", "here", "--interval", "1s", "--listen", "127.0.0.1:0"])
}

/// Now, in ms.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// Packed, as senders do.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// A field of a protobuf message.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = value.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    [out.as_slice(), value].concat()
}

/// The body of a remote write request: one sample a series, `m{i="0"}` and so on.
pub fn remote_write(series: std::ops::Range<usize>, node: &str, ms: i64, value: f64) -> Vec<u8> {
    let pair = |key: &str, value: &str| field(1, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let mut time = vec![0x10];
    let mut rest = ms as u64;
    while rest >= 0x80 {
        time.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    time.push(rest as u8);
    let sample = field(2, &[&[0x09], value.to_le_bytes().as_slice(), &time].concat());
    let one = |i: usize| {
        let labels = [pair("__name__", "m"), pair("i", &i.to_string()), pair("node", node)].concat();
        field(1, &[labels.as_slice(), &sample].concat())
    };
    snappy(&series.flat_map(one).collect::<Vec<u8>>())
}

fn samples(project: &Project, metric: &str) -> String {
    let query = format!(
        "SELECT node, metric, labels, ts, value FROM samples WHERE metric GLOB '{metric}' ORDER BY ts, 1, 2, 3"
    );
    project.run(["sql", "--format", "csv", &query]).ok().stdout().lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_answered_with_2xx_is_stored() {
    let project = Project::new();
    let mut web = recorder(&project);

    let written =
        web.post("/api/v1/write", &[("content-encoding", "snappy"), PROTOBUF], &fixture("remote_write/small-1.snappy"));
    let count = project.sql("SELECT count(*) FROM samples").as_u64().unwrap();
    assert!(count > 5);
    let written = written.is(204);
    assert_eq!(written.header("x-prometheus-remote-write-samples-written"), count.to_string());

    let lines = b"disk,host=db-1,device=sda used=5i,free=7.5,name=\"x\" 1767571200000000000\n";
    web.post("/write?db=telegraf&precision=ns", &[], lines).is(204);
    web.post(
        "/api/v2/write?org=o&bucket=b&precision=s",
        &[("content-encoding", "gzip")],
        &gzip(b"load,host=db-1 value=1 1767571201"),
    )
    .is(204);
    insta::assert_snapshot!(samples(&project, "[dl][io]*"), @r#"
    db-1,disk_free,"{""device"":""sda""}",1767571200000,7.5
    db-1,disk_used,"{""device"":""sda""}",1767571200000,5.0
    db-1,load,,1767571201000,1.0
    "#);

    let page = "# TYPE jobs_done counter\njobs_done{node=\"db-2\"} 5 1767571200000\njobs_open 3 1767571200000\n";
    web.post("/api/v1/import/prometheus", &[], page.as_bytes()).is(204);
    web.post("/api/v1/import/prometheus?node=db-9", &[], b"jobs_open{node=\"x\"} 4 1767571200000").is(204);
    insta::assert_snapshot!(samples(&project, "jobs*"), @r#"
    db-2,jobs_done,,1767571200000,5.0
    db-9,jobs_open,"{""node"":""x""}",1767571200000,4.0
    here,jobs_open,,1767571200000,3.0
    "#);
    assert_eq!(project.sql("SELECT kind FROM metric WHERE name = 'jobs_done'"), "counter");

    web.post("/v1/metrics", &[PROTOBUF], &fixture("otlp/metrics.pb")).is(200);
    let stored = project.sql("SELECT count(*) FROM samples").as_u64().unwrap();
    let json =
        web.post("/v1/metrics", &[JSON, ("content-encoding", "gzip")], &gzip(&fixture("otlp/metrics.json"))).is(200);
    assert_eq!(json.json(), json!({}));
    assert_eq!(project.sql("SELECT count(*) FROM samples").as_u64(), Some(stored), "it says the same");

    let collectd = r#"[{"values":[5],"dstypes":["gauge"],"dsnames":["value"],"time":1767571200.5,"host":"c","plugin":"memory","plugin_instance":"","type":"memory","type_instance":"used"}]"#;
    web.post("/collectd", &[JSON], collectd.as_bytes()).is(204);
    insta::assert_snapshot!(samples(&project, "collectd*"), @r#"c,collectd_memory,"{""memory"":""used""}",1767571200500,5.0"#);

    let metrics = web.get("/metrics").is(200).text();
    assert!(metrics.contains("\nnodebook_push_refused_total 0\n"), "{metrics}");
    assert!(metrics.contains("\nnodebook_waiting_samples 0\n"), "{metrics}");
    web.running.signal("TERM");
    let said = std::mem::replace(&mut web.running, project.start(["info"])).wait().ok().stderr();
    assert!(said.contains("recorded") && said.contains("8 pushes"), "{said}");
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
}

#[test]
fn what_stays_wrong_is_400_and_the_rest_is_stored() {
    let project = Project::new();
    let web = recorder(&project);
    let said = |answer: Answer| answer.is(400).error();

    insta::assert_snapshot!(said(web.post("/api/v1/write", &[], b"nothing")), @"the snappy block is damaged");
    insta::assert_snapshot!(said(web.post("/api/v1/write", &[], &snappy(b"\x0a\x05cut"))), @"the protobuf message is damaged, or none of this kind");
    insta::assert_snapshot!(web.post("/api/v1/write", &[("content-encoding", "zstd")], b"x").is(415).error(), @"Content-Encoding `zstd` is not read here: remote write is a snappy block");
    let second = ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    insta::assert_snapshot!(web.post("/api/v1/write", &[second], b"x").is(415).error(), @"remote write 2.0 is not read here, 1.0 is");
    let ahead = remote_write(0..1, "a", now_ms() + 3_600_000, 1.0);
    assert!(said(web.post("/api/v1/write", &[], &ahead)).ends_with(" is more than 10 min ahead of the clock here"));

    insta::assert_snapshot!(said(web.post("/write", &[], b"cpu\nload value=1 1767571200\n")), @"partial write: 1 samples are stored and 1 were refused, the first: line 1: column 1: expected a measurement, a space and fields, found `cpu`");
    insta::assert_snapshot!(said(web.post("/write?precision=h", &[], b"a value=1")), @"`h` is no precision that is read here: ns, us, ms or s");
    let both = web.post("/api/v2/write", &[], b"cpu").is(400).json();
    assert_eq!((&both["code"], &both["message"]), (&json!("invalid"), &both["error"]));
    insta::assert_snapshot!(said(web.post("/api/v1/import/prometheus?nod=x", &[], b"a 1")), @"unknown parameter `nod`; known: node");
    let packed = said(web.post("/api/v1/import/prometheus", &[("content-encoding", "gzip")], b"a 1"));
    assert!(packed.starts_with("the request cannot be unpacked: "), "{packed}");
    insta::assert_snapshot!(web.post("/api/v1/import/prometheus", &[("content-encoding", "br")], b"a 1").is(415).error(), @"Content-Encoding `br` is not read here: gzip, deflate, zstd or none");

    let one = |value: f64| web.post("/api/v1/write", &[], &remote_write(0..3, "a", 1_767_571_200_000, value));
    one(1.0).is(204);
    one(1.0).is(204);
    let again = one(2.0);
    assert_eq!(again.header("x-prometheus-remote-write-samples-written"), "0");
    insta::assert_snapshot!(said(again), @"nothing is stored: 3 were refused, the first: another value of the series is there already at that time, and was kept");
    assert_eq!(project.sql("SELECT sum(value) FROM samples WHERE metric = 'm'"), 3.0);
}

#[test]
fn influx_clients_find_what_they_ask_for_first() {
    let project = Project::new();
    let web = recorder(&project);
    assert_eq!(web.get("/ping").is(204).header("x-influxdb-version"), "1.8.10");
    assert_eq!(web.send("HEAD", "/ping", &[], b"").status, 204);
    let made = web.post("/query?q=CREATE+DATABASE+%22telegraf%22", &[], b"").is(200).json();
    assert_eq!(made, json!({"results": [{"statement_id": 0}]}));
    assert_eq!(web.get("/health").is(200).json()["status"], "pass");
}

/// A request of OTLP with one delta.
fn delta(value: u32, until_s: i64) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"host.name","value":{{"stringValue":"n"}}}}]}},"scopeMetrics":[{{"metrics":[{{"name":"requests","sum":{{"isMonotonic":true,"aggregationTemporality":1,"dataPoints":[{{"asInt":"{value}","timeUnixNano":"{until_s}000000000"}}]}}}}]}}]}}]}}"#
    )
}

#[test]
fn deltas_are_added_up_over_requests_and_once_each() {
    let project = Project::new();
    let web = recorder(&project);
    let send = |value, until| web.post("/v1/metrics", &[JSON], delta(value, until).as_bytes());
    assert_eq!(send(5, 1_767_571_200).is(200).json(), json!({}));
    send(7, 1_767_571_210).is(200);
    send(7, 1_767_571_210).is(200);
    insta::assert_snapshot!(send(5, 1_767_571_200).is(400).json(), @r#"{"code":3,"message":"line 1: a delta that ends before the one before it is not read"}"#);
    send(1, 1_767_571_220).is(200);
    insta::assert_snapshot!(samples(&project, "requests"), @r"
    n,requests,,1767571200000,5.0
    n,requests,,1767571210000,12.0
    n,requests,,1767571220000,13.0
    ");
    assert_eq!(project.sql("SELECT kind FROM metric WHERE name = 'requests'"), "counter");
    let two = delta(1, 1_767_571_230).replace("]}}]}]}]}", r#",{"asInt":"1","timeUnixNano":"-5"}]}}]}]}]}"#);
    let partial = web.post("/v1/metrics", &[JSON], two.as_bytes()).is(200).json();
    assert_eq!(partial["partialSuccess"]["rejectedDataPoints"], "1", "{partial}");
    insta::assert_snapshot!(web.post("/v1/metrics", &[("content-type", "text/plain")], b"x").is(415).error(), @"Content-Type `text/plain` is not read here: application/x-protobuf or application/json");
    let refused = web.post("/v1/metrics", &[PROTOBUF], b"nothing").is(400);
    assert_eq!((refused.header("content-type"), &refused.body[..2]), ("application/x-protobuf", [0x08, 3].as_slice()));
}

#[test]
fn a_list_that_was_cut_is_not_said_to_be_stored() {
    let project = Project::new();
    let web = recorder(&project);
    insta::assert_snapshot!(web.post("/collectd", &[JSON], b"[").is(400).error(), @"line 1: column 0: EOF while parsing a value");
    assert_eq!(project.sql("SELECT count(*) FROM samples"), 0);
}

#[test]
fn events_are_pushed_too() {
    let project = Project::new();
    let web = recorder(&project);
    let post = |text: &str| web.post("/api/annotations", &[JSON], text.as_bytes());
    post(r#"{"text": "deploy 4.2.0", "at": "2026-01-05T00:00:00Z", "node": "db-*"}"#).is(204);
    post(r#"{"text": "failover", "at": 1767571200, "until": 1767571260000}"#).is(204);
    insta::assert_snapshot!(post(r#"{"text": " "}"#).is(400).error(), @"say what happened in 1 to 4096 bytes of text");
    insta::assert_snapshot!(post(r#"{"txt": "x"}"#).is(400).error(), @r#"expected {"text": …, "at": …, "until": …, "node": …}: unknown field `txt`, expected one of `text`, `at`, `until`, `node` at line 1 column 6"#);
    insta::assert_snapshot!(post(r#"{"text": "x", "at": "now", "until": "now-1h"}"#).status, @"400");
    assert_eq!(web.get("/api/annotations").status, 405);
    let rows = project.run(["sql", "--format", "csv", "SELECT * FROM annotation ORDER BY 3"]).ok().stdout();
    assert!(rows.contains("deploy 4.2.0") && rows.contains("failover") && rows.contains("1767571260000"), "{rows}");
}

#[test]
fn strangers_push_nothing() {
    let project = Project::new();
    project.write("token", TOKEN);
    #[cfg(unix)]
    std::fs::set_permissions(project.path("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let refused = project.run(["record", "--listen", "0.0.0.0:0"]).fails(2);
    assert!(refused.contains("needs a token"), "{refused}");
    assert_eq!(project.names(), ["token"], "nothing is made");
    project.write("nodebook.toml", "[record]\nhost = false\nlisten = \"0\"\n[serve]\ntoken_file = \"token\"\n");
    let web = Web::start(&project, ["record"]);
    let bearer = ("authorization", format!("Bearer {TOKEN}"));
    let bearer = (bearer.0, bearer.1.as_str());
    for path in [
        "/api/v1/write",
        "/write",
        "/api/v2/write",
        "/api/v1/import/prometheus",
        "/v1/metrics",
        "/collectd",
        "/api/annotations",
    ] {
        let post = |headers: &[(&str, &str)]| web.post(path, headers, b"a value=1").status;
        assert_eq!(post(&[]), 401, "{path}");
        assert_eq!(post(&[bearer, ("host", "evil.example")]), 421, "{path}");
        assert_eq!(post(&[bearer, ("origin", "https://evil.example")]), 403, "{path}");
        assert_eq!(post(&[bearer, ("sec-fetch-site", "cross-site")]), 403, "{path}");
        assert_eq!(web.send("GET", path, &[bearer], b"").status, 405, "{path}");
    }
    web.post("/write", &[("authorization", &format!("Token {TOKEN}"))], b"a value=1").is(204);
    assert_eq!(project.sql("SELECT count(*) FROM samples"), 1);
}

/// Most memory that a process has had so far, in MB.
#[cfg(target_os = "linux")]
fn most_memory(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// What it is, where it is sent, its headers and its body.
#[cfg(target_os = "linux")]
type Bomb<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);

#[cfg(target_os = "linux")]
#[test]
fn bombs_are_refused_in_little_memory() {
    let project = Project::new();
    let web = recorder(&project);
    web.post("/write", &[], b"warm value=1").is(204);
    let before = most_memory(&web.running);
    let zeros = vec![b'0'; 1 << 30];
    let zipped = gzip(&zeros);
    let zstd = zstd::encode_all(zeros.as_slice(), 19).unwrap();
    drop(zeros);
    let lie = [&[0xff, 0xff, 0xff, 0xff, 0x0f], [0; 100].as_slice()].concat();
    let half_lie = [&[0x80, 0x80, 0x80, 0x08], [0; 100].as_slice()].concat(); // 16 MiB
    // Small things of which each becomes a large one: labels, samples, points, objects, numbers in an attribute.
    let labels = snappy(&field(1, &[[0x0a, 0].repeat(4_000_000), vec![0x12, 0]].concat()));
    let samples = snappy(&field(1, &[0x12, 0].repeat(4_000_000)));
    let series = snappy(&[0x0a, 2, 0x12, 0].repeat(4_000_000));
    let points = [0x0a, 0].repeat(4_000_000);
    let points = field(1, &field(2, &field(2, &field(5, &points))));
    let objects = format!("{{\"resourceMetrics\":[{}{{}}]}}", "{},".repeat(1_300_000));
    let attribute = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"a","value":{{"x":[{}0]}}}}]}}}}]}}"#,
        "0,".repeat(2_000_000)
    );
    let list = format!("[{}{{}}]", r#"{"values":[]},"#.repeat(280_000));
    let snap = ("content-encoding", "snappy");
    let gz = ("content-encoding", "gzip");
    let bombs: [Bomb<'_>; 13] = [
        ("gzip of 1 GiB", "/write", &[gz], &zipped),
        ("zstd of 1 GiB", "/api/v1/import/prometheus", &[("content-encoding", "zstd")], &zstd),
        ("gzip of 1 GiB as OTLP", "/v1/metrics", &[gz, PROTOBUF], &zipped),
        ("gzip of 1 GiB as collectd", "/collectd", &[gz, JSON], &zipped),
        ("a snappy length of 4 GiB", "/api/v1/write", &[snap], &lie),
        ("a snappy length of 16 MiB", "/api/v1/write", &[snap], &half_lie),
        ("4 M labels", "/api/v1/write", &[snap], &labels),
        ("4 M samples of one series", "/api/v1/write", &[snap], &samples),
        ("4 M series", "/api/v1/write", &[snap], &series),
        ("4 M points", "/v1/metrics", &[gz, PROTOBUF], &gzip(&points)),
        ("1.3 M objects", "/v1/metrics", &[JSON], objects.as_bytes()),
        ("2 M numbers in an attribute", "/v1/metrics", &[JSON], attribute.as_bytes()),
        ("280,000 lists", "/collectd", &[JSON], list.as_bytes()),
    ];
    for (what, path, headers, body) in bombs {
        let start = Instant::now();
        let status = web.post(path, headers, body).status;
        let more = most_memory(&web.running) - before;
        println!(
            "{what} ({} kB sent): {status} in {:.1} s, {more} MB more memory so far",
            body.len() / 1000,
            start.elapsed().as_secs_f64()
        );
        assert!((400..500).contains(&status), "{what}: {status}");
        assert!(more < 64, "{what}: {more} MB");
    }
    let more = most_memory(&web.running) - before;
    figure(format_args!(
        "security | bombs: gzip, zstd, snappy, small pieces | 13 requests | at most {more} MB more memory"
    ));
    assert_eq!(web.post("/write", &[], &vec![b'x'; 9 << 20]).status, 413);
    web.post("/write", &[], b"warm value=2").is(204);
}

#[test]
fn slow_senders_keep_nobody_out() {
    let project = Project::new();
    let web = recorder(&project);
    let mut slow: Vec<_> = (0..500)
        .map(|_| {
            let mut stream = web.connect();
            stream
                .write_all(b"POST /write HTTP/1.1\r\nhost: localhost\r\ncontent-length: 8000000\r\n\r\nload value=")
                .unwrap();
            stream
        })
        .collect();
    crate::serve::answered_soon("a push beside 500 slow senders", || {
        web.post("/write", &[], b"load value=1").is(204);
    });
    assert_eq!(slow[0].read(&mut [0]).unwrap_or_default(), 0, "the first ones have lost their places");
}

#[cfg(target_os = "linux")]
#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let project = Project::new();
    let mut answered = Vec::new();
    for round in 0..crate::kill::kills() as i64 {
        let web = recorder(&project);
        let (sender, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for number in 0..3 {
                let (web, sender) = (&web, sender.clone());
                scope.spawn(move || {
                    for n in 0.. {
                        let (node, ms) = (format!("s{number}"), 1_767_571_200_000 + round * 1_000_000 + n * 10);
                        let body = remote_write(0..40, &node, ms, n as f64);
                        if web.try_post("/api/v1/write", &body) != Some(204) || sender.send((node, ms)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            answered.extend(heard.iter().take(3 + 5 * round as usize));
            web.running.signal("KILL");
            answered.extend(heard.iter());
        });
    }
    let rows = project
        .run(["sql", "--format", "json", "SELECT node, ts, count(*) AS n FROM samples GROUP BY node, ts"])
        .ok()
        .json();
    let stored: std::collections::HashMap<(String, i64), u64> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            ((row["node"].as_str().unwrap().to_owned(), row["ts"].as_i64().unwrap()), row["n"].as_u64().unwrap())
        })
        .collect();
    for one in &answered {
        assert_eq!(stored.get(one), Some(&40), "{one:?} was answered and is not there");
    }
    assert!(answered.len() as u64 > 2 * crate::kill::kills());
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
    figure(format_args!(
        "1 | kill -9 while others push | {} kills, {} requests answered | 0 lost",
        crate::kill::kills(),
        answered.len()
    ));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_503_and_the_same_goes_well_later() {
    let project = Project::new();
    project.on_a_small_disk("size=4m", |disk| {
        let db = disk.join("a.db");
        let db = db.to_str().unwrap();
        let web = Web::start(&project, ["record", "--no-host", "--db", db, "--interval", "100ms", "--listen", "127.0.0.1:0"]);
        web.post("/api/v1/write", &[], &remote_write(0..10, "a", 1_767_571_200_000, 1.0)).is(204);
        crate::harness::fill_up(disk);
        let many = remote_write(0..20_000, "b", 1_767_571_200_000, 2.0);
        let refused = web.post("/api/v1/write", &[], &many).is(503);
        assert_eq!(refused.header("retry-after"), "1");
        std::fs::remove_file(disk.join("ballast")).unwrap();
        web.post("/api/v1/write", &[], &many).is(204);
        assert_eq!(project.run(["sql", "--db", db, "--format", "json", "SELECT count(*) AS n FROM samples"]).ok().json()[0]["n"], 20_010);
    });
}
