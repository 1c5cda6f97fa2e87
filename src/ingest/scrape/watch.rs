//! One target, scraped for as long as it is wanted.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::inbox::{NotStored, Origin, Receipt};
use super::super::pace::{Pace, Tick};
use super::content::{ACCEPT, reading_of};
use super::health::{Health, News, Outcome};
use super::lateness::Lateness;
use super::own_series::{self, Scraped};
use super::page::{Page, PageReader};
use super::phase::{phase_ms, wait_ms};
use super::scraper::Given;
use super::target::Target;
use crate::model::{Batch, Timestamp};
use crate::net::{Client, Limits, NetError, Redirects, Request, Response};

/// What every task does for its target.
pub(super) struct Watch {
    target: Target,
    given: Given,
    reader: PageReader,
    health: Health,
    /// What it has to hand over finds no room, and that was said.
    crowded: bool,
    /// Of what was handed over and is not stored yet.
    receipts: Vec<Receipt>,
}

/// What the clock says.
fn clock() -> Timestamp {
    SystemTime::now().into()
}

impl Watch {
    pub(super) fn new(target: Target, given: Given) -> Watch {
        let reader = PageReader::new(target.owner.clone());
        Watch { target, given, reader, health: Health::default(), crowded: false, receipts: Vec::new() }
    }

    /// Scrapes until the target is not wanted any more: then its series end.
    pub(super) async fn keep(mut self, left: oneshot::Receiver<()>) {
        tokio::select! {
            Ok(()) = left => {}
            () = self.scrape_on() => {}
        }
        let at = clock();
        let batch = self.reader.fail(at);
        self.hand_over(at, batch);
    }

    /// Scrapes at the target's moments.
    async fn scrape_on(&mut self) {
        let client = Client::new(&self.target.address, &self.target.trust);
        let client = client.map(|client| match &self.target.login {
            Some(login) => client.with_login(login.clone()),
            None => client,
        });
        let interval_ms = self.target.interval_ms;
        let phase = phase_ms(&format!("{} {}", self.target.owner.node, self.target), interval_ms);
        let now = clock();
        let wait = wait_ms(now.millis(), interval_ms, phase);
        let start = Instant::now() + Duration::from_millis(wait.unsigned_abs());
        let mut pace = Pace::new(interval_ms, now.plus_millis(wait));
        let mut due_ms = 0_i64;
        loop {
            tokio::time::sleep_until(start + Duration::from_millis(due_ms.unsigned_abs())).await;
            let begun_ms = elapsed_ms(start);
            self.note(|lateness| lateness.began(begun_ms - due_ms));
            // A jump of the clock that is doubted is left out; the recorder's own interval tells of it.
            if let Tick::Take(at) = pace.tick(begun_ms, clock()) {
                self.hear();
                self.scrape(client.as_ref(), at).await;
            }
            let due_before_ms = std::mem::replace(&mut due_ms, next_due_ms(&pace, begun_ms, elapsed_ms(start)));
            self.note(|lateness| lateness.missed((due_ms - due_before_ms) / interval_ms - 1));
        }
    }

    fn note(&self, what: impl FnOnce(&mut Lateness)) {
        what(&mut self.given.lateness.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn scrape(&mut self, client: Result<&Client, &NetError>, at: Timestamp) {
        let begun = Instant::now();
        let answer = match client {
            Ok(client) => client.send(&self.request(), &self.limits()).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let took = begun.elapsed();
        let page = answer.and_then(|response| self.page_of(&response, at));
        let (mut batch, outcome, samples) = match page {
            Ok(page) => {
                let outcome = Outcome::Taken(page.left_out());
                (page.batch, outcome, page.samples)
            }
            Err(why) => (self.reader.fail(at), Outcome::Failed(why), 0),
        };
        let is_up = matches!(outcome, Outcome::Taken(_));
        own_series::add_to(&mut batch, &self.target.owner, Scraped { at, is_up, took, samples });
        for news in self.health.observe(&self.target.to_string(), at, &outcome) {
            (self.given.voice)(&news);
        }
        self.hand_over(at, batch);
    }

    /// Hears what became of what was handed over. What a page says of its metrics was lost with it, and is said again.
    fn hear(&mut self) {
        let mut is_lost = false;
        self.receipts.retain_mut(|receipt| match receipt.answered() {
            None => true,
            Some(answer) => {
                is_lost |= answer.is_err();
                false
            }
        });
        if is_lost {
            self.reader.say_again();
        }
    }

    fn request(&self) -> Request {
        let seconds = self.target.timeout.as_secs_f64().to_string();
        Request::get(&self.target.address)
            .header("Accept", ACCEPT)
            .header("X-Prometheus-Scrape-Timeout-Seconds", &seconds)
            .packed()
            .repeatable()
            .following(Redirects::SameHost)
    }

    fn limits(&self) -> Limits {
        Limits { connect: self.target.timeout, total: self.target.timeout, ..Limits::default() }
    }

    /// The page in an answer; `Err` says why there is none.
    fn page_of(&mut self, response: &Response, at: Timestamp) -> Result<Page, String> {
        let target = self.target.to_string();
        if response.status != 200 {
            let said = format!("{target}: answers {} {}", response.status, response.first_line());
            let way_out = if response.status == 401 { ": it wants user and password_file, or token_file" } else { "" };
            return Err(said.trim_end().to_owned() + way_out);
        }
        let reading = reading_of(response.header("content-type"))
            .map_err(|other| format!("{target}: answers with {}, which is no page of metrics", other.escape_debug()))?;
        self.reader.read(&response.body, reading, at).map_err(|why| format!("{target}: {why}"))
    }

    fn hand_over(&mut self, at: Timestamp, batch: Batch) {
        match self.given.inbox.put(Origin::Scrape, at, batch) {
            Ok(receipt) => {
                self.crowded = false;
                self.receipts.push(receipt);
            }
            Err(NotStored::Closing) => {} // the recorder ends
            Err(why) => {
                self.reader.say_again();
                if !std::mem::replace(&mut self.crowded, true) {
                    let target = self.target.to_string();
                    (self.given.voice)(&News::Partial { target, what: format!("a scrape is lost: {why}") });
                }
            }
        }
    }
}

fn elapsed_ms(start: Instant) -> i64 {
    i64::try_from(Instant::now().saturating_duration_since(start).as_millis()).unwrap_or(i64::MAX)
}

/// When the next scrape is due after one that began and was over so long after the start. One that takes its whole interval does not cost the next; one
/// that began later than its interval was already that of a later moment, which is not taken twice.
fn next_due_ms(pace: &Pace, begun_ms: i64, over_ms: i64) -> i64 {
    let next_ms = pace.next_ms(begun_ms);
    if over_ms < pace.next_ms(next_ms) { next_ms } else { pace.next_ms(over_ms) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::formats::prometheus::{Dialect, Rules};
    use super::super::super::inbox::{Arrivals, inbox};
    use super::super::target::Owner;
    use super::*;
    use crate::model::{Kind, NodeName};
    use crate::net::Trust;
    use crate::store::WriteCounts;

    #[test]
    fn no_moment_is_scraped_twice() {
        let pace = Pace::new(1_000, Timestamp::MIN);
        for (begun, over, next) in [
            (0, 20, 1_000),
            (3, 1_000, 1_000),
            (900, 1_900, 1_000), // late, and it took its whole interval
            (900, 2_000, 3_000),
            (2_100, 2_150, 3_000), // due at 1,000: the thread was busy, and it was taken as that of 2,000
        ] {
            assert_eq!(next_due_ms(&pace, begun, over), next, "{begun} to {over}");
        }
    }

    fn watch() -> (Watch, Arrivals) {
        let (inbox, arrivals) = inbox();
        let target = Target {
            address: "http://127.0.0.1:1/metrics".parse().unwrap(),
            owner: Owner { node: NodeName::new("n").unwrap(), label: None },
            interval_ms: 1_000,
            timeout: Duration::from_secs(1),
            login: None,
            trust: Trust::system(None).unwrap(),
        };
        (Watch::new(target, Given { inbox, voice: Arc::new(|_| ()), lateness: Arc::default() }), arrivals)
    }

    #[test]
    fn a_login_that_is_wanted_is_told() {
        let (mut watch, _arrivals) = watch();
        let mut said = |status, body: &[u8]| {
            let response = Response { status, headers: Vec::new(), body: body.to_vec(), packed: 0 };
            watch.page_of(&response, Timestamp::MIN).unwrap_err()
        };
        assert_eq!(
            said(401, b"Unauthorized\n"),
            "http://127.0.0.1:1/metrics: answers 401 Unauthorized: it wants user and password_file, or token_file"
        );
        assert_eq!(said(503, b""), "http://127.0.0.1:1/metrics: answers 503");
    }

    /// A counter whose name does not say so was taken for a level, once the disk had been full when it was first scraped.
    #[test]
    fn what_a_lost_page_said_of_its_metrics_is_said_again() {
        let (mut watch, mut arrivals) = watch();
        let mut kind = |seconds: i64, answer: Result<WriteCounts, NotStored>| {
            let at = Timestamp::from_millis(seconds * 1_000);
            watch.hear();
            let page = watch.reader.read(b"# TYPE a counter\na 1\n", (Dialect::Text, Rules::Lenient), at).unwrap();
            watch.hand_over(at, page.batch);
            let arrival = arrivals.group().unwrap().pop().unwrap();
            let kind = arrival.batch.meta[0].clone().and_then(|meta| meta.kind);
            arrival.answer(answer);
            kind
        };
        assert_eq!(kind(1, Err(NotStored::Later("the disk is full".into()))), Some(Kind::Counter));
        assert_eq!(kind(2, Ok(WriteCounts::default())), Some(Kind::Counter));
        assert_eq!(kind(3, Ok(WriteCounts::default())), None, "once is enough");
    }
}
