//! How numbers and dates are written in a language: decimal sign, grouping, names of months and weekdays, order of day and month.
//!
//! Sentences are not translated. The table is small and our own: `icu` and the locales of `chrono` would each bring more than all of this, and
//! neither says what a chart's axis needs ("a weekday and a day"). Signs, names and patterns are those of the Unicode Common Locale Data
//! Repository (CLDR 48: numbers; months and days, abbreviated; the skeletons `Ed`, `MMMd`, `MMMEd`, `yMMM`, `yMMMd`, `yMMMEd`); the Danish
//! `Ed` is without its "den", for which an axis has no room. Languages whose letters the font of our pictures lacks are not among them. Clock
//! times are `14:10` in all.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

/// The signs of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Between the whole and its parts.
    pub decimal: char,
    /// Between thousands.
    pub group: char,
    /// Digits that a whole number needs to be grouped.
    pub grouped_from: usize,
}

/// Names and forms of dates. Forms are those of strftime and d3 with `%a`, `%b`, `%-d`, `%-m` and `%Y` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// From January on, abbreviated: `%b`.
    pub months: [&'static str; 12],
    /// From Monday on, abbreviated: `%a`.
    pub days: [&'static str; 7],
    /// `Tue 24`
    pub day: &'static str,
    /// `24 Nov`
    pub day_month: &'static str,
    /// `Tue 24 Nov`
    pub weekday_date: &'static str,
    /// `Nov 2026`
    pub month: &'static str,
    /// `24 Nov 2026`
    pub date: &'static str,
    /// `Tue 24 Nov 2026`
    pub full: &'static str,
}

impl Calendar {
    /// The date in one of the forms.
    pub fn write(&self, form: &str, date: NaiveDate) -> String {
        form.replace("%a", self.days[date.weekday().num_days_from_monday() as usize])
            .replace("%b", self.months[date.month0() as usize])
            .replace("%-d", &date.day().to_string())
            .replace("%-m", &date.month().to_string())
            .replace("%Y", &date.format("%Y").to_string())
    }
}

struct Row {
    name: &'static str,
    signs: Signs,
    calendar: Calendar,
}

/// A language that numbers and dates can be written in: an ISO 639 name of this table.
#[derive(Clone, Copy)]
pub struct Language(&'static Row);

impl Language {
    /// Its name, such as `de`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// How it writes numbers.
    pub fn signs(self) -> Signs {
        self.0.signs
    }

    /// How it writes dates.
    pub fn calendar(self) -> &'static Calendar {
        &self.0.calendar
    }

    /// The names of all.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.name)
    }
}

impl Default for Language {
    /// English.
    fn default() -> Language {
        Language(&ROWS[ENGLISH])
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Language {}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no language of the table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchLanguage(String);

impl fmt::Display for NoSuchLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Language::names().collect();
        write!(f, "numbers and dates cannot be written in `{}`: it must be one of {}", self.0, known.join(", "))
    }
}

impl std::error::Error for NoSuchLanguage {}

impl FromStr for Language {
    type Err = NoSuchLanguage;

    /// The exact name: `de-CH` groups otherwise than `de`, and `pt-PT` has other months, so that a country is not passed over.
    fn from_str(text: &str) -> Result<Language, NoSuchLanguage> {
        ROWS.iter().find(|row| row.name == text).map(Language).ok_or_else(|| NoSuchLanguage(text.to_owned()))
    }
}

/// Where English stands among the rows.
const ENGLISH: usize = 3;

const ROWS: [Row; 13] = [
    // Czech
    Row {
        name: "cs",
        signs: Signs { decimal: ',', group: '\u{a0}', grouped_from: 4 },
        calendar: Calendar {
            months: ["led", "úno", "bře", "dub", "kvě", "čvn", "čvc", "srp", "zář", "říj", "lis", "pro"],
            days: ["po", "út", "st", "čt", "pá", "so", "ne"],
            day: "%a %-d.",
            day_month: "%-d. %-m.",
            weekday_date: "%a %-d. %-m.",
            month: "%b %Y",
            date: "%-d. %-m. %Y",
            full: "%a %-d. %-m. %Y",
        },
    },
    // Danish
    Row {
        name: "da",
        signs: Signs { decimal: ',', group: '.', grouped_from: 4 },
        calendar: Calendar {
            months: ["jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."],
            days: ["man.", "tirs.", "ons.", "tors.", "fre.", "lør.", "søn."],
            day: "%a %-d.",
            day_month: "%-d. %b",
            weekday_date: "%a %-d. %b",
            month: "%b %Y",
            date: "%-d. %b %Y",
            full: "%a %-d. %b %Y",
        },
    },
    // German
    Row {
        name: "de",
        signs: Signs { decimal: ',', group: '.', grouped_from: 4 },
        calendar: Calendar {
            months: ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."],
            days: ["Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."],
            day: "%a, %-d.",
            day_month: "%-d. %b",
            weekday_date: "%a, %-d. %b",
            month: "%b %Y",
            date: "%-d. %b %Y",
            full: "%a, %-d. %b %Y",
        },
    },
    // English, in the order of day and month that most of its readers outside of the United States have.
    Row {
        name: "en",
        signs: Signs { decimal: '.', group: ',', grouped_from: 4 },
        calendar: Calendar {
            months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
            days: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
            day: "%a %-d",
            day_month: "%-d %b",
            weekday_date: "%a %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a %-d %b %Y",
        },
    },
    // Spanish
    Row {
        name: "es",
        signs: Signs { decimal: ',', group: '.', grouped_from: 5 },
        calendar: Calendar {
            months: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
            days: ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
            day: "%a %-d",
            day_month: "%-d %b",
            weekday_date: "%a, %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a, %-d %b %Y",
        },
    },
    // Finnish
    Row {
        name: "fi",
        signs: Signs { decimal: ',', group: '\u{a0}', grouped_from: 4 },
        calendar: Calendar {
            months: [
                "tammi", "helmi", "maalis", "huhti", "touko", "kesä", "heinä", "elo", "syys", "loka", "marras", "joulu",
            ],
            days: ["ma", "ti", "ke", "to", "pe", "la", "su"],
            day: "%a %-d.",
            day_month: "%-d.%-m.",
            weekday_date: "%a %-d.%-m.",
            month: "%b %Y",
            date: "%-d.%-m.%Y",
            full: "%a %-d.%-m.%Y",
        },
    },
    // French
    Row {
        name: "fr",
        signs: Signs { decimal: ',', group: '\u{202f}', grouped_from: 4 },
        calendar: Calendar {
            months: ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
            days: ["lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."],
            day: "%a %-d",
            day_month: "%-d %b",
            weekday_date: "%a %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a %-d %b %Y",
        },
    },
    // Italian
    Row {
        name: "it",
        signs: Signs { decimal: ',', group: '.', grouped_from: 5 },
        calendar: Calendar {
            months: ["gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"],
            days: ["lun", "mar", "mer", "gio", "ven", "sab", "dom"],
            day: "%a %-d",
            day_month: "%-d %b",
            weekday_date: "%a %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a %-d %b %Y",
        },
    },
    // Norwegian (Bokmål)
    Row {
        name: "nb",
        signs: Signs { decimal: ',', group: '\u{a0}', grouped_from: 4 },
        calendar: Calendar {
            months: ["jan.", "feb.", "mars", "apr.", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "des."],
            days: ["man.", "tir.", "ons.", "tor.", "fre.", "lør.", "søn."],
            day: "%a %-d.",
            day_month: "%-d. %b",
            weekday_date: "%a %-d. %b",
            month: "%b %Y",
            date: "%-d. %b %Y",
            full: "%a %-d. %b %Y",
        },
    },
    // Dutch
    Row {
        name: "nl",
        signs: Signs { decimal: ',', group: '.', grouped_from: 4 },
        calendar: Calendar {
            months: ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
            days: ["ma", "di", "wo", "do", "vr", "za", "zo"],
            day: "%a %-d",
            day_month: "%-d %b",
            weekday_date: "%a %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a %-d %b %Y",
        },
    },
    // Polish
    Row {
        name: "pl",
        signs: Signs { decimal: ',', group: '\u{a0}', grouped_from: 5 },
        calendar: Calendar {
            months: ["sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"],
            days: ["pon.", "wt.", "śr.", "czw.", "pt.", "sob.", "niedz."],
            day: "%a, %-d",
            day_month: "%-d %b",
            weekday_date: "%a, %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a, %-d %b %Y",
        },
    },
    // Portuguese (Brazil)
    Row {
        name: "pt",
        signs: Signs { decimal: ',', group: '.', grouped_from: 4 },
        calendar: Calendar {
            months: ["jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez."],
            days: ["seg.", "ter.", "qua.", "qui.", "sex.", "sáb.", "dom."],
            day: "%a, %-d",
            day_month: "%-d de %b",
            weekday_date: "%a, %-d de %b",
            month: "%b de %Y",
            date: "%-d de %b de %Y",
            full: "%a, %-d de %b de %Y",
        },
    },
    // Swedish
    Row {
        name: "sv",
        signs: Signs { decimal: ',', group: '\u{a0}', grouped_from: 4 },
        calendar: Calendar {
            months: ["jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "dec."],
            days: ["mån", "tis", "ons", "tors", "fre", "lör", "sön"],
            day: "%a %-d",
            day_month: "%-d %b",
            weekday_date: "%a %-d %b",
            month: "%b %Y",
            date: "%-d %b %Y",
            full: "%a %-d %b %Y",
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_writes_a_date_in_full() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap();
        let written = |name: &str| {
            let calendar = name.parse::<Language>().unwrap().calendar();
            calendar.write(calendar.full, date)
        };
        let shown: Vec<String> = Language::names().map(written).collect();
        // As `Intl.DateTimeFormat` has them, but for English.
        assert_eq!(
            shown,
            [
                "pá 27. 11. 2026",
                "fre. 27. nov. 2026",
                "Fr., 27. Nov. 2026",
                "Fri 27 Nov 2026",
                "vie, 27 nov 2026",
                "pe 27.11.2026",
                "ven. 27 nov. 2026",
                "ven 27 nov 2026",
                "fre. 27. nov. 2026",
                "vr 27 nov 2026",
                "pt., 27 lis 2026",
                "sex., 27 de nov. de 2026",
                "fre 27 nov. 2026",
            ]
        );
    }

    #[test]
    fn the_default_is_english_and_forms_hold_nothing_but_what_can_be_written() {
        assert_eq!(Language::default().name(), "en");
        for row in &ROWS {
            let c = &row.calendar;
            for form in [c.day, c.day_month, c.weekday_date, c.month, c.date, c.full] {
                let written = c.write(form, NaiveDate::from_ymd_opt(2026, 1, 5).unwrap());
                assert!(!written.contains('%'), "{} {form}: {written}", row.name);
            }
        }
    }

    #[test]
    fn an_unknown_language_names_the_known_ones() {
        let error = "de-CH".parse::<Language>().unwrap_err().to_string();
        assert!(error.contains("`de-CH`") && error.contains("cs, da, de, en,"), "{error}");
    }
}
