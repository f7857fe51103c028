//! A disk that is full, or does not keep what it is given: no start without a durable record, no end untold.

use super::house::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use freshd::model::{AttemptState, ExitStatus};

/// A keeper some of whose syncs fail, counted from the first.
fn keeper_with_failing_syncs(house: &House, error: &str, which: &str) -> Child {
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    strace.expect("this test needs strace (Debian: strace)");
    let inject = format!("inject=fdatasync:error={error}:when={which}");
    house.keeper_under(
        &format!("exec strace -D -qq -o /dev/null -e trace=fdatasync -e {inject}"),
        300,
    )
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
    let mut keeper = keeper_with_failing_syncs(&house, "ENOSPC", "2..3");
    house.open(&[]).await;
    house.keepers().start(house.shell(1, "exit 5"));
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    let text = "echo started >> evidence; exit 6";
    assert_eq!(house.run(house.shell(2, text)).await.status, ExitStatus::Code(6));
    assert_eq!(fs::read_to_string(house.dir.join("evidence")).unwrap(), "started\n");
    let log = fs::read_to_string(house.dir.join("keeper/1.log")).unwrap_or_default();
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
async fn a_disk_that_lost_a_sync_is_trusted_with_no_further_start_by_that_keeper() {
    let mut house = House::empty();
    let hold = both_ends(&house.fifo("hold"));
    let mut keeper = keeper_with_failing_syncs(&house, "EIO", "2");
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
