//! A state directory is opened by one daemon, and refused with what to do.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::store::{BACKUP_DIR, DATABASE_FILE, OpenError, ReadError, Reader};

fn refusal(dir: &Path) -> OpenError {
    Store::open(dir).map(drop).expect_err("it is refused")
}

#[test]
fn a_second_daemon_is_refused_while_the_first_lives_and_let_in_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let first = writer(&dir);
    let error = refusal(dir.path());
    assert_eq!(
        error.to_string(),
        format!(
            "another freshd (pid {}) already runs on {}",
            std::process::id(),
            dir.path().display()
        )
    );
    first.close().unwrap();
    writer(&dir).close().unwrap();
}

#[test]
fn a_writer_that_is_dropped_gives_the_directory_back() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(&dir));
    drop(Store::open(dir.path()).unwrap());
    Store::open(dir.path()).unwrap();
}

#[test]
fn what_freshd_makes_only_its_owner_may_read() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("deep/state");
    let store = Store::open(&state).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let connection = &store.connection;
    connection
        .execute_batch("UPDATE state_directory SET health_writes = 1")
        .unwrap();
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn the_database_is_written_as_durably_as_promised() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let pragma = |name: &str| -> rusqlite::types::Value {
        let read = format!("PRAGMA {name}");
        store.connection.query_row(&read, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("synchronous"), 2.into());
    assert_eq!(pragma("foreign_keys"), 1.into());
    assert_eq!(pragma("busy_timeout"), 5_000.into());
    assert_eq!(pragma("application_id"), 0x6672_7368.into());
}

#[test]
fn a_path_through_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = refusal(&dir.path().join("file/state"));
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains("--state"));
}

#[test]
fn a_directory_in_which_nobody_may_write_is_refused() {
    // Not even root makes files here.
    let error = refusal(Path::new("/sys/kernel"));
    assert!(
        matches!(
            error,
            OpenError::NotWritable { .. } | OpenError::ReadOnlyFileSystem { .. }
        ),
        "{error}"
    );
}

#[test]
fn a_directory_that_others_can_change_is_refused_and_what_they_put_there() {
    let dir = tempfile::tempdir().unwrap();
    let may = |mode| std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    drop(Store::open(dir.path()).unwrap());
    for mode in [0o770, 0o1777] {
        may(mode);
        let error = refusal(dir.path()).to_string();
        assert!(error.contains("can be written to by others; chmod go-w"), "{error}");
    }
    may(0o755);
    drop(Store::open(dir.path()).unwrap());
    // Only root gives files to others.
    if rustix::process::geteuid().is_root() {
        let strange = dir.path().join("quarantine");
        std::os::unix::fs::symlink("/etc", &strange).unwrap();
        std::os::unix::fs::lchown(&strange, Some(65_534), None).unwrap();
        let error = refusal(dir.path()).to_string();
        assert!(error.contains("quarantine, which belongs to user 65534"), "{error}");
        std::os::unix::fs::lchown(&strange, Some(0), None).unwrap();
        drop(Store::open(dir.path()).unwrap());
        std::os::unix::fs::chown(dir.path(), Some(65_534), None).unwrap();
        let error = refusal(dir.path()).to_string();
        assert!(
            error.contains("belongs to user 65534, and freshd runs as user 0"),
            "{error}"
        );
    }
}

#[test]
fn errors_of_the_system_are_told_by_what_to_do_about_them() {
    use std::io::ErrorKind;
    let of = |kind: ErrorKind| OpenError::of_io(Path::new("/s"), kind.into()).to_string();
    assert!(of(ErrorKind::ReadOnlyFilesystem).contains("read-only file system"));
    assert!(of(ErrorKind::StorageFull).contains("make room"));
    assert!(of(ErrorKind::QuotaExceeded).contains("make room"));
    assert!(of(ErrorKind::PermissionDenied).contains("the user freshd runs as"));
}

#[test]
fn a_database_of_a_newer_freshd_is_refused_with_both_layouts_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.connection.pragma_update(None, "user_version", 71).unwrap();
    drop(store);
    let error = refusal(dir.path()).to_string();
    assert!(error.contains("its layout is 71, this freshd knows 1"), "{error}");
    assert!(error.contains(BACKUP_DIR), "{error}");
    let error = Reader::open(dir.path()).map(drop).unwrap_err();
    assert!(error.to_string().contains("layout 71"), "{error}");
}

#[test]
fn a_file_that_is_no_database_or_somebody_elses_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(DATABASE_FILE);
    std::fs::write(&file, "id;name\n1;salmon\n".repeat(500)).unwrap();
    assert!(matches!(refusal(dir.path()), OpenError::NotADatabase { .. }));
    let error = Reader::open(dir.path()).map(drop).unwrap_err();
    assert!(matches!(error, ReadError::NotADatabase { .. }), "{error}");

    std::fs::remove_file(&file).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE songs (title)").unwrap();
    drop(other);
    assert!(matches!(refusal(dir.path()), OpenError::NotADatabase { .. }));
}

#[test]
fn a_reader_needs_a_database_but_no_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let error = Reader::open(dir.path()).map(drop).unwrap_err();
    assert!(matches!(error, ReadError::NoDatabase { .. }), "{error}");
    let writer = writer(&dir);
    writer.commit_blocking(vec![Fact::Job(job("stock", 1))]).unwrap();
    let beside = Reader::open(dir.path()).unwrap();
    writer.close().unwrap();
    let after = Reader::open(dir.path()).unwrap();
    for reader in [beside, after] {
        let found = reader.job(&Name::from("stock")).unwrap();
        assert_eq!(found, Some(job("stock", 1)));
    }
    // And it takes nothing from the next daemon.
    Store::open(dir.path()).unwrap();
}
