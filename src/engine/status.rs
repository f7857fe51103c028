//! The state of everything as JSON: what windows print.

use serde_json::{Value, json};

use super::Engine;
use super::data::DataState;
use super::jobs::JobState;
use crate::freshness;
use crate::model::{About, Dataset, Incident, Job, Name, OwnDowntime, Quiet, Run, RunState, incident_line};

/// A run as `history --json` prints it.
pub(super) fn run_json(run: &Run) -> Value {
    crate::model::run_line(run)
}

impl Engine {
    /// `{datasets, jobs, incidents, ...}`; only what bears `name` when one is given.
    ///
    /// # Errors
    /// Says that nothing bears that name.
    pub fn status(&self, name: Option<&Name>) -> Result<Value, String> {
        let wanted = |known: &Name| name.is_none_or(|name| name == known);
        let datasets: Vec<Value> = self
            .settings
            .datasets
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(_, data)| self.dataset_json(data))
            .collect();
        let jobs: Vec<Value> = self
            .settings
            .jobs
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(_, job)| self.job_json(job))
            .collect();
        if datasets.is_empty()
            && jobs.is_empty()
            && let Some(name) = name
        {
            return Err(format!("there is no job or dataset {name} in jobs.toml"));
        }
        let known = self.incidents.values().filter(|incident| wanted(&incident.subject));
        let (drills, incidents): (Vec<&Incident>, Vec<&Incident>) =
            known.partition(|incident| incident.drill.is_some());
        Ok(json!({
            "at": self.now.wall,
            "timezone": self.settings.timezone.iana_name(),
            "datasets": datasets,
            "jobs": jobs,
            "incidents": incidents.iter().map(|incident| self.incident_json(incident)).collect::<Vec<_>>(),
            "drills": drills.iter().map(|drill| self.incident_json(drill)).collect::<Vec<_>>(),
            "undelivered": self.undelivered(),
            "clock_held_since": self.clock_hold.as_ref().map(|hold| hold.since),
            "clock_held_until": self.clock_hold.as_ref().map(|hold| hold.until),
            "down": self.life.back.map(OwnDowntime::from),
            "disk_full_since": self.space_hold.as_ref().map(|hold| hold.since),
            "maintenance": self.open_windows(),
            "silences": self.standing_silences().filter(|silence| wanted(&silence.subject)).collect::<Vec<_>>(),
            "disk_full": self.space_hold.as_ref().map(|hold| &hold.shortage),
            "daemon": { "started_at": self.life.started_at, "version": self.life.version, "settings": self.settings.digest },
        }))
    }

    /// Every address that somebody may be told at, in a text of its own: what jobs.toml says by now may be in force later.
    pub(super) fn addresses_json(&self) -> Value {
        let addresses: Vec<String> = self.addresses_in_use().keys().map(ToString::to_string).collect();
        json!({ "addresses": addresses })
    }

    fn dataset_json(&self, dataset: &Dataset) -> Value {
        let standing = self.standing(dataset);
        let down = self.broken_while_down(dataset, &standing);
        let current = self.current_version(&dataset.name).map(|(version, _)| version);
        let mut value = freshness::dataset_json(dataset, standing, current);
        // What only a running daemon knows.
        value["broken_while_down"] = json!(down.map(|down| down.json()));
        value["tells"] = json!(self.tells(&dataset.owner));
        value["owner_title"] = json!(self.owner_title(&dataset.owner));
        value["maintenance"] = json!(self.open_window(About::Dataset, &dataset.name, self.now.wall));
        value["silence"] = json!(self.standing_silence(&dataset.name));
        value["producer"] = json!(self.lineage.producer_of(dataset.name.as_str()));
        value["expected"] = self.expected_json(&dataset.name);
        value
    }

    fn job_json(&self, job: &Job) -> Value {
        let state = self.jobs.get(&job.name);
        let (last, attempt) = state
            .and_then(|state| state.last.as_deref())
            .map(|(run, attempt)| (run, attempt.as_ref()))
            .unzip();
        let going: Vec<&Run> = self.runs_under_way(&job.name).collect();
        // It is claimed and has not begun: nobody may take it for running.
        let stuck = going.first().and_then(|run| self.waits_for_keeper(run));
        let says = |run: &Run| self.waits_for_keeper(run).or_else(|| run.reason.clone());
        json!({
            "name": job.name,
            "title": job.title,
            "state": if stuck.is_some() { "waiting" } else { job_state(job, state, &going) },
            "reason": going.first().and_then(|run| says(run)).or_else(|| {
                Some(state?.record.pause.as_ref()?.words())
            }),
            "paused": state.is_some_and(|state| state.record.pause.is_some()),
            "last": last.map(|run| json!({
                "run": run.id,
                "outcome": run.outcome,
                "ended_at": run.ended_at,
                "started_at": run.started_at,
                "reason": run.reason,
                "released": run.released,
                "exit_code": run.exit_code,
                "printed": attempt.flatten().and_then(|attempt| attempt.output.last_lines(1).pop()),
            })),
            "running": going.iter().map(|run| self.going_json(run)).collect::<Vec<_>>(),
            "next_due": state.and_then(|state| state.next),
            "schedule": job.schedule.as_ref().map(|rule| rule.text.to_string()),
            "produces": job.produces,
            "maintenance": self.open_window(About::Job, &job.name, self.now.wall),
            "silence": self.standing_silence(&job.name),
            "owner": job.owner.as_str(),
            "owner_title": self.owner_title(&job.owner),
            "tells": self.tells(&job.owner),
        })
    }

    /// The runs of a job that are not final, oldest first.
    pub(super) fn runs_under_way(&self, job: &Name) -> impl Iterator<Item = &Run> {
        let going = self.jobs.get(job).map_or(&[][..], |state| &state.going);
        going.iter().filter_map(|id| self.runs.get(id))
    }

    fn going_json(&self, run: &Run) -> Value {
        json!({
            "run": run.id,
            "state": run.state,
            "attempt": run.attempts,
            "started_at": run.started_at,
            "retry_at": run.retry_at,
            "reason": self.waits_for_keeper(run).or_else(|| run.reason.clone()),
        })
    }

    fn incident_json(&self, incident: &Incident) -> Value {
        let mut value = incident_line(incident, &self.addresses_told(incident));
        value["owner"] = json!(self.owner_of(incident).0);
        value["behind"] = json!(self.told_cause_of(incident).map(|cause| cause.id));
        let (window, silence) = match self.quiet_of(incident) {
            Some(Quiet::Window(window)) => (Some(window), None),
            Some(Quiet::Silence(silence)) => (None, Some(silence)),
            None => (None, None),
        };
        value["maintenance"] = json!(window);
        value["silence"] = json!(silence);
        let readers = self.readers(incident.id).into_iter();
        let readers = readers.map(
            |reading| json!({ "who": reading.who, "team": reading.team, "dataset": reading.dataset, "at": reading.at }),
        );
        value["readers"] = readers.collect();
        value
    }

    /// How messages and pages call a team.
    fn owner_title(&self, owner: &crate::model::Owner) -> Option<String> {
        self.settings.teams.get(owner.as_str())?.title.clone()
    }

    fn tells(&self, owner: &crate::model::Owner) -> Vec<String> {
        self.team_of(owner).1.iter().map(ToString::to_string).collect()
    }

    /// The evidence and the rule behind the state of a job or dataset.
    pub(super) fn why(&self, name: &Name) -> Result<Value, String> {
        let dataset = self.settings.datasets.get(name);
        let job = self.settings.jobs.get(name);
        if dataset.is_none() && job.is_none() {
            return Err(format!("there is no job or dataset {name} in jobs.toml"));
        }
        let incidents: Vec<Value> = self
            .incidents
            .values()
            .filter(|incident| incident.subject == *name && incident.drill.is_none())
            .map(|incident| {
                let mut value = self.incident_json(incident);
                let told_with = incident.cause.and_then(|cause| self.incidents.get(cause));
                let cause = told_with.or_else(|| self.told_cause_of(incident));
                value["cause_in_words"] =
                    json!(cause.map(|cause| format!("{} {}: {}", cause.subject, cause.kind.as_str(), cause.reason)));
                value
            })
            .collect();
        Ok(json!({
            "name": name,
            "dataset": dataset.map(|dataset| self.dataset_evidence(dataset)),
            "job": job.map(|job| self.job_evidence(job)),
            "incidents": incidents,
        }))
    }

    fn dataset_evidence(&self, dataset: &Dataset) -> Value {
        let mut value = self.dataset_json(dataset);
        let state = self.data.get(&dataset.name);
        let readers = self.lineage.impact(dataset.name.as_str());
        // What is promised of a whole is promised of each of its parts.
        let first = dataset
            .part_names()
            .next()
            .and_then(|(_, name)| self.settings.datasets.get(&name));
        let promised = first.map_or(dataset, AsRef::as_ref);
        value["max_age"] = json!(promised.max_age.map(crate::model::format_duration));
        value["counted_in"] = json!(promised.counted_in.as_ref().map(|days| &days.calendar.name));
        value["due"] = json!(promised.due.as_ref().map(|due| json!({
            "at": due.schedule.text.to_string(),
            "grace": crate::model::format_duration(due.grace),
        })));
        value["slots"] = json!(state.map(|state| &state.slots));
        value["current"] = json!(state.and_then(|state| state.current.as_ref()));
        let refused = state.and_then(DataState::held_back);
        value["refused"] = json!(refused);
        value["quarantine"] = json!(refused.map(|refused| self.quarantine_of(refused)));
        value["observation"] = json!(state.and_then(|state| state.observation.as_ref()));
        let producer = self.lineage.producer_of(dataset.name.as_str()).into_iter();
        let making = producer.flat_map(|job| self.runs_under_way(job));
        value["under_way"] = json!(making.map(|run| self.going_json(run)).collect::<Vec<_>>());
        value["pinged"] = json!(dataset.is_told_of());
        value["compared"] = self.compared_json(dataset);
        value["since"] = json!(
            state
                .and_then(|state| state.expectation.as_ref())
                .map(|known| &known.jumps)
        );
        let left_out = state.and_then(|state| state.current.as_ref());
        let left_out = left_out.filter(|current| current.is_released() && current.lesson.is_none());
        let lesson = state.and_then(|state| state.current.as_ref()?.lesson.as_ref());
        value["columns_left_out"] = json!(lesson.map_or(0, |lesson| lesson.profile.left_out));
        value["left_out"] = json!(left_out.map(|current| current.number));
        value["readers"] = json!(
            readers
                .iter()
                .map(|reader| json!({
                    "name": reader.consumer,
                    "owner": reader.owner.as_str(),
                    "reads": reader.dataset,
                    "reads_at": reader.reads_at.map(|rule| rule.text.to_string()),
                }))
                .collect::<Vec<_>>()
        );
        value
    }

    fn job_evidence(&self, job: &Job) -> Value {
        let mut value = self.job_json(job);
        let last = self.jobs.get(&job.name).and_then(|state| state.last.as_deref());
        value["cursor"] = json!(self.jobs.get(&job.name).map(|state| state.record.cursor));
        value["held"] = json!(self.why_nothing_starts());
        value["last_run"] = json!(last.map(|(run, _)| run));
        value["last_attempt"] = json!(last.and_then(|(_, attempt)| attempt.as_ref()));
        value
    }
}

/// One word for where a job stands.
fn job_state(job: &Job, state: Option<&JobState>, going: &[&Run]) -> &'static str {
    if let Some(run) = going.first() {
        return match run.state {
            RunState::Waiting => "waiting",
            RunState::Running => "running",
            RunState::BackingOff => "backing_off",
            RunState::Judging => "judging",
            RunState::Final => "final",
        };
    }
    if !job.enabled {
        return "disabled";
    }
    if state.is_some_and(|state| state.record.pause.is_some()) {
        return "paused";
    }
    match state.and_then(|state| state.last.as_deref()).map(|(run, _)| run) {
        None => "never_ran",
        Some(run) if run.is_failure() => "failing",
        Some(_) => "ok",
    }
}
