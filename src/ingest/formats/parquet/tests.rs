use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;

use super::super::collected::{Collected, rule, shared};
use super::*;
use crate::codec::parquet::{Kind, Table, Values as Written};

fn collected(bytes: &[u8]) -> (Collected, Vec<String>) {
    let mut collected = Collected::default();
    let notes = read(Cursor::new(bytes), &rule(), &mut collected).unwrap();
    (collected, notes)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet").join(name)).unwrap()
}

/// As `make.py` made them.
fn expected() -> Vec<String> {
    let odd = [-0.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX, 9_007_199_254_740_993.0, 0.1];
    let mut all = Vec::new();
    for step in 0..40u32 {
        for node in ["db-1", "=db, \"2\"\n"] {
            let ts = 1_767_571_200_000 + 10_000 * i64::from(step);
            all.push(format!("{node}/load1 {ts} {}", f64::from(step) / 8.0));
            all.push(format!("{node}/disk_percent{{mount=\"/\"}} {ts} {}", 50 + step % 3));
            all.push(format!("{node}/odd{{k=\"ü\"}} {ts} {}", odd[step as usize % odd.len()]));
        }
    }
    all
}

#[test]
fn what_pyarrow_writes_is_read_in_every_codec_and_encoding() {
    for name in ["snappy", "delta-zstd-v2", "lengths-gzip", "lz4-v2", "plain"] {
        let (got, notes) = collected(&fixture(&format!("long-{name}.parquet")));
        assert_eq!((got.refused.len(), notes.len()), (0, 0), "{name}: {:?}", got.refused);
        assert_eq!(got.lines(), expected(), "{name}");
    }
    let (got, _) = collected(&fixture("long-brotli.parquet"));
    assert_eq!(got.samples.len(), 0);
    insta::assert_snapshot!(got.refused.join("\n"), @"1: rows 1 to 240 are not taken, or in part: compressed with Brotli, which import does not read: write it with snappy, gzip, zstd or none");
}

#[test]
fn a_wide_table_of_every_type() {
    let (got, notes) = collected(&fixture("wide.parquet"));
    assert!(got.refused.is_empty(), "{:?}", got.refused);
    // eight columns of 30, of which a truth and every other percent are missing; and the number in the structure
    assert_eq!(got.samples.len(), 9 * 30 - 1 - 15);
    let at = |ts: &str| got.lines().into_iter().filter(|line| line.contains(ts)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(at(" 1767571220000 "), @r#"
    b/i8{rack="r1"} 1767571220000 -13
    b/u32{rack="r1"} 1767571220000 4294967293
    b/u64{rack="r1"} 1767571220000 18446744073709545000
    b/f32{rack="r1"} 1767571220000 0.5
    b/f16{rack="r1"} 1767571220000 0.5
    b/flag{rack="r1"} 1767571220000 0
    b/price{rack="r1"} 1767571220000 0.02
    b/disk_percent{mount="/",rack="r1"} 1767571220000 3
    b/inner.x{rack="r1"} 1767571220000 2
    "#);
    insta::assert_snapshot!(notes.join("\n"), @"columns that hold neither numbers nor text, or further times, are left out: `inner.y.list.element, list.list.element,…`");
}

#[test]
fn telegraf_s_own_files() {
    for (name, samples) in [("telegraf-dense", 7), ("telegraf-timestamp", 3)] {
        let Some(path) = shared(&format!("fixtures/parquet/{name}.parquet")) else { continue };
        let (got, _) = collected(&std::fs::read(path).unwrap());
        assert!(got.refused.is_empty(), "{name}: {:?}", got.refused);
        println!("{got}");
        assert_eq!(got.samples.len(), samples, "{name}");
    }
}

/// A long table in groups of so many rows.
fn table(groups: &[usize]) -> Vec<u8> {
    let names = [("timestamp", Kind::Times), ("metric", Kind::Texts), ("value", Kind::Numbers)];
    let columns = names.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    let mut table = Table::new(Vec::new(), columns).unwrap();
    let mut at = 0;
    for rows in groups {
        let times: Vec<i64> = (at..at + *rows as i64).collect();
        let values: Vec<f64> = times.iter().map(|ts| (*ts as f64).sqrt()).collect();
        table.group(&[Written::Times(&times), Written::Texts(&vec!["x"; *rows]), Written::Numbers(&values)]).unwrap();
        at += *rows as i64;
    }
    table.finish().unwrap()
}

#[test]
fn a_damaged_page_costs_its_group_and_a_cut_file_says_so() {
    let whole = table(&[100, 100, 50]);
    assert_eq!(collected(&whole).0.samples.len(), 250);
    // the first group's values come before the second group's times; somewhere within the second group
    let mut damaged = whole.clone();
    let middle = whole.len() / 2;
    damaged[middle] ^= 0x10;
    let (got, _) = collected(&damaged);
    assert!((150..250).contains(&got.samples.len()), "{}", got.samples.len());
    insta::assert_snapshot!(got.refused.join("\n"), @"101: rows 101 to 200 are not taken, or in part: a page is damaged: its checksum does not fit");
    for length in [0, 3, 4, 11, whole.len() / 2, whole.len() - 1] {
        let (got, _) = collected(&whole[..length]);
        assert_eq!(got.refused, ["0: the Parquet file is cut off: it does not end with PAR1"], "{length}");
    }
    let mut encrypted = whole;
    let magic = encrypted.len() - 4;
    encrypted[magic..].copy_from_slice(b"PARE");
    assert_eq!(collected(&encrypted).0.refused, ["0: the Parquet file is encrypted, which import does not read"]);
}

#[test]
fn a_table_without_times_or_values_is_told_what_is_missing() {
    let of = |columns: &[(&str, Kind)]| {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        collected(&Table::new(Vec::new(), columns).unwrap().finish().unwrap()).0.refused.join("")
    };
    insta::assert_snapshot!(of(&[("a", Kind::Texts), ("b", Kind::Numbers)]), @"0: no time column in the header `a,b`: expected one named timestamp, timestamp_ms, ts or time");
    insta::assert_snapshot!(of(&[("a", Kind::Times), ("b", Kind::Texts)]), @"0: no values in the header `a,b`: expected timestamp,node,metric,labels,value, or a time column and one column a metric");
    assert_eq!(of(&[("any", Kind::Times), ("b", Kind::Perhaps)]), "");
}

#[test]
fn a_wide_table_is_read_some_columns_at_a_time() {
    let mut columns = vec![("time".to_owned(), Kind::Times), ("node".to_owned(), Kind::Texts)];
    columns.extend((0..100).map(|i| (format!("m{{c=\"{i}\"}}"), Kind::Perhaps)));
    let mut table = Table::new(Vec::new(), columns).unwrap();
    let cells: Vec<Vec<Option<f64>>> = (0..100)
        .map(|i| (0..5).map(|row| Some(f64::from(i * 10 + row)).filter(|_| (i + row) % 2 == 0)).collect())
        .collect();
    let (times, nodes) = ([1, 2, -3, 4, 5], ["a", "a", "b", "b", ""]);
    let mut values = vec![Written::Times(&times), Written::Texts(&nodes)];
    values.extend(cells.iter().map(|cells| Written::Perhaps(cells)));
    table.group(&values).unwrap();
    let (got, _) = collected(&table.finish().unwrap());
    assert_eq!(got.samples.len(), 200, "250 are there, and those of one row have no time that can be stored");
    assert!(got.lines().contains(&"a/m{c=\"99\"} 2 991".to_owned()), "{got}");
    assert!(got.lines().contains(&"file/m{c=\"98\"} 5 984".to_owned()), "a node that is not named is that of the file");
    assert!(
        got.refused.iter().all(|line| line == "3: column 1: time `-3` is outside 1970 to 9999"),
        "{:?}",
        got.refused
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_changed_byte_never_panics(which in 0usize..6, at: prop::sample::Index, put: u8, more: bool) {
        let names = ["long-snappy", "long-delta-zstd-v2", "long-lengths-gzip", "long-lz4-v2", "long-plain", "wide"];
        let mut bytes = fixture(&format!("{}.parquet", names[which]));
        let at = at.index(bytes.len());
        bytes[at] = put;
        if more {
            bytes.truncate(at);
            bytes.extend_from_slice(b"\x08\0\0\0PAR1");
        }
        let _ = collected(&bytes);
    }
}
