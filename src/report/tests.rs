//! Whole pages of simulated models. Set `NODEBOOK_KEEP_PAGES` to a directory to look at them.

use super::model::Model;
use super::model::sample::{HOSTILE, before, cluster, empty, frame};
use super::*;

const HALF_HOUR: i64 = 1_800_000;
const GAP: f64 = f64::NAN;

/// The page of a model; kept to be looked at where that is asked for.
fn page(name: &str, model: &Model) -> String {
    let page = html(&View::of(model)).unwrap();
    if let Some(dir) = std::env::var_os("NODEBOOK_KEEP_PAGES") {
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.html")), &page).unwrap();
    }
    page
}

/// Node, part and values.
type Values<'a> = (&'a str, &'a str, Vec<f64>);

fn with_frames(nodes: &[&str], frames: &[(&str, Vec<Values<'_>>)]) -> Model {
    let buckets = frames.iter().flat_map(|(_, rows)| rows.iter().map(|r| r.2.len())).max().unwrap_or(1);
    let mut model = empty(nodes, buckets, 1_000);
    model.frames = frames.iter().map(|(name, rows)| frame(&model, name, rows.clone())).collect();
    model
}

#[test]
fn a_week_of_a_cluster_has_every_section() {
    let mut model = cluster(12, 336, HALF_HOUR);
    model.before = Some(before(&model, 0.8));
    model.options.title = Some("Orders cluster".into());
    let page = page("week", &model);
    for section in ["summary", "findings", "resources", "io", "partitions", "heatmap", "nodes", "quality", "method"] {
        assert!(page.contains(&format!("data-section=\"{section}\"")), "{section}");
    }
    assert!(
        page.contains("data-verdict=\"warn\"")
            && page.contains("data-finding=\"coverage\" data-severity=\"warn\" data-node=\"web-03\"")
    );
    let first = page.find("data-section=\"findings\"").unwrap();
    assert!(page.find("data-verdict").unwrap() < first && first < page.find("data-section=\"summary\"").unwrap());
    assert_eq!(page.matches("<tr data-node=").count(), 12);
    assert!(page.contains("data-tile=\"cpu_percent\" data-agg=\"avg\" data-value=\""));
    assert!(page.contains("data-from=\"2026-11-16T00:00:00+01:00\" data-to=\"2026-11-23T00:00:00+01:00\""));
}

/// What a reader sees of a page: no tags, styles and scripts, which come last.
fn seen(page: &str) -> String {
    let mut text = String::new();
    let page = &page[..page.find("<script>").unwrap_or(page.len())];
    for part in page.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap_or((part, ""));
        if !tag.starts_with("style") {
            text.push_str(after);
            text.push(' ');
        }
    }
    text
}

#[test]
fn numbers_and_dates_are_those_of_the_language() {
    let page_in = |name: &str| {
        let mut model = cluster(12, 336, HALF_HOUR);
        model.before = Some(before(&model, 0.8));
        model.options.language = name.parse().unwrap();
        model.clock = format::Clock::new(model.options.timezone, model.options.range, model.options.language);
        page(&format!("week-{name}"), &model)
    };
    let (english, german) = (page_in("en"), page_in("de"));
    let text = seen(&german);
    assert!(text.contains("Mo., 16. – So., 22. Nov. 2026") && text.contains(" Di., 17. "), "dates");
    assert!(text.contains("44,9\u{a0}%") || text.contains(",5\u{a0}%"), "numbers");
    // A point between digits is a German thousand, or of a version.
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('.') {
        let is_digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
        if at > 0 && is_digit(at - 1) && is_digit(at + 1) {
            let around = String::from_utf8_lossy(&bytes[at.saturating_sub(30)..bytes.len().min(at + 10)]);
            let is_thousand = (1..=3).all(|i| is_digit(at + i)) && !is_digit(at + 4);
            assert!(is_thousand || around.contains("nodebook ") || around.contains("plotly.js"), "{around}");
        }
    }
    let exact = |page: &str| -> Vec<String> {
        page.split("data-value=\"").skip(1).map(|rest| rest[..rest.find('"').unwrap()].to_owned()).collect()
    };
    assert_eq!(exact(&english), exact(&german));
}

#[test]
fn events_stand_on_heatmaps_and_the_other_period_behind_means_of_parts() {
    let mut model = with_frames(
        &["a", "b"],
        &[
            ("cpu_percent", vec![("a", "", vec![5.0; 20]), ("b", "", vec![50.0; 20])]),
            (
                "cpu_mode_percent",
                ["a", "b"]
                    .iter()
                    .flat_map(|node| {
                        [(*node, "", vec![50.0; 20]), (*node, "user", vec![20.0; 20]), (*node, "idle", vec![80.0; 20])]
                    })
                    .collect(),
            ),
        ],
    );
    model.events = vec![crate::model::Annotation {
        at: model.grid.time(5),
        until: Some(model.grid.time(8)),
        nodes: None,
        text: "deploy <1>".into(),
    }];
    model.before = Some(before(&model, 0.5));
    model.options.interactive = true;
    let view = View::of(&model);
    let heatmap = view.heatmap.as_ref().unwrap();
    assert!(heatmap.svg.contains("<title>deploy &lt;1&gt;</title><path class=\"edge under\" d=\"M"), "{}", heatmap.svg);
    let modes = view.other.charts.iter().find(|chart| chart.metric == "cpu_mode_percent").unwrap();
    assert_eq!(modes.svg.matches("class=\"l before\"").count(), 2, "{}", modes.svg);
    let data: serde_json::Value = serde_json::from_str(&charts::PageData::of(&model).json).unwrap();
    let folds = data["metrics"][1]["folds_before"].as_object().unwrap();
    assert_eq!(folds.keys().collect::<Vec<_>>(), ["idle", "user"]);
    let chart = |id: &str| data["charts"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap().clone();
    let behind = &chart("line-1")["figure"]["data"][0]["nb"];
    assert_eq!(*behind, serde_json::json!({"kind": "before", "metric": 1, "part": "idle"}));
    let shapes = chart("heatmap-0")["figure"]["layout"]["shapes"].as_array().unwrap().clone();
    assert_eq!((shapes.len(), &shapes[0]["name"]), (4, &"deploy <1>".into()));
    // The page's script tells it under the pointer.
    assert_eq!(chart("line-1")["figure"]["layout"]["shapes"][0]["name"], "deploy <1>");
}

#[test]
fn the_overloaded_node_is_named_in_the_title_and_drawn() {
    let model = cluster(12, 336, HALF_HOUR);
    let view = View::of(&model);
    let cpu = &view.resources[0];
    assert!(cpu.title.starts_with("CPU busy: db-02 peaked at"), "{}", cpu.title);
    assert!(cpu.key.iter().any(|k| k.name == "db-02"));
    assert!(cpu.svg.contains(">db-02</text>"));
}

#[test]
fn first_light_is_half_a_minute_of_one_node() {
    let mut model = cluster(1, 30, 1_000);
    model.frames.retain(|f| !f.shown.name.starts_with("partition"));
    let page = page("first-light", &model);
    assert!(page.contains("data-verdict=\"ok\"") && page.contains("Nothing found."));
    assert!(!page.contains("data-section=\"partitions\""));
}

#[test]
fn five_hundred_nodes_fit_and_say_what_they_leave_out() {
    let model = cluster(500, 120, 3_600_000);
    let page = page("large", &model);
    assert_eq!(page.matches("<tr data-node=").count(), 500);
    assert!(page.contains("440 nodes with a lower mean"));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn odd_data_is_shown_and_breaks_nothing() {
    let huge = vec![1e300, -1e300, f64::MAX, GAP, 5e-324];
    let model = with_frames(
        &["a", "b"],
        &[
            ("cpu_percent", vec![("a", "", vec![GAP, 50.0, GAP]), ("b", "", vec![GAP, GAP, GAP])]),
            ("memory_percent", vec![("a", "", vec![42.0; 5]), ("b", "", vec![42.0; 5])]),
            ("huge", vec![("a", "", huge), ("b", "", vec![GAP; 5])]),
            ("negative", vec![("a", "", vec![-5.0, -3.0, 2.0, GAP, -4.0])]),
            ("infinite", vec![("a", "", vec![1.0, f64::INFINITY, 2.0])]),
        ],
    );
    let page = page("odd", &model);
    assert!(page.contains("Memory used: 42\u{a0}% on every node throughout"));
    assert!(page.contains("CPU busy: highest on a, 55\u{a0}%") || page.contains("CPU busy: highest on a, "));
    let page = &page[..page.find("<script>").unwrap()];
    assert!(!page.contains("NaN") && !page.contains("inf\""));
}

/// The mean over shares of a whole is the same at all times, and was what the title told.
#[test]
fn a_chart_of_parts_speaks_of_its_parts() {
    let shares = |a: [f64; 3]| {
        vec![("a", "", vec![50.0; 3]), ("a", "user", a.to_vec()), ("a", "idle", a.map(|v| 100.0 - v).to_vec())]
    };
    let title = |a: [f64; 3]| {
        let model = with_frames(&["a"], &[("mode_percent", shares(a))]);
        let view = View::of(&model);
        view.other.charts[0].title.clone()
    };
    assert!(title([90.0, 10.0, 30.0]).starts_with("mode_percent: user peaked at "), "{}", title([90.0, 10.0, 30.0]));
    assert_eq!(title([50.0; 3]), "mode_percent: 50 throughout");
}

#[test]
fn unknown_metrics_are_shown_and_what_is_not_is_listed() {
    let mut model = with_frames(&["a"], &[("queue_depth", vec![("a", "", vec![1.0, 4.0, 2.0])])]);
    model.unshown = vec![("debug_one".into(), 1), ("debug_two".into(), 3)];
    let page = page("other", &model);
    assert!(page.contains("data-section=\"other\"") && page.contains("data-metric=\"queue_depth\""));
    assert!(
        page.contains("2 more metrics without a chart here")
            && page.contains("it has charts of 1 of these metrics. The other 2 are recorded all the same")
            && page.contains("debug_two <span class=\"muted\">3 nodes")
    );
}

#[test]
fn hostile_names_are_text_everywhere() {
    let mut model = with_frames(
        &[HOSTILE, "b"],
        &[
            ("cpu_percent", vec![(HOSTILE, "", vec![1.0, 9.0, 2.0]), ("b", "", vec![1.0, 1.0, 1.0])]),
            ("disk_percent", vec![(HOSTILE, "", vec![1.0, 9.0, 2.0]), (HOSTILE, HOSTILE, vec![1.0, 9.0, 2.0])]),
            ("partition_count", vec![(HOSTILE, "", vec![1.0, 9.0, 2.0])]),
            (HOSTILE, vec![("b", "", vec![1.0, 1.0, 2.0])]),
        ],
    );
    model.options.title = Some(HOSTILE.into());
    model.options.command = HOSTILE.into();
    model.origin.name = HOSTILE.into();
    model.unshown = vec![(HOSTILE.into(), 1)];
    model.events = vec![crate::model::Annotation {
        at: model.options.range.from(),
        until: None,
        nodes: Some(HOSTILE.into()),
        text: HOSTILE.into(),
    }];
    for interactive in [false, true] {
        model.options.interactive = interactive;
        let page = page(if interactive { "hostile-interactive" } else { "hostile" }, &model);
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"), "interactive {interactive}");
        assert!(
            page.contains("&lt;img src=x onerror=alert(1)&gt;")
                || page.contains("&#60;img src=x onerror=alert(1)&#62;")
        );
    }
    let figure = charts::full_figure(&model);
    assert!(!figure.contains("<img"), "{figure}");
}

#[test]
fn the_same_data_gives_the_same_bytes_and_time_is_told_only_when_asked() {
    let mut model = cluster(3, 50, HALF_HOUR);
    model.options.interactive = true;
    assert_eq!(page("again", &model), page("again", &model));
    let mut view = View::of(&model);
    view.took(std::time::Duration::from_millis(120));
    assert!(!html(&view).unwrap().contains(" in 120"));
    model.options.made_at = Some(model.options.range.to());
    let mut view = View::of(&model);
    view.took(std::time::Duration::from_millis(120));
    let page = html(&view).unwrap();
    assert!(
        page.contains("made Tue 17 Nov 2026 01:00:00 in 120\u{a0}ms"),
        "{}",
        &page[page.len() - 60_000..].contains("made")
    );
}

#[test]
fn a_static_page_has_one_script_and_an_interactive_one_its_data() {
    let mut model = cluster(2, 20, HALF_HOUR);
    let static_page = page("static", &model);
    assert!(!static_page.contains("id=\"nodebook-plotly\"") && !static_page.contains("id=\"nodebook-data\""));
    assert!(!static_page.contains("unsafe-inline&#39;;") && static_page.contains("style-src &#39;sha256-"));
    model.options.interactive = true;
    let page = page("interactive", &model);
    let start = page.find("id=\"nodebook-data\">").unwrap() + "id=\"nodebook-data\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
    assert_eq!(data["nodes"], serde_json::json!(["db-01", "web-01"]));
    assert_eq!(data["metrics"][0]["name"], "cpu_percent");
    let chart = &data["charts"][0];
    assert_eq!(
        chart["figure"]["data"][0]["nb"],
        serde_json::json!({"kind": "row", "metric": 0, "row": 0, "col": "avg"})
    );
    assert_eq!(chart["figure"]["data"][0]["line"]["color"], "var(--s1)");
    for chart in data["charts"].as_array().unwrap() {
        let id = chart["id"].as_str().unwrap();
        assert!(page.contains(&format!("data-chart=\"{id}\"")), "{id} is not in the page");
    }
}

#[test]
fn a_figure_by_itself_has_its_arrays_and_no_server() {
    let model = with_frames(&["a"], &[("queue_depth", vec![("a", "", vec![1.0, 1.5, GAP, GAP, GAP, GAP, 2.0])])]);
    let figure: serde_json::Value = serde_json::from_str(&charts::full_figure(&model)).unwrap();
    assert_eq!(figure["config"]["showSendToCloud"], false);
    let line = &figure["data"][1];
    assert_eq!(line["y"], serde_json::json!([1.0, 1.5, null, 2.0]));
    assert_eq!(line["x"][0], "2026-11-16 00:00:00");
    assert!(figure_page(&model).unwrap().contains("data-chart=\"line-0\""));
}

#[test]
fn offsets_tell_when_the_clocks_change() {
    let mut model = empty(&["a"], 100, 3_600_000);
    // 2026-10-24T00:00:00Z to four days later; the clocks go back on the 25th at 01:00 UTC.
    let from = crate::model::Timestamp::from_millis(1_792_800_000_000);
    model.options.range = crate::model::TimeRange::new(from, from.plus_millis(4 * 86_400_000)).unwrap();
    model.grid.start = from;
    model.frames = vec![frame(&model, "cpu_percent", vec![("a", "", vec![1.0; 100])])];
    let data: serde_json::Value = serde_json::from_str(&charts::PageData::of(&model).json).unwrap();
    assert_eq!(
        data["offsets"],
        serde_json::json!([[1_792_800_000_000_i64, 7_200_000], [1_792_890_000_000_i64, 3_600_000]])
    );
}

#[test]
fn a_page_that_cannot_be_small_enough_says_so() {
    use crate::model::Selector;
    use crate::query::Source;
    use crate::query::memory::{MemorySource, key};
    let samples = (0..100).map(|i| (i * 60_000, i as f64));
    let source = MemorySource::default().with(key("a", "cpu_percent", &[]), samples);
    let range = source.span().unwrap().unwrap();
    let made = |max_bytes, interactive| {
        let options = ReportOptions::new(range, Selector::all(), chrono_tz::UTC);
        let options = ReportOptions { max_bytes, interactive, ..options };
        html(&build(&source, &options).unwrap()).unwrap().replace('\u{a0}', " ")
    };
    let page = |max_bytes| made(max_bytes, true);
    let still = made(10_000, false);
    assert!(
        still.contains("more than the 0.01 MB")
            && !still.contains("as coarse as it gets")
            && !still.contains("--interactive off")
    );
    let large = page(300_000);
    assert!(large.contains("more than the 0.3 MB that it may have") && !large.contains("stays "));
    assert!(
        large.contains("as coarse as it gets")
            && large.contains("or one that cannot be zoomed (--interactive off), is smaller")
    );
    let small = page(2_000_000);
    assert!(
        small.contains("stays well within 2 MB, the most that it may have (--max-size)")
            && !small.contains("The page has")
    );
    let between = small.len() as u64 + 20_000;
    let near = page(between);
    assert!(near.contains("the coarsest there is, which stays within") && !near.contains("well within"));
}

#[test]
fn completeness_that_is_counted_by_rollups_is_said_to_be() {
    let mut model = cluster(3, 48, HALF_HOUR);
    assert!(!page("counted-not", &model).contains("completeness and gaps are counted by"));
    model.coverage[0].step_ms = 3_600_000;
    assert!(page("counted", &model).contains("completeness and gaps are counted by the hours of what is left of them"));
}
