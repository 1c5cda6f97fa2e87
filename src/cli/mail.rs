//! `nodebook mail`: one report or file by mail, now; a test of the settings that is also of use.

use std::io::ErrorKind;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::args::MailArgs;
use super::artifact::{made_at, write};
use super::batch::{ATTACH_MAX, MailOutlet, Sheet, attach, parcel, run_now, subject_of};
use super::context::Context;
use super::error::{CliError, Code};
use super::report_file::HTML;
use crate::deliver::{Artifact, MailAddress, MailBody, MailHead, Values, attachment_name};
use crate::model::{TimeRange, Timestamp};
use crate::net::read_small;
use crate::report::{Report, html};
use crate::store::JobRun;

/// Media type of a message.
pub const EML: &str = "message/rfc822";

/// Sends one message, or writes it.
pub fn run(args: &MailArgs, context: &Context) -> Result<Code, CliError> {
    let to = args.to.iter().map(|text| text.parse()).collect::<Result<Vec<MailAddress>, _>>()?;
    if to.is_empty() && args.eml.is_none() {
        return Err(CliError::Usage("say to whom: --to ADDR".to_owned()));
    }
    let outlet = if args.eml.is_some() { MailOutlet::for_files(context)? } else { MailOutlet::of(context)? };
    let message = match context.settings.batches.iter().find(|batch| batch.name.0 == args.what) {
        Some(batch) => {
            super::batch::expect_sound(context)?;
            let run = with_data(run_now(batch, context)?, context)?;
            let mut parcel = parcel(&run, batch, context)?;
            attach(batch, run.range, context, &mut parcel)?;
            let subject = args.subject.clone().unwrap_or_else(|| parcel.subject(batch));
            let message_id = outlet.message_id(&format!("mail {} {subject}", context.now.millis()));
            outlet.compose(&to, &subject, &message_id, &parcel.sheet(), context.now)?
        }
        None => of_file(Path::new(&args.what), &outlet, &to, args, context)?,
    };
    match &args.eml {
        Some(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            write(path, &Artifact { name, media_type: EML, bytes: message }, context)?;
        }
        None => {
            let recipients: Vec<String> = to.iter().map(ToString::to_string).collect();
            // Nothing is written down: somebody waits for the answer, and may do it again.
            outlet
                .send(&recipients, &message, &mut || Ok(()))
                .map_err(|trouble| CliError::Mail(trouble.to_string()))?;
            context.terminal.say(&format!("sent to {}", recipients.join(", ")));
        }
    }
    Ok(Code::Done)
}

/// A run whose period was over before anything was recorded tells of what there is: settings are tested on the first day, not after the first week.
fn with_data(run: JobRun, context: &Context) -> Result<JobRun, CliError> {
    let asked = context.asked()?;
    let Some(span) = asked.as_source().span()?.filter(|span| span.from() >= run.range.to()) else {
        return Ok(run);
    };
    let length = run.range.millis();
    let from = span.from().max(span.to().plus_millis(-length));
    let Some(range) = TimeRange::new(from, span.to()) else { return Ok(run) };
    let [due_from, due_to, from, to] = [run.range.from(), run.range.to(), from, span.to()].map(|t| context.local(t));
    context.terminal.warn(&format!(
        "{}: nothing is recorded of {due_from} to {due_to}: this message tells of {from} to {to} instead",
        run.job
    ));
    Ok(JobRun { range, ..run })
}

/// The message of `report -o NAME.eml`: a report with its page attached.
pub fn eml(report: &Report, name: &str, context: &Context) -> Result<Vec<u8>, CliError> {
    let outline = report.outline();
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let page = Artifact { name: format!("{stem}.html"), media_type: HTML, bytes: html(&report.view)?.into_bytes() };
    let subject = subject_of(None, &outline, &[], &Values::new());
    let outlet = MailOutlet::for_files(context)?;
    let date = made_at(context.now).unwrap_or(Timestamp::from_millis(0));
    let message_id = outlet.message_id(&format!("report {} {subject}", date.millis()));
    outlet.compose(&[], &subject, &message_id, &Sheet { report, notes: &[], attachments: &[page] }, date)
}

/// A file as it is.
fn of_file(
    path: &Path,
    outlet: &MailOutlet,
    to: &[MailAddress],
    args: &MailArgs,
    context: &Context,
) -> Result<Vec<u8>, CliError> {
    let most = context.settings.mail.attach_max.map_or(ATTACH_MAX, |size| size.0);
    let bytes = read_small(path, most).map_err(|source| {
        if source.kind() == ErrorKind::FileTooLarge {
            let what = "the limit of a mail is";
            return CliError::Usage(format!(
                "{}: {what} {most} bytes, and it has more: raise `mail.attach_max` if your server takes such",
                path.display()
            ));
        }
        let known: Vec<&str> = context.settings.batches.iter().map(|batch| batch.name.0.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        CliError::Usage(format!("{}: neither a [[batch]] (there are: {known}) nor a file: {source}", path.display()))
    })?;
    let name = attachment_name(&path.file_name().unwrap_or_default().to_string_lossy());
    let media_type = match path.extension().and_then(|ending| ending.to_str()) {
        Some("html" | "htm") => HTML,
        Some("csv") => "text/csv; charset=utf-8",
        Some("gz") => "application/gzip",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    let hash: String = Sha256::digest(&bytes).iter().take(6).map(|b| format!("{b:02x}")).collect();
    let head = MailHead {
        subject: args.subject.clone().unwrap_or_else(|| name.clone()),
        message_id: outlet.message_id(&format!("file {} {hash}", context.now.millis())),
        date: context.now,
        ..outlet.head(to)
    };
    let text = format!("{name} is attached.\n");
    let body = MailBody { html: format!("<p>{}</p>", super::output::html_text(&text)), text, pictures: Vec::new() };
    Ok(crate::deliver::compose(&head, body, &[Artifact { name, media_type, bytes }])?)
}
