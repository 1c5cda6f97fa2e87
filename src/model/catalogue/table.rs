//! The table: what a report shows, and from what. A line a source, best first; the first one a node has is used.
//!
//! Names of exporters: `node_` node_exporter, `windows_` windows_exporter, `collectd_` collectd (its Prometheus page and its CSV tree), `sysstat_` sar and
//! its sisters, `vmstat_`, `system.` OpenTelemetry's host metrics, `kernel.` `mem.` `disk.` `network.` PCP, `kafka_` kafka_exporter, `vm_` and
//! `process_` VictoriaMetrics; without a prefix our own sampler, and Telegraf (`mem_used_percent`, `diskio_read_bytes`).

use super::{Derivation, Fold, Input, Known, Only, Section, Unit, Worse};
use Derivation::{PercentLeft, PercentOf, PercentRateLeft, PercentRest, Sum};

const fn all(metric: &'static str) -> Input {
    Input { metric, only: None }
}

const fn only(metric: &'static str, key: &'static str, values: &'static [&'static str]) -> Input {
    Input { metric, only: Some(Only { key, values, not: false }) }
}

const fn but(metric: &'static str, key: &'static str, values: &'static [&'static str]) -> Input {
    Input { metric, only: Some(Only { key, values, not: true }) }
}

pub(super) const fn gauge(metric: &'static str) -> Derivation {
    Derivation::Gauge { input: all(metric), scale: 1.0 }
}

const fn gauge_of(input: Input) -> Derivation {
    Derivation::Gauge { input, scale: 1.0 }
}

/// A gauge in units of 1,024 bytes.
const fn kibibytes(input: Input) -> Derivation {
    Derivation::Gauge { input, scale: 1024.0 }
}

const fn rate(metric: &'static str) -> Derivation {
    Derivation::Rate { input: all(metric), scale: 1.0 }
}

const fn rate_of(input: Input) -> Derivation {
    Derivation::Rate { input, scale: 1.0 }
}

/// Seconds (or milliseconds: 0.1) of work a second, as percent.
const fn busy(metric: &'static str, scale: f64) -> Derivation {
    Derivation::Rate { input: all(metric), scale }
}

/// Filesystems that are no disks: they are always full, or live in memory.
const NO_DISK: &[&str] =
    &["tmpfs", "devtmpfs", "overlay", "squashfs", "iso9660", "ramfs", "proc", "sysfs", "autofs", "fuse.lxcfs", "nsfs"];
/// The same, as collectd names them by their mount.
const NO_DF: &[&str] = &["dev", "dev-shm", "run", "run-lock", "sys-fs-cgroup"];
/// Interfaces whose bytes are counted again on a real one, or never leave the machine; `all` is Telegraf's sum.
const NO_NETWORK: &[&str] = &["lo", "docker0", "all"];

/// The table. Order is the order of the report.
pub const KNOWN: &[Known] = &[
    Known {
        name: "cpu_percent",
        title: "CPU busy",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Avg,
        from: &[
            gauge("cpu_percent"),
            PercentRateLeft {
                part: only("node_cpu_seconds_total", "mode", &["idle", "iowait"]),
                whole: but("node_cpu_seconds_total", "mode", &["guest", "guest_nice"]),
            },
            PercentRest(&[only("sysstat_cpu_idle", "cpu", &["all"]), only("sysstat_cpu_iowait", "cpu", &["all"])]),
            PercentRateLeft {
                part: only("collectd_cpu_total", "type", &["idle", "wait"]),
                whole: all("collectd_cpu_total"),
            },
            PercentLeft { part: only("collectd_cpu", "type", &["idle", "wait"]), whole: all("collectd_cpu") },
            PercentRateLeft {
                part: only("system.cpu.time", "state", &["idle", "wait"]),
                whole: all("system.cpu.time"),
            },
            PercentRateLeft {
                part: only("windows_cpu_time_total", "mode", &["idle"]),
                whole: all("windows_cpu_time_total"),
            },
            PercentRest(&[all("cpu_usage_idle"), all("cpu_usage_iowait")]),
            PercentRest(&[all("cpu_usage_idle")]),
            PercentRest(&[all("vmstat_id"), all("vmstat_wa")]),
            Sum(&[all("cpu_user_pct"), all("cpu_system_pct")]),
        ],
    },
    Known {
        name: "memory_percent",
        title: "Memory used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            gauge("memory_percent"),
            PercentLeft { part: all("memory_available_bytes"), whole: all("memory_total_bytes") },
            PercentLeft { part: all("node_memory_MemAvailable_bytes"), whole: all("node_memory_MemTotal_bytes") },
            gauge("sysstat_memory_memused_percent"),
            PercentOf { part: only("collectd_memory", "memory", &["used"]), whole: all("collectd_memory") },
            PercentOf { part: only("system.memory.usage", "state", &["used"]), whole: all("system.memory.usage") },
            PercentLeft {
                part: all("windows_memory_physical_free_bytes"),
                whole: all("windows_memory_physical_total_bytes"),
            },
            PercentLeft {
                part: all("windows_os_physical_memory_free_bytes"),
                whole: all("windows_cs_physical_memory_bytes"),
            },
            PercentLeft { part: all("mem.util.available"), whole: all("mem.physmem") },
            gauge("mem_used_percent"),
        ],
    },
    Known {
        name: "memory_used_bytes",
        title: "Memory used",
        unit: Unit::Bytes,
        section: Section::Resources,
        worse: Worse::High,
        capacity: None,
        part_labels: &[],
        fold: Fold::Sum,
        from: &[
            gauge("memory_used_bytes"),
            gauge("mem_used_bytes"),
            kibibytes(all("sysstat_memory_memused")),
            gauge_of(only("collectd_memory", "memory", &["used"])),
            gauge_of(only("system.memory.usage", "state", &["used"])),
            gauge("mem_used"),
        ],
    },
    Known {
        name: "swap_percent",
        title: "Swap used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            gauge("swap_percent"),
            PercentLeft { part: all("node_memory_SwapFree_bytes"), whole: all("node_memory_SwapTotal_bytes") },
            gauge("sysstat_memory_swpused_percent"),
            PercentOf {
                part: only("collectd_swap", "swap", &["used"]),
                whole: only("collectd_swap", "swap", &["used", "free", "cached"]),
            },
            gauge("swap_used_percent"),
        ],
    },
    Known {
        name: "disk_percent",
        title: "Disk used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &["mount", "mountpoint", "path", "df", "filesystem", "volume"],
        fold: Fold::Max,
        from: &[
            gauge("disk_percent"),
            gauge("disk_used_pct"),
            PercentLeft {
                part: but("node_filesystem_avail_bytes", "fstype", NO_DISK),
                whole: but("node_filesystem_size_bytes", "fstype", NO_DISK),
            },
            gauge("sysstat_filesystem_fsused_percent"),
            PercentLeft {
                part: only("collectd_df_df_complex", "type", &["free"]),
                whole: but("collectd_df_df_complex", "df", NO_DF),
            },
            PercentLeft {
                part: only("system.filesystem.usage", "state", &["free"]),
                whole: all("system.filesystem.usage"),
            },
            PercentLeft { part: all("windows_logical_disk_free_bytes"), whole: all("windows_logical_disk_size_bytes") },
            gauge_of(but("disk_used_percent", "fstype", NO_DISK)),
        ],
    },
    Known {
        name: "load1",
        title: "Load (1 min)",
        unit: Unit::None,
        section: Section::Resources,
        worse: Worse::High,
        capacity: None,
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            gauge("load1"),
            gauge("node_load1"),
            gauge("sysstat_queue_ldavg_1"),
            gauge("collectd_load_shortterm"),
            gauge("system.cpu.load_average.1m"),
            gauge("system_load1"),
            gauge("load_shortterm"),
            gauge_of(only("kernel.all.load", "instance", &["1 minute"])),
        ],
    },
    Known {
        name: "disk_read_bytes_per_second",
        title: "Disk read",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["device", "disk", "name", "volume", "instance"],
        fold: Fold::Sum,
        from: &[
            gauge("disk_read_bytes_per_second"),
            rate("disk_read_bytes_total"),
            rate("node_disk_read_bytes_total"),
            gauge("disk_read_bps"),
            kibibytes(all("sysstat_disk_rkB")),
            rate("collectd_disk_disk_octets_read_total"),
            gauge("collectd_disk_disk_octets_read"),
            rate_of(only("system.disk.io", "direction", &["read"])),
            rate("windows_logical_disk_read_bytes_total"),
            rate("diskio_read_bytes"),
            kibibytes(all("disk.dev.read_bytes")),
            kibibytes(all("vmstat_bi")),
            rate("process_io_storage_read_bytes_total"),
        ],
    },
    Known {
        name: "disk_write_bytes_per_second",
        title: "Disk write",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["device", "disk", "name", "volume", "instance"],
        fold: Fold::Sum,
        from: &[
            gauge("disk_write_bytes_per_second"),
            rate("disk_written_bytes_total"),
            rate("node_disk_written_bytes_total"),
            gauge("disk_write_bps"),
            kibibytes(all("sysstat_disk_wkB")),
            rate("collectd_disk_disk_octets_write_total"),
            gauge("collectd_disk_disk_octets_write"),
            rate_of(only("system.disk.io", "direction", &["write"])),
            rate("windows_logical_disk_write_bytes_total"),
            rate("diskio_write_bytes"),
            kibibytes(all("disk.dev.write_bytes")),
            kibibytes(all("vmstat_bo")),
            rate("process_io_storage_written_bytes_total"),
        ],
    },
    Known {
        name: "net_receive_bytes_per_second",
        title: "Network received",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["interface", "device", "nic", "instance"],
        fold: Fold::Sum,
        from: &[
            gauge("net_receive_bytes_per_second"),
            rate_of(but("net_receive_bytes_total", "interface", NO_NETWORK)),
            rate_of(but("node_network_receive_bytes_total", "device", NO_NETWORK)),
            rate("net_rx_bytes_total"),
            kibibytes(but("sysstat_net_rxkB", "interface", NO_NETWORK)),
            rate_of(but("collectd_interface_if_octets_rx_total", "interface", NO_NETWORK)),
            gauge_of(but("collectd_interface_if_octets_rx", "interface", NO_NETWORK)),
            rate_of(only("system.network.io", "direction", &["receive"])),
            rate("windows_net_bytes_received_total"),
            rate_of(but("net_bytes_recv", "interface", NO_NETWORK)),
            gauge_of(but("network.interface.in.bytes", "instance", NO_NETWORK)),
            rate("vm_tcplistener_read_bytes_total"),
        ],
    },
    Known {
        name: "net_transmit_bytes_per_second",
        title: "Network sent",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["interface", "device", "nic", "instance"],
        fold: Fold::Sum,
        from: &[
            gauge("net_transmit_bytes_per_second"),
            rate_of(but("net_transmit_bytes_total", "interface", NO_NETWORK)),
            rate_of(but("node_network_transmit_bytes_total", "device", NO_NETWORK)),
            rate("net_tx_bytes_total"),
            kibibytes(but("sysstat_net_txkB", "interface", NO_NETWORK)),
            rate_of(but("collectd_interface_if_octets_tx_total", "interface", NO_NETWORK)),
            gauge_of(but("collectd_interface_if_octets_tx", "interface", NO_NETWORK)),
            rate_of(only("system.network.io", "direction", &["transmit"])),
            rate("windows_net_bytes_sent_total"),
            rate_of(but("net_bytes_sent", "interface", NO_NETWORK)),
            gauge_of(but("network.interface.out.bytes", "instance", NO_NETWORK)),
            rate("vm_tcplistener_written_bytes_total"),
        ],
    },
    Known {
        name: "disk_io_percent",
        title: "Disk busy",
        unit: Unit::Percent,
        section: Section::Io,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &["device", "disk", "name"],
        fold: Fold::Max,
        from: &[
            gauge("disk_io_percent"),
            busy("disk_io_seconds_total", 100.0),
            busy("node_disk_io_time_seconds_total", 100.0),
            gauge("sysstat_disk_util_percent"),
            busy("collectd_disk_disk_io_time_io_time_total", 0.1),
            busy("system.disk.io_time", 100.0),
            busy("diskio_io_time", 0.1),
        ],
    },
    Known {
        name: "partition_count",
        title: "Partitions",
        unit: Unit::Count,
        section: Section::Partitions,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["topic"],
        fold: Fold::Sum,
        from: &[gauge("partition_count"), gauge("kafka_topic_partitions")],
    },
    Known {
        name: "partition_leader_count",
        title: "Partition leaders",
        unit: Unit::Count,
        section: Section::Partitions,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["topic"],
        fold: Fold::Sum,
        from: &[gauge("partition_leader_count"), gauge("leader_count")],
    },
];
