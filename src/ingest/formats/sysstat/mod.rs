//! What the tools of sysstat write: `sadf -j`, `sadf -d` and `sadf -p` of archives, `iostat -o JSON`, `mpstat -o JSON`, and the text of `sar`, `mpstat` and
//! `iostat`.
//!
//! One quantity has one name whichever tool wrote it: `sysstat_cpu_idle{cpu="all"}`, `sysstat_memory_memused_percent`, `sysstat_disk_rkB{device="sda"}`
//! ([`fields`]). Values are as they are written: rates a second, kilobytes, percent. Averages at the end, restarts and comments are no
//! samples. Times without a zone (`sadf -t`, text) are of the zone that is given; those of text have no date but the one of the heading: they go
//! into the next day when they fall, and begin again with that day after the averages.
//! Source: sysstat 12.6, sadf(1), json_stats.c, rndr_stats.c.

mod delimited;
mod fields;
mod json;
mod text;

pub use delimited::parser as delimited;
pub use json::parser as json;
pub use text::parser as text;

pub(super) use delimited::looks_like as looks_like_delimited;
pub(super) use json::looks_like as looks_like_json;
pub(super) use text::{is_of_processes, looks_like as looks_like_text};
