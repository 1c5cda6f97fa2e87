use std::sync::Arc;

use super::super::args::RecordArgs;
use super::super::context::Context;
use super::super::error::CliError;
use super::super::output::counted;
use super::descriptors::make_room_for;
use super::targets::targets;
use crate::ingest::inbox::Inbox;
use crate::ingest::scrape::{Scraper, Target};
use crate::live::CONNECTIONS_MAX;

/// The scraper of this run, where something is scraped or may be.
pub struct Scraping<'a> {
    scraper: Scraper,
    args: &'a RecordArgs,
    context: &'a Context,
    interval_ms: i64,
}

impl<'a> Scraping<'a> {
    /// Starts to scrape.
    pub fn start(
        targets: Vec<Target>,
        args: &'a RecordArgs,
        context: &'a Context,
        interval_ms: i64,
        inbox: Inbox,
    ) -> Result<Scraping<'a>, CliError> {
        let terminal = context.terminal;
        make_room_for(targets.len() + pushing(args, context), terminal);
        let voice =
            Arc::new(
                move |news: &crate::ingest::scrape::News| {
                    if news.is_bad() { terminal.warn(&news.to_string()) } else { terminal.say(&news.to_string()) }
                },
            );
        let scraper = Scraper::start(targets, inbox, voice).map_err(CliError::Thread)?;
        Ok(Scraping { scraper, args, context, interval_ms })
    }

    /// Reads the targets again. What is wrong with them changes nothing, and is said.
    pub fn reload(&self) {
        let terminal = self.context.terminal;
        match self.read_again() {
            Ok(None) => terminal.warn("there is no configuration file to be read again"),
            Ok(Some(targets)) => {
                let count = counted(targets.len() as u64, "target");
                make_room_for(targets.len() + pushing(self.args, self.context), terminal);
                self.scraper.change(targets);
                // Whoever has changed something else, and finds it unchanged, would look for a mistake.
                terminal.say(&format!(
                    "the targets were read again: {count} from now on; all else in the configuration holds from the next start"
                ));
            }
            Err(error) => terminal.error(&format!("{error}: the targets stay as they were")),
        }
    }

    /// Stops at once.
    pub fn stop(self) {
        let lateness = self.scraper.stop();
        self.context.terminal.detail(&lateness.to_string());
    }

    fn read_again(&self) -> Result<Option<Vec<Target>>, CliError> {
        let Some(section) = self.context.settings.record_again()? else { return Ok(None) };
        targets(&section, &self.args.scrape, self.interval_ms).map(Some)
    }
}

/// Connections of those who push.
fn pushing(args: &RecordArgs, context: &Context) -> usize {
    let listens = args.listen.is_some() || context.settings.record.listen.is_some();
    if listens { CONNECTIONS_MAX } else { 0 }
}
