//! What the store promises, each with a test that can fail.

mod backing_up;
mod confirming;
mod crashing;
mod forgetting;
mod loading;
mod migrating;
mod opening;
mod reading;
mod refusing;
mod replacing;
mod reserve;
mod restoring;
mod round_trip;
mod samples;
mod speed;
mod writing;

use jiff::Timestamp;

use super::{Store, Writer};
use crate::model::{
    Attempt, AttemptId, AttemptState, Fact, Incident, IncidentId, IncidentState, JobRecord, Name, Output, ProblemKind,
    Provenance, Run, RunId, RunState, Severity, Slot, SlotState, Trigger, Usage, Version, VersionNumber, VersionState,
    plain_run,
};

/// A second of an ordinary week.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn writer(dir: &tempfile::TempDir) -> Writer {
    Store::open(dir.path()).unwrap().into_writer().unwrap()
}

fn job(name: &str, cursor: i64) -> JobRecord {
    JobRecord {
        job: Name::from(name),
        cursor: at(cursor),
        digest: "d1".into(),
        pause: None,
    }
}

/// A run that was just decided on, due at `due`.
fn run(id: u64, job: &str, due: i64) -> Run {
    Run {
        id: RunId(id),
        trigger: Trigger::Schedule,
        due_at: Some(at(due)),
        state: RunState::Running,
        attempts: 1,
        seed: id.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        settings_digest: "5f7c".repeat(16),
        ..plain_run(job, at(due))
    }
}

/// The same run, ended.
fn ended(run: &Run, outcome: crate::model::Outcome) -> Run {
    Run {
        state: RunState::Final,
        outcome: Some(outcome),
        ended_at: Some(run.created_at),
        ..run.clone()
    }
}

fn attempt(run: &Run, number: u32) -> Attempt {
    Attempt {
        id: AttemptId { run: run.id, number },
        job: run.job.clone(),
        state: AttemptState::Claimed,
        claimed_at: run.created_at,
        boot_id: "1d0e3ba4-6c29-4c1c-9f0a-0d6b6b5f0a11".to_owned(),
        started_at: None,
        ended_at: None,
        pid: None,
        outcome: None,
        exit_code: None,
        signal: None,
        reason: None,
        usage: Usage::default(),
        output: Output::default(),
        report: Vec::new(),
    }
}

fn version(dataset: &str, number: u64, state: VersionState) -> Version {
    Version {
        dataset: Name::from(dataset),
        number: VersionNumber(number),
        state,
        arrived_at: at(10),
        as_of: at(5),
        effective_as_of: at(4),
        limited_by: None,
        run: None,
        attempt: None,
        inputs: Vec::new(),
        rows: None,
        bytes: 0,
        sha256: String::new(),
        unchanged: false,
        checks: Vec::new(),
        reason: None,
        stamp: None,
        file: None,
        kept_as: None,
        provenance: Provenance::default(),
        lesson: None,
    }
}

fn slot(dataset: &str, due: i64, state: SlotState) -> Slot {
    Slot {
        dataset: Name::from(dataset),
        due_at: at(due),
        opens_at: at(due - 60),
        warn_at: at(due + 30),
        deadline: at(due + 60),
        covers: None,
        state,
        version: None,
        decided_at: None,
        reason: None,
    }
}

fn incident(id: u64, subject: &str, state: IncidentState) -> Incident {
    Incident {
        about: crate::model::About::Job,
        id: IncidentId(id),
        kind: ProblemKind::Stale,
        subject: Name::from(subject),
        state,
        severity: Severity::Warning,
        since: at(1),
        notify_at: at(2),
        opened_at: None,
        kind_since: None,
        first_kind: None,
        broken_since: None,
        handed_over: None,
        resolved_at: None,
        resolution: None,
        cause: None,
        reason: "older than promised".to_owned(),
        told: Vec::new(),
        told_with: Vec::new(),
        rested: crate::model::Rested::default(),
        ack: None,
        earlier_acks: Vec::new(),
        escalated: Vec::new(),
        links_used: None,
        reminders: 0,
        remind_at: None,
        escalations: 0,
        flapping: None,
        drill: None,
    }
}

/// All that one ordinary run leaves behind, in the four steps in which it happens.
fn life_of_a_run(id: u64, job_name: &str, due: i64) -> [Vec<Fact>; 4] {
    let claimed = run(id, job_name, due);
    let first = attempt(&claimed, 1);
    let started = Attempt {
        state: AttemptState::Started,
        started_at: Some(at(due)),
        pid: Some(4_321),
        ..first.clone()
    };
    let over = Attempt {
        state: AttemptState::Ended,
        ended_at: Some(at(due + 1)),
        outcome: Some(crate::model::Outcome::Succeeded),
        exit_code: Some(0),
        ..started.clone()
    };
    [
        vec![
            Fact::Job(job(job_name, due)),
            Fact::Run(claimed.clone()),
            Fact::Attempt(first),
        ],
        vec![Fact::Attempt(started)],
        vec![Fact::Attempt(over)],
        vec![Fact::Run(ended(&claimed, crate::model::Outcome::Succeeded))],
    ]
}
