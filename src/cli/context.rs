use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use super::args::{RangeArgs, SelectArgs};
use super::config::Settings;
use super::error::{CliError, Code};
use super::output::Terminal;
use crate::deliver::DeliverError;
use crate::model::range::{RangeError, RangeSpec, last_believed};
use crate::model::{Selector, Series, SeriesId, TimeRange, Timestamp};
use crate::query::frame::plan;
use crate::query::remote::RemoteSource;
use crate::query::{Asked, LocalSource, Origin, Source};
use crate::report::{ReportError, no_such_metric};
use crate::store::{Durability, Reader, Store, StoreOptions};

/// What every command is given.
#[derive(Clone)]
pub struct Context {
    /// Flags, environment, file and defaults.
    pub settings: Settings,
    /// The way to a person.
    pub terminal: Terminal,
    /// When the program was started.
    pub now: Timestamp,
    /// The command line, for footers.
    pub command_line: String,
}

/// What the clock says.
pub fn clock() -> Timestamp {
    SystemTime::now().into()
}

/// A command that reads: the data, and the stretch and share of it that is meant.
pub struct Question {
    /// The data.
    pub source: Box<dyn Source>,
    /// Which time.
    pub range: TimeRange,
    /// Which series.
    pub selector: Selector,
    /// As it was typed.
    pub select: SelectArgs,
}

impl Question {
    /// That nothing was found: and where, or of whom, there is something.
    pub fn nothing(&self, context: &Context) -> CliError {
        const NAMED_MAX: usize = 10;
        let [from, to] = [self.range.from(), self.range.to()].map(|t| context.local(t));
        let between = format!("between {from} and {to} {}", context.settings.timezone);
        if let Some(span) = self.source.span().ok().flatten().filter(|span| span.intersect(self.range).is_none()) {
            let [first, last] = [span.from(), span.to()].map(|t| context.local(t));
            return CliError::NoData(format!("no data {between}: there is some from {first} to {last}"));
        }
        let series = self.source.series(&Selector::all()).unwrap_or_default();
        let apart = self.select.apart();
        let nodes: BTreeSet<&str> = series.iter().map(|series| series.key.node.as_str()).collect();
        if nodes.is_empty() || nodes.iter().any(|node| self.selector.matches_node(node)) {
            let unsaid = || CliError::NoData(format!("no samples of that selection {between}{apart}"));
            return self.no_metric().unwrap_or_else(unsaid);
        }
        let named: Vec<&str> = nodes.iter().take(NAMED_MAX).copied().collect();
        let more = nodes.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        CliError::NoData(format!("no node is of that selection: there are {}{more}{apart}", named.join(", ")))
    }

    /// The same of a command that takes stored metrics only: a computed one is told by what it is made of.
    pub fn nothing_stored(&self, context: &Context) -> CliError {
        let here = self.series_of_nodes();
        if here.iter().any(|s| self.selector.matches_metric(s.key.metric.as_str())) {
            return self.nothing(context);
        }
        let shown = plan(self.source.catalogue(), &here, &Selector::all());
        let Some(computed) = shown.iter().find(|shown| self.selector.matches_metric(&shown.name)) else {
            return self.nothing(context);
        };
        let ids: BTreeSet<SeriesId> =
            computed.nodes.iter().flat_map(|node| node.series().collect::<Vec<_>>()).collect();
        let stored = here.iter().filter(|s| ids.contains(&s.id)).map(|s| s.key.metric.as_str());
        let stored: Vec<&str> = stored.collect::<BTreeSet<_>>().into_iter().collect();
        CliError::NoData(format!(
            "{} is not stored, but computed from {}: name that here; report, plot, analyse and compare take {0}",
            computed.name,
            stored.join(", ")
        ))
    }

    /// Where no metric is called so, stored or shown: those that may have been meant.
    fn no_metric(&self) -> Option<CliError> {
        let here = self.series_of_nodes();
        let shown = plan(self.source.catalogue(), &here, &Selector::all());
        let mut names = here.iter().map(|s| s.key.metric.as_str()).chain(shown.iter().map(|s| s.name.as_str()));
        if here.is_empty() || names.any(|name| self.selector.matches_metric(name)) {
            return None;
        }
        let near = no_such_metric(&self.select.metric, &shown);
        Some(CliError::NoData(format!("{near}{}", self.select.apart())))
    }

    fn series_of_nodes(&self) -> Vec<Series> {
        let all = self.source.series(&Selector::all()).unwrap_or_default();
        all.into_iter().filter(|series| self.selector.matches_but_for_metric(&series.key)).collect()
    }

    /// What a report has failed of.
    pub fn failed(&self, error: ReportError, context: &Context) -> CliError {
        match error {
            ReportError::NoData { .. } => self.nothing(context),
            error => error.into(),
        }
    }
}

impl Context {
    /// Path of the database.
    pub fn db(&self) -> &Path {
        &self.settings.db
    }

    /// Opens the database for reading.
    pub fn reader(&self) -> Result<Reader, CliError> {
        Ok(Reader::open(self.db())?)
    }

    /// Opens a database to ask it questions, with what the configuration knows of metrics.
    pub fn source(&self, path: &Path) -> Result<LocalSource, CliError> {
        Ok(LocalSource::open(path)?.knowing(self.settings.catalogue.clone()))
    }

    /// What is asked: the engine of `[source]` or `--source`, or else the database.
    pub fn asked(&self) -> Result<Asked, CliError> {
        Ok(match self.settings.source.access()? {
            Some(access) => {
                let source = RemoteSource::connect(access, self.now)?.knowing(self.settings.catalogue.clone());
                Asked::Engine(Box::new(source))
            }
            None => Asked::File(Box::new(self.source(self.db())?)),
        })
    }

    /// How a command ends that has asked `source`: where an engine's answer was partial, that is said.
    pub fn ended(&self, source: &dyn Source, code: Code) -> Code {
        if self.settings.source.url.is_none() {
            return code;
        }
        let Origin { name, partial, .. } = source.origin();
        for told in &partial {
            self.terminal.error(&format!("{name}: the answer is partial: {told}"));
        }
        if partial.is_empty() || code != Code::Done { code } else { Code::Partial }
    }

    /// Opens the database for writing; makes it where it is missing, but not a directory for it.
    pub fn store(&self, durability: Durability) -> Result<Store, CliError> {
        if let Some(directory) = self.db().parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
            return Err(DeliverError::NoDirectory { path: directory.to_owned() }.into());
        }
        let store = Store::open(self.db(), StoreOptions { durability })?;
        if let Some((found, known)) = store.carried_forward() {
            let db = self.db().display();
            let carried = format!("{db}: carried forward from schema {found} to {known}");
            self.terminal.say(&format!("{carried}: an older nodebook no longer writes it"));
        }
        Ok(store)
    }

    /// Opens what is asked and resolves RANGE and SELECT over what it holds.
    pub fn question(&self, range: &RangeArgs, select: &SelectArgs) -> Result<Question, CliError> {
        self.question_beside(range, select, None)
    }

    /// The same, where another stretch of time is asked for too.
    pub fn question_beside(
        &self,
        range: &RangeArgs,
        select: &SelectArgs,
        other: Option<TimeRange>,
    ) -> Result<Question, CliError> {
        let selector = select.selector()?;
        let spec = range.spec();
        // A range that cannot be read is a wrong usage whatever the database holds.
        self.resolve(&spec, None)?;
        let asked = self.asked()?;
        let span = asked.as_source().span()?;
        if span.is_none() {
            return Err(CliError::NoData(match &asked {
                Asked::File(_) => format!("{}: holds no samples: record or import first", self.db().display()),
                Asked::Engine(engine) => format!("{}: holds no samples", engine.origin().name),
            }));
        }
        let range = self.resolve(&spec, span)?;
        if let Some(data) = span.filter(|data| last_believed(*data, self.now) < data.to() && range.to() <= self.now) {
            self.terminal.warn(&format!(
                "samples up to {} lie in the future (a clock that jumped?) and are not looked at: --to names them",
                data.to()
            ));
        }
        Ok(Question { source: asked.looking_at(range, other, &selector), range, selector, select: select.clone() })
    }

    /// As the reader's clock has it.
    pub fn local(&self, at: Timestamp) -> String {
        at.to_utc().with_timezone(&self.settings.timezone).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Resolves a range. One that has only a start, after everything there is, is no mistake: there is no data in it.
    fn resolve(&self, spec: &RangeSpec, span: Option<TimeRange>) -> Result<TimeRange, CliError> {
        let is_open = spec.from.is_some() && spec.to.is_none();
        spec.resolve(self.now, self.settings.timezone, span).map_err(|error| match error {
            RangeError::Backwards { from, .. } | RangeError::Empty { at: from } if is_open => {
                CliError::NoData(format!("no data from {} {} on", self.local(from), self.settings.timezone))
            }
            error => error.into(),
        })
    }
}
