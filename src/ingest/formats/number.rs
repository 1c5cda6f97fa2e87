//! Numbers as text.

use crate::model::STALE_MARKER_BITS;

/// Reads a value: what Rust's `f64` reads (decimal and scientific; `NaN`, `inf`, `infinity` in any case, signed), correctly
/// rounded, and `StaleNaN`, which [`export`](crate::export) writes for Prometheus' stale marker. Surrounding spaces are no part of it.
pub fn parse(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    short_decimal(text).or_else(|| any(text))
}

fn any(text: &[u8]) -> Option<f64> {
    if text == b"StaleNaN" {
        return Some(f64::from_bits(STALE_MARKER_BITS));
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    // There is one "not a number", whatever its sign: it is written as `NaN` again.
    Some(if value.is_nan() { f64::NAN } else { value })
}

/// Plain decimals of up to 15 digits, which is nearly every value there is. Digits and power of ten are exact as `f64`, so one division
/// rounds correctly (Clinger, "How to read floating point numbers accurately", 1990).
#[inline]
pub(super) fn short_decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut point = None;
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    let count = digits.len() - usize::from(point.is_some());
    if count == 0 || count > 15 {
        return None;
    }
    let decimals = point.map_or(0, |at| digits.len() - at - 1);
    let value = mantissa as f64 / POWERS[decimals];
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_words() {
        for (text, value) in [("1", 1.0), ("-0", -0.0), (" 2.50 ", 2.5_f64), (".5", 0.5), ("5.", 5.0), ("+1e3", 1000.0)]
        {
            assert_eq!(parse(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
        for (text, value) in [("+Inf", f64::INFINITY), ("-infinity", f64::NEG_INFINITY), ("1e999", f64::INFINITY)] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["NaN", "nan", "-NaN", "+nan"] {
            assert_eq!(parse(text.as_bytes()).map(f64::to_bits), Some(f64::NAN.to_bits()), "{text}");
        }
        assert_eq!(parse(b" StaleNaN").map(f64::to_bits), Some(STALE_MARKER_BITS));
        for text in ["", ".", "-", "--1", "1.2.3", "1_0", "0x1p3", "1,5", "1 2", "\u{661}", "a"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_is_printed(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap().to_bits(), bits);
            prop_assert_eq!(parse(format!("{value:e}").as_bytes()).unwrap().to_bits(), bits);
        }

        #[test]
        fn short_decimals_are_rounded_as_the_standard_library_does(text in "-?[0-9]{0,12}\\.?[0-9]{0,12}") {
            prop_assert_eq!(parse(text.as_bytes()).map(f64::to_bits), text.parse().ok().map(f64::to_bits));
        }
    }
}
