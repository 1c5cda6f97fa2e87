//! Engines that have the same: one of them is asked, and the next one in its place where it ceases to answer.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::answer::Data;
use super::dialect::Dialect;
use super::engine::{Ask, Asker, Engine, EngineAccess};
use super::error::RemoteError;
use super::extent;
use crate::model::{TimeRange, Timestamp};
use crate::net::Address;

/// How long it is believed that an engine's data begins where it did: what it drops is dropped by the hour or the day.
const BEGINNING_KEPT_MS: i64 = 600_000;

/// Asks one of them, and notes what it answers.
type AskOne<'a> = &'a mut dyn FnMut(&Engine, &[Ask], &mut Answered) -> Result<(), RemoteError>;

/// The engines of one address each that can be asked, at least one of them.
pub(super) struct Replicas {
    access: EngineAccess,
    /// The one with the newest sample first, of several the one that is named first.
    ready: Vec<Replica>,
    /// Which of them is asked: those before it have ceased to answer.
    at: Cell<usize>,
    /// Why others are not asked.
    away: RefCell<Vec<String>>,
    /// What those lack that were asked in the place of another.
    lacking: RefCell<Vec<String>>,
}

struct Replica {
    place: usize,
    engine: Engine,
    /// From when to when it has data, and when it was looked for its beginning.
    extent: Option<(TimeRange, Timestamp)>,
}

impl Replicas {
    /// Connects to all of them.
    pub(super) fn connect(access: EngineAccess, now: Timestamp) -> Result<Replicas, RemoteError> {
        Replicas::choose(access, Vec::new(), now)
    }

    /// Takes anew the one with the newest sample.
    pub(super) fn choose_again(self, now: Timestamp) -> Result<Replicas, RemoteError> {
        let known = self.ready.into_iter().skip(self.at.get()).collect();
        Replicas::choose(self.access, known, now)
    }

    fn choose(access: EngineAccess, known: Vec<Replica>, now: Timestamp) -> Result<Replicas, RemoteError> {
        let mut known: Vec<Option<Replica>> = known.into_iter().map(Some).collect();
        let (mut ready, mut failed) = (Vec::new(), Vec::new());
        for (place, address) in access.addresses.iter().enumerate() {
            let known = known.iter_mut().find_map(|one| one.take_if(|replica| replica.place == place));
            match Replica::look(place, known, &access, address, now) {
                Ok(replica) => ready.push(replica),
                Err(error) => failed.push(error),
            }
        }
        ready.sort_by_key(|replica| Reverse(replica.span().map(|span| span.to())));
        let away = failed.iter().map(|error| format!("a replica is not asked: {error}")).collect();
        if ready.is_empty() {
            return Err(failed.into_iter().next().unwrap_or(RemoteError::Nowhere));
        }
        Ok(Replicas { access, ready, at: Cell::new(0), away: RefCell::new(away), lacking: RefCell::default() })
    }

    /// From when to when the one has data that was asked first.
    pub(super) fn span(&self) -> Option<TimeRange> {
        self.ready[0].span()
    }

    /// Why others were not asked, or only for a while.
    pub(super) fn away(&self) -> Vec<String> {
        self.away.borrow().clone()
    }

    /// What those that were asked said, or are known, to lack.
    pub(super) fn missing(&self) -> Vec<String> {
        let said = self.ready.iter().take(self.at.get() + 1).flat_map(|replica| replica.engine.told());
        said.chain(self.lacking.borrow().iter().cloned()).collect()
    }

    /// What they speak: one that speaks otherwise takes no other's place.
    pub(super) fn dialect(&self) -> Dialect {
        self.engine().dialect()
    }

    /// The address of the one that is asked, without secrets.
    pub(super) fn url(&self) -> String {
        self.engine().url()
    }

    /// Its host.
    pub(super) fn host(&self) -> &str {
        self.engine().host()
    }

    /// Keeps a word about what is missing.
    pub(super) fn tell(&self, text: &str) {
        self.engine().tell(text);
    }

    /// Asks questions; those that are too large for the engine (VictoriaMetrics computes over 300,000 series) in parts. What is refused though it cannot be cut is
    /// an error.
    pub(super) fn in_parts<Q>(
        &self,
        mut left: Vec<Q>,
        ask: &dyn Fn(&Q) -> Ask,
        cut: &dyn Fn(&Q) -> Vec<Q>,
        put: &mut dyn FnMut(&Q, Data) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        while !left.is_empty() {
            let asks: Vec<Ask> = left.iter().map(ask).collect();
            let mut smaller = Vec::new();
            let mut answered = |place: usize, data: Data| put(&left[place], data);
            self.each_or(&asks, &mut answered, &mut |place, error| match cut(&left[place]) {
                none if none.is_empty() => Err(error),
                parts => {
                    smaller.extend(parts);
                    Ok(())
                }
            })?;
            left = smaller;
        }
        Ok(())
    }

    /// Asks for lines; any answer that is no success is an error.
    pub(super) fn lines(
        &self,
        asks: &[Ask],
        each: &mut dyn FnMut(&[u8]) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        self.in_turn(asks, &mut |engine, asks, answered| {
            engine.bodies(asks, &mut |place, body| {
                body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).try_for_each(&mut *each)?;
                answered.note(place);
                Ok(())
            })
        })
    }

    /// Asks the one whose turn it is; of the next one what it has not answered.
    fn in_turn(&self, asks: &[Ask], ask: AskOne<'_>) -> Result<(), RemoteError> {
        let mut answered = Answered { places: (0..asks.len()).collect(), done: BTreeSet::new() };
        let mut left = asks.to_vec();
        loop {
            match ask(self.engine(), &left, &mut answered) {
                Err(error) if error.is_gone() => self.take_over(error)?,
                ended => return ended,
            }
            let Answered { places, done } = &mut answered;
            places.retain(|place| !done.contains(place));
            left = places.iter().map(|place| asks[*place].clone()).collect();
        }
    }

    fn engine(&self) -> &Engine {
        &self.ready[self.at.get()].engine
    }

    /// Goes on with the next one, or ends with the error of the one that has ceased to answer.
    fn take_over(&self, error: RemoteError) -> Result<(), RemoteError> {
        let at = self.at.get();
        let is_like = |other: &Replica| other.engine.dialect() == self.dialect();
        let Some(next) = (at + 1..self.ready.len()).find(|place| is_like(&self.ready[*place])) else {
            let unlike = self.ready.iter().skip(at + 1).map(|other| {
                format!("{} speaks otherwise: its numbers are not put beside those of another", other.engine.url())
            });
            let others: Vec<String> = self.away().into_iter().chain(unlike).collect();
            return Err(match others.as_slice() {
                [] => error,
                others => RemoteError::NoneLeft { error: Box::new(error), others: others.join("; ") },
            });
        };
        let replica = &self.ready[next];
        let url = replica.engine.url();
        self.away.borrow_mut().push(format!("a replica ceased to answer, and {url} was asked in its place: {error}"));
        if let Some(has) = self.span().and_then(|whole| replica.lacks(whole)) {
            self.lacking.borrow_mut().push(format!("{url} {has}"));
        }
        self.at.set(next);
        Ok(())
    }
}

impl Asker for Replicas {
    fn each_or<T: for<'de> Deserialize<'de>>(
        &self,
        asks: &[Ask],
        each: &mut dyn FnMut(usize, T) -> Result<(), RemoteError>,
        refused: &mut dyn FnMut(usize, RemoteError) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        self.in_turn(asks, &mut |engine, asks, answered| {
            let answered = RefCell::new(answered);
            let original = |place| answered.borrow().original(place);
            let note = |place| answered.borrow_mut().note(place);
            let mut answer = |place, data| each(original(place), data).inspect(|()| note(place));
            engine.each_or(asks, &mut answer, &mut |place, error| {
                refused(original(place), error).inspect(|()| note(place))
            })
        })
    }

    fn no_engine(&self, why: &str) -> RemoteError {
        self.engine().no_engine(why)
    }
}

/// Which questions are answered, while only some of them are asked again.
struct Answered {
    /// Of each that is asked the place among all.
    places: Vec<usize>,
    done: BTreeSet<usize>,
}

impl Answered {
    fn original(&self, place: usize) -> usize {
        self.places[place]
    }

    fn note(&mut self, place: usize) {
        self.done.insert(self.places[place]);
    }
}

impl Replica {
    /// Connects where that is not done yet, and looks for what it has.
    fn look(
        place: usize,
        known: Option<Replica>,
        access: &EngineAccess,
        address: &Address,
        now: Timestamp,
    ) -> Result<Replica, RemoteError> {
        let (engine, extent) = match known {
            Some(Replica { mut engine, extent, .. }) => {
                engine.forget_told();
                (engine, extent)
            }
            None => (Engine::connect(access, address)?, None),
        };
        let extent = match extent.filter(|(_, at)| now.millis() - at.millis() < BEGINNING_KEPT_MS) {
            Some((known, at)) => extent::followed(&engine, known, now)?.map(|range| (range, at)),
            None => extent::extent(&engine, now)?.map(|range| (range, now)),
        };
        Ok(Replica { place, engine, extent })
    }

    fn span(&self) -> Option<TimeRange> {
        self.extent.map(|(span, _)| span)
    }

    /// What it has, where that is not all of `whole`.
    fn lacks(&self, whole: TimeRange) -> Option<String> {
        match self.span() {
            Some(span) if span.from() <= whole.from() && span.to() >= whole.to() => None,
            Some(span) => Some(format!("has data from {} to {} only", span.from(), span.to())),
            None => Some("has no data".to_owned()),
        }
    }
}
