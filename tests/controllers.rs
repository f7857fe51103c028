//! Limits kept by the kernel's controllers, through the real binary: what uses too much memory is ended and told so, a fork
//! bomb gets no further than it may, and one processor's share is not exceeded.
//!
//! Where the machine has these controllers elsewhere (version 1), or for a user who may make no cgroup, nothing is tested:
//! `tests/machine/virtual.sh` boots a machine that has them and runs this there.

#[path = "keeper/delegated.rs"]
mod delegated;
mod freshd_process;

use std::process::Command;

use delegated::Delegated;
use freshd::model::{Attempt, Outcome, Run};
use freshd_process::House;
use freshd_process::daemon::Daemon;

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

# What tail keeps is without end: there is no line in it.
[jobs.memory]
owner = "it"
command = "sleep 1000 & tail -n 1 /dev/zero; echo survived"
limits = { memory = "32 MiB" }

[jobs.bomb]
owner = "it"
command = "n=0; while [ $n -lt 40 ]; do sleep 1000 & n=$((n + 1)); echo $n; done"
limits = { processes = 20 }

[jobs.busy]
owner = "it"
command = "while :; do :; done"
timeout = "2s"
kill_after = "100ms"
limits = { cpu = "20%" }

"#;

fn ended(daemon: &Daemon, house: &House, job: &str) -> (Run, Attempt) {
    let id = daemon.run(job);
    let (run, mut attempts) = daemon.finished(id, house);
    (run, attempts.remove(0))
}

#[test]
fn limits_of_memory_processors_and_processes_hold_and_are_told_in_words() {
    let Some(delegated) = Delegated::with_controllers() else {
        println!("not tested: no controllers of version 2 here");
        return;
    };
    let house = House::with(JOBS);
    let mut inside = Command::new("/bin/sh");
    let enter = format!(
        "echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"",
        delegated.subgroup().display()
    );
    inside.args(["-c", &enter]);
    let mut daemon = Daemon::start(house.serve_under(inside), &house);
    let only_the_daemon = [delegated.subgroup()];

    let (run, attempt) = ended(&daemon, &house, "memory");
    assert_eq!(run.outcome, Some(Outcome::Killed), "{run:?}");
    assert_eq!(
        run.reason.as_deref(),
        Some("killed: it used more than limits.memory, 32.0 MiB")
    );
    assert!(!attempt.output.tail.contains("survived"), "half a job is no job");
    assert_eq!(delegated.leaves(), only_the_daemon);

    let (run, attempt) = ended(&daemon, &house, "bomb");
    assert_eq!(run.outcome, Some(Outcome::Failed), "{run:?}");
    let begun = attempt
        .output
        .tail
        .lines()
        .filter(|line| line.parse::<u32>().is_ok())
        .count();
    assert_eq!(begun, 19, "beside the shell itself: {}", attempt.output.tail);
    assert_eq!(delegated.leaves(), only_the_daemon);

    let (run, attempt) = ended(&daemon, &house, "busy");
    assert_eq!(run.outcome, Some(Outcome::TimedOut), "{run:?}");
    let used = attempt.usage.user_ms + attempt.usage.system_ms;
    assert!((100..1_000).contains(&used), "{used} ms of 2 s at 20%");

    daemon.terminate();
}
