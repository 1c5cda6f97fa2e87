//! Where the kernel's files are.

use std::io;
use std::path::{Path, PathBuf};

/// The two trees of kernel files.
#[derive(Debug)]
pub(super) struct Proc {
    proc: PathBuf,
    sys: PathBuf,
}

impl Default for Proc {
    fn default() -> Self {
        Proc { proc: PathBuf::from("/proc"), sys: PathBuf::from("/sys") }
    }
}

impl Proc {
    /// The text of `/proc/NAME`.
    pub(super) fn text(&self, name: &str) -> io::Result<String> {
        std::fs::read_to_string(self.proc.join(name))
    }

    /// `/proc`, to be listed.
    pub(super) fn root(&self) -> &Path {
        &self.proc
    }

    /// Whether the kernel calls `device` a disk of its own, not a part of one. Names with a `/` have a `!` there.
    pub(super) fn is_whole_disk(&self, device: &str) -> bool {
        self.sys.join("block").join(device.replace('/', "!")).exists()
    }
}
