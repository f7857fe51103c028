//! A database that cannot be used is set aside and a backup goes on in its place, wherever that is cut short.

use std::fs;
use std::path::Path;

use super::*;
use crate::model::{Restoration, Snapshot};
use crate::store::restore::{Origin, Plan, finish_steps, prepare};
use crate::store::{DATABASE_FILE, OpenError, Reader, SEEN_FILE, migrate, seen, suspect};

/// A directory whose database holds 200 runs, of which a backup holds the first 100.
fn half_backed_up() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let claims = |ids: std::ops::Range<u64>| ids.map(|id| Fact::Run(run(id, "stock", i64::try_from(id).unwrap())));
    writer.commit_blocking(claims(1..101).collect()).unwrap();
    Reader::open(dir.path())
        .unwrap()
        .backup_daily(dir.path(), at(100))
        .unwrap();
    for id in 101..201 {
        writer.commit_blocking(claims(id..id + 1).collect()).unwrap();
    }
    writer.close().unwrap();
    dir
}

fn open(dir: &Path) -> Snapshot {
    Store::open_and_load(dir).unwrap().1
}

/// The restoration that is to be taken up; the runs are those of the backup.
fn restored(dir: &Path) -> Restoration {
    let snapshot = open(dir);
    assert_eq!(snapshot.last_run, Some(RunId(100)));
    let restoration = snapshot.restoration.expect("the records are known to be lost");
    assert_eq!(restoration.taken_up_at, None);
    assert_eq!(restoration.from, Some(at(100)));
    assert!(restoration.until > at(100));
    let seen = restoration.seen.as_ref().expect("it was noted how far they had come");
    assert_eq!((seen.run, seen.changes), (200, 101));
    restoration
}

fn aside(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".damaged-") || name.contains(".replaced-"))
        .collect();
    names.sort();
    names
}

fn damage(dir: &Path, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let file = dir.join(DATABASE_FILE);
    let mut bytes = fs::read(&file).unwrap();
    change(&mut bytes);
    fs::write(&file, &bytes).unwrap();
    bytes
}

#[test]
fn wherever_a_database_is_damaged_the_backup_goes_on_and_the_damaged_one_is_kept() {
    type Damage = fn(&mut Vec<u8>);
    let kinds: [(&str, Damage); 6] = [
        ("the header", |bytes| bytes[..16].fill(0xA5)),
        ("what says whose it is", |bytes| bytes[68..72].fill(0xA5)),
        ("the schema", |bytes| bytes[100..1_000].fill(0xA5)),
        ("the second half", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle..].fill(0xA5);
        }),
        ("cut to half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("emptied", Vec::clear),
    ];
    for (what, change) in kinds {
        let dir = half_backed_up();
        let damaged = damage(dir.path(), change);
        let restoration = restored(dir.path());
        assert_eq!(
            restoration.backup.as_deref(),
            Some("daily-20260921T141500Z.db"),
            "{what}"
        );
        let name = restoration.set_aside.expect(what);
        assert!(aside(dir.path()).contains(&name), "{what}");
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), damaged, "{what}");
    }
}

#[test]
fn a_database_that_is_gone_is_not_taken_for_a_new_one() {
    let dir = half_backed_up();
    fs::remove_file(dir.path().join(DATABASE_FILE)).unwrap();
    assert!(restored(dir.path()).because.contains("it is gone"));
    assert_eq!(aside(dir.path()), Vec::<String>::new());
}

#[test]
fn without_a_backup_the_records_begin_anew_and_say_so() {
    let dir = half_backed_up();
    fs::remove_dir_all(dir.path().join("backup")).unwrap();
    damage(dir.path(), |bytes| bytes[100..].fill(0xA5));
    let snapshot = open(dir.path());
    assert_eq!((snapshot.last_run, snapshot.newest_record_at), (None, None));
    let restoration = snapshot.restoration.unwrap();
    assert_eq!((restoration.backup, restoration.from), (None, None));
    assert_eq!(restoration.seen.unwrap().run, 200);
    assert_eq!(aside(dir.path()).len(), 1);
}

#[test]
fn a_backup_that_is_damaged_itself_is_passed_over_for_an_older_one() {
    let dir = half_backed_up();
    let newer = dir.path().join("backup/daily-20260922T000000Z.db");
    let backup = dir.path().join("backup/daily-20260921T141500Z.db");
    let mut bytes = fs::read(&backup).unwrap();
    bytes[5_000..].fill(0xA5);
    fs::write(&newer, bytes).unwrap();
    fs::write(dir.path().join("backup/daily-20260923T000000Z.db"), "no database").unwrap();
    damage(dir.path(), |bytes| bytes[100..].fill(0xA5));
    assert_eq!(
        restored(dir.path()).backup.as_deref(),
        Some("daily-20260921T141500Z.db")
    );
}

#[test]
fn an_old_copy_that_was_put_in_its_place_is_known_for_what_it_is() {
    let dir = half_backed_up();
    fs::copy(
        dir.path().join("backup/daily-20260921T141500Z.db"),
        dir.path().join(DATABASE_FILE),
    )
    .unwrap();
    let restoration = restored(dir.path());
    assert!(
        restoration.because.contains("its last 100 changes were gone"),
        "{}",
        restoration.because
    );
    // Once is enough.
    let again = open(dir.path()).restoration.unwrap();
    assert_eq!(again, restoration);
}

#[test]
fn a_log_that_was_cut_or_is_gone_is_known_by_what_is_missing() {
    for cut_to in [None, Some(40_000)] {
        let dir = half_backed_up();
        // As a killed daemon leaves it: everything new is in the log.
        let store = Store::open(dir.path()).unwrap();
        let mut group = crate::store::group::Group::new(&store.connection)
            .unwrap()
            .witnessed_by(crate::store::seen::Witness::begin(dir.path(), &store.connection).unwrap());
        for id in 201..301 {
            let facts = [Fact::Run(run(id, "stock", i64::try_from(id).unwrap()))];
            assert_eq!(group.commit(&[&facts]), [Ok(())]);
        }
        let killed = tempfile::tempdir().unwrap();
        for name in [DATABASE_FILE, "freshd.db-wal", SEEN_FILE] {
            fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
        }
        let log = killed.path().join("freshd.db-wal");
        match cut_to {
            None => fs::remove_file(&log).unwrap(),
            Some(bytes) => fs::File::options()
                .write(true)
                .open(&log)
                .unwrap()
                .set_len(bytes)
                .unwrap(),
        }
        let snapshot = open(killed.path());
        let last = snapshot.last_run.unwrap().0;
        assert!((200..300).contains(&last), "{last}");
        let restoration = snapshot.restoration.expect("runs are missing");
        assert_eq!(restoration.seen.unwrap().run, 300);
        assert_eq!(restoration.from, Some(at(i64::try_from(last).unwrap())));
    }
}

#[test]
fn a_power_cut_that_took_the_note_is_no_reason_to_distrust_the_database() {
    let dir = half_backed_up();
    let line = format!("{:>20} {:>20} {:>20} {:>20} {:<36}\n", 7, 7, 0, 0, "");
    for noted in [line.as_str(), "", "\0\0\0"] {
        fs::write(dir.path().join(SEEN_FILE), noted).unwrap();
        let snapshot = open(dir.path());
        assert_eq!(
            (snapshot.last_run, snapshot.restoration),
            (Some(RunId(200)), None),
            "{noted:?}"
        );
    }
}

#[test]
fn a_restoration_that_is_cut_short_anywhere_is_finished_by_the_next_start() {
    // The log, its index and the database go aside, and the backup comes: four renames.
    for renames in 0..=4 {
        let dir = half_backed_up();
        fs::write(dir.path().join("freshd.db-wal"), "log").unwrap();
        fs::write(dir.path().join("freshd.db-shm"), "index").unwrap();
        damage(dir.path(), |bytes| bytes[100..].fill(0xA5));
        let plan = Plan {
            dir: dir.path(),
            steps: migrate::STEPS,
            now: at(500),
            origin: Origin::Newest,
            because: "it was damaged",
            word: "damaged",
        };
        prepare(&plan).unwrap();
        finish_steps(dir.path(), renames).unwrap();
        let restoration = restored(dir.path());
        assert_eq!(restoration.at, at(500), "after {renames} renames it was begun anew");
        let name = restoration.set_aside.unwrap();
        let companion = |end: &str| format!("{name}{end}");
        assert_eq!(
            aside(dir.path()),
            [name.clone(), companion("-shm"), companion("-wal")],
            "after {renames} renames"
        );
        assert_eq!(fs::read_to_string(dir.path().join(companion("-wal"))).unwrap(), "log");
        // And it is over: the next start has nothing to finish.
        assert_eq!(open(dir.path()).last_run, Some(RunId(100)));
        assert_eq!(aside(dir.path()).len(), 3);
    }
}

#[test]
fn a_restoration_that_was_only_half_written_changes_nothing() {
    let dir = half_backed_up();
    fs::write(dir.path().join("freshd.db.restoring-partial"), "half of it").unwrap();
    let snapshot = open(dir.path());
    assert_eq!((snapshot.last_run, snapshot.restoration), (Some(RunId(200)), None));
    assert!(!dir.path().join("freshd.db.restoring-partial").exists());
}

#[test]
fn what_was_set_aside_once_is_never_overwritten() {
    let dir = half_backed_up();
    for number in 0..3 {
        damage(dir.path(), |bytes| bytes[100..].fill(0xA5));
        open(dir.path());
        assert_eq!(aside(dir.path()).len(), number + 1);
    }
}

#[test]
fn a_suspect_database_is_read_through_and_then_trusted_again() {
    let dir = half_backed_up();
    suspect(dir.path(), "the disk said so");
    assert_eq!(open(dir.path()).last_run, Some(RunId(200)));
    assert!(!dir.path().join(crate::store::SUSPECT_FILE).exists());
}

#[test]
fn a_backup_is_restored_by_hand_only_when_nobody_writes_and_only_if_it_can_be_used() {
    let dir = half_backed_up();
    let wrong = dir.path().join("wrong.db");
    fs::write(&wrong, "no database").unwrap();
    let refused = Store::restore(dir.path(), Some(&wrong), "by hand").unwrap_err();
    assert!(matches!(refused, OpenError::UnusableBackup { .. }), "{refused}");
    let writing = writer(&dir);
    let refused = Store::restore(dir.path(), None, "by hand").unwrap_err();
    assert!(matches!(refused, OpenError::AlreadyRunning { .. }), "{refused}");
    writing.close().unwrap();
    assert_eq!(aside(dir.path()), Vec::<String>::new());

    let done = Store::restore(dir.path(), None, "by hand").unwrap();
    assert_eq!(done.backup.as_deref(), Some("daily-20260921T141500Z.db"));
    assert!(aside(dir.path())[0].contains(".replaced-"));
    assert_eq!(restored(dir.path()), done);
}

#[test]
fn what_was_concluded_from_a_restoration_is_stored_with_the_rest() {
    let dir = half_backed_up();
    damage(dir.path(), |bytes| bytes[100..].fill(0xA5));
    let (store, snapshot) = Store::open_and_load(dir.path()).unwrap();
    let taken_up = Restoration {
        taken_up_at: Some(at(900)),
        last_run: Some(RunId(1_200)),
        ..snapshot.restoration.unwrap()
    };
    let ahead = Run {
        due_at: Some(at(700)),
        ..run(250, "stock", 700)
    };
    let writer = store.into_writer().unwrap();
    let facts = vec![
        Fact::Restored(taken_up.clone()),
        Fact::Job(job("stock", 100)),
        Fact::Run(ahead),
    ];
    writer.commit_blocking(facts).unwrap();
    writer.close().unwrap();
    let snapshot = open(dir.path());
    assert_eq!(snapshot.restoration, Some(taken_up));
    // Should this database be lost too, the numbers that no run shows are still known, also after a start.
    assert_eq!(seen::read(dir.path()).unwrap().run, 1_200);
    let next = Store::open(dir.path()).unwrap().into_writer().unwrap();
    next.close().unwrap();
    assert_eq!(seen::read(dir.path()).unwrap().run, 1_200);
    assert_eq!(snapshot.known_ahead, [(Name::from("stock"), at(700))]);
}
