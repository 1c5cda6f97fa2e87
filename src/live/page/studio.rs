//! Where live pages are made: each once for all who look at it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::super::answer::Refusal;
use super::super::api::of_query;
use super::super::face::{Face, clock};
use super::super::limits::{LIVE_ENGINE_LOOK, LIVE_LOOK, LIVE_PAGES_MAX, LIVE_PAUSE, LIVE_SHARE};
use super::super::sources::Sources;
use super::super::turn::Turns;
use super::asked::{Asked, Kind};
use crate::model::{TimeRange, Timestamp};
use crate::query::{Asked as Opened, QueryError};
use crate::report::{Compare, LivePart, Report, ReportError, ReportOptions, live_parts};
use crate::store::StoreErrorKind;

/// Makes live pages.
pub(in crate::live) struct Studio {
    face: Face,
    sources: Arc<Sources>,
    started: Instant,
    turns: Turns,
    pages: Mutex<HashMap<String, Arc<Kept>>>,
    uses: AtomicU64,
    /// Until then no page is made again.
    rest: Mutex<Option<Instant>>,
    news: watch::Sender<u64>,
}

/// A page that somebody looks at, or did.
struct Kept {
    used: AtomicU64,
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    made: Arc<Made>,
    /// Of what it was made.
    stamp: Option<Stamp>,
    /// Before then it is not made again.
    not_before: Option<Instant>,
    /// Why the last making came to nothing.
    failed: Option<Refusal>,
}

/// A page as it was made last.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Grows with every making that changed something.
    pub(super) version: u64,
    /// Up to when it tells.
    pub(super) to: Option<Timestamp>,
    /// Its parts, each with the version that changed it last.
    pub(super) parts: Vec<(LivePart, u64)>,
    /// Why there are none; empty where there are.
    pub(super) nothing: String,
}

/// What tells whether there may be something new.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stamp {
    /// What the files of a database look like from outside: different after every commit.
    Files([Option<(u64, SystemTime)>; 2]),
    /// How often an engine could have been looked at since the start.
    Looks(u128),
}

impl Stamp {
    fn of_files(db: &Path) -> Stamp {
        let look = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.len(), meta.modified().ok()?))
        };
        let mut log = db.as_os_str().to_owned();
        log.push("-wal");
        Stamp::Files([look(db), look(&PathBuf::from(log))])
    }
}

impl Studio {
    pub(in crate::live) fn new(face: Face, sources: Arc<Sources>) -> Arc<Studio> {
        let news = watch::Sender::new(0);
        let turns = Turns::new(1, "pages");
        let (pages, uses, rest) = (Mutex::default(), AtomicU64::new(0), Mutex::default());
        let started = Instant::now();
        Arc::new(Studio { face, sources, started, turns, pages, uses, rest, news })
    }

    fn stamp(&self) -> Stamp {
        match self.sources.is_engine() {
            true => Stamp::Looks(self.started.elapsed().as_millis() / LIVE_ENGINE_LOOK.as_millis()),
            false => Stamp::of_files(&self.face.db),
        }
    }

    /// Tells when there is something new.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Looks, as long as anybody wants to know, whether there is something new.
    pub(in crate::live) async fn watch(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut seen = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LIVE_LOOK) => {}
                _ = stopped.changed() => return,
            }
            if self.news.receiver_count() == 0 {
                continue;
            }
            let stamp = Some(self.stamp());
            if stamp != seen {
                seen = stamp;
                self.news.send_modify(|news| *news += 1);
            }
        }
    }

    /// The page, made now where it is not up to date and may be made; else how long until it may.
    pub(super) async fn page(&self, asked: &Asked) -> Result<(Arc<Made>, Option<Duration>), Refusal> {
        let kept = self.kept(asked.key());
        // Those who ask for the same page at the same time wait here for the first of them.
        let mut state = kept.state.lock().await;
        let stamp = self.stamp();
        if state.stamp.as_ref() == Some(&stamp) {
            return Ok((Arc::clone(&state.made), None));
        }
        // Who opens a page does not wait for it; that it follows what comes has time.
        let now = Instant::now();
        let rest = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let not_before = state.not_before.max(rest).filter(|at| *at > now);
        match (not_before, &state.failed) {
            (Some(again), Some(why)) => return Err(Refusal { again: Some(again - now), ..why.clone() }),
            (Some(again), None) if state.stamp.is_some() => return Ok((Arc::clone(&state.made), Some(again - now))),
            _ => {}
        }
        let (face, sources, question) = (self.face.clone(), Arc::clone(&self.sources), asked.clone());
        let timed = move || {
            let start = Instant::now();
            let fresh = sources.try_ask(|opened| make(&face, opened, &question));
            Ok((fresh, start.elapsed()))
        };
        let (fresh, took) = self.turns.run(timed).await?;
        // What came to nothing has cost as much, and is not tried again at once for everybody who asks.
        let pause = if asked.kind == Kind::Findings && fresh.is_ok() { FINDINGS_PAUSE } else { LIVE_PAUSE };
        let end = Instant::now();
        state.not_before = Some(end + pause);
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(end + took * LIVE_SHARE);
        state.failed = fresh.as_ref().err().cloned();
        state.made = Arc::new(follow(&state.made, fresh?));
        state.stamp = Some(stamp);
        Ok((Arc::clone(&state.made), None))
    }

    /// The page with that key; of those that are kept the one that nobody has asked for longest makes room.
    fn kept(&self, key: String) -> Arc<Kept> {
        let use_now = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= LIVE_PAGES_MAX && !pages.contains_key(&key) {
            let oldest = pages.iter().min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                pages.remove(&oldest);
            }
        }
        // Versions go on where those of another page, or of a server that was here before, have ended.
        let made = Made { version: clock().millis().unsigned_abs(), ..Made::default() };
        let state = State { made: Arc::new(made), ..State::default() };
        let new = || Arc::new(Kept { used: AtomicU64::new(0), state: tokio::sync::Mutex::new(state) });
        let kept = pages.entry(key).or_insert_with(new);
        kept.used.store(use_now, Ordering::Relaxed);
        Arc::clone(kept)
    }
}

/// Findings are of a day, and take what a report takes.
const FINDINGS_PAUSE: Duration = Duration::from_secs(300);

/// What was made after what was there: parts that are the same keep their version.
fn follow(before: &Made, fresh: Fresh) -> Made {
    let version = before.version + 1;
    let known: HashMap<&str, &(LivePart, u64)> =
        before.parts.iter().map(|part| (part.0.place.as_str(), part)).collect();
    let versioned = |part: LivePart| match known.get(part.place.as_str()) {
        Some((known, changed)) if known.html == part.html => (part, *changed),
        _ => (part, version),
    };
    let parts = fresh.parts.into_iter().map(versioned).collect();
    Made { version, to: fresh.to, parts, nothing: fresh.nothing }
}

#[derive(Debug, Default)]
struct Fresh {
    to: Option<Timestamp>,
    parts: Vec<LivePart>,
    nothing: String,
}

/// Makes a page. That there is no data (yet) is something to show.
fn make(face: &Face, opened: Result<&Opened, QueryError>, asked: &Asked) -> Result<Fresh, Refusal> {
    let nothing = |text: String| Ok(Fresh { nothing: text, ..Fresh::default() });
    let opened = match opened {
        Ok(opened) => opened,
        Err(QueryError::Store(error)) if error.kind() == StoreErrorKind::Missing => {
            return nothing("There is no database yet.".to_owned());
        }
        Err(error) => return Err(of_query(&error)),
    };
    let source = opened.as_source();
    let span = source.span().map_err(|error| of_query(&error))?;
    let Some(span) = span else { return nothing("There are no samples yet.".to_owned()) };
    let options = asked.options(face, Some(span))?;
    opened.look_at(options.range, compared(&options), &options.selector);
    let report = match Report::of(source, &options) {
        Ok(report) => report,
        Err(error @ (ReportError::NoData { .. } | ReportError::LeftOut { .. })) => {
            return nothing(format!("There is {error}."));
        }
        Err(error) => return Err(of_report(&error)),
    };
    let parts = live_parts(&report.view).map_err(|error| of_report(&error))?;
    Ok(Fresh { to: Some(options.range.to().min(span.to())), parts, nothing: String::new() })
}

/// Another stretch of time that a report is asked to look at.
pub(super) fn compared(options: &ReportOptions) -> Option<TimeRange> {
    match options.compare {
        Compare::Range(other) => Some(other),
        _ => None,
    }
}

/// What failed, in words for a client.
pub(super) fn of_report(error: &ReportError) -> Refusal {
    match error {
        ReportError::Query(error) => of_query(error),
        ReportError::Render(_) | ReportError::Image(_) | ReportError::WithoutPng | ReportError::Pdf(_) => {
            Refusal::failed("the page could not be made")
        }
        _ => Refusal::new(axum::http::StatusCode::NOT_FOUND, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(parts: &[(&str, &str)]) -> Fresh {
        let part = |(place, html): &(&str, &str)| LivePart { place: (*place).to_owned(), html: (*html).to_owned() };
        Fresh { parts: parts.iter().map(part).collect(), ..Fresh::default() }
    }

    #[test]
    fn parts_that_are_the_same_keep_their_version() {
        let first = follow(&Made::default(), fresh(&[("a", "1"), ("b", "1")]));
        let second = follow(&first, fresh(&[("a", "1"), ("b", "2"), ("c", "1")]));
        let versions: Vec<u64> = second.parts.iter().map(|(_, changed)| *changed).collect();
        assert_eq!((first.version, second.version, versions), (1, 2, vec![1, 2, 2]));
    }

    #[test]
    fn a_commit_changes_the_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let db = dir.path().join("a.db");
        assert_eq!(Stamp::of_files(&db), Stamp::Files([None; 2]));
        std::fs::write(&db, "x").unwrap();
        let before = Stamp::of_files(&db);
        std::fs::write(dir.path().join("a.db-wal"), "y").unwrap();
        assert_ne!(Stamp::of_files(&db), before);
    }
}
