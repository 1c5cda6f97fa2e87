//! Pressure stall information (PSI): time in which work waited for a resource. Linux 4.20 and later, where it is switched on.

use procfs::prelude::*;
use procfs::{CpuPressure, IoPressure, MemoryPressure};

use super::proc::Proc;
use super::reading::{Described, Reading, counter};

const CPU_WAITING: Described =
    counter("pressure_cpu_waiting_seconds_total", "seconds", "Time in which some task waited for a CPU");
const IO_WAITING: Described =
    counter("pressure_io_waiting_seconds_total", "seconds", "Time in which some task waited for a disk");
const IO_STALLED: Described =
    counter("pressure_io_stalled_seconds_total", "seconds", "Time in which all tasks waited for a disk");
const MEMORY_WAITING: Described =
    counter("pressure_memory_waiting_seconds_total", "seconds", "Time in which some task waited for memory");
const MEMORY_STALLED: Described =
    counter("pressure_memory_stalled_seconds_total", "seconds", "Time in which all tasks waited for memory");

pub(super) fn read(proc: &Proc, reading: &mut Reading<'_>) {
    let seconds = |microseconds: u64| microseconds as f64 / 1e6;
    if let Some(cpu) = parsed::<CpuPressure>(proc, "pressure/cpu") {
        reading.add(CPU_WAITING, &[], seconds(cpu.some.total));
    }
    if let Some(io) = parsed::<IoPressure>(proc, "pressure/io") {
        reading.add(IO_WAITING, &[], seconds(io.some.total));
        reading.add(IO_STALLED, &[], seconds(io.full.total));
    }
    if let Some(memory) = parsed::<MemoryPressure>(proc, "pressure/memory") {
        reading.add(MEMORY_WAITING, &[], seconds(memory.some.total));
        reading.add(MEMORY_STALLED, &[], seconds(memory.full.total));
    }
}

fn parsed<T: FromBufRead>(proc: &Proc, name: &str) -> Option<T> {
    T::from_buf_read(proc.text(name).ok()?.as_bytes()).ok()
}
