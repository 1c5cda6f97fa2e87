//! `nodebook serve` over an engine in place of the database: the same page and the same answers, and what is said where they are not whole.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::engine::{EngineProcess, Gate, GateRules};
use crate::harness::Project;
use crate::live::{fresh, parts};
use crate::push::now_ms;
use crate::remote::{assert_same, assert_same_rows, cluster, with_victoria};
use crate::web::Web;

fn serve(project: &Project, url: &str) -> Web {
    Web::start(project, ["serve", "--listen", "127.0.0.1:0", "--source", url])
}

/// A part of a page, by the name of its section.
fn section<'p>(page: &'p Value, name: &str) -> &'p str {
    let place = format!("section[data-section={name}]");
    let part = page["parts"].as_array().unwrap().iter().find(|part| part[0] == place.as_str());
    part.unwrap_or_else(|| panic!("no {name} in {:?}", parts(page)))[1].as_str().unwrap()
}

/// What is asked of the engine is answered as of the file.
fn assert_served_alike(project: &Project, url: &str) {
    let (file, engine) = (Web::serve(project), serve(project, url));
    let both = |path: &str| (file.get(path).is(200), engine.get(path).is(200));
    let (a, b) = both("/api/series?metric=disk_percent");
    assert_eq!((a.json().as_array().unwrap().len(), a.text()), (8, b.text()));
    for selection in ["node=n-[01]", "metric=net_*&from=2026-01-05T00:10:07Z&to=2026-01-05T02:47:31Z", "last=20m"] {
        let (a, b) = both(&format!("/api/query?step=7m&agg=avg,max,p95,rate,increase&{selection}"));
        assert_same(&a.json(), &b.json());
        let (a, b) = both(&format!("/api/query?step=7m&agg=avg,count,last&format=csv&{selection}"));
        assert_same_rows(&a.text(), &b.text(), 1e-9);
    }
    let count = "SELECT count(*) AS n, round(sum(value)) AS s FROM samples";
    assert_eq!(
        engine.post("/api/sql", &[], count.as_bytes()).is(200).json()[0]["n"],
        json!(cluster().lines().count() - 1)
    );
    let narrow = engine.post("/api/sql?metric=load1&node=n-0&last=30m", &[], count.as_bytes()).is(200).json();
    assert_eq!(narrow[0]["n"], json!(120));
    assert_eq!(
        file.get("/api/sql?q=SELECT+1&node=n-0").is(400).error(),
        "range and selection say what is fetched of an engine: the database is asked as a whole"
    );
    let (a, b) = (fresh(&file, "since=0"), fresh(&engine, "since=0"));
    assert_eq!(parts(&a), parts(&b));
    for name in ["summary", "resources", "nodes"] {
        assert_eq!(section(&a, name), section(&b, name), "{name}");
    }
    let (a, b) = both("/report?from=2026-01-05&to=2026-01-05T03:00:00Z");
    assert!(a.text().len().abs_diff(b.text().len()) < 500);
    let day = engine.get("/findings").is(200).text();
    assert!(day.contains("data-section=\"findings\""), "{day}");
    let health = engine.get("/healthz").is(200).json();
    assert_eq!(
        (&health["ok"], &health["latest_sample"]),
        (&json!(true), &file.get("/healthz").json()["latest_sample"])
    );
    assert_eq!(engine.get("/reports").status, 200);
}

#[test]
fn victoriametrics_is_served_as_the_file_is() {
    let Some((project, mut engine)) = with_victoria() else { return };
    assert_served_alike(&project, &engine.url());
    let web = serve(&project, &engine.url());
    let first = fresh(&web, "since=0&last=1h");
    // What comes in is on the page a few seconds later.
    let line = json!({"metric": {"__name__": "load1", "node": "n-new"}, "values": [41.5], "timestamps": [now_ms()]});
    engine.import(line.to_string().as_bytes());
    let start = Instant::now();
    let since = format!("since={}&last=1h", first["version"]);
    while !fresh(&web, &since)["parts"].to_string().contains("n-new") {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::park_timeout(Duration::from_millis(200));
    }
    println!("on the page after {:?}", start.elapsed());
    // An engine that is away for a while is told, without its address, and is not asked for each who looks.
    engine.kill();
    assert_eq!(web.get("/healthz").status, 503);
    assert_eq!(web.get("/api/query?metric=load1").is(502).error(), "the engine does not answer");
    let start = Instant::now();
    let refused = loop {
        let answer = web.get("/api/page?since=0&last=2h");
        if answer.status == 502 {
            break answer;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", answer.text());
    };
    assert_eq!(refused.error(), "the engine does not answer");
    let told = || !web.get("/api/page?since=0&last=2h").is(502).header("retry-after").is_empty();
    assert!((0..20).any(|_| told()), "it is not tried again at once");
    engine.start_again();
    let start = Instant::now();
    while web.get("/api/page?since=0&last=2h").status != 200 {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come back");
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

#[test]
fn prometheus_is_served_as_the_file_is() {
    let project = crate::remote::filled();
    let data = project.path("prometheus");
    let Some(engine) = crate::remote::prometheus_of(&project, &data, "*") else { return };
    assert_served_alike(&project, &engine.url());
}

#[test]
fn a_program_gets_no_part_of_an_answer_for_all_of_it() {
    let Some((project, engine)) = with_victoria() else { return };
    let gate = Gate::before(&engine, GateRules { adds: ",\"isPartial\":true", ..GateRules::default() });
    let web = serve(&project, &gate.url());
    for path in ["/api/query", "/api/query?format=csv", "/api/series", "/api/sql?q=SELECT+1"] {
        let said = web.get(path).is(502).error();
        assert_eq!(said, "the engine's answer is partial: it says that its answer is partial (isPartial)", "{path}");
    }
    assert!(web.get("/").is(200).text().contains("Partial: the engine did not answer for all of its data"));
    assert!(gate.asked.load(Ordering::Relaxed) > 4);
    let nobody = format!("http://127.0.0.1:{}", crate::engine::free_port());
    let said = project.run(["serve", "--listen", "127.0.0.1:0", "--source", &nobody]).code(1).stderr();
    assert!(said.contains("nobody listens there"), "{said}");
}

#[test]
fn a_condition_in_sql_is_asked_of_the_engine() {
    let Some((project, engine)) = with_victoria() else { return };
    let batch = |when: &str| {
        let (url, output) = (engine.url(), "{name}.html");
        project.write("nodebook.toml", format!("[source]\nurl = \"{url}\"\n[[batch]]\nname = \"day\"\nrange = \"2026-01-05\"\nmetric = [\"load1\"]\noutput = \"{output}\"\nwhen = \"{when}\"\n"));
        let _ = std::fs::remove_file(project.path("day.html"));
        // The ledger is of another database, which holds no samples.
        project.run(["batch", "day", "--db", "ledger.db"])
    };
    batch("(SELECT count(*) FROM samples WHERE ts >= {from} AND ts < {to}) > 1000").ok();
    assert!(project.names().contains(&"day.html".to_owned()));
    batch("(SELECT count(*) FROM samples WHERE metric = 'disk_percent') > 0").ok();
    assert!(!project.names().contains(&"day.html".to_owned()), "what the selection leaves out is not fetched");
}

/// A server must not need what it does not show.
#[test]
fn an_engine_is_served_without_a_database() {
    let Some((project, engine)) = with_victoria() else { return };
    let other = Project::new();
    let web = serve(&other, &engine.url());
    assert!(web.get("/").is(200).text().contains("data-node=\"n-3\""));
    assert_eq!(web.get("/reports").status, 200);
    assert_eq!(other.names(), Vec::<String>::new(), "nothing is made");
    drop((project, EngineProcess::url(&engine)));
}
