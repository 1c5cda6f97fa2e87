use serde::Deserialize;

use crate::model::{EventGlob, Mask, MaskAction, MaskTime, Selector, WeekHours};

/// `[[report.mask]]`: a stretch of time that is shaded or does not count.
#[derive(Clone, Debug)]
pub struct MaskSection(pub Mask);

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    days: Option<String>,
    hours: Option<String>,
    event: Option<String>,
    #[serde(default)]
    node: Vec<String>,
    action: String,
}

impl<'de> Deserialize<'de> for MaskSection {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        mask(Written::deserialize(source)?).map(MaskSection).map_err(serde::de::Error::custom)
    }
}

fn mask(written: Written) -> Result<Mask, String> {
    let Written { name, days, hours, event, node, action } = written;
    let action = match action.as_str() {
        "shade" => MaskAction::Shade,
        "leave_out" => MaskAction::LeaveOut,
        "only" => MaskAction::Only,
        _ => return Err(format!("`{action}` is none of `shade`, `leave_out` and `only` (nothing else counts)")),
    };
    let time = match (&event, &days, &hours) {
        (Some(glob), None, None) => MaskTime::Events(EventGlob::parse(glob).map_err(|e| e.to_string())?),
        (None, None, None) => return Err(format!("mask `{name}` says no time: give days, hours or event")),
        (None, days, hours) => {
            MaskTime::Week(WeekHours::parse(days.as_deref(), hours.as_deref()).map_err(|e| e.to_string())?)
        }
        _ => return Err(format!("mask `{name}` is of an event or of days and hours, not of both")),
    };
    let nodes = Selector::parse(&node, &[], &[]).map_err(|e| e.to_string())?;
    Ok(Mask { name, time, nodes, action })
}
