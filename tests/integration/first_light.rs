//! The whole way once: this machine is recorded, reported, asked and exported, and all tell the same.

use serde_json::Value;

use super::harness::Project;

#[cfg(target_os = "linux")]
#[test]
fn this_machine_is_recorded_and_report_sql_and_export_tell_the_same() {
    let project = Project::new();
    project.run(["record", "--interval", "1s", "--for", "3s", "--node", "here", "--report", "report.html"]).ok();
    assert_eq!(project.names(), ["nodebook.db", "report.html"], "one database file and the report");

    // Real figures: what the kernel says of itself now, give or take what happened since.
    let total_kib: f64 = std::fs::read_to_string("/proc/meminfo")
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap();
    let highest = |metric: &str| project.sql(&format!("SELECT max(value) FROM samples WHERE metric = '{metric}'"));
    assert_eq!(highest("memory_total_bytes").as_f64(), Some(total_kib * 1024.0));
    for percent in ["cpu_percent", "memory_percent", "disk_percent"] {
        let value = highest(percent).as_f64().unwrap_or_else(|| panic!("no {percent}"));
        assert!((0.0..=100.0).contains(&value), "{percent} {value}");
    }
    assert!(highest("load1").as_f64().unwrap() >= 0.0);
    assert!(highest("memory_percent").as_f64().unwrap() > 0.0);
    for counter in ["disk_read_bytes_total", "net_receive_bytes_total"] {
        assert!(
            project.sql(&format!("SELECT count(*) FROM samples WHERE metric = '{counter}'")).as_u64().unwrap() > 0,
            "{counter}"
        );
    }

    // An even grid: four readings a second apart.
    let times =
        project.run(["sql", "--format", "json", "SELECT DISTINCT ts FROM samples WHERE metric = 'load1' ORDER BY ts"]);
    let times: Vec<i64> = times.ok().json().as_array().unwrap().iter().map(|row| row["ts"].as_i64().unwrap()).collect();
    assert!((3..=4).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0]) % 1_000 < 50), "{times:?}");

    // The same figures by every way out.
    let exported = project.run(["export", "--metric", "memory_percent", "--time", "ms", "-o", "-"]).ok().stdout();
    let values: Vec<f64> =
        exported.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let by_sql = project.sql("SELECT avg(value) FROM samples WHERE metric = 'memory_percent'").as_f64().unwrap();
    assert!((mean - by_sql).abs() < 1e-9);
    let summary = project.run(["summary", "--format", "json"]).ok().json();
    let row = metric(&summary, "here", "memory_percent");
    assert!((row["avg"].as_f64().unwrap() - by_sql).abs() < 1e-9, "{row}");

    let page = project.read("report.html");
    let tile = tile_value(&page, "memory_percent", "avg");
    assert!((tile - by_sql).abs() < 1e-6, "the tile says {tile}, SQL says {by_sql}");
    for section in ["summary", "resources", "io", "heatmap", "nodes", "quality"] {
        assert!(page.contains(&format!("data-section=\"{section}\"")), "{section}");
    }
    for chart in ["cpu_percent", "memory_percent", "disk_percent", "load1"] {
        assert!(page.contains(&format!("data-metric=\"{chart}\"")), "no chart of {chart}");
    }
    assert_eq!(project.run(["check", "--json"]).ok().json()["ok"], true);
}

fn metric<'a>(summary: &'a Value, node: &str, metric: &str) -> &'a Value {
    let rows = summary["metrics"].as_array().unwrap();
    let found = rows.iter().find(|row| row["node"] == node && row["metric"] == metric);
    found.unwrap_or_else(|| panic!("no {node}/{metric} in {summary}"))
}

/// The exact number on a tile of a report.
fn tile_value(page: &str, metric: &str, aggregate: &str) -> f64 {
    let tag = page
        .split('<')
        .find(|tag| {
            tag.contains(&format!("data-tile=\"{metric}\"")) && tag.contains(&format!("data-agg=\"{aggregate}\""))
        })
        .unwrap_or_else(|| panic!("no tile of {metric}, {aggregate}"));
    let value = tag.split("data-value=\"").nth(1).unwrap().split('"').next().unwrap();
    value.parse().unwrap()
}
