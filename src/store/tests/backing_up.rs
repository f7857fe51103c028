//! A backup is whole, proven and its owner's alone, or it is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::store::backup::kept;
use crate::store::{BACKUP_DIR, BackupError, DAILY_KEPT, DATABASE_FILE, Reader};

/// A directory with two runs in its database, and a reader of it.
fn two_runs() -> (tempfile::TempDir, Reader) {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer
        .commit_blocking(vec![Fact::Run(run(1, "stock", 60)), Fact::Run(run(2, "stock", 120))])
        .unwrap();
    writer.close().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    (dir, reader)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_backup_says_what_it_holds_and_only_its_owner_may_read_it() {
    let (_dir, reader) = two_runs();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("freshd.db");
    let backup = reader.backup_to(&target, false).unwrap();
    let file = fs::metadata(&target).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!((backup.bytes, backup.runs), (file.len(), 2));
    assert_eq!(backup.newest_record_at, Some(at(120)));
    assert_eq!(names(elsewhere.path()), ["freshd.db"]);
}

#[test]
fn a_file_that_is_there_stays_unless_it_may_go() {
    let (_dir, reader) = two_runs();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("notes.txt");
    fs::write(&target, "mine").unwrap();
    let refused = reader.backup_to(&target, false).unwrap_err();
    assert!(matches!(refused, BackupError::Exists { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    let refused = reader.backup_to(elsewhere.path(), true).unwrap_err();
    assert!(matches!(refused, BackupError::IsADirectory { .. }), "{refused}");
    reader.backup_to(&target, true).unwrap();
    assert_eq!(names(elsewhere.path()), ["notes.txt"]);
    assert!(fs::metadata(&target).unwrap().len() > 4_096);
}

#[test]
fn where_nothing_can_be_written_the_place_is_named_and_nothing_is_left() {
    let (_dir, reader) = two_runs();
    for (target, says) in [
        ("/nonexistent/freshd.db", "cannot be written"),
        ("/proc/freshd.db", "freshd.db"),
    ] {
        let refused = reader.backup_to(Path::new(target), false).unwrap_err().to_string();
        assert!(refused.contains(target) && refused.contains(says), "{refused}");
    }
}

#[test]
fn the_newest_daily_backups_are_kept_and_those_before_an_update_apart() {
    let (dir, reader) = two_runs();
    let backups = dir.path().join(BACKUP_DIR);
    fs::create_dir(&backups).unwrap();
    fs::write(backups.join("layout-1-20200101T000000Z.db"), "old").unwrap();
    fs::write(backups.join("README"), "not ours").unwrap();
    let day = 86_400;
    for number in 0..10 {
        reader.backup_daily(dir.path(), at(number * day)).unwrap();
    }
    let kept = kept(dir.path()).unwrap();
    let daily: Vec<PathBuf> = kept
        .iter()
        .filter(|kept| kept.is_daily)
        .map(|kept| kept.path.clone())
        .collect();
    assert_eq!(daily.len(), DAILY_KEPT);
    assert!(daily[0] > daily[1], "the newest comes first: {daily:?}");
    assert_eq!(kept.len(), DAILY_KEPT + 1);
    assert!(backups.join("README").exists());
}

#[test]
fn a_damaged_database_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let jobs = (0..2_000).map(|number| Fact::Job(job(&format!("stock-{number}"), 1)));
    writer.commit_blocking(jobs.collect()).unwrap();
    writer.close().unwrap();
    let file = dir.path().join(DATABASE_FILE);
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[end - 8_192..end - 4_096].fill(0xA5);
    fs::write(&file, bytes).unwrap();
    let target = dir.path().join("copy.db");
    let refused = Reader::open(dir.path()).unwrap().backup_to(&target, false).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged(_)), "{refused}");
    let left = names(dir.path());
    assert!(!left.iter().any(|name| name.contains("copy")), "{left:?}");
}
