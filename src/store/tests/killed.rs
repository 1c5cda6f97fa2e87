//! A writer is killed at any moment; what it had acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::window::HOUR_MS;
use super::*;

const FILE: &str = "NODEBOOK_TEST_KILLED_FILE";

/// Not a test by itself: the body of the child process of the test below, which writes until it is killed and says after each commit
/// how far it is.
#[test]
fn writer() {
    let Ok(path) = std::env::var(FILE) else { return };
    let mut store = open(Path::new(&path));
    let from = Reader::open(store.path()).unwrap().span().unwrap().map_or(T0, |span| span.to().millis());
    for i in 0.. {
        let ts = from.div_euclid(60_000) * 60_000 + 60_000 * (i + 1);
        let samples: Vec<_> = (0..200).map(|series| (series, ts, noise(ts + series as i64))).collect();
        if i % 50 == 49 {
            store.seal(Timestamp::from_millis(ts)).unwrap();
        }
        if i % 20 == 19 {
            let mut bulk = store.bulk();
            for (series, ts, value) in samples {
                let id = bulk.series(&key(series), None).unwrap();
                bulk.push(id, Timestamp::from_millis(ts), value).unwrap();
            }
            bulk.finish().unwrap();
        } else {
            store.append(&batch(&samples), OnConflict::Keep).unwrap();
        }
        println!("acknowledged {ts}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut acknowledged = Vec::new();
    for commits in [1, 60, 33, 50, 149] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["store::tests::killed::writer", "--exact", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let times = lines.filter_map(|line| Some(line.split_once("acknowledged ")?.1.parse::<i64>().unwrap()));
        acknowledged.extend(times.take(commits));
        child.kill().unwrap(); // somewhere in the next commit
        child.wait().unwrap();
        assert_eq!(check(&path).unwrap().problems, []);
        let reader = Reader::open(&path).unwrap();
        let ids: Vec<SeriesId> = reader.series().unwrap().iter().map(|s| s.id).collect();
        let all = scan_all(&reader, &ids, TimeRange::ALL);
        let there: std::collections::BTreeSet<i64> = all.iter().map(|(_, ts, _)| *ts).collect();
        assert!(acknowledged.iter().all(|ts| there.contains(ts)));
        assert_eq!(all.len(), there.len() * 200, "a commit is there whole or not at all");
    }
    assert!(acknowledged.last().unwrap() - acknowledged[0] > 4 * HOUR_MS);
}
