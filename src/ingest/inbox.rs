//! Where samples wait for the one writer of the file.
//!
//! Whoever takes samples in (the host sampler, the scraper, a push endpoint) puts them here and is told at once where there is no room. Arrivals that
//! wait together are written in one commit; the [`Receipt`] of each answers when that commit has returned, and not before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::limits::{COMMIT_SAMPLES_MAX, WAITING_SAMPLES_MAX};
use crate::model::{Batch, Timestamp};
use crate::store::WriteCounts;

/// Nobody waits for the answer to a scrape: those of so long share a commit, so that a thousand targets are no thousand synced commits.
const GATHERING: Duration = Duration::from_millis(250);

/// Where samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The recorder's own interval: this machine, and how the batches are. A quarter of the room is kept for it.
    Reading,
    /// A scrape of a target.
    Scrape,
    /// Somebody who pushes, and waits for the answer.
    Push,
}

/// Why samples were not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// Too much waits already.
    #[error("{waiting} samples wait to be written, the limit is {limit}: send again in a while")]
    NoRoom {
        /// Samples that wait.
        waiting: usize,
        /// The most that may.
        limit: usize,
    },
    /// The file cannot be written now; the same may go well later.
    #[error("{0}: send again in a while")]
    Later(String),
    /// The file never takes these.
    #[error("{0}")]
    Never(String),
    /// The recorder ends, or has ended.
    #[error("the recorder is stopping: send again when it is back")]
    Closing,
}

impl NotStored {
    /// Whether the sender should try again.
    pub fn may_pass(&self) -> bool {
        !matches!(self, NotStored::Never(_))
    }
}

/// What became of an arrival.
pub type Answer = Result<WriteCounts, NotStored>;

/// The side of those who take samples in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox {
    sender: Sender<Message>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Samples that are not written yet.
    waiting: AtomicUsize,
    limit: usize,
    closed: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Arrival(Arrival),
    Close,
}

/// The side of the writer.
#[derive(Debug)]
pub struct Arrivals {
    messages: Receiver<Message>,
    closed: bool,
}

/// Samples that wait to be written.
#[derive(Debug)]
pub struct Arrival {
    /// Where they come from.
    pub origin: Origin,
    /// When they were taken.
    pub at: Timestamp,
    /// The samples.
    pub batch: Batch,
    answer: oneshot::Sender<Answer>,
    room: Room,
}

/// The room that samples take while they wait.
#[derive(Debug)]
struct Room {
    shared: Arc<Shared>,
    samples: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(self.samples, Ordering::Relaxed);
    }
}

/// Tells, once, what became of an arrival. Who does not want to know drops it.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Answer>);

impl Receipt {
    /// What became of the samples, when their commit has returned.
    pub async fn answer(self) -> Answer {
        self.0.await.unwrap_or(Err(NotStored::Closing))
    }

    /// The same, without a wait: `None` where the commit has not returned yet.
    pub fn answered(&mut self) -> Option<Answer> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(NotStored::Closing)),
        }
    }
}

/// An inbox with room for [`WAITING_SAMPLES_MAX`] samples.
pub fn inbox() -> (Inbox, Arrivals) {
    with_room_for(WAITING_SAMPLES_MAX)
}

fn with_room_for(limit: usize) -> (Inbox, Arrivals) {
    let (sender, messages) = channel();
    let shared = Shared { waiting: AtomicUsize::new(0), limit, closed: AtomicBool::new(false) };
    (Inbox { sender, shared: Arc::new(shared) }, Arrivals { messages, closed: false })
}

impl Inbox {
    /// Hands samples over, which were taken at `at`. Never waits.
    pub fn put(&self, origin: Origin, at: Timestamp, batch: Batch) -> Result<Receipt, NotStored> {
        if self.shared.closed.load(Ordering::Relaxed) {
            return Err(NotStored::Closing);
        }
        let room = self.room(origin, batch.samples.len())?;
        let (answer, receipt) = oneshot::channel();
        let arrival = Arrival { origin, at, batch, answer, room };
        self.sender.send(Message::Arrival(arrival)).map_err(|_| NotStored::Closing)?;
        Ok(Receipt(receipt))
    }

    /// Samples that wait.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Takes no more: the writer ends when it has written what is here.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        let _ = self.sender.send(Message::Close); // whoever would hear it has ended already
    }

    /// Room for that many samples. What is larger than all of the room may come when there is nothing else.
    fn room(&self, origin: Origin, samples: usize) -> Result<Room, NotStored> {
        let limit = match origin {
            Origin::Reading => self.shared.limit + self.shared.limit / 4,
            Origin::Scrape | Origin::Push => self.shared.limit,
        };
        let waiting = self.shared.waiting.fetch_add(samples, Ordering::Relaxed);
        let room = Room { shared: self.shared.clone(), samples };
        if waiting > 0 && waiting + samples > limit { Err(NotStored::NoRoom { waiting, limit }) } else { Ok(room) }
    }
}

impl Arrivals {
    /// What is written next, in one commit: everything that waits, up to a number of samples. Waits for something to come; `None` at the end.
    pub fn group(&mut self) -> Option<Vec<Arrival>> {
        let mut group = vec![self.next(None)?];
        let gathered = Instant::now() + GATHERING;
        let mut samples = 0;
        while let Some(last) = group.last() {
            samples += last.batch.samples.len();
            if samples >= COMMIT_SAMPLES_MAX {
                break;
            }
            let somebody_waits = group.iter().any(|arrival| arrival.origin != Origin::Scrape);
            let until = if somebody_waits { Instant::now() } else { gathered };
            match self.next(Some(until)) {
                Some(arrival) => group.push(arrival),
                None => break,
            }
        }
        Some(group)
    }

    /// The next arrival, or `None` where none comes in time.
    fn next(&mut self, until: Option<Instant>) -> Option<Arrival> {
        if self.closed {
            return None;
        }
        let message = match until {
            None => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => self.messages.recv_timeout(until.saturating_duration_since(Instant::now())),
        };
        match message {
            Ok(Message::Arrival(arrival)) => Some(arrival),
            Err(RecvTimeoutError::Timeout) => None,
            Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => {
                self.closed = true;
                None
            }
        }
    }
}

impl Arrival {
    /// Says what became of it.
    pub fn answer(self, answer: Answer) {
        drop(self.room);
        let _ = self.answer.send(answer); // nobody may want to know
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Labels, MetricName, NodeName, Sample, SeriesKey};

    fn batch(samples: usize) -> Batch {
        let key = SeriesKey {
            node: NodeName::new("a").unwrap(),
            metric: MetricName::new("m").unwrap(),
            labels: Labels::default(),
        };
        let mut batch = Batch::default();
        for ms in 0..samples {
            batch.push(key.clone(), None, Sample { ts: Timestamp::from_millis(ms as i64), value: 1.0 });
        }
        batch
    }

    fn put(inbox: &Inbox, origin: Origin, samples: usize) -> Result<Receipt, NotStored> {
        inbox.put(origin, Timestamp::MIN, batch(samples))
    }

    fn answer_of(receipt: Receipt) -> Answer {
        receipt.0.blocking_recv().unwrap_or(Err(NotStored::Closing))
    }

    #[test]
    fn what_waits_together_is_one_commit_and_each_has_its_own_answer() {
        let (inbox, mut arrivals) = with_room_for(100);
        let receipts = [3, 4].map(|samples| put(&inbox, Origin::Push, samples).unwrap());
        let group = arrivals.group().unwrap();
        assert_eq!((group.len(), inbox.waiting()), (2, 7));
        for arrival in group {
            let stored = arrival.batch.samples.len() as u64;
            arrival.answer(Ok(WriteCounts { stored, ..WriteCounts::default() }));
        }
        assert_eq!(receipts.map(|receipt| answer_of(receipt).unwrap().stored), [3, 4]);
        assert_eq!(inbox.waiting(), 0);
    }

    #[test]
    fn where_there_is_no_room_the_sender_is_told_at_once_and_the_interval_still_has_some() {
        let (inbox, mut arrivals) = with_room_for(100);
        put(&inbox, Origin::Scrape, 90).unwrap();
        let refused = put(&inbox, Origin::Push, 11).unwrap_err();
        assert_eq!(refused.to_string(), "90 samples wait to be written, the limit is 100: send again in a while");
        assert!(refused.may_pass());
        assert_eq!(inbox.waiting(), 90, "what was refused takes no room");
        put(&inbox, Origin::Reading, 30).unwrap();
        assert!(put(&inbox, Origin::Reading, 30).is_err());
        drop(arrivals.group());
        put(&inbox, Origin::Push, 1_000).unwrap(); // alone it may be of any size
    }

    #[test]
    fn it_closes_after_what_was_put_before() {
        let (inbox, mut arrivals) = with_room_for(100);
        let before = put(&inbox, Origin::Scrape, 1).unwrap();
        inbox.close();
        assert_eq!(put(&inbox, Origin::Push, 1).unwrap_err(), NotStored::Closing);
        assert_eq!(arrivals.group().unwrap().len(), 1, "a scrape is not held back at the end");
        assert!(arrivals.group().is_none());
        assert_eq!(answer_of(before), Err(NotStored::Closing), "dropped unwritten");
    }

    #[test]
    fn a_commit_is_of_bounded_size() {
        let (inbox, mut arrivals) = inbox();
        for _ in 0..4 {
            put(&inbox, Origin::Push, COMMIT_SAMPLES_MAX / 2).unwrap();
        }
        assert_eq!([arrivals.group(), arrivals.group()].map(|group| group.unwrap().len()), [2, 2]);
    }
}
