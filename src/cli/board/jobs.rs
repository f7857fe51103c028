//! The board's jobs: what each does now, how the last run went, when it is next due.

use super::datasets::owner_words;
use super::{Frame, ROWS_MAX};
use crate::cli::paint::{Tone, clean, tone};
use crate::cli::table::{Column, grid};
use crate::cli::times;
use crate::model::{JobState, RunState, Status, natural};

/// A row for each job, those in trouble first.
pub(super) fn block(status: &Status, frame: Frame<'_>) -> String {
    let mut jobs: Vec<&JobState> = status.jobs.iter().collect();
    jobs.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| natural(&a.name, &b.name)));
    let left_out = jobs.len().saturating_sub(ROWS_MAX);
    jobs.truncate(ROWS_MAX);
    if jobs.is_empty() {
        return String::new();
    }
    let columns = [
        Column::whole(""),
        Column::cut("job", 32),
        Column::whole("last run"),
        Column::pinched("next", 12),
        Column::whole("owner"),
        Column::whole("title").spare(1),
    ];
    let rows: Vec<Vec<String>> = jobs.iter().map(|job| row(job, frame)).collect();
    let told = |job: &JobState| {
        status
            .incidents
            .iter()
            .any(|incident| incident.about == "job" && incident.subject == job.name)
    };
    let remarks: Vec<Option<String>> = jobs.iter().map(|job| remark(job, told(job), frame)).collect();
    super::table(
        &grid(&columns, &rows, frame.room.tables),
        &remarks,
        left_out,
        "jobs",
        frame,
    )
}

fn row(job: &JobState, frame: Frame<'_>) -> Vec<String> {
    let last = match &job.last {
        Some(last) => {
            let outcome = last
                .outcome
                .map_or("going on", |outcome| outcome.as_str())
                .replace('_', " ");
            let when = last
                .ended_at
                .map(|at| format!(" {}", times::hint(at, frame.now)))
                .unwrap_or_default();
            format!("{outcome}{when}")
        }
        None => tone(Tone::Dim, "none yet"),
    };
    let schedule = job.schedule.as_deref().map(clean);
    let next = match (job.next_due, schedule) {
        _ if job.state == "disabled" => "-".to_owned(),
        // Until somebody resumes it, it starts at none of its times.
        _ if job.paused => "paused".to_owned(),
        (Some(at), _) => times::moment_or_hint(at, frame.now, frame.zone),
        (None, Some(rule)) => rule,
        (None, None) => "by hand".to_owned(),
    };
    vec![
        state_words(job),
        clean(&job.name),
        last,
        next,
        owner_words(&job.owner),
        job.title.as_deref().map(clean).unwrap_or_default(),
    ]
}

/// A job's state with its symbol, in its tone.
pub(in crate::cli) fn state_words(job: &JobState) -> String {
    let (mark, tint, words) = match job.state.as_str() {
        "ok" => ("✓", Tone::Good, "ok"),
        "running" => ("▸", Tone::Busy, "running"),
        "judging" => ("▸", Tone::Busy, "judging"),
        "waiting" => ("…", Tone::Busy, "waiting"),
        "backing_off" => ("↻", Tone::Warn, "retrying"),
        "paused" => ("‖", Tone::Dim, "paused"),
        "disabled" => ("‖", Tone::Dim, "disabled"),
        "never_ran" => ("·", Tone::Dim, "new"),
        "failing" => ("✗", Tone::Bad, "failing"),
        other => ("·", Tone::Dim, other),
    };
    tone(tint, format!("{mark} {}", clean(words).replace('_', " ")))
}

/// What the row cannot say: why it failed, waits, tries again, or is paused.
fn remark(job: &JobState, told: bool, frame: Frame<'_>) -> Option<String> {
    let going = job.running.first();
    if let Some(going) = going.filter(|going| going.state == RunState::BackingOff) {
        let why = job.reason.as_deref().map(clean).unwrap_or_default();
        let again = going.retry_at.map(|at| times::hint(at, frame.now)).unwrap_or_default();
        return Some(format!(
            "attempt {} failed: {why}; the next one starts {again}",
            going.attempt
        ));
    }
    if let Some(going) = going.filter(|going| going.state == RunState::Running && going.attempt > 1) {
        let since = going
            .started_at
            .map(|at| format!(", begun {}", times::hint(at, frame.now)))
            .unwrap_or_default();
        return Some(format!("attempt {}{since}", going.attempt));
    }
    if let Some(reason) = job.reason.as_deref() {
        return Some(clean(reason));
    }
    let last = job.last.as_ref()?;
    if let Some(released) = &last.released {
        return Some(format!("run {}: {}", last.run, clean(&released.words())));
    }
    let last = Some(last).filter(|_| job.is_failing() && !told)?;
    let reason = last.reason.as_deref().map(clean)?;
    Some(format!("run {}: {reason}", last.run))
}

fn rank(job: &JobState) -> u8 {
    match job.state.as_str() {
        _ if job.is_failing() => 0,
        "backing_off" => 1,
        _ => 2,
    }
}
