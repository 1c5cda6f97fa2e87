//! A cluster manager that keeps its nodes' metrics: adds them, plots two of them, exports all and looks at the summary.
//!
//! `cargo run --example embed [DIRECTORY]` leaves `cluster.db`, `cluster.html` and `cluster.csv` there.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use nodebook::MetricsVisualizer;
use nodebook::facade::NodeMetrics;
use nodebook::model::{Selector, TimeRange, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    run(Path::new(&directory))
}

fn run(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut metrics = MetricsVisualizer::open(directory.join("cluster.db"))?;

    // What the manager knows of its nodes, every ten seconds. Names that reports know come as a struct, all others by name.
    let start = 1_767_571_200_000; // 2026-01-05 00:00 UTC
    for tick in 0..360 {
        let at = Timestamp::from_millis(start + tick * 10_000);
        for (i, node) in ["db-1", "db-2", "db-3"].into_iter().enumerate() {
            let wave = (tick as f64 / 40.0 + i as f64).sin();
            let known = NodeMetrics {
                cpu_percent: Some(50.0 + 30.0 * wave),
                partition_count: Some(64.0 + i as f64),
                ..NodeMetrics::default()
            };
            metrics.add_metrics(node, known, at)?;
            metrics.add_metrics(node, [("queue_depth", (100.0 + 90.0 * wave).round())], at)?;
        }
    }

    let html = metrics.plot_node_metrics(&["db-1", "db-2"], &["cpu_percent", "queue_depth"], TimeRange::ALL)?;
    fs::write(directory.join("cluster.html"), html)?;

    let mut csv = BufWriter::new(File::create(directory.join("cluster.csv"))?);
    let samples = metrics.export_metrics(&mut csv, &Selector::all(), TimeRange::ALL)?;
    csv.flush()?;
    println!("{samples} samples exported");

    let summary = metrics.summary(TimeRange::ALL)?;
    for row in summary.metrics.iter().filter(|row| row.metric == "queue_depth") {
        println!("{}: queue depth {:.0} on average, {:.0} at most", row.node, row.avg, row.max);
    }
    metrics.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_a_database_a_figure_and_a_table() {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path()).unwrap();
        let csv = fs::read_to_string(directory.path().join("cluster.csv")).unwrap();
        assert_eq!(csv.lines().count(), 1 + 360 * 3 * 3);
        assert!(fs::read_to_string(directory.path().join("cluster.html")).unwrap().contains("queue_depth"));
        // It is all there when the program comes back.
        let again = MetricsVisualizer::open(directory.path().join("cluster.db")).unwrap();
        let summary = again.summary(TimeRange::ALL).unwrap();
        assert_eq!((summary.nodes.len(), summary.metrics.len(), summary.metrics[0].count), (3, 9, 360));
        assert_eq!(summary.coverage, 1.0);
    }
}
