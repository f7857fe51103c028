//! Data that nobody has seen yet: when the job that makes it runs for the first time.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DatasetState, JobState, Status};

/// The first run of the job that makes a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRun {
    /// It is under way.
    UnderWay,
    /// It is due then.
    At(Timestamp),
}

impl FirstRun {
    /// `not yet: first run 12:00:05`, with the day where that is not today's.
    pub fn words(self, now: Timestamp, zone: &TimeZone) -> String {
        match self {
            Self::UnderWay => "not yet: first run is under way".to_owned(),
            Self::At(at) => format!("not yet: first run {}", due_words(at, now, zone)),
        }
    }
}

/// A time of today with the seconds where it is not due on a minute, else with its day.
fn due_words(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (due, today) = (zone.to_datetime(at), zone.to_datetime(now).date());
    let pattern = match (due.date() == today, due.second()) {
        (true, 0) => "%H:%M",
        (true, _) => "%H:%M:%S",
        (false, _) => "%a %Y-%m-%d %H:%M",
    };
    due.strftime(pattern).to_string()
}

impl Status {
    /// Notes of each dataset that was never seen when its job runs first.
    pub(super) fn note_first_runs(&mut self) {
        let never_ran = self.jobs.iter().filter(|job| job.last.is_none());
        let never_ran: HashMap<&str, &JobState> = never_ran.map(|job| (job.name.as_str(), job)).collect();
        for dataset in self.datasets.iter_mut().filter(|dataset| dataset.is_not_yet()) {
            let producer = dataset.producer.as_ref();
            let Some(job) = producer.and_then(|name| never_ran.get(name.as_str())) else {
                continue;
            };
            // The runs of a paused job are skipped when they are due.
            let next_due = job.next_due.filter(|_| !job.paused);
            dataset.first_run = match job.running.is_empty() {
                false => Some(FirstRun::UnderWay),
                true => next_due.map(FirstRun::At),
            };
        }
    }

    /// What the first minute looks like: `not made yet, the first run is due 12:00:05`, while all that is wrong is that.
    pub fn not_yet_words(&self, zone: &TimeZone) -> Option<String> {
        if !self.is_young() {
            return None;
        }
        let first = self.datasets.iter().filter_map(|dataset| dataset.first_run);
        let is_under_way = first.clone().any(|first| first == FirstRun::UnderWay);
        let next = first.filter_map(|first| match first {
            FirstRun::At(at) => Some(at),
            FirstRun::UnderWay => None,
        });
        match (is_under_way, next.min()) {
            (true, _) => Some("not made yet, first runs are under way".to_owned()),
            (false, Some(at)) => Some(format!(
                "not made yet, the first run is due {}",
                due_words(at, self.at, zone)
            )),
            (false, None) => None,
        }
    }
}

impl DatasetState {
    /// Whether nobody has seen it yet, and nothing else is said of it.
    fn is_not_yet(&self) -> bool {
        self.state == "unknown" && self.effective_as_of.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(last: &serde_json::Value, running: &serde_json::Value) -> Status {
        let status = json!({
            "at": "2026-11-27T12:00:00Z",
            "datasets": [{
                "name": "stock", "title": null, "state": "unknown", "effective_as_of": null, "limited_by": null,
                "deadline": null, "owner": "a", "reason": "never seen", "producer": "export",
            }],
            "jobs": [{
                "name": "export", "title": null, "state": "never_ran", "reason": null, "paused": false, "last": last,
                "running": running, "next_due": "2026-11-27T12:00:05Z", "schedule": null, "owner": "a",
            }],
        });
        Status::read(&status).expect("a status")
    }

    #[test]
    fn what_was_never_seen_says_when_its_job_runs_first() {
        let first = |status: &Status| {
            let words = |first: FirstRun| first.words(status.at, &TimeZone::UTC);
            status.datasets[0].first_run.map(words)
        };
        let due = status(&json!(null), &json!([]));
        assert_eq!(first(&due).as_deref(), Some("not yet: first run 12:00:05"));
        let words = due.not_yet_words(&TimeZone::UTC);
        assert_eq!(words.as_deref(), Some("not made yet, the first run is due 12:00:05"));
        let going = json!([{ "run": 1, "state": "running", "attempt": 1, "started_at": null, "retry_at": null, "reason": null }]);
        let going = status(&json!(null), &going);
        assert_eq!(first(&going).as_deref(), Some("not yet: first run is under way"));
        let ended = json!({ "run": 1, "outcome": "failed", "ended_at": "2026-11-27T11:00:00Z", "reason": null });
        assert_eq!(first(&status(&ended, &json!([]))), None, "that one was to make it");
        let mut paused = due;
        (paused.jobs[0].paused, paused.datasets[0].first_run) = (true, None);
        paused.note_first_runs();
        assert_eq!(first(&paused), None, "that run will be skipped");
    }

    #[test]
    fn a_first_run_of_another_day_says_which() {
        let now = "2026-11-27T12:00:00Z".parse().expect("a time");
        let at = "2026-12-04T22:00:00Z".parse().expect("a time");
        let words = FirstRun::At(at).words(now, &TimeZone::UTC);
        assert_eq!(words, "not yet: first run Fri 2026-12-04 22:00");
    }
}
