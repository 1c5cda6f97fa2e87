//! Floor 5: hands what is recorded on to engines that take Prometheus remote write.
//!
//! The file is the queue: samples are read from it in the order of their time, from a cursor that is in the file too
//! ([`ForwardCursor`]), and what is stored behind the cursor later on is sent then. So nothing waits in memory, a recorder
//! that was down catches up, and an engine that was down for a week is caught up with as far as samples are kept. Each engine, and each tenant of one, has a
//! cursor of its own: none waits for another.
//!
//! Everything arrives at least once: an engine that acknowledges samples may lose them all the same when it is killed (VictoriaMetrics keeps the last
//! seconds in memory). So what was acknowledged in the last minute before it was last known to be alive is sent again after it has started anew
//! ([`course`]), which it tells by the start time among its own metrics, or by not answering. Copies are exact.
//!
//! What this floor never does: write a sample, drop one because an engine is away, send one of the future.

pub mod course;
mod names;
mod news;
mod progress;
mod remote_write;
mod sender;
mod start;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

pub use news::News;
pub use progress::Progress;

use crate::model::{SeriesId, TimeRange, Timestamp};
use crate::net::{Address, Login, NetError, Trust};
use crate::store::{ForwardCursor, ForwardKey, Late, Reader, StoreError};
use course::Course;
use names::Names;
use sender::{Sender, Stopped};

/// What is younger is left for the next round: a scrape is written a moment after it was taken.
const HOLD_MS: i64 = 2_000;
/// How often is looked for what is new.
const ROUND: Duration = Duration::from_secs(2);
/// About how many samples (16 bytes each) are read at once. Each slice decodes the chunks that it lies in anew.
const SLICE_SAMPLES: i64 = 400_000;
/// The first slice: where much is sampled it is not more than that, and where little is the next ones are longer.
const SLICE_MS: i64 = 10_000;
/// Late notes that are looked after at once.
const LATE_MAX: u32 = 1_000;
/// How often the engine is asked for when it was started, and how far it has come is written down.
const PROBE: Duration = Duration::from_secs(5);
/// How often is told how far it is.
const TELL: Duration = Duration::from_secs(60);

/// Why forwarding ended.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network cannot be used at all.
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Where everything is handed on to.
#[derive(Clone, Debug)]
pub struct ForwardTarget {
    /// The address that takes remote write.
    pub address: Address,
    /// Who logs in, where that is not in the address.
    pub login: Option<Login>,
    /// Whom its certificate is believed.
    pub trust: Trust,
    /// The tenant, for `X-Scope-OrgID`.
    pub tenant: Option<String>,
}

impl ForwardTarget {
    /// As a file remembers it.
    pub fn key(&self) -> ForwardKey {
        ForwardKey { target: self.address.to_string(), tenant: self.tenant.clone().unwrap_or_default() }
    }
}

/// Hands samples of a file on to one engine.
pub struct Forwarder {
    db: PathBuf,
    cursor: ForwardCursor,
    sender: Sender,
    course: Course,
    began: Instant,
    /// Everything before it was acknowledged, and the last late note.
    position: Timestamp,
    late: i64,
    names: Names,
    slice_ms: i64,
    started: Option<f64>,
    probed: Option<Instant>,
    told: Instant,
    progress: Arc<Progress>,
}

type Say<'a> = &'a mut dyn FnMut(News);

impl Forwarder {
    /// Ready to hand on what is in `db`, from where it was left.
    pub fn open(db: PathBuf, target: &ForwardTarget) -> Result<Forwarder, ForwardError> {
        let cursor = ForwardCursor::open(&db, &target.key())?;
        let (position, late) = cursor.safe()?;
        let course = Course::from((position, late));
        let now = Instant::now();
        Ok(Forwarder {
            db,
            cursor,
            sender: Sender::new(target)?,
            course,
            began: now,
            position,
            late,
            names: Names::default(),
            slice_ms: SLICE_MS,
            started: None,
            probed: None,
            told: now,
            progress: Arc::new(Progress::from(position)),
        })
    }

    /// How far it is, to look at while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Goes on until `stop` says something or is dropped. `clock` says what time it is, `say` hears what is worth to be told.
    pub fn run(mut self, clock: fn() -> Timestamp, stop: &Receiver<()>, say: Say<'_>) -> Result<(), ForwardError> {
        let progress = self.progress();
        let say: Say<'_> = &mut |news| {
            match news {
                News::Away(_) => progress.goes_away(true),
                News::Back => progress.goes_away(false),
                _ => {}
            }
            say(news);
        };
        loop {
            match self.round(clock(), stop, say) {
                Ok(()) => {}
                Err(Ended::Stopped) => break,
                // The recorder says it too, and lives through it.
                Err(Ended::Failed(ForwardError::Store(error))) if error.may_pass() => {
                    say(News::Later(error.to_string()))
                }
                Err(Ended::Failed(error)) => return Err(error),
            }
            match stop.recv_timeout(ROUND) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        say(News::Stopped { sent: self.progress.sent(), rejected: self.sender.rejected(), upto: self.position });
        Ok(())
    }

    /// Everything there is up to now.
    fn round(&mut self, now: Timestamp, stop: &Receiver<()>, say: Say<'_>) -> Result<(), Ended> {
        let until = now.plus_millis(-HOLD_MS);
        let mut reader = Reader::open(&self.db)?;
        if !self.has_news(&reader)? {
            drop(reader);
            return self.look_after_engine(stop, say);
        }
        self.cursor.claim(until)?;
        loop {
            self.look_after_engine(stop, say)?;
            reader.snapshot()?;
            let is_done = self.slice(&mut reader, until, stop, say)?;
            let is_done = self.late(&mut reader, stop, say)? && is_done;
            if self.told.elapsed() >= TELL {
                self.told = Instant::now();
                say(News::Lag { sent: self.progress.sent(), behind_ms: now.millis() - self.position.millis() });
            }
            if is_done {
                return Ok(());
            }
        }
    }

    /// Whether there is anything to be sent, now or in a moment: a claim is a commit, and not worth one every other second.
    fn has_news(&self, reader: &Reader) -> Result<bool, StoreError> {
        let newest = reader.span()?.map(|span| span.to());
        Ok(newest.is_some_and(|newest| newest > self.position) || !self.cursor.late(self.late, 1)?.is_empty())
    }

    /// Sends the next stretch of time; whether that was the last one up to `until`.
    fn slice(
        &mut self,
        reader: &mut Reader,
        until: Timestamp,
        stop: &Receiver<()>,
        say: Say<'_>,
    ) -> Result<bool, Ended> {
        let Some(span) = reader.span()? else { return Ok(true) };
        // A file of years that begins in the middle of time is not looked through from 1970 on.
        let from = self.position.max(span.from());
        let end = until.min(span.to());
        if from >= end {
            self.arrived(until.max(self.position));
            return Ok(true);
        }
        let to = from.plus_millis(self.slice_ms).min(end);
        let Some(range) = TimeRange::new(from, to) else { return Ok(true) };
        let samples = self.send(reader, None, range, stop, say)?;
        self.arrived(if to == end { until } else { to });
        let fitting = self.slice_ms.saturating_mul(SLICE_SAMPLES) / samples.max(1);
        self.slice_ms = fitting.clamp(1_000, self.slice_ms.saturating_mul(8));
        Ok(to == end)
    }

    /// Sends what was stored behind the cursor; whether that was all of it.
    fn late(&mut self, reader: &mut Reader, stop: &Receiver<()>, say: Say<'_>) -> Result<bool, Ended> {
        let notes = self.cursor.late(self.late, LATE_MAX)?;
        let last = notes.last().map(|note| note.id);
        // Those of one scrape go together.
        let mut by_range: BTreeMap<(Timestamp, Timestamp), Vec<SeriesId>> = BTreeMap::new();
        for Late { series, range, .. } in &notes {
            by_range.entry((range.from(), range.to())).or_default().push(*series);
        }
        for ((from, to), mut ids) in by_range {
            ids.sort_unstable();
            ids.dedup();
            let mut at = from;
            // A note of an import may be of years.
            let length = (SLICE_SAMPLES / ids.len().max(1) as i64).max(1) * 1_000;
            while at < to {
                let end = at.plus_millis(length).min(to);
                if let Some(range) = TimeRange::new(at, end) {
                    self.send(reader, Some(&ids), range, stop, say)?;
                }
                at = end;
            }
        }
        if let Some(last) = last {
            self.late = last;
            self.course.arrived(self.millis(), self.position, self.late);
        }
        Ok(notes.len() < LATE_MAX as usize)
    }

    /// Sends the samples of some series, or of all; how many those were.
    fn send(
        &mut self,
        reader: &mut Reader,
        ids: Option<&[SeriesId]>,
        range: TimeRange,
        stop: &Receiver<()>,
        say: Say<'_>,
    ) -> Result<i64, Ended> {
        // What the notes that were just read are of is there now, and has a name.
        reader.snapshot()?;
        self.names.read(reader)?;
        let mut runs: BTreeMap<SeriesId, Vec<(i64, f64)>> = BTreeMap::new();
        reader.scan(ids.unwrap_or(self.names.ids()), range, &mut |id, times, values| {
            runs.entry(id).or_default().extend(times.iter().copied().zip(values.iter().copied()));
            ControlFlow::Continue(())
        })?;
        // An engine that is away may be waited for for days.
        reader.release()?;
        let samples: usize = runs.values().map(Vec::len).sum();
        let named = runs.iter().filter_map(|(id, run)| Some((self.names.of(*id)?, run.as_slice())));
        for batch in remote_write::batches(named) {
            self.sender.deliver(&batch, stop, say)?;
        }
        self.progress.has_sent(samples as u64, self.sender.rejected());
        Ok(samples as i64)
    }

    fn arrived(&mut self, position: Timestamp) {
        self.position = position;
        self.progress.reached(position);
        self.course.arrived(self.millis(), self.position, self.late);
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Finds out whether the engine was started anew, and goes back to what it may have lost; writes down what it surely has.
    fn look_after_engine(&mut self, stop: &Receiver<()>, say: Say<'_>) -> Result<(), Ended> {
        let had_failed = self.sender.take_failure();
        if !had_failed && self.probed.is_some_and(|probed| probed.elapsed() < PROBE) {
            return Ok(());
        }
        self.probed = Some(Instant::now());
        let at = self.millis();
        let started = self.sender.started(stop)?;
        let is_new = match (self.started, started) {
            (Some(before), Some(now)) => before != now,
            _ => false,
        };
        // Whoever did not answer may have been started anew, whatever second it says that was.
        let is_new = is_new || had_failed;
        self.started = started.or(self.started);
        if is_new {
            let (position, late) = self.course.back();
            say(News::Again { from: position });
            (self.position, self.late) = (position, late);
            self.course.seen_alive(at);
            return Ok(());
        }
        self.course.seen_alive(at);
        if let Some((safe, late)) = self.course.settled() {
            self.cursor.keep(safe, late)?;
        }
        Ok(())
    }
}

enum Ended {
    Stopped,
    Failed(ForwardError),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Ended {
        Ended::Stopped
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        Ended::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::model::{Batch, Sample};
    use crate::query::memory::key;
    use crate::store::{OnConflict, Store, StoreOptions};

    const T0: i64 = 1_767_571_200_000;

    fn sample(metric: &str, ms: i64) -> Batch {
        let mut batch = Batch::default();
        batch.push(key("a", metric, &[]), None, Sample { ts: Timestamp::from_millis(ms), value: 1.0 });
        batch
    }

    /// A receiver that does something before it acknowledges the first request; the messages that it took.
    fn receiver(mut first: impl FnMut() + Send + 'static) -> (Address, std::thread::JoinHandle<Vec<Vec<u8>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/api/v1/write", listener.local_addr().unwrap()).parse().unwrap();
        let served = std::thread::spawn(move || {
            let mut requests = BufReader::new(listener.accept().unwrap().0);
            let mut taken = Vec::new();
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if requests.read_line(&mut line).unwrap_or(0) == 0 {
                        return taken;
                    }
                    if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                        length = bytes.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                requests.read_exact(&mut body).unwrap();
                if length > 0 {
                    if taken.is_empty() {
                        first();
                    }
                    taken.push(snap::raw::Decoder::new().decompress_vec(&body).unwrap());
                }
                write!(requests.get_mut(), "HTTP/1.1 204 x\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
        });
        (address, served)
    }

    /// Its note was read, and what it is of was looked for in the state of the file from before: it never arrived.
    #[test]
    fn what_is_stored_late_while_a_request_is_under_way_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let mut store = Store::open(&path, StoreOptions::default()).unwrap();
        store.append(&sample("early", T0), OnConflict::Keep).unwrap();
        let (address, served) = receiver(move || {
            store.append(&sample("late", T0 + 10), OnConflict::Keep).unwrap();
        });
        let target = ForwardTarget { address, login: None, trust: Trust::system(None).unwrap(), tenant: None };
        let mut forwarder = Forwarder::open(path, &target).unwrap();
        let (_stop, heard) = channel();
        assert!(forwarder.round(Timestamp::from_millis(T0 + 100_000), &heard, &mut |_| ()).is_ok());
        drop(forwarder);
        let taken = served.join().unwrap();
        let has = |message: &Vec<u8>, name: &[u8]| message.windows(name.len()).any(|part| part == name);
        assert_eq!(
            taken.iter().map(|m| (has(m, b"early"), has(m, b"late"))).collect::<Vec<_>>(),
            [(true, false), (false, true)]
        );
    }
}
