//! Wherever the database is damaged, and however its files were tampered with, the next start goes on.

use std::fs;

use freshd::model::Outcome;

use super::Going;

/// The daemon ends in order, so that the database holds everything and has no log.
fn damaged(what: &str, change: impl Fn(&mut Vec<u8>)) {
    let (going, mut daemon) = Going::begin();
    assert!(daemon.terminate().success(), "{}", daemon.log());
    going.change("freshd.db", change);
    let house = going.goes_on(what);
    assert_eq!(set_aside(&house.state_dir()).len(), 1, "{what}");
}

fn set_aside(state: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(state).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("freshd.db.damaged-")).collect()
}

#[test]
fn a_damaged_header() {
    damaged("the header", |bytes| bytes[..100].fill(0xA5));
}

#[test]
fn damaged_pages() {
    damaged("pages", |bytes| {
        for page in bytes.chunks_mut(4_096).skip(1) {
            page[..8].fill(0xA5);
        }
    });
}

#[test]
fn a_database_that_was_cut_to_half() {
    damaged("cut", |bytes| bytes.truncate(bytes.len() / 2));
}

#[test]
fn an_empty_file() {
    damaged("emptied", Vec::clear);
}

#[test]
fn a_database_that_is_gone() {
    let (going, daemon) = Going::begin();
    daemon.kill();
    for name in ["freshd.db", "freshd.db-wal", "freshd.db-shm"] {
        fs::remove_file(going.state(name)).unwrap();
    }
    going.goes_on("gone");
}

#[test]
fn a_log_with_a_broken_page_in_the_middle() {
    let (going, daemon) = Going::begin();
    let before = fs::metadata(going.state("freshd.db-wal")).unwrap().len();
    daemon.kill();
    going.change("freshd.db-wal", |bytes| {
        // Behind what the backup knows: the log of a young database holds all there is.
        let at = usize::try_from(before).unwrap() * 2 / 3;
        bytes[at..at + 4_096].fill(0xA5);
    });
    going.goes_on("the log");
}

#[test]
fn a_log_that_is_gone() {
    let (going, daemon) = Going::begin();
    daemon.kill();
    fs::remove_file(going.state("freshd.db-wal")).unwrap();
    going.goes_on("no log");
}

#[test]
fn an_old_copy_that_somebody_put_in_its_place() {
    let (going, mut daemon) = Going::begin();
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let backups = fs::read_dir(going.state("backup")).unwrap();
    let backup = backups.map(|entry| entry.unwrap().path()).max().unwrap();
    fs::copy(backup, going.state("freshd.db")).unwrap();
    going.goes_on("an old copy");
}

#[test]
fn a_daemon_without_any_backup_begins_anew_and_repeats_nothing() {
    let (going, mut daemon) = Going::begin();
    assert!(daemon.terminate().success(), "{}", daemon.log());
    fs::remove_dir_all(going.state("backup")).unwrap();
    going.change("freshd.db", |bytes| bytes[..100].fill(0xA5));
    let ran_before = going.dues().len();
    let waits = going.waits;
    let mut daemon = going.house.daemon();
    daemon.logs(&["all of freshd's records before"]);
    let mut going = going;
    going.go.say("go");
    let (run, _) = daemon.finished(waits, &going.house);
    assert_eq!(run.exit_code, Some(7));
    let now = going.house.reader().snapshot().unwrap().last_run.unwrap().0;
    super::until_ticked(&going.house, now + 2);
    let ran = going.dues();
    assert!(ran.len() > ran_before);
    assert_eq!(
        ran.iter().collect::<std::collections::BTreeSet<_>>().len(),
        ran.len(),
        "{ran:?}"
    );
    assert!(
        going
            .house
            .runs()
            .iter()
            .all(|run| run.id.0 > going.backed_up || run.outcome.is_some())
    );
    assert!(daemon.terminate().success(), "{}", daemon.log());
    assert_eq!(super::told(&going.house), ["fallback", "sales", "warehouse"]);
}

#[test]
fn what_only_logs_are_left_of_is_lost_and_its_occurrence_missed() {
    let (going, mut daemon) = Going::begin();
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let ran_before = going.dues();
    // Nobody is left who saw the ends.
    super::freshd_process::process::end_all(|| going.house.keepers());
    for entry in fs::read_dir(going.state("keeper")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    going.change("freshd.db", |bytes| bytes[..100].fill(0xA5));
    let highest = super::highest_attempt(&going);
    let mut daemon = going.house.daemon();
    super::until_ticked(&going.house, highest + 2);
    let ran = going.dues();
    assert!(ran.len() > ran_before.len());
    assert_eq!(
        ran.iter().collect::<std::collections::BTreeSet<_>>().len(),
        ran.len(),
        "{ran:?}"
    );
    let runs = going.house.runs();
    let says_so = |run: &freshd::model::Run| {
        let reason = run.reason.as_deref().unwrap_or_default();
        reason.contains("were lost with the database of that time")
    };
    let with = |outcome| {
        runs.iter()
            .filter(move |run| run.outcome == Some(outcome) && says_so(run))
    };
    // The backup knows two seconds at least.
    assert!(with(Outcome::Missed).count() >= 2, "{runs:?}");
    let lost: Vec<_> = with(Outcome::Lost).collect();
    assert!(
        lost.iter().filter(|run| run.job.as_str() == "ticks").count() >= 2,
        "{runs:?}"
    );
    assert!(
        lost.iter().all(|run| run.started_at.is_some() && run.due_at.is_none()),
        "{lost:?}"
    );
    let (code, log) = going.house.freshd(&["logs", &lost[0].id.to_string()]);
    assert_eq!(code, Some(0));
    assert!(log.contains(&format!("tick {}", lost[0].id)), "{log}");
    assert!(daemon.terminate().success(), "{}", daemon.log());
    assert_eq!(super::told(&going.house), ["fallback", "sales", "warehouse"]);
}
