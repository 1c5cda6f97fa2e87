//! Sends requests until they are taken, or refused for good.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::news::News;
use super::remote_write::{Name, Samples, SeriesBatch, body};
use super::start;
use super::{ForwardTarget, Say};
use crate::net::{Address, Blocking, Client, Limits, NetError, Request, Response};

/// Between tries: the first and the longest pause.
const PAUSE: Duration = Duration::from_millis(30);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// However long an engine says it should be.
const TOLD_MAX: Duration = Duration::from_secs(60);
/// So often an error of the engine's own is believed to pass; then it is looked for what in the request makes it.
const OWN_ERRORS: u32 = 3;
/// Its metrics, of which only one is wanted.
const PAGE: Limits =
    Limits { connect: Duration::from_secs(5), total: Duration::from_secs(5), packed: 4 << 20, unpacked: 16 << 20 };

/// Somebody wants it to end.
pub(super) struct Stopped;

/// What became of a request.
enum Fate {
    Taken,
    /// It is never taken as it is.
    Refused(String),
    /// Each try makes the engine fail, or it fails of itself.
    Fails(String),
}

/// The way to one engine.
pub(super) struct Sender {
    way: Blocking,
    address: Address,
    page: Address,
    tenant: Option<String>,
    rejected: u64,
    was_told: bool,
    is_away: bool,
    has_failed: bool,
}

impl Sender {
    pub(super) fn new(target: &ForwardTarget) -> Result<Sender, NetError> {
        let client = Client::new(&target.address, &target.trust)?;
        let client = match &target.login {
            Some(login) => client.with_login(login.clone()),
            None => client,
        };
        Ok(Sender {
            way: Blocking::new(client)?,
            address: target.address.clone(),
            page: target.address.at("/metrics"),
            tenant: target.tenant.clone(),
            rejected: 0,
            was_told: false,
            is_away: false,
            has_failed: false,
        })
    }

    /// Samples that were refused for good.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Whether the engine was away since this was asked, and may have been started anew.
    pub(super) fn take_failure(&mut self) -> bool {
        std::mem::take(&mut self.has_failed)
    }

    /// When it was started; `None` where it does not say so.
    pub(super) fn started(&mut self, stop: &Receiver<()>) -> Result<Option<f64>, Stopped> {
        pause(stop, Duration::ZERO)?;
        let answer = self.way.send(&Request::get(&self.page), &PAGE).ok().filter(Response::is_success);
        Ok(answer.and_then(|page| start::started(&String::from_utf8_lossy(&page.body))))
    }

    /// Sends a batch until it is taken. Where it is refused, it is cut in halves until what is bad in it is alone.
    pub(super) fn deliver(&mut self, batch: &SeriesBatch, stop: &Receiver<()>, say: Say<'_>) -> Result<(), Stopped> {
        let mut open: Vec<&[(Name, Samples)]> = vec![batch];
        let mut taken = None;
        while let Some(part) = open.pop() {
            let why = match self.attempt(part, stop, say)? {
                Fate::Taken => {
                    taken = Some(part);
                    continue;
                }
                // If it takes nothing at all, not even again what it took before, it is not the samples.
                Fate::Fails(_) if part.len() == 1 && !self.takes_again(taken, stop, say)? => {
                    pause(stop, PAUSE_MAX)?;
                    open.push(part);
                    continue;
                }
                Fate::Refused(why) | Fate::Fails(why) => why,
            };
            if part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                open.extend([second, first]);
                continue;
            }
            self.rejected += part.iter().map(|(_, samples)| samples.len() as u64).sum::<u64>();
            if !std::mem::replace(&mut self.was_told, true) {
                say(News::Rejected(why));
            }
        }
        Ok(())
    }

    /// Whether it takes now what it took before: copies are exact.
    fn takes_again(
        &mut self,
        taken: Option<&[(Name, Samples)]>,
        stop: &Receiver<()>,
        say: Say<'_>,
    ) -> Result<bool, Stopped> {
        let Some(taken) = taken else { return Ok(false) };
        Ok(matches!(self.attempt(taken, stop, say)?, Fate::Taken))
    }

    fn attempt(&mut self, batch: &[(Name, Samples)], stop: &Receiver<()>, say: Say<'_>) -> Result<Fate, Stopped> {
        let bytes = match body(batch) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Fate::Refused(error.to_string())),
        };
        // It may arrive twice.
        let request = Request::post(&self.address, "application/x-protobuf", bytes)
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .repeatable();
        let request = match &self.tenant {
            Some(tenant) => request.header("X-Scope-OrgID", tenant),
            None => request,
        };
        let mut wait = PAUSE;
        let mut own_errors = 0;
        loop {
            pause(stop, Duration::ZERO)?;
            let mut is_busy = false;
            let (why, told) = match self.way.send(&request, &Limits::default()) {
                Ok(answer) if answer.is_success() => {
                    if std::mem::take(&mut self.is_away) {
                        say(News::Back);
                    }
                    return Ok(Fate::Taken);
                }
                Ok(answer) => {
                    let why = format!("{}: answers {}: {}", self.address, answer.status, answer.first_line());
                    own_errors += u32::from(answer.status == 500);
                    // Whoever says that it is too much is alive: it has lost nothing.
                    is_busy = answer.status == 429;
                    match answer.status {
                        400 | 413 | 422 => return Ok(Fate::Refused(why)),
                        500 if own_errors == OWN_ERRORS => return Ok(Fate::Fails(why)),
                        _ => (why, answer.header("retry-after").and_then(|text| text.trim().parse().ok())),
                    }
                }
                Err(error) => (error.to_string(), None),
            };
            self.has_failed |= !is_busy;
            if !std::mem::replace(&mut self.is_away, true) {
                say(News::Away(why));
            }
            pause(stop, told.map_or(jittered(wait), Duration::from_secs).min(TOLD_MAX))?;
            wait = (wait * 2).min(PAUSE_MAX);
        }
    }
}

/// Waits, or ends.
fn pause(stop: &Receiver<()>, time: Duration) -> Result<(), Stopped> {
    match stop.recv_timeout(time) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Stopped),
    }
}

/// Between a half and all of it: those who were cut off together do not come back together.
fn jittered(time: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    time.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::net::Trust;

    /// An engine that answers with these, one request after the other, and then takes everything; how many requests there were.
    fn engine(statuses: &'static [u16]) -> (Address, std::thread::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/api/v1/write", listener.local_addr().unwrap()).parse().unwrap();
        let served = std::thread::spawn(move || {
            let mut requests = BufReader::new(listener.accept().unwrap().0);
            for request in 0.. {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if requests.read_line(&mut line).unwrap_or(0) == 0 {
                        return request;
                    }
                    if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                        length = bytes.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                requests.read_exact(&mut vec![0; length]).unwrap();
                let status = statuses.get(request).unwrap_or(&204);
                write!(requests.get_mut(), "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
            0
        });
        (address, served)
    }

    /// After `a` and `b` were sent there: what is refused, whether it was away, and how many requests there were.
    fn delivered(statuses: &'static [u16]) -> (u64, bool, usize) {
        let (address, served) = engine(statuses);
        let target = ForwardTarget { address, login: None, trust: Trust::system(None).unwrap(), tenant: None };
        let mut sender = Sender::new(&target).unwrap();
        let (_stop, heard) = channel();
        let series = |name: &str| (Name::of_labels(&[("__name__".to_owned(), name.to_owned())]), vec![(1, 1.0)]);
        assert!(sender.deliver(&vec![series("a"), series("b")], &heard, &mut |_| ()).is_ok());
        let (rejected, was_away) = (sender.rejected(), sender.take_failure());
        drop(sender);
        (rejected, was_away, served.join().unwrap())
    }

    fn rejected(statuses: &'static [u16]) -> (u64, usize) {
        let (rejected, _, requests) = delivered(statuses);
        (rejected, requests)
    }

    /// It was taken for one that was started anew: everything since a minute before was sent again, to one that had too much to do already.
    #[test]
    fn an_engine_that_has_too_much_to_do_was_not_away() {
        assert_eq!(delivered(&[429, 429]), (0, false, 3));
        assert_eq!(delivered(&[429, 503]), (0, true, 3));
    }

    /// An engine that failed for a moment between two halves of a request lost the second one.
    #[test]
    fn samples_are_refused_only_by_an_engine_that_takes_others_at_that_time() {
        // both fail; `a` is taken; `b` fails, and so does `a` now; then all is well again
        assert_eq!(rejected(&[500, 500, 500, 204, 500, 500, 500, 500, 500, 500]), (0, 11));
        // `b` fails, and `a` is taken still
        assert_eq!(rejected(&[500, 500, 500, 204, 500, 500, 500, 204]), (1, 8));
        assert_eq!(rejected(&[400, 204, 400]), (1, 3));
    }
}
