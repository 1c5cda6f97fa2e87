//! One simulated machine.

use super::DemoOptions;
use super::noise::{Drift, Random};
use super::story::Moment;

/// What a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Database,
    Broker,
    Web,
}

/// A series of a machine.
pub(super) struct Series {
    pub(super) metric: &'static str,
    pub(super) label: Option<(&'static str, &'static str)>,
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
}

const fn series(
    metric: &'static str,
    label: Option<(&'static str, &'static str)>,
    unit: &'static str,
    help: &'static str,
) -> Series {
    Series { metric, label, unit, help }
}

/// What every machine has, in the order [`Machine::live`] gives it.
const COMMON: [Series; 11] = [
    series("cpu_percent", None, "percent", "CPU busy"),
    series("memory_percent", None, "percent", "Share of memory that is not available"),
    series("memory_used_bytes", None, "bytes", "Memory that is not available"),
    series("memory_total_bytes", None, "bytes", "Memory"),
    series("load1", None, "", "Tasks that run or wait, mean of a minute"),
    series("disk_percent", Some(("mount", "/")), "percent", "Share of the filesystem in use"),
    series("disk_read_bytes_total", Some(("device", "nvme0n1")), "bytes", "Bytes read from the disk"),
    series("disk_written_bytes_total", Some(("device", "nvme0n1")), "bytes", "Bytes written to the disk"),
    series(
        "disk_io_seconds_total",
        Some(("device", "nvme0n1")),
        "seconds",
        "Time in which the disk had something to do",
    ),
    series("net_receive_bytes_total", Some(("interface", "eth0")), "bytes", "Bytes received"),
    series("net_transmit_bytes_total", Some(("interface", "eth0")), "bytes", "Bytes sent"),
];
/// What machines that keep data have beside that.
const DATA: [Series; 1] =
    [series("disk_percent", Some(("mount", "/data")), "percent", "Share of the filesystem in use")];
const TOPICS: [(&str, &str); 3] = [("topic", "orders"), ("topic", "payments"), ("topic", "clicks")];
/// What brokers have beside that.
const PARTITIONS: [Series; 6] = [
    series("partition_count", Some(TOPICS[0]), "", "Partitions on this broker"),
    series("partition_count", Some(TOPICS[1]), "", "Partitions on this broker"),
    series("partition_count", Some(TOPICS[2]), "", "Partitions on this broker"),
    series("partition_leader_count", Some(TOPICS[0]), "", "Partitions this broker leads"),
    series("partition_leader_count", Some(TOPICS[1]), "", "Partitions this broker leads"),
    series("partition_leader_count", Some(TOPICS[2]), "", "Partitions this broker leads"),
];

impl Role {
    /// Of every four machines one is a database, one a broker and two are web servers.
    pub(super) fn of_place(place: usize) -> Role {
        [Role::Database, Role::Web, Role::Broker, Role::Web][place % 4]
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Role::Database => "db",
            Role::Broker => "kafka",
            Role::Web => "web",
        }
    }

    pub(super) fn series(self) -> impl Iterator<Item = &'static Series> {
        let (data, partitions): (&[Series], &[Series]) = match self {
            Role::Database => (&DATA, &[]),
            Role::Broker => (&DATA, &PARTITIONS),
            Role::Web => (&[], &[]),
        };
        COMMON.iter().chain(data).chain(partitions)
    }
}

/// A machine and its state.
#[derive(Debug)]
pub(super) struct Machine {
    role: Role,
    random: Random,
    interval_s: f64,
    cores: f64,
    memory_bytes: f64,
    /// Share of the CPU at night, and what the day adds.
    base: f64,
    swing: f64,
    /// Its rhythm against the others', in hours.
    shift: f64,
    hourly: Drift,
    quick: Drift,
    memory: Drift,
    slow_activity: f64,
    load: f64,
    root_percent: f64,
    data_percent: f64,
    data_growth: f64,
    days: f64,
    /// Bytes read, written, received, sent, and seconds of disk time since boot.
    counters: [f64; 5],
    partitions: [f64; 3],
}

const GIB: f64 = (1u64 << 30) as f64;

impl Machine {
    pub(super) fn new(role: Role, place: usize, options: DemoOptions) -> Self {
        let mut random = Random::new(options.seed, place as u64);
        let interval_ms = options.interval_ms as f64;
        let (cores, memory_gib, base, swing) = match role {
            Role::Database => (16.0, 128.0, 0.16, 0.34),
            Role::Broker => (8.0, 64.0, 0.12, 0.22),
            Role::Web => (8.0, 32.0, 0.08, 0.42),
        };
        Machine {
            role,
            interval_s: interval_ms / 1000.0,
            cores,
            memory_bytes: memory_gib * GIB,
            base: base * random.between(0.85, 1.15),
            swing: swing * random.between(0.85, 1.15),
            shift: random.between(-0.6, 0.6),
            hourly: Drift::new(3_600_000.0, interval_ms),
            quick: Drift::new(240_000.0, interval_ms),
            memory: Drift::new(10_800_000.0, interval_ms),
            slow_activity: base,
            load: base * cores,
            root_percent: random.between(22.0, 41.0),
            data_percent: random.between(44.0, 58.0),
            data_growth: random.between(0.1, 0.5),
            days: f64::from(options.days),
            counters: std::array::from_fn(|_| random.between(1e9, 9e11).floor()),
            partitions: std::array::from_fn(|topic| [12.0, 8.0, 16.0][topic] + (random.unit() * 3.0).floor()),
            random,
        }
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Lives through a moment and gives the values of its series, in order.
    pub(super) fn live(&mut self, moment: &Moment, values: &mut Vec<f64>) {
        if moment.boots {
            self.counters = [0.0; 5];
            self.slow_activity = 0.0;
        }
        let activity = self.activity(moment);
        let keep = (-self.interval_s / 900.0f64).max(-1.0) + 1.0;
        self.slow_activity = keep * self.slow_activity + (1.0 - keep) * activity;
        let used = self.memory_share(moment);
        self.load_follows(activity, moment);
        self.transfer(activity, moment);
        let days_over = moment.share * self.days;
        let root = self.root_percent + 0.12 * days_over + 1.4 * hour_of_day(moment.at.millis()) / 24.0;
        values.extend([
            rounded(100.0 * activity, 2),
            rounded(100.0 * used, 2),
            (used * self.memory_bytes / 4096.0).floor() * 4096.0,
            self.memory_bytes,
            rounded(self.load, 2),
            rounded(root, 2),
            self.counters[0],
            self.counters[1],
            rounded(self.counters[4], 3),
            self.counters[2],
            self.counters[3],
        ]);
        if self.role != Role::Web {
            let data =
                self.data_percent + self.data_growth * days_over + (94.5 - self.data_percent) * 0.9 * moment.filled;
            values.push(rounded((data + 0.04 * self.random.normal()).min(99.9), 2));
        }
        if self.role == Role::Broker {
            let now = self.partitions.map(|count| count + moment.partitions_moved);
            values.extend(now);
            values.extend(now.map(|count| (count / 3.0).floor()));
        }
    }

    /// Share of the CPU in use.
    fn activity(&mut self, moment: &Moment) -> f64 {
        let (hourly, quick) = (self.hourly.next(&mut self.random), self.quick.next(&mut self.random));
        let white = self.random.normal();
        if moment.idle {
            return (0.012 + 0.002 * quick + 0.001 * white).clamp(0.003, 1.0);
        }
        let hour = (hour_of_day(moment.at.millis()) + 24.0 + self.shift) % 24.0;
        let day = bell(hour - 11.0, 2.6) * 0.8 + bell(hour - 15.5, 3.0);
        let backup = if self.role == Role::Database { 0.16 * bell(hour - 2.5, 0.5) } else { 0.0 };
        let week = if is_weekend(moment.at.millis()) { 0.35 } else { 1.0 };
        let calm = self.base + self.swing * day * week + backup;
        let noisy = calm * (1.0 + 0.10 * hourly + 0.06 * quick) + 0.008 * white;
        (noisy + (0.97 - noisy) * 0.95 * moment.storm).clamp(0.004, 0.995)
    }

    fn memory_share(&mut self, moment: &Moment) -> f64 {
        let resting = match self.role {
            Role::Database => 0.58,
            Role::Broker => 0.46,
            Role::Web => 0.30,
        };
        let resting = if moment.idle { 0.11 } else { resting };
        let drift = self.memory.next(&mut self.random);
        (resting + 0.28 * self.slow_activity + 0.012 * drift + 0.14 * moment.storm).clamp(0.03, 0.97)
    }

    fn load_follows(&mut self, activity: f64, moment: &Moment) {
        let waiting = self.cores * activity * (1.0 + 0.8 * activity * activity) + 2.2 * self.cores * moment.storm;
        let keep = (1.0 - self.interval_s / 60.0).clamp(0.0, 1.0);
        let target = (waiting * (1.0 + 0.12 * self.random.normal())).max(0.0);
        self.load = keep * self.load + (1.0 - keep) * target;
    }

    /// Counters grow with the activity; disks move whole sectors.
    fn transfer(&mut self, activity: f64, moment: &Moment) {
        // bytes a second at full activity: read, written, received, sent
        let full = match self.role {
            Role::Database => [95e6, 60e6, 40e6, 70e6],
            Role::Broker => [30e6, 110e6, 120e6, 170e6],
            Role::Web => [2e6, 6e6, 45e6, 95e6],
        };
        let busy = activity * activity.sqrt();
        for (counter, full) in self.counters.iter_mut().zip(full) {
            let spread = (1.0 + 0.28 * self.random.normal()).max(0.05);
            *counter += (full * busy * spread * self.interval_s / 512.0).floor() * 512.0;
        }
        let io_share = (0.9 * busy + 0.25 * moment.storm + 0.01).min(1.0);
        self.counters[4] += io_share * self.interval_s;
    }
}

fn hour_of_day(ms: i64) -> f64 {
    ms.rem_euclid(86_400_000) as f64 / 3_600_000.0
}

/// 1970-01-01 was a Thursday.
fn is_weekend(ms: i64) -> bool {
    matches!(ms.div_euclid(86_400_000).rem_euclid(7), 2 | 3)
}

/// A hill of height 1 that is 0 four widths away: `exp` differs between systems in the last bit, this does not.
fn bell(distance: f64, width: f64) -> f64 {
    let x = 1.0 - (distance / (4.0 * width)).powi(2);
    if x <= 0.0 { 0.0 } else { x.powi(8) }
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}
