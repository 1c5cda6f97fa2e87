use proptest::prelude::*;

use super::*;

fn near(packed: &[f64], values: &[f64], scale: Scale) -> Result<(), TestCaseError> {
    prop_assert_eq!(packed.len(), values.len());
    for (&packed, &value) in packed.iter().zip(values) {
        if value.is_finite() {
            let slack = scale.quantum / 2.0 + 1e-9 * value.abs().max(packed.abs());
            prop_assert!((packed - value).abs() <= slack, "{} became {}, quantum {}", value, packed, scale.quantum);
        } else {
            prop_assert!(packed.is_nan(), "{} became {}", value, packed);
        }
    }
    Ok(())
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -1e9..1e9f64, 2 => (0..500i32).prop_map(f64::from), 2 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-0.0)]
}

proptest! {
    #[test]
    fn values_come_back_within_half_a_quantum(
        columns in prop::collection::vec(prop::collection::vec(value(), 0..40), 0..5),
        other in prop::collection::vec(prop::num::f64::ANY.prop_map(|value| value / 4.0), 0..40),
        bits in 0..20u8,
    ) {
        let scale = Scale::of(columns.iter().flatten(), bits);
        let wide = Scale::of(&other, bits);
        let mut packer = Packer::new();
        let base = packer.add(scale, columns.iter().map(Vec::as_slice));
        let last = packer.add(wide, [other.as_slice()]);
        let read = Columns::unpack(&packer.finish()).unwrap();
        prop_assert_eq!(read.len(), columns.len() as u32 + 1);
        let len = columns.iter().map(Vec::len).max().unwrap_or(0);
        for (index, column) in columns.iter().enumerate() {
            let mut padded = column.clone();
            padded.resize(len, f64::NAN);
            near(&read.column(base.first + index as u32).unwrap(), &padded, scale)?;
        }
        near(&read.column(last.first).unwrap(), &other, wide)?;
        prop_assert_eq!(read.column(read.len()), None);
    }

    #[test]
    fn limits_come_back_against_their_average(
        rows in prop::collection::vec((value(), value(), value()), 0..60),
        bits in 2..17u8,
    ) {
        let (min, avg, max): (Vec<f64>, Vec<f64>, Vec<f64>) = rows.into_iter().fold(Default::default(), |mut all, row| {
            all.0.push(row.0);
            all.1.push(row.1);
            all.2.push(row.2);
            all
        });
        let scale = Scale::of(min.iter().chain(&avg).chain(&max), bits);
        let mut packer = Packer::new();
        packer.add(Scale::of([], 8), [[1.0].as_slice()]);
        let base = packer.add(scale, [avg.as_slice()]);
        let below = packer.add_below(base, [min.as_slice()]);
        let above = packer.add_above(base, [max.as_slice()]);
        let read = Columns::unpack(&packer.finish()).unwrap();
        near(&read.column(base.first).unwrap(), &avg, scale)?;
        near(&read.column(below).unwrap(), &min, scale)?;
        near(&read.column(above).unwrap(), &max, scale)?;
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_and_never_panic(
        at in 0..10_000usize,
        flip in 1..=255u8,
        cut in 0..10_000usize,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let good = sample();
        let mut flipped = good.clone();
        flipped[at % good.len()] ^= flip;
        if let Ok(read) = Columns::unpack(&flipped) {
            prop_assert_eq!(read, Columns::unpack(&good).unwrap(), "a flip went unseen");
        }
        prop_assert!(Columns::unpack(&good[..cut % good.len()]).is_err());
        if let Ok(groups) = read_groups(&body) {
            let read = Columns { body, groups };
            for number in 0..read.len().min(1_000) {
                read.column(number);
            }
        }
    }
}

fn sample() -> Vec<u8> {
    let values: Vec<f64> = (0..300).map(|at| if at % 50 == 7 { f64::NAN } else { f64::from(at % 37) * 1.5 }).collect();
    let mut packer = Packer::new();
    let base = packer.add(Scale::of(&values, 10), [values.as_slice(), &values[..100]]);
    packer.add_above(base, [values.as_slice(), values.as_slice()]);
    packer.finish()
}

#[test]
fn whole_numbers_stay_exact_where_levels_suffice() {
    let values: Vec<f64> = (0..1000).map(|at| 40_000.0 + f64::from(at)).collect();
    let mut packer = Packer::new();
    packer.add(Scale::of(&values, 10), [values.as_slice()]);
    assert_eq!(Columns::unpack(&packer.finish()).unwrap().column(0).unwrap(), values);
    assert!(Scale::of(&values, 8).quantum() > 1.0);
}

#[test]
fn a_constant_costs_nothing_and_is_exact() {
    let values = vec![0.1; 700];
    let mut packer = Packer::new();
    packer.add(Scale::of(&values, 10), std::iter::repeat_n(values.as_slice(), 100));
    let bytes = packer.finish();
    assert_eq!(Columns::unpack(&bytes).unwrap().column(99).unwrap(), values);
    assert!(bytes.len() < 400, "{} bytes", bytes.len());
}

#[test]
fn errors_name_what_is_wrong() {
    let error = |bytes: &[u8]| Columns::unpack(bytes).unwrap_err().to_string();
    let mut bytes = sample();
    assert_eq!(error(b"<html>"), "these are not the packed columns of a report");
    bytes[4] ^= 1;
    assert!(error(&bytes).starts_with("the report's columns are damaged: checksum "));
    bytes[3] = b'2';
    assert_eq!(error(&bytes), "the report's columns have format 2, this build knows 1: upgrade nodebook");
}

/// The bytes themselves are a contract with the page's decoder and with reports already sent: this one must always be read. The page's
/// own tests read it too (`tests/browser/modules.test.mjs`).
#[test]
fn the_bytes_of_version_1_are_read_for_ever() {
    let body: [&[u8]; 5] = [
        &[2, 0, 0, 0],
        &group_entry(1.0, 0.5, [1, 4, 84, 0], 8, 0),
        &group_entry(1.0, 0.5, [1, 4, 88, 0], 8, 2),
        &[1 + 20, 1 + 1, 0, 1 + 2], // levels 10, 9, gap, 10
        &[1, 3, 1 + 4, 0],          // levels 10, 11, 4, gap
    ];
    let body = body.concat();
    let mut bytes = b"NBP1".to_vec();
    bytes.extend(crc32c::crc32c(&body).to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    // A stored deflate block.
    bytes.extend([1, body.len() as u8, 0, !(body.len() as u8), 0xff]);
    bytes.extend(&body);
    let read = Columns::unpack(&bytes).unwrap();
    let text = |number| format!("{:?}", read.column(number).unwrap());
    assert_eq!(text(0), "[6.0, 5.5, NaN, 6.0]");
    assert_eq!(text(1), "[6.0, 6.5, 3.0, NaN]");
}

fn group_entry(lo: f64, quantum: f64, numbers: [u32; 4], bits: u8, coding: u8) -> Vec<u8> {
    let mut entry = [lo.to_le_bytes(), quantum.to_le_bytes()].concat();
    entry.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    entry.extend([bits, coding, 0, 0, 0, 0, 0, 0]);
    entry
}
