use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::model::STALE_MARKER_BITS;

const IDENTITY: u64 = 0x0123_4567_89ab_cdef;

fn values_back(values: &[f64]) -> Vec<u8> {
    let chunk = encode_values(IDENTITY, values);
    let mut back = vec![42.0];
    decode_values(IDENTITY, &chunk, values.len(), &mut back).unwrap();
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back[1..]), bits(values));
    chunk
}

fn times_back(times: &[i64]) -> Vec<u8> {
    let chunk = encode_times(IDENTITY, times);
    let mut back = vec![42];
    decode_times(IDENTITY, &chunk, times.len(), &mut back).unwrap();
    assert_eq!(&back[1..], times);
    chunk
}

/// A small generator with a fixed seed, so that sizes in these tests never change.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ (state >> 29)) >> 11
    }
}

fn percents(n: usize) -> Vec<f64> {
    let mut noise = noise(1);
    (0..n).map(|i| ((4000.0 + 1000.0 * (i as f64 / 100.0).sin()).round() + (noise() % 200) as f64) / 100.0).collect()
}

#[test]
fn every_kind_of_chunk_comes_back_to_the_bit() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, f64::MAX, 9_007_199_254_740_993.0, 0.1 + 0.2];
    let cases: Vec<(&str, Vec<f64>, u8)> = vec![
        ("nothing", vec![], 1),
        ("one", vec![12.5], 2),
        ("constant", vec![42.0; 720], 2),
        ("all stale", vec![f64::from_bits(STALE_MARKER_BITS); 720], 2),
        ("percent", percents(720), 3),
        ("counter", (0..720u64).map(|i| (i * 4096 * 17) as f64).collect(), 3),
        ("negative", (0..720).map(|i| f64::from(i - 360) / 10.0).collect(), 3),
        ("odd", odd.to_vec(), 1),
        ("float", (0..720).map(|i| f64::from(i).sin() * 1e3).collect(), 4),
        ("was f32", (0..720).map(|i| f64::from((i as f32).sin() * 1e3)).collect(), 4),
    ];
    for (name, values, encoding) in cases {
        assert_eq!(values_back(&values)[0], encoding, "{name}");
    }
}

#[test]
fn what_regularity_there_is_makes_a_chunk_small() {
    assert_eq!(values_back(&[0.0; 720]).len(), 8);
    assert!(values_back(&percents(720)).len() < 720 * 3 / 2);
    let pages = (0..720u64).map(|i| (i % 7 * 4096) as f64).collect::<Vec<_>>();
    assert!(values_back(&pages).len() < 720 / 2);
    let was_f32 = (0..720).map(|i| f64::from((i as f32).sin() * 1e3)).collect::<Vec<_>>();
    assert!(values_back(&was_f32).len() < 720 * 4);
}

#[test]
fn a_few_odd_values_do_not_spoil_a_chunk() {
    let plain = values_back(&percents(720)).len();
    let mut holed = percents(720);
    holed[100..140].fill(f64::from_bits(STALE_MARKER_BITS));
    holed[0] = f64::NAN;
    holed[500] = -0.0;
    holed[719] = 1.0 / 3.0;
    let chunk = values_back(&holed);
    assert_eq!(chunk[0], 3);
    assert!(chunk.len() < plain + 50, "{} after {plain}", chunk.len());
}

#[test]
fn times_of_every_kind_come_back() {
    let mut noise = noise(2);
    let regular: Vec<i64> = (0..720).map(|i| 1_767_571_200_000 + i * 10_000).collect();
    assert!(times_back(&regular).len() < 20);
    let jitter: Vec<i64> = regular.iter().map(|t| t + (noise() % 10) as i64).collect();
    assert!(times_back(&jitter).len() < 720 * 6 / 10);
    let gaps: Vec<i64> = regular.iter().copied().filter(|t| t / 10_000 % 50 != 0).collect();
    assert!(times_back(&gaps).len() < 100);
    for odd in [vec![], vec![7], vec![i64::MIN, i64::MAX], vec![i64::MIN, -1, 0, i64::MAX], vec![-5, -3, 0]] {
        times_back(&odd);
    }
}

#[test]
fn a_chunk_belongs_to_one_identity() {
    let chunk = encode_values(7, &percents(50));
    assert!(matches!(decode_values(8, &chunk, 50, &mut vec![]), Err(CodecError::Checksum { .. })));
    let times = encode_times(7, &[1, 2, 3]);
    assert!(matches!(decode_values(7, &times, 50, &mut vec![]), Err(CodecError::Damaged { .. })));
    assert!(matches!(decode_times(7, &chunk, 50, &mut vec![]), Err(CodecError::Damaged { .. })));
}

#[test]
fn no_count_in_the_bytes_is_trusted() {
    let chunk = encode_values(7, &[1.5; 1000]);
    let mut out = Vec::new();
    assert!(matches!(decode_values(7, &chunk, 999, &mut out), Err(CodecError::Damaged { .. })));
    let mut huge = checksum::begin(2, usize::MAX);
    huge.push(1);
    let huge = checksum::finish(7, huge);
    assert!(matches!(decode_values(7, &huge, 4096, &mut out), Err(CodecError::Damaged { .. })));
    assert_eq!(out.capacity(), 0);
}

fn one_of_each() -> Vec<Vec<u8>> {
    let mut holed = percents(300);
    holed[7..9].fill(f64::NAN);
    let jitter: Vec<i64> = (0..300).map(|i| i * 1000 + i * i % 7).collect();
    vec![
        encode_values(IDENTITY, &[]),
        encode_values(IDENTITY, &[f64::NAN, 0.5, -0.0]),
        encode_values(IDENTITY, &[42.0; 300]),
        encode_values(IDENTITY, &holed),
        encode_values(IDENTITY, &(0..300).map(|i| f64::from(i).sqrt()).collect::<Vec<_>>()),
        encode_times(IDENTITY, &[i64::MIN, i64::MAX]),
        encode_times(IDENTITY, &(0..300).map(|i| i * 1000).collect::<Vec<_>>()),
        encode_times(IDENTITY, &jitter),
    ]
}

fn decode_any(chunk: &[u8]) -> Result<usize, CodecError> {
    let (mut values, mut times) = (vec![0.0], vec![0]);
    let read = match chunk.first() {
        Some(0..16) => decode_values(IDENTITY, chunk, 300, &mut values),
        _ => decode_times(IDENTITY, chunk, 300, &mut times),
    };
    let found = values.len() + times.len() - 2;
    assert!(read.is_ok() || found == 0, "numbers of a refused chunk");
    read.map(|()| found)
}

#[test]
fn cut_at_any_byte_or_flipped_at_any_bit_a_chunk_is_refused() {
    for chunk in one_of_each() {
        decode_any(&chunk).unwrap();
        for end in 0..chunk.len() {
            decode_any(&chunk[..end]).unwrap_err();
        }
        for bit in 0..chunk.len() * 8 {
            let mut flipped = chunk.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            decode_any(&flipped).unwrap_err();
        }
        let mut longer = chunk.clone();
        longer.push(0);
        decode_any(&longer).unwrap_err();
    }
}

/// Somebody who forges the checksum too gets some numbers or an error, never a panic, never more than was asked for.
#[test]
fn forged_chunks_do_no_harm() {
    let mut noise = noise(3);
    for chunk in one_of_each() {
        for bit in 0..chunk.len() * 8 {
            let mut forged = chunk.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_any(&checksum::finish(IDENTITY, forged));
        }
        for _ in 0..2000 {
            let mut forged = chunk.clone();
            for _ in 0..1 + noise() % 8 {
                let at = noise() as usize % forged.len();
                forged[at] = noise() as u8;
            }
            forged.truncate(6 + noise() as usize % (forged.len() - 5));
            let _ = decode_any(&checksum::finish(IDENTITY, forged));
        }
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let mut newer = checksum::begin(3, 10);
    newer[1] = 9;
    let newer = checksum::finish(IDENTITY, newer);
    let mut flipped = encode_values(IDENTITY, &[1.0; 9]);
    flipped[0] = 3;
    let unknown = checksum::finish(IDENTITY, checksum::begin(9, 1));
    let said: String = [&newer[..], &flipped, &unknown, &[1, 1]]
        .iter()
        .map(|chunk| decode_values(IDENTITY, chunk, 10, &mut vec![]).unwrap_err().to_string() + "\n")
        .collect();
    insta::assert_snapshot!(said, @r"
    chunk format 9 is newer than 1: upgrade nodebook
    chunk checksum is 5394b4b5, computed 6b85db19
    chunk is damaged: encoding 9 is not one of values
    chunk ends after 2 bytes
    ");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Bytes of every released encoding, kept for ever: `identity chunk numbers`, in hexadecimal, a chunk a line.
#[test]
fn chunks_of_every_release_still_decode() {
    let kept = include_str!("../../tests/golden/chunks/v1.txt");
    let mut encodings = Vec::new();
    for line in kept.lines().filter(|l| !l.starts_with('#')) {
        let mut fields = line.split(' ');
        let identity = u64::from_str_radix(fields.next().unwrap(), 16).unwrap();
        let chunk = unhex(fields.next().unwrap());
        let numbers = unhex(fields.next().unwrap());
        let mut found = Vec::new();
        if chunk[0] < 16 {
            let mut values = Vec::new();
            decode_values(identity, &chunk, numbers.len() / 8, &mut values).unwrap();
            found.extend(values.iter().flat_map(|v| v.to_bits().to_be_bytes()));
        } else {
            let mut times = Vec::new();
            decode_times(identity, &chunk, numbers.len() / 8, &mut times).unwrap();
            found.extend(times.iter().flat_map(|t| t.to_be_bytes()));
        }
        assert_eq!(hex(&found), hex(&numbers));
        encodings.push(chunk[0]);
    }
    assert_eq!(encodings, [1, 2, 3, 3, 4, 16, 17, 18]);
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1_000_000i64..1_000_000, 0i32..7).prop_map(|(n, k)| n as f64 / 10f64.powi(k)),
        2 => (0u64..1 << 53).prop_map(|n| n as f64),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => any::<f32>().prop_map(f64::from),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::NAN, f64::from_bits(STALE_MARKER_BITS), f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324,
            9e15, -9e15, 9_007_199_254_740_992.0, f64::MAX, f64::from_bits(u64::MAX),
        ]),
    ]
}

proptest! {
    #[test]
    fn any_values_come_back(values in prop::collection::vec(any_value(), 0..600)) {
        values_back(&values);
    }

    #[test]
    fn decimals_with_runs_of_one_odd_value_come_back(
        numbers in prop::collection::vec(-5000i32..5000, 1..600), odd in any_value(), from in 0usize..600, to in 0usize..600,
    ) {
        let values: Vec<f64> = numbers.iter().enumerate()
            .map(|(i, n)| if i >= from && i < to { odd } else { f64::from(*n) / 100.0 }).collect();
        values_back(&values);
    }

    #[test]
    fn any_ascending_times_come_back(times in prop::collection::btree_set(any::<i64>(), 0..300)) {
        times_back(&times.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn near_regular_times_come_back(start in 0i64..2_000_000_000_000, steps in prop::collection::vec(1i64..20_000, 0..600)) {
        let times: Vec<i64> = steps.iter().scan(start, |t, step| { *t += step; Some(*t) }).collect();
        times_back(&times);
    }

    #[test]
    fn any_bytes_are_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_any(&bytes);
        if bytes.len() > 6 {
            let _ = decode_any(&checksum::finish(IDENTITY, bytes));
        }
    }
}
