//! The live page: the report's own parts, told of by events, made once for all who look.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use serde_json::Value;

use crate::harness::Project;
use crate::push::{now_ms, recorder};
use crate::web::Web;

/// Pushes the load of nodes, of the last ten minutes, once a minute.
pub fn push(web: &Web, nodes: &[&str], value: f64) {
    let now = now_ms();
    let lines = (0..10).flat_map(|minute| {
        nodes.iter().map(move |node| format!("cpu_percent{{node=\"{node}\"}} {value} {}\n", now - minute * 60_000))
    });
    web.post("/api/v1/import/prometheus", &[], lines.collect::<String>().as_bytes()).is(204);
}

/// The text of the tile of a metric.
fn tile(html: &str) -> &str {
    html.split("data-role=\"value\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or("no tile")
}

pub fn parts(page: &Value) -> Vec<&str> {
    page["parts"].as_array().unwrap().iter().map(|part| part[0].as_str().unwrap()).collect()
}

/// `/api/page`, when it may be made again.
pub fn fresh(web: &Web, query: &str) -> Value {
    loop {
        let page = web.get(&format!("/api/page?{query}")).is(200).json();
        match page["again_ms"].as_u64() {
            None => return page,
            Some(ms) => std::thread::park_timeout(Duration::from_millis(ms)),
        }
    }
}

#[test]
fn the_page_is_the_report_and_its_parts_follow() {
    let project = Project::new();
    let web = recorder(&project);
    let empty = web.get("/").is(200);
    assert!(empty.text().contains("There are no samples yet."), "{}", empty.text());
    let policy = empty.header("content-security-policy").to_owned();
    for wanted in [
        "default-src 'none'",
        "script-src 'sha256-",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(wanted), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");

    push(&web, &["db-1", "db-2"], 25.0);
    let first = fresh(&web, "since=0");
    let all = parts(&first);
    for place in [
        "header.top",
        "section[data-section=summary]",
        "section[data-section=resources]",
        "section[data-section=nodes]",
        "footer",
    ] {
        assert!(all.contains(&place), "{all:?}");
    }
    let html = web.get("/").is(200).text();
    assert_eq!(tile(&html), "25\u{a0}%");
    assert!(html.contains("data-node=\"db-1\"") && html.contains("<svg"), "it is the report");

    let version = first["version"].as_u64().unwrap();
    assert_eq!(parts(&fresh(&web, &format!("since={version}"))), Vec::<&str>::new(), "nothing new");
    push(&web, &["db-3"], 100.0);
    let second = fresh(&web, &format!("since={version}"));
    let changed = parts(&second);
    assert!(
        changed.contains(&"section[data-section=nodes]") && !changed.contains(&"section[data-section=events]"),
        "{changed:?}"
    );
    assert_eq!(second["version"], version + 1);

    // Twenty who look at once get what was made once.
    push(&web, &["db-4"], 100.0);
    let versions: Vec<Value> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..20).map(|_| scope.spawn(|| fresh(&web, "since=0")["version"].clone())).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(versions, vec![Value::from(version + 2); 20]);

    let one = web.get("/?node=db-3&last=30m").is(200).text();
    assert!(one.contains("data-node=\"db-3\"") && !one.contains("data-node=\"db-1\""));
    assert_eq!(web.get("/?nod=x").is(400).error().split(';').next(), Some("unknown parameter `nod`"));
    assert!(web.get("/?compare=previous").is(200).text().contains("data-section=\"nodes\""));
    assert!(web.get("/findings").is(200).text().contains("data-section=\"findings\""));
    let report = web.get("/report?last=1h").is(200);
    assert!(report.text().contains("id=\"nodebook-plotly\""));
    assert!(report.header("content-security-policy").starts_with("default-src 'none'; script-src 'sha256-"));
}

#[test]
fn pages_are_told_of_what_is_new() {
    let project = Project::new();
    let web = recorder(&project);
    let mut stream = web.connect();
    write!(stream, "GET /api/events HTTP/1.1\r\nhost: {}\r\n\r\n", web.address).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut until = |wanted: &str| lines.by_ref().find(|line| line.starts_with(wanted)).unwrap();
    until("HTTP/1.1 200");
    until("content-type: text/event-stream");
    until("retry: ");
    push(&web, &["db-1"], 1.0);
    let first = until("data: ");
    push(&web, &["db-1"], 2.0);
    assert_ne!(until("data: "), first);
    web.running.signal("TERM");
    web.running.wait().ok();
}

#[test]
fn other_sites_learn_nothing_of_the_page() {
    let project = Project::new().with_small_cluster();
    let web = Web::serve(&project);
    for path in ["/api/page", "/api/events"] {
        assert_eq!(web.send("GET", path, &[("sec-fetch-site", "cross-site")], b"").status, 403, "{path}");
    }
    for path in ["/", "/findings", "/report", "/reports", "/api/page"] {
        assert_eq!(web.send("POST", path, &[], b"").status, 405, "{path}");
        assert_eq!(web.send("GET", path, &[("host", "evil.example")], b"").status, 421, "{path}");
    }
    // The last hour that there is, where it is long ago.
    assert!(web.get("/").is(200).text().contains("data-node=\"db-3\""));
}

#[test]
fn made_reports_are_listed_and_shown_as_they_were_made() {
    let project = Project::new().with_small_cluster();
    project.write(
        "nodebook.toml",
        "timezone = 'UTC'\n[[batch]]\nname = 'day'\nrange = '2026-01-05'\noutput = 'day.html'\n",
    );
    project.run(["batch", "day"]).ok();
    let web = Web::serve(&project);
    let list = web.get("/reports").is(200).text();
    let link = list.split("href=\"./").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let page = web.get(&format!("/{link}")).is(200);
    assert_eq!(page.text(), project.read("day.html"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    project.write("day.html", project.read("day.html").replace("<body>", "<body><script>alert(1)</script>"));
    assert_eq!(
        web.get(&format!("/{link}")).is(410).error(),
        "the file of this report is not what was written then, and is not shown"
    );
    assert_eq!(web.get("/reports/99.html").status, 404);
    assert_eq!(web.get("/reports/..%2Fnodebook.db").status, 404);
}
