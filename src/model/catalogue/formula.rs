//! Derivations as text: the language of the table, and of `[[catalogue]]` in the configuration.
//!
//! | text | what it is |
//! |---|---|
//! | `NAME` | a gauge as it is |
//! | `rate(NAME)` | growth of a counter per second |
//! | `1024 * NAME`, `100 * rate(NAME)` | the same, times a number |
//! | `A + B + …` | a sum of gauges |
//! | `100 - A - B …` | what is left of 100: busy from idle |
//! | `100 * A / B` | percent of a whole |
//! | `100 * (A - B) / (A - B + C)` | the same, each added up of gauges, the whole of a number too |
//! | `100 * (1 - A / B)` | used percent from what is free |
//! | `100 * (1 - rate(A) / rate(B))` | the same of counters: busy from idle seconds |
//! | `100 * rate(A) / B` | seconds of work a second, of so many cores |
//! | `p95(NAME)` | quantile of the histogram whose parts are stored as `NAME_bucket` |
//!
//! A name takes only some of its series by a label: `NAME{mode=idle|iowait}`, all but some by `NAME{mode!=idle}`. A name or value that holds one of the
//! signs of the language stands in double quotes.

use std::fmt;
use std::str::FromStr;

use super::{Derivation, Input, Linear, Only};

/// Why a text is no formula.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no formula: expected {expected} at `{rest}`")]
pub struct FormulaError {
    /// What was given.
    pub text: String,
    /// What could stand there.
    pub expected: &'static str,
    /// From where on it is not understood.
    pub rest: String,
}

/// One operand.
enum Term {
    Level(Input),
    Rate(Input),
    Quantile { buckets: Input, percent: f64 },
}

/// What is left to read.
struct Rest<'a> {
    text: &'a str,
}

type Read<T> = Result<T, &'static str>;

impl FromStr for Derivation {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Derivation, FormulaError> {
        let mut rest = Rest { text: text.trim() };
        let read = formula(&mut rest).and_then(|read| if rest.text.is_empty() { Ok(read) } else { Err("the end") });
        read.map_err(|expected| FormulaError { text: text.to_owned(), expected, rest: rest.text.to_owned() })
    }
}

fn formula(rest: &mut Rest) -> Read<Derivation> {
    let Some(number) = rest.number()? else { return sum(rest) };
    if number == 100.0 && rest.takes("-") {
        return Ok(Derivation::PercentRest(levels(rest, "-")?));
    }
    rest.needs("*", "`*`")?;
    if number == 100.0 && rest.takes("(") {
        return match rest.number()? {
            Some(1.0) => percent_left(rest),
            Some(_) => Err("`1 - …`, or names"),
            None => {
                let mut inputs = Vec::new();
                let part = linear(rest, Linear::default(), &mut inputs)?;
                if part.constant != 0.0 {
                    return Err("names only in the part");
                }
                rest.needs("/", "`/`")?;
                share(rest, part, inputs)
            }
        };
    }
    let part = rest.term()?;
    if !rest.takes("/") {
        return Ok(match part {
            Term::Level(input) => Derivation::Gauge { input, scale: number },
            Term::Rate(input) => Derivation::Rate { input, scale: number },
            Term::Quantile { .. } => return Err("the name of a metric or rate(…)"),
        });
    }
    if number != 100.0 {
        return Err("100 before a quotient");
    }
    if rest.text.starts_with('(') {
        let Term::Level(part) = part else { return Err("the name of a gauge, as the whole is a sum of gauges") };
        return share(rest, Linear { plus: 1, ..Linear::default() }, vec![part]);
    }
    let whole = rest.level()?;
    match part {
        Term::Level(part) => Ok(Derivation::PercentOf { part, whole }),
        Term::Rate(part) => Ok(Derivation::PercentRateOf { part, whole }),
        Term::Quantile { .. } => Err("the name of a metric or rate(…)"),
    }
}

/// `A`, `rate(A)`, `p95(A)`, or a sum of gauges.
fn sum(rest: &mut Rest) -> Read<Derivation> {
    let first = match rest.term()? {
        Term::Level(input) => input,
        Term::Rate(input) => return Ok(Derivation::Rate { input, scale: 1.0 }),
        Term::Quantile { buckets, percent } => return Ok(Derivation::Quantile { buckets, percent }),
    };
    if !rest.takes("+") {
        return Ok(Derivation::Gauge { input: first, scale: 1.0 });
    }
    let others = levels(rest, "+")?;
    Ok(Derivation::Sum(std::iter::once(first).chain(others).collect()))
}

fn levels(rest: &mut Rest, between: &str) -> Read<Vec<Input>> {
    let mut all = vec![rest.level()?];
    while rest.takes(between) {
        all.push(rest.level()?);
    }
    Ok(all)
}

/// What follows `100 * (A - B) /`: the whole, which is a name or a sum in parentheses.
fn share(rest: &mut Rest, part: Linear, mut inputs: Vec<Input>) -> Read<Derivation> {
    let whole = if rest.takes("(") {
        let constant = rest.number()?;
        let first = Linear { constant: constant.unwrap_or(0.0), ..Linear::default() };
        linear(rest, first, &mut inputs)?
    } else {
        let mut whole = Linear::default();
        put(rest.level()?, &mut whole.plus, &mut inputs)?;
        whole
    };
    Ok(Derivation::PercentShare { inputs, part, whole })
}

/// `A - B + C)`; `sum` has what stands before it, if anything does.
fn linear(rest: &mut Rest, mut sum: Linear, inputs: &mut Vec<Input>) -> Read<Linear> {
    if sum == Linear::default() {
        put(rest.level()?, &mut sum.plus, inputs)?;
    }
    loop {
        let sign = match () {
            () if rest.takes(")") => return Ok(sum),
            () if rest.takes("+") => 1.0,
            () if rest.takes("-") => -1.0,
            () => return Err("`+`, `-` or `)`"),
        };
        match rest.number()? {
            Some(number) => sum.constant += sign * number,
            None => put(rest.level()?, if sign > 0.0 { &mut sum.plus } else { &mut sum.minus }, inputs)?,
        }
    }
}

/// Marks the place of an input, which may stand in the part and in the whole.
fn put(input: Input, places: &mut u8, inputs: &mut Vec<Input>) -> Read<()> {
    let place = inputs.iter().position(|known| *known == input).unwrap_or(inputs.len());
    if place == 8 || *places >> place & 1 == 1 {
        return Err("each name once, and eight at most");
    }
    if place == inputs.len() {
        inputs.push(input);
    }
    *places |= 1 << place;
    Ok(())
}

/// What follows `100 * (1`.
fn percent_left(rest: &mut Rest) -> Read<Derivation> {
    rest.needs("-", "`-`")?;
    let part = rest.term()?;
    rest.needs("/", "`/`")?;
    let whole = rest.term()?;
    rest.needs(")", "`)`")?;
    match (part, whole) {
        (Term::Level(part), Term::Level(whole)) => Ok(Derivation::PercentLeft { part, whole }),
        (Term::Rate(part), Term::Rate(whole)) => Ok(Derivation::PercentRateLeft { part, whole }),
        _ => Err("two levels or two rates in a quotient"),
    }
}

impl<'a> Rest<'a> {
    fn skip_spaces(&mut self) {
        self.text = self.text.trim_start();
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.text.strip_prefix(sign);
        self.text = found.unwrap_or(self.text);
        self.skip_spaces();
        found.is_some()
    }

    fn needs(&mut self, sign: &str, expected: &'static str) -> Read<()> {
        if self.takes(sign) { Ok(()) } else { Err(expected) }
    }

    fn split(&mut self, at: usize) -> &'a str {
        let (taken, rest) = self.text.split_at(at);
        self.text = rest;
        self.skip_spaces();
        taken
    }

    /// A number, where one begins here.
    fn number(&mut self) -> Read<Option<f64>> {
        if !self.text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Ok(None);
        }
        let end = self.text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(self.text.len());
        let number = self.text[..end].parse().map_err(|_| "a number")?;
        self.split(end);
        Ok(Some(number))
    }

    /// What stands in quotes, or everything to the next sign in `ends`.
    fn word(&mut self, ends: &[char], expected: &'static str) -> Read<String> {
        let Some(quoted) = self.text.strip_prefix('"') else {
            let end = self.text.find(ends).unwrap_or(self.text.len());
            let word = self.text[..end].trim_end();
            if word.is_empty() || word.contains('"') {
                return Err(expected);
            }
            self.split(end);
            return Ok(word.to_owned());
        };
        let (mut word, mut chars) = (String::new(), quoted.char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.text = &quoted[at + 1..];
                    self.skip_spaces();
                    return Ok(word);
                }
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                c => word.push(c),
            }
        }
        Err("a closing `\"`")
    }

    fn term(&mut self) -> Read<Term> {
        let before = self.text;
        let name = self.word(SIGNS, "the name of a metric")?;
        if before.starts_with('"') || !self.takes("(") {
            return Ok(Term::Level(Input { only: self.only()?, metric: name }));
        }
        let metric = self.word(SIGNS, "the name of a metric")?;
        let input = Input { only: self.only()?, metric };
        self.needs(")", "`)`")?;
        let percent: Option<f64> = name.strip_prefix('p').and_then(|percent| percent.parse().ok());
        match percent.filter(|percent| (0.0..=100.0).contains(percent)) {
            _ if name == "rate" => Ok(Term::Rate(input)),
            Some(percent) => {
                Ok(Term::Quantile { buckets: Input { metric: input.metric + "_bucket", ..input }, percent })
            }
            None => {
                self.text = before;
                Err("rate(…) or a quantile such as p95(…)")
            }
        }
    }

    fn level(&mut self) -> Read<Input> {
        match self.term()? {
            Term::Level(input) => Ok(input),
            _ => Err("the name of a gauge"),
        }
    }

    /// `{key=a|b}` or `{key!=a|b}`, where there is one.
    fn only(&mut self) -> Read<Option<Only>> {
        if !self.takes("{") {
            return Ok(None);
        }
        let key = self.word(&['=', '!', '}'], "the name of a label")?;
        let not = self.takes("!");
        self.needs("=", "`=`")?;
        let mut values = vec![self.word(&['|', '}'], "the value of a label")?];
        while self.takes("|") {
            values.push(self.word(&['|', '}'], "the value of a label")?);
        }
        self.needs("}", "`}`")?;
        Ok(Some(Only { key, values, not }))
    }
}

/// What ends a name. A `-` is no part of one: it is minus.
const SIGNS: &[char] = &[' ', '\t', '{', '}', '(', ')', '*', '/', '+', '-', '|', '='];

/// The text that reads back as the derivation.
impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed =
            |inputs: &[Input], between: &str| inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(between);
        let times = |scale: &f64| if *scale == 1.0 { String::new() } else { format!("{scale} * ") };
        match self {
            Derivation::Gauge { input, scale } => write!(f, "{}{input}", times(scale)),
            Derivation::Rate { input, scale } => write!(f, "{}rate({input})", times(scale)),
            Derivation::Sum(inputs) => f.write_str(&listed(inputs, " + ")),
            Derivation::PercentRest(inputs) => write!(f, "100 - {}", listed(inputs, " - ")),
            Derivation::PercentLeft { part, whole } => write!(f, "100 * (1 - {part} / {whole})"),
            Derivation::PercentOf { part, whole } => write!(f, "100 * {part} / {whole}"),
            Derivation::PercentShare { inputs, part, whole } => {
                let names: Vec<String> = inputs.iter().map(ToString::to_string).collect();
                let (part, is_one) = (part.words(&names, "-"), part.plus.count_ones() == 1 && part.minus == 0);
                let part = if is_one { part } else { format!("({part})") };
                write!(f, "100 * {part} / ({})", whole.words(&names, "-"))
            }
            Derivation::PercentRateOf { part, whole } => write!(f, "100 * rate({part}) / {whole}"),
            Derivation::PercentRateLeft { part, whole } => write!(f, "100 * (1 - rate({part}) / rate({whole}))"),
            Derivation::Quantile { buckets, percent } => {
                let name = buckets.metric.strip_suffix("_bucket").unwrap_or(&buckets.metric);
                write!(f, "p{percent}({})", Input { metric: name.to_owned(), only: buckets.only.clone() })
            }
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.metric))?;
        let Some(Only { key, values, not }) = &self.only else { return Ok(()) };
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        write!(f, "{{{}{}={}}}", quoted(key), if *not { "!" } else { "" }, values.join("|"))
    }
}

/// In quotes where a sign would end it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':');
    let starts_well = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if starts_well && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', r"\\").replace('"', r#"\""#))
}

#[cfg(test)]
mod tests {
    use super::super::Catalogue;
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Derivation, String> {
        text.parse().map_err(|error: FormulaError| error.to_string())
    }

    #[test]
    fn every_line_of_the_table_is_written_as_it_is_read() {
        let all: Vec<&Derivation> = Catalogue::built_in().rows().iter().flat_map(|row| &row.from).collect();
        assert!(all.len() > 100);
        for derivation in all {
            assert_eq!(read(&derivation.to_string()).as_ref(), Ok(derivation), "{derivation}");
        }
    }

    #[test]
    fn spaces_and_quotes_are_free() {
        let spelt = read(r#"100*(1-rate("a-b"{ mode = "idle" | io wait })/rate(c{mode != x}))"#).unwrap();
        assert_eq!(spelt.to_string(), r#"100 * (1 - rate("a-b"{mode=idle|"io wait"}) / rate(c{mode!=x}))"#);
        assert_eq!(read("p99.9(http_seconds)").unwrap().to_string(), "p99.9(http_seconds)");
        assert_eq!(read("0.1*rate(ms)").unwrap(), Derivation::Rate { input: Input::all("ms"), scale: 0.1 });
        let df = read("100*(size-free)/(size - free+avail)").unwrap();
        assert_eq!(df.to_string(), "100 * (size - free) / (size + avail - free)");
        assert_eq!(read(&df.to_string()), Ok(df));
        let of_percents = read("100 * used / (used + 100 - full)").unwrap();
        assert_eq!(of_percents.to_string(), "100 * used / (100 + used - full)");
        assert_eq!(read(&of_percents.to_string()), Ok(of_percents));
        assert_eq!(read("rate").unwrap(), Derivation::Gauge { input: Input::all("rate"), scale: 1.0 });
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        let say = |text: &str| read(text).unwrap_err();
        insta::assert_snapshot!(say(""), @"`` is no formula: expected the name of a metric at ``");
        insta::assert_snapshot!(say("a b"), @"`a b` is no formula: expected the end at `b`");
        insta::assert_snapshot!(say("2 * a / b"), @"`2 * a / b` is no formula: expected 100 before a quotient at `b`");
        insta::assert_snapshot!(say("avg(a)"), @"`avg(a)` is no formula: expected rate(…) or a quantile such as p95(…) at `avg(a)`");
        insta::assert_snapshot!(say("rate(a"), @"`rate(a` is no formula: expected `)` at ``");
        insta::assert_snapshot!(say("a + rate(b)"), @"`a + rate(b)` is no formula: expected the name of a gauge at ``");
        insta::assert_snapshot!(say("a{mode}"), @"`a{mode}` is no formula: expected `=` at `}`");
        insta::assert_snapshot!(say("100 * (1 - rate(a) / b)"), @"`100 * (1 - rate(a) / b)` is no formula: expected two levels or two rates in a quotient at ``");
        insta::assert_snapshot!(say("100 * (a - 5) / b"), @"`100 * (a - 5) / b` is no formula: expected names only in the part at `/ b`");
        insta::assert_snapshot!(say("100 * (a - b) / (a - b + a)"), @"`100 * (a - b) / (a - b + a)` is no formula: expected each name once, and eight at most at `)`");
        insta::assert_snapshot!(say("100 * rate(a) / (b + c)"), @"`100 * rate(a) / (b + c)` is no formula: expected the name of a gauge, as the whole is a sum of gauges at `(b + c)`");
        insta::assert_snapshot!(say("\"a"), @"`\"a` is no formula: expected a closing `\"` at `\"a`");
    }

    proptest! {
        #[test]
        fn any_name_can_be_written(name in ".{1,12}", key in ".{1,6}", value in ".{1,6}", not: bool) {
            let only = Some(Only { key, values: vec![value], not });
            let gauge = Derivation::Gauge { input: Input { metric: name, only }, scale: 2.5 };
            prop_assert_eq!(read(&gauge.to_string()), Ok(gauge));
        }

        #[test]
        fn no_text_is_a_surprise(text in ".{0,40}", signs in "[a-z0-9 {}()*/+|=\"!.\\-\\\\]{0,40}") {
            let _ = (read(&text), read(&signs));
        }
    }
}
