//! Engines that have the same: which of them is asked.

use super::engine::{Engine, EngineAccess};
use super::error::RemoteError;
use super::extent;
use crate::model::{TimeRange, Timestamp};
use crate::net::Address;

/// How long it is believed that an engine's data begins where it did: what it drops is dropped by the hour or the day.
const BEGINNING_KEPT_MS: i64 = 600_000;

/// The engines of one address each, at least one of them.
pub(super) struct Replicas {
    access: EngineAccess,
    all: Vec<Replica>,
    /// Which of them is asked.
    chosen: Chosen,
}

struct Chosen {
    place: usize,
    engine: Engine,
    span: Option<TimeRange>,
    /// Why others are not asked.
    away: Vec<String>,
}

/// One that is not asked just now, or the place of the one that is.
#[derive(Default)]
struct Replica {
    engine: Option<Engine>,
    /// From when to when it has data, and when it was looked for its beginning.
    extent: Option<(TimeRange, Timestamp)>,
}

impl Replicas {
    /// Connects to all of them, and takes the one with the newest sample.
    pub(super) fn connect(access: EngineAccess, now: Timestamp) -> Result<Replicas, RemoteError> {
        let mut all: Vec<Replica> = access.addresses.iter().map(|_| Replica::default()).collect();
        let chosen = choose(&access, &mut all, now)?;
        Ok(Replicas { access, all, chosen })
    }

    /// The one that is asked.
    pub(super) fn engine(&self) -> &Engine {
        &self.chosen.engine
    }

    /// From when to when it has data.
    pub(super) fn span(&self) -> Option<TimeRange> {
        self.chosen.span
    }

    /// Why others cannot be asked.
    pub(super) fn away(&self) -> &[String] {
        &self.chosen.away
    }

    /// Takes anew the one with the newest sample.
    pub(super) fn choose_again(self, now: Timestamp) -> Result<Replicas, RemoteError> {
        let Replicas { access, mut all, chosen: Chosen { place, mut engine, .. } } = self;
        engine.forget_told();
        if let Some(replica) = all.get_mut(place) {
            replica.engine = Some(engine);
        }
        let chosen = choose(&access, &mut all, now)?;
        Ok(Replicas { access, all, chosen })
    }
}

/// The one of the newest sample, of several the first; taken out of its place.
fn choose(access: &EngineAccess, all: &mut [Replica], now: Timestamp) -> Result<Chosen, RemoteError> {
    let (mut failed, mut best): (Vec<RemoteError>, Option<(usize, Option<Timestamp>)>) = (Vec::new(), None);
    for (place, (replica, address)) in all.iter_mut().zip(&access.addresses).enumerate() {
        match replica.look(access, address, now) {
            Err(error) => {
                replica.engine = None;
                failed.push(error);
            }
            Ok(()) => {
                let newest = replica.extent.map(|(range, _)| range.to());
                if best.is_none_or(|(_, other)| newest > other) {
                    best = Some((place, newest));
                }
            }
        }
    }
    let taken = best.and_then(|(place, _)| Some((place, all.get_mut(place)?)));
    match taken.and_then(|(place, replica)| Some((place, replica.engine.take()?, replica.extent))) {
        Some((place, engine, extent)) => {
            let away = failed.iter().map(|error| format!("a replica is not asked: {error}")).collect();
            Ok(Chosen { place, engine, span: extent.map(|(range, _)| range), away })
        }
        None => Err(failed.into_iter().next().unwrap_or(RemoteError::Nowhere)),
    }
}

impl Replica {
    /// Connects where that is not done yet, and looks for what it has.
    fn look(&mut self, access: &EngineAccess, address: &Address, now: Timestamp) -> Result<(), RemoteError> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => Engine::connect(access, address)?,
        };
        let known = self.extent.take().filter(|(_, at)| now.millis() - at.millis() < BEGINNING_KEPT_MS);
        self.extent = match known {
            Some((known, at)) => extent::followed(&engine, known, now)?.map(|range| (range, at)),
            None => extent::extent(&engine, now)?.map(|range| (range, now)),
        };
        self.engine = Some(engine);
        Ok(())
    }
}
