use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// What a shell shows for a program that a signal ended: 128 + SIGINT.
const AT_ONCE: i32 = 130;

/// The wish to stop: the first signal is heard by [`Stop::wait_until`], a second one ends the process at once.
pub struct Stop {
    heard: Receiver<()>,
    sender: Sender<()>,
}

/// Makes the recorder stop from within, when it is dropped: so also where a thread panics.
pub struct StopOnDrop(Sender<()>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(()); // whoever would hear it has stopped already
    }
}

impl Stop {
    /// Starts to listen for SIGINT, SIGTERM and SIGHUP.
    pub fn listen() -> io::Result<Stop> {
        let stopping = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal finds the flag unset and sets it, the second finds it set.
            flag::register_conditional_shutdown(signal, AT_ONCE, Arc::clone(&stopping))?;
            flag::register(signal, Arc::clone(&stopping))?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let (sender, heard) = channel();
        let signalled = sender.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                if signalled.send(()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Stop { heard, sender })
    }

    /// What a thread holds without which there is nothing to go on for.
    pub fn on_drop(&self) -> StopOnDrop {
        StopOnDrop(self.sender.clone())
    }

    /// Waits until `at_ms` after `start`; `true` where it is time to stop instead.
    pub fn wait_until(&self, start: Instant, at_ms: i64) -> bool {
        let at = start + Duration::from_millis(at_ms.unsigned_abs());
        self.heard.recv_timeout(at.saturating_duration_since(Instant::now())).is_ok()
    }
}
