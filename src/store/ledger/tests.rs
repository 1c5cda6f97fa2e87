use super::*;
use crate::model::TimeRange;
use crate::store::{Reader, Store, StoreOptions, check};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_767_571_200_000 + ms)
}

fn new_run(due: i64, part: &str, state: RunState) -> NewRun {
    let range = TimeRange::new(at(-1_000), at(0)).unwrap();
    NewRun { due: at(due), part: part.to_owned(), occasion: Occasion::Schedule, range, state }
}

fn message(way: &str, id: &str) -> NewMessage {
    let recipients = vec!["a@example.org".to_owned()];
    NewMessage { way: way.to_owned(), recipients, message_id: id.to_owned(), payload: b"Subject: x".to_vec() }
}

fn made() -> Made {
    Made {
        state: RunState::Sent,
        started: at(10),
        finished: at(35),
        output: Some("a.html".to_owned()),
        bytes: Some(7),
        sha256: Some("ab".to_owned()),
        recipients: vec!["a@example.org".to_owned()],
        note: None,
    }
}

/// A ledger with one queued run.
fn ledger() -> (tempfile::TempDir, Ledger, i64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    Store::open(&path, StoreOptions::default()).unwrap().close().unwrap();
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.claim("weekly", Some(at(5)), &[new_run(5, "", RunState::Queued)]).unwrap();
    let id = ledger.queued().unwrap()[0].id;
    (dir, ledger, id)
}

fn state(ledger: &Ledger, id: i64) -> (RunState, Option<String>) {
    let run = ledger.run(id).unwrap().unwrap();
    (run.state, run.note)
}

#[test]
fn it_is_written_beside_a_recorder_and_by_one_process_at_a_time() {
    let (_dir, ledger, _) = ledger();
    let path = ledger.path().to_owned();
    let recorder = Store::open(&path, StoreOptions::default()).unwrap();
    assert!(matches!(Ledger::open(&path), Err(StoreError::BatchRuns { pid: Some(_), .. })));
    drop(ledger);
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.claim("daily", Some(at(9)), &[new_run(9, "db-1", RunState::Missed)]).unwrap();
    recorder.close().unwrap();
    assert_eq!(ledger.handled("daily").unwrap(), Some(at(9)));
    drop(ledger);
    let names: Vec<String> = Reader::open(&path).unwrap().job_runs(None, 9).unwrap().iter().map(JobRun::name).collect();
    assert_eq!(names, ["daily of db-1", "weekly"]);
    assert!(check(&path).unwrap().ok);
}

#[test]
fn a_run_is_claimed_once_and_what_was_handled_never_goes_back() {
    let (_dir, mut ledger, id) = ledger();
    ledger.made(id, &made(), &[]).unwrap();
    ledger.claim("weekly", Some(at(2)), &[new_run(5, "", RunState::Queued)]).unwrap();
    assert_eq!((ledger.queued().unwrap().len(), ledger.handled("weekly").unwrap()), (0, Some(at(5))));
    let run = ledger.run(id).unwrap().unwrap();
    assert_eq!((run.state, run.took_ms, run.output.as_deref()), (RunState::Sent, Some(25), Some("a.html")));
}

#[test]
fn a_run_is_over_when_all_its_messages_are() {
    let (_dir, mut ledger, id) = ledger();
    ledger.made(id, &made(), &[message("mail", "<1@x>"), message("webhook ops", "<2@x>")]).unwrap();
    assert_eq!(state(&ledger, id), (RunState::Queued, None));
    let ready: Vec<i64> = ledger.ready(at(0)).unwrap().iter().map(|m| m.id).collect();
    ledger.settle(ready[0], &Settled::Retry { at: at(60_000), error: "down".to_owned() }, at(40)).unwrap();
    ledger.settle(ready[1], &Settled::Sent, at(50)).unwrap();
    assert_eq!(state(&ledger, id), (RunState::Queued, Some("mail: down".to_owned())));
    assert_eq!(ledger.ready(at(59_999)).unwrap().len(), 0);
    assert_eq!(next_message(&ledger.conn).unwrap(), Some(at(60_000)));
    assert_eq!(ledger.ready(at(60_000)).unwrap()[0].attempts, 1);
    ledger.settle(ready[0], &Settled::Sent, at(60_001)).unwrap();
    assert_eq!(state(&ledger, id), (RunState::Sent, None));
    assert_eq!(next_message(&ledger.conn).unwrap(), None);
}

#[test]
fn what_was_being_sent_when_a_process_died_is_not_sent_again() {
    let (_dir, mut ledger, id) = ledger();
    ledger.made(id, &made(), &[message("mail", "<1@x>")]).unwrap();
    let sent = ledger.ready(at(0)).unwrap()[0].id;
    ledger.sending(sent).unwrap();
    let path = ledger.path().to_owned();
    drop(ledger);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.ready(at(1_000_000)).unwrap().len(), 0);
    let (state, note) = state(&ledger, id);
    assert_eq!(state, RunState::Failed);
    insta::assert_snapshot!(note.unwrap(), @"mail: interrupted while it was being sent: it may have arrived, and is not sent again");
}

#[test]
fn what_is_recovered_knows_what_was_run_and_what_waits() {
    let (dir, mut ledger, id) = ledger();
    ledger.made(id, &made(), &[message("mail", "<1@x>")]).unwrap();
    let path = ledger.path().to_owned();
    let told = |ledger: &Ledger| {
        (ledger.history(None, 9).unwrap(), ledger.ready(at(0)).unwrap(), ledger.handled("weekly").unwrap())
    };
    let before = told(&ledger);
    drop(ledger);
    let out = dir.path().join("out.db");
    crate::store::recover(&path, &out).unwrap();
    assert_eq!(told(&Ledger::open(&out).unwrap()), before);
}

#[test]
fn a_row_that_was_changed_is_an_error_not_a_run() {
    let (_dir, ledger, _) = ledger();
    let path = ledger.path().to_owned();
    ledger.conn.execute_batch("UPDATE job_run SET state = 'sent'").unwrap();
    assert!(matches!(ledger.history(None, 9), Err(StoreError::Damaged { .. })));
    drop(ledger);
    assert_eq!(check(&path).unwrap().problems[0].place, "job_run");
}
