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
    let selector = Selector::parse(args.node.as_slice(), &[], &[])?;
    let annotation = Annotation { at, until, nodes: args.node.clone(), text: args.text.clone() };
    store(&annotation, context)?;
    let muting = context.settings.analysis.mute().holds(&annotation);
    let muted = if muting { " (what is odd on its nodes until its end is muted)" } else { "" };
    let when = match until {
        Some(until) => format!("from {} to {}", shown(at, context), shown(until, context)),
        None => format!("at {}", shown(at, context)),
    };
    let of = args.node.as_ref().map(|glob| format!(" on {glob}")).unwrap_or_default();
    let db = context.db().display();
    context.terminal.say(&format!("noted {when}{of} in {db}: {}{muted}", args.text));
    if let Some(glob) = &args.node
        && !context.reader()?.nodes()?.iter().any(|node| selector.matches_node(node.as_str()))
    {
        context.terminal.warn(&format!("no node of {db} is called {glob}: no chart of a node shows it"));
    }
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
