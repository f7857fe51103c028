//! A disk that fails under the database: the daemon ends with a clear word, and the next start goes on; killed at any
//! step of going on, the start after that does it.

use std::process::{Command, Stdio};

use super::freshd_process::House;
use super::freshd_process::daemon::Daemon;

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["files:fallback"]

[channels.files]
type = "file"
dir = "HOUSE/outbox"

[jobs.ticks]
owner = "nobody"
command = "echo $FRESHD_DUE >> HOUSE/evidence"
schedule = "* * * * * *"
seconds = true
"#;

/// `freshd serve` of which some system calls fail or kill it.
fn serve_with(house: &House, inject: &[&str]) -> Command {
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    strace.expect("this test needs strace (Debian: strace)");
    let mut strace = Command::new("strace");
    strace
        .args(["-D", "-qq", "-o", "/dev/null", "-e", "signal=none"])
        .args(inject);
    house.serve_under(strace)
}

fn ticked(house: &House) {
    house.until_stored("the clock ticks", |reader| {
        reader.last_run_of(&"ticks".into()).unwrap().is_some()
    });
}

#[test]
fn a_sync_that_fails_ends_the_daemon_with_a_clear_word_and_the_next_start_reads_the_database_through() {
    let house = House::with(JOBS);
    let mut daemon = house.daemon();
    ticked(&house);
    assert!(daemon.terminate().success(), "{}", daemon.log());
    // Its threads are followed, and only what they sync below the state directory fails.
    let database = house.state_dir().join("freshd.db-wal");
    let database = database.to_str().unwrap();
    let calls = [
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        "inject=fsync,fdatasync:error=EIO:when=3+",
    ];
    let inject = [&["-f", "-P", database][..], &calls].concat();
    let mut daemon = Daemon::spawn(serve_with(&house, &inject), &house);
    daemon.logs(&["could not store what was decided", "the database cannot be written"]);
    assert_eq!(daemon.ended().code(), Some(1), "{}", daemon.log());
    let suspect = house.state_dir().join("freshd.suspect");
    assert!(suspect.exists());
    let mut daemon = house.daemon();
    assert!(!suspect.exists(), "it was read through");
    ticked(&house);
    assert!(daemon.terminate().success(), "{}", daemon.log());
    // Nothing was lost, so nobody was told so.
    assert!(house.reader().snapshot().unwrap().restoration.is_none());
}

#[test]
fn a_start_that_is_killed_at_any_rename_of_a_restoration_is_finished_by_the_next() {
    // The copy gets its name; the database goes aside; the backup takes its place.
    for rename in 1..=3 {
        let house = House::with(JOBS);
        let mut daemon = house.daemon();
        ticked(&house);
        assert_eq!(house.freshd(&["backup"]).0, Some(0));
        assert!(daemon.terminate().success(), "{}", daemon.log());
        let before = house.reader().snapshot().unwrap().last_run;
        let database = house.state_dir().join("freshd.db");
        let mut bytes = std::fs::read(&database).unwrap();
        bytes[..100].fill(0xA5);
        std::fs::write(&database, &bytes).unwrap();
        let inject = format!("inject=rename:signal=KILL:when={rename}");
        let mut daemon = Daemon::spawn(serve_with(&house, &["-e", "trace=rename", "-e", &inject]), &house);
        assert!(!daemon.ended().success(), "{}", daemon.log());
        let mut daemon = house.daemon();
        daemon.logs(&["are lost, and nothing of that time is repeated"]);
        assert!(daemon.terminate().success(), "{}", daemon.log());
        assert!(house.reader().snapshot().unwrap().last_run >= before, "rename {rename}");
        let aside = std::fs::read_dir(house.state_dir()).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.to_owned();
            let is_it = name.starts_with("freshd.db.damaged-") && name.ends_with('Z');
            is_it.then_some(path)
        });
        assert_eq!(
            std::fs::read(aside.expect("it was set aside")).unwrap(),
            bytes,
            "rename {rename}"
        );
    }
}
