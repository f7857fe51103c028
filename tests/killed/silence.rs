//! A keeper that is stopped: people are told, time limits hold, new work goes on, and nothing starts twice.

use std::time::Duration;

use freshd::daemon::Ask;
use freshd::model::{About, Incident, IncidentState, KEEPER_PREFIX, Name, Outcome, Reply, Request};
use rustix::process::{Pid, Signal, kill_process};

use super::freshd_process::House;
use super::freshd_process::process::{self, wait_for_end};

/// A keeper is found to be silent within half a minute; a slow machine is given more.
const SILENT_WITHIN: Duration = Duration::from_secs(90);

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[channels.warehouse-box]
type = "file"
dir = "warehouse-box"

[channels.sales-box]
type = "file"
dir = "sales-box"

[teams.warehouse]
notify = ["warehouse-box"]

[teams.sales]
notify = ["sales-box"]

[jobs.long]
owner = "warehouse"
command = "jobs/long.sh"
timeout = "3s"

[jobs.late]
owner = "warehouse"
command = "jobs/starts.sh"

[jobs.new]
owner = "sales"
command = "jobs/starts.sh"
"#;

fn incidents(house: &House, state: IncidentState) -> Vec<Incident> {
    let mut incidents = house.reader().snapshot().expect("the store can be read").incidents;
    incidents
        .retain(|incident| incident.about == About::Freshd && incident.subject.as_str().starts_with(KEEPER_PREFIX));
    incidents.retain(|incident| incident.state == state);
    incidents
}

#[test]
fn a_keeper_that_is_stopped_is_told_of_its_time_limits_hold_and_new_work_goes_on_without_it() {
    let house = House::with(JOBS);
    house.script("jobs/long.sh", "echo $$ > HOUSE/begun\nexec sleep 600");
    house.script(
        "jobs/starts.sh",
        "echo \"$FRESHD_JOB $FRESHD_RUN_ID\" >> HOUSE/evidence",
    );
    let mut begun = house.pipe("begun");
    let daemon = house.daemon();
    let long = daemon.run("long");
    let job = process::open(begun.line().parse().expect("a process id")).expect("it lives");
    let keeper = Pid::from_raw(house.keepers()[0]).expect("a process id");
    kill_process(keeper, Signal::STOP).expect("the keeper lives");
    let late = daemon.run("late");

    house.until_stored_within(SILENT_WITHIN, "people are told", |_| {
        !incidents(&house, IncidentState::Open).is_empty()
    });
    let told = incidents(&house, IncidentState::Open).remove(0);
    let teams: Vec<&str> = told.told.iter().map(|(team, _)| team.as_str()).collect();
    assert_eq!(teams, ["fallback", "warehouse"], "{told:?}");
    for words in [
        "keeper 1 does not answer since",
        "2 jobs run or wait under it (late, long)",
        "kill -CONT",
    ] {
        assert!(told.reason.contains(words), "no {words:?} in {}", told.reason);
    }

    // The limit of a job that runs is kept, by nobody but the daemon.
    wait_for_end(&job, "the job");
    let (code, status) = house.freshd(&["status"]);
    assert_eq!(code, Some(1), "{status}");
    assert!(status.contains("waits for keeper 1, which does not answer"), "{status}");
    let job = Name::from("late");
    let Reply::Refused(why) = daemon.ask(&Ask::Engine(Request::Run { job, args: Vec::new() })) else {
        panic!("a second run beside one that may still begin")
    };
    assert!(
        why.contains(&format!("run {late} of late waits for keeper 1, which does not answer")),
        "{why}"
    );
    let new = daemon.run("new");
    let (ended, _) = daemon.finished(new, &house);
    assert_eq!(ended.outcome, Some(Outcome::Succeeded));
    assert_eq!(
        house.read("evidence"),
        format!("new {new}\n"),
        "what the stopped keeper has stays its own"
    );

    kill_process(keeper, Signal::CONT).expect("the keeper lives");
    let (ended, _) = daemon.finished(late, &house);
    assert_eq!(ended.outcome, Some(Outcome::Succeeded));
    assert_eq!(house.read("evidence"), format!("new {new}\nlate {late}\n"));
    let (ended, attempts) = daemon.finished(long, &house);
    assert_eq!(
        (ended.outcome, attempts.len()),
        (Some(Outcome::TimedOut), 1),
        "{ended:?}"
    );
    house.until_stored("the end is told", |_| incidents(&house, IncidentState::Open).is_empty());
}

#[test]
fn a_daemon_that_finds_a_stopped_keeper_at_its_start_tells_of_it_and_keeps_the_time_limits() {
    let house = House::with(&JOBS.replace("timeout = \"3s\"", "timeout = \"5s\""));
    house.script("jobs/long.sh", "echo $$ > HOUSE/begun\nexec sleep 600");
    house.script("jobs/starts.sh", "exit 0");
    let mut begun = house.pipe("begun");
    let daemon = house.daemon();
    let long = daemon.run("long");
    let job = process::open(begun.line().parse().expect("a process id")).expect("it lives");
    house.until_stored("the job is known to run", |reader| {
        let stored = reader.run(long).expect("the store can be read");
        stored.is_some_and(|(_, attempts)| attempts.iter().any(|attempt| attempt.pid.is_some()))
    });
    daemon.kill();
    let keeper = house.keepers()[0];
    kill_process(Pid::from_raw(keeper).expect("a process id"), Signal::STOP).expect("the keeper lives");
    let daemon = house.daemon();
    house.until_stored_within(SILENT_WITHIN, "people are told", |_| {
        !incidents(&house, IncidentState::Open).is_empty()
    });
    wait_for_end(&job, "the job");
    // Whoever is told may end the keeper: then all is decided.
    process::kill(keeper);
    daemon.finished(long, &house);
    house.until_stored("the end is told", |_| incidents(&house, IncidentState::Open).is_empty());
}
