use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::super::context::{Context, clock};
use super::super::error::CliError;
use super::super::output::Terminal;
use crate::forward::Forwarder;
use crate::store::ForwardKey;

/// How long the end of it is waited for: a request that is under way then is sent again by the next recorder.
const END: Duration = Duration::from_millis(1_500);

/// Hands on what is recorded, to each engine on a thread of its own; dropped, it ends.
pub struct Forwarding {
    stops: Vec<Sender<()>>,
    ended: Vec<Receiver<()>>,
}

impl Forwarding {
    /// Starts it.
    pub fn start(forwarders: Vec<(ForwardKey, Forwarder)>, context: &Context) -> Result<Forwarding, CliError> {
        let mut forwarding = Forwarding { stops: Vec::new(), ended: Vec::new() };
        let are_several = forwarders.len() > 1;
        for (key, forwarder) in forwarders {
            context.terminal.say(&format!("forwarding to {key}"));
            let who = if are_several { format!("{key}: ") } else { String::new() };
            forwarding.begin(forwarder, who, context.terminal)?;
        }
        Ok(forwarding)
    }

    fn begin(&mut self, forwarder: Forwarder, who: String, terminal: Terminal) -> Result<(), CliError> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let run = move || {
            let _end: Sender<()> = end;
            let said = forwarder.run(clock, &stopped, &mut |news| match format!("{who}{news}") {
                text if news.is_bad() => terminal.warn(&text),
                text if news.is_detail() => terminal.detail(&text),
                text => terminal.say(&text),
            });
            if let Err(error) = said {
                terminal.error(&format!("{who}{error}: nothing is forwarded until the recorder is started again"));
            }
        };
        std::thread::Builder::new().name("forward".into()).spawn(run).map_err(CliError::Thread)?;
        self.stops.push(stop);
        self.ended.push(ended);
        Ok(())
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.stops.clear();
        let end = Instant::now() + END;
        for ended in &self.ended {
            let _ = ended.recv_timeout(end.saturating_duration_since(Instant::now())); // it ends, or is left
        }
    }
}
