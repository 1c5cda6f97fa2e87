//! Power loss: what had not reached the disk is missing at the end of the log, or is something else; the database file is half way
//! through a checkpoint. What opens is some prefix of the commits, and all of them where the log is whole.
#![cfg(target_os = "linux")]

use super::harness::{Project, figure};
use super::kill::{Dice, promised};

/// What a killed recorder leaves, and what it had promised.
struct Remains {
    project: Project,
    database: Vec<u8>,
    log: Vec<u8>,
    promises: Vec<(i64, u64)>,
}

impl Remains {
    fn of_a_recorder() -> Remains {
        let project = Project::new().with_small_cluster();
        let mut running = project.start(["record", "--interval", "100ms", "-v", "--node", "here"]);
        let seen = running.stderr_until(|text| promised(text).len() >= 12);
        let said = seen + &running.kill().stderr();
        let ms = |at: &str| chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis();
        let promises = promised(&said).iter().map(|(at, samples)| (ms(at), *samples)).collect();
        let (database, log) = (project.bytes("nodebook.db"), project.bytes("nodebook.db-wal"));
        for name in ["nodebook.db", "nodebook.db-wal", "nodebook.db-shm"] {
            std::fs::remove_file(project.path(name)).unwrap();
        }
        Remains { project, database, log, promises }
    }

    /// Opens what the disk holds after the loss; the readings that are there, in time, with their samples.
    #[track_caller]
    fn readings(&self, database: &[u8], log: &[u8]) -> Vec<(i64, u64)> {
        self.project.write("after.db", database);
        self.project.write("after.db-wal", log);
        let query = "SELECT ts, count(*) AS n FROM samples WHERE node = 'here' GROUP BY ts ORDER BY ts";
        let rows = self.project.run(["sql", "--db", "after.db", "--format", "json", query]).ok().json();
        let check = self.project.run(["check", "--db", "after.db", "--json"]).ok().json();
        assert_eq!(check["ok"], true, "{check}");
        for name in self.project.names().iter().filter(|name| name.starts_with("after.db")) {
            std::fs::remove_file(self.project.path(name)).unwrap();
        }
        let number = |value: &serde_json::Value| value.as_u64().unwrap();
        rows.as_array().unwrap().iter().map(|row| (row["ts"].as_i64().unwrap(), number(&row["n"]))).collect()
    }

    /// Of each committed frame of the log: where its page begins in the database, and the page.
    fn frames(&self) -> Vec<(usize, &[u8])> {
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        let size = number(&self.log[8..]);
        let of_this_log = |frame: &&[u8]| frame[8..16] == self.log[16..24];
        let mut frames: Vec<&[u8]> = self.log[32..].chunks_exact(24 + size).take_while(of_this_log).collect();
        // The last frame of a commit carries the size of the database. What stands behind the last is no checkpoint's business.
        frames.truncate(1 + frames.iter().rposition(|frame| number(&frame[4..]) > 0).unwrap());
        frames.iter().map(|frame| ((number(frame) - 1) * size, &frame[24..])).collect()
    }
}

#[test]
fn a_log_that_ends_anywhere_opens_as_a_prefix_of_the_commits() {
    let remains = Remains::of_a_recorder();
    let all = remains.readings(&remains.database, &remains.log);
    assert!(remains.promises.iter().all(|promise| all.contains(promise)), "{:?}: {all:?}", remains.promises);
    assert!(all.len() <= remains.promises.len() + 1, "at most one that nobody heard of");

    let mut dice = Dice(4);
    let length = remains.log.len();
    let mut cuts: Vec<usize> = (0..40).map(|_| dice.below(length as u64) as usize).chain([0, 31, 32]).collect();
    cuts.sort_unstable();
    let (mut most, mut prefixes) = (0, std::collections::BTreeSet::new());
    for (i, cut) in cuts.into_iter().enumerate() {
        let mut log = remains.log[..cut].to_vec();
        match i % 3 {
            0 => {}
            1 => log.resize(length, 0),
            _ => log.resize_with(length, || dice.below(256) as u8),
        }
        let left = remains.readings(&remains.database, &log);
        assert_eq!(left, all[..left.len()], "cut at {cut} of {length}");
        assert!(left.len() >= most, "more of the log is never less: cut at {cut} of {length}");
        most = left.len();
        prefixes.insert(most);
    }
    assert!(prefixes.len() > 5 && prefixes.contains(&0), "{prefixes:?}");
    figure(format_args!(
        "2 | power loss, the log cut anywhere | 43 cuts, {} readings | each a prefix of the commits",
        all.len()
    ));
}

#[test]
fn a_checkpoint_that_was_cut_short_costs_nothing() {
    let remains = Remains::of_a_recorder();
    let all = remains.readings(&remains.database, &remains.log);
    let mut dice = Dice(5);
    for _ in 0..20 {
        // Pages go to the disk in any order, and one of them may be torn. None of this is missed: the log is whole.
        let mut database = remains.database.clone();
        for (at, page) in remains.frames() {
            let written = [0, page.len(), dice.below(page.len() as u64) as usize][dice.below(3) as usize];
            database.resize(database.len().max(at + written), 0);
            database[at..at + written].copy_from_slice(&page[..written]);
        }
        assert_eq!(remains.readings(&database, &remains.log), all);
    }
    figure(format_args!("2 | power loss, a checkpoint torn | 20 torn, {} readings | 0 lost", all.len()));
}
