//! Two engines that have the same: one is asked, and one that is away, or behind, is not taken for the truth.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::engine::{EngineProcess, Gate, GateRules};
use crate::remote::{assert_same, with_victoria};
use crate::web::Web;

#[test]
fn of_two_replicas_the_one_with_the_newest_sample_is_asked_and_one_that_is_killed_is_told() {
    let Some((project, mut first)) = with_victoria() else { return };
    let Some(mut second) = EngineProcess::victoria(&project.path("vm2")) else { return };
    second.import(&project.bytes("all.jsonl"));
    let (one, other) = (first.url(), second.url());
    let both = ["--source", one.as_str(), "--source", other.as_str()];
    let asked = |command: &[&str]| project.run(command.iter().chain(&both));
    let range = ["summary", "--format", "json", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z"];
    let local = project.run(range).ok().json();
    let whole = asked(&range).ok();
    assert_same(&local, &whole.json());
    assert!(!whole.stderr().contains("partial"), "{}", whole.stderr());

    // One that has fallen behind answers as readily.
    let later =
        json!({"metric": {"__name__": "load1", "node": "n-0"}, "values": [1], "timestamps": [1_767_582_060_000_i64]});
    second.import(later.to_string().as_bytes());
    assert_eq!(asked(&["summary", "--format", "json"]).ok().json()["to"], "2026-01-05T03:01:00.001Z");

    let web = Web::start(&project, ["serve", "--listen", "127.0.0.1:0"].iter().chain(&both));
    assert!(!web.get("/?last=2h").is(200).text().contains("Partial"));
    second.kill();
    let half = asked(&range).code(3);
    let said = format!(
        "the answer is partial: a replica is not asked: {other}/api/v1/query: cannot be reached: nobody listens there"
    );
    assert!(half.stderr().contains(&said), "{}", half.stderr());
    assert_same(&local, &half.json());
    asked(&["report", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z", "-o", "r.html"]).code(3);
    let page = project.read("r.html");
    assert!(page.contains("Partial: the engine did not answer for all of its data (a replica is not asked: "));
    // What the other one gives is whole for programs, and said to people.
    assert_eq!(web.get("/api/query?metric=load1&node=n-0").is(200).json()["series"].as_array().unwrap().len(), 1);
    assert!(web.get("/?last=1h").is(200).text().contains("a replica is not asked: "));
    // It may have lost what it had not written yet.
    second.start_again();
    let start = std::time::Instant::now();
    while !second.get("/health").is_some_and(|answer| answer.contains(" 200 ")) {
        assert!(start.elapsed().as_secs() < 60, "the second does not come back");
    }
    second.import(&project.bytes("all.jsonl"));
    first.kill();
    assert_same(&local, &asked(&range).code(3).json());
    second.kill();
    let none = asked(&range).code(1).stderr();
    assert!(none.contains("nobody listens there"), "{none}");
}

#[test]
fn the_configuration_names_several_too() {
    let project = crate::harness::Project::new();
    let nobody = crate::engine::free_port();
    let config = |url: &str| project.write("nodebook.toml", format!("[source]\nurl = {url}\n"));
    config(&format!("[\"http://127.0.0.1:{nobody}\", \"http://127.0.0.1:{nobody}/b\"]"));
    assert!(project.run(["summary"]).code(1).stderr().contains("nobody listens there"));
    config("[]");
    let refused = project.run(["summary"]).code(2).stderr();
    assert!(refused.contains("the list has no address"), "{refused}");
    config("[\"ftp://x\"]");
    let refused = project.run(["summary"]).code(2).stderr();
    assert!(refused.contains("it begins with http:// or https://"), "{refused}");
    config("5");
    let refused = project.run(["summary"]).code(2).stderr();
    assert!(refused.contains("an address, or a list of addresses of engines that have the same"), "{refused}");
}

/// It was asked for every month since 1970.
#[test]
fn an_engine_that_has_nothing_is_found_out_soon() {
    let project = crate::harness::Project::new();
    let Some(engine) = EngineProcess::victoria(&project.path("vm")) else { return };
    let gate = Gate::before(&engine, GateRules::default());
    let said = project.run(["summary", "--source", &gate.url()]).code(4).stderr();
    assert!(said.contains("holds no samples"), "{said}");
    let asked = gate.asked.load(Ordering::Relaxed);
    assert!(asked < 20, "{asked} questions");
}
