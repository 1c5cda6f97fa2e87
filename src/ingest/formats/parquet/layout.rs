//! Which column is what.

use super::super::csv::{simple_name, time_unit};
use super::super::reason::HeaderReason;
use super::super::time::{self, Unit};
use super::super::{NodeRule, Quoted, number, prometheus};
use crate::codec::parquet::{Cell, Column, Logical, Physical, TimeUnit};
use crate::ingest::limits::COLUMNS_MAX;

/// A table that was understood. Columns are told by their places.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) time: (usize, Moment),
    pub(super) node: Option<usize>,
    /// Columns of labels, with their names.
    pub(super) labels: Vec<(usize, String)>,
    pub(super) rows: Rows,
    /// Names of columns that are not read.
    pub(super) left_out: Vec<String>,
}

/// What a row is.
#[derive(Debug)]
pub(super) enum Rows {
    /// A sample.
    Long { metric: usize, json: Option<usize>, value: (usize, Number) },
    /// The samples of a time and node.
    Wide(Vec<Measured>),
}

/// A column of values.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) column: usize,
    pub(super) number: Number,
    pub(super) metric: String,
    pub(super) labels: Vec<(String, String)>,
}

/// What the values of a column may be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Time(Moment),
    Number(Number),
    Text,
    Unread,
}

/// How a moment is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// So many units.
    Exact(TimeUnit),
    /// Days.
    Days,
    /// A whole number, of a unit that the name or its size says.
    Whole(Unit),
    /// A double, the same way.
    Double(Unit),
    /// A text.
    Text(Unit),
}

/// How a number travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Signed,
    Unsigned32,
    Unsigned64,
    Half,
    Float,
    Double,
    /// To be divided by ten to the power of this.
    Decimal(u32),
}

impl Moment {
    /// Milliseconds since 1970; `None` for what is no moment.
    pub(super) fn millis(self, cell: Cell<'_>) -> Option<i64> {
        match (self, cell) {
            (Moment::Exact(TimeUnit::Millis), Cell::Bits(bits)) => Some(bits as i64),
            (Moment::Exact(TimeUnit::Micros), Cell::Bits(bits)) => Some((bits as i64).div_euclid(1_000)),
            (Moment::Exact(TimeUnit::Nanos), Cell::Bits(bits)) => Some((bits as i64).div_euclid(1_000_000)),
            (Moment::Days, Cell::Bits(bits)) => (bits as i64).checked_mul(86_400_000),
            (Moment::Whole(unit), Cell::Bits(bits)) => time::parse((bits as i64).to_string().as_bytes(), unit),
            (Moment::Double(unit), Cell::Bits(bits)) => time::of_number(f64::from_bits(bits), unit),
            (Moment::Text(unit), Cell::Bytes(text)) => time::parse(text, unit),
            _ => None,
        }
    }
}

impl Number {
    /// The value; `None` where there is none.
    pub(super) fn value(self, cell: Cell<'_>) -> Option<f64> {
        Some(match (self, cell) {
            (Number::Double, Cell::Bits(bits)) => f64::from_bits(bits),
            (Number::Float, Cell::Bits(bits)) => f64::from(f32::from_bits(bits as u32)),
            (Number::Signed, Cell::Bits(bits)) => bits as i64 as f64,
            (Number::Unsigned32, Cell::Bits(bits)) => f64::from(bits as u32),
            (Number::Unsigned64, Cell::Bits(bits)) => bits as f64,
            (Number::Decimal(scale), Cell::Bits(bits)) => decimal(i128::from(bits as i64), scale),
            (Number::Decimal(scale), Cell::Bytes(bytes)) => decimal(big_endian(bytes)?, scale),
            (Number::Half, Cell::Bytes(bytes)) => half(u16::from_le_bytes(bytes.try_into().ok()?)),
            _ => return None,
        })
    }
}

/// The double that is written so: correctly rounded, as its text would be read.
fn decimal(whole: i128, scale: u32) -> f64 {
    number::parse(format!("{whole}e-{scale}").as_bytes()).unwrap_or(f64::NAN)
}

/// Two's complement of up to 16 bytes.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let sign = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
    (bytes.len() <= 16).then(|| bytes.iter().fold(sign, |n: i128, byte| n << 8 | i128::from(*byte)))
}

/// IEEE 754 in 16 bits.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

fn role(column: &Column) -> Role {
    if column.is_repeated {
        return Role::Unread;
    }
    match (column.physical, column.logical) {
        (Physical::Int96, _) => Role::Time(Moment::Exact(TimeUnit::Millis)),
        (Physical::Int64, Logical::Timestamp(unit)) => Role::Time(Moment::Exact(unit)),
        (Physical::Int32, Logical::Date) => Role::Time(Moment::Days),
        (Physical::Int32 | Physical::Int64 | Physical::Bytes | Physical::Fixed, Logical::Decimal(scale)) => {
            Role::Number(Number::Decimal(scale))
        }
        (Physical::Boolean | Physical::Int32 | Physical::Int64, Logical::None) => Role::Number(Number::Signed),
        (Physical::Int32, Logical::Unsigned) => Role::Number(Number::Unsigned32),
        (Physical::Int64, Logical::Unsigned) => Role::Number(Number::Unsigned64),
        (Physical::Float, _) => Role::Number(Number::Float),
        (Physical::Double, _) => Role::Number(Number::Double),
        (Physical::Fixed, Logical::Float16) => Role::Number(Number::Half),
        (Physical::Bytes, Logical::Text | Logical::None) => Role::Text,
        _ => Role::Unread,
    }
}

/// What a column of this name and role is as a time.
fn moment(name: &str, role: Role) -> Option<Moment> {
    let unit = time_unit(name);
    match role {
        Role::Time(moment) => Some(moment),
        Role::Number(Number::Double) => unit.map(Moment::Double),
        Role::Number(Number::Signed | Number::Unsigned64) => unit.map(Moment::Whole),
        Role::Text => unit.map(Moment::Text),
        _ => None,
    }
}

impl Layout {
    pub(super) fn of(columns: &[Column]) -> Result<Layout, HeaderReason> {
        if columns.len() > COLUMNS_MAX {
            return Err(HeaderReason::TooMany { columns: columns.len(), limit: COLUMNS_MAX });
        }
        let names: Vec<String> = columns.iter().map(|column| simple_name(&column.name)).collect();
        let roles: Vec<Role> = columns.iter().map(role).collect();
        let header = || {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            Quoted(names.join(",").as_bytes()).to_string()
        };
        // one that is named as a time is, or else the first moment there is: an index has any name
        let moments = || names.iter().zip(&roles).enumerate().filter_map(|(i, (name, r))| Some((i, moment(name, *r)?)));
        let time = moments().find(|(i, _)| time_unit(&names[*i]).is_some()).or_else(|| moments().next());
        let Some(time) = time else { return Err(HeaderReason::NoTime { header: header() }) };
        let named = |wanted: &str, is: fn(Role) -> bool| {
            (0..columns.len()).find(|i| *i != time.0 && names[*i] == wanted && is(roles[*i]))
        };
        let text = |wanted| named(wanted, |role| role == Role::Text);
        let node = NodeRule::LABELS.into_iter().find_map(text);
        let number = |i: usize| if let Role::Number(number) = roles[i] { Some((i, number)) } else { None };
        let value = named("value", |role| matches!(role, Role::Number(_))).and_then(number);
        let mut taken = vec![Some(time.0), node];
        let rows = match (text("metric"), value) {
            (Some(metric), Some(value)) => {
                let json = text("labels");
                taken.extend([Some(metric), json, Some(value.0)]);
                Rows::Long { metric, json, value }
            }
            _ => {
                let numbers = (0..columns.len()).filter(|i| !taken.contains(&Some(*i))).filter_map(number);
                let measured: Vec<Measured> = numbers
                    .map(|(column, number)| {
                        let name = &columns[column].name;
                        let (metric, labels) =
                            prometheus::series_of(name.as_bytes()).unwrap_or_else(|| (name.trim().into(), Vec::new()));
                        let labels = labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
                        Measured { column, number, metric: metric.into(), labels }
                    })
                    .collect();
                taken.extend(measured.iter().map(|measured| Some(measured.column)));
                Rows::Wide(measured)
            }
        };
        if matches!(&rows, Rows::Wide(measured) if measured.is_empty()) {
            return Err(HeaderReason::NoValues { header: header() });
        }
        let taken: std::collections::HashSet<usize> = taken.into_iter().flatten().collect();
        let (labels, left_out) =
            (0..columns.len()).filter(|i| !taken.contains(i)).partition::<Vec<_>, _>(|i| roles[*i] == Role::Text);
        let name = |i: usize| columns[i].name.clone();
        Ok(Layout {
            time,
            node,
            labels: labels.into_iter().map(|i| (i, name(i))).collect(),
            rows,
            left_out: left_out.into_iter().map(name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_kinds() {
        let bits = |number: Number, bits| number.value(Cell::Bits(bits)).unwrap();
        assert_eq!(bits(Number::Signed, -5i64 as u64), -5.0);
        assert_eq!(bits(Number::Unsigned32, -1i64 as u64), 4_294_967_295.0);
        assert_eq!(bits(Number::Unsigned64, u64::MAX), 18_446_744_073_709_551_615.0);
        assert_eq!(bits(Number::Float, 1.5f32.to_bits().into()), 1.5);
        assert_eq!(bits(Number::Decimal(2), 123), 1.23);
        assert_eq!(Number::Decimal(1).value(Cell::Bytes(&[0xff, 0xfe])), Some(-0.2));
        assert_eq!(Number::Decimal(1).value(Cell::Bytes(&[0; 17])), None);
        for (bits, value) in [(0x3c00u16, 1.0), (0xc000, -2.0), (1, 2f64.powi(-24)), (0x7c00, f64::INFINITY)] {
            assert_eq!(Number::Half.value(Cell::Bytes(&bits.to_le_bytes())), Some(value));
        }
        assert_eq!(Number::Double.value(Cell::Missing), None);
    }

    #[test]
    fn moments_of_all_kinds() {
        let of = |moment: Moment, bits: i64| moment.millis(Cell::Bits(bits as u64));
        assert_eq!(of(Moment::Exact(TimeUnit::Nanos), 1_767_571_200_123_456_789), Some(1_767_571_200_123));
        assert_eq!(of(Moment::Exact(TimeUnit::Micros), -1), Some(-1));
        assert_eq!(of(Moment::Days, 1), Some(86_400_000));
        assert_eq!(of(Moment::Whole(Unit::ByMagnitude), 1_767_571_200), Some(1_767_571_200_000));
        let seconds = 1_767_571_200.123f64.to_bits() as i64;
        assert_eq!(of(Moment::Double(Unit::ByMagnitude), seconds), Some(1_767_571_200_123));
        assert_eq!(of(Moment::Double(Unit::Seconds), f64::NAN.to_bits() as i64), None);
        assert_eq!(Moment::Text(Unit::ByMagnitude).millis(Cell::Bytes(b"1970-01-02")), Some(86_400_000));
        assert_eq!(Moment::Days.millis(Cell::Missing), None);
    }
}
