//! From exec to the word that everything is supervised: on nothing, on what the first start left, on a long history.

use std::path::Path;

use freshd::model::{
    Attempt, AttemptId, AttemptState, Fact, Name, Outcome, Output, Run, RunId, RunState, Trigger, Usage,
};
use freshd::store::{DATABASE_FILE, Store};
use jiff::{SignedDuration, Timestamp};

use crate::daemon::{self, Daemon};
use crate::figures::{Table, median, tenth, whole};
use crate::tick::job_name;
use crate::{Bench, JOBS, flow};

/// Runs of each job in a long history.
const RUNS_PER_JOB: u64 = 30;

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut table = Table::new(
        &format!("start with {JOBS} jobs; medians of {} rounds", bench.rounds),
        &["store", "ready ms", "CPU ms", "daemon MiB", "peak MiB", "store MiB"],
    );
    let mut figures: [Vec<[f64; 4]>; 3] = Default::default();
    let dir = daemon::scratch_dir()?;
    let flow = flow::write(dir.path(), &bench.tick, JOBS, 0, "")?;
    let start = |state_dir: &Path| -> anyhow::Result<[f64; 4]> {
        let daemon = Daemon::start(&bench.program, &flow.file, state_dir)?;
        let cpu = daemon.cpu();
        let memory = daemon.memory();
        let figures = [
            daemon.ready_after.as_secs_f64() * 1e3,
            cpu.daemon,
            memory.resident,
            memory.peak,
        ];
        daemon.stop()?;
        Ok(figures)
    };
    let mut state_dir = dir.path().join("state");
    for round in 0..bench.rounds {
        state_dir = dir.path().join(format!("state-{round}"));
        figures[0].push(start(&state_dir)?);
        figures[1].push(start(&state_dir)?);
    }
    let first_bytes = std::fs::metadata(state_dir.join(DATABASE_FILE))?.len();
    remember(&state_dir)?;
    for _ in 0..bench.rounds {
        figures[2].push(start(&state_dir)?);
    }
    let bytes = std::fs::metadata(state_dir.join(DATABASE_FILE))?.len();
    let runs = JOBS as u64 * RUNS_PER_JOB;
    let names = [
        "empty".to_owned(),
        "of the first start".to_owned(),
        format!("{runs} runs"),
    ];
    for ((name, rounds), bytes) in names.into_iter().zip(&figures).zip([0, first_bytes, bytes]) {
        let middle = |figure: usize| median(&rounds.iter().map(|round| round[figure]).collect::<Vec<f64>>());
        table.row([
            name,
            whole(middle(0)),
            whole(middle(1)),
            tenth(middle(2)),
            tenth(middle(3)),
            (bytes >> 20).to_string(),
        ]);
    }
    table.print();
    Ok(())
}

/// Writes a past into the store: every job has run every day.
fn remember(state_dir: &Path) -> anyhow::Result<()> {
    let writer = Store::open(state_dir)?.into_writer()?;
    let first = Timestamp::now() - SignedDuration::from_hours(24 * i64::try_from(RUNS_PER_JOB)?);
    for day in 0..RUNS_PER_JOB {
        let mut facts = Vec::new();
        for job in 0..JOBS {
            let id = RunId(1 + day * JOBS as u64 + job as u64);
            let at = first
                + SignedDuration::from_hours(24 * i64::try_from(day)?)
                + SignedDuration::from_secs(i64::try_from(job)?);
            facts.extend(run_of(id, Name::from(job_name(job).as_str()), at));
        }
        writer.commit_blocking(facts)?;
    }
    writer.close()?;
    Ok(())
}

/// A run of `job` at `at` that went well, with its one attempt.
pub(crate) fn run_of(id: RunId, job: Name, at: Timestamp) -> [Fact; 2] {
    let boot_id = "an earlier boot".to_owned();
    let ended_at = at + SignedDuration::from_secs(2);
    let run = Run {
        id,
        job: job.clone(),
        trigger: Trigger::Schedule,
        due_at: Some(at),
        due_until: None,
        occurrences: 1,
        nominal: Vec::new(),
        state: RunState::Final,
        outcome: Some(Outcome::Succeeded),
        reason: None,
        attempts: 1,
        seed: id.0,
        created_at: at,
        started_at: Some(at),
        ended_at: Some(ended_at),
        retry_at: None,
        retry_boot_ms: None,
        boot_id: None,
        exit_code: Some(0),
        signal: None,
        version: None,
        by: None,
        released: None,
        args: Vec::new(),
        inputs: Vec::new(),
        failed_before: None,
        settings_digest: "of a long history".to_owned(),
        trace: None,
    };
    let attempt = Attempt {
        id: AttemptId { run: id, number: 1 },
        job,
        state: AttemptState::Ended,
        claimed_at: at,
        boot_id,
        started_at: Some(at),
        ended_at: Some(ended_at),
        pid: Some(4_321),
        outcome: Some(Outcome::Succeeded),
        exit_code: Some(0),
        signal: None,
        reason: None,
        usage: Usage::default(),
        output: Output::default(),
        report: Vec::new(),
    };
    [Fact::Run(run), Fact::Attempt(attempt)]
}
