use crate::model::{Mask, MaskAction};

use crate::report::format::duration;
use crate::report::model::Model;

/// What does not count and what is shaded, in sentences; empty for nothing.
pub(super) fn masks(model: &Model) -> String {
    let say = model.numerals();
    let of = |action: MaskAction| {
        let some = |mask: &&Mask| mask.action == action;
        let word = |mask: &Mask| {
            let where_ = if mask.nodes.is_all() { "" } else { ", of some nodes" };
            format!("{} ({}{where_})", mask.name, mask.when())
        };
        model.options.masks.iter().filter(some).map(word).collect::<Vec<String>>()
    };
    let mut sentences = Vec::new();
    let (only, left_out, shaded) = (of(MaskAction::Only), of(MaskAction::LeaveOut), of(MaskAction::Shade));
    if !only.is_empty() {
        sentences.push(format!("Only this time counts: {}.", say.capped(&only, 3)));
    }
    if !left_out.is_empty() {
        sentences.push(format!("Left out: {}.", say.capped(&left_out, 3)));
    }
    if let Some((least, most)) = model.left_out_ms.filter(|(_, most)| *most > 0) {
        let share = match least {
            0 => format!("up to {} of a node", duration(most)),
            _ if least == most => duration(most),
            _ => format!("{} to {} of a node", duration(least), duration(most)),
        };
        sentences.push(format!("That is {share}, in no number and a gap in every chart."));
    }
    if !shaded.is_empty() {
        let drawn = if model.shades.is_empty() { " (too many stretches to be drawn)" } else { "" };
        sentences.push(format!("Shaded: {}{drawn}.", say.capped(&shaded, 3)));
    }
    sentences.join(" ")
}
