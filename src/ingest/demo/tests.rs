use super::*;

const UNTIL: i64 = 1_795_392_000_000; // 2026-11-23T00:00:00Z, a Monday

fn options(nodes: usize, days: u32) -> DemoOptions {
    DemoOptions { nodes, days, seed: 1, until: Timestamp::from_millis(UNTIL), interval_ms: 60_000 }
}

/// Times and values of one series.
fn series(options: DemoOptions, name: &str) -> Vec<(i64, f64)> {
    let mut found = Vec::new();
    for batch in batches(options) {
        let Some(wanted) = batch.keys.iter().position(|key| key.to_string() == name) else { continue };
        let samples = batch.samples.iter().filter(|(key, _)| *key as usize == wanted);
        found.extend(samples.map(|(_, sample)| (sample.ts.millis(), sample.value)));
    }
    found
}

fn at(days: u32, share: f64) -> i64 {
    let length = f64::from(days) * 86_400_000.0;
    UNTIL - length as i64 + (length * share) as i64
}

fn mean(samples: &[(i64, f64)], from: i64, to: i64) -> f64 {
    let within: Vec<f64> = samples.iter().filter(|(ms, _)| (from..to).contains(ms)).map(|(_, value)| *value).collect();
    within.iter().sum::<f64>() / within.len() as f64
}

#[test]
fn same_options_same_data_in_time_order() {
    let all = |seed| {
        let batches: Vec<Batch> = batches(DemoOptions { seed, ..options(5, 1) }).collect();
        batches.iter().flat_map(|batch| batch.samples.clone()).collect::<Vec<_>>()
    };
    let first = all(1);
    assert_eq!(first, all(1));
    assert_ne!(first, all(2));
    assert!(first.is_sorted_by_key(|(_, sample)| sample.ts));
    assert!(first.iter().all(|(_, sample)| sample.value.is_finite() && sample.ts.millis() < UNTIL));
    assert_eq!(first[0].1.ts.millis(), UNTIL - 86_400_000);
}

#[test]
fn series_are_described_once_and_no_sample_is_given_twice() {
    let batches: Vec<Batch> = batches(options(12, 1)).collect();
    assert_eq!(batches.len(), 24);
    assert!(batches[0].meta.iter().all(Option::is_some));
    assert!(batches[1].meta.iter().all(Option::is_none));
    for batch in &batches {
        let mut seen: Vec<_> = batch.samples.iter().map(|(key, sample)| (*key, sample.ts)).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert!(seen.iter().all(|(key, _)| (*key as usize) < batch.keys.len()));
    }
    let nodes: std::collections::BTreeSet<_> = batches[0].keys.iter().map(|key| key.node.as_str().to_owned()).collect();
    assert_eq!(nodes.len(), 12);
    assert!(["db-1", "kafka-2", "web-6"].iter().all(|name| nodes.contains(*name)));
}

#[test]
fn the_story_is_in_the_data() {
    let week = options(12, 7);
    let storm = series(week, "db-2/cpu_percent");
    assert!(mean(&storm, at(7, 0.725), at(7, 0.74)) > 90.0);
    assert!(mean(&storm, at(7, 0.5), at(7, 0.7)) < 60.0);
    let idle = series(week, "web-6/cpu_percent");
    assert!(mean(&idle, at(7, 0.0), UNTIL) < 3.0);
    let filling = series(week, "kafka-1/disk_percent{mount=\"/data\"}");
    assert!(filling.last().unwrap().1 > 90.0 && filling.first().unwrap().1 < 60.0);
    let moved = |node: &str| {
        let count = series(week, &format!("{node}/partition_count{{topic=\"orders\"}}"));
        count.last().unwrap().1 - count.first().unwrap().1
    };
    assert_eq!((moved("kafka-1"), moved("kafka-2"), moved("kafka-3")), (0.0, -4.0, 4.0));
}

#[test]
fn a_reboot_is_a_gap_and_a_counter_that_starts_again() {
    let sent = series(options(12, 7), "web-2/net_transmit_bytes_total{interface=\"eth0\"}");
    let falls: Vec<_> = sent.windows(2).filter(|w| w[1].1 < w[0].1).collect();
    assert_eq!(falls.len(), 1);
    assert!(falls[0][1].0 - falls[0][0].0 >= 4 * 60_000);
    assert!((falls[0][1].0 - at(7, story::REBOOT)).abs() <= 6 * 60_000);
}

#[test]
fn days_are_busier_than_nights_and_weekends() {
    let cpu = series(options(4, 7), "web-1/cpu_percent");
    let hour = 3_600_000;
    let (monday, sunday) = (UNTIL - 7 * 24 * hour, UNTIL - 24 * hour);
    let noon = |midnight: i64| mean(&cpu, midnight + 11 * hour, midnight + 16 * hour);
    assert!(noon(monday) > 2.0 * mean(&cpu, monday, monday + 4 * hour));
    assert!(noon(monday) > 1.5 * noon(sunday));
}

#[test]
fn any_size_is_possible() {
    for nodes in 0..6 {
        assert_eq!(batches(options(nodes, 1)).flat_map(|batch| batch.keys).any(|_| true), nodes > 0);
    }
    assert_eq!(batches(options(3, 0)).count(), 0);
    let early = DemoOptions { until: Timestamp::from_millis(60_000), ..options(1, 1) };
    assert!(batches(early).flat_map(|batch| batch.samples).all(|(_, sample)| sample.ts.is_storable()));
}
