//! The plainest values of the large types, for tests that change one thing of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{
    About, AlertRules, AlertWhen, AsOf, Attempt, AttemptId, AttemptState, CatchUp, Checks, Command, Dataset, Flapping,
    HistoryRules, Incident, IncidentId, IncidentState, Job, Message, Name, OnStale, Output, Overlap, Owner,
    ProblemKind, Purpose, Redactor, Retry, Run, RunId, RunPolicy, RunState, Settings, Severity, Trigger, Usage,
    Version, VersionNumber,
};

/// A jobs.toml in which nothing is named.
pub(crate) fn plain_settings() -> Settings {
    Settings {
        file: PathBuf::from("/jobs.toml"),
        digest: String::new(),
        timezone: TimeZone::UTC,
        alerts: AlertRules::default(),
        history: HistoryRules::default(),
        fallback: Vec::new(),
        web: None,
        calendars: BTreeMap::new(),
        channels: BTreeMap::new(),
        teams: BTreeMap::new(),
        systems: BTreeMap::new(),
        datasets: BTreeMap::new(),
        jobs: BTreeMap::new(),
        pools: BTreeMap::new(),
        maintenance: BTreeMap::new(),
        heartbeat: None,
        redactor: Redactor::default(),
    }
}

/// A job that runs `true` by hand, with every key as it is when jobs.toml leaves it out.
pub(crate) fn plain_job(name: &str) -> Job {
    Job {
        name: Name::from(name),
        title: None,
        owner: Owner::Team("ops".into()),
        from: None,
        command: Command::Shell("true".to_owned()),
        schedule: None,
        start_offset: Duration::ZERO,
        needs: [].into(),
        produces: None,
        policy: Arc::new(plain_policy()),
        enabled: true,
        tags: [].into(),
        runbook: None,
        digest: Arc::from(""),
    }
}

/// How the runs of such a job are handled.
pub(crate) fn plain_policy() -> RunPolicy {
    RunPolicy {
        on_stale: OnStale::Run,
        timeout: None,
        kill_after: Duration::ZERO,
        min_runtime: None,
        retry: Retry::default(),
        pool: None,
        overlap: Overlap::Skip,
        catch_up: CatchUp::default(),
        success_codes: vec![0],
        warn_codes: Vec::new(),
        env: Vec::new(),
        workdir: None,
        log_limit_bytes: 0,
        history: None,
        keep_leftovers: false,
        conditions: None,
        idempotent: false,
        alert: AlertWhen::Failure,
    }
}

/// The same job, its runs handled so.
pub(crate) fn under(policy: RunPolicy, job: Job) -> Job {
    Job {
        policy: Arc::new(policy),
        ..job
    }
}

/// A run of such a job that was asked for at `created_at` and waits.
pub(crate) fn plain_run(job: &str, created_at: Timestamp) -> Run {
    Run {
        id: RunId(1),
        job: Name::from(job),
        trigger: Trigger::Manual,
        due_at: None,
        due_until: None,
        occurrences: 1,
        nominal: Vec::new(),
        state: RunState::Waiting,
        outcome: None,
        reason: None,
        attempts: 0,
        seed: 0,
        created_at,
        started_at: None,
        ended_at: None,
        retry_at: None,
        retry_boot_ms: None,
        boot_id: None,
        exit_code: None,
        signal: None,
        version: None,
        by: None,
        released: None,
        args: Vec::new(),
        inputs: Vec::new(),
        settings_digest: String::new(),
        trace: None,
        failed_before: None,
    }
}

/// The first attempt of such a run, claimed at `claimed_at`.
pub(crate) fn plain_attempt(job: &str, claimed_at: Timestamp) -> Attempt {
    Attempt {
        id: AttemptId {
            run: RunId(1),
            number: 1,
        },
        job: Name::from(job),
        state: AttemptState::Claimed,
        claimed_at,
        boot_id: String::new(),
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

/// An open incident about a failed job that nobody was told of.
pub(crate) fn plain_incident(job: &str, since: Timestamp) -> Incident {
    Incident {
        id: IncidentId(1),
        kind: ProblemKind::Failed,
        about: About::Job,
        subject: Name::from(job),
        state: IncidentState::Open,
        severity: Severity::Warning,
        since,
        notify_at: since,
        opened_at: Some(since),
        kind_since: None,
        first_kind: None,
        broken_since: None,
        handed_over: None,
        resolved_at: None,
        resolution: None,
        cause: None,
        reason: "exit code 1".to_owned(),
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

/// The opening of an incident about a job that has nothing to say.
pub(crate) fn plain_message(at: Timestamp) -> Message {
    Message {
        id: "freshd.1".to_owned(),
        thread: "freshd.incident-1-owner".to_owned(),
        incident: Some(IncidentId(1)),
        purpose: Purpose::Opening,
        severity: Severity::Warning,
        kind: None,
        about: None,
        subject_name: Name::from("j"),
        since: None,
        kind_since: None,
        subject: String::new(),
        headline: String::new(),
        facts: Vec::new(),
        incidents: Vec::new(),
        gathered: None,
        output: Vec::new(),
        commands: Vec::new(),
        team: Name::from("it"),
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        owner: "it".to_owned(),
        at,
        zone: None,
        trace: None,
    }
}

/// A dataset of which nothing is promised and nothing is checked.
pub(crate) fn plain_dataset(name: &str) -> Dataset {
    Dataset {
        name: Name::from(name),
        title: None,
        owner: Owner::Nobody,
        system: None,
        file: None,
        probe: None,
        made_from: Vec::new(),
        consumers: Vec::new(),
        due: None,
        max_age: None,
        warn_age: None,
        counted_in: None,
        parts: Vec::new(),
        part_of: None,
        maintenance: Vec::new(),
        as_of: AsOf::Start,
        checks: Checks::default(),
        settle: Duration::ZERO,
        must_change: false,
        may_be_empty: false,
        requires_as_of: false,
        keep_versions: 0,
        severity: Severity::Critical,
        description: None,
        runbook: None,
    }
}

/// A published version of such a dataset that arrived at `at`, with data of that time.
pub(crate) fn plain_version(dataset: &str, number: u64, at: Timestamp) -> Version {
    Version {
        bytes: 1,
        ..Version::arrived(Name::from(dataset), VersionNumber(number), at)
    }
}

/// What has come and gone four times, and is well.
pub(crate) fn well_for_now(at: Timestamp) -> Flapping {
    Flapping {
        since: at,
        times: 4,
        well_since: Some(at),
        good: 1,
        good_at: None,
        spells: Vec::new(),
    }
}
