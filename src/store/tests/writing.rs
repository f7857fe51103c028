//! The writer's thread: order, durability, chores.

use std::time::Duration;

use super::*;
use crate::model::Life;
use crate::store::group::Group;
use crate::store::{DATABASE_FILE, Reader};

fn log_bytes(dir: &tempfile::TempDir) -> u64 {
    let log = dir.path().join(format!("{DATABASE_FILE}-wal"));
    log.metadata().map_or(0, |log| log.len())
}

#[tokio::test]
async fn commits_are_stored_in_the_order_of_the_calls_not_of_the_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let first = writer.commit(vec![Fact::Job(job("stock", 1))]);
    let second = writer.commit(vec![Fact::Job(job("stock", 2))]);
    let never_awaited = writer.commit(vec![Fact::Job(job("stock", 3))]);
    drop(never_awaited);
    second.await.unwrap();
    first.await.unwrap();
    writer.health_write().await.unwrap();
    let found = Reader::open(dir.path()).unwrap().job(&Name::from("stock"));
    assert_eq!(found.unwrap(), Some(job("stock", 3)));
}

#[tokio::test]
async fn a_commit_that_was_asked_for_before_the_end_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let waiting: Vec<_> = (1..=100)
        .map(|cursor| writer.commit(vec![Fact::Job(job("stock", cursor))]))
        .collect();
    drop(writer);
    for commit in waiting {
        commit.await.unwrap();
    }
    let jobs = Store::open(dir.path()).unwrap().load().unwrap().jobs;
    assert_eq!(jobs, [job("stock", 100)]);
}

#[test]
fn commits_of_many_threads_are_all_stored() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let writer = &writer;
            scope.spawn(move || {
                for id in 1..=50 {
                    let id = thread * 50 + id;
                    for step in life_of_a_run(id, &format!("job-{thread}"), i64::try_from(id).unwrap()) {
                        writer.commit_blocking(step).unwrap();
                    }
                }
            });
        }
    });
    let reader = Reader::open(dir.path()).unwrap();
    let filter = crate::store::HistoryFilter {
        outcome: Some(crate::model::Outcome::Succeeded),
        limit: 1_000,
        ..Default::default()
    };
    assert_eq!(reader.history(&filter).unwrap().len(), 400);
}

#[tokio::test]
async fn a_checkpoint_empties_the_log_and_closing_removes_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit(vec![Fact::Job(job("stock", 1))]).await.unwrap();
    assert!(log_bytes(&dir) > 0);
    writer.checkpoint().await.unwrap();
    assert_eq!(log_bytes(&dir), 0);
    writer.commit(vec![Fact::Job(job("stock", 2))]).await.unwrap();
    writer.close().unwrap();
    assert!(!dir.path().join(format!("{DATABASE_FILE}-wal")).exists());
}

/// Stores runs that print 64 KiB each; the largest log seen meanwhile.
fn write_much(dir: &tempfile::TempDir, writer: &Writer, runs: std::ops::Range<u64>) -> u64 {
    let tail = "x".repeat(64 * 1024);
    let sizes = runs.map(|id| {
        let claimed = run(id, "stock", i64::try_from(id).unwrap());
        let talkative = Attempt {
            output: Output {
                tail: tail.clone(),
                ..Output::default()
            },
            ..attempt(&claimed, 1)
        };
        let commit = vec![Fact::Run(claimed), Fact::Attempt(talkative)];
        writer.commit_blocking(commit).unwrap();
        log_bytes(dir)
    });
    sizes.max().unwrap()
}

#[test]
fn the_log_stays_small_however_much_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let largest = write_much(&dir, &writer, 1..600);
    assert!(largest > 16 << 20, "{largest} shows no growth to bound");
    assert!(largest < 24 << 20, "{largest}");
}

#[test]
fn the_log_shrinks_again_after_a_reader_that_kept_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let slow = rusqlite::Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
    slow.execute_batch("BEGIN; SELECT count(*) FROM runs").unwrap();
    let kept = write_much(&dir, &writer, 1..400);
    assert!(kept > 24 << 20, "{kept} was not kept by the reader");
    drop(slow);
    write_much(&dir, &writer, 400..700);
    assert!(log_bytes(&dir) < 24 << 20, "{}", log_bytes(&dir));
}

#[test]
fn only_a_sign_of_life_that_says_nothing_new_is_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut group = Group::new(&store.connection).unwrap();
    let started_at = Timestamp::UNIX_EPOCH;
    let at = |minute: i64| started_at + jiff::SignedDuration::from_mins(minute);
    let life = |minute| Life {
        number: 1,
        started_at,
        seen_at: at(minute),
        ended_at: None,
        boot_id: "b".to_owned(),
        version: "1".to_owned(),
        back: None,
    };
    let ended = Life {
        ended_at: Some(at(9)),
        ..life(9)
    };
    let (said, synced) = (true, false);
    for (facts, is_only_said) in [
        (vec![Fact::Life(life(0))], synced),
        (vec![Fact::Life(life(1))], said),
        (vec![Fact::Life(life(2))], said),
        (vec![Fact::Life(life(3)), Fact::Job(job("stock", 1))], synced),
        (vec![Fact::Life(life(4))], synced),
        (vec![Fact::Job(job("stock", 2))], synced),
        (vec![Fact::Life(life(5))], said),
        (vec![Fact::Life(ended)], synced),
    ] {
        assert_eq!(group.is_sign_of_life(&[&facts]), is_only_said, "{facts:?}");
        assert_eq!(group.commit(&[&facts]), [Ok(())]);
        let mode = |row: &rusqlite::Row| row.get::<_, i64>(0);
        let mode = store.connection.query_row("PRAGMA synchronous", [], mode).unwrap();
        assert_eq!(mode, 2, "the next commit is synced");
    }
    drop(group);
    let found = store.load().unwrap().life.unwrap();
    assert_eq!(found.seen_at, at(9));
}

#[tokio::test]
async fn a_health_write_is_a_real_one() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.health_write().await.unwrap();
    writer.health_write().await.unwrap();
    writer.close().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let counted: i64 = store
        .connection
        .query_row("SELECT health_writes FROM state_directory", [], |row| row.get(0))
        .unwrap();
    assert_eq!(counted, 2);
}

#[tokio::test]
async fn a_writer_that_has_written_much_copies_its_log_when_nothing_more_comes_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let database = dir.path().join(DATABASE_FILE);
    let writer = store.into_writer_resting_after(Duration::from_millis(10)).unwrap();
    let before = database.metadata().unwrap().len();
    let jobs = (0..5_000).map(|number| Fact::Job(job(&format!("job-{number}"), 1)));
    writer.commit(jobs.collect::<Vec<_>>()).await.unwrap();
    writer.rested().await;
    let copied = database.metadata().unwrap().len() - before;
    assert!(copied > 256 << 10, "{copied}");
}
