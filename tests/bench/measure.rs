//! What is measured, and how it is told: a line of the table of `run.sh`.

use std::time::{Duration, Instant};

/// User and system time, of this process or of its children that have ended, by the kernel's 10 ms ticks.
fn ticks(whose: &str, first_field: usize) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{whose}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(first_field).take(2).filter_map(|n| n.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// CPU time of this process.
pub fn cpu() -> Duration {
    ticks("self", 11)
}

/// CPU time of this thread.
pub fn cpu_of_thread() -> Duration {
    ticks("thread-self", 11)
}

/// CPU time of the programs it has run.
pub fn cpu_of_children() -> Duration {
    ticks("self", 13)
}

/// Wall time of the best of three, and the CPU time of one on average.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
}

/// What three runs cost.
pub fn cost<T>(mut work: impl FnMut() -> T) -> Cost {
    let (before, mut wall) = (cpu(), Duration::MAX);
    for _ in 0..3 {
        let started = Instant::now();
        std::hint::black_box(work());
        wall = wall.min(started.elapsed());
    }
    Cost { wall, cpu: (cpu() - before) / 3 }
}

/// What one run costs, for what takes seconds.
pub fn cost_of_one<T>(work: impl FnOnce() -> T) -> Cost {
    let (before, started) = (cpu(), Instant::now());
    std::hint::black_box(work());
    Cost { wall: started.elapsed(), cpu: cpu() - before }
}

impl Cost {
    /// `2.31 ms (CPU 3)`
    pub fn shown(self) -> String {
        format!("{} (CPU {:.0})", ms(self.wall), self.cpu.as_secs_f64() * 1e3)
    }
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Millions a second.
pub fn rate(count: f64, time: Duration) -> String {
    format!("{:.2} M/s", count / 1e6 / time.as_secs_f64().max(0.005))
}

/// One line of the table.
pub fn row(what: &str, goal: &str, ours: &str, plain: &str) {
    println!("| {what} | {goal} | {ours} | {plain} |");
}
