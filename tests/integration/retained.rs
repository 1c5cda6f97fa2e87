//! What retention leaves can still be shown.

use super::harness::Project;

/// With the retention of the README, reports and summaries of old days ended with "no data", and an export of them was empty.
#[test]
fn days_whose_samples_were_pruned_are_shown_from_rollups() {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"2d\"\n";
    let project = Project::new().file("nodebook.toml", config);
    project.run(["demo", "--nodes", "2", "--days", "20"]).ok();
    let before = project.run(["info", "--json"]).ok().json();
    let whole =
        project.run(["export", "--from", "now-10d/d", "--to", "now-9d/d", "--every", "1h", "-o", "-"]).ok().stdout();
    project.run(["maintain"]).ok();
    let after = project.run(["info", "--json"]).ok().json();
    assert!(after["samples"].as_u64() < before["samples"].as_u64());
    let (hour, first) = (after["from"].as_str().unwrap(), before["from"].as_str().unwrap());
    assert_eq!((&hour[..13], &after["to"]), (&first[..13], &before["to"]), "the file still tells of all its time");

    for days in [1, 3, 7, 15] {
        let (from, to) = (format!("now-{}d/d", 3 + days), "now-3d/d");
        let range = ["--from", &from, "--to", to];
        let page = format!("{days}.html");
        project.run(["report", "-o", &page].into_iter().chain(range)).ok();
        assert!(project.read(&page).contains("cpu_percent"), "{days} days");
        let summary = project.run(["summary", "--format", "json"].into_iter().chain(range)).ok().json();
        assert_eq!(summary["nodes"].as_array().unwrap().len(), 2, "{days} days");
        assert!(summary["metrics"].as_array().unwrap().iter().any(|row| row["metric"] == "cpu_percent"));
    }
    let pruned =
        project.run(["export", "--from", "now-10d/d", "--to", "now-9d/d", "--every", "1h", "-o", "-"]).ok().stdout();
    assert!(whole == pruned && whole.lines().count() > 24, "an hour's mean is the same from its rollup");
}

/// An outage of half a day was told as 100 % of the expected samples, once the samples around it were gone.
#[test]
fn an_outage_is_still_told_when_the_samples_around_it_are_gone() {
    let config = "db = \"nodebook.db\"\ntimezone = \"UTC\"\n[retention]\nraw = \"2d\"\n";
    let project = Project::new().file("nodebook.toml", config);
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for minute in (0..4 * 1440).filter(|minute| !(1440..2160).contains(minute)) {
        csv += &format!("{},db-1,load1,1\n", 1_767_571_200_000_i64 + minute * 60_000);
    }
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    let range = ["--from", "2026-01-05", "--to", "2026-01-08"];
    let summary = |json: bool| {
        let format = if json { "json" } else { "text" };
        project.run(["summary", "--format", format].into_iter().chain(range)).ok()
    };
    let share = summary(true).json()["coverage"].as_f64().unwrap();
    project.run(["maintain"]).ok();
    assert_eq!(project.run(["info", "--json"]).ok().json()["samples"], 0);
    let pruned = summary(true).json()["coverage"].as_f64().unwrap();
    assert!((share - 5.0 / 6.0).abs() < 0.001 && (pruned - share).abs() < 0.001, "{share} {pruned}");
    let text = summary(false).stdout();
    assert!(text.contains("told by the hour: the samples are no longer kept"), "{text}");
    assert!(text.contains("the gap is from 2026-01-06T00:00:00.000Z to 2026-01-06T12:00:00.000Z"), "{text}");
}
