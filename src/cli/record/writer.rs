use std::sync::Arc;
use std::time::Duration;

use super::super::context::Context;
use super::super::error::CliError;
use super::super::output::{Terminal, counted};
use super::house::House;
use super::own::Own;
use crate::ingest::inbox::{Arrival, Arrivals, NotStored, Origin};
use crate::model::Timestamp;
use crate::store::{OnConflict, Store, StoreError, StoreErrorKind, WriteCounts};

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recorded {
    /// Samples that were stored.
    pub samples: u64,
    /// In how many arrivals, by where they came from.
    pub arrivals: Tally,
    /// When the first of them was taken.
    pub first: Option<Timestamp>,
    /// When the last of them was taken.
    pub last: Timestamp,
}

/// Arrivals by their origin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    readings: u64,
    scrapes: u64,
    pushes: u64,
}

impl Tally {
    fn count(&mut self, origin: Origin) {
        *match origin {
            Origin::Reading => &mut self.readings,
            Origin::Scrape => &mut self.scrapes,
            Origin::Push => &mut self.pushes,
        } += 1;
    }

    /// `3 readings and 12 scrapes`
    pub fn in_words(self) -> String {
        let all = [(self.readings, "reading"), (self.scrapes, "scrape"), (self.pushes, "pushe")];
        let mut words: Vec<String> = Vec::new();
        for (n, noun) in all.into_iter().filter(|(n, _)| *n > 0) {
            words.push(if (n, noun) == (1, "pushe") { "1 push".to_owned() } else { counted(n, noun) });
        }
        match words.split_last() {
            None => counted(0, "reading"),
            Some((last, [])) => last.clone(),
            Some((last, first)) => format!("{} and {last}", first.join(", ")),
        }
    }
}

/// The one writer of the file: stores what arrives, and answers when it is stored. Lives through what may pass: a full disk, another program's lock, a
/// device that fails for a while.
pub struct Writer {
    store: Store,
    house: House,
    terminal: Terminal,
    recorded: Recorded,
    outage: Option<Outage>,
    /// Samples that the file never takes, after the first of which nothing more is said until the end.
    refused: u64,
}

/// Nothing can be stored.
struct Outage {
    since: Timestamp,
    /// What was not stored.
    lost: Tally,
    /// What is said when it is over.
    over: &'static str,
}

impl Writer {
    /// Over an open store.
    pub fn new(store: Store, own: &Own, context: &Context) -> Result<Writer, CliError> {
        let (terminal, house) = (context.terminal, House::new(context, Arc::clone(&own.pruned_unsent))?);
        Ok(Writer { store, house, terminal, recorded: Recorded::default(), outage: None, refused: 0 })
    }

    /// Writes until the inbox is closed; leaves one file.
    pub fn run(mut self, mut arrivals: Arrivals) -> Result<Recorded, StoreError> {
        while let Some(group) = arrivals.group() {
            let beat = group.iter().filter(|arrival| arrival.origin == Origin::Reading).map(|arrival| arrival.at).max();
            self.commit(group)?;
            if let Some(now) = beat {
                self.keep_house(now)?;
            }
        }
        if self.refused > 0 {
            self.terminal.warn(&format!("{} could not be stored", counted(self.refused, "sample")));
        }
        self.store.close()?;
        Ok(self.recorded)
    }

    /// Stores arrivals in one commit. Where one of them is what the file never takes, each is stored by itself: the others do not pay for it.
    fn commit(&mut self, group: Vec<Arrival>) -> Result<(), StoreError> {
        match self.store.append_all(group.iter().map(|arrival| &arrival.batch), OnConflict::Keep) {
            Ok(counts) => group.into_iter().zip(counts).for_each(|(arrival, counts)| self.stored(arrival, counts)),
            Err(error) if error.may_pass() => group.into_iter().for_each(|arrival| self.lost(arrival, &error)),
            Err(error) if error.kind() != StoreErrorKind::Invalid => return Err(error),
            Err(_) if group.len() > 1 => {
                for arrival in group {
                    self.commit(vec![arrival])?;
                }
            }
            Err(error) => group.into_iter().for_each(|arrival| self.refuse(arrival, &error)),
        }
        Ok(())
    }

    fn stored(&mut self, arrival: Arrival, counts: WriteCounts) {
        let at = arrival.at;
        if !arrival.batch.samples.is_empty() {
            if let Some(Outage { since, lost, over }) = self.outage.take() {
                let lost = lost.in_words();
                self.terminal.say(&format!("{over}: recording goes on at {at}, lost since {since}: {lost}"));
            }
            self.terminal.detail(&format!("stored {} samples at {at}", counts.stored));
            self.recorded.samples += counts.stored;
            self.recorded.arrivals.count(arrival.origin);
            self.recorded.first = Some(self.recorded.first.map_or(at, |first| first.min(at)));
            self.recorded.last = self.recorded.last.max(at);
        }
        if counts.dropped > 0 && arrival.origin == Origin::Reading {
            let dropped = counted(counts.dropped, "sample");
            self.terminal.warn(&format!(
                "{dropped} at {at}: other values are there already (the clock went back?) and were kept"
            ));
        }
        arrival.answer(Ok(counts));
    }

    /// What could not be stored now.
    fn lost(&mut self, arrival: Arrival, why: &StoreError) {
        self.outage(arrival.at, why).lost.count(arrival.origin);
        arrival.answer(Err(NotStored::Later(why.to_string())));
    }

    /// What is never stored.
    fn refuse(&mut self, arrival: Arrival, why: &StoreError) {
        if self.refused == 0 {
            self.terminal.warn(&format!("samples at {} are not stored: {why}", arrival.at));
        }
        self.refused += arrival.batch.samples.len() as u64;
        arrival.answer(Err(NotStored::Never(why.to_string())));
    }

    /// Says once why nothing can be stored.
    fn outage(&mut self, now: Timestamp, why: &StoreError) -> &mut Outage {
        let terminal = self.terminal;
        self.outage.get_or_insert_with(|| {
            let (said, until, over) = match why {
                StoreError::Full { .. } => {
                    ("the disk is full".to_owned(), "there is room again", "there is room again")
                }
                _ => (why.to_string(), "that has passed", "the database can be written again"),
            };
            terminal.error(&format!("{said}: nothing is recorded until {until}"));
            Outage { since: now, lost: Tally::default(), over }
        })
    }

    /// What keeps the house from being kept may pass; the samples themselves are stored.
    fn keep_house(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.outage.is_some() {
            return Ok(());
        }
        match self.house.keep(&mut self.store, now, self.terminal) {
            Ok(()) => Ok(()),
            Err(error) if error.may_pass() => {
                self.outage(now, &error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// A stretch of time in words, to the second where it is longer than one.
pub fn span(ms: i64) -> humantime::FormattedDuration {
    let ms = ms.unsigned_abs();
    humantime::format_duration(Duration::from_millis(if ms < 1_000 { ms } else { ms - ms % 1_000 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_as_words() {
        let words = |readings, scrapes, pushes| Tally { readings, scrapes, pushes }.in_words();
        assert_eq!(words(0, 0, 0), "0 readings");
        assert_eq!(words(1, 0, 0), "1 reading");
        assert_eq!(words(2, 1, 0), "2 readings and 1 scrape");
        assert_eq!(words(2, 3, 1), "2 readings, 3 scrapes and 1 push");
        assert_eq!(words(0, 0, 7), "7 pushes");
    }
}
