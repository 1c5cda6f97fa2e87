//! Memory and swap, from `/proc/meminfo`.

use procfs::{FromBufRead, Meminfo};

use super::proc::Proc;
use super::reading::{Described, Reading, gauge};

const TOTAL: Described = gauge("memory_total_bytes", "bytes", "Memory the kernel can use");
const AVAILABLE: Described = gauge("memory_available_bytes", "bytes", "Memory that programs can get without swapping");
const USED: Described = gauge("memory_used_bytes", "bytes", "Memory that is not available: total - available");
const PERCENT: Described = gauge("memory_percent", "percent", "Share of memory that is not available");
const CACHED: Described = gauge("memory_cached_bytes", "bytes", "Page cache, given back when it is needed");
const BUFFERS: Described = gauge("memory_buffers_bytes", "bytes", "Buffers of block devices, given back when needed");
const SWAP_TOTAL: Described = gauge("swap_total_bytes", "bytes", "Swap space");
const SWAP_USED: Described = gauge("swap_used_bytes", "bytes", "Swap space in use");
const SWAP_PERCENT: Described = gauge("swap_percent", "percent", "Share of swap space in use");

pub(super) fn read(proc: &Proc, reading: &mut Reading<'_>) {
    let Ok(text) = proc.text("meminfo") else { return };
    let Ok(memory) = Meminfo::from_buf_read(text.as_bytes()) else { return };
    let total = memory.mem_total;
    reading.add(TOTAL, &[], total as f64);
    reading.add(CACHED, &[], memory.cached as f64);
    reading.add(BUFFERS, &[], memory.buffers as f64);
    // kernels before 3.14 do not estimate what is available; an estimate of our own would not be comparable
    if let Some(available) = memory.mem_available.filter(|_| total > 0) {
        let used = total.saturating_sub(available);
        reading.add(AVAILABLE, &[], available as f64);
        reading.add(USED, &[], used as f64);
        reading.add(PERCENT, &[], 100.0 * used as f64 / total as f64);
    }
    if memory.swap_total > 0 {
        let used = memory.swap_total.saturating_sub(memory.swap_free);
        reading.add(SWAP_TOTAL, &[], memory.swap_total as f64);
        reading.add(SWAP_USED, &[], used as f64);
        reading.add(SWAP_PERCENT, &[], 100.0 * used as f64 / memory.swap_total as f64);
    }
}
