//! A bar on stderr, where somebody sees it.

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Terminal;

/// Bytes read of so many.
pub struct ByteBar {
    bar: Option<ProgressBar>,
}

impl ByteBar {
    /// Shown on a terminal only.
    pub fn new(terminal: &Terminal) -> Self {
        ByteBar { bar: terminal.shows_progress().then(ProgressBar::no_length) }
    }

    /// `done` bytes of `total`, 0 where that is unknown.
    pub fn advance(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(total) {
            let template = if total > 0 { "{bytes} of {total_bytes} {wide_bar} {eta}" } else { "{bytes} {spinner}" };
            bar.set_length(total);
            // The templates are ours: a wrong one would be seen at once.
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        bar.set_position(done);
    }
}

impl Drop for ByteBar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
