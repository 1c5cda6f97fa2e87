//! A writer is killed at any moment; what it had acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

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

/// A body of a child process, what is said to it, and what it has acknowledged.
fn child(body: &str, path: &Path) -> (Child, ChildStdin, impl Iterator<Item = i64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("store::tests::killed::{body}"), "--exact", "--nocapture"])
        .env(FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let times = lines.filter_map(|line| Some(line.split_once("acknowledged ")?.1.parse::<i64>().unwrap()));
    let input = child.stdin.take().unwrap();
    (child, input, times)
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut acknowledged = Vec::new();
    for commits in [1, 60, 33, 50, 149] {
        let (mut child, _, times) = child("writer", &path);
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

/// The body of the child process of the test below: writes, reads its own file as a plot does, and writes again when it is told to.
#[test]
fn writer_that_reads() {
    let Ok(path) = std::env::var(FILE) else { return };
    let mut store = open(Path::new(&path));
    for (ts, line) in (T0..).zip(std::io::stdin().lines()) {
        line.unwrap();
        store.append(&batch(&[(0, ts, 1.0)]), OnConflict::Keep).unwrap();
        drop(Reader::open(store.path()).unwrap());
        println!("acknowledged {ts}");
        std::io::stdout().flush().unwrap();
    }
}

/// Closing a descriptor of the database gave SQLite's locks away: a client that came and went then deleted the log of a writer that lived, and
/// with it whatever that one acknowledged from then on. (SQLite since 3.51 notices; the clients of others are older, so the lock is looked at.)
#[cfg(unix)]
#[test]
fn a_client_that_comes_and_goes_does_not_take_the_log_from_a_writer_that_reads() {
    use rustix::fs::{FlockOperation, fcntl_lock};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let (mut child, mut tell, mut acknowledged) = child("writer_that_reads", &path);
    for n in 1..=3 {
        writeln!(tell, "go on").unwrap();
        acknowledged.next().unwrap();
        let client = rusqlite::Connection::open(&path).unwrap();
        let there: i64 = client.query_row("SELECT count(*) FROM sample", [], |row| row.get(0)).unwrap();
        assert_eq!(there, n, "what is acknowledged is seen by others");
        drop(client);
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        assert!(fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err(), "the writer holds its lock");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scan_all(&Reader::open(&path).unwrap(), &[SeriesId(1)], TimeRange::ALL).len(), 3);
}
