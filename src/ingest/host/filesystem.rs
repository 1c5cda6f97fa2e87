//! Disk usage by mount point: `/proc/self/mountinfo` and statvfs.

use std::path::PathBuf;

use super::super::limits::MOUNTS_MAX;
use super::proc::Proc;
use super::reading::{Described, Reading, gauge};

const PERCENT: Described =
    gauge("disk_percent", "percent", "Share of the filesystem in use, as df counts it: used / (used + available)");
const TOTAL: Described = gauge("disk_total_bytes", "bytes", "Size of the filesystem");
const USED: Described = gauge("disk_used_bytes", "bytes", "Space in use");
const AVAILABLE: Described =
    gauge("disk_available_bytes", "bytes", "Space that is left for programs that are not root");
const INODES_PERCENT: Described = gauge("disk_inodes_percent", "percent", "Share of the filesystem's inodes in use");

/// Filesystems on disks. Everything else is left out: pseudo filesystems have no space, images are always full, and network
/// filesystems can hang.
const ON_DISK: [&str; 20] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "hfs", "hfsplus", "jfs", "msdos",
    "nilfs2", "ntfs", "ntfs3", "reiserfs", "ufs", "vfat", "xfs", "zfs",
];

pub(super) fn read(proc: &Proc, reading: &mut Reading<'_>) {
    let Ok(text) = proc.text("self/mountinfo") else { return };
    for mount in on_disk(&text).into_iter().take(MOUNTS_MAX) {
        let Ok(stat) = rustix::fs::statvfs(&mount.point) else { continue };
        let point = mount.point.to_string_lossy();
        let labels = [("mount", &*point), ("device", mount.device.strip_prefix("/dev/").unwrap_or(mount.device))];
        let space = Space {
            total: stat.f_blocks as f64 * stat.f_frsize as f64,
            free: stat.f_bfree as f64 * stat.f_frsize as f64,
            available: stat.f_bavail as f64 * stat.f_frsize as f64,
            inodes: stat.f_files as f64,
            inodes_free: stat.f_ffree as f64,
        };
        space.read(&labels, reading);
    }
}

/// A line of `/proc/self/mountinfo`. procfs has a reader of it too, which leaves `\040` in paths and builds maps of the options.
struct Mount<'a> {
    device_number: &'a str,
    point: PathBuf,
    filesystem: &'a str,
    device: &'a str,
}

impl Mount<'_> {
    /// `36 35 98:0 /root /mount/point options optional… - filesystem device options`, see proc_pid_mountinfo(5).
    fn of(line: &str) -> Option<Mount<'_>> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(2);
        let mut filesystem = filesystem.split(' ');
        Some(Mount {
            device_number: mount.next()?,
            point: PathBuf::from(unescape(mount.nth(1)?)),
            filesystem: filesystem.next()?,
            device: filesystem.next().unwrap_or_default(),
        })
    }
}

/// The kernel writes space, tab, line feed and backslash as `\` and three octal digits.
fn unescape(path: &str) -> String {
    const ESCAPES: [(&str, &str); 5] =
        [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\")];
    if !path.contains('\\') {
        return path.to_owned();
    }
    ESCAPES.iter().fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

/// What statvfs says, in bytes and inodes.
struct Space {
    total: f64,
    free: f64,
    available: f64,
    inodes: f64,
    inodes_free: f64,
}

impl Space {
    fn read(&self, labels: &[(&str, &str)], reading: &mut Reading<'_>) {
        let used = self.total - self.free;
        if self.total > 0.0 {
            reading.add(TOTAL, labels, self.total);
            reading.add(USED, labels, used);
            reading.add(AVAILABLE, labels, self.available);
        }
        if used + self.available > 0.0 {
            reading.add(PERCENT, labels, 100.0 * used / (used + self.available));
        }
        // btrfs and some others have no fixed number of inodes
        if self.inodes > 0.0 {
            reading.add(INODES_PERCENT, labels, 100.0 * (self.inodes - self.inodes_free) / self.inodes);
        }
    }
}

/// Mounts of filesystems on disks, one for each (bind mounts have the same device number; the shortest path is the one
/// people know), in order of path. A container's root, which is an overlay, stands for the disk below it.
fn on_disk(mountinfo: &str) -> Vec<Mount<'_>> {
    let is_kept = |mount: &Mount<'_>| {
        ON_DISK.contains(&mount.filesystem) || (mount.filesystem == "overlay" && mount.point.as_os_str() == "/")
    };
    let mut kept: Vec<Mount<'_>> = mountinfo.lines().filter_map(Mount::of).filter(is_kept).collect();
    kept.sort_by(|a, b| {
        let rank = |mount: &Mount<'_>| (mount.point.as_os_str().len(), mount.point.clone());
        a.device_number.cmp(b.device_number).then_with(|| rank(a).cmp(&rank(b)))
    });
    kept.dedup_by_key(|mount| mount.device_number);
    kept.sort_by(|a, b| a.point.cmp(&b.point));
    kept
}

#[cfg(test)]
mod tests {
    use super::super::reading::printed;
    use super::*;

    #[test]
    fn one_mount_a_filesystem_and_nothing_that_can_hang() {
        let text = "\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid shared:2 - proc proc rw
24 22 254:1 /var/lib/x /mnt/bind rw,relatime shared:1 - ext4 /dev/vda1 rw
25 22 0:50 / /mnt/nfs rw,relatime shared:3 - nfs4 server:/export rw
26 22 254:17 / /var/lib/my\\040data rw,relatime shared:4 - xfs /dev/vdb1 rw
27 22 7:0 / /snap/core/1 ro,nodev shared:5 - squashfs /dev/loop0 ro
28 22 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
";
        let kept: Vec<_> = on_disk(text).iter().map(|mount| mount.point.display().to_string()).collect();
        assert_eq!(kept, ["/", "/var/lib/my data"]);
        assert_eq!(on_disk(text)[1].device, "/dev/vdb1");
    }

    #[test]
    fn percent_is_counted_as_df_does() {
        let space = Space { total: 1000.0, free: 400.0, available: 300.0, inodes: 0.0, inodes_free: 0.0 };
        let lines = printed(|reading| space.read(&[("mount", "/")], reading));
        assert_eq!(lines[3], format!("disk_percent{{mount=\"/\"}} {}", 100.0 * 600.0 / 900.0));
        assert_eq!(lines.len(), 4, "a filesystem without inodes has no share of them");
    }
}
