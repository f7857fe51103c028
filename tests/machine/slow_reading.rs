//! A jobs.toml that lies on a share which hangs: what is due starts all the same.

use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;

use crate::freshd_process::daemon::Daemon;
use crate::freshd_process::{House, PATIENCE};

/// How long each opening of jobs.toml takes.
const OPENING: SignedDuration = SignedDuration::from_secs(4);

#[test]
fn due_jobs_start_while_a_new_configuration_is_read() {
    let house = House::new();
    house.configure(
        r#"
        run_as_root = true
        timezone = "UTC"
        [fallback]
        notify = ["outbox"]
        [channels.outbox]
        type = "file"
        dir = "outbox"
        [teams.it]
        notify = ["outbox"]
        [jobs.often]
        owner = "it"
        command = "true"
        every = "1s"
        "#,
    );
    let mut strace = Command::new("strace");
    strace
        .args(["-D", "-qq", "-f", "-o", "/dev/null", "-P"])
        .arg(house.path("jobs.toml"));
    let delay = format!("inject=openat:delay_enter={}s", OPENING.as_secs());
    strace.args(["-e", "trace=openat", "-e", &delay]);
    let mut daemon = Daemon::spawn(house.serve_under(strace), &house);
    assert!(daemon.tells("READY=1", PATIENCE), "not ready: {}", daemon.log());
    daemon.manager.drain();

    let told = Timestamp::now();
    daemon.signal(Signal::HUP);
    assert!(daemon.tells("READY=1", PATIENCE), "not reloaded: {}", daemon.log());
    assert!(told.duration_until(Timestamp::now()) >= OPENING, "nobody had to wait");
    let second = SignedDuration::from_secs(1);
    let meanwhile = told + second..told + OPENING - second;
    let began: Vec<_> = house.runs().iter().map(|run| run.created_at).collect();
    assert!(
        began.iter().any(|at| meanwhile.contains(at)),
        "from {told} on nothing began: {began:?}"
    );
}
