//! Floor 5: an [`Artifact`] to where it is wanted.
//!
//! A file is written beside its place, synced and renamed over it: whoever reads sees the old one or the new one, never
//! half of one. It belongs to its owner alone (0600).
//!
//! What this floor never does: know what a report is, ask the data, choose names.

mod artifact;
mod error;
mod file;

pub use artifact::Artifact;
pub use error::DeliverError;
pub use file::{FileWriter, expect_writable, write_file};
