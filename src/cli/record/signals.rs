use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// What a shell shows for a program that a signal ended: 128 + SIGINT.
const AT_ONCE: i32 = 130;

/// The wish to stop: the first signal is heard by [`Stop::wake`], a second one ends the process at once.
pub struct Stop {
    heard: Receiver<Wake>,
    sender: Sender<Wake>,
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It is time.
    Time,
    /// The configuration is to be read again.
    Reload,
    /// It is time to stop.
    Stop,
}

/// Makes the recorder stop from within, when it is dropped: so also where a thread panics.
pub struct StopOnDrop(Sender<Wake>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(Wake::Stop); // whoever would hear it has stopped already
    }
}

impl Stop {
    /// Starts to listen for SIGINT, SIGTERM and SIGHUP.
    pub fn listen() -> io::Result<Stop> {
        Stop::listen_for(&[SIGINT, SIGTERM, SIGHUP], &[])
    }

    /// Starts to listen for SIGINT and SIGTERM; SIGHUP asks for the configuration to be read again, but where there is a terminal, of which it says that
    /// it has gone.
    pub fn listen_and_reload() -> io::Result<Stop> {
        if io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal() {
            return Stop::listen();
        }
        Stop::listen_for(&[SIGINT, SIGTERM], &[SIGHUP])
    }

    fn listen_for(stopping: &[i32], reloading: &[i32]) -> io::Result<Stop> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in stopping {
            // In this order: the first signal finds the flag unset and sets it, the second finds it set.
            flag::register_conditional_shutdown(*signal, AT_ONCE, Arc::clone(&asked))?;
            flag::register(*signal, Arc::clone(&asked))?;
        }
        let mut signals = Signals::new(stopping.iter().chain(reloading))?;
        let (sender, heard) = channel();
        let (signalled, reloading) = (sender.clone(), reloading.to_vec());
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                let wake = if reloading.contains(&signal) { Wake::Reload } else { Wake::Stop };
                if signalled.send(wake).is_err() {
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

    /// Waits until `at_ms` after `start`, or for what is heard before.
    pub fn wake(&self, start: Instant, at_ms: i64) -> Wake {
        let at = start + Duration::from_millis(at_ms.unsigned_abs());
        match self.heard.recv_timeout(at.saturating_duration_since(Instant::now())) {
            Ok(wake) => wake,
            Err(RecvTimeoutError::Timeout) => Wake::Time,
            Err(RecvTimeoutError::Disconnected) => Wake::Stop,
        }
    }
}
