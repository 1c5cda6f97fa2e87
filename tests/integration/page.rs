//! The page as its reader gets it: which sections, in which order, whatever the data is like.

use super::harness::{Project, SMALL_START_MS};

/// The sections of a page, in order.
fn sections(page: &str) -> Vec<&str> {
    page.split("<section data-section=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Where the links of the navigation lead to.
fn navigation(page: &str) -> Vec<&str> {
    let nav = between(page, "<nav class=\"contents\"", "</nav>");
    nav.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let rest = page.split_once(start).unwrap_or_else(|| panic!("no {start}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

fn section<'a>(page: &'a str, name: &str) -> &'a str {
    between(page, &format!("<section data-section=\"{name}\""), "</section>")
}

/// The report of everything in the project, without script.
fn report(project: &Project, arguments: &[&str]) -> String {
    let all = ["report", "--interactive", "off", "-q", "-o", "page.html"];
    project.run(all.iter().chain(arguments).copied()).ok();
    let page = project.read("page.html");
    for anchor in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("id=\"{anchor}\"")), "#{anchor} leads nowhere");
    }
    let text = &page[..page.find("<script>").unwrap()];
    assert!(!text.contains("NaN") && !text.contains(">inf"), "a number that is none is shown");
    page
}

/// A project with samples: node, metric, times in seconds from [`SMALL_START_MS`], and a value for each.
fn recorded(series: impl IntoIterator<Item = (String, &'static str, Vec<(i64, f64)>)>) -> Project {
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for (node, metric, samples) in series {
        for (second, value) in samples {
            csv += &format!("{},{node},{metric},{value}\n", SMALL_START_MS + second * 1000);
        }
    }
    let project = Project::new();
    project.run_with(["import", "-q", "-"], csv.as_bytes()).ok();
    project
}

#[test]
fn nobody_has_arranged_it() {
    let project = Project::new().with_small_cluster();
    let page = report(&project, &[]);
    let expected = ["findings", "summary", "resources", "io", "heatmap", "nodes", "quality"];
    assert_eq!(sections(&page)[..7], expected);
    assert_eq!(navigation(&page)[..7], expected);
    assert_eq!((sections(&page)[7], navigation(&page)[7]), ("method", "method"));
    let left_out = section(&page, "method");
    assert!(left_out.contains("Partitions and balance (no metric counts partitions)"), "{left_out}");
    let verdict = page.find("data-verdict=").unwrap();
    assert!(verdict < page.find("<main").unwrap(), "the verdict is in the head");
}

#[test]
fn sections_are_chosen_ordered_and_titled() {
    let config = "[report]\nsections = ['nodes', 'summary', 'partitions']\ntitles = { nodes = 'Machines <all>' }";
    let project = Project::new().with_small_cluster().file("nodebook.toml", config);
    let page = report(&project, &[]);
    assert_eq!(sections(&page), ["nodes", "findings", "summary", "partitions", "method"]);
    assert_eq!(navigation(&page), sections(&page));
    assert!(page.contains("Machines &#60;all&#62;</h2>"), "{}", section(&page, "nodes"));
    let silent = section(&page, "partitions");
    assert!(silent.contains("Nothing to show: no metric counts partitions."), "{silent}");
    // A section without figures leads nothing, so the filter comes first; header and footer stay.
    assert!(page.find("id=\"nodebook-filter\"").unwrap() < page.find("data-section=\"nodes\"").unwrap());
    assert!(page.contains("data-verdict=") && page.contains("<footer>"));

    project.write("nodebook.toml", "[report]\nsections = []");
    assert_eq!(sections(&report(&project, &[])), ["method"]);
}

#[test]
fn a_section_that_there_is_not_is_an_error_that_names_the_nearest() {
    let project = Project::new().with_small_cluster().file("nodebook.toml", "[report]\nsections = ['heatmaps']");
    let said = project.run(["report"]).fails(2);
    insta::assert_snapshot!(said, @"error: nodebook.toml, line 2: `heatmaps` is no section of a report; did you mean `heatmap`?");
}

#[test]
fn one_sample_is_a_page() {
    let project = recorded([("a".into(), "cpu_percent", vec![(0, 42.0)])]);
    let page = report(&project, &[]);
    assert!(section(&page, "resources").contains("CPU busy: 42\u{a0}%"), "{}", section(&page, "resources"));
    assert!(section(&page, "quality").contains("There is one sample only"));
}

#[test]
fn constants_are_told_as_level() {
    let level = |value: f64| (0..60).map(|i| (i * 60, value)).collect::<Vec<_>>();
    let project = recorded([
        ("a".into(), "cpu_percent", level(0.0)),
        ("a".into(), "memory_percent", level(100.0)),
        ("a".into(), "depth", level(-3.0)),
    ]);
    let page = report(&project, &[]);
    for title in ["CPU busy: 0\u{a0}% throughout", "Memory used: 100\u{a0}% throughout", "depth: −3 throughout"] {
        assert!(page.contains(title), "{title}");
    }
}

#[test]
fn gaps_are_told_and_break_lines() {
    let samples = (0..360).filter(|i| !(100..200).contains(i)).map(|i| (i * 10, 20.0 + (i % 7) as f64)).collect();
    let project = recorded([("a".into(), "cpu_percent", samples)]);
    let page = report(&project, &[]);
    assert!(section(&page, "findings").contains("data-finding=\"coverage\""), "{}", section(&page, "findings"));
    assert!(section(&page, "quality").contains("<td>16\u{a0}min 50\u{a0}s</td>"), "{}", section(&page, "quality"));
    let line = between(section(&page, "resources"), "<path class=\"l s1\" d=\"", "\"");
    assert_eq!(line.matches('M').count(), 2, "{line}");
}

#[test]
fn five_hundred_nodes_and_two_years_are_a_page_of_the_same_size() {
    let nodes = (0..500).map(|n| {
        let samples = (0..6).map(|i| (i * 600, f64::from((n * 7 + i as i32) % 90))).collect();
        (format!("node-{n:03}"), "cpu_percent", samples)
    });
    let page = report(&recorded(nodes), &[]);
    assert_eq!(section(&page, "nodes").matches("<tr data-node=").count(), 500);
    assert!(section(&page, "heatmap").contains("440 nodes with a lower mean"));
    assert!(page.len() < 1_500_000, "{}", page.len());

    let days = |metric| ("a".to_owned(), metric, (0..730 * 4).map(|i| (i * 21_600, (i % 50) as f64)).collect());
    let project = recorded([days("cpu_percent"), days("disk_percent")]);
    let page = report(&project, &["--from", "2026-01-05", "--to", "2028-01-05"]);
    assert!(page.contains("Mon 5 Jan 2026 – Tue 4 Jan 2028"), "{}", between(&page, "<header", "</header>"));
    assert!(page.len() < 300_000, "{}", page.len());
}
