//! Files of released schemas: read without a change, carried forward without a loss.

use std::fs;
use std::path::PathBuf;

use super::harness::{Project, Run, figure};

/// The kept file of a schema in a directory of its own, and the figures kept beside it.
struct Kept {
    project: Project,
    figures: String,
}

impl Kept {
    fn of(schema: &str) -> Kept {
        let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
        let bytes = fs::read(kept.join(format!("schema-{schema}.db"))).unwrap();
        let figures = fs::read_to_string(kept.join(format!("schema-{schema}.figures"))).unwrap();
        Kept { project: Project::new().file("nodebook.db", bytes), figures }
    }

    /// The answers to the queries of the figures, in the same form: `> QUERY`, then CSV.
    fn answers(&self) -> String {
        let queries = self.figures.lines().filter_map(|line| line.strip_prefix("> "));
        let answer =
            |query| format!("> {query}\n{}", self.project.run(["sql", "--format", "csv", query]).ok().stdout());
        queries.map(answer).collect()
    }

    #[track_caller]
    fn has_its_figures(&self) {
        let answers = self.answers();
        assert!(self.figures.lines().count() > 400, "the figures say much");
        for (kept, told) in self.figures.lines().zip(answers.lines()) {
            assert_eq!(kept, told);
        }
        assert_eq!(self.figures.lines().count(), answers.lines().count());
    }
}

fn newest_schema() -> u64 {
    let project = Project::new().with_small_cluster();
    project.run(["info", "--json"]).ok().json()["schema"].as_u64().unwrap()
}

#[test]
fn a_file_of_schema_1_is_read_as_it_is_and_not_written() {
    let kept = Kept::of("1");
    let before = kept.project.bytes("nodebook.db");
    kept.has_its_figures();
    kept.project.run(["check"]).ok();
    kept.project.run(["report", "-o", "r.html"]).ok();
    kept.project.run(["export", "-o", "all.csv"]).ok();
    let info = kept.project.run(["info", "--json"]).ok().json();
    assert_eq!(info["schema"], 1);
    assert_eq!(
        info["samples"],
        kept.project.sql("SELECT count(*) FROM samples"),
        "late samples that replace others count once"
    );
    assert!(kept.project.bytes("nodebook.db") == before, "reading changes nothing");
    assert_eq!(kept.project.names(), ["all.csv", "nodebook.db", "r.html"]);
}

#[test]
fn a_file_of_schema_1_is_carried_forward_by_a_writer() {
    let kept = Kept::of("1");
    // An event after all others: its line is the only one that is new.
    let annotate = ["annotate", "carried forward", "--at", "2026-01-17"];
    let told = |run: Run| run.stderr().lines().filter(|line| line.contains("forward from schema")).collect::<String>();
    let carried = format!(
        "nodebook.db: carried forward from schema 1 to {}: an older nodebook no longer writes it",
        newest_schema()
    );
    assert_eq!(told(kept.project.run(annotate).ok()), carried);
    assert_eq!(told(kept.project.run(annotate).ok()), "", "once");
    let info = kept.project.run(["info", "--json"]).ok().json();
    assert_eq!(info["schema"].as_u64().unwrap(), newest_schema());
    let forward = Kept { figures: kept.figures.clone(), project: kept.project };
    let event = forward.project.sql("SELECT text FROM annotation ORDER BY id DESC LIMIT 1");
    assert_eq!(event, "carried forward");
    forward.has_its_figures();
    forward.project.run(["check"]).ok();
    let answers = forward.figures.lines().filter(|line| !line.starts_with('>')).count();
    figure(format_args!(
        "14 | a file of schema 1 carried forward to schema {} | {answers} rows of answers | all the same",
        newest_schema()
    ));
}

/// Two tenants of an engine had one cursor: the one that is alone goes on where it was, and where there are two nobody knows whose it was.
#[test]
fn a_file_of_schema_4_is_carried_forward_with_how_far_it_was_handed_on() {
    let target = "http://127.0.0.1:28511/api/v1/write";
    let recorded = |tenants: &[&str]| {
        let kept = Kept::of("4");
        kept.has_its_figures();
        kept.project.run(["check"]).ok();
        let engine = |tenant: &&str| format!("[[record.forward]]\nurl = \"{target}\"\ntenant = \"{tenant}\"\n");
        kept.project.write("nodebook.toml", tenants.iter().map(engine).collect::<String>());
        kept.project.run(["record", "--no-host", "--listen", "127.0.0.1:0", "--for", "100ms"]).ok();
        kept.project.run(["check"]).ok();
        if tenants.len() == 1 {
            kept.has_its_figures(); // the notes of what was late too
        }
        kept.project
            .run(["sql", "--format", "csv", "SELECT target, tenant, safe FROM forward_engine ORDER BY id"])
            .ok()
            .stdout()
    };
    assert_eq!(recorded(&["a"]), format!("target,tenant,safe\n{target},a,1795980679976\n"));
    assert_eq!(recorded(&["a", "b"]), format!("target,tenant,safe\n{target},a,0\n{target},b,0\n"));
}

/// What waited in the head is sealed, late samples are merged into chunks of the old build, retention goes over them: the samples and their
/// hours stay what they are.
#[test]
fn a_file_of_schema_1_is_recorded_into_and_maintained() {
    let kept = Kept::of("1");
    let count = |project: &Project| project.sql("SELECT count(*) FROM samples").as_u64().unwrap();
    let hours = "SELECT series_id, t, count, sum, min, max, first, last, increase FROM rollup_1h \
                 WHERE t < 1768600800000 ORDER BY 1, 2";
    let before = (count(&kept.project), kept.project.run(["sql", "--format", "csv", hours]).ok().stdout());
    let new = "timestamp_ms,node,metric,value\n1768700000000,db-9,load1,1\n";
    kept.project.run_with(["import", "-"], new.as_bytes()).ok();
    kept.project.run(["maintain"]).ok();
    assert_eq!(count(&kept.project), before.0 + 1);
    let after = kept.project.run(["sql", "--format", "csv", hours]).ok().stdout();
    let changed: Vec<&str> = after.lines().filter(|line| !before.1.lines().any(|old| old == *line)).collect();
    // Series 1 and 6 got late samples, each in one hour.
    let changed: Vec<&str> = changed.iter().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(changed, ["1", "6"], "hours with late samples are brought up to date, the others are as they were");
    kept.project.run(["check"]).ok();
}
