/// Why a schedule was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five fields nor a word.
    #[error(
        "`{text}` is not a schedule: give five fields (minute hour day month weekday), as in `0 7 * * 1`, or @hourly, @daily, @weekly or @monthly"
    )]
    Shape {
        /// What was given.
        text: String,
    },
    /// A field that is none.
    #[error("`{field}` is not a {what} of a schedule: give numbers from {min} to {max}, as in 5, 1-5, 1,15, * or */10")]
    Field {
        /// What was given.
        field: String,
        /// `minute`, …
        what: &'static str,
        /// The least.
        min: u8,
        /// The most.
        max: u8,
    },
    /// A condition that is none.
    #[error(
        "`{text}` is not a condition: expected at {} a comparison of findings, worst (ok, info, warn, bad), coverage, numbers or (SQL) by < <= = != >= >, as in `findings > 0 and coverage >= 90%`",
        place(at)
    )]
    Condition {
        /// What was given.
        text: String,
        /// What is left of it there.
        at: String,
    },
    /// A day that no year has.
    #[error("`{text}` never comes: no such day is in the calendar")]
    Never {
        /// What was given.
        text: String,
    },
}

fn place(rest: &str) -> String {
    if rest.is_empty() { "its end".to_owned() } else { format!("`{rest}`") }
}
