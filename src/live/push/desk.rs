//! Where pushed requests are taken in: read, unpacked, parsed in turn, and handed to the writer.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, Request};
use axum::http::{HeaderMap, StatusCode, header};
use chrono_tz::Tz;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::answer::Refusal;
use super::super::connection::{Ends, Open};
use super::super::face::{Face, clock};
use super::super::limits::{PUSH_BODY_BYTES_MAX, PUSH_BYTES_AT_ONCE, PUSHES_AT_ONCE};
use super::super::tally::Exposition;
use super::super::turn::Turns;
use super::body;
use super::taken::Taken;
use crate::ingest::formats::NodeRule;
use crate::ingest::inbox::{Inbox, NotStored, Origin};
use crate::ingest::push::{Packing, Pushed, RateHosts, Said, Totals, UnpackError, unpack};
use crate::model::{NodeName, Timestamp};

/// Where pushed samples go.
#[derive(Clone, Debug)]
pub struct Intake {
    /// To the one writer of the file.
    pub inbox: Inbox,
    /// This machine: the node of what is pushed from here and names none.
    pub node: NodeName,
}

/// Takes requests in.
pub(in crate::live) struct Desk {
    intake: Intake,
    pub(super) db: PathBuf,
    pub(super) timezone: Tz,
    pub(super) turns: Turns,
    /// Bytes of bodies that may be here at once.
    pub(super) room: Arc<Semaphore>,
    pub(super) said: Arc<Mutex<Said>>,
    pub(super) rates: Arc<Mutex<RateHosts>>,
    pub(super) totals: Arc<tokio::sync::Mutex<Totals>>,
    samples: AtomicU64,
    refused: AtomicU64,
}

/// A request whose body is here.
pub(super) struct Sent {
    pub(super) headers: HeaderMap,
    pub(super) parameters: Vec<(String, String)>,
    body: Vec<u8>,
    _room: OwnedSemaphorePermit,
    node: NodeRule,
    pub(super) at: Timestamp,
}

impl Sent {
    /// A parameter; the last, where it is given more often.
    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        let found = self.parameters.iter().rev().find(|(k, value)| k == key && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// A header as text, or nothing.
    pub(super) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// How the body is packed, for HTTP.
    pub(super) fn packing(&self) -> Result<Packing, Refusal> {
        let named = self.header(header::CONTENT_ENCODING);
        let text = || format!("Content-Encoding `{named}` is not read here: gzip, deflate, zstd or none");
        Packing::named(named).ok_or_else(|| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text()))
    }

    /// The body, unpacked.
    pub(super) fn unpacked(self, packing: Packing, limit: usize) -> Result<(Vec<u8>, NodeRule, Timestamp), Refusal> {
        let bytes = unpack(self.body, packing, limit).map_err(|error| match error {
            UnpackError::TooLarge { .. } => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            UnpackError::Damaged(_) => Refusal::bad(error.to_string()),
        })?;
        Ok((bytes, self.node, self.at))
    }
}

impl Desk {
    pub(in crate::live) fn new(intake: Intake, face: &Face) -> Arc<Desk> {
        Arc::new(Desk {
            intake,
            db: face.db.clone(),
            timezone: face.timezone,
            turns: Turns::new(PUSHES_AT_ONCE, "pushes"),
            room: Arc::new(Semaphore::new(PUSH_BYTES_AT_ONCE)),
            said: Arc::default(),
            rates: Arc::default(),
            totals: Arc::default(),
            samples: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Reads the body. `known` are the parameters that the sender may give beside `node`.
    pub(super) async fn read(&self, request: Request, known: &[&str]) -> Result<Sent, Refusal> {
        let (parts, body) = request.into_parts();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(parameters) = query.map_err(|error| Refusal::bad(error.to_string()))?;
        if let Some((key, _)) = parameters.iter().find(|(key, _)| key != "node" && !known.contains(&key.as_str())) {
            let all: Vec<&str> = ["node"].iter().chain(known).copied().collect();
            return Err(Refusal::bad(format!("unknown parameter `{key}`; known: {}", all.join(", "))));
        }
        let node = parameters.iter().rev().find(|(key, _)| key == "node").map(|(_, node)| NodeName::new(node));
        let node = node.transpose().map_err(|error| Refusal::bad(error.to_string()))?;
        let ends = parts.extensions.get::<Ends>();
        let node = NodeRule { given: node, fallback: self.sender(ends) };
        let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let (body, room) = body::read(body, length, PUSH_BODY_BYTES_MAX, &self.room).await?;
        if let Some(open) = parts.extensions.get::<Arc<Open>>() {
            open.serves();
        }
        Ok(Sent { headers: parts.headers, parameters, body, _room: room, node, at: clock() })
    }

    /// Who sends, where the samples do not say it: this machine, or an address.
    fn sender(&self, ends: Option<&Ends>) -> NodeName {
        let other = ends.map(|ends| ends.client.ip().to_canonical()).filter(|address| !address.is_loopback());
        other.and_then(|address| NodeName::new(&address.to_string()).ok()).unwrap_or_else(|| self.intake.node.clone())
    }

    /// Unpacks and parses in its turn, and stores what came of it.
    pub(super) async fn take(
        self: &Arc<Self>,
        sent: Sent,
        packing: Packing,
        limit: usize,
        parse: impl FnOnce(&[u8], NodeRule, Timestamp) -> Pushed + Send + 'static,
    ) -> Result<Taken, Refusal> {
        let at = sent.at;
        let pushed = self.turns.run(move || {
            let (bytes, node, at) = sent.unpacked(packing, limit)?;
            Ok(parse(&bytes, node, at))
        });
        self.store(at, pushed.await?).await
    }

    /// Stores what was pushed: the answer comes when the commit has returned.
    pub(super) async fn store(&self, at: Timestamp, pushed: Pushed) -> Result<Taken, Refusal> {
        let taken = self.store_all(at, pushed).await?;
        self.samples.fetch_add(taken.samples, Ordering::Relaxed);
        self.refused.fetch_add(taken.refused, Ordering::Relaxed);
        Ok(taken)
    }

    async fn store_all(&self, at: Timestamp, pushed: Pushed) -> Result<Taken, Refusal> {
        if pushed.too_many {
            let limit = crate::ingest::limits::PUSH_SAMPLES_MAX;
            let text = format!("the request has more than {limit} samples: send smaller batches");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        let Pushed { batch, refused, first_refusal, .. } = pushed;
        let mut taken = Taken { samples: 0, refused, first_refusal };
        if batch.samples.is_empty() {
            return Ok(taken);
        }
        let receipt = self.intake.inbox.put(Origin::Push, at, batch).map_err(of_inbox)?;
        let counts = receipt.answer().await.map_err(of_inbox)?;
        taken.samples = counts.stored + counts.duplicates + counts.replaced;
        if counts.dropped > 0 {
            taken.refused += counts.dropped;
            let why = || "another value of the series is there already at that time, and was kept".to_owned();
            taken.first_refusal.get_or_insert_with(why);
        }
        Ok(taken)
    }

    /// As lines of the text format.
    pub(in crate::live) fn expose(&self, out: &mut Exposition) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        out.one("nodebook_push_samples_total", "counter", "Pushed samples that were stored.", get(&self.samples));
        out.one(
            "nodebook_push_refused_total",
            "counter",
            "Pushed samples and lines that were not.",
            get(&self.refused),
        );
        let waiting = self.intake.inbox.waiting() as f64;
        out.one("nodebook_waiting_samples", "gauge", "Samples that wait to be written.", waiting);
    }
}

/// What the store says has the path of the database in it, which is no client's business: the recorder tells it to its own people.
fn of_inbox(why: NotStored) -> Refusal {
    match why {
        NotStored::Never(why) => Refusal::bad(why),
        NotStored::Later(_) => cannot_be_written(),
        NotStored::Closing => Refusal::busy(why.to_string(), Duration::from_secs(5)),
        NotStored::NoRoom { .. } => Refusal::busy(why.to_string(), Duration::from_secs(1)),
    }
}

/// The same may go well later.
pub(super) fn cannot_be_written() -> Refusal {
    Refusal::busy("the database cannot be written now: send again in a while", Duration::from_secs(1))
}
