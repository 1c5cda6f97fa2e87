//! An engine that is asked over HTTP: in parallel, again where it is busy, and with an ear for what it says is missing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::answer::Answer;
use super::dialect::{Dialect, Flavour, PROBE_CLOSED, PROBE_VICTORIA};
use super::error::{RemoteError, TOO_LARGE, hint};
use crate::net::{Address, Blocking, Client, Limits, Login, Request, Response, Trust};

/// How long one answer may take and how large it may be: a few million points.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(5), total: Duration::from_secs(120), packed: 256 << 20, unpacked: 512 << 20 };
/// Questions that are asked at once: as many as leave others some of the engine.
const AT_ONCE: usize = 3;
/// How often a question is asked that the engine has no time for.
const TRIES: u32 = 5;
/// Before a question is asked again; twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);
/// However long the engine says it should be.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Most different words about what is missing that are kept, and most characters of each.
const TOLD_MAX: usize = 8;
const TOLD_CHARS_MAX: usize = 300;

/// Where an engine is, and who asks.
#[derive(Clone, Debug)]
pub struct EngineAccess {
    /// What `/api/v1` is below of; several where there are several engines that have the same, of which one is asked.
    pub addresses: Vec<Address>,
    /// What it is said to be.
    pub flavour: Flavour,
    /// Who asks, where that is not in the address.
    pub login: Option<Login>,
    /// Whom its certificate is believed.
    pub trust: Trust,
    /// The tenant, for `X-Scope-OrgID`.
    pub tenant: Option<String>,
}

impl EngineAccess {
    /// Where, without secrets.
    pub fn told(&self) -> String {
        self.addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(" or ")
    }
}

/// One question: the path below `/api/v1/` and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) path: &'static str,
    pub(super) parameters: Vec<(&'static str, String)>,
}

impl Ask {
    pub(super) fn new(path: &'static str, parameters: impl IntoIterator<Item = (&'static str, String)>) -> Ask {
        Ask { path, parameters: parameters.into_iter().collect() }
    }

    /// A query for `[start, end]` (the moments of evaluation, ms) with a step.
    pub(super) fn range(query: String, start_ms: i64, end_ms: i64, step_ms: i64) -> Ask {
        let parameters = [
            ("query", query),
            ("start", seconds(start_ms)),
            ("end", seconds(end_ms)),
            ("step", format!("{}.{:03}", step_ms / 1_000, step_ms % 1_000)),
            ("nocache", "1".to_owned()),
        ];
        Ask::new("query_range", parameters)
    }
}

/// A moment as the API takes it.
pub(super) fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

/// Takes the place of a question and what was answered.
pub(super) type TakeBody<'a> = &'a mut dyn FnMut(usize, &[u8]) -> Result<(), RemoteError>;

/// Who can be asked several questions.
pub(super) trait Asker {
    /// Asks them; the answers come as they are there, each once, with the place of its question. So do refusals of questions that are too large (422), of
    /// which a part may be answered; any other refusal ends it.
    fn each_or<T: for<'de> Deserialize<'de>>(
        &self,
        asks: &[Ask],
        each: &mut dyn FnMut(usize, T) -> Result<(), RemoteError>,
        refused: &mut dyn FnMut(usize, RemoteError) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError>;

    /// The same, where a refusal of any kind ends it.
    fn each<T: for<'de> Deserialize<'de>>(
        &self,
        asks: &[Ask],
        each: &mut dyn FnMut(usize, T) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        self.each_or(asks, each, &mut |_, error| Err(error))
    }

    /// Asks one question.
    fn one<T: for<'de> Deserialize<'de>>(&self, ask: Ask) -> Result<T, RemoteError> {
        let mut found = None;
        self.each(&[ask], &mut |_, data| {
            found = Some(data);
            Ok(())
        })?;
        found.ok_or_else(|| self.no_engine("it answers nothing"))
    }

    /// What it answers is nothing that an engine would.
    fn no_engine(&self, why: &str) -> RemoteError;
}

/// An engine.
pub(super) struct Engine {
    address: Address,
    tenant: Option<String>,
    way: Blocking,
    dialect: Dialect,
    told: RefCell<BTreeSet<String>>,
}

impl Engine {
    /// Connects, and finds out what it is.
    pub(super) fn connect(access: &EngineAccess, address: &Address) -> Result<Engine, RemoteError> {
        let client = Client::new(address, &access.trust)?;
        let client = match &access.login {
            Some(login) => client.with_login(login.clone()),
            None => client,
        };
        let told = RefCell::default();
        let (address, tenant, way) = (address.clone(), access.tenant.clone(), Blocking::new(client)?);
        let mut engine = Engine { address, tenant, way, dialect: Dialect::Victoria, told };
        engine.dialect = engine.probed(access.flavour)?;
        Ok(engine)
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Its address, without secrets.
    pub(super) fn url(&self) -> String {
        self.address.to_string()
    }

    /// What it said is missing in its answers so far.
    pub(super) fn told(&self) -> Vec<String> {
        self.told.borrow().iter().cloned().collect()
    }

    /// What it says from now on is of another question.
    pub(super) fn forget_told(&mut self) {
        self.told.get_mut().clear();
    }

    /// By what it can do, not by what it says it is: proxies answer for many.
    fn probed(&self, wanted: Flavour) -> Result<Dialect, RemoteError> {
        let probe = |query: &str| {
            let ask = Ask::new("query", [("query", query.to_owned()), ("time", "60".to_owned())]);
            self.bytes(&[ask], &mut |_, response| Ok(response)).map(|mut all| all.pop())
        };
        if wanted != Flavour::Prometheus {
            let answer = probe(PROBE_VICTORIA)?;
            if answer.as_ref().is_some_and(Response::is_success) {
                return Ok(Dialect::Victoria);
            }
            let is_grammar = |response: &Response| matches!(response.status, 400 | 422);
            if let Some(refused) = answer.filter(|response| wanted == Flavour::Victoria || !is_grammar(response)) {
                return Err(self.refusal(&refused));
            }
        }
        let Some(answer) = probe(PROBE_CLOSED)? else { return Ok(Dialect::Prometheus { closed: true }) };
        let count = self.read::<Probe>(&answer)?.result.into_iter().next().map(|first| first.value.value);
        Ok(Dialect::Prometheus { closed: count != Some(2.0) })
    }

    /// Asks for what is no JSON as a whole; any answer that is no success is an error.
    pub(super) fn bodies(&self, asks: &[Ask], each: TakeBody<'_>) -> Result<(), RemoteError> {
        self.bytes(asks, &mut |place, response| {
            if !response.is_success() {
                return Err(self.refusal(&response));
            }
            each(place, &response.body)
        })?;
        Ok(())
    }

    /// Asks, and asks again what the engine has no time for.
    fn bytes<T>(
        &self,
        asks: &[Ask],
        each: &mut dyn FnMut(usize, Response) -> Result<T, RemoteError>,
    ) -> Result<Vec<T>, RemoteError> {
        let mut left: Vec<usize> = (0..asks.len()).collect();
        let mut done = Vec::with_capacity(asks.len());
        for attempt in 1..=TRIES {
            let mut again = Vec::new();
            let mut pause = PAUSE * 2_u32.pow(attempt - 1);
            let requests = left.iter().map(|place| self.request(&asks[*place])).collect();
            self.way.send_all(requests, AT_ONCE, LIMITS, |place, response| {
                let place = left[place];
                if matches!(response.status, 429 | 503) && attempt < TRIES {
                    let told = response.header("retry-after").and_then(|text| text.trim().parse().ok());
                    pause = pause.max(told.map_or(pause, Duration::from_secs));
                    again.push(place);
                    return Ok(());
                }
                done.push(each(place, response)?);
                Ok::<(), RemoteError>(())
            })?;
            if again.is_empty() {
                break;
            }
            left = again;
            thread::park_timeout(pause.min(PAUSE_MAX));
        }
        Ok(done)
    }

    fn request(&self, ask: &Ask) -> Request {
        let path = format!("api/v1/{}", ask.path);
        let parameters: Vec<(&str, &str)> =
            ask.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Queries may be too long for an address; of what is never long Prometheus takes no form.
        let takes_a_form = matches!(ask.path, "query" | "query_range" | "series" | "export");
        let address = self.address.below(&path, if takes_a_form { &[] } else { &parameters });
        let request = if takes_a_form { Request::ask(&address, &parameters) } else { Request::get(&address) };
        // Packing costs an engine on this machine more than it saves.
        let request = if address.is_loopback() { request } else { request.packed() };
        match &self.tenant {
            Some(tenant) => request.header("X-Scope-OrgID", tenant),
            None => request,
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, response: &Response) -> Result<T, RemoteError> {
        let answer: Answer<T> =
            serde_json::from_slice(&response.body).map_err(|error| self.no_engine(&error.to_string()))?;
        if answer.status != "success" {
            return Err(self.refusal(response));
        }
        if answer.is_partial {
            self.tell("it says that its answer is partial (isPartial)");
        }
        answer.warnings.iter().flatten().filter(|told| tells_of_data(told)).for_each(|told| self.tell(told));
        answer.data.ok_or_else(|| self.no_engine("an answer has no data"))
    }

    /// Its host.
    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    /// Keeps a word about what is missing.
    pub(super) fn tell(&self, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).take(TOLD_CHARS_MAX).collect();
        let mut told = self.told.borrow_mut();
        if told.len() < TOLD_MAX {
            told.insert(text);
        }
    }

    pub(super) fn refusal(&self, response: &Response) -> RemoteError {
        let answer: Option<Answer<serde::de::IgnoredAny>> = serde_json::from_slice(&response.body).ok();
        let said = answer.and_then(|answer| answer.error).unwrap_or_else(|| response.first_line());
        let hint = hint(response.status, &said);
        RemoteError::Refused { url: self.url(), status: response.status, said: shortened(&said), hint }
    }
}

impl Asker for Engine {
    fn each_or<T: for<'de> Deserialize<'de>>(
        &self,
        asks: &[Ask],
        each: &mut dyn FnMut(usize, T) -> Result<(), RemoteError>,
        refused: &mut dyn FnMut(usize, RemoteError) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        self.bytes(asks, &mut |place, response| match response.status {
            TOO_LARGE => refused(place, self.refusal(&response)),
            _ if response.is_success() => each(place, self.read(&response)?),
            _ => Err(self.refusal(&response)),
        })?;
        Ok(())
    }

    fn no_engine(&self, why: &str) -> RemoteError {
        RemoteError::Answer { url: self.url(), why: why.to_owned() }
    }
}

/// Words of an engine, of which many begin with the question and end with the reason.
fn shortened(said: &str) -> String {
    let said: Vec<char> = said.chars().filter(|c| !c.is_control()).collect();
    if said.len() <= TOLD_CHARS_MAX {
        return said.into_iter().collect();
    }
    let (begin, end) = (TOLD_CHARS_MAX / 3, said.len() - TOLD_CHARS_MAX * 2 / 3);
    said[..begin].iter().chain(&[' ', '…', ' ']).chain(&said[end..]).collect()
}

/// A Prometheus that reads of others warns that it knows no names of theirs: its series it does know. Since 3.0 Prometheus warns of odd queries by the same way; those are ours, and their answers are whole.
fn tells_of_data(warning: &str) -> bool {
    warning != "not implemented" && !warning.starts_with("PromQL warning:") && !warning.starts_with("PromQL info:")
}

/// The answer of an instant query.
#[derive(Debug, Deserialize)]
pub(super) struct Probe {
    pub(super) result: Vec<Probed>,
}

/// One series of it.
#[derive(Debug, Deserialize)]
pub(super) struct Probed {
    pub(super) value: super::answer::Point,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_words_the_end_is_told_too() {
        assert_eq!(shortened("no\nway"), "noway");
        let long = shortened(&format!("error when executing {}: too many", "x".repeat(500)));
        assert!(long.starts_with("error when executing xxx") && long.ends_with("x: too many"), "{long}");
        assert_eq!(long.chars().count(), TOLD_CHARS_MAX + 3);
    }
}
