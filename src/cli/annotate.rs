//! `nodebook annotate`: an event on every chart.

use super::args::AnnotateArgs;
use super::context::Context;
use super::error::{CliError, Code};
use crate::model::range::parse_moment;
use crate::model::{Annotation, Selector, Timestamp};
use crate::store::{Durability, StoreError, annotate_beside};

/// Stores the event.
pub fn run(args: &AnnotateArgs, context: &Context) -> Result<Code, CliError> {
    let moment = |text: &String| parse_moment(text, context.now, context.settings.timezone);
    let at = args.at.as_ref().map(moment).transpose()?.unwrap_or(context.now);
    let until = args.until.as_ref().map(moment).transpose()?;
    if let Some(until) = until.filter(|until| *until <= at) {
        return Err(CliError::Usage(format!("the end {until} is not after the start {at}")));
    }
    if args.text.trim().is_empty() {
        return Err(CliError::Usage("say what happened: the text is empty".to_owned()));
    }
    Selector::parse(args.node.as_slice(), &[], &[])?;
    let annotation = Annotation { at, until, nodes: args.node.clone(), text: args.text.clone() };
    store(&annotation, context)?;
    let muting = context.settings.analysis.mute().holds(&annotation);
    let muted = if muting { " (what is odd on its nodes until its end is muted)" } else { "" };
    context.terminal.say(&format!("noted at {}: {}{muted}", shown(at, context), args.text));
    Ok(Code::Done)
}

/// With the writer's lock where it is free; beside the writer where it is not: an event is never in a recorder's way.
fn store(annotation: &Annotation, context: &Context) -> Result<(), CliError> {
    match context.store(Durability::Full) {
        Ok(mut store) => {
            store.annotate(annotation)?;
            Ok(store.close()?)
        }
        Err(CliError::Store(StoreError::Locked { path, pid })) => {
            let stored = annotate_beside(context.db(), annotation)?;
            if stored { Ok(()) } else { Err(StoreError::Locked { path, pid }.into()) }
        }
        Err(error) => Err(error),
    }
}

fn shown(t: Timestamp, context: &Context) -> String {
    t.to_utc().with_timezone(&context.settings.timezone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}
