//! `nodebook maintain`: what a recorder does now and then, done now.

use serde::Serialize;

use super::args::MaintainArgs;
use super::config::RetentionSection;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::print_json;
use super::retention::prune;
use crate::store::Durability;
use crate::store::retention::{Prune, RetainedLayer, plan};

/// What was done, or would be: `maintain --json` prints exactly this.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// Whether it was only planned.
    dry_run: bool,
    /// Samples sealed.
    sealed: u64,
    /// What went.
    pruned: Vec<Pruned>,
    /// Bytes given back to the file system.
    freed_bytes: u64,
}

#[derive(Debug, Serialize)]
struct Pruned {
    layer: RetainedLayer,
    /// Globs of the rule it went by; `None` for the general one.
    rule: Option<String>,
    before: String,
    /// Samples, or rows of a rollup.
    samples: u64,
    /// About what they took.
    bytes: u64,
}

/// Seals, prunes and gives space back.
pub fn run(args: &MaintainArgs, context: &Context) -> Result<Code, CliError> {
    let reader = context.reader()?; // what is not there is not made
    let retention = &context.settings.retention;
    let policy = retention.policy()?;
    let mut done = Done { dry_run: args.dry_run, ..Done::default() };
    let planned = if args.dry_run {
        // Planned from what a reader sees: a recorder is not disturbed.
        plan(&policy, &reader.inventory(&policy, context.now)?, context.now)
    } else {
        drop(reader);
        let mut store = context.store(Durability::Full)?;
        done.sealed = store.seal(context.now)?;
        let retained = prune(&mut store, &policy, context.now)?;
        retained.tell(context.terminal);
        done.freed_bytes = store.vacuum()?;
        store.close()?;
        retained.pruned
    };
    let told = planned.iter().filter(|prune| prune.samples > 0);
    done.pruned = told.map(|prune| Pruned::of(prune, retention)).collect();
    if args.json {
        print_json(&done)?;
    } else {
        tell(&done, context);
    }
    Ok(Code::Done)
}

impl Pruned {
    fn of(prune: &Prune, retention: &RetentionSection) -> Pruned {
        let rule = prune.group.checked_sub(1).and_then(|place| retention.rule.get(place));
        Pruned {
            layer: prune.layer,
            rule: rule.map(|rule| rule.globs()),
            before: prune.before.to_rfc3339(),
            samples: prune.samples,
            bytes: prune.bytes,
        }
    }
}

fn tell(done: &Done, context: &Context) {
    let terminal = &context.terminal;
    if !done.dry_run {
        terminal.say(&format!("sealed {} samples", done.sealed));
    }
    for pruned in &done.pruned {
        let verb = if done.dry_run { "would prune" } else { "pruned" };
        let (what, layer) = match pruned.layer {
            RetainedLayer::Raw => ("samples", ""),
            RetainedLayer::SlowRaw => ("samples", " of slow series"),
            RetainedLayer::Hours => ("rows", " of rollup_1h"),
            RetainedLayer::Days => ("rows", " of rollup_1d"),
        };
        let rule = pruned.rule.as_ref().map(|globs| format!(" of {globs}")).unwrap_or_default();
        terminal.say(&format!(
            "{verb} {} {what}{layer}{rule} before {}, about {} bytes",
            pruned.samples, pruned.before, pruned.bytes
        ));
    }
    if done.pruned.is_empty() {
        terminal.say("nothing is older than [retention] says");
    }
    if !done.dry_run {
        terminal.say(&format!("gave back {} bytes", done.freed_bytes));
    }
}
