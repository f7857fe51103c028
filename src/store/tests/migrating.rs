//! A database of an older freshd is brought up to date, whole, with a copy kept.

use rusqlite::Connection;

use super::*;
use crate::store::migrate::{STEPS, layout};
use crate::store::{BACKUP_DIR, OpenError};

/// The steps of a later freshd, of which two were added.
fn later_steps() -> Vec<&'static str> {
    let added = [
        "ALTER TABLE runs ADD COLUMN mood TEXT",
        // A table is rebuilt while others refer to it.
        "CREATE TABLE moods (run INTEGER PRIMARY KEY REFERENCES runs (id)) STRICT;
         INSERT INTO moods SELECT id FROM runs;
         CREATE TABLE incidents_new AS SELECT * FROM incidents;
         UPDATE runs SET mood = 'calm'",
    ];
    STEPS.iter().copied().chain(added).collect()
}

/// A database as the first freshd left it, with a run in it.
fn first_layout() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_with(dir.path(), &STEPS[..1], at(0)).unwrap();
    let writer = store.into_writer().unwrap();
    writer.commit_blocking(vec![Fact::Run(run(1, "stock", 60))]).unwrap();
    writer.close().unwrap();
    dir
}

fn copies(dir: &tempfile::TempDir) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(dir.path().join(BACKUP_DIR))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}

#[test]
fn every_missing_step_is_taken_and_the_old_database_kept() {
    let dir = first_layout();
    let store = Store::open_with(dir.path(), &later_steps(), at(5)).unwrap();
    assert_eq!(layout(&store.connection).unwrap(), 3);
    let mood: String = store
        .connection
        .query_row("SELECT mood FROM runs JOIN moods ON run = id", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mood, "calm");
    let kept = copies(&dir);
    assert_eq!(kept, [dir.path().join(BACKUP_DIR).join("layout-1-20260921T141325Z.db")]);
    let kept = Connection::open(&kept[0]).unwrap();
    assert_eq!(layout(&kept).unwrap(), 1);
    assert_eq!(crate::store::load::snapshot(&kept).unwrap().runs, [run(1, "stock", 60)]);
    // A second start has nothing to do.
    drop(store);
    Store::open_with(dir.path(), &later_steps(), at(9)).unwrap();
    assert_eq!(copies(&dir).len(), 1);
}

#[test]
fn a_new_directory_takes_all_steps_and_keeps_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_with(dir.path(), &later_steps(), at(0)).unwrap();
    assert_eq!(layout(&store.connection).unwrap(), 3);
    assert_eq!(copies(&dir), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_step_that_fails_leaves_the_layout_before_it() {
    let dir = first_layout();
    let mut steps = later_steps();
    for broken in [
        "UPDATE runs SET mood = 'lost'; SELECT nonsense",
        "UPDATE runs SET mood = 'lost'; INSERT INTO moods VALUES (404)",
    ] {
        steps.truncate(3);
        steps.push(broken);
        let error = Store::open_with(dir.path(), &steps, at(5)).map(drop).unwrap_err();
        assert!(matches!(error, OpenError::Other { .. }), "{error}");
    }
    steps.truncate(3);
    let store = Store::open_with(dir.path(), &steps, at(6)).unwrap();
    let mood: String = store
        .connection
        .query_row("SELECT mood FROM runs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mood, "calm");
}

#[test]
fn nothing_is_changed_when_no_copy_can_be_kept() {
    let dir = first_layout();
    std::fs::write(dir.path().join(BACKUP_DIR), "in the way").unwrap();
    let error = Store::open_with(dir.path(), &later_steps(), at(5))
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("cannot copy"), "{error}");
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(layout(&store.connection).unwrap(), 1);
}
