use super::super::answer::Refusal;
use super::super::api::Parameters;
use super::super::face::{Face, clock};
use crate::analyse::{FindingKind, KINDS};
use crate::model::TimeRange;
use crate::model::range::{last_believed, parse_period};
use crate::report::{Compare, LiveFrame, LiveLink, ReportOptions, SectionId, Sections};

/// What a live page shows where no time is asked for: the last hour that there is.
const LAST_MS: i64 = 3_600_000;
/// Size that a live page stays within: it goes over the network whenever much of it changes.
const LIVE_BYTES_MAX: u64 = 1_000_000;
/// Times that are one click away.
const TIMES: [&str; 5] = ["15m", "1h", "6h", "1d", "7d"];

/// Which of the live pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Everything, of the last hour.
    Overview,
    /// What was found in the last day.
    Findings,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Overview => "overview",
            Kind::Findings => "findings",
        }
    }
}

/// What a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    /// What stands behind the question mark.
    pairs: Vec<(String, String)>,
}

impl Asked {
    /// Of parameters that were checked; what does not change the page is left out, so that pages that are alike are one.
    pub(super) fn new(kind: Kind, pairs: Vec<(String, String)>) -> Result<Asked, Refusal> {
        let mut pairs: Vec<(String, String)> =
            pairs.into_iter().filter(|(key, value)| !value.is_empty() && key != "since" && key != "view").collect();
        pairs.sort();
        let asked = Asked { kind, pairs };
        asked.parameters()?;
        Ok(asked)
    }

    /// The same for the same page.
    pub(super) fn key(&self) -> String {
        format!("{} {:?}", self.kind.name(), self.pairs)
    }

    fn parameters(&self) -> Result<Parameters, Refusal> {
        Parameters::new(self.pairs.clone(), &["compare"])
    }

    /// What the report is to be of, of data that reaches over `span`.
    pub(super) fn options(&self, face: &Face, span: Option<TimeRange>) -> Result<ReportOptions, Refusal> {
        let parameters = self.parameters()?;
        let has_time = ["last", "range", "from", "to"].iter().any(|key| parameters.one(key).is_some());
        let range = match (self.kind, span) {
            (Kind::Overview, Some(span)) if !has_time => {
                let to = last_believed(span, clock()).min(span.to());
                TimeRange::new(to.plus_millis(-LAST_MS), to).unwrap_or(span)
            }
            _ => parameters.range(face.timezone, span)?,
        };
        let now = clock();
        let compare = match parameters.one("compare") {
            None | Some("none") => Compare::Nothing,
            Some("previous") => Compare::Previous,
            Some(period) => {
                let period = parse_period(period, now, face.timezone);
                Compare::Range(period.map_err(|error| Refusal::bad(error.to_string()))?)
            }
        };
        let options = ReportOptions {
            range,
            selector: parameters.selector()?,
            compare,
            made_at: Some(now),
            ..face.report.clone()
        };
        Ok(match self.kind {
            // Thresholds are looked at; what takes history to be told has a page of its own, which is not made every second.
            Kind::Overview => ReportOptions {
                interactive: false,
                kinds: vec![FindingKind::Threshold],
                max_bytes: LIVE_BYTES_MAX,
                ..options
            },
            Kind::Findings => {
                let chosen = [SectionId::Findings, SectionId::Anomalies, SectionId::Correlation, SectionId::Capacity];
                ReportOptions {
                    interactive: false,
                    kinds: KINDS.to_vec(),
                    sections: Sections { chosen: Some(chosen.to_vec()), ..options.sections.clone() },
                    max_bytes: LIVE_BYTES_MAX,
                    ..options
                }
            }
        })
    }

    /// What stands around the page.
    pub(super) fn frame(&self, title: &str) -> LiveFrame {
        let kept: Vec<(String, String)> = self.pairs.iter().filter(|(key, _)| key != "node").cloned().collect();
        let of = |key: &str| self.pairs.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
        let chosen: Vec<(&str, &str)> = self
            .pairs
            .iter()
            .filter(|(key, _)| matches!(key.as_str(), "node" | "metric" | "label"))
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let has_time = ["last", "range", "from", "to"].iter().any(|key| of(key).is_some());
        let last = of("last").unwrap_or(if has_time { "" } else { "1h" });
        let mut links: Vec<LiveLink> = TIMES
            .iter()
            .map(|time| {
                let pairs: Vec<(&str, &str)> = chosen.iter().copied().chain([("last", *time)]).collect();
                let is_here = self.kind == Kind::Overview && last == *time;
                LiveLink { text: format!("Last {time}"), to: link("/", &pairs), is_here }
            })
            .collect();
        links.push(LiveLink {
            text: "Findings of the day".to_owned(),
            to: link("/findings", &[("last", "1d")]),
            is_here: self.kind == Kind::Findings,
        });
        let here: Vec<(&str, &str)> = self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        links.push(LiveLink { text: "As a report".to_owned(), to: link("/report", &here), is_here: false });
        links.push(LiveLink { text: "Made reports".to_owned(), to: "/reports".to_owned(), is_here: false });
        LiveFrame {
            title: format!("{title} · live"),
            view: self.kind.name().to_owned(),
            links,
            node: of("node").unwrap_or_default().to_owned(),
            kept,
            ..LiveFrame::default()
        }
    }
}

/// A path with parameters.
fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    for (i, (key, value)) in pairs.iter().enumerate() {
        text.push(if i == 0 { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'*' => text.push(char::from(byte)),
                other => text.push_str(&format!("%{other:02X}")),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, Refusal> {
        Asked::new(Kind::Overview, pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn pages_that_are_alike_are_one() {
        let one = asked(&[("node", "db-*"), ("last", "1h"), ("since", "7"), ("view", "overview")]).unwrap();
        let other = asked(&[("last", "1h"), ("node", "db-*"), ("metric", "")]).unwrap();
        assert_eq!(one.key(), other.key());
        assert!(asked(&[("lst", "1h")]).unwrap_err().to_string().starts_with("unknown parameter `lst`"));
    }

    #[test]
    fn links_keep_what_is_chosen_and_are_only_links() {
        let frame = asked(&[("node", "a&b=<\"c"), ("last", "6h")]).unwrap().frame("x");
        assert_eq!(frame.links[0].to, "/?node=a%26b%3D%3C%22c&last=15m");
        let here: Vec<&str> = frame.links.iter().filter(|link| link.is_here).map(|link| link.text.as_str()).collect();
        assert_eq!(here, ["Last 6h"]);
        assert_eq!(frame.kept, [("last".to_owned(), "6h".to_owned())]);
    }
}
