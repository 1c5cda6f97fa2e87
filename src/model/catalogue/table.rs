//! The table: what a report shows, and from what. A line a source, best first; the first one a node has is used.
//!
//! Names of exporters: `node_` node_exporter, `windows_` windows_exporter, `collectd_` collectd (its Prometheus page and its CSV tree), `sysstat_` sar and
//! its sisters, `vmstat_`, `system.` OpenTelemetry's host metrics, `kernel.` `mem.` `disk.` `network.` PCP, `kafka_` kafka_exporter, `vm_` and
//! `process_` VictoriaMetrics; without a prefix our own sampler, and Telegraf (`mem_used_percent`, `diskio_read_bytes`).

use super::{Fold, Known, Section, Unit, Worse};

/// A row as it is written down: see [`Known`], and [`formula`](super::formula) for what stands in `from`.
struct Row {
    name: &'static str,
    title: &'static str,
    unit: Unit,
    section: Section,
    worse: Worse,
    capacity: Option<f64>,
    part_labels: &'static [&'static str],
    fold: Fold,
    from: &'static [&'static str],
}

/// Words of the table that stand for many label values.
const WORDS: &[(&str, &str)] = &[
    // Filesystems that are no disks: they are always full, or live in memory.
    ("NO_DISK", "tmpfs|devtmpfs|overlay|squashfs|iso9660|ramfs|proc|sysfs|autofs|fuse.lxcfs|nsfs"),
    // The same, as collectd names them by their mount.
    ("NO_DF", "dev|dev-shm|run|run-lock|sys-fs-cgroup"),
    // Interfaces whose bytes are counted again on a real one, or never leave the machine; `all` is Telegraf's sum.
    ("NO_NETWORK", "lo|docker0|all"),
];

/// The rows. Their order is the order of the report.
pub(super) fn rows() -> Vec<Known> {
    TABLE.iter().map(Row::read).collect()
}

impl Row {
    fn read(&self) -> Known {
        let spelt =
            |text: &&str| WORDS.iter().fold((*text).to_owned(), |text, (word, values)| text.replace(word, values));
        Known {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            unit: self.unit,
            unit_name: None,
            section: self.section,
            worse: self.worse,
            capacity: self.capacity,
            part_labels: self.part_labels.iter().map(|label| (*label).to_owned()).collect(),
            fold: self.fold,
            // That each can be read is a test below.
            from: self.from.iter().filter_map(|text| spelt(text).parse().ok()).collect(),
        }
    }
}

const TABLE: &[Row] = &[
    Row {
        name: "cpu_percent",
        title: "CPU busy",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Avg,
        from: &[
            "cpu_percent",
            "100 * (1 - rate(node_cpu_seconds_total{mode=idle|iowait}) / rate(node_cpu_seconds_total{mode!=guest|guest_nice}))",
            "100 - sysstat_cpu_idle{cpu=all} - sysstat_cpu_iowait{cpu=all}",
            "100 * (1 - rate(collectd_cpu_total{type=idle|wait}) / rate(collectd_cpu_total))",
            "100 * (1 - collectd_cpu{type=idle|wait} / collectd_cpu)",
            "100 * (1 - rate(system.cpu.time{state=idle|wait}) / rate(system.cpu.time))",
            "100 * (1 - rate(windows_cpu_time_total{mode=idle}) / rate(windows_cpu_time_total))",
            "100 - collectd_cpu_percent{type=idle} - collectd_cpu_percent{type=wait}",
            "100 - collectd_cpu_percent{cpu=idle} - collectd_cpu_percent{cpu=wait}",
            "100 - cpu_usage_idle - cpu_usage_iowait",
            "100 - cpu_usage_idle",
            "100 - vmstat_id - vmstat_wa",
            "cpu_user_pct + cpu_system_pct",
            "100 * rate(process_cpu_seconds_total) / vm_available_cpu_cores",
            "100 * rate(process_cpu_seconds_total) / process_cpu_cores_available",
        ],
    },
    Row {
        name: "memory_percent",
        title: "Memory used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            "memory_percent",
            "100 * (1 - memory_available_bytes / memory_total_bytes)",
            "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
            "sysstat_memory_memused_percent",
            "100 * collectd_memory{memory=used} / collectd_memory",
            "100 * system.memory.usage{state=used} / system.memory.usage",
            "100 * (1 - windows_memory_physical_free_bytes / windows_memory_physical_total_bytes)",
            "100 * (1 - windows_os_physical_memory_free_bytes / windows_cs_physical_memory_bytes)",
            "collectd_memory_percent{memory=used}",
            "100 * (1 - mem.util.available / mem.physmem)",
            "mem_used_percent",
            "100 * process_resident_memory_bytes / vm_available_memory_bytes",
        ],
    },
    Row {
        name: "memory_used_bytes",
        title: "Memory used",
        unit: Unit::Bytes,
        section: Section::Resources,
        worse: Worse::High,
        capacity: None,
        part_labels: &[],
        fold: Fold::Sum,
        from: &[
            "memory_used_bytes",
            "mem_used_bytes",
            "1024 * sysstat_memory_memused",
            "collectd_memory{memory=used}",
            "system.memory.usage{state=used}",
            "mem_used",
        ],
    },
    Row {
        name: "swap_percent",
        title: "Swap used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            "swap_percent",
            "100 * (1 - node_memory_SwapFree_bytes / node_memory_SwapTotal_bytes)",
            "sysstat_memory_swpused_percent",
            "100 * collectd_swap{swap=used} / collectd_swap{swap=used|free|cached}",
            "100 * (1 - windows_pagefile_free_bytes / windows_pagefile_limit_bytes)",
            "100 * (1 - windows_os_paging_free_bytes / windows_os_paging_limit_bytes)",
            "swap_used_percent",
        ],
    },
    Row {
        name: "disk_percent",
        title: "Disk used",
        unit: Unit::Percent,
        section: Section::Resources,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &["mount", "mountpoint", "path", "df", "filesystem", "volume", "instance"],
        fold: Fold::Max,
        from: &[
            "disk_percent",
            "disk_used_pct",
            // as df counts it: what is kept for root is neither used nor left
            "100 * (node_filesystem_size_bytes{fstype!=NO_DISK} - node_filesystem_free_bytes{fstype!=NO_DISK}) / (node_filesystem_size_bytes{fstype!=NO_DISK} - node_filesystem_free_bytes{fstype!=NO_DISK} + node_filesystem_avail_bytes{fstype!=NO_DISK})",
            "100 * (1 - node_filesystem_avail_bytes{fstype!=NO_DISK} / node_filesystem_size_bytes{fstype!=NO_DISK})",
            "100 * sysstat_filesystem_fsused_percent / (sysstat_filesystem_fsused_percent + 100 - sysstat_filesystem_ufsused_percent)",
            "sysstat_filesystem_fsused_percent",
            "100 * collectd_df_df_complex{type=used} / (collectd_df_df_complex{df!=NO_DF} - collectd_df_df_complex{type=reserved})",
            "100 * (1 - collectd_df_df_complex{type=free} / collectd_df_df_complex{df!=NO_DF})",
            "100 * system.filesystem.usage{state=used} / system.filesystem.usage{state=used|free}",
            "100 * (1 - windows_logical_disk_free_bytes / windows_logical_disk_size_bytes)",
            "disk_used_percent{fstype!=NO_DISK}",
            "100 * collectd_df_percent_bytes{type=used} / (collectd_df_percent_bytes{df!=NO_DF} - collectd_df_percent_bytes{type=reserved})",
            "collectd_df_percent_bytes{type=used}",
            "filesys.full",
            "100 * (1 - vm_free_disk_space_bytes / vm_total_disk_space_bytes)",
        ],
    },
    Row {
        name: "load1",
        title: "Load (1 min)",
        unit: Unit::None,
        section: Section::Resources,
        worse: Worse::High,
        capacity: None,
        part_labels: &[],
        fold: Fold::Max,
        from: &[
            "load1",
            "node_load1",
            "sysstat_queue_ldavg_1",
            "collectd_load_shortterm",
            "system.cpu.load_average.1m",
            "system_load1",
            "load_shortterm",
            "kernel.all.load{instance=1 minute}",
        ],
    },
    Row {
        name: "disk_read_bytes_per_second",
        title: "Disk read",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["device", "disk", "name", "volume", "instance"],
        fold: Fold::Sum,
        from: &[
            "disk_read_bytes_per_second",
            "rate(disk_read_bytes_total)",
            "rate(node_disk_read_bytes_total)",
            "disk_read_bps",
            "1024 * sysstat_disk_rkB",
            "rate(collectd_disk_disk_octets_read_total)",
            "collectd_disk_disk_octets_read",
            "rate(system.disk.io{direction=read})",
            "rate(windows_logical_disk_read_bytes_total)",
            "rate(diskio_read_bytes)",
            "1024 * disk.dev.read_bytes",
            "1024 * vmstat_bi",
            "rate(process_io_storage_read_bytes_total)",
        ],
    },
    Row {
        name: "disk_write_bytes_per_second",
        title: "Disk write",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["device", "disk", "name", "volume", "instance"],
        fold: Fold::Sum,
        from: &[
            "disk_write_bytes_per_second",
            "rate(disk_written_bytes_total)",
            "rate(node_disk_written_bytes_total)",
            "disk_write_bps",
            "1024 * sysstat_disk_wkB",
            "rate(collectd_disk_disk_octets_write_total)",
            "collectd_disk_disk_octets_write",
            "rate(system.disk.io{direction=write})",
            "rate(windows_logical_disk_write_bytes_total)",
            "rate(diskio_write_bytes)",
            "1024 * disk.dev.write_bytes",
            "1024 * vmstat_bo",
            "rate(process_io_storage_written_bytes_total)",
        ],
    },
    Row {
        name: "net_receive_bytes_per_second",
        title: "Network received",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["interface", "device", "nic", "instance"],
        fold: Fold::Sum,
        from: &[
            "net_receive_bytes_per_second",
            "rate(net_receive_bytes_total{interface!=NO_NETWORK})",
            "rate(node_network_receive_bytes_total{device!=NO_NETWORK})",
            "rate(net_rx_bytes_total)",
            "1024 * sysstat_net_rxkB{interface!=NO_NETWORK}",
            "rate(collectd_interface_if_octets_rx_total{interface!=NO_NETWORK})",
            "collectd_interface_if_octets_rx{interface!=NO_NETWORK}",
            "rate(system.network.io{direction=receive})",
            "rate(windows_net_bytes_received_total)",
            "rate(net_bytes_recv{interface!=NO_NETWORK})",
            "network.interface.in.bytes{instance!=NO_NETWORK}",
            "rate(vm_tcplistener_read_bytes_total)",
        ],
    },
    Row {
        name: "net_transmit_bytes_per_second",
        title: "Network sent",
        unit: Unit::BytesPerSecond,
        section: Section::Io,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["interface", "device", "nic", "instance"],
        fold: Fold::Sum,
        from: &[
            "net_transmit_bytes_per_second",
            "rate(net_transmit_bytes_total{interface!=NO_NETWORK})",
            "rate(node_network_transmit_bytes_total{device!=NO_NETWORK})",
            "rate(net_tx_bytes_total)",
            "1024 * sysstat_net_txkB{interface!=NO_NETWORK}",
            "rate(collectd_interface_if_octets_tx_total{interface!=NO_NETWORK})",
            "collectd_interface_if_octets_tx{interface!=NO_NETWORK}",
            "rate(system.network.io{direction=transmit})",
            "rate(windows_net_bytes_sent_total)",
            "rate(net_bytes_sent{interface!=NO_NETWORK})",
            "network.interface.out.bytes{instance!=NO_NETWORK}",
            "rate(vm_tcplistener_written_bytes_total)",
        ],
    },
    Row {
        name: "disk_io_percent",
        title: "Disk busy",
        unit: Unit::Percent,
        section: Section::Io,
        worse: Worse::High,
        capacity: Some(100.0),
        part_labels: &["device", "disk", "name"],
        fold: Fold::Max,
        from: &[
            "disk_io_percent",
            "100 * rate(disk_io_seconds_total)",
            "100 * rate(node_disk_io_time_seconds_total)",
            "sysstat_disk_util_percent",
            "0.1 * rate(collectd_disk_disk_io_time_io_time_total)",
            "100 * rate(system.disk.io_time)",
            "0.1 * rate(diskio_io_time)",
        ],
    },
    Row {
        name: "partition_count",
        title: "Partitions",
        unit: Unit::Count,
        section: Section::Partitions,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["topic"],
        fold: Fold::Sum,
        from: &["partition_count", "kafka_topic_partitions"],
    },
    Row {
        name: "partition_leader_count",
        title: "Partition leaders",
        unit: Unit::Count,
        section: Section::Partitions,
        worse: Worse::Neither,
        capacity: None,
        part_labels: &["topic"],
        fold: Fold::Sum,
        from: &["partition_leader_count", "leader_count"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_can_be_read() {
        for row in TABLE {
            assert_eq!(row.read().from.len(), row.from.len(), "{}", row.name);
        }
    }
}
