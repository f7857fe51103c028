//! Start, restart and crash are one path: the state is rebuilt from stored facts, then decisions go on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::data::DataState;
use super::jobs::JobState;
use super::outbox::Outbox;
use super::wakes::Wakes;
use super::{Engine, Step, Wake};
use crate::lineage::Lineage;
use crate::model::{
    AcceptedSettings, Attempt, AttemptState, Fact, Host, JobRecord, Life, Name, Now, Outcome, RunState, Settings,
    Snapshot, VersionState, elapsed,
};

/// A clock this much earlier than the newest record is not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

impl Engine {
    /// Rebuilds the state from what is stored. Nothing is decided yet: that is for `Event::Started`.
    pub fn new(settings: Arc<Settings>, host: Host, snapshot: Snapshot, now: Now) -> Self {
        let number = snapshot.life.as_ref().map_or(0, |life| life.number) + 1;
        let life = Life {
            number,
            started_at: now.wall,
            seen_at: now.wall,
            ended_at: None,
            boot_id: host.boot_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let hold_until = snapshot
            .newest_record_at
            .filter(|newest| elapsed(now.wall, *newest) > CLOCK_TOLERANCE);
        let mut engine = Self {
            lineage: Lineage::new(&settings),
            triggers: super::reload::triggers(&settings),
            settings,
            host,
            seed: snapshot.seed,
            life,
            accepted: snapshot.settings_digest.clone(),
            hold_until,
            jobs: HashMap::new(),
            runs: HashMap::new(),
            attempts: HashMap::new(),
            pools: HashMap::new(),
            data: HashMap::new(),
            incidents: BTreeMap::new(),
            outbox: Outbox::default(),
            waits: HashMap::new(),
            last_run: snapshot.last_run.map_or(0, |id| id.0),
            last_incident: snapshot.last_incident.map_or(0, |id| id.0),
            last_notification: snapshot.last_notification.map_or(0, |id| id.0),
            wakes: Wakes::default(),
            dirty_jobs: BTreeSet::new(),
            dirty_data: BTreeSet::new(),
            now,
            step: Step::default(),
        };
        engine.load(snapshot);
        engine
    }

    fn load(&mut self, snapshot: Snapshot) {
        for record in snapshot.jobs {
            let state = JobState {
                record,
                next: None,
                going: Vec::new(),
                last: None,
            };
            self.jobs.insert(state.record.job.clone(), state);
        }
        self.attempts = snapshot
            .attempts
            .into_iter()
            .map(|attempt| (attempt.id, attempt))
            .collect();
        let mut runs = snapshot.runs;
        runs.sort_by_key(|run| run.id);
        for run in runs {
            if run.state == RunState::Final {
                let last = crate::model::AttemptId {
                    run: run.id,
                    number: run.attempts,
                };
                let attempt = self.attempts.remove(&last);
                if let Some(state) = self.jobs.get_mut(&run.job).filter(|_| run.attempts > 0) {
                    state.last = Some(Box::new((run, attempt)));
                }
                continue;
            }
            let pool = self.settings.jobs.get(&run.job).and_then(|job| job.pool.clone());
            if let Some(pool) = pool.filter(|_| run.state == RunState::Running) {
                self.pools.entry(pool).or_default().running.push(run.id);
            }
            if let Some(state) = self.jobs.get_mut(&run.job) {
                state.going.push(run.id);
            }
            self.runs.insert(run.id, run);
        }
        for (dataset, number) in snapshot.version_numbers {
            self.data.entry(dataset).or_default().last_number = number;
        }
        let mut versions = snapshot.versions;
        versions.sort_by_key(|version| version.number);
        for version in versions {
            let state: &mut DataState = self.data.entry(version.dataset.clone()).or_default();
            state.last_number = state.last_number.max(version.number.0);
            match version.state {
                VersionState::Publishing => state.publishing.push(version),
                VersionState::Published => state.pinned.extend(state.current.replace(version)),
                VersionState::Quarantined => state.refused = Some(version),
            }
        }
        let mut slots = snapshot.slots;
        slots.sort_by_key(|slot| slot.due_at);
        for slot in slots {
            self.data.entry(slot.dataset.clone()).or_default().slots.push(slot);
        }
        for observation in snapshot.observations {
            let state = self.data.entry(observation.dataset.clone()).or_default();
            state.observation = Some(observation);
        }
        self.incidents = snapshot
            .incidents
            .into_iter()
            .map(|incident| (incident.id, incident))
            .collect();
        self.outbox.pending = snapshot
            .notifications
            .into_iter()
            .map(|pending| (pending.id, pending))
            .collect();
    }

    /// The daemon is up: every decision that was due meanwhile is made now.
    pub(super) fn started(&mut self, accepted: AcceptedSettings) {
        self.fact(Fact::Life(self.life.clone()));
        self.accept(accepted);
        self.resume_runs();
        self.resume_publications();
        let pending: Vec<_> = self.outbox.pending.keys().copied().collect();
        for id in pending {
            self.notification_due(id);
        }
        let incidents: Vec<_> = self.incidents.keys().copied().collect();
        for id in incidents {
            self.incident_due(id);
        }
    }

    fn resume_runs(&mut self) {
        let mut runs: Vec<_> = self.runs.values().map(|run| (run.id, run.state)).collect();
        runs.sort_by_key(|(id, _)| *id);
        for (id, state) in runs {
            let Some(job) = self.job_of(id) else {
                // Without its job only a running process still means something.
                if matches!(state, RunState::Waiting | RunState::BackingOff) {
                    self.finish(
                        id,
                        Outcome::Cancelled,
                        Some("its job was removed from jobs.toml".to_owned()),
                    );
                }
                continue;
            };
            match state {
                RunState::Waiting => self.resume_waiting(id, &job.name),
                RunState::BackingOff => self.resume_backoff(id),
                // The keepers tell of running ones; verdicts are asked for again.
                RunState::Running | RunState::Judging | RunState::Final => {}
            }
        }
    }

    fn resume_waiting(&mut self, id: crate::model::RunId, job: &Name) {
        let first = self.jobs.get(job).and_then(|state| state.going.first().copied());
        if first == Some(id) {
            self.start_or_wait_for_pool(id);
        }
    }

    /// The boot clock goes on within one boot; after a reboot the wall time that was told counts.
    fn resume_backoff(&mut self, id: crate::model::RunId) {
        let Some(run) = self.runs.get(&id) else { return };
        let same_boot = run.boot_id.as_deref() == Some(self.host.boot_id.as_str());
        let due = match run.retry_boot_ms.filter(|_| same_boot) {
            Some(due) => Duration::from_millis(due),
            None => {
                let wait = run.retry_at.map_or(Duration::ZERO, |at| elapsed(self.now.wall, at));
                self.now.boot + wait
            }
        };
        if let Some(run) = self.runs.get_mut(&id) {
            run.retry_boot_ms = u64::try_from(due.as_millis()).ok();
            run.boot_id = Some(self.host.boot_id.clone());
        }
        if due <= self.now.boot {
            self.retry_due(id)
        } else {
            self.wakes.arm_retry(id, due)
        }
    }

    /// Makes the rest of the state fit the configuration in force: new and edited jobs begin now and never
    /// catch up, datasets get their slots, probes look.
    pub(super) fn accept(&mut self, accepted: AcceptedSettings) {
        if self.accepted.as_deref() != Some(accepted.digest.as_str()) {
            self.accepted = Some(accepted.digest.clone());
            self.fact(Fact::Settings(accepted));
        }
        let settings = self.settings.clone();
        for (name, job) in &settings.jobs {
            let known = self
                .jobs
                .get(name)
                .is_some_and(|state| state.record.digest == job.digest);
            if !known {
                let before = self.jobs.remove(name);
                let pause = before.as_ref().and_then(|before| before.record.pause.clone());
                let cursor = before
                    .as_ref()
                    .map_or(self.now.wall, |before| before.record.cursor.max(self.now.wall));
                let record = JobRecord {
                    job: name.clone(),
                    cursor,
                    digest: job.digest.clone(),
                    pause,
                };
                self.fact(Fact::Job(record.clone()));
                let (going, last) = before.map_or((Vec::new(), None), |before| (before.going, before.last));
                self.jobs.insert(
                    name.clone(),
                    JobState {
                        record,
                        next: None,
                        going,
                        last,
                    },
                );
            }
            self.job_due(name);
        }
        for (name, dataset) in &settings.datasets {
            self.advance_slots(name);
            if dataset.probe.is_some() {
                self.wakes.arm(Wake::Probe(name.clone()), self.now.wall);
                self.probe_due(name);
            }
        }
        self.dirty_jobs.extend(settings.jobs.keys().cloned());
        self.dirty_data.extend(settings.datasets.keys().cloned());
        // Open problems of what is no longer configured are over.
        let subjects: Vec<_> = self
            .incidents
            .values()
            .map(|incident| incident.subject.clone())
            .collect();
        self.dirty_jobs.extend(subjects.iter().cloned());
        self.dirty_data.extend(subjects);
    }

    /// Attempts that the keepers must account for: whoever recovers asks about these.
    pub fn unfinished(&self) -> Vec<Attempt> {
        self.attempts
            .values()
            .filter(|attempt| attempt.state != AttemptState::Ended)
            .cloned()
            .collect()
    }
}
