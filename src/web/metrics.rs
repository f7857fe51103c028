//! `/metrics`: the state in the text format of Prometheus. Times are timestamps, not ages, so that an age is computed
//! when it is looked at; labels are names from jobs.toml and words from closed lists.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::answer::Trouble;
use super::desk::Desk;
use crate::model::Status;
use crate::store::{Outbox, Reader};

/// One of the times of a dataset.
type Time = fn(&crate::model::DatasetState) -> Option<Timestamp>;

/// Series of one kind. Beyond so many datasets or jobs `freshd_left_out` says how many are missing.
const SERIES_MAX: usize = 20_000;

/// Every state that a dataset can have, as `freshd status` names them.
const DATASET_STATES: [&str; 9] = [
    "fresh", "due_soon", "late", "stale", "changed", "suspect", "held", "unknown", "paused",
];
/// Every state that a job can have.
const JOB_STATES: [&str; 10] = [
    "ok",
    "failing",
    "never_ran",
    "waiting",
    "running",
    "backing_off",
    "judging",
    "final",
    "paused",
    "disabled",
];

pub(super) async fn metrics(State(desk): State<Arc<Desk>>) -> Result<Response, Trouble> {
    let known = desk.status().await?;
    // The state is told all the same when the records cannot be read.
    let stored = Stored {
        outbox: desk.read(Reader::outbox).await.ok(),
        successes: desk.successes().of(&desk, &known.status).await.unwrap_or_default(),
    };
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let text = desk.compute(move || text(&known.status, &stored)).await?;
    Ok((kind, text).into_response())
}

/// What the daemon's status does not say, from the records.
#[derive(Default)]
struct Stored {
    outbox: Option<Outbox>,
    /// When each job last succeeded.
    successes: HashMap<String, Timestamp>,
}

fn text(status: &Status, stored: &Stored) -> String {
    let mut text = Exposition(String::new());
    let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
    if let Some(daemon) = &status.daemon {
        text.family("freshd_info", "gauge", "Which freshd this is.");
        text.sample("freshd_info", &[("version", &daemon.version)], 1.0);
        text.family("freshd_start_time_seconds", "gauge", "When this daemon started.");
        text.sample("freshd_start_time_seconds", &[], seconds(daemon.started_at));
    }
    text.family("freshd_fine", "gauge", "1 when nothing needs anybody.");
    text.sample("freshd_fine", &[], flag(status.is_fine()));
    text.family("freshd_holds_starts", "gauge", "1 while nothing is started, and why.");
    text.sample(
        "freshd_holds_starts",
        &[("because", "clock")],
        flag(status.clock_held_until.is_some()),
    );
    text.sample(
        "freshd_holds_starts",
        &[("because", "disk")],
        flag(status.disk_full.is_some()),
    );
    text.family(
        "freshd_undelivered_messages",
        "gauge",
        "Messages that were refused and are not taken yet, and those that wait for the same address.",
    );
    text.sample("freshd_undelivered_messages", &[], count(status.undelivered_messages()));
    if let Some(outbox) = stored.outbox {
        text.family(
            "freshd_outbox_messages",
            "gauge",
            "Messages on record that wait to be taken, and those that were given up.",
        );
        for (state, messages) in [("pending", outbox.pending), ("dead", outbox.dead)] {
            text.sample("freshd_outbox_messages", &[("state", state)], count(messages));
        }
    }
    text.family(
        "freshd_open_incidents",
        "gauge",
        "Incidents that are not resolved, effects of others included.",
    );
    for severity in ["warning", "critical"] {
        let of_severity = |incident: &&crate::model::OpenIncident| incident.severity.as_str() == severity;
        let open = status.incidents.iter().filter(of_severity).count();
        text.sample("freshd_open_incidents", &[("severity", severity)], count(open));
    }
    datasets(status, &mut text);
    jobs(status, stored, &mut text);
    text.0
}

fn datasets(status: &Status, text: &mut Exposition) {
    let datasets = || status.datasets.iter().take(SERIES_MAX);
    text.family("freshd_datasets", "gauge", "Datasets in each state.");
    for state in DATASET_STATES {
        let found = status.datasets.iter().filter(|dataset| dataset.state == state).count();
        text.sample("freshd_datasets", &[("state", state)], count(found));
    }
    text.family(
        "freshd_dataset_keeps_promise",
        "gauge",
        "1 while readers have what they were promised.",
    );
    for dataset in datasets() {
        let holds = if dataset.keeps_promise() { 1.0 } else { 0.0 };
        text.sample(
            "freshd_dataset_keeps_promise",
            &[("dataset", &dataset.name), ("owner", &dataset.owner)],
            holds,
        );
    }
    let times: [(&str, &str, Time); 3] = [
        (
            "freshd_dataset_as_of_timestamp_seconds",
            "As of when the data is, what it was made from included.",
            |dataset| dataset.effective_as_of,
        ),
        (
            "freshd_dataset_arrived_timestamp_seconds",
            "When the newest version was accepted.",
            |dataset| dataset.arrived_at,
        ),
        (
            "freshd_dataset_deadline_timestamp_seconds",
            "When its promise breaks, or broke.",
            |dataset| dataset.deadline,
        ),
    ];
    for (name, meaning, time) in times {
        text.family(name, "gauge", meaning);
        for dataset in datasets() {
            if let Some(at) = time(dataset) {
                text.sample(name, &[("dataset", &dataset.name)], seconds(at));
            }
        }
    }
}

fn jobs(status: &Status, stored: &Stored, text: &mut Exposition) {
    let jobs = || status.jobs.iter().take(SERIES_MAX);
    text.family("freshd_jobs", "gauge", "Jobs in each state.");
    for state in JOB_STATES {
        let found = status.jobs.iter().filter(|job| job.state == state).count();
        text.sample("freshd_jobs", &[("state", state)], count(found));
    }
    text.family("freshd_job_failing", "gauge", "1 when its last run failed.");
    for job in jobs() {
        let failing = if job.is_failing() { 1.0 } else { 0.0 };
        text.sample(
            "freshd_job_failing",
            &[("job", &job.name), ("owner", &job.owner)],
            failing,
        );
    }
    text.family(
        "freshd_job_paused",
        "gauge",
        "1 while it is paused: what comes due is skipped.",
    );
    for job in jobs() {
        let paused = if job.paused { 1.0 } else { 0.0 };
        text.sample(
            "freshd_job_paused",
            &[("job", &job.name), ("owner", &job.owner)],
            paused,
        );
    }
    text.family(
        "freshd_job_runs_going_on",
        "gauge",
        "Runs that wait, run or are to be tried again.",
    );
    for job in jobs() {
        text.sample(
            "freshd_job_runs_going_on",
            &[("job", &job.name)],
            count(job.running.len()),
        );
    }
    text.family(
        "freshd_job_next_due_timestamp_seconds",
        "gauge",
        "When it is next due by the clock.",
    );
    for job in jobs() {
        if let Some(at) = job.next_due {
            text.sample(
                "freshd_job_next_due_timestamp_seconds",
                &[("job", &job.name)],
                seconds(at),
            );
        }
    }
    text.family(
        "freshd_job_last_end_timestamp_seconds",
        "gauge",
        "When its last run with a process ended.",
    );
    for job in jobs() {
        if let Some(at) = job.last.as_ref().and_then(|last| last.ended_at) {
            text.sample(
                "freshd_job_last_end_timestamp_seconds",
                &[("job", &job.name)],
                seconds(at),
            );
        }
    }
    text.family(
        "freshd_job_last_success_timestamp_seconds",
        "gauge",
        "When its last run that succeeded ended.",
    );
    for job in jobs() {
        if let Some(at) = stored.successes.get(&job.name) {
            text.sample(
                "freshd_job_last_success_timestamp_seconds",
                &[("job", &job.name)],
                seconds(*at),
            );
        }
    }
    let left_out = status.datasets.len().saturating_sub(SERIES_MAX) + status.jobs.len().saturating_sub(SERIES_MAX);
    text.family(
        "freshd_left_out",
        "gauge",
        "Datasets and jobs without series of their own here.",
    );
    text.sample("freshd_left_out", &[], count(left_out));
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "no freshd has 2^52 of anything")]
fn count(count: usize) -> f64 {
    count as f64
}

/// The text format, version 0.0.4.
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let separator = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{separator}{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

/// A label's value: a backslash, a quotation mark and a line break would end it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_timestamps_and_a_hostile_name_stays_in_its_label() {
        let status = Status::read(&json!({
            "at": "2026-11-27T22:16:00Z",
            "timezone": "Europe/Oslo",
            "datasets": [{
                "name": "a\"} 1\nb\\", "state": "late", "owner": "it",
                "effective_as_of": "2026-11-27T21:04:00.5Z",
            }],
            "jobs": [],
        }));
        let text = text(&status.expect("a status"), &Stored::default());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&"freshd_fine 0"), "{text}");
        assert!(lines.contains(&"freshd_datasets{state=\"late\"} 1"), "{text}");
        assert!(
            lines.contains(&"freshd_dataset_as_of_timestamp_seconds{dataset=\"a\\\"} 1\\nb\\\\\"} 1795813440.5"),
            "{text}"
        );
        assert!(!text.contains("_age"), "{text}");
    }
}
