//! Load, uptime, processes, switches and interrupts.

use super::proc::Proc;
use super::reading::{Described, Reading, counter, gauge};

const LOADS: [Described; 3] = [
    gauge("load1", "", "Tasks that run or wait, mean of a minute"),
    gauge("load5", "", "Tasks that run or wait, mean of 5 minutes"),
    gauge("load15", "", "Tasks that run or wait, mean of 15 minutes"),
];
const UPTIME: Described = gauge("uptime_seconds", "seconds", "Time since the machine booted");
const PROCESSES: Described = gauge("processes", "", "Processes that exist");
const RUNNING: Described = gauge("processes_running", "", "Tasks that run or could run");
const BLOCKED: Described = gauge("processes_blocked", "", "Tasks that wait for a disk");
const SWITCHES: Described = counter("context_switches_total", "", "Switches from one task to another");
const INTERRUPTS: Described = counter("interrupts_total", "", "Interrupts served");
const DESCRIPTORS: Described = gauge("open_file_descriptors", "", "File handles in use on the whole machine");

/// What `/proc/stat` says beside CPU time: `NAME NUMBER` lines.
pub(super) fn read_stat(stat: &str, reading: &mut Reading<'_>) {
    for line in stat.lines() {
        let Some((name, rest)) = line.split_once(' ') else { continue };
        let metric = match name {
            "ctxt" => SWITCHES,
            "intr" => INTERRUPTS, // the first number is the sum, then one a source: thousands
            "procs_running" => RUNNING,
            "procs_blocked" => BLOCKED,
            _ => continue,
        };
        reading.add_some(metric, &[], first_number(rest));
    }
}

pub(super) fn read(proc: &Proc, reading: &mut Reading<'_>) {
    if let Ok(text) = proc.text("loadavg") {
        read_load(&text, reading);
    }
    let number = |name: &str| proc.text(name).ok().as_deref().and_then(first_number);
    reading.add_some(UPTIME, &[], number("uptime"));
    reading.add_some(DESCRIPTORS, &[], number("sys/fs/file-nr"));
    reading.add_some(PROCESSES, &[], count_processes(proc));
}

fn read_load(text: &str, reading: &mut Reading<'_>) {
    for (metric, field) in LOADS.into_iter().zip(text.split_ascii_whitespace()) {
        reading.add_some(metric, &[], field.parse().ok());
    }
}

/// A process is a directory of `/proc` whose name is a number.
fn count_processes(proc: &Proc) -> Option<f64> {
    let entries = std::fs::read_dir(proc.root()).ok()?;
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
    Some(entries.flatten().filter(|entry| is_process(&entry.file_name())).count() as f64)
}

fn first_number(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::reading::printed;
    use super::*;

    #[test]
    fn stat_lines_are_taken_by_name() {
        let stat = "cpu  1 2 3 4\nintr 8885917 17 0 0\nctxt 115315\nbtime 769041601\nprocesses 86031\nprocs_running 6\nprocs_blocked x\n";
        let expected = ["interrupts_total 8885917", "context_switches_total 115315", "processes_running 6"];
        assert_eq!(printed(|reading| read_stat(stat, reading)), expected);
    }

    #[test]
    fn load_is_read_as_written() {
        let lines = printed(|reading| read_load("2.63 1.00 1.42 3/4280 2496732\n", reading));
        assert_eq!(lines, ["load1 2.63", "load5 1", "load15 1.42"]);
    }
}
