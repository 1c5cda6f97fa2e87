//! When an engine was started, by its own metrics.

/// Names that say it: Prometheus' and everybody's, and VictoriaMetrics'.
const NAMES: [&str; 2] = ["process_start_time_seconds ", "vm_app_start_timestamp "];

/// The value, in whatever unit: it only matters whether it changes.
pub(super) fn started(page: &str) -> Option<f64> {
    NAMES.iter().find_map(|name| {
        let line = page.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_when_its_process_began() {
        assert_eq!(started("# HELP x\nvm_app_start_timestamp 1767571200\nx 1"), Some(1_767_571_200.0));
        assert_eq!(started("a 1\nprocess_start_time_seconds 1.7e9 5\n"), Some(1.7e9));
        assert_eq!(started("a 1\n"), None);
    }
}
