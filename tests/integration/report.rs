//! Reports and figures as files.

use super::harness::Project;

#[test]
fn a_report_is_one_file_that_needs_nothing_else() {
    let project = Project::new().with_small_cluster();
    let said = project.run(["report"]).ok().stderr();
    let name = "nodebook-report-20260105T0000-20260105T0059.html";
    assert_eq!(project.names(), [name, "nodebook.db"]);
    assert!(said.contains(name), "{said}");
    let page = project.read(name);
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "//cdn"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("http-equiv=\"Content-Security-Policy\""));
    for node in ["db-1", "db-2", "db-3"] {
        assert!(page.contains(&format!("<tr data-node=\"{node}\"")), "{node} has no row");
    }
    assert!(page.matches("<svg").count() >= 5, "charts are there without a script");
}

#[test]
fn a_report_goes_to_several_places_and_replaces_what_was_there() {
    let project = Project::new().with_small_cluster().file("b.html", "old");
    project.run(["report", "-o", "a.html", "-o", "b.html"]).ok();
    assert!(project.read("a.html").len() > 10_000);
    assert!(project.read("a.html") == project.read("b.html"));
    let stdout = project.run(["report", "-o", "-", "-q"]).ok();
    assert!(stdout.stdout().trim_start().to_lowercase().starts_with("<!doctype html>"));
    assert_eq!(stdout.stderr(), "");
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let project = Project::new().with_small_cluster().variable("SOURCE_DATE_EPOCH", "1767571200");
    let page = |project: &Project| project.run(["report", "-o", "-"]).ok().stdout();
    assert!(page(&project) == page(&project));
}

#[test]
fn without_the_script_a_report_is_small_and_still_complete() {
    let project = Project::new().with_small_cluster();
    project.run(["report", "--interactive", "off", "-o", "still.html"]).ok();
    project.run(["report", "-o", "lively.html"]).ok();
    let (still, lively) = (project.read("still.html"), project.read("lively.html"));
    assert!(still.len() + 200_000 < lively.len(), "{} and {}", still.len(), lively.len());
    assert_eq!(still.matches("<svg").count(), lively.matches("<svg").count());
}

#[test]
fn a_selection_leaves_out_the_rest() {
    let project = Project::new().with_small_cluster();
    project
        .run(["report", "--node", "db-[12]", "--node", "!db-1", "--title", "Only <two> & \"one\"", "-o", "a.html"])
        .ok();
    let page = project.read("a.html");
    // The footer has the command line; everything else knows one node.
    let has_row = |node: &str| page.contains(&format!("data-node=\"{node}\""));
    assert!(has_row("db-2") && !has_row("db-1") && !has_row("db-3"));
    assert!(page.contains("Only &lt;two&gt;") || page.contains("Only &#60;two&#62;"), "the title is text");
}

#[test]
fn a_hostile_name_is_only_a_name() {
    let node = "</script><img src=x onerror=alert(1)>";
    let csv = format!(
        "timestamp_ms,node,metric,labels,value\n1767571200000,{node},load1,,1\n1767571210000,{node},load1,,2\n"
    );
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["report", "-o", "a.html"]).ok();
    project.run(["plot", "load1", "-o", "b.html"]).ok();
    for page in [project.read("a.html"), project.read("b.html")] {
        assert!(!page.contains("<img src=x"), "the name has become a tag");
        assert!(page.contains("&lt;img src=x") || page.contains("&#60;img src=x"), "the name is shown");
    }
    let text = project.run(["summary", "--format", "markdown"]).ok().stdout();
    assert!(!text.contains("<img"), "{text}");
}

#[test]
fn a_figure_is_a_page_or_json() {
    let project = Project::new().with_small_cluster();
    project.run(["plot", "cpu_percent", "load1", "-o", "a.html"]).ok();
    assert!(project.read("a.html").contains("<svg"));
    project.run(["plot", "cpu_percent", "--node", "db-1", "-o", "a.json"]).ok();
    let figure: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
    assert!(!figure["data"].as_array().unwrap().is_empty() && figure["layout"].is_object());
    let figure = project.run(["plot", "cpu_percent", "-o", "-"]).ok().json();
    assert!(figure["data"].is_array());
}

#[cfg(unix)]
#[test]
fn what_is_written_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new().with_small_cluster();
    project.run(["report", "-o", "a.html"]).ok();
    project.run(["export", "-o", "a.csv"]).ok();
    for name in ["nodebook.db", "a.html", "a.csv"] {
        let mode = std::fs::metadata(project.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_summary_has_the_numbers_for_eyes_programs_and_tickets() {
    let project = Project::new().with_small_cluster();
    let json = project.run(["summary", "--format", "json"]).ok().json();
    assert_eq!(json["nodes"], serde_json::json!(["db-1", "db-2", "db-3"]));
    assert_eq!(json["from"], "2026-01-05T00:00:00.000Z");
    assert_eq!(json["coverage"], 1.0);
    assert!(json["findings"].is_array());
    let row = json["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["node"] == "db-2" && row["metric"] == "cpu_percent")
        .unwrap();
    assert_eq!(
        (&row["min"], &row["max"], &row["count"], &row["unit"]),
        (&20.0.into(), &26.0.into(), &360.into(), &"percent".into())
    );
    assert_eq!(row["p50"], 23.0);
    // 359 steps of 20 kB in 359 * 10 s.
    let rate = json["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["node"] == "db-2" && row["metric"] == "disk_read_bytes_total")
        .unwrap();
    assert!((rate["avg"].as_f64().unwrap() - 2_000.0).abs() < 1e-6, "{rate}");

    let text = project.run(["summary"]).ok().stdout();
    assert!(text.contains("db-2") && text.contains("cpu_percent"), "{text}");
    let markdown = project.run(["summary", "--format", "markdown"]).ok().stdout();
    assert!(markdown.contains("| --- |"), "{markdown}");
}

#[test]
fn an_event_is_in_the_report() {
    let project = Project::new().with_small_cluster();
    project.run(["annotate", "deploy 4.2.0", "--at", "2026-01-05 00:30"]).ok();
    project.run(["annotate", "x", "--at", "2026-01-05 00:30", "--until", "2026-01-05 00:20"]).code(2);
    project.run(["report", "-o", "a.html"]).ok();
    assert!(project.read("a.html").contains("deploy 4.2.0"));
}

#[test]
fn json_has_what_the_page_shows() {
    let project = Project::new().with_small_cluster();
    project.run(["report", "-o", "a.json", "-o", "a.html"]).ok();
    let found: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
    let cell = &found["nodes"][1]["cells"][0];
    assert_eq!(
        (&found["nodes"][1]["node"], &cell["metric"], &cell["agg"]),
        (&"db-2".into(), &"cpu_percent".into(), &"avg".into())
    );
    let mean = project.sql("SELECT avg(value) FROM samples WHERE metric = 'cpu_percent' AND node = 'db-2'");
    assert!((cell["value"].as_f64().unwrap() - mean.as_f64().unwrap()).abs() < 1e-9, "{cell} and {mean}");
    let page = project.read("a.html");
    for text in [&found["title"], &found["verdict"]["text"], &found["charts"][0]["title"]] {
        assert!(page.contains(text.as_str().unwrap()), "{text}");
    }
    let rows = found["data"]["metrics"][0]["rows"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0]["avg"].as_array().unwrap().len()), (3, 360));
}

#[test]
fn the_figures_before_and_after_an_event_are_in_a_table() {
    let project = Project::new().with_small_cluster();
    project.run(["annotate", "deploy <4.2>", "--at", "2026-01-05 00:30", "--node", "db-2"]).ok();
    project.run(["annotate", "elsewhere", "--at", "2026-01-05 00:30", "--node", "web-*"]).ok();
    project.run(["report", "-q", "-o", "a.html"]).ok();
    let page = project.read("a.html").replace('\u{a0}', " ");
    let events = page.split_once("<section data-section=\"events\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(events.contains("Figures before and after each event") && !events.contains("elsewhere"), "{events}");
    let row = "<td>CPU busy</td><td>23.0 %</td><td>23.0 %</td><td>unchanged</td><td>29 min 50 s</td>";
    assert!(events.contains(row) && events.contains("deploy &#60;4.2&#62;</th>"), "{events}");
}

#[test]
fn numbers_and_dates_are_written_in_the_language_that_is_asked_for() {
    let project = Project::new().with_small_cluster().file("nodebook.toml", "[report]\nlanguage = \"de\"\n");
    let page = |project: &Project, more: &[&str]| {
        let words: Vec<&str> = ["report", "-o", "-"].iter().chain(more).copied().collect();
        project.run(words).ok().stdout()
    };
    let german = page(&project, &[]);
    assert!(german.contains("Mo., 5. Jan. 2026") && german.contains("\"language\":{\"name\":\"de\""));
    assert!(page(&project, &["--language", "fr"]).contains("lun. 5 janv. 2026"));
    let english = page(&project, &["--language", "en"]);
    assert!(english.contains("Mon 5 Jan 2026") && !english.contains("\"language\":{"));
    let figure = project.run(["plot", "cpu_percent", "-o", "-", "--language", "sv"]).ok().stdout();
    assert!(figure.contains("\"locale\":\"sv\"") && figure.contains("\"separators\":\",\u{a0}\""), "{figure}");
    project.write("nodebook.toml", "[report]\nlanguage = \"de-CH\"\n");
    assert!(project.run(["report"]).fails(2).contains("one of cs, da, de, en,"));
    project.write("nodebook.toml", "");
    let wrong = project.run(["report", "--language", "xx"]).code(2).stderr();
    assert!(wrong.contains("written in `xx`: it must be one of"), "{wrong}");
}
