//! Settings: flag, then environment, then file, then default.
//!
//! [`file`] is the model of the file, [`environment`] reads the same keys from `NODEBOOK_SECTION_KEY`, [`settings`]
//! puts the layers on top of each other. A value is checked where it stands, so that an error can say where that is.

mod batch;
mod catalogue;
mod environment;
mod error;
mod file;
#[cfg(test)]
mod fuzz;
mod guide;
mod keys;
mod look;
mod mail;
mod mask;
mod metric;
mod plot;
mod report;
mod retention;
mod serve;
mod settings;
mod source;
mod target;
mod values;

pub use batch::{Attach, BatchSection, Each, Send, WebhookSection};
pub use environment::MAIL_PASSWORD;
pub use error::ConfigError;
pub use file::{AnalysisSection, RecordSection};
pub use guide::{report_keys, retention_keys};
pub use mail::MailSection;
pub use report::ReportSection;
pub use retention::RetentionSection;
pub use serve::ServeSection;
pub use settings::Settings;
pub use source::SourceSection;
pub use target::TargetSection;
pub use values::Size;
