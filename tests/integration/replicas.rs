//! Two engines that have the same: one is asked, and one that is away, or behind, is not taken for the truth.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::engine::{EngineProcess, Gate, GateRules};
use crate::harness::{Project, figure};
use crate::remote::{assert_same, prometheus_of, with_victoria};
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
    second.until_ready();
    second.import(&project.bytes("all.jsonl"));
    first.kill();
    assert_same(&local, &asked(&range).code(3).json());
    second.kill();
    let none = asked(&range).code(1).stderr();
    assert!(none.contains("nobody listens there"), "{none}");
}

/// How many questions are asked before it is known what an engine has.
fn questions_of_a_look(project: &Project, engine: &EngineProcess) -> usize {
    let gate = Gate::before(engine, GateRules::default());
    project.run(["summary", "--range", "2030", "--source", &gate.url()]).code(4);
    gate.asked.load(Ordering::Relaxed)
}

/// The report failed, although the other had everything.
#[test]
fn a_replica_that_is_killed_while_a_report_is_made_is_replaced_by_the_other() {
    let Some((project, mut first)) = with_victoria() else { return };
    let Some(second) = EngineProcess::victoria(&project.path("vm2")) else { return };
    second.import(&project.bytes("all.jsonl"));
    let report = |first: &str, second: &str| {
        let range = ["report", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z", "-o", "r.json", "-o", "r.html"];
        project.run(range.into_iter().chain(["--source", first, "--source", second]))
    };
    let made = || serde_json::from_str(&project.read("r.json")).unwrap();
    let counting = Gate::before(&first, GateRules::default());
    report(&counting.url(), &second.url()).ok();
    let (whole, asked): (serde_json::Value, usize) = (made(), counting.asked.load(Ordering::Relaxed));
    let looked = questions_of_a_look(&project, &first);
    assert!(asked > looked + 20, "{looked} of {asked} questions");

    let replaced = |rules: GateRules| {
        let gate = Gate::before(&first, rules);
        let said = report(&gate.url(), &second.url()).code(3).stderr();
        let dead = format!("a replica ceased to answer, and {}/ was asked in its place: {}/", second.url(), gate.url());
        assert!(said.contains(&dead), "{said}");
        let mut told: serde_json::Value = made();
        let verdict = std::mem::replace(&mut told["verdict"], whole["verdict"].clone());
        assert!(verdict["text"].as_str().unwrap().contains(&dead), "{verdict}");
        assert_same(&whole, &told);
        let page = project.read("r.html");
        assert!(page.contains("Partial: the engine did not answer for all of its data (a replica ceased to answer"));
    };
    // As soon as it is known what both have, and when hardly anything is left to be asked.
    for cuts in [looked, (looked + asked) / 2, asked - 1] {
        replaced(GateRules { cuts: Some(cuts), ..GateRules::default() });
    }
    replaced(GateRules { kills: Some((looked + 10, first.id())), ..GateRules::default() });
    figure(format_args!(
        "16 | a replica that dies in the middle of a report | 4 reports of {asked} questions | each as from one engine, and told"
    ));

    // Nobody is left, and both are named.
    first.kill();
    first.start_again();
    first.until_ready();
    let cut = |engine, cuts| Gate::before(engine, GateRules { cuts: Some(cuts), ..GateRules::default() }).url();
    let (one, other) = (cut(&first, looked + 5), cut(&second, looked + 5));
    let said = report(&one, &other).code(1).stderr();
    let replaced = format!("no other replica takes its place: a replica ceased to answer, and {other}/ was asked");
    assert!(said.starts_with(&format!("error: {other}/")) && said.contains(&replaced), "{said}");
    assert!(said.contains(&format!("in its place: {one}/")), "{said}");
}

#[test]
fn a_replica_that_takes_over_says_what_it_lacks_and_one_that_speaks_otherwise_does_not() {
    let Some((project, first)) = with_victoria() else { return };
    let Some(short) = EngineProcess::victoria(&project.path("vm2")) else { return };
    project.run(["export", "--from", "2026-01-05", "--to", "2026-01-05T02:00:00Z", "-o", "two.jsonl"]).ok();
    short.import(&project.bytes("two.jsonl"));
    let counting = Gate::before(&first, GateRules::default());
    let summary = |first: &str, second: &str| {
        let range = ["summary", "--format", "json", "--from", "2026-01-05", "--to", "2026-01-05T03:00:00Z"];
        project.run(range.into_iter().chain(["--source", first, "--source", second]))
    };
    summary(&counting.url(), &short.url()).ok();
    let cuts = Some(questions_of_a_look(&project, &first));
    assert!(cuts < Some(counting.asked.load(Ordering::Relaxed)));
    let dies = || Gate::before(&first, GateRules { cuts, ..GateRules::default() }).url();
    let said = summary(&dies(), &short.url()).code(3).stderr();
    let lacks =
        format!("the answer is partial: {}/ has data from 2026-01-05T00:00:00.000Z to 2026-01-05T0", short.url());
    assert!(said.contains(&lacks), "{said}");
    let Some(other) = prometheus_of(&project, &project.path("p"), "*") else { return };
    let said = summary(&dies(), &other.url()).code(1).stderr();
    let unlike = format!("; no other replica takes its place: {}/ speaks otherwise", other.url());
    assert!(said.contains(&unlike), "{said}");
}

/// It was refused where a replica was away, though the other one had everything.
#[test]
fn a_condition_of_a_batch_is_asked_of_the_replica_that_is_there() {
    let Some((project, engine)) = with_victoria() else { return };
    let (there, away) = (engine.url(), crate::engine::free_port());
    let batch = "[[batch]]\nname = \"hot\"\nrange = \"2026-01-05\"\noutput = \"hot.html\"\n\
                 when = \"(SELECT count(*) FROM samples) > 0\"\n";
    let source = format!("[source]\nurl = [\"{there}\", \"http://127.0.0.1:{away}\"]\n");
    project.write("nodebook.toml", source + batch);
    let run = project.run(["batch", "hot", "--db", "ledger.db"]).ok();
    assert!(project.path("hot.html").is_file(), "{}", run.stderr());
}

#[test]
fn the_configuration_names_several_too() {
    let project = Project::new();
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
    let project = Project::new();
    let Some(engine) = EngineProcess::victoria(&project.path("vm")) else { return };
    let gate = Gate::before(&engine, GateRules::default());
    let said = project.run(["summary", "--source", &gate.url()]).code(4).stderr();
    assert!(said.contains("holds no samples"), "{said}");
    let asked = gate.asked.load(Ordering::Relaxed);
    assert!(asked < 20, "{asked} questions");
}
