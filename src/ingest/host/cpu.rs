//! CPU time by mode, from the first lines of `/proc/stat`.

use super::reading::{Described, Reading, gauge};

const PERCENT: Described = gauge(
    "cpu_percent",
    "percent",
    "CPU time that was neither idle nor waiting for disks, of all cores; stolen time is busy",
);
const MODE: Described = gauge("cpu_mode_percent", "percent", "CPU time by mode, of all cores");
const COUNT: Described = gauge("cpu_count", "", "CPUs that are online");

/// Modes in the order of `/proc/stat`. Guest time is left out: it is part of user and nice.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const IDLE: usize = 3;
const IOWAIT: usize = 4;

/// Ticks of all CPUs since boot, by mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    modes: [u64; 8],
    cpus: usize,
}

impl Ticks {
    /// Of the text of `/proc/stat`.
    pub(super) fn of(stat: &str) -> Option<Ticks> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let mut fields = line.split_ascii_whitespace().map(|field| field.parse().ok());
        let mut modes = [0; 8];
        for (i, mode) in modes.iter_mut().enumerate() {
            *mode = match fields.next() {
                Some(ticks) => ticks?,
                None if i > IOWAIT => 0, // a kernel that does not count this mode counts it as another
                None => return None,
            };
        }
        let is_cpu =
            |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        Some(Ticks { modes, cpus: stat.lines().filter(is_cpu).count() })
    }
}

/// Adds the shares of the time between two readings; the first reading has none.
pub(super) fn read(before: Option<&Ticks>, now: Option<&Ticks>, reading: &mut Reading<'_>) {
    let Some(now) = now else { return };
    if now.cpus > 0 {
        reading.add(COUNT, &[], now.cpus as f64);
    }
    let Some(before) = before else { return };
    // iowait may go back by a few ticks; that is no time at all
    let spent: [u64; 8] = std::array::from_fn(|i| now.modes[i].saturating_sub(before.modes[i]));
    let total: u64 = spent.iter().sum();
    if total == 0 {
        return;
    }
    let percent = |ticks: u64| 100.0 * ticks as f64 / total as f64;
    reading.add(PERCENT, &[], percent(total - spent[IDLE] - spent[IOWAIT]));
    for (mode, ticks) in MODES.iter().zip(spent) {
        reading.add(MODE, &[("mode", mode)], percent(ticks));
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::printed;
    use super::*;

    const BEFORE: &str =
        "cpu  100 10 50 800 40 0 0 0 5 0\ncpu0 50 5 25 400 20 0 0 0\ncpu1 50 5 25 400 20 0 0 0\nintr 1\n";
    const AFTER: &str = "cpu  120 10 60 840 40 2 3 25 5 0\ncpu0 1 1 1 1 1\ncpu1 1 1 1 1 1\nintr 1\n";

    #[test]
    fn busy_is_what_is_neither_idle_nor_iowait_and_steal_is_busy() {
        let (before, after) = (Ticks::of(BEFORE).unwrap(), Ticks::of(AFTER).unwrap());
        let lines = printed(|reading| read(Some(&before), Some(&after), reading));
        assert_eq!(lines[..3], ["cpu_count 2", "cpu_percent 60", "cpu_mode_percent{mode=\"user\"} 20"]);
        assert!(lines.contains(&"cpu_mode_percent{mode=\"steal\"} 25".to_owned()));
        assert_eq!(lines.len(), 10);
    }

    #[test]
    fn no_time_between_readings_is_a_gap() {
        let ticks = Ticks::of(BEFORE).unwrap();
        assert_eq!(printed(|reading| read(None, Some(&ticks), reading)), ["cpu_count 2"]);
        assert_eq!(printed(|reading| read(Some(&ticks), Some(&ticks), reading)), ["cpu_count 2"]);
    }

    #[test]
    fn iowait_that_goes_back_is_no_time() {
        let before = Ticks::of("cpu  0 0 0 0 50 0 0 0\n").unwrap();
        let after = Ticks::of("cpu  10 0 0 10 40 0 0 0\n").unwrap();
        assert!(printed(|reading| read(Some(&before), Some(&after), reading)).contains(&"cpu_percent 50".to_owned()));
    }

    #[test]
    fn an_old_kernel_counts_fewer_modes_and_a_broken_line_is_a_gap() {
        assert_eq!(Ticks::of("cpu  1 2 3 4 5\n").unwrap().modes, [1, 2, 3, 4, 5, 0, 0, 0]);
        assert_eq!(Ticks::of("cpu  1 2 3\n"), None);
        assert_eq!(Ticks::of("cpu  1 2 x 4 5\n"), None);
        assert_eq!(Ticks::of(""), None);
    }
}
