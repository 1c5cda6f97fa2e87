use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// What a shell shows for a program that a signal ended: 128 + SIGINT.
const AT_ONCE: i32 = 130;

/// The wish to stop: the first signal is heeded between two runs or messages, a second one ends the process at once. Either way the next call goes on.
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// Starts to listen for SIGINT, SIGTERM and SIGHUP.
    pub fn listen() -> io::Result<Stopping> {
        let stopping = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_shutdown(signal, AT_ONCE, Arc::clone(&stopping))?;
            flag::register(signal, Arc::clone(&stopping))?;
        }
        Ok(Stopping(stopping))
    }

    /// Whether it is time to stop.
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
