//! A disk that is full, or does not keep what it is given: no start without a durable record, no end untold.

use super::keeper_house::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use freshd::model::{AttemptState, Event, ExitStatus};

/// A keeper some of whose syncs fail, counted from the first: `fdatasync` of a file or `fsync` of a directory.
fn keeper_with_failing(house: &House, call: &str, error: &str, which: &str) -> Child {
    keeper_with(house, call, &format!("error={error}:when={which}"))
}

/// A keeper whose calls of this kind come out as strace is told here.
fn keeper_with(house: &House, call: &str, injected: &str) -> Child {
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    strace.expect("this test needs strace (Debian: strace)");
    let log = log_of_keeper(house);
    let strace = format!("strace -D -qq -o /dev/null -e trace={call} -e inject={call}:{injected}");
    house.keeper_under(&format!("exec 2>{}; exec {strace}", log.display()), 300)
}

fn log_of_keeper(house: &House) -> PathBuf {
    house.dir.join("keeper/1.log")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_started_and_all_is_well_when_there_is_space_again() {
    let mut house = House::empty();
    fs::create_dir(house.dir.join("keeper")).unwrap();
    let journal = house.dir.join("keeper/1.journal");
    symlink("/dev/full", &journal).unwrap();
    let mut keeper = house.keeper_by_hand("true");
    house.open(&[]).await;
    let begun = Instant::now();
    let exit = house.run(house.shell(1, "exit 3")).await;
    assert_eq!(exit.status, ExitStatus::Code(3));
    // Refused at first; the keeper mends its journal within a second, the daemon tries again after two.
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(!fs::symlink_metadata(&journal).unwrap().is_symlink());
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_there_is_no_room_to_sync_ends_are_told_and_starts_wait_until_there_is() {
    let mut house = House::empty();
    // The start of the first is synced; its end is not, nor the first repair.
    let mut keeper = keeper_with_failing(&house, "fdatasync", "ENOSPC", "2..3");
    house.open(&[]).await;
    house.keepers().start(house.shell(1, "exit 5"));
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    let text = "echo started >> evidence; exit 6";
    assert_eq!(house.run(house.shell(2, text)).await.status, ExitStatus::Code(6));
    assert_eq!(fs::read_to_string(house.dir.join("evidence")).unwrap(), "started\n");
    let log = fs::read_to_string(log_of_keeper(&house)).unwrap();
    assert!(log.contains("the journal is whole again"), "{log}");
    assert!(
        !house.dir.join("keeper/2.lock").exists(),
        "no other keeper was needed: {log}"
    );
    // The repaired journal holds the end that could not be saved.
    house.drop_daemon();
    house.kill_keepers();
    keeper.wait().unwrap();
    house.open(&[stored(1, AttemptState::Started)]).await;
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_counts_from_the_start_of_the_process_however_long_its_record_takes_to_sync() {
    let mut house = House::empty();
    let mut keeper = keeper_with(&house, "fdatasync", "delay_enter=2s");
    house.open(&[]).await;
    // It runs for a third of its time, and its record is synced after more than all of that.
    let mut spec = house.shell(1, "sleep 0.5; exit 5");
    spec.timeout = Some(Duration::from_millis(1_500));
    house.keepers().start(spec);
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    house.drop_daemon();
    house.kill_keepers();
    keeper.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_lost_a_sync_is_trusted_with_no_further_start_by_that_keeper() {
    let mut house = House::empty();
    let hold = both_ends(&house.fifo("hold"));
    let mut keeper = keeper_with_failing(&house, "fdatasync", "EIO", "2");
    house.open(&[]).await;
    house.keepers().start(house.shell(1, "read x < hold; exit 5"));
    house.pid(1).await;
    // Refused, since its start could not be synced; another keeper starts it, once.
    let text = "echo started >> evidence; exit 6";
    assert_eq!(house.run(house.shell(2, text)).await.status, ExitStatus::Code(6));
    assert_eq!(fs::read_to_string(house.dir.join("evidence")).unwrap(), "started\n");
    assert!(house.dir.join("keeper/2.lock").exists());
    std::io::Write::write_all(&mut &hold, b"go\n").unwrap();
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    house.keepers().acknowledge(id(1));
    // With nothing left to tell it leaves.
    wait_for_child(&mut keeper);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_was_replaced_by_a_shorter_one_is_the_journal_even_if_that_was_not_synced() {
    let mut house = House::empty();
    let _hold = both_ends(&house.fifo("hold"));
    let mut keeper = keeper_with_failing(&house, "fsync", "EIO", "1");
    house.open(&[]).await;
    // A byte of a report is six in the journal, which is replaced when it is 4 MiB long.
    let text = "head -c 65536 /dev/zero > $FRESHD_REPORT";
    for run in 1..=13 {
        house.keepers().start(house.shell(run, text));
        house.exit().await;
    }
    house
        .keepers()
        .start(house.shell(20, "echo started >> evidence; read x < hold"));
    house.pid(20).await;
    house.drop_daemon();
    house.kill_keepers();
    keeper.wait().unwrap();
    house.open(&[stored(20, AttemptState::Claimed)]).await;
    // It is watched, not taken for one that never ran.
    assert!(matches!(house.event().await, Event::AttemptStarted { id: started, .. } if started == id(20)));
    let log = fs::read_to_string(log_of_keeper(&house)).unwrap();
    assert!(log.contains("nothing is started until this is repaired"), "{log}");
}
