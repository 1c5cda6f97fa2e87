//! Plots of one's own: in the page, and as a figure by themselves.

use super::harness::{Project, SMALL_START_MS};

/// Ten minutes of two nodes with two queues each, every 10 s: the depth of a queue is its node's number times 100 (x) or 1 (y) plus a step.
fn queues(config: &str) -> Project {
    let mut csv = String::from("timestamp_ms,node,metric,labels,value\n");
    for i in 0..60 {
        let ts = SMALL_START_MS + i * 10_000;
        for (n, node) in [(1, "mq-1"), (2, "mq-2")] {
            csv += &format!("{ts},{node},queue_depth,\"{{\"\"queue\"\":\"\"x\"\"}}\",{}\n", n * 100 + i % 5);
            csv += &format!("{ts},{node},queue_depth,\"{{\"\"queue\"\":\"\"y\"\"}}\",{n}\n");
            csv += &format!("{ts},{node},cpu_percent,,{}\n", n * 10);
        }
    }
    let project = Project::new().file("nodebook.toml", config);
    project.run_with(["import", "-q", "-"], csv.as_bytes()).ok();
    project
}

fn report(project: &Project) -> String {
    project.run(["report", "-q", "-o", "page.html"]).ok();
    project.read("page.html")
}

/// The chart of a plot with this title.
fn chart<'a>(page: &'a str, title: &str) -> &'a str {
    let start = page.find(&format!("data-metric=\"plot:{title}\" data-drawn")).unwrap_or_else(|| panic!("no {title}"));
    &page[start..start + page[start..].find("</figure>").unwrap()]
}

fn plot(title: &str, keys: &str) -> String {
    format!("[[report.plot]]\ntitle = '{title}'\nmetric = 'queue_*'\n{keys}\n")
}

/// The data that the page's script reads.
fn data(page: &str) -> serde_json::Value {
    let json = page.split_once("id=\"nodebook-data\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(json).unwrap()
}

#[test]
fn lines_are_told_apart_by_node_by_label_or_not_at_all() {
    let config = [
        plot("By node", "by = 'node'\nagg = 'sum'\nunit = 'items'"),
        plot("By queue", "by = 'queue'\nagg = 'max'"),
        plot("Everything", "agg = 'sum'"),
    ];
    let project = queues(&config.concat());
    let page = report(&project);
    let text = |title: &str| chart(&page, title).replace('\u{a0}', " ");
    assert!(text("By node").contains("By node: mq-2 peaked at 206 at"), "{}", text("By node"));
    assert!(text("By node").contains("items · 2 nodes"), "{}", text("By node"));
    assert!(text("By queue").contains("<th scope=\"row\">x</th>"), "{}", text("By queue"));
    assert!(text("By queue").contains("2 parts, each the highest of 2 nodes"), "{}", text("By queue"));
    assert!(text("Everything").contains("sum of 2 nodes"), "{}", text("Everything"));
    // What is said is what SQL says.
    let most = "SELECT max(s) FROM (SELECT sum(value) AS s FROM samples WHERE metric = 'queue_depth' GROUP BY ts)";
    let most = project.sql(most).as_f64().unwrap();
    assert!(text("Everything").contains(&format!("peaked at {most}")), "{}", text("Everything"));

    let data = data(&page);
    let metrics = data["metrics"].as_array().unwrap();
    let index = |title: &str| metrics.iter().position(|m| m["name"] == format!("plot:{title}")).unwrap();
    let charts = data["charts"].as_array().unwrap();
    let traces = |title: &str| charts.iter().find(|c| c["metric"] == index(title)).unwrap()["figure"]["data"].clone();
    assert_eq!(
        traces("Everything")[0]["nb"],
        serde_json::json!({"kind": "fold", "metric": index("Everything"), "agg": "sum"})
    );
    assert_eq!(
        traces("By queue")[0]["nb"],
        serde_json::json!({"kind": "fold", "metric": index("By queue"), "agg": "max", "part": "x"})
    );
    assert_eq!(traces("By node")[1]["nb"]["kind"], "row");
}

#[test]
fn a_limit_is_a_line_and_a_finding_and_the_plot_stands_where_it_is_put() {
    let project = queues(&plot("Depth", "by = 'node'\nagg = 'max'\nbad_above = 150\nsection = 'resources'"));
    let page = report(&project);
    let resources =
        page.split_once("<section data-section=\"resources\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(resources.contains("data-metric=\"plot:Depth\"") && chart(&page, "Depth").contains("class=\"limit bad\""));
    let finding = page.split_once("data-finding=\"threshold\"").unwrap().1.split_once("</li>").unwrap().0;
    assert!(
        finding.contains("data-node=\"mq-2\"") && finding.contains("Depth on mq-2 was at or above 150"),
        "{finding}"
    );
    assert!(finding.contains("metric IN (&#39;queue_depth&#39;)"), "{finding}");
    let link = finding.split_once("href=\"#").unwrap().1.split('"').next().unwrap();
    assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
}

#[test]
fn bars_and_heatmaps_are_plots_too() {
    let config = [plot("Bars", "kind = 'bar'\nagg = 'max'"), plot("Heat", "kind = 'heatmap'\nagg = 'sum'")];
    let page = report(&queues(&config.concat()));
    assert!(chart(&page, "Bars").contains("Bars: 204 on mq-2, 104 on mq-1"), "{}", chart(&page, "Bars"));
    assert!(chart(&page, "Heat").contains("on mq-2 on average, 103 on mq-1"), "{}", chart(&page, "Heat"));
    let data = data(&page);
    let kinds: Vec<&str> = data["charts"].as_array().unwrap().iter().map(|c| c["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "bar").count(), 1, "{kinds:?}");
    for chart in data["charts"].as_array().unwrap() {
        assert!(page.contains(&format!("data-chart=\"{}\"", chart["id"].as_str().unwrap())), "{chart}");
    }
}

#[test]
fn a_plot_without_data_says_so() {
    let project = queues("[[report.plot]]\ntitle = 'Lag <b>'\nmetric = 'consumer_lag*'");
    let page = report(&project);
    let own = page.split_once("<section data-section=\"plots\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(
        own.contains("Lag &#60;b&#62;") && own.contains("There is no data of consumer_lag* in this period."),
        "{own}"
    );
}

#[test]
fn the_plot_command_draws_them_by_their_title() {
    let project = queues(&plot("Queue depth", "by = 'queue'\nagg = 'sum'"));
    project.run(["plot", "Queue depth", "-o", "a.svg"]).ok();
    assert!(project.read("a.svg").contains("Queue depth: x"), "{}", project.read("a.svg"));
    project.run(["plot", "Queue depth", "-o", "a.json"]).ok();
    let figure: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
    let names: Vec<&str> = figure["data"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["x", "y"]);
    assert_eq!(figure["data"][1]["y"][0], 3.0);
    assert!(project.run(["plot", "Queue", "-o", "b.svg"]).fails(4).contains("no metric in range matches Queue"));
}

#[test]
fn a_page_that_is_read_back_has_what_is_stored_and_not_what_a_plot_makes_of_it() {
    let project = queues(&plot("Depth", "by = 'node'\nagg = 'sum'"));
    report(&project);
    project.run(["--db", "back.db", "import", "-q", "page.html"]).ok();
    let names = project.run(["--db", "back.db", "sql", "--format", "csv", "SELECT name FROM metric ORDER BY name"]);
    assert_eq!(names.ok().stdout().split_whitespace().collect::<Vec<_>>(), ["name", "cpu_percent", "queue_depth"]);
}

/// The library's figure is the command's, and its numbers are SQL's.
#[test]
fn the_library_draws_the_same_figures() {
    let project = queues("");
    project.run(["plot", "cpu_percent", "--node", "mq-2", "-q", "-o", "one.html"]).ok();
    let metrics = nodebook::MetricsVisualizer::open(project.path("nodebook.db")).unwrap();
    let all = nodebook::model::TimeRange::ALL;
    let page = metrics.plot_node_metrics(&["mq-2"], &["cpu_percent"], all).unwrap();
    let figures = |page: &str| -> Vec<String> {
        page.split("<figure").skip(1).map(|rest| rest.split_once("</figure>").unwrap().0.to_owned()).collect()
    };
    let command = project.read("one.html");
    assert_eq!(figures(&page), figures(&command));
    assert_eq!(data(&page), data(&command));
    assert!(figures(&page)[0].contains(">20"), "{}", figures(&page)[0]);
    let mean = project.sql("SELECT avg(value) FROM samples WHERE metric = 'cpu_percent' AND node = 'mq-2'");
    assert_eq!(mean.as_f64(), Some(20.0));
}
