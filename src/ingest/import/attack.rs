//! What no input may do, whatever was done to it: real files of every format are cut, flipped, doubled, spliced into each other and sprinkled with what parsers
//! fear. `PROPTEST_CASES=100000 cargo test --release attack` looks longer; an input that was found joins `tests/corpus`.

use std::cell::Cell;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::choice::parser_for;
use super::{ImportOptions, Input};
use crate::figure::figure;
use crate::ingest::formats::collected::{Collected, collect, collect_in_pieces};
use crate::ingest::formats::{Parser, TooLong};
use crate::model::Timestamp;

/// How much of a fixture is used: blows are to fall close together.
const BYTES_MAX: usize = 6_000;

/// Fixtures that are lines of text are cut between two lines.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut directories = vec![root.join("fixtures"), root.join("corpus")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_none_or(|ending| ending != "md") {
                let mut bytes = std::fs::read(&path).unwrap();
                if let Some(end) = bytes[..bytes.len().min(BYTES_MAX)].iter().rposition(|byte| *byte == b'\n') {
                    bytes.truncate(end + 1);
                }
                files.push((path.strip_prefix(&root).unwrap().display().to_string(), bytes));
            }
        }
    }
    files.sort();
    files
}

/// Tokens that parsers fear.
const FEARED: [&[u8]; 24] = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b",",
    b";",
    b"=",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"#",
    b"NaN",
    b"-0",
    b"1e999",
    b"99999999999999999999999999",
    b"-9223372036854775808",
    b"0x",
    b"\xf0\x9f\x92\xa5",
];

/// Something done to an input.
#[derive(Clone, Debug)]
enum Blow {
    Cut(Index),
    Flip(Index, u8),
    Drop(Index, usize),
    Double(Index, usize),
    /// A piece of another fixture.
    Splice(Index, Index, Index, usize),
    Put(Index, Index),
    CrLf,
    Utf16,
}

fn blow() -> impl Strategy<Value = Blow> {
    let at = any::<Index>;
    prop_oneof![
        1 => at().prop_map(Blow::Cut),
        4 => (at(), 0u8..8).prop_map(|(at, bit)| Blow::Flip(at, bit)),
        2 => (at(), 1usize..300).prop_map(|(at, length)| Blow::Drop(at, length)),
        2 => (at(), 1usize..300).prop_map(|(at, length)| Blow::Double(at, length)),
        2 => (at(), at(), at(), 1usize..300).prop_map(|(at, of, from, length)| Blow::Splice(at, of, from, length)),
        6 => (at(), at()).prop_map(|(at, what)| Blow::Put(at, what)),
        1 => Just(Blow::CrLf),
        1 => Just(Blow::Utf16),
    ]
}

impl Blow {
    fn strike(&self, bytes: &mut Vec<u8>, corpus: &[(String, Vec<u8>)]) {
        if bytes.is_empty() {
            return;
        }
        let piece = |of: &[u8], from: usize, length: usize| of[from..(from + length).min(of.len())].to_vec();
        match self {
            Blow::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Blow::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Blow::Drop(at, length) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Blow::Double(at, length) => {
                let at = at.index(bytes.len());
                let twice = piece(bytes, at, *length);
                bytes.splice(at..at, twice);
            }
            Blow::Splice(at, of, from, length) => {
                let other = &of.get(corpus).1;
                let at = at.index(bytes.len());
                bytes.splice(at..at, piece(other, from.index(other.len().max(1)).min(other.len()), *length));
            }
            Blow::Put(at, what) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, what.get(&FEARED).iter().copied());
            }
            Blow::CrLf => {
                *bytes = bytes
                    .iter()
                    .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] })
                    .collect();
            }
            Blow::Utf16 => *bytes = [0xff, 0xfe].into_iter().chain(bytes.iter().flat_map(|byte| [*byte, 0])).collect(),
        }
    }
}

fn parser(name: &str, head: &[u8], strict: bool) -> Option<Box<dyn Parser>> {
    let options = ImportOptions { strict, ..ImportOptions::at(Timestamp::from_millis(1_767_571_200_000)) };
    // a file of collectd's tree is what its path says
    let input =
        Input::File(Path::new("/host/cpu-0/cpu-idle-2026-11-23").with_file_name(if name.contains("collectd") {
            "cpu-idle-2026-11-23"
        } else {
            "input"
        }));
    parser_for(head, true, &input, &options).ok().flatten()
}

/// Samples with their bits, and refusals.
fn told(collected: &Collected) -> (Vec<(String, i64, u64)>, &[String]) {
    let sample =
        |(key, ts, value): &(crate::model::SeriesKey, Timestamp, f64)| (key.to_string(), ts.millis(), value.to_bits());
    (collected.samples.iter().map(sample).collect(), &collected.refused)
}

/// The laws that hold of any bytes.
fn laws(name: &str, bytes: &[u8], size: usize) -> Result<(), TestCaseError> {
    for strict in [false, true] {
        let Some(mut one) = parser(name, bytes, strict) else { continue };
        // no panic; a sink that is given a time outside 1970 to 9999, or an unknown series, panics
        let whole = collect(one.as_mut(), bytes);
        let told_whole = told(&whole);
        // neither samples nor refusals come out of nothing
        prop_assert!(whole.samples.len() <= bytes.len() && whole.refused.len() <= bytes.len() + 2);
        // how an input is cut into pieces makes no difference
        let mut other = parser(name, bytes, strict).expect("the same as before");
        let pieces = collect_in_pieces(other.as_mut(), bytes, size);
        prop_assert_eq!(&told_whole, &told(&pieces), "in pieces of {}", size);
        if strict || one.too_long() == TooLong::EndsReading {
            continue;
        }
        // what is good before a line end does not depend on what comes after it
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1).collect();
        let Some(end) = ends.get(size % ends.len().max(1)) else { continue };
        let mut third = parser(name, bytes, strict).expect("the same as before");
        let before = collect(third.as_mut(), &bytes[..*end]);
        // but for the columns of a wide CSV: its first rows decide which of them are labels
        let labels = |parser: &dyn Parser| parser.notes().into_iter().find(|note| note.contains("taken as"));
        if labels(one.as_ref()) != labels(third.as_ref()) {
            continue;
        }
        let samples = told(&before).0;
        prop_assert!(told_whole.0.starts_with(&samples), "what stands before byte {} is not kept", end);
    }
    Ok(())
}

#[test]
fn the_corpus_is_read_as_the_laws_have_it() {
    let corpus = corpus();
    assert!(corpus.len() > 15);
    for (name, bytes) in &corpus {
        for size in [1, 7, 1000] {
            laws(name, bytes, size).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for end in (0..bytes.len()).step_by(97) {
            laws(name, &bytes[..end], 64).unwrap_or_else(|error| panic!("{name}, cut at {end}: {error}"));
        }
    }
}

#[test]
fn nothing_that_is_done_to_a_file_breaks_the_laws() {
    let (corpus, tried) = (corpus(), Cell::new(0));
    TestRunner::default()
        .run(&(any::<Index>(), prop::collection::vec(blow(), 1..6), 1usize..3000), |(which, blows, size)| {
            let (name, mut bytes) = which.get(&corpus).clone();
            blows.iter().for_each(|blow| blow.strike(&mut bytes, &corpus));
            tried.set(tried.get() + 1);
            laws(&name, &bytes, size)
        })
        .unwrap();
    figure(format_args!(
        "security | one of {} real files cut, flipped, doubled, spliced, sprinkled | {} mutants | no panic, nothing out of nothing",
        corpus.len(),
        tried.get()
    ));
}
