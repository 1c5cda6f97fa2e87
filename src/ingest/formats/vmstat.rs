//! The text of `vmstat -t`: columns of one machine, a row a moment.
//!
//! Metrics are `vmstat_COLUMN`, as they are written: percent, kilobytes unless `-S` said otherwise, blocks of 1 KiB a second. The first row
//! tells of the time since the machine started: it is left out, and that is said. Without `-t` a row has no time, and nothing is read.
//! Source: procps 4.0, vmstat(8).

use super::emitter::{Emitter, Point};
use super::lines::{LineFormat, Lines};
use super::local_time::LocalTime;
use super::{NodeRule, Parser, Reason, Sink, Stop, number};

/// For one file; its times are of `zone`.
pub fn parser(node: NodeRule, zone: chrono_tz::Tz) -> Box<dyn Parser> {
    let (emitter, local) = (Emitter::new(node), LocalTime::new(zone));
    Box::new(Lines::new(Vmstat { emitter, local, columns: Vec::new(), rows: 0 }))
}

#[derive(Debug)]
struct Vmstat {
    emitter: Emitter,
    local: LocalTime,
    columns: Vec<String>,
    rows: u64,
}

/// Whether a line is the first of such a text, for detection.
pub(super) fn looks_like(line: &[u8]) -> bool {
    // `-w` writes `--procs--`.
    [&b"procs "[..], b"--procs-- "].iter().any(|start| line.starts_with(start))
        && memchr::memmem::find(line, b"memory--").is_some()
}

/// The same of `vmstat -d`, which is another thing.
pub(super) fn is_of_disks(line: &[u8]) -> bool {
    line.starts_with(b"disk- -")
}

impl LineFormat for Vmstat {
    fn line(&mut self, number: u64, text: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        if looks_like(text) || text.trim_ascii().is_empty() {
            return Ok(());
        }
        let Ok(line) = std::str::from_utf8(text) else {
            return sink.refuse(number, &Reason::NotUtf8 { column: 1 });
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() > 2 && words[..2] == ["r", "b"] {
            // behind them the name of the zone, where there are times
            let known = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            self.columns = words.iter().take_while(known).map(|word| format!("vmstat_{word}")).collect();
            return Ok(());
        }
        match self.row(number, line, &words, sink) {
            Ok(done) => done,
            Err(reason) => sink.refuse(number, &reason),
        }
    }

    fn notes(&self) -> Vec<String> {
        let left_out = "the first row, of the time since the machine started, was left out";
        self.local.note().into_iter().chain((self.rows > 0).then(|| left_out.to_owned())).collect()
    }
}

impl Vmstat {
    fn row<'a>(
        &mut self,
        line: u64,
        text: &'a str,
        words: &[&'a str],
        sink: &mut dyn Sink,
    ) -> Result<Result<(), Stop>, Reason<'a>> {
        let count = self.columns.len();
        if words.len() == count {
            return Err(Reason::Input("vmstat without times: run vmstat -t".to_owned()));
        }
        let [date, clock] = words.get(count..).unwrap_or_default() else {
            return Err(Reason::Fields { found: words.len(), expected: count + 2 });
        };
        let column = text.len() - date.len() - clock.len();
        let bad = Reason::Time { column, text: clock.as_bytes() };
        let ms = self.local.read(format!("{date} {clock}").as_bytes()).ok_or(bad)?;
        let values = words[..count].iter().enumerate().map(|(i, word)| {
            number::parse(word.as_bytes()).ok_or(Reason::Value { column: i + 1, text: word.as_bytes() })
        });
        let values: Vec<f64> = values.collect::<Result<_, _>>()?;
        self.rows += 1;
        if self.rows == 1 {
            return Ok(Ok(()));
        }
        let take = |(metric, value): (&String, f64)| {
            self.emitter.take(line, &Point { node: None, metric, labels: &[], meta: None, ms, value }, sink)
        };
        Ok(self.columns.iter().zip(values).try_for_each(take))
    }
}

#[cfg(test)]
mod tests {
    use super::super::collected::{Collected, collect, rule, shared};
    use super::*;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    const TEXT: &str = "procs -----------memory---------- ---swap-- -----timestamp-----\n r  b   swpd   free  si id wa                 CET\n 8  0      0 18308928  0 65 0 2026-11-23 17:44:55\n\
                        procs -----------memory---------- ---swap-- -----timestamp-----\n r  b   swpd   free  si id wa                 CET\n 3  0  0 183 0 9 1 2026-11-23 17:44:56\n 3 x 0 0 0 0 0 2026-11-23 17:44:57\n 1 2\n";

    fn read(text: &str) -> Collected {
        collect(parser(rule(), Tz::Europe__Berlin).as_mut(), text.as_bytes())
    }

    #[test]
    fn rows_with_times() {
        insta::assert_snapshot!(read(TEXT), @r#"
        file/vmstat_r 1795452296000 3
        file/vmstat_b 1795452296000 0
        file/vmstat_swpd 1795452296000 0
        file/vmstat_free 1795452296000 183
        file/vmstat_si 1795452296000 0
        file/vmstat_id 1795452296000 9
        file/vmstat_wa 1795452296000 1
        refused
        7: column 2: `x` is no number
        8: 2 fields, the header has 9
        "#);
        let without = " r  b   swpd\n 1 2 3\n 1 2 3\n";
        assert_eq!(read(without).refused[0], "2: vmstat without times: run vmstat -t");
    }

    #[test]
    fn wide_rows_are_the_same() {
        let wide = TEXT.replace("procs -----------memory---", "--procs-- -----------------------memory---");
        assert_ne!(wide, TEXT);
        assert!(looks_like(wide.lines().next().unwrap().as_bytes()));
        assert_eq!(read(&wide).to_string(), read(TEXT).to_string());
    }

    #[test]
    fn a_real_file_is_all_taken() {
        let Some(path) = shared("fixtures/text/vmstat-t.txt") else { return };
        let got = read(&std::fs::read_to_string(path).unwrap());
        assert_eq!((got.refused.len(), got.samples.len()), (0, 29 * 17), "{:?}", got.refused);
    }

    proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            collect(parser(rule(), Tz::UTC).as_mut(), &text);
        }

        #[test]
        fn never_panics_on_nearly_right_text(cut in 0usize..400, put in "[ 0-9a-z:\n-]{0,5}") {
            let cut = cut.min(TEXT.len());
            read(&format!("{}{put}{}", &TEXT[..cut], &TEXT[cut..]));
        }
    }
}
