//! Keeps the targets going: a task for each, on one thread.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::super::inbox::Inbox;
use super::health::News;
use super::lateness::Lateness;
use super::target::Target;
use super::watch::Watch;

/// Threads that look up names of hosts. Connections are kept, so few are looked up at a time.
const LOOKUP_THREADS_MAX: usize = 32;

/// Who is told what is new of the targets.
pub type Voice = Arc<dyn Fn(&News) + Send + Sync>;

/// The scraper, on a thread of its own.
#[derive(Debug)]
pub struct Scraper {
    orders: mpsc::UnboundedSender<Vec<Target>>,
    thread: JoinHandle<()>,
    lateness: Arc<Mutex<Lateness>>,
}

/// A target that is watched over, until it is told to leave.
struct Watched {
    target: Target,
    leave: oneshot::Sender<()>,
}

impl Scraper {
    /// Starts to scrape.
    pub fn start(targets: Vec<Target>, inbox: Inbox, voice: Voice) -> io::Result<Scraper> {
        let runtime =
            Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(LOOKUP_THREADS_MAX).build()?;
        let (orders, heard) = mpsc::unbounded_channel();
        let lateness = Arc::new(Mutex::new(Lateness::default()));
        let given = Given { inbox, voice, lateness: lateness.clone() };
        let thread =
            std::thread::Builder::new().name("scraper".into()).spawn(move || run(runtime, targets, heard, given))?;
        Ok(Scraper { orders, thread, lateness })
    }

    /// From now on these are scraped. Those that stay as they are do not notice.
    pub fn change(&self, targets: Vec<Target>) {
        let _ = self.orders.send(targets); // it only ends by a panic, which `stop` tells of
    }

    /// Stops at once, whatever hangs; says how the moments were kept.
    pub fn stop(self) -> Lateness {
        drop(self.orders);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        *self.lateness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every task is given.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) inbox: Inbox,
    pub(super) voice: Voice,
    pub(super) lateness: Arc<Mutex<Lateness>>,
}

fn run(runtime: Runtime, targets: Vec<Target>, mut orders: mpsc::UnboundedReceiver<Vec<Target>>, given: Given) {
    runtime.block_on(async {
        let mut watched = changed(Vec::new(), targets, &given);
        while let Some(targets) = orders.recv().await {
            watched = changed(watched, targets, &given);
        }
    });
    runtime.shutdown_background(); // a lookup of a name may hang for a minute
}

/// The targets that are watched over after a change. A target that is gone, or is scraped in another way, ends; one that is new, or is scraped in another
/// way, begins.
fn changed(mut before: Vec<Watched>, targets: Vec<Target>, given: &Given) -> Vec<Watched> {
    let mut after = Vec::with_capacity(targets.len());
    for target in targets {
        match before.iter().position(|watched| watched.target.is_as(&target)) {
            Some(place) => after.push(before.swap_remove(place)),
            None => {
                let (leave, left) = oneshot::channel();
                tokio::spawn(Watch::new(target.clone(), given.clone()).keep(left));
                after.push(Watched { target, leave });
            }
        }
    }
    for gone in before {
        let _ = gone.leave.send(()); // its task ends by a panic only
    }
    after
}
