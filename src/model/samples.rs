//! The plainest values of the large types, for tests that change one thing of them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{AlertWhen, CatchUp, Command, Job, Name, Overlap, Owner, Retry, Run, RunId, RunState, Trigger};

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
        needs: Vec::new(),
        produces: None,
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
        keep_leftovers: false,
        idempotent: false,
        enabled: true,
        alert: AlertWhen::Failure,
        tags: Vec::new(),
        runbook: None,
        digest: Arc::from(""),
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
        args: Vec::new(),
        inputs: Vec::new(),
        settings_digest: String::new(),
    }
}
