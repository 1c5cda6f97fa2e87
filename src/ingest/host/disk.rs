//! Disk transfer by device, from `/proc/diskstats`.

use procfs::{DiskStat, DiskStats, FromBufRead};

use super::super::limits::DISKS_MAX;
use super::proc::Proc;
use super::reading::{Described, Reading, counter};

const READ_BYTES: Described = counter("disk_read_bytes_total", "bytes", "Bytes read from the disk");
const WRITTEN_BYTES: Described = counter("disk_written_bytes_total", "bytes", "Bytes written to the disk");
const READS: Described = counter("disk_reads_total", "", "Reads the disk completed");
const WRITES: Described = counter("disk_writes_total", "", "Writes the disk completed");
const IO_SECONDS: Described = counter("disk_io_seconds_total", "seconds", "Time in which the disk had something to do");

/// The kernel counts in sectors of this size, whatever the disk's own sectors are (Documentation/block/stat.rst).
const SECTOR_BYTES: f64 = 512.0;
/// Devices in memory, and devices made of others, whose bytes are counted on the disks below them.
const NO_DISK: [&str; 7] = ["loop", "ram", "zram", "dm-", "md", "sr", "fd"];

pub(super) fn read(proc: &Proc, reading: &mut Reading<'_>) {
    let Ok(text) = proc.text("diskstats") else { return };
    let Ok(DiskStats(devices)) = DiskStats::from_buf_read(text.as_bytes()) else { return };
    let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
    let is_disk = |device: &&DiskStat| {
        let name = device.name.as_str();
        !NO_DISK.iter().any(|prefix| name.starts_with(prefix))
            && (!is_partition(name, &names) || proc.is_whole_disk(name))
    };
    for device in devices.iter().filter(is_disk).take(DISKS_MAX) {
        let label = [("device", device.name.as_str())];
        reading.add(READ_BYTES, &label, device.sectors_read as f64 * SECTOR_BYTES);
        reading.add(WRITTEN_BYTES, &label, device.sectors_written as f64 * SECTOR_BYTES);
        reading.add(READS, &label, device.reads as f64);
        reading.add(WRITES, &label, device.writes as f64);
        reading.add(IO_SECONDS, &label, device.time_in_progress as f64 / 1e3);
    }
}

/// Whether `name` is a part of another device of the list: `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`. Some virtual machines
/// show parts without the whole: those are kept.
fn is_partition(name: &str, all: &[&str]) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == name.len() {
        return false;
    }
    let after_digit = stem.strip_suffix('p').filter(|whole| whole.ends_with(|c: char| c.is_ascii_digit()));
    let whole = after_digit.unwrap_or(stem);
    all.contains(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_left_out_where_the_whole_is_there() {
        let all =
            ["sda", "sda1", "sda12", "nvme0n1", "nvme0n1p1", "mmcblk0", "mmcblk0p2", "xvda1", "vda", "nbd1", "nbd10"];
        let kept: Vec<&str> = all.into_iter().filter(|name| !is_partition(name, &all)).collect();
        assert_eq!(kept, ["sda", "nvme0n1", "mmcblk0", "xvda1", "vda", "nbd1", "nbd10"]);
    }
}
