//! Pages of one target, one after another, as batches.

use std::collections::HashSet;

use super::super::formats::prometheus::{Dialect, Options, PrometheusParser, Rules};
use super::super::formats::{Follows, NodeRule, Parser, Reason, Sink, Stop, time};
use super::super::limits::{PUSH_AHEAD_MS_MAX, RECORD_BYTES_MAX, SCRAPE_SAMPLES_MAX};
use super::target::Owner;
use crate::model::{Annotation, Batch, MetricMeta, STALE_MARKER_BITS, Sample, SeriesId, SeriesKey, Timestamp};

/// What came of a page.
#[derive(Debug, Default)]
pub struct Page {
    /// Samples that were taken, and markers at the end of series that are gone.
    pub batch: Batch,
    /// Samples that were taken of the page.
    pub samples: u64,
    /// Lines that were not.
    pub refused: u64,
    /// The first of them and why.
    pub first_refusal: Option<String>,
    /// Samples that lie too far ahead.
    pub ahead: u64,
    /// The page has more samples than are taken of one.
    pub cut: bool,
}

impl Page {
    /// What was left out of it, in words; `None` where nothing was.
    pub fn left_out(&self) -> Option<String> {
        let refused = self.first_refusal.as_ref().map(|first| match self.refused {
            1 => format!("a line is not taken, {first}"),
            n => format!("{n} lines are not taken, the first of them {first}"),
        });
        let ahead = (self.ahead > 0)
            .then(|| format!("{} samples more than 10 min ahead of the clock here are not taken", self.ahead));
        let cut =
            self.cut.then(|| format!("the page has more than {SCRAPE_SAMPLES_MAX} samples, the rest is not taken"));
        let all: Vec<String> = [refused, ahead, cut].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Reads the pages of a target. Remembers its series: a page that is shaped as the one before costs a comparison a line.
#[derive(Debug)]
pub struct PageReader {
    owner: Owner,
    /// How the last page was to be read, and its parser.
    parser: Option<(Dialect, Rules, PrometheusParser)>,
    known: Vec<Known>,
    /// Series that go on, as far as anybody was told, and are not among the known: what is known was forgotten.
    unknown: Vec<SeriesKey>,
    /// Counts pages.
    page: u64,
}

/// A series of the target.
#[derive(Debug)]
struct Known {
    key: SeriesKey,
    /// What its page says of it, until that was handed on.
    meta: Option<MetricMeta>,
    /// The last page that it was on, without a time of its own.
    seen: u64,
    /// It was on the last page that was taken.
    goes_on: bool,
    /// Its place in the batch of the last page that it was on, with or without a time.
    place: (u64, u32),
}

impl PageReader {
    /// For a target.
    pub fn new(owner: Owner) -> PageReader {
        PageReader { owner, parser: None, known: Vec::new(), unknown: Vec::new(), page: 0 }
    }

    /// Reads the page that was asked for at `at`. A page that has to keep the rules and does not is refused as a whole: `Err` says the line and why.
    pub fn read(&mut self, body: &[u8], (dialect, rules): (Dialect, Rules), at: Timestamp) -> Result<Page, String> {
        self.page += 1;
        let mut parser = match self.parser.take() {
            Some((of, by, mut parser)) if (of, by) == (dialect, rules) => {
                parser.next_page(at);
                parser
            }
            _ => {
                self.forget();
                self.new_parser(dialect, rules, at)
            }
        };
        let mut sink = PageSink::new(&self.owner, &mut self.known, self.page, at);
        parse(body, &mut parser, &mut sink);
        let PageSink { mut page, retyped, .. } = sink;
        if rules == Rules::Strict
            && let Some(first) = page.first_refusal
        {
            return Err(format!("the page breaks the rules of OpenMetrics, {first}"));
        }
        self.end_series(at, &mut page.batch);
        // What a target no longer says is forgotten, lest a label that never repeats fills the memory; a type that changed is taken with the next page.
        let remembered = self.known.len().max(parser.families()) as u64;
        let forgets = retyped || remembered > 2 * page.samples + 1_000;
        self.parser = (!forgets).then_some((dialect, rules, parser));
        Ok(page)
    }

    /// The target has no page at `at`: its series have ended there.
    pub fn fail(&mut self, at: Timestamp) -> Batch {
        self.page += 1;
        let mut batch = Batch::default();
        self.end_series(at, &mut batch);
        batch
    }

    /// What was read was not stored: the next page is read as a first one, so that what it says of its metrics is handed on again.
    pub fn say_again(&mut self) {
        self.parser = None;
    }

    fn new_parser(&self, dialect: Dialect, rules: Rules, now: Timestamp) -> PrometheusParser {
        let time_unit = match dialect {
            Dialect::Text => time::Unit::Millis,
            Dialect::OpenMetrics => time::Unit::Seconds,
        };
        let node = NodeRule { given: Some(self.owner.node.clone()), fallback: self.owner.node.clone() };
        PrometheusParser::new(Options { dialect, rules, time_unit, node, now })
    }

    fn forget(&mut self) {
        self.unknown.extend(self.known.drain(..).filter(|known| known.goes_on).map(|known| known.key));
    }

    /// Marks the end of the series that went on until now and are not on this page.
    fn end_series(&mut self, at: Timestamp, batch: &mut Batch) {
        let marker = Sample { ts: at, value: f64::from_bits(STALE_MARKER_BITS) };
        if !self.unknown.is_empty() {
            let seen = self.known.iter().filter(|known| known.seen == self.page);
            let seen: HashSet<&SeriesKey> = seen.map(|known| &known.key).collect();
            let gone = self.unknown.drain(..).filter(|key| !seen.contains(key));
            gone.for_each(|key| batch.push(key, None, marker));
        }
        for known in &mut self.known {
            let seen = known.seen == self.page;
            if std::mem::replace(&mut known.goes_on, seen) && !seen {
                batch.push(known.key.clone(), None, marker);
            }
        }
    }
}

/// Reads a body that is here as a whole; a line that is longer than any may be is refused and passed over.
fn parse(mut body: &[u8], parser: &mut PrometheusParser, sink: &mut PageSink<'_>) {
    while let Some(long) = first_long_line(body) {
        let Ok(taken) = parser.parse(&body[..long.start], Follows::More, sink) else { return };
        if taken < long.start || sink.refuse(parser.line(), &Reason::TooLong { limit: RECORD_BYTES_MAX }).is_err() {
            return;
        }
        parser.line_dropped();
        body = &body[long.end..];
    }
    let _ = parser.parse(body, Follows::Nothing, sink); // it stops where the sink has enough, which the sink knows
}

/// Where the first line beyond the limit is, with its end.
fn first_long_line(body: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    while body.len() - start > RECORD_BYTES_MAX {
        // The last line end within the limit: whatever lies before it is no longer than that.
        match memchr::memrchr(b'\n', &body[start..=start + RECORD_BYTES_MAX]) {
            Some(at) => start += at + 1,
            None => {
                let end = memchr::memchr(b'\n', &body[start..]).map_or(body.len(), |at| start + at + 1);
                return Some(start..end);
            }
        }
    }
    None
}

/// Gathers a page.
struct PageSink<'a> {
    owner: &'a Owner,
    known: &'a mut Vec<Known>,
    number: u64,
    at: Timestamp,
    page: Page,
    /// A metric has another type than on the pages before.
    retyped: bool,
}

impl<'a> PageSink<'a> {
    fn new(owner: &'a Owner, known: &'a mut Vec<Known>, number: u64, at: Timestamp) -> PageSink<'a> {
        PageSink { owner, known, number, at, page: Page::default(), retyped: false }
    }
}

impl Sink for PageSink<'_> {
    fn series(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, Stop> {
        let number = u32::try_from(self.known.len()).map_err(|_| Stop)?;
        let key = self.owner.own(key);
        self.known.push(Known { key, meta: meta.cloned(), seen: 0, goes_on: false, place: (0, 0) });
        Ok(SeriesId(number))
    }

    fn sample(&mut self, series: SeriesId, ts: Timestamp, value: f64) -> Result<(), Stop> {
        if self.page.samples >= SCRAPE_SAMPLES_MAX {
            self.page.cut = true;
            return Err(Stop);
        }
        if ts > self.at.plus_millis(PUSH_AHEAD_MS_MAX) {
            self.page.ahead += 1;
            return Ok(());
        }
        let Some(known) = self.known.get_mut(series.0 as usize) else { return Ok(()) };
        let batch = &mut self.page.batch;
        if known.place.0 != self.number {
            known.place = (self.number, batch.keys.len() as u32);
            batch.keys.push(known.key.clone());
            batch.meta.push(known.meta.take());
        }
        if ts == self.at {
            known.seen = self.number;
        }
        self.page.samples += 1;
        batch.samples.push((known.place.1, Sample { ts, value }));
        Ok(())
    }

    fn event(&mut self, _event: Annotation) -> Result<(), Stop> {
        Ok(()) // an exposition has none
    }

    fn refuse(&mut self, line: u64, reason: &Reason<'_>) -> Result<(), Stop> {
        self.retyped |= matches!(reason, Reason::TypeTwice { .. });
        self.page.refused += 1;
        self.page.first_refusal.get_or_insert_with(|| format!("line {line}: {reason}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NodeName, is_stale_marker};

    const TEXT: (Dialect, Rules) = (Dialect::Text, Rules::Lenient);
    const OPEN_METRICS: (Dialect, Rules) = (Dialect::OpenMetrics, Rules::Strict);

    fn reader() -> PageReader {
        PageReader::new(Owner { node: NodeName::new("n").unwrap(), label: None })
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn printed(batch: &Batch) -> Vec<String> {
        assert_eq!(batch.keys.len(), batch.meta.len());
        let value = |value: f64| if is_stale_marker(value) { "end".to_owned() } else { value.to_string() };
        let line = |(key, sample): &(u32, Sample)| {
            let key = &batch.keys[*key as usize];
            format!("{}{} {} @{}", key.metric, key.labels, value(sample.value), sample.ts.millis() / 1_000)
        };
        batch.samples.iter().map(line).collect()
    }

    fn read(reader: &mut PageReader, body: &str, seconds: i64) -> Vec<String> {
        printed(&reader.read(body.as_bytes(), TEXT, at(seconds)).unwrap().batch)
    }

    #[test]
    fn a_series_that_is_gone_ends_once() {
        let mut reader = reader();
        assert_eq!(read(&mut reader, "a 1\nb 2\n", 10), ["a 1 @10", "b 2 @10"]);
        assert_eq!(read(&mut reader, "a 3\n", 20), ["a 3 @20", "b end @20"]);
        assert_eq!(read(&mut reader, "a 4\n", 30), ["a 4 @30"]);
        assert_eq!(printed(&reader.fail(at(40))), ["a end @40"]);
        assert!(printed(&reader.fail(at(50))).is_empty());
        assert_eq!(read(&mut reader, "b 5\na 6", 60), ["b 5 @60", "a 6 @60"]);
    }

    #[test]
    fn a_series_with_times_of_its_own_says_itself_when_it_ends() {
        let mut reader = reader();
        assert_eq!(read(&mut reader, "a 1 5000\nb{node=\"x\"} 2\n", 10), ["a 1 @5", "b{node=\"x\"} 2 @10"]);
        assert_eq!(read(&mut reader, "", 20), ["b{node=\"x\"} end @20"]);
    }

    #[test]
    fn a_sample_far_ahead_of_the_clock_is_not_taken_and_told() {
        let mut reader = reader();
        let body = b"a 1 610000\nb 2 610001\nc 3 253402300799000\nd 4\n# EOF\n";
        let page = reader.read(body, TEXT, at(10)).unwrap();
        assert_eq!(printed(&page.batch), ["a 1 @610", "d 4 @10"]);
        insta::assert_snapshot!(page.left_out().unwrap(), @"2 samples more than 10 min ahead of the clock here are not taken");
        let strict = reader.read(b"a 1 9999\nb 2\n# EOF\n", OPEN_METRICS, at(20)).unwrap();
        assert_eq!((strict.samples, strict.ahead), (1, 1), "the page is one, all the same");
    }

    #[test]
    fn what_a_page_says_of_a_metric_is_handed_on_once() {
        let mut reader = reader();
        let body = "# TYPE a counter\n# HELP a what it is\na 1\n";
        let meta = |page: &Page| page.batch.meta[0].clone().and_then(|meta| meta.help);
        assert_eq!(meta(&reader.read(body.as_bytes(), TEXT, at(1)).unwrap()).as_deref(), Some("what it is"));
        assert_eq!(meta(&reader.read(body.as_bytes(), TEXT, at(2)).unwrap()), None);
    }

    #[test]
    fn what_was_not_stored_is_said_again_and_ends_nothing() {
        let mut reader = reader();
        let body = "# TYPE a counter\na 1\nb 2\n";
        read(&mut reader, body, 1);
        reader.say_again();
        let page = reader.read(body.as_bytes(), TEXT, at(2)).unwrap();
        assert_eq!(page.batch.meta[0].clone().and_then(|meta| meta.kind), Some(crate::model::Kind::Counter));
        assert_eq!(printed(&page.batch), ["a 1 @2", "b 2 @2"]);
        assert_eq!(read(&mut reader, "a 3\n", 3), ["a 3 @3", "b end @3"]);
    }

    #[test]
    fn a_bad_line_costs_itself_and_is_told() {
        let mut reader = reader();
        let page = reader.read(b"a 1\nb x\n?\nc 3\n", TEXT, at(1)).unwrap();
        assert_eq!((page.samples, page.refused), (2, 2));
        insta::assert_snapshot!(page.left_out().unwrap(), @"2 lines are not taken, the first of them line 2: column 3: `x` is no number");
    }

    #[test]
    fn an_open_metrics_page_is_taken_as_a_whole_or_not_at_all_and_the_next_is_a_new_one() {
        let mut reader = reader();
        let good = "a 1\n# EOF\n";
        for seconds in [1, 2] {
            let page = reader.read(good.as_bytes(), OPEN_METRICS, at(seconds)).unwrap();
            assert_eq!(printed(&page.batch), [format!("a 1 @{seconds}")]);
        }
        let why = reader.read(b"a 1\nb 2\n", OPEN_METRICS, at(3)).unwrap_err();
        insta::assert_snapshot!(why, @"the page breaks the rules of OpenMetrics, line 3: the page does not end with # EOF: it may have been cut");
        assert_eq!(printed(&reader.fail(at(3))), ["a end @3"], "b was never taken");
        assert_eq!(printed(&reader.read(good.as_bytes(), OPEN_METRICS, at(4)).unwrap().batch), ["a 1 @4"]);
    }

    #[test]
    fn another_format_ends_nothing_that_goes_on() {
        let mut reader = reader();
        read(&mut reader, "a 1\nb 2\n", 1);
        let page = reader.read(b"a 3\n# EOF\n", OPEN_METRICS, at(2)).unwrap();
        assert_eq!(printed(&page.batch), ["a 3 @2", "b end @2"]);
    }

    #[test]
    fn a_type_that_changes_is_taken_with_the_page_after_it() {
        let mut reader = reader();
        read(&mut reader, "# TYPE a gauge\na 1\n", 1);
        assert_eq!(read(&mut reader, "# TYPE a counter\na 2\n", 2), ["a 2 @2"]);
        let page = reader.read(b"# TYPE a counter\na 3\n", TEXT, at(3)).unwrap();
        let kind = page.batch.meta[0].clone().and_then(|meta| meta.kind);
        assert_eq!((page.refused, kind), (0, Some(crate::model::Kind::Counter)));
    }

    #[test]
    fn labels_and_names_that_never_repeat_do_not_fill_the_memory() {
        let mut reader = reader();
        let mut before = String::new();
        for round in 0..100 {
            let said: String = (0..50).map(|n| format!("# TYPE b{round}_{n} gauge\n")).collect();
            let body = said + &(0..100).map(|n| format!("a{{id=\"{round}-{n}\"}} 1\n")).collect::<String>();
            let said = read(&mut reader, &body, round);
            let ends = said.iter().filter(|line| line.contains(" end @")).count();
            assert_eq!((said.len(), ends), if round == 0 { (100, 0) } else { (200, 100) }, "{round}, after {before}");
            assert!(reader.known.len() <= 1_400 && reader.unknown.is_empty());
            let families = reader.parser.as_ref().map_or(0, |(_, _, parser)| parser.families());
            assert!(families <= 1_200, "{families}");
            before = body.lines().next().unwrap_or_default().to_owned();
        }
    }

    #[test]
    fn a_page_has_an_end_for_us() {
        let body: String = (0..=SCRAPE_SAMPLES_MAX).map(|n| format!("a{{id=\"{n}\"}} 1\n")).collect();
        let page = reader().read(body.as_bytes(), TEXT, at(1)).unwrap();
        assert_eq!((page.samples, page.batch.samples.len() as u64), (SCRAPE_SAMPLES_MAX, SCRAPE_SAMPLES_MAX));
        insta::assert_snapshot!(page.left_out().unwrap(), @"the page has more than 50000 samples, the rest is not taken");
    }

    #[test]
    fn a_line_without_an_end_is_passed_over() {
        let long = "x".repeat(RECORD_BYTES_MAX + 1);
        let body = format!("a 1\n{long}\nb 2\nc{{l=\"{}\"}} 3\nd 4\n", "y".repeat(100_000));
        let page = reader().read(body.as_bytes(), TEXT, at(1)).unwrap();
        assert_eq!(printed(&page.batch), ["a 1 @1", "b 2 @1", "d 4 @1"]);
        assert_eq!(page.refused, 2);
        insta::assert_snapshot!(page.first_refusal.unwrap(), @"line 2: the line is longer than 1048576 bytes, or a quote in it is never closed");
        let page = reader().read(long.as_bytes(), TEXT, at(1)).unwrap();
        assert_eq!((page.samples, page.refused), (0, 1));
    }
}
