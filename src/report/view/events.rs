use crate::report::model::Model;

/// An annotation, as a line of a list.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub when: String,
    pub nodes: String,
    pub text: String,
}

pub(super) fn events(model: &Model) -> Vec<Event> {
    let one = |e: &crate::model::Annotation| Event {
        when: match e.until {
            Some(until) => format!("{} – {}", model.clock.moment(e.at), model.clock.moment(until)),
            None => model.clock.moment(e.at),
        },
        nodes: e.nodes.clone().unwrap_or_else(|| "all nodes".into()),
        text: e.text.clone(),
    };
    model.events.iter().map(one).collect()
}
