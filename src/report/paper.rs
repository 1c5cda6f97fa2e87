use std::fmt;
use std::str::FromStr;

/// What a PDF is laid out for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paper {
    /// 210 by 297 mm.
    #[default]
    A4,
    /// 8.5 by 11 inches.
    Letter,
}

/// Countries whose printers hold Letter.
const LETTER: [&str; 12] = ["US", "CA", "MX", "PH", "CL", "CO", "VE", "CR", "GT", "PA", "PR", "DO"];

impl Paper {
    /// Both.
    pub const ALL: [Paper; 2] = [Paper::A4, Paper::Letter];

    /// As a configuration says it.
    pub fn name(self) -> &'static str {
        match self {
            Paper::A4 => "a4",
            Paper::Letter => "letter",
        }
    }

    /// That of a locale: `en_US.UTF-8` is of a country that prints on Letter.
    pub fn of_locale(locale: &str) -> Paper {
        let country = locale.split('_').nth(1).and_then(|rest| rest.split(['.', '@']).next());
        if country.is_some_and(|country| LETTER.contains(&country)) { Paper::Letter } else { Paper::A4 }
    }

    /// Width and height in points.
    #[cfg(feature = "pdf")]
    pub(crate) fn points(self) -> (f32, f32) {
        match self {
            Paper::A4 => (595.28, 841.89),
            Paper::Letter => (612.0, 792.0),
        }
    }
}

/// A name that no paper has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchPaper(String);

impl fmt::Display for NoSuchPaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no paper: a4 or letter", self.0)
    }
}

impl std::error::Error for NoSuchPaper {}

impl FromStr for Paper {
    type Err = NoSuchPaper;

    fn from_str(text: &str) -> Result<Self, NoSuchPaper> {
        let named = |paper: &Paper| paper.name().eq_ignore_ascii_case(text);
        Paper::ALL.into_iter().find(named).ok_or_else(|| NoSuchPaper(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_is_that_of_the_country() {
        let of = |locale: &str| Paper::of_locale(locale).name();
        assert_eq!([of("en_US.UTF-8"), of("fr_CA"), of("es_MX@x")], ["letter"; 3]);
        assert_eq!([of("de_DE.UTF-8"), of("C"), of(""), of("C.UTF-8"), of("en_GB")], ["a4"; 5]);
    }

    #[test]
    fn every_paper_has_a_name_of_its_own() {
        for paper in Paper::ALL {
            assert_eq!(paper.name().parse(), Ok(paper));
        }
        insta::assert_snapshot!("A5".parse::<Paper>().unwrap_err(), @"`A5` is no paper: a4 or letter");
    }
}
