//! How attempts end: timeouts, leftovers, processes that run away.

use super::house::*;
use std::fs;
use std::time::{Duration, Instant};

use freshd::model::{ExitStatus, StopReason};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_a_job_that_ignores_sigterm_with_all_its_processes() {
    let mut house = House::new().await;
    // One ignores SIGTERM in the group, one left the session, one hides its environment as well.
    let mut spec = house.shell(
        1,
        "trap '' TERM; sleep 1000 & setsid sleep 1001 & setsid env -i sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &); wait; wait; sleep 1005",
    );
    spec.timeout = Some(Duration::from_millis(300));
    spec.kill_after = Duration::from_millis(200);
    let begun = Instant::now();
    let exit = house.run(spec).await;
    assert_eq!(exit.status, ExitStatus::Signal(9));
    assert_eq!(exit.stop, Some(StopReason::Timeout));
    assert!(begun.elapsed() < Duration::from_millis(2_500));
    assert_eq!(house.job_pids(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_heeds_sigterm_says_so_with_its_own_exit_code() {
    let mut house = House::new().await;
    let ready = house.fifo("ready");
    let text = "trap 'echo cleaning; exit 9' TERM; echo > ready; while :; do sleep 0.05; done";
    house.keepers().start(house.shell(1, text));
    fs::read(ready).unwrap();
    house.keepers().stop(id(1), StopReason::Cancelled);
    let exit = house.exit().await;
    assert_eq!(exit.status, ExitStatus::Code(9));
    assert_eq!(exit.stop, Some(StopReason::Cancelled));
    assert!(exit.output.tail.ends_with("cleaning\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grandchild_that_holds_the_pipe_delays_the_end_by_two_seconds_at_most() {
    let mut house = House::new().await;
    let begun = Instant::now();
    let exit = house
        .run(house.shell(1, "(sleep 0.2; echo late; sleep 1000) & exit 3"))
        .await;
    let took = begun.elapsed();
    assert_eq!(exit.status, ExitStatus::Code(3));
    assert_eq!(exit.output.tail, "late\n");
    assert!(exit.usage.leftovers_killed >= 1);
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_secs(3),
        "{took:?}"
    );
    assert!(exit.ended_at.duration_since(exit.started_at).as_secs_f64() < 1.0);
    assert_eq!(house.job_pids(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_escaped_into_a_session_of_its_own_is_killed_when_the_job_ends() {
    let mut house = House::new().await;
    let _ready = house.fifo("ready");
    let escapes = [
        "setsid sh -c 'echo > ready; exec sleep 1000' >/dev/null 2>&1 &",
        "setsid env -i /bin/sh -c 'echo > ready; exec sleep 1000' >/dev/null 2>&1 &",
        "setsid sh -c 'setsid sleep 1000 & setsid sleep 1001 & echo > ready; sleep 1002' >/dev/null 2>&1 &",
    ];
    for (run, escape) in (1..).zip(escapes) {
        let begun = Instant::now();
        let text = format!("({escape}); read x < ready; exit 0");
        let exit = house.run(house.shell(run, &text)).await;
        assert_eq!(exit.status, ExitStatus::Code(0), "{escape}");
        assert!(begun.elapsed() < Duration::from_secs(2));
        // One without a name is killed as soon as no attempt runs that could own it: now.
        for pid in house.job_pids() {
            let pidfd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty());
            if let Ok(pidfd) = pidfd {
                wait_for(&pidfd);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_kept_where_the_job_says_so() {
    let mut house = House::new().await;
    let mut spec = house.shell(1, "sleep 1000 >/dev/null 2>&1 & echo $!");
    spec.keep_leftovers = true;
    let exit = house.run(spec).await;
    assert_eq!(exit.usage.leftovers_killed, 0);
    let kept: i32 = exit.output.tail.trim().parse().unwrap();
    // The end of another attempt is no reason either.
    house.run(house.shell(2, "true")).await;
    assert_eq!(house.job_pids(), [kept]);
}
