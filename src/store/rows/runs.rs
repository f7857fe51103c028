//! Rows of `runs`, `attempts` and `jobs`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{Attempt, AttemptId, JobRecord, Output, Pause, Released, Run, RunId, Usage, VersionNumber};
use crate::store::column::{Cells, bits, count, count_maybe, json, json_list, us, us_maybe};

/// Stores a job's record. Changes no row when it would move the cursor back, unless to where the clock was confirmed.
pub(in crate::store) const JOB_UPSERT: &str = "
INSERT INTO jobs (job, cursor_us, digest, paused_by, paused_because, paused_since_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (job) DO UPDATE SET
    cursor_us = excluded.cursor_us,
    digest = excluded.digest,
    paused_by = excluded.paused_by,
    paused_because = excluded.paused_because,
    paused_since_us = excluded.paused_since_us
WHERE jobs.cursor_us <= excluded.cursor_us
    OR EXISTS (SELECT 1 FROM clock_confirmations WHERE at_us = excluded.cursor_us)";

/// What `read_job` expects.
pub(in crate::store) const JOB_COLUMNS: &str = "job, cursor_us, digest, paused_by, paused_because, paused_since_us";

/// Stores a run. Changes no row when its number belongs to another occurrence, or when it is final with another outcome.
///
/// `job` and `due_at_us` are left out of the update, so that their indexes stay untouched.
pub(in crate::store) const RUN_UPSERT: &str = "
INSERT INTO runs (id, job, trigger, due_at_us, due_until_us, occurrences, nominal, state, outcome, reason, attempts,
    seed, created_at_us, started_at_us, ended_at_us, retry_at_us, retry_boot_ms, boot, exit_code, signal, version, by,
    released, args, inputs, settings, trace, failed_before)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
    ?24, ?25, ?26, ?27, ?28)
ON CONFLICT (id) DO UPDATE SET
    trigger = excluded.trigger,
    due_until_us = excluded.due_until_us,
    occurrences = excluded.occurrences,
    nominal = excluded.nominal,
    state = excluded.state,
    outcome = excluded.outcome,
    reason = excluded.reason,
    attempts = excluded.attempts,
    seed = excluded.seed,
    created_at_us = excluded.created_at_us,
    started_at_us = excluded.started_at_us,
    ended_at_us = excluded.ended_at_us,
    retry_at_us = excluded.retry_at_us,
    retry_boot_ms = excluded.retry_boot_ms,
    boot = excluded.boot,
    exit_code = excluded.exit_code,
    signal = excluded.signal,
    version = excluded.version,
    by = excluded.by,
    released = excluded.released,
    args = excluded.args,
    inputs = excluded.inputs,
    settings = excluded.settings,
    trace = excluded.trace,
    failed_before = excluded.failed_before
WHERE runs.job = excluded.job
    AND runs.due_at_us IS excluded.due_at_us
    AND (runs.outcome IS NULL OR runs.outcome IS excluded.outcome)";

/// Notes in the row of run ?1 that what its attempt ?2 made was released, unless another attempt came after that one.
pub(in crate::store) const RUN_RELEASE: &str = "UPDATE runs SET released = ?3 WHERE id = ?1 AND attempts = ?2";

/// Takes the due time from runs that stand for a time after ?1, which is still to come, and says so in their reason.
///
/// Walks from job to job within the index that keeps an occurrence from having two runs.
pub(in crate::store) const RUNS_AHEAD_DISOWN: &str = "
UPDATE runs SET
    reason = CASE WHEN reason IS NULL THEN '' ELSE reason || '; ' END
        || 'a wrong clock took it for the time due '
        || strftime('%Y-%m-%dT%H:%M:%SZ', due_at_us / 1000000, 'unixepoch')
        || CASE WHEN due_until_us IS NULL THEN ''
            ELSE ' to ' || strftime('%Y-%m-%dT%H:%M:%SZ', due_until_us / 1000000, 'unixepoch') END,
    due_at_us = NULL,
    due_until_us = NULL
WHERE id IN (
    SELECT ahead.id FROM jobs CROSS JOIN runs AS ahead INDEXED BY runs_by_occurrence
    ON ahead.job = jobs.job AND ahead.due_at_us > ?1
)";

/// Ranges of missed occurrences that begin by ?1 and end after it: of each job the last run by due time can be one.
pub(in crate::store) const RANGES_OVER: &str = "
id IN (
    SELECT (
        SELECT id FROM runs INDEXED BY runs_by_occurrence
        WHERE job = jobs.job AND due_at_us <= ?1 ORDER BY due_at_us DESC LIMIT 1
    )
    FROM jobs
)
AND due_until_us > ?1";

/// What `read_run` expects.
pub(in crate::store) const RUN_COLUMNS: &str = "id, job, trigger, due_at_us, due_until_us, occurrences, nominal, \
    state, outcome, reason, attempts, seed, created_at_us, started_at_us, ended_at_us, retry_at_us, retry_boot_ms, \
    (SELECT text FROM texts WHERE number = boot), exit_code, signal, version, by, released, args, inputs, \
    (SELECT text FROM texts WHERE number = settings), trace, failed_before";

/// Stores an attempt.
pub(in crate::store) const ATTEMPT_UPSERT: &str = "
INSERT INTO attempts (run, number, job, state, claimed_at_us, boot, started_at_us, ended_at_us, pid, outcome,
    exit_code, signal, reason, user_ms, system_ms, max_rss_kib, leftovers_killed, output_bytes, output_dropped_bytes,
    output_tail, report)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
ON CONFLICT (run, number) DO UPDATE SET
    job = excluded.job,
    state = excluded.state,
    claimed_at_us = excluded.claimed_at_us,
    boot = excluded.boot,
    started_at_us = excluded.started_at_us,
    ended_at_us = excluded.ended_at_us,
    pid = excluded.pid,
    outcome = excluded.outcome,
    exit_code = excluded.exit_code,
    signal = excluded.signal,
    reason = excluded.reason,
    user_ms = excluded.user_ms,
    system_ms = excluded.system_ms,
    max_rss_kib = excluded.max_rss_kib,
    leftovers_killed = excluded.leftovers_killed,
    output_bytes = excluded.output_bytes,
    output_dropped_bytes = excluded.output_dropped_bytes,
    output_tail = excluded.output_tail,
    report = excluded.report";

/// What `read_attempt` expects.
pub(in crate::store) const ATTEMPT_COLUMNS: &str = "run, number, job, state, claimed_at_us, \
    (SELECT text FROM texts WHERE texts.number = boot), started_at_us, ended_at_us, pid, outcome, exit_code, signal, \
    reason, user_ms, system_ms, max_rss_kib, leftovers_killed, output_bytes, output_dropped_bytes, output_tail, report";

/// Stores `record` by `JOB_UPSERT`; how many rows changed.
pub(in crate::store) fn store_job(statement: &mut Statement, record: &JobRecord) -> Result<usize> {
    let pause = record.pause.as_ref();
    statement.execute(params![
        record.job.as_str(),
        us(record.cursor),
        &*record.digest,
        pause.map(|pause| &pause.by),
        pause.map(|pause| &pause.because),
        pause.map(|pause| us(pause.since)),
    ])
}

/// Reads `JOB_COLUMNS`.
pub(in crate::store) fn read_job(row: &Row) -> Result<JobRecord> {
    let mut cells = Cells::of(row);
    Ok(JobRecord {
        job: cells.name()?,
        cursor: cells.time()?,
        digest: cells.get()?,
        pause: match (
            cells.get::<Option<String>>()?,
            cells.get::<Option<String>>()?,
            cells.time_maybe()?,
        ) {
            (Some(by), Some(because), Some(since)) => Some(Box::new(Pause { by, because, since })),
            _ => None,
        },
    })
}

/// Stores `run` by `RUN_UPSERT`; `boot` and `settings` are numbers in `texts`. How many rows changed.
pub(in crate::store) fn store_run(
    statement: &mut Statement,
    run: &Run,
    boot: Option<i64>,
    settings: i64,
) -> Result<usize> {
    statement.execute(params![
        count(run.id.0),
        run.job.as_str(),
        run.trigger.as_str(),
        us_maybe(run.due_at),
        us_maybe(run.due_until),
        count(run.occurrences),
        json_list(&run.nominal)?,
        run.state.as_str(),
        run.outcome.map(crate::model::Outcome::as_str),
        run.reason,
        run.attempts,
        bits(run.seed),
        us(run.created_at),
        us_maybe(run.started_at),
        us_maybe(run.ended_at),
        us_maybe(run.retry_at),
        count_maybe(run.retry_boot_ms),
        boot,
        run.exit_code,
        run.signal,
        run.version.map(|version| count(version.0)),
        run.by,
        run.released.as_ref().map(json).transpose()?,
        json_list(&run.args)?,
        json_list(&run.inputs)?,
        settings,
        run.trace.as_deref(),
        run.failed_before.as_ref().map(json).transpose()?,
    ])
}

/// Notes by `RUN_RELEASE` who released what an attempt made. Its run may be forgotten by now.
pub(in crate::store) fn release_run(statement: &mut Statement, attempt: AttemptId, released: &Released) -> Result<()> {
    let released = json(released)?;
    statement
        .execute(params![count(attempt.run.0), attempt.number, released])
        .map(drop)
}

/// Reads `RUN_COLUMNS`.
pub(in crate::store) fn read_run(row: &Row) -> Result<Run> {
    let mut cells = Cells::of(row);
    Ok(Run {
        id: RunId(cells.count()?),
        job: cells.name()?,
        trigger: cells.word()?,
        due_at: cells.time_maybe()?,
        due_until: cells.time_maybe()?,
        occurrences: cells.count()?,
        nominal: cells.json()?,
        state: cells.word()?,
        outcome: cells.word_maybe()?,
        reason: cells.get()?,
        attempts: cells.get()?,
        seed: cells.bits()?,
        created_at: cells.time()?,
        started_at: cells.time_maybe()?,
        ended_at: cells.time_maybe()?,
        retry_at: cells.time_maybe()?,
        retry_boot_ms: cells.count_maybe()?,
        boot_id: cells.get()?,
        exit_code: cells.get()?,
        signal: cells.get()?,
        version: cells.count_maybe()?.map(VersionNumber),
        by: cells.get()?,
        released: cells.json_maybe()?,
        args: cells.json()?,
        inputs: cells.json()?,
        settings_digest: cells.get()?,
        trace: cells.get()?,
        failed_before: cells.json_maybe()?,
    })
}

/// Stores `attempt` by `ATTEMPT_UPSERT`; `boot` is a number in `texts`. How many rows changed.
pub(in crate::store) fn store_attempt(statement: &mut Statement, attempt: &Attempt, boot: i64) -> Result<usize> {
    statement.execute(params![
        count(attempt.id.run.0),
        attempt.id.number,
        attempt.job.as_str(),
        attempt.state.as_str(),
        us(attempt.claimed_at),
        boot,
        us_maybe(attempt.started_at),
        us_maybe(attempt.ended_at),
        attempt.pid,
        attempt.outcome.map(crate::model::Outcome::as_str),
        attempt.exit_code,
        attempt.signal,
        attempt.reason,
        count(attempt.usage.user_ms),
        count(attempt.usage.system_ms),
        count(attempt.usage.max_rss_kib),
        attempt.usage.leftovers_killed,
        count(attempt.output.bytes),
        count(attempt.output.dropped_bytes),
        attempt.output.tail,
        json_list(&attempt.report)?,
    ])
}

/// Reads `ATTEMPT_COLUMNS`.
pub(in crate::store) fn read_attempt(row: &Row) -> Result<Attempt> {
    let mut cells = Cells::of(row);
    Ok(Attempt {
        id: AttemptId {
            run: RunId(cells.count()?),
            number: cells.get()?,
        },
        job: cells.name()?,
        state: cells.word()?,
        claimed_at: cells.time()?,
        boot_id: cells.get()?,
        started_at: cells.time_maybe()?,
        ended_at: cells.time_maybe()?,
        pid: cells.get()?,
        outcome: cells.word_maybe()?,
        exit_code: cells.get()?,
        signal: cells.get()?,
        reason: cells.get()?,
        usage: Usage {
            user_ms: cells.count()?,
            system_ms: cells.count()?,
            max_rss_kib: cells.count()?,
            leftovers_killed: cells.get()?,
        },
        output: Output {
            bytes: cells.count()?,
            dropped_bytes: cells.count()?,
            tail: cells.get()?,
        },
        report: cells.json()?,
    })
}
