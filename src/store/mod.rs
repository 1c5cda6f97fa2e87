//! Floor 1: the one SQLite file. [`Store`] is its only writer, [`Reader`] only reads.
//!
//! Samples arrive in the *head*, plain rows of recent time. *Sealing* moves full hours of it into *chunks*, compressed runs of one
//! series in one window of time, and brings the *rollups* of those hours and days up to date, in one transaction. A [`Bulk`] import
//! writes chunks directly and merges with what is there. *Retention* is a pure plan (retention) that is then applied. `check` verifies
//! every checksum and count. The tables are described, column by column, in `migrations/`; the bytes of chunks in [`crate::codec`].
//!
//! What holds:
//! - One writer a file: an OS lock, with the holder's pid ([`StoreError::Locked`]). Beside it, the one process that runs batches writes its ledger
//!   ([`Ledger`]), and whoever hands samples on how far that is ([`ForwardCursor`]): neither touches a sample.
//! - A time of a series is in one chunk at most: the windows of a series never overlap, whatever their lengths.
//! - Chunks hold only what is before `sealed_until`; an append at or after it never has to look into a chunk. Head rows before it are late
//!   samples: they win over the chunk and are merged into it by the next seal.
//! - Every page of the file and every row carries a checksum of ours, verified when it is read: damage is an error, never a number, and
//!   never a row that is not found.
//! - Files that are not ours are recognised by their header and not touched.
//!
//! What this floor never does: read the clock, know a format or a report, decide when to seal or what to keep.
//!
//! For `query/sql` and the virtual tables, which run on a connection of their own: [`open_read_only`], and `scan`, [`load_series`],
//! [`rollups`], [`WindowSet::load`], which read on the snapshot of the connection they are given.

mod annotation;
mod beside;
mod bulk;
mod catalog;
mod check;
mod check_rollups;
mod checksum;
mod chunk;
mod chunk_rows;
mod chunk_writer;
mod error;
mod extent;
mod file;
mod fold;
mod forward;
mod gone;
mod head;
mod hours;
mod info;
mod latest;
mod ledger;
mod lock;
mod lost_schema;
mod outlived;
mod page_checksum;
mod prune;
mod reader;
mod recover;
pub mod retention;
mod rollup;
mod rollup_rows;
mod rollup_update;
mod run;
mod scan;
mod schema;
mod seal;
mod setting;
mod sketch;
#[cfg(test)]
mod tests;
pub(crate) mod virtual_table;
mod window;
mod writer;

#[cfg(test)]
pub(crate) use file::open_for_tampering;

pub use beside::annotate_beside;
pub use bulk::Bulk;
pub use check::{CheckReport, Problem, check};
pub use error::{StoreError, StoreErrorKind};
pub use fold::Intake;
pub use forward::{ForwardCursor, ForwardKey, Late};
pub use info::{Layer, Layers, StoreInfo};
pub use ledger::{JobRun, Ledger, Made, Message, MessageState, NewMessage, NewRun, Occasion, RunState, Settled};
pub use outlived::{AllOutlived, Outlived};
pub use reader::Reader;
pub use recover::{Loss, RecoverReport, recover};
pub use rollup::Resolution;
pub use scan::{VisitRun, VisitTimes};
pub use writer::{Durability, OnConflict, Store, StoreOptions, WriteCounts};

// Used by `query/sql` and the virtual tables, on a connection of their own.
#[allow(unused_imports)]
pub(crate) use self::{catalog::load_series, file::open_read_only, rollup::rollups, scan::scan, window::WindowSet};

/// Version of the SQLite inside.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
