//! One run: its report, whether it goes out, its file, and its messages.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::args::{Analyse, Interactive, RangeArgs, ReportArgs, SelectArgs};
use super::super::artifact::write;
use super::super::config::{Attach, BatchSection};
use super::super::context::{Context, clock};
use super::super::error::{CliError, Code};
use super::super::report;
use super::super::report_file::{HTML, pdf};
use super::number::number_of;
use super::outlet::{MailOutlet, Sheet, subject_of, webhook_messages};
use super::plan::node_globs;
use crate::deliver::{Artifact, Values, write_file, zip};
use crate::export::{Agg, ExportError, Output, Packing, TimeFormat, rollup_csv};
use crate::model::{Selector, TimeRange, Timestamp};
use crate::query::summary::Severity;
use crate::report::{Outline, Report, html};
use crate::schedule::Facts;
use crate::store::{JobRun, Made, NewMessage, RunState};

/// Where nothing is said, attachments of a mail are not larger: many servers stop at 10 MB, and base64 adds a third.
pub const ATTACH_MAX: u64 = 7_000_000;

/// What became of a run.
pub enum Outcome {
    /// It waits for its data.
    Held(String),
    /// It was made, or could not be; then with the exit code.
    Made {
        /// For the ledger.
        made: Made,
        /// To be sent.
        messages: Vec<NewMessage>,
        /// What programs see, where it failed.
        code: Option<Code>,
    },
}

impl Outcome {
    /// It could not be made.
    pub fn failed(why: String, context: &Context) -> Outcome {
        let made = Made::nothing(RunState::Failed, context.now, context.now, why);
        Outcome::Made { made, messages: Vec::new(), code: Some(Code::Failed) }
    }
}

/// A report with all that is sent of it.
pub struct Parcel {
    /// The report.
    pub report: Report,
    /// What it comes to.
    pub outline: Outline,
    /// The page.
    pub page: Artifact,
    /// Told before everything else in a mail.
    pub notes: Vec<String>,
    /// What macros stand for.
    pub values: Values,
    /// What goes along with a mail.
    pub attachments: Vec<Artifact>,
}

impl Parcel {
    /// Subject of its mails.
    pub fn subject(&self, batch: &BatchSection) -> String {
        subject_of(batch.subject.as_ref(), &self.outline, &self.notes, &self.values)
    }

    /// What its mails are made of.
    pub fn sheet(&self) -> Sheet<'_> {
        Sheet { report: &self.report, notes: &self.notes, attachments: &self.attachments }
    }
}

/// Makes a run. Nothing it does cannot be done again: its file is replaced as a whole, its messages are only written down.
pub fn make(run: &JobRun, batch: &BatchSection, context: &Context) -> Outcome {
    let started = clock();
    match attempt(run, batch, context, started) {
        Ok(outcome) => outcome,
        Err(error) => {
            let hint = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
            let made = Made::nothing(RunState::Failed, started, clock(), format!("{error}{hint}"));
            Outcome::Made { made, messages: Vec::new(), code: Some(error.code()) }
        }
    }
}

fn attempt(run: &JobRun, batch: &BatchSection, context: &Context, started: Timestamp) -> Result<Outcome, CliError> {
    let mut parcel = parcel(run, batch, context)?;
    let skipped = |why: String| {
        let made = Made::nothing(RunState::Skipped, started, clock(), why);
        Outcome::Made { made, messages: Vec::new(), code: None }
    };
    let incomplete = match batch.min_coverage {
        Some(least) if parcel.outline.coverage < least.0 => {
            let percent = |share: f64| (share * 1_000.0).floor() / 10.0;
            Some(format!(
                "only {} % of the expected samples are there, wanted are {} %",
                percent(parcel.outline.coverage),
                percent(least.0)
            ))
        }
        _ => None,
    };
    if let Some(why) = &incomplete {
        let until = batch.hold.map(|hold| run.due.plus_millis(hold.0));
        if until.is_some_and(|until| context.now < until) {
            return Ok(Outcome::Held(why.clone()));
        }
        parcel.notes.push(format!("Incomplete: {why}."));
    }
    if let Some(condition) = &batch.when {
        let facts = facts(&parcel.outline);
        let selector = Selector::parse(&node_globs(batch, &run.part), &batch.metric, &batch.label)?;
        let holds = condition.holds(&facts, &mut |query| number_of(query, run.range, &selector, context))?;
        if !holds {
            return Ok(skipped(format!("`{}` does not hold", condition.text())));
        }
    }
    let output = batch.output.as_ref().map(|output| place_of(&output.fill_path(&parcel.values)));
    let kept = match &output {
        Some(path) if is_pdf(path) => on_paper(&parcel, context)?,
        _ => parcel.page.clone(),
    };
    if let Some(path) = &output {
        deliver_file(path, &kept, context)?;
    }
    let mut messages = Vec::new();
    let mut recipients = Vec::new();
    if !batch.to.is_empty() {
        attach(batch, run.range, context, &mut parcel)?;
        let mails = MailOutlet::of(context)?.messages(run, batch, &parcel)?;
        recipients.extend(mails.iter().flat_map(|mail| mail.recipients.clone()));
        messages.extend(mails);
    }
    messages.extend(webhook_messages(run, batch, &parcel, &context.settings.webhooks)?);
    recipients.extend(batch.webhook.iter().map(|hook| format!("webhook {hook}")));
    let finished = clock();
    let made = Made {
        state: RunState::Sent,
        started,
        finished,
        output: output.filter(|path| path != Path::new("-")).map(|path| path.to_string_lossy().into_owned()),
        bytes: Some(kept.bytes.len() as u64),
        sha256: Some(Sha256::digest(&kept.bytes).iter().map(|b| format!("{b:02x}")).collect()),
        recipients,
        note: incomplete,
    };
    Ok(Outcome::Made { made, messages, code: None })
}

/// The report of a run, by the same way as `nodebook report`.
pub fn parcel(run: &JobRun, batch: &BatchSection, context: &Context) -> Result<Parcel, CliError> {
    let mut values = Values::from([
        ("name", run.job.clone()),
        ("part", run.part.clone()),
        ("node", run.part.clone()),
        ("from", stamp(run.range.from(), context)),
        ("to", stamp(run.range.to(), context)),
    ]);
    let of_part = |title: String| if run.part.is_empty() { title } else { format!("{title}: {}", run.part) };
    let title = match &batch.title {
        Some(title) => Some(title.fill(&values)),
        None => context.settings.title.clone().map(of_part),
    };
    let args = ReportArgs {
        output: Vec::new(),
        title,
        compare: None,
        max_size: batch.max_size,
        language: batch.language,
        interactive: if batch.interactive == Some(false) { Interactive::Off } else { Interactive::On },
        analyse: if batch.analyse == Some(false) { Analyse::Off } else { Analyse::On },
        range: RangeArgs {
            from: Some(run.range.from().to_rfc3339()),
            to: Some(run.range.to().to_rfc3339()),
            ..RangeArgs::default()
        },
        select: SelectArgs {
            node: node_globs(batch, &run.part),
            metric: batch.metric.clone(),
            label: batch.label.clone(),
        },
    };
    let report::Made { report, code, .. } = report::make(&args, context)?;
    let notes = match code {
        Code::Partial => vec!["Partial: the engine did not answer for all of its data.".to_owned()],
        _ => Vec::new(),
    };
    let mut outline = report.outline();
    outline.coverage *= reach(run.range, context)?;
    values.extend([
        ("period", outline.period.clone()),
        ("title", outline.title.clone()),
        ("verdict", outline.verdict.to_owned()),
        ("findings", outline.count.to_string()),
        ("coverage", format!("{} %", (outline.coverage * 1_000.0).floor() / 10.0)),
    ]);
    let part = if run.part.is_empty() { String::new() } else { format!("-{}", crate::deliver::file_name(&run.part)) };
    let name = format!("{}{part}-{}.html", run.job, stamp(run.range.from(), context));
    let page = Artifact { name, media_type: HTML, bytes: html(&report.view)?.into_bytes() };
    Ok(Parcel { report, outline, page, notes, values, attachments: Vec::new() })
}

/// Whether a file is named as one on paper.
fn is_pdf(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"))
}

/// The report as a PDF, named as the page is.
fn on_paper(parcel: &Parcel, context: &Context) -> Result<Artifact, CliError> {
    let name = Path::new(&parcel.page.name).with_extension("pdf").to_string_lossy().into_owned();
    pdf(&parcel.report, name, context)
}

/// The share of a period that the data reaches into. The period of a run is over: what comes after the last sample of all is missing of it, which a page, that
/// may be of today, does not say.
fn reach(range: TimeRange, context: &Context) -> Result<f64, CliError> {
    let end = context.asked()?.as_source().span()?.map_or(range.from(), |span| span.to());
    let reached = end.clamp(range.from(), range.to()).millis() - range.from().millis();
    let whole = context.now.clamp(range.from(), range.to()).millis() - range.from().millis();
    Ok(if whole > 0 { (reached as f64 / whole as f64).min(1.0) } else { 1.0 })
}

/// A date, with its time where that is not midnight: good in a file name.
fn stamp(t: Timestamp, context: &Context) -> String {
    let local = t.to_utc().with_timezone(&context.settings.timezone);
    let is_midnight = local.time() == chrono::NaiveTime::MIN;
    local.format(if is_midnight { "%Y-%m-%d" } else { "%Y-%m-%dT%H%M" }).to_string()
}

fn facts(outline: &Outline) -> Facts {
    let worst = match outline.worst {
        None => 0,
        Some(Severity::Info) => 1,
        Some(Severity::Warn) => 2,
        Some(Severity::Bad) => 3,
    };
    Facts { findings: outline.count, worst, coverage: outline.coverage }
}

/// A path that means the same from wherever the ledger is read.
pub fn place_of(text: &str) -> PathBuf {
    if text == "-" { PathBuf::from(text) } else { std::path::absolute(text).unwrap_or_else(|_| PathBuf::from(text)) }
}

/// Writes the page; directories that the pattern's macros name are made.
fn deliver_file(path: &Path, page: &Artifact, context: &Context) -> Result<(), CliError> {
    if path == Path::new("-") {
        return write(path, page, context);
    }
    if let Some(directory) = path.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(directory)
            .map_err(|source| crate::deliver::DeliverError::Write { path: directory.to_owned(), source })?;
    }
    Ok(write_file(path, page)?)
}

/// What goes along with the mail of a run, within its size: first the samples are left out, then the page, and that is said.
pub fn attach(batch: &BatchSection, range: TimeRange, context: &Context, parcel: &mut Parcel) -> Result<(), CliError> {
    let most = context.settings.mail.attach_max.map_or(ATTACH_MAX, |size| size.0);
    let mut taken = 0;
    let mut wanted = batch.attachments().to_vec();
    // The page is worth more than the samples.
    wanted.sort_by_key(|attach| *attach == Attach::CsvGz);
    for attach in wanted {
        let (artifact, what) = match attach {
            Attach::Html => (parcel.page.clone(), "The report"),
            Attach::Pdf => (on_paper(parcel, context)?, "The report on paper"),
            Attach::Zip => (zip(&parcel.page)?, "The report"),
            Attach::CsvGz => (samples(batch, &parcel.values, range, context)?, "The table of samples"),
        };
        let bytes = artifact.bytes.len() as u64;
        if taken + bytes > most {
            let size = indicatif::HumanBytes(bytes);
            parcel.notes.push(format!(
                "{what} ({size}) is not attached: the limit of a mail is {}.",
                indicatif::HumanBytes(most)
            ));
            continue;
        }
        taken += bytes;
        parcel.attachments.push(artifact);
    }
    Ok(())
}

/// Lowest, mean and highest of every series, in steps that make some hundred rows of each.
fn samples(batch: &BatchSection, values: &Values, range: TimeRange, context: &Context) -> Result<Artifact, CliError> {
    const HOUR_MS: i64 = 3_600_000;
    let step_ms = if range.millis() <= 2 * 24 * HOUR_MS { HOUR_MS / 12 } else { HOUR_MS };
    let part = values.get("part").map_or("", String::as_str);
    let selector = Selector::parse(&node_globs(batch, part), &batch.metric, &batch.label)?;
    let asked = context.asked()?;
    let aggs: Vec<Agg> = ["avg", "min", "max"].iter().map(|agg| agg.parse()).collect::<Result<_, _>>()?;
    let mut bytes = Vec::new();
    let mut out = Output::new(Packing::Gz, &mut bytes).map_err(ExportError::Write)?;
    rollup_csv(asked.as_source(), &selector, range, step_ms, &aggs, TimeFormat::Rfc3339, &mut out)?;
    out.finish().map_err(ExportError::Write)?;
    let name = |key| values.get(key).map(|value| crate::deliver::file_name(value)).unwrap_or_default();
    let part = if part.is_empty() { String::new() } else { format!("-{}", name("part")) };
    let name = format!("{}{part}-{}.csv.gz", name("name"), name("from"));
    Ok(Artifact { name, media_type: "application/gzip", bytes })
}
