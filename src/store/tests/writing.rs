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

/// How the commits of lives are synced from now on: read in each as it is stored.
fn note_how_lives_are_synced(store: &Store) {
    let notes = ["INSERT", "UPDATE"].map(|change| {
        format!(
            "CREATE TEMP TRIGGER noted_{change} AFTER {change} ON main.lives
             BEGIN INSERT INTO synced SELECT synchronous FROM pragma_synchronous; END;"
        )
    });
    let table = "CREATE TEMP TABLE synced (mode INTEGER NOT NULL);";
    store
        .connection
        .execute_batch(&(table.to_owned() + &notes.concat()))
        .unwrap();
}

/// How the last commit of a life was synced, once it was noted; 1 means that a power cut may take it, 2 that none can.
fn synced(store: &Store) -> Option<i64> {
    let sql = "DELETE FROM synced RETURNING mode";
    let mut taken = store.connection.prepare(sql).unwrap();
    let modes = taken.query_map([], |row| row.get(0)).unwrap();
    let modes: Vec<i64> = modes.map(Result::unwrap).collect();
    assert!(modes.len() <= 1, "{modes:?}");
    modes.first().copied()
}

fn life_seen_at(minute: i64) -> Life {
    let started_at = Timestamp::UNIX_EPOCH;
    Life {
        number: 1,
        started_at,
        seen_at: started_at + jiff::SignedDuration::from_mins(minute),
        ended_at: None,
        boot_id: "b".to_owned(),
        version: "1".to_owned(),
        back: None,
    }
}

fn life_ended_at(minute: i64) -> Life {
    let life = life_seen_at(minute);
    Life {
        ended_at: Some(life.seen_at),
        ..life
    }
}

#[test]
fn only_a_sign_of_life_that_says_nothing_new_is_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut group = Group::new(&store.connection).unwrap();
    note_how_lives_are_synced(&store);
    let life = |minute| Fact::Life(life_seen_at(minute));
    let (unsynced, whole) = (Some(1), Some(2));
    for (facts, expected) in [
        (vec![life(0)], whole),
        (vec![life(1)], unsynced),
        (vec![life(2)], unsynced),
        (vec![life(3), Fact::Job(job("stock", 1))], whole),
        (vec![life(4)], unsynced),
        (vec![Fact::Job(job("stock", 2))], None),
        (vec![life(5)], unsynced),
        (vec![Fact::Life(life_ended_at(9))], whole),
    ] {
        assert_eq!(group.commit(&[&facts]), [Ok(())]);
        assert_eq!(synced(&store), expected, "{facts:?}");
        let mode = |row: &rusqlite::Row| row.get::<_, i64>(0);
        let mode = store.connection.query_row("PRAGMA synchronous", [], mode).unwrap();
        assert_eq!(mode, 2, "the next commit is synced");
    }
    drop(group);
    let found = store.load().unwrap().life.unwrap();
    assert_eq!(found, life_ended_at(9));
}

#[test]
fn a_life_that_was_refused_is_no_mere_sign_of_life_when_it_is_said_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut group = Group::new(&store.connection).unwrap();
    assert_eq!(group.commit(&[&[Fact::Life(life_seen_at(0))]]), [Ok(())]);
    note_how_lives_are_synced(&store);
    let refuse = "CREATE TEMP TRIGGER refused BEFORE UPDATE ON main.lives BEGIN SELECT RAISE(ABORT, 'no'); END";
    store.connection.execute_batch(refuse).unwrap();
    let ended = [Fact::Life(life_ended_at(1))];
    assert!(group.commit(&[&ended])[0].is_err());
    store.connection.execute_batch("DROP TRIGGER refused").unwrap();
    assert_eq!(group.commit(&[&ended]), [Ok(())]);
    assert_eq!(synced(&store), Some(2));
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
