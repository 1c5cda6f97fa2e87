//! Business hours and maintenance windows: shaded, or out of every number.

use super::harness::Project;

/// The report as a page without script, made with this configuration.
fn report(project: &Project, config: &str) -> String {
    project.write("nodebook.toml", config);
    project.run(["report", "--interactive", "off", "-q", "-o", "page.html"]).ok();
    project.read("page.html")
}

fn number(page: &str, handle: &str) -> f64 {
    let rest = page.split_once(handle).unwrap_or_else(|| panic!("no {handle}")).1;
    rest.split_once("data-value=\"").unwrap().1.split('"').next().unwrap().parse().unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

const FIRST_HALF: &str = "[[report.mask]]\nname = 'night'\nhours = '00:00-00:30'\naction = ";

#[test]
fn what_is_left_out_is_in_no_number() {
    let project = Project::new().with_small_cluster();
    let page = report(&project, &format!("{FIRST_HALF}'leave_out'"));
    let rest = "FROM samples WHERE metric = 'cpu_percent' AND time(ts / 1000, 'unixepoch') >= '00:30:00'";
    let sql = |select: &str, more: &str| project.sql(&format!("SELECT {select} {rest} {more}")).as_f64().unwrap();
    assert!(close(number(&page, "data-tile=\"cpu_percent\""), sql("avg(value)", "")));
    let row = page.split_once("<tr data-node=\"db-2\"").unwrap().1;
    assert!(close(number(row, "data-metric=\"cpu_percent\" data-agg=\"avg\""), sql("avg(value)", "AND node = 'db-2'")));
    assert!(close(number(row, "data-metric=\"cpu_percent\" data-agg=\"max\""), sql("max(value)", "AND node = 'db-2'")));
    // The first half is no gap, and it is said that it is not there.
    assert!(!page.contains("data-finding=\"coverage\"") && page.contains("100\u{a0}% of the expected samples"));
    assert!(page.contains("Left out: night (00:00-00:30)."), "it is told");
    assert!(page.contains("That is 30\u{a0}min, in no number"));
}

#[test]
fn only_business_hours_count_where_that_is_asked() {
    let project = Project::new().with_small_cluster();
    let first = "FROM samples WHERE metric = 'memory_percent' AND time(ts / 1000, 'unixepoch') < '00:30:00'";
    let page = report(&project, &format!("{FIRST_HALF}'only'"));
    let expected = project.sql(&format!("SELECT avg(value) {first}")).as_f64().unwrap();
    assert!(close(number(&page, "data-tile=\"memory_percent\""), expected));
    // On the clocks of the report's zone it is half past one there.
    let elsewhere =
        report(&project, &format!("timezone = 'Europe/Berlin'\n{}'only'", FIRST_HALF.replace("00:", "01:")));
    assert!(close(number(&elsewhere, "data-tile=\"memory_percent\""), expected));
}

#[test]
fn what_is_shaded_counts_and_is_seen_in_every_chart() {
    let project = Project::new().with_small_cluster();
    let plain = report(&project, "");
    let page = report(&project, &format!("{FIRST_HALF}'shade'"));
    let cpu = "data-tile=\"cpu_percent\"";
    assert_eq!(number(&page, cpu), number(&plain, cpu));
    assert!(!plain.contains("class=\"shade\""));
    let charts = page.matches("<figure class=\"chart").count() - page.matches("<figure class=\"chart heat").count();
    assert_eq!(page.matches("class=\"shade\"").count(), charts);
    assert!(page.contains("<title>night</title>") && page.contains("Shaded: night (00:00-00:30)."));
    project.run(["plot", "load1", "-o", "load.svg"]).ok();
    assert!(project.read("load.svg").contains("class=\"shade\""), "figures have it too");
    project.run(["report", "-q", "-o", "lively.html"]).ok();
    assert!(
        project
            .read("lively.html")
            .contains("\"shades\":[{\"name\":\"night\",\"ranges\":[[1767571200000,1767573000000]]}]")
    );
}

#[test]
fn an_event_that_lasts_is_a_window_of_its_nodes() {
    let project = Project::new().with_small_cluster();
    let times = ["--at", "2026-01-05 00:10", "--until", "2026-01-05 00:20"];
    project.run(["annotate", "maintenance of db-1", "--node", "db-1"].iter().chain(&times).copied()).ok();
    let page = report(&project, "[[report.mask]]\nname = 'upkeep'\nevent = 'maintenance*'\naction = 'leave_out'");
    let mean = |node: &str, condition: &str| {
        let query =
            format!("SELECT avg(value) FROM samples WHERE metric = 'cpu_percent' AND node = '{node}' AND {condition}");
        project.sql(&query).as_f64().unwrap()
    };
    let shown = |node: &str| {
        let row = page.split_once(&format!("<tr data-node=\"{node}\"")).unwrap().1;
        number(row, "data-metric=\"cpu_percent\" data-agg=\"avg\"")
    };
    let outside = "time(ts / 1000, 'unixepoch') NOT BETWEEN '00:10:00' AND '00:19:59'";
    assert!(close(shown("db-1"), mean("db-1", outside)) && close(shown("db-2"), mean("db-2", "1")));
    assert!(page.contains("That is up to 10\u{a0}min of a node"), "it is told");
}

#[test]
fn where_nothing_counts_there_is_no_data() {
    let project = Project::new().with_small_cluster();
    project.write("nodebook.toml", "[[report.mask]]\nname = 'none'\nhours = '12:00-13:00'\naction = 'only'");
    let said = project.run(["report"]).fails(4);
    insta::assert_snapshot!(said, @"error: the masks of [report] leave out all data between 2026-01-05T00:00:00.000Z and 2026-01-05T00:59:50.001Z");
}
