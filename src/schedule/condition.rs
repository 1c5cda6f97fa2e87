//! Whether a report is worth sending: `findings > 0`, `worst >= warn and coverage > 0.9`, `(SELECT …) > 5`.

use std::str::FromStr;

use super::ScheduleError;

/// What is known of a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// How many findings it has.
    pub findings: usize,
    /// The worst of them: 0 none, 1 info, 2 warn, 3 bad.
    pub worst: u8,
    /// Share of the expected samples that are there, 0 to 1.
    pub coverage: f64,
}

/// A condition: comparisons joined by `and` and `or`, of which `and` binds tighter.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    /// One of these has to hold in all its comparisons.
    either: Vec<Vec<Comparison>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    left: Operand,
    operator: Operator,
    right: Operand,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Number(f64),
    Findings,
    Worst,
    Coverage,
    Sql(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    More,
}

/// Longer ones first: `<=` is not `<`.
const OPERATORS: [(&str, Operator); 8] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("!=", Operator::Unequal),
    ("<>", Operator::Unequal),
    ("==", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
    ("=", Operator::Equal),
];

impl FromStr for Condition {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Condition, ScheduleError> {
        let wrong = |at: &str| ScheduleError::Condition { text: text.to_owned(), at: at.trim().to_owned() };
        let mut either = vec![Vec::new()];
        let mut rest = text;
        loop {
            let (left, after) = operand(rest).ok_or_else(|| wrong(rest))?;
            let (operator, after) = operator(after).ok_or_else(|| wrong(after))?;
            let (right, after) = operand(after).ok_or_else(|| wrong(after))?;
            if let Some(all) = either.last_mut() {
                all.push(Comparison { left, operator, right });
            }
            let (word, after_word) = word(after);
            match word {
                "" if after.trim().is_empty() => return Ok(Condition { text: text.to_owned(), either }),
                "and" => {}
                "or" => either.push(Vec::new()),
                _ => return Err(wrong(after)),
            }
            rest = after_word;
        }
    }
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && !"._%".contains(c)).unwrap_or(text.len()))
}

fn operator(text: &str) -> Option<(Operator, &str)> {
    let text = text.trim_start();
    OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))
}

fn operand(text: &str) -> Option<(Operand, &str)> {
    let text = text.trim_start();
    if text.starts_with('(') {
        let end = closing(text)?;
        let query = text[1..end].trim();
        return (!query.is_empty()).then(|| (Operand::Sql(query.to_owned()), &text[end + 1..]));
    }
    let (word, rest) = word(text);
    let operand = match word {
        "findings" => Operand::Findings,
        "worst" => Operand::Worst,
        "coverage" => Operand::Coverage,
        "ok" => Operand::Number(0.0),
        "info" => Operand::Number(1.0),
        "warn" => Operand::Number(2.0),
        "bad" => Operand::Number(3.0),
        number => match number.strip_suffix('%') {
            Some(percent) => Operand::Number(percent.parse::<f64>().ok()? / 100.0),
            None => Operand::Number(number.parse().ok().filter(|n: &f64| n.is_finite())?),
        },
    };
    Some((operand, rest))
}

/// The parenthesis that closes the first one; those in quotes do not count.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_u32, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 1 => return Some(i),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

impl Condition {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds; `sql` answers a query by its one number. All of it is looked at, so that nothing broken in it stays hidden.
    pub fn holds<E>(&self, facts: &Facts, sql: &mut dyn FnMut(&str) -> Result<f64, E>) -> Result<bool, E> {
        let mut either = false;
        for all in &self.either {
            let mut holds = true;
            for comparison in all {
                let left = comparison.left.value(facts, sql)?;
                let right = comparison.right.value(facts, sql)?;
                holds &= comparison.operator.holds(left, right);
            }
            either |= holds;
        }
        Ok(either)
    }
}

impl Operand {
    fn value<E>(&self, facts: &Facts, sql: &mut dyn FnMut(&str) -> Result<f64, E>) -> Result<f64, E> {
        Ok(match self {
            Operand::Number(number) => *number,
            Operand::Findings => facts.findings as f64,
            Operand::Worst => f64::from(facts.worst),
            Operand::Coverage => facts.coverage,
            Operand::Sql(query) => sql(query)?,
        })
    }
}

impl Operator {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Operator::Less => left < right,
            Operator::AtMost => left <= right,
            Operator::Equal => left == right,
            Operator::Unequal => left != right,
            Operator::AtLeast => left >= right,
            Operator::More => left > right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts { findings: 2, worst: 2, coverage: 0.93 };

    fn holds(text: &str) -> bool {
        let condition: Condition = text.parse().unwrap();
        condition.holds(&FACTS, &mut |query| query.len().to_string().parse::<f64>()).unwrap()
    }

    #[test]
    fn comparisons_and_how_they_are_joined() {
        for yes in ["findings > 0", "worst >= warn", "coverage<0.95", "coverage < 95%", "2 == findings", "worst != bad"]
        {
            assert!(holds(yes), "{yes}");
        }
        assert!(holds("findings > 5 or coverage < 1 and worst = warn"));
        assert!(!holds("findings > 5 or coverage < 1 and worst = bad"));
        assert!(holds("worst = bad and findings > 5 or findings = 2"));
    }

    #[test]
    fn sql_stands_in_parentheses_and_may_have_some() {
        assert!(holds("(SELECT max(x)) = 13"));
        assert!(holds("(SELECT ')' || \"(\") > 3 and findings = 2"));
    }

    #[test]
    fn a_broken_part_is_found_although_another_one_decides() {
        let condition: Condition = "findings > 0 or (broken) > 1".parse().unwrap();
        assert_eq!(condition.holds(&FACTS, &mut |_| Err("no")), Err("no"));
    }

    #[test]
    fn what_is_no_condition_says_where() {
        let say = |text: &str| text.parse::<Condition>().unwrap_err().to_string();
        insta::assert_snapshot!(say("findings"), @"`findings` is not a condition: expected at its end a comparison of findings, worst (ok, info, warn, bad), coverage, numbers or (SQL) by < <= = != >= >, as in `findings > 0 and coverage >= 90%`");
        insta::assert_snapshot!(say("findings > lots"), @"`findings > lots` is not a condition: expected at `lots` a comparison of findings, worst (ok, info, warn, bad), coverage, numbers or (SQL) by < <= = != >= >, as in `findings > 0 and coverage >= 90%`");
        for wrong in [
            "",
            "findings > 0 and",
            "findings > 0 xor worst > 1",
            "(SELECT 1 > 0",
            "() > 0",
            "findings > NaN",
            "1 < 2 < 3",
        ] {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }
}
