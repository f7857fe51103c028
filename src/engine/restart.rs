//! Start, restart and crash are one path: the state is rebuilt from stored facts, then decisions go on.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::backlog::Todo;
use super::data::DataState;
use super::flapping::Openings;
use super::jobs::{JobState, says_how_the_job_is};
use super::keepers::Keepers;
use super::news::News;
use super::outbox::Outbox;
use super::pools::Pools;
use super::register::Register;
use super::repeats::Repeats;
use super::restored::Recovered;
use super::runs::StartedWith;
use super::threads::Threads;
use super::together::Together;
use super::wakes::Wakes;
use super::weekly::Weekly;
use super::{Engine, Step};
use crate::lineage::Lineage;
use crate::model::{
    AcceptedSettings, Attempt, AttemptState, DOWNTIME_LONG, Fact, Host, Life, Now, Outcome, Run, RunId, RunState,
    Settings, Shortage, SlotState, Snapshot, VersionState, earlier, elapsed,
};

/// What a run left behind is removed by work off the main loop, which a crash may cut short this late after its end.
const REMOVAL_TIME_MAX: Duration = Duration::from_mins(1);

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
            back: snapshot.life.as_ref().and_then(|life| life.back),
        };
        let mut engine = Self {
            lineage: Lineage::new(&settings),
            triggers: super::reload::triggers(&settings),
            settings,
            host,
            seed: snapshot.seed,
            life,
            accepted: snapshot.settings_digest.clone(),
            began_before: snapshot.life.as_ref().map(|life| life.started_at),
            seen_before: snapshot.life.as_ref().map(|life| life.seen_at),
            newest_record_at: snapshot.newest_record_at,
            clock_confirmation: snapshot.clock_confirmation.clone(),
            clock_leaps: snapshot.clock_leaps.clone(),
            restoration: snapshot.restoration.clone(),
            recovered: Recovered::of(&snapshot),
            clock_hold: None,
            space_hold: None,
            listens_until: None,
            was_full: None,
            held_runs: BTreeSet::new(),
            held_for_inputs: BTreeSet::new(),
            held_attempts: BTreeSet::new(),
            refused: BTreeSet::new(),
            jobs: IndexMap::new(),
            runs: HashMap::new(),
            attempts: HashMap::new(),
            started_with: HashMap::new(),
            keepers: Keepers::default(),
            pools: Pools::default(),
            data: HashMap::new(),
            placed: BTreeMap::new(),
            pins: HashMap::new(),
            setbacks: HashMap::new(),
            silences: BTreeMap::new(),
            incidents: Register::default(),
            resting: BTreeSet::new(),
            begun: Vec::new(),
            looks_for_fallback: false,
            is_fallback_new: false,
            news: News::default(),
            mending: BTreeSet::new(),
            openings: Openings::default(),
            outbox: Outbox::default(),
            together: Together::default(),
            repeats: Repeats::default(),
            threads: Threads::of(snapshot.threads.clone()),
            weekly: Weekly::of(snapshot.weekly.clone()),
            hand_waits: HashMap::new(),
            drill_waits: HashMap::new(),
            waits: HashMap::new(),
            last_run: highest_run(&snapshot),
            last_incident: snapshot.last_incident.map_or(0, |id| id.0),
            last_notification: snapshot.last_notification.map_or(0, |id| id.0),
            wakes: Wakes::default(),
            pruning: None,
            backlog: VecDeque::new(),
            dirty_jobs: BTreeSet::new(),
            dirty_data: BTreeSet::new(),
            is_life_changed: false,
            now,
            step: Step::default(),
        };
        let was_down_long = |seen| elapsed(seen, now.wall) > DOWNTIME_LONG;
        engine
            .clock_leaps
            .extend(engine.seen_before.filter(|seen| was_down_long(*seen)).map(|_| now.wall));
        engine.load(snapshot);
        engine.recall(&engine.settings.clone());
        engine.hold_by_clock();
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
                let mut attempt = None;
                for number in 1..=run.attempts {
                    attempt = self.attempts.remove(&crate::model::AttemptId { run: run.id, number });
                }
                if let Some(state) = self.jobs.get_mut(&run.job).filter(|_| says_how_the_job_is(&run)) {
                    state.last = Some(Box::new((run, attempt)));
                }
                continue;
            }
            let pool = self.settings.jobs.get(&run.job).and_then(|job| job.policy.pool.clone());
            if let Some(pool) = pool.filter(|_| run.state == RunState::Running) {
                self.pools.occupy(pool, run.id);
            }
            if let Some(state) = self.jobs.get_mut(&run.job) {
                state.going.push(run.id);
            }
            self.pin(&run.inputs);
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
                VersionState::Quarantined if version.is_restored() => {}
                VersionState::Quarantined => {
                    self.refused.extend(version.attempt);
                    state.refused = Some(version);
                }
            }
        }
        for past in snapshot.past {
            let state = self.data.entry(past.dataset.clone()).or_default();
            state.learn(std::sync::Arc::new(past));
        }
        let mut slots = snapshot.slots;
        slots.sort_by_key(|slot| slot.due_at);
        for slot in slots {
            let state = self.data.entry(slot.dataset.clone()).or_default();
            if slot.state == SlotState::Withdrawn {
                // Before that it may have been withdrawn for the sake of a wrong clock, and promised all the same.
                let last = state.slots.last();
                state.has_ended = last.is_some_and(|last| last.decided_at <= slot.decided_at);
            } else {
                state.has_ended = false;
                state.slots.push(slot);
            }
        }
        for observation in snapshot.observations {
            let state = self.data.entry(observation.dataset.clone()).or_default();
            state.observation = Some(observation);
        }
        for promise in snapshot.age_promises {
            let state = self.data.entry(promise.dataset.clone()).or_default();
            state.promised_since = promise.since;
        }
        for expectation in snapshot.expectations {
            let state = self.data.entry(expectation.dataset.clone()).or_default();
            state.expectation = Some(expectation);
        }
        let silences = snapshot.silences.into_iter();
        self.silences = silences.map(|silence| (silence.subject.clone(), silence)).collect();
        self.incidents = snapshot.incidents.into_iter().collect();
        for (cause, dataset) in snapshot.mended {
            self.incidents.note_mended(cause, dataset);
        }
        for ending in self.incidents.values().filter(|incident| incident.ends_by().is_some()) {
            self.outbox.note_ending(ending.id, true);
        }
        self.openings.recall(snapshot.openings);
        for (incident, address) in snapshot.ends_written {
            self.outbox.remember_end(incident, address);
        }
        for told in &snapshot.told {
            self.outbox.note_told(told);
        }
        for end in &snapshot.ends_taken {
            self.note_end(end);
        }
        snapshot
            .notifications
            .into_iter()
            .for_each(|pending| self.outbox.insert(pending));
        self.outbox.recall_lines(snapshot.addresses, self.now.wall);
    }

    /// The daemon is up: every decision that was due meanwhile is made now, or in the steps that follow at once.
    ///
    /// What waited before comes before what is due now; what is due now comes before a further try of what failed.
    pub(super) fn started(&mut self, accepted: AcceptedSettings, shortage: Option<Shortage>) {
        self.note_downtime();
        self.fact(Fact::Life(self.life.clone()));
        self.tell_of_clock();
        self.space_found(shortage);
        self.stop_again();
        let (waiting, backing_off) = (self.in_state(RunState::Waiting), self.in_state(RunState::BackingOff));
        self.backlog.extend(waiting.into_iter().map(Todo::Resume));
        self.accept(accepted);
        self.backlog.extend(backing_off.into_iter().map(Todo::Resume));
        self.backlog.extend([Todo::Unfinished, Todo::Evaluate, Todo::Incidents]);
        self.work_off();
    }

    /// Runs that stand so, oldest first.
    pub(super) fn in_state(&self, state: RunState) -> Vec<RunId> {
        let found = self.runs.values().filter(|run| run.state == state);
        let mut found: Vec<RunId> = found.map(|run| run.id).collect();
        found.sort_unstable();
        found
    }

    /// Takes up a run that has no process. The keepers tell of those that have one; verdicts are asked for again.
    pub(super) fn resume_run(&mut self, id: RunId) {
        match self.runs.get(&id).map(|run| run.state) {
            // Without its job only a running process still means something.
            Some(RunState::Waiting | RunState::BackingOff) if self.job_of(id).is_none() => {
                self.finish(
                    id,
                    Outcome::Cancelled,
                    Some("its job was removed from jobs.toml".to_owned()),
                );
            }
            Some(RunState::Waiting) => self.resume_waiting(id),
            Some(RunState::BackingOff) => self.resume_backoff(id),
            Some(RunState::Running | RunState::Judging | RunState::Final) | None => {}
        }
    }

    /// Does again what a crash may have cut short.
    pub(super) fn resume_unfinished(&mut self) {
        self.resume_publications();
        self.resume_removals();
        self.show_again();
        self.look_again();
    }

    /// Removes what those runs left behind that had just ended when the life before ended.
    fn resume_removals(&mut self) {
        let (Some(seen), Some(began)) = (self.seen_before, self.began_before) else {
            return;
        };
        let since = earlier(seen, REMOVAL_TIME_MAX);
        // Had it just begun, or come back from a downtime, it had just heard of what ended before that.
        let just_begun = (began >= since).then(|| earlier(began, self.downtime_min()));
        let since = just_begun.map_or(since, |down| down.min(since));
        let just_back = self.life.back.filter(|back| back.until >= since);
        let since = just_back.map_or(since, |back| back.from.min(since));
        let last = self
            .jobs
            .values()
            .filter_map(|state| state.last.as_deref())
            .map(|(run, _)| run);
        let ended_late = |run: &&Run| run.ended_at.is_some_and(|ended| ended >= since);
        let mut ended: Vec<Run> = last.filter(ended_late).cloned().collect();
        ended.sort_by_key(|run| run.id);
        for run in ended {
            self.clean_up(&run);
        }
    }

    /// The boot clock goes on within one boot; after a reboot the wall time that was told counts.
    fn resume_backoff(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else { return };
        let same_boot = run.boot_id.as_deref() == Some(self.host.boot_id.as_str());
        let due = match run.retry_boot_ms.filter(|_| same_boot) {
            Some(due) => Duration::from_millis(due),
            None => {
                // By whatever clock it was told, no backoff is longer than its rule allows.
                let longest = self.job_of(id).map_or(Duration::ZERO, |job| job.policy.retry.max_delay);
                let wait = run
                    .retry_at
                    .map_or(Duration::ZERO, |at| elapsed(self.now.wall, at))
                    .min(longest);
                self.now.boot + wait
            }
        };
        if let Some(run) = self.runs.get_mut(&id) {
            run.retry_boot_ms = u64::try_from(due.as_millis()).ok();
            run.boot_id = Some(self.host.boot_id.clone());
        }
        self.retry_due(id);
    }

    /// Digests of configurations that runs going on were started with and that are not the one in force.
    ///
    /// Whoever still has their texts hands them to [`Engine::recall`] before `Event::Started`.
    pub fn started_under(&self) -> BTreeSet<String> {
        let unknown = |run: &&Run| run.attempts > 0 && !self.started_with.contains_key(&run.id);
        let unknown = self.runs.values().filter(unknown);
        unknown
            .map(|run| run.settings_digest.clone())
            .filter(|digest| *digest != self.settings.digest)
            .collect()
    }

    /// Lets runs that go on keep what this configuration says, if they were started with it.
    pub fn recall(&mut self, settings: &Settings) {
        let started = |run: &&Run| run.attempts > 0 && run.settings_digest == settings.digest;
        for run in self.runs.values().filter(started) {
            if let Some(job) = settings.jobs.get(&run.job) {
                self.started_with.insert(run.id, StartedWith::of(settings, job));
            }
        }
    }

    /// Attempts that the keepers must account for: whoever recovers asks about these.
    pub fn unfinished(&self) -> Vec<Attempt> {
        let open = |attempt: &&Attempt| attempt.state != AttemptState::Ended;
        let mut unfinished: Vec<Attempt> = self.attempts.values().filter(open).cloned().collect();
        if self.lost_records().is_some() {
            // What was claimed when the backup was taken may have started, and ended, since.
            for attempt in &mut unfinished {
                attempt.state = AttemptState::Started;
            }
        }
        unfinished
    }
}

/// The highest run number that may have been used. After records were lost no run need show it.
fn highest_run(snapshot: &Snapshot) -> u64 {
    let settled = snapshot
        .restoration
        .as_ref()
        .and_then(|restoration| restoration.last_run);
    snapshot.last_run.max(settled).map_or(0, |id| id.0)
}
