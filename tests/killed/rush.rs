//! A keeper that is killed while it starts many: nothing of what it was told to start runs twice, and little is in doubt.
//!
//! The job in the middle of the rush kills its own parent, which is the keeper, while the rest of them is being started.

use std::fmt::Write as _;

use freshd::model::Outcome;
use rustix::process::Signal;

use super::any_moment::{HEAD, evidence, judge};
use crate::freshd_process::{House, PATIENCE};

/// Enough for both of a keeper's threads.
const JOBS: usize = 64;
const KILLER: usize = 24;
const KILLS: usize = 5;
/// Starts of which nobody can know whether they were made, one of each thread.
const DOUBTS_MAX: usize = 2;

const EVIDENCE: &str = r#"
echo "start $FRESHD_JOB $FRESHD_DUE $FRESHD_ATTEMPT" >> HOUSE/evidence
[ "$1" != kill ] || kill -9 $PPID
echo "end $FRESHD_JOB $FRESHD_DUE $FRESHD_ATTEMPT 0" >> HOUSE/evidence
"#;

fn jobs_toml(enabled: bool) -> String {
    let mut text = HEAD.to_owned();
    for job in 0..JOBS {
        let does = if job == KILLER { "kill" } else { "end" };
        write!(
            text,
            "
            [jobs.job-{job:02}]
            owner = \"it\"
            command = [\"jobs/evidence.sh\", \"{does}\"]
            every = \"1s\"
            enabled = {enabled}
            "
        )
        .expect("text");
    }
    text
}

#[test]
fn a_keeper_killed_in_a_rush_leaves_nothing_that_runs_twice_and_two_starts_in_doubt() {
    let house = House::with(&jobs_toml(true));
    house.script("jobs/evidence.sh", EVIDENCE);
    let mut daemon = house.daemon();
    let killer = format!("job-{KILLER:02}");
    house.until_stored("keepers were killed", |_| {
        house.read("evidence").matches(&format!("start {killer} ")).count() > KILLS
    });
    house.configure(&jobs_toml(false));
    daemon.signal(Signal::HUP);
    assert!(daemon.tells("READY=1", PATIENCE), "reloaded: {}", daemon.log());
    house.until_all_final();
    assert!(daemon.terminate().success(), "{}", daemon.log());

    judge(&house);
    let evidence = evidence(&house);
    let runs = house.runs();
    let kills = evidence.keys().filter(|((job, _), _)| *job == killer).count();
    let doubts = runs.iter().filter(|run| {
        let occurrence = (
            run.job.to_string(),
            run.due_at.expect("only the schedule starts anything"),
        );
        run.outcome == Some(Outcome::Lost) && !evidence.contains_key(&(occurrence, 1))
    });
    let doubts = doubts.count();
    assert!(doubts <= DOUBTS_MAX * kills, "{doubts} after {kills} kills: {runs:?}");
}
