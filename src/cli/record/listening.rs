use super::super::args::RecordArgs;
use super::super::context::Context;
use super::super::error::CliError;
use super::super::serve::{access, face};
use super::own::Own;
use crate::live::{Face, Intake, Running, Server};

/// Takes the address where pushes are taken, where one is asked for: before anything is recorded, so that a wrong one is told at once.
pub fn listen(args: &RecordArgs, context: &Context) -> Result<Option<Server>, CliError> {
    let address = args.listen.clone().or_else(|| context.settings.record.listen.clone());
    let server = address.map(|address| Server::bind(access(address, args.token_file.clone(), context)?)).transpose();
    Ok(server?)
}

/// Answers there from now on.
pub fn start(server: Server, intake: Intake, own: Own, context: &Context) -> Result<Running, CliError> {
    let url = server.url();
    let running = server.start(Face { intake: Some(intake), figures: Some(own.figures()), ..face(context) })?;
    context.terminal.say(&format!("taking pushes at {url}"));
    Ok(running)
}
