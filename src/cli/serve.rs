//! `nodebook serve`: answers over HTTP, until stopped.

use std::path::PathBuf;
use std::time::Instant;

use super::args::ServeArgs;
use super::artifact::options;
use super::context::Context;
use super::error::{CliError, Code};
use super::record::{Stop, Wake};
use crate::live::{Access, Face, LiveError, Server, TlsFiles, Token};
use crate::model::{Selector, TimeRange};
use crate::report::ReportOptions;

/// Where `serve` listens where nothing else is said.
const LISTEN: &str = "127.0.0.1:9464";
/// A day: how long at most is waited at a time.
const DAY_MS: i64 = 86_400_000;

/// Serves until stopped.
pub fn run(args: &ServeArgs, context: &Context) -> Result<Code, CliError> {
    let listen = args.listen.clone().or_else(|| context.settings.serve.listen.clone());
    let server = Server::bind(access(listen.unwrap_or_else(|| LISTEN.to_owned()), args.token_file.clone(), context)?)?;
    // What cannot be read is told now, not to the first who asks.
    drop(context.asked()?);
    let stop = Stop::listen().map_err(CliError::Signals)?;
    let url = server.url();
    let engine = context.settings.source.access()?;
    let what = engine.as_ref().map_or_else(|| context.db().display().to_string(), |engine| engine.told());
    let running = server.start(Face { engine, ..face(context) })?;
    context.terminal.say(&format!("serving {what} at {url} until stopped (Ctrl-C)"));
    while stop.wake(Instant::now(), DAY_MS) != Wake::Stop {}
    running.stop();
    Ok(Code::Done)
}

/// Who may ask there, by `[serve]`.
pub fn access(listen: String, token_file: Option<PathBuf>, context: &Context) -> Result<Access, LiveError> {
    let serve = &context.settings.serve;
    let token_file = token_file.or_else(|| serve.token_file.clone());
    let tls = match (serve.certificate.clone(), serve.key.clone()) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        _ => return Err(LiveError::HalfTls),
    };
    let token = token_file.as_deref().map(Token::from_file).transpose()?;
    Ok(Access { listen, hosts: serve.hosts.clone().unwrap_or_default(), token, tls })
}

/// What is answered there, of the database.
pub fn face(context: &Context) -> Face {
    Face {
        // The time of a page is that which is asked for.
        db: context.db().to_owned(),
        engine: None,
        timezone: context.settings.timezone,
        catalogue: context.settings.catalogue.clone(),
        report: ReportOptions {
            title: context.settings.title.clone(),
            ..options(TimeRange::ALL, Selector::default(), context)
        },
        intake: None,
        figures: None,
    }
}
