//! What a world shows of itself, in the words of the tests.

use std::collections::BTreeMap;

use freshd::model::{
    Fact, Incident, IncidentId, IncidentState, Notification, Outcome, Purpose, Reply, Request, Run, RunState, Slot,
    Version,
};
use jiff::Timestamp;

use super::World;

impl World {
    /// Every run of a job as it stands, oldest first.
    pub(crate) fn runs(&self, job: &str) -> Vec<Run> {
        let ids = self.ledger.by_job.get(job).into_iter().flatten();
        ids.map(|id| self.ledger.runs[id].clone()).collect()
    }

    /// The last run of a job.
    pub(crate) fn last_run(&self, job: &str) -> Run {
        self.runs(job).pop().expect("a run")
    }

    /// When each occurrence of a job was due (local day and time) and how it ended.
    pub(crate) fn outcomes(&self, job: &str) -> Vec<(String, Option<Outcome>)> {
        let runs = self.runs(job);
        runs.iter()
            .map(|run| {
                (
                    run.due_at.map_or_else(|| run.trigger.as_str().to_owned(), local),
                    run.outcome,
                )
            })
            .collect()
    }

    /// When the processes of a job were started, local time to the second.
    pub(crate) fn starts(&self, job: &str) -> Vec<String> {
        let of_job = self.started.iter().filter(|(name, _, _)| name == job);
        of_job.map(|(_, _, at)| clock(*at)).collect()
    }

    /// The versions of a dataset as they stand.
    pub(crate) fn versions(&self, dataset: &str) -> Vec<Version> {
        self.ledger
            .versions
            .values()
            .filter(|version| version.dataset.as_str() == dataset)
            .cloned()
            .collect()
    }

    /// The slots of a dataset as they stand.
    pub(crate) fn slots(&self, dataset: &str) -> Vec<Slot> {
        self.ledger
            .slots
            .values()
            .filter(|slot| slot.dataset.as_str() == dataset)
            .cloned()
            .collect()
    }

    /// Every incident as it stands.
    pub(crate) fn incidents(&self) -> Vec<Incident> {
        self.ledger.incidents.values().cloned().collect()
    }

    /// The incidents that people were told of and that are not over.
    pub(crate) fn open_incidents(&self) -> Vec<Incident> {
        self.incidents()
            .into_iter()
            .filter(|incident| incident.state == IncidentState::Open)
            .collect()
    }

    /// What was told, in order: when (local day and time), to whom, why; each message once.
    pub(crate) fn told(&self) -> Vec<(String, String, Purpose)> {
        let mut seen = std::collections::BTreeSet::new();
        let once = self
            .sent
            .iter()
            .filter(|(_, sent)| seen.insert(sent.message.id.clone()));
        let mut told: Vec<_> = once
            .map(|(at, sent)| (*at, sent.address.to_string(), sent.message.purpose))
            .collect();
        told.sort();
        told.into_iter().map(|(at, to, why)| (local(at), to, why)).collect()
    }

    /// Everything sent to one address: why, in order.
    pub(crate) fn told_to(&self, address: &str) -> Vec<Purpose> {
        self.told()
            .into_iter()
            .filter(|(_, to, _)| to == address)
            .map(|(_, _, why)| why)
            .collect()
    }

    /// The state of one dataset as `status` tells it.
    pub(crate) fn status(&mut self, name: &str) -> serde_json::Value {
        self.done(Request::Status {
            name: Some(name.into()),
        })
    }

    /// The word for a dataset's state, and the sentence behind it.
    pub(crate) fn state_of(&mut self, dataset: &str) -> (String, String) {
        let status = self.status(dataset);
        let found = &status["datasets"][0];
        let word = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        (word("state"), word("reason"))
    }

    /// A job is run by hand.
    pub(crate) fn run(&mut self, job: &str) -> Reply {
        self.ask(Request::Run {
            job: job.into(),
            args: Vec::new(),
        })
    }
}

/// `Fri 23:15`, in Oslo.
pub(crate) fn local(at: Timestamp) -> String {
    zone().to_datetime(at).strftime("%a %H:%M").to_string()
}

/// `23:15:07`, in Oslo.
pub(crate) fn clock(at: Timestamp) -> String {
    zone().to_datetime(at).strftime("%H:%M:%S").to_string()
}

fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get("Europe/Oslo").expect("zone data")
}

/// A configuration with channels and a team `ops`, to which jobs and datasets are added.
pub(crate) fn with_ops(rest: &str) -> String {
    format!(
        "timezone = \"Europe/Oslo\"\n[fallback]\nnotify = [\"mail:it@sea.example\"]\n\
         [channels.mail]\ntype = \"file\"\ndir = \"outbox\"\n\
         [teams.ops]\nnotify = [\"mail:ops@sea.example\"]\n{rest}"
    )
}
