//! A job outlives its keeper without harm: what it prints is kept, by whoever takes over.

use super::house::*;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use freshd::model::{AttemptState, Exit, ExitStatus, StopReason};
use freshd::runner::{LineKind, read_log};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

/// Prints a line every 10 ms, waits for a word in between, and ends with 7.
const CHATTY: &str = "say() { while [ $i -lt $1 ]; do i=$((i + 1)); echo line $i; sleep 0.01; done; }; \
    i=0; say 30; echo > said; read x < go; say 100; exit 7";

fn lines(from: u32, to: u32) -> Vec<String> {
    (from..=to).map(|i| format!("line {i}")).collect()
}

/// What was said before is in the log: the keeper has seen a whole other attempt since.
async fn has_been_read(house: &mut House) {
    house.pid(1).await;
    house.run(house.shell(99, "true")).await;
}

/// The end of a job that nobody watches: its status is taken, as it is from a daemon that did not start its keeper.
async fn ended(house: &mut House, run: u64) {
    let pid = Pid::from_raw(i32::try_from(house.pid(run).await).unwrap()).unwrap();
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    wait_for(&pidfd);
    waitpid(Some(pid), WaitOptions::empty()).unwrap();
}

fn note_in(log: &Path) -> Option<String> {
    let last = read_log(log).unwrap().map(Result::unwrap).last()?;
    (last.kind == LineKind::Gap).then(|| String::from_utf8(last.text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_prints_all_the_time_does_not_notice_that_its_keeper_is_killed() {
    let mut house = House::new().await;
    let (said, mut go) = (both_ends(&house.fifo("said")), both_ends(&house.fifo("go")));
    house.keepers().start(house.shell(1, CHATTY));
    hear(&said);
    has_been_read(&mut house).await;
    house.kill_keepers();
    writeln!(go).unwrap();
    let exit = house.exit().await;
    assert_eq!((exit.id, exit.status), (id(1), ExitStatus::Code(7)));
    let expected = lines(1, 100);
    assert_eq!(house.printed(1), expected);
    let bytes: usize = expected.iter().map(|line| line.len() + 1).sum();
    assert_eq!((exit.output.bytes, exit.output.dropped_bytes), (bytes as u64, 0));
    assert_eq!(exit.output.tail, expected.join("\n") + "\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_keeper_could_not_do_says_so_and_names_what_it_ran() {
    let mut house = House::new().await;
    let mut go = both_ends(&house.fifo("go"));
    house.keepers().start(house.shell(1, "read x < go; exit 7"));
    house.pid(1).await;
    let keeper = Pid::from_raw(house.keeper_pids()[0]).unwrap();
    kill_process(keeper, Signal::STOP).unwrap();
    house.keepers().start(house.shell(2, "true"));
    // Nobody wants it any more: it is given to no other keeper.
    house.keepers().stop(id(2), StopReason::Cancelled);
    house.kill_keepers();
    let exit = house.exit().await;
    let why = "its keeper was killed (signal 9; the kernel does not tell by whom) with run 1, run 2 in its hands, \
               before it could start it";
    assert_eq!((exit.id, exit.status), (id(2), ExitStatus::NotStarted(why.to_owned())));
    writeln!(go).unwrap();
    let exit = house.exit().await;
    assert_eq!(
        (exit.id, exit.status),
        (id(1), ExitStatus::Code(7)),
        "the other one goes on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_prints_while_daemon_and_keeper_are_dead_waits_for_the_next_daemon() {
    let mut house = House::new().await;
    let (said, mut go) = (both_ends(&house.fifo("said")), both_ends(&house.fifo("go")));
    let text = "echo line 1; echo > said; read x < go; echo line 2; echo line 3; echo > said; read x < go; echo line 4; exit 7";
    house.keepers().start(house.shell(1, text));
    hear(&said);
    has_been_read(&mut house).await;
    house.drop_daemon();
    house.kill_keepers();
    writeln!(go).unwrap();
    hear(&said);
    house.open(&[stored(1, AttemptState::Started)]).await;
    writeln!(go).unwrap();
    let exit = house.exit().await;
    assert_eq!(exit.status, ExitStatus::Code(7));
    assert_eq!(house.printed(1), lines(1, 4));
    assert_eq!((exit.output.bytes, exit.output.dropped_bytes), (28, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_goes_on_within_its_limit_under_the_daemon() {
    let mut house = House::new().await;
    let said = both_ends(&house.fifo("said"));
    let text =
        "head -c 300000 /dev/zero | tr '\\0' '\\n'; echo > said; head -c 700000 /dev/zero | tr '\\0' '\\n'; echo end";
    house.keepers().start(house.shell(1, text));
    hear(&said);
    house.kill_keepers();
    let exit = house.exit().await;
    assert_eq!(exit.status, ExitStatus::Code(0));
    assert!(exit.output.tail.ends_with("\n\nend\n"));
    // What the keeper had read and not yet written went with it: at most one read.
    let bytes = exit.output.bytes;
    assert!((1_000_004 - (64 << 10)..=1_000_004).contains(&bytes), "{bytes}");
    let log = house.dir.join("logs/1.1.log");
    let mut kept = 0;
    for line in read_log(&log).unwrap().map(Result::unwrap) {
        kept += if line.kind == LineKind::Whole {
            line.text.len() as u64 + 1
        } else {
            0
        };
    }
    assert_eq!(kept, bytes - exit.output.dropped_bytes);
    let on_disk: u64 = ["", ".tail0", ".tail1"]
        .iter()
        .map(|end| {
            fs::metadata(house.dir.join(format!("logs/1.1.log{end}")))
                .unwrap()
                .len()
        })
        .sum();
    assert!(on_disk <= 128 << 10, "{on_disk}");
}

/// Ends while nobody is there, and leaves a process that holds what it printed; whether that is killed is up to `keep`.
async fn ends_alone_and_leaves_one(house: &mut House, keep: bool) -> Exit {
    let (said, mut go) = (both_ends(&house.fifo("said")), both_ends(&house.fifo("go")));
    let text = "sleep 1000 & echo > said; read x < go; echo late; exit 7";
    let mut spec = house.shell(1, text);
    spec.keep_leftovers = keep;
    house.keepers().start(spec);
    hear(&said);
    house.pid(1).await;
    house.drop_daemon();
    house.kill_keepers();
    writeln!(go).unwrap();
    ended(house, 1).await;
    house.open(&[stored(1, AttemptState::Started)]).await;
    house.exit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_job_printed_is_kept_as_long_as_anything_of_it_holds_the_pipe() {
    let mut house = House::new().await;
    let exit = ends_alone_and_leaves_one(&mut house, false).await;
    assert_eq!(house.printed(1), ["late"]);
    assert_eq!((exit.output.tail.as_str(), exit.output.bytes), ("late\n", 5));
    assert!(exit.usage.leftovers_killed >= 1);
    assert_eq!(house.job_pids(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_that_are_to_be_kept_are_kept_when_daemon_and_keeper_were_dead_at_the_end() {
    let mut house = House::new().await;
    let exit = ends_alone_and_leaves_one(&mut house, true).await;
    assert!(matches!(exit.status, ExitStatus::Unknown(_)), "{:?}", exit.status);
    assert_eq!(exit.usage.leftovers_killed, 0);
    assert_ne!(house.job_pids(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_could_hear_the_end_of_an_output_the_log_says_so() {
    let mut house = House::new().await;
    let (said, mut go) = (both_ends(&house.fifo("said")), both_ends(&house.fifo("go")));
    let text = "echo line 1; echo > said; read x < go; echo late; exit 7";
    house.keepers().start(house.shell(1, text));
    hear(&said);
    has_been_read(&mut house).await;
    house.drop_daemon();
    house.kill_keepers();
    writeln!(go).unwrap();
    ended(&mut house, 1).await;
    house.open(&[stored(1, AttemptState::Started)]).await;
    let exit = house.exit().await;
    let note = note_in(&house.dir.join("logs/1.1.log")).unwrap();
    assert_eq!(exit.output.tail, format!("line 1\n{note}\n"));
    assert!(note.contains("may be missing"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_open_its_output_again_and_reading_it_harms_nobody_else() {
    let mut house = House::new().await;
    let exit = house
        .run(house.shell(1, "echo one; echo two > /dev/stdout; echo three >> /proc/self/fd/2"))
        .await;
    assert_eq!(exit.status, ExitStatus::Code(0));
    assert_eq!(house.printed(1), ["one", "two", "three"]);
    let mut spec = house.shell(2, "cat <&1");
    spec.timeout = Some(std::time::Duration::from_millis(200));
    house.keepers().start(spec);
    assert_eq!(house.run(house.shell(3, "echo well")).await.output.tail, "well\n");
    assert_eq!(house.exit().await.status, ExitStatus::Signal(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_that_prints_without_pause_is_still_ended_at_its_timeout() {
    let mut house = House::new().await;
    let mut spec = house.shell(1, "yes & yes & yes & exec yes");
    spec.timeout = Some(Duration::from_secs(1));
    house.keepers().start(spec);
    house.pid(1).await;
    house.kill_keepers();
    let exit = house.exit().await;
    assert_eq!(
        (exit.stop, exit.status),
        (Some(StopReason::Timeout), ExitStatus::Signal(15))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_attempt_that_lives_is_watched_and_not_started_again_when_its_journal_is_gone() {
    let mut house = House::new().await;
    let mut go = both_ends(&house.fifo("go"));
    house.keepers().start(house.shell(1, "read x < go"));
    let pid = house.pid(1).await;
    house.drop_daemon();
    house.kill_keepers();
    fs::remove_dir_all(house.dir.join("keeper")).unwrap();
    house.started.clear();
    house.open(&[stored(1, AttemptState::Claimed)]).await;
    assert_eq!(house.pid(1).await, pid);
    writeln!(go).unwrap();
    // This process started its keeper, and inherited it.
    assert_eq!(house.exit().await.status, ExitStatus::Code(0));
}
