//! Empties the outbox.

use super::super::context::{Context, clock};
use super::super::error::CliError;
use super::outlet::{self, MailOutlet};
use super::stopping::Stopping;
use crate::deliver::{Trouble, next_try};
use crate::store::{Ledger, Message, Settled};

/// Sends what may be sent now. A message that does not go does not keep the others: each is settled by itself.
pub fn send_ready(ledger: &mut Ledger, context: &Context, stopping: &Stopping) -> Result<(), CliError> {
    let mut mail: Option<MailOutlet> = None;
    for message in ledger.ready(context.now)? {
        if stopping.is_wanted() {
            break;
        }
        let told =
            outlet::send(&message, &mut mail, context, &mut || ledger.sending(message.id).map_err(|e| e.to_string()));
        let settled = settled(told, &message, ledger, context)?;
        ledger.settle(message.id, &settled, clock().max(context.now))?;
    }
    Ok(())
}

fn settled(
    told: Result<(), Trouble>,
    message: &Message,
    ledger: &Ledger,
    context: &Context,
) -> Result<Settled, CliError> {
    Ok(match told {
        Ok(()) => Settled::Sent,
        Err(Trouble::Lasting(why)) => Settled::Failed(why),
        Err(trouble @ Trouble::Unsure(_)) => Settled::Unsure(trouble.to_string()),
        Err(Trouble::Passing(why) | Trouble::Ledger(why)) => {
            let since = ledger.run(message.run_id)?.map_or(context.now, |run| run.finished.unwrap_or(run.due));
            match next_try(message.attempts, since, context.now) {
                Some(at) => Settled::Retry { at, error: format!("{why}; tried again later") },
                None => Settled::Failed(format!("{why}; given up after {} tries", message.attempts + 1)),
            }
        }
    })
}
