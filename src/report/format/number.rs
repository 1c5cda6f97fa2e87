use crate::model::Language;
use crate::model::catalogue::Unit;

/// Joins a number and its unit.
pub(crate) const NBSP: char = '\u{a0}';
/// Stands where nothing is known.
pub(crate) const NONE: &str = "–";

const BINARY: [&str; 9] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const DECIMAL: [&str; 6] = ["", "k", "M", "G", "T", "P"];
/// Below one: factors and names of parts of a second.
const SECOND_PARTS: [(f64, &str); 3] = [(1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];

/// How the values of one axis or column are written: a common divisor and its unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    /// What a value is divided by.
    pub divisor: f64,
    /// What stands after the number, such as `MiB/s`; may be empty.
    pub suffix: String,
}

impl Scale {
    /// For values whose largest magnitude is `magnitude`.
    pub fn of(unit: Unit, magnitude: f64) -> Scale {
        let magnitude = if magnitude.is_finite() { magnitude.abs() } else { 0.0 };
        match unit {
            Unit::Percent => Scale { divisor: 1.0, suffix: "%".into() },
            Unit::Celsius => Scale { divisor: 1.0, suffix: "°C".into() },
            Unit::Bytes => prefixed(magnitude, 1024.0, &BINARY, "B"),
            Unit::BytesPerSecond => prefixed(magnitude, 1024.0, &BINARY, "B/s"),
            Unit::PerSecond => prefixed(magnitude, 1000.0, &DECIMAL, "/s"),
            Unit::Seconds => seconds(magnitude),
            Unit::Count | Unit::None if !(1e5..1e15).contains(&magnitude) => {
                Scale { divisor: 1.0, suffix: String::new() }
            }
            Unit::Count | Unit::None => prefixed(magnitude, 1000.0, &DECIMAL, ""),
        }
    }

    fn joined(&self, number: String, value: f64) -> String {
        match self.suffix.chars().next() {
            None => number,
            _ if value.is_nan() => number,
            // `1.2k`, `3.4k/s`: a decimal prefix belongs to the number.
            Some('k' | 'M' | 'G' | 'T' | 'P' | '/') if !self.suffix.contains('B') => format!("{number}{}", self.suffix),
            Some(_) => format!("{number}{NBSP}{}", self.suffix),
        }
    }
}

fn prefixed(magnitude: f64, base: f64, prefixes: &[&str], unit: &str) -> Scale {
    let (mut divisor, mut power) = (1.0, 0);
    // 999.5 and more would be written with four digits.
    while magnitude / divisor >= base * 0.9995 && power + 1 < prefixes.len() {
        divisor *= base;
        power += 1;
    }
    Scale { divisor, suffix: format!("{}{unit}", prefixes[power]) }
}

fn seconds(magnitude: f64) -> Scale {
    if magnitude >= 2.0 * 86_400.0 {
        return Scale { divisor: 86_400.0, suffix: "d".into() };
    }
    if magnitude >= 2.0 * 3_600.0 {
        return Scale { divisor: 3_600.0, suffix: "h".into() };
    }
    if magnitude >= 120.0 {
        return Scale { divisor: 60.0, suffix: "min".into() };
    }
    if magnitude >= 1.0 || magnitude == 0.0 {
        return Scale { divisor: 1.0, suffix: "s".into() };
    }
    let (divisor, suffix) =
        SECOND_PARTS.into_iter().find(|(part, _)| magnitude >= part * 0.9995).unwrap_or(SECOND_PARTS[2]);
    Scale { divisor, suffix: suffix.into() }
}

/// Writes numbers with the signs of a language. Whoever writes some is given one: there is none for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numerals {
    language: Language,
}

impl Numerals {
    pub fn new(language: Language) -> Numerals {
        Numerals { language }
    }

    /// A value with its unit: `97.3 %`, `1.21 GiB/s`, `1,204`.
    pub fn value(self, unit: Unit, value: f64) -> String {
        self.with_unit(&Scale::of(unit, value), value)
    }

    /// The number alone, on a scale.
    pub fn on(self, scale: &Scale, value: f64) -> String {
        if value.is_nan() { NONE.to_owned() } else { self.plain(value / scale.divisor) }
    }

    /// The number on a scale and its unit.
    pub fn with_unit(self, scale: &Scale, value: f64) -> String {
        scale.joined(self.on(scale, value), value)
    }

    /// The same for a column of a table, where decimals stand below each other: percentages have one, all others keep three digits.
    pub fn cell(self, unit: Unit, value: f64) -> String {
        let scale = Scale::of(unit, value);
        let scaled = (value / scale.divisor).abs();
        let decimals = match unit {
            Unit::Percent => 1,
            Unit::Count => return self.value(unit, value),
            _ if !(0.01..999.5).contains(&scaled) => return self.value(unit, value),
            _ => (2 - scaled.log10().floor() as i32).clamp(0, 3) as usize,
        };
        if !value.is_finite() {
            return self.value(unit, value);
        }
        let sign = if value < 0.0 { "−" } else { "" };
        scale.joined(self.signed(format!("{sign}{scaled:.decimals$}")), value)
    }

    /// Three significant digits without idle zeros; whole numbers up to 999,999 in full.
    pub fn plain(self, value: f64) -> String {
        if value.is_nan() {
            return NONE.to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "∞".into() } else { "−∞".into() };
        }
        let magnitude = value.abs();
        let digits = if magnitude == 0.0 {
            "0".to_owned()
        } else if !(1e-4..1e6).contains(&magnitude) {
            self.signed(exponent(magnitude))
        } else if magnitude >= 999.5 {
            self.grouped(magnitude.round() as u64)
        } else {
            let decimals = (2 - magnitude.log10().floor() as i32).clamp(0, 6) as usize;
            self.signed(trimmed(format!("{magnitude:.decimals$}")))
        };
        if value < 0.0 && digits != "0" { format!("−{digits}") } else { digits }
    }

    /// A share of 0 to 1 in percent that never rounds up to everything or down to nothing.
    pub fn share(self, share: f64) -> String {
        let percent = share * 100.0;
        if percent >= 100.0 {
            format!("100{NBSP}%")
        } else if percent > 99.9 {
            format!("> {}{NBSP}%", self.plain(99.9))
        } else if percent > 0.0 && percent < 0.1 {
            format!("< {}{NBSP}%", self.plain(0.1))
        } else {
            format!("{}{NBSP}%", self.plain((percent * 10.0).floor() / 10.0))
        }
    }

    /// The digits with the sign of the language between the whole and its parts.
    pub(super) fn signed(self, digits: String) -> String {
        let decimal = self.language.signs().decimal;
        if decimal == '.' { digits } else { digits.replace('.', decimal.encode_utf8(&mut [0; 4])) }
    }

    pub(super) fn grouped(self, whole: u64) -> String {
        let (digits, signs) = (whole.to_string(), self.language.signs());
        let mut out = String::with_capacity(digits.len() + 6);
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && digits.len() >= signs.grouped_from && (digits.len() - i).is_multiple_of(3) {
                out.push(signs.group);
            }
            out.push(digit);
        }
        out
    }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn exponent(magnitude: f64) -> String {
    let text = format!("{magnitude:.2e}");
    match text.split_once('e') {
        Some((mantissa, power)) => format!("{}e{power}", trimmed(mantissa.to_owned())),
        None => text,
    }
}

/// What stands under a title: the unit in words.
pub(crate) fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "percent",
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "bytes a second",
        Unit::PerSecond => "events a second",
        Unit::Seconds => "seconds",
        Unit::Celsius => "degrees Celsius",
        Unit::Count => "number",
        Unit::None => "value",
    }
}

/// The number as it is, for programs; empty where it is unknown.
pub(crate) fn exact(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn en() -> Numerals {
        Numerals::default()
    }

    fn spaced(unit: Unit, v: f64) -> String {
        en().value(unit, v).replace(NBSP, " ")
    }

    #[test]
    fn values_have_three_digits_and_a_unit() {
        let cases = [
            (Unit::Percent, 97.26, "97.3 %"),
            (Unit::Percent, 100.0, "100 %"),
            (Unit::Percent, 0.0, "0 %"),
            (Unit::Bytes, 1536.0, "1.5 KiB"),
            (Unit::Bytes, 1023.9, "1 KiB"),
            (Unit::Bytes, 17_179_869_184.0, "16 GiB"),
            (Unit::BytesPerSecond, 1_234_567.0, "1.18 MiB/s"),
            (Unit::PerSecond, 12_345.0, "12.3k/s"),
            (Unit::PerSecond, 0.25, "0.25/s"),
            (Unit::Seconds, 0.00125, "1.25 ms"),
            (Unit::Seconds, 90.0, "90 s"),
            (Unit::Seconds, 864_000.0, "10 d"),
            (Unit::Count, 1204.0, "1,204"),
            (Unit::Count, 1_234_567.0, "1.23M"),
            (Unit::Celsius, -4.5, "−4.5 °C"),
            (Unit::None, 1e300, "1e300"),
            (Unit::None, 3e-9, "3e-9"),
            (Unit::None, -0.00001, "−1e-5"),
            (Unit::None, f64::NAN, "–"),
        ];
        for (unit, v, text) in cases {
            assert_eq!(spaced(unit, v), text, "{unit:?} {v}");
        }
    }

    #[test]
    fn cells_keep_their_decimals() {
        let shown = |unit, v| en().cell(unit, v).replace(NBSP, " ");
        assert_eq!(shown(Unit::Percent, 60.0), "60.0 %");
        assert_eq!(shown(Unit::Percent, -0.04), "−0.0 %");
        assert_eq!(shown(Unit::BytesPerSecond, 18.0 * 1048576.0), "18.0 MiB/s");
        assert_eq!(shown(Unit::None, 2.1), "2.10");
        assert_eq!(shown(Unit::Count, 12.0), "12");
        assert_eq!(shown(Unit::Percent, f64::NAN), "–");
    }

    #[test]
    fn a_share_is_never_made_whole_by_rounding() {
        let shown: Vec<String> =
            [1.0, 0.99999, 0.9987, 0.5, 0.0001, 0.0].map(|s| en().share(s).replace(NBSP, " ")).into();
        assert_eq!(shown, ["100 %", "> 99.9 %", "99.8 %", "50 %", "< 0.1 %", "0 %"]);
    }
    #[test]
    fn the_signs_are_those_of_the_language() {
        let said = |name: &str| Numerals::new(name.parse().unwrap());
        let shown = |name: &str| {
            let say = said(name);
            let texts = [
                say.value(Unit::Percent, 97.26),
                say.value(Unit::Count, 1204.0),
                say.plain(-123_456.0),
                say.cell(Unit::Bytes, 1.5 * 1048576.0),
                say.plain(-1.25e-9),
                say.share(0.99999),
            ];
            texts.map(|text| text.replace(NBSP, "_")).join(" ")
        };
        assert_eq!(shown("en"), "97.3_% 1,204 −123,456 1.50_MiB −1.25e-9 > 99.9_%");
        assert_eq!(shown("de"), "97,3_% 1.204 −123.456 1,50_MiB −1,25e-9 > 99,9_%");
        assert_eq!(shown("sv"), "97,3_% 1_204 −123_456 1,50_MiB −1,25e-9 > 99,9_%");
        assert_eq!(shown("es"), "97,3_% 1204 −123.456 1,50_MiB −1,25e-9 > 99,9_%");
        assert_eq!(said("fr").plain(1204.0), "1\u{202f}204");
    }
}
