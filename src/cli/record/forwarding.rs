use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::super::context::{Context, clock};
use super::super::error::CliError;
use crate::forward::{ForwardTarget, Forwarder};

/// How long the end of it is waited for: a request that is under way then is sent again by the next recorder.
const END: Duration = Duration::from_millis(1_500);

/// Hands on what is recorded, on a thread of its own; dropped, it ends.
pub struct Forwarding {
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl Forwarding {
    /// Starts it.
    pub fn start(forwarder: Forwarder, target: &ForwardTarget, context: &Context) -> Result<Forwarding, CliError> {
        let terminal = context.terminal;
        terminal.say(&format!("forwarding to {}", target.address));
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let run = move || {
            let _end = end;
            let said = forwarder.run(clock, &stopped, &mut |news| match news {
                news if news.is_bad() => terminal.warn(&news.to_string()),
                news if news.is_detail() => terminal.detail(&news.to_string()),
                news => terminal.say(&news.to_string()),
            });
            if let Err(error) = said {
                terminal.error(&format!("{error}: nothing is forwarded until the recorder is started again"));
            }
        };
        std::thread::Builder::new().name("forward".into()).spawn(run).map_err(CliError::Thread)?;
        Ok(Forwarding { stop: Some(stop), ended })
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.stop = None;
        let _ = self.ended.recv_timeout(END); // it ends, or is left
    }
}
