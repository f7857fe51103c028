//! A store in memory that keeps facts as the real one does, and loses at a power cut what was not synced.

mod at_start;
mod forgetting;
mod week;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{
    About, Address, AddressRecord, AgePromise, Ahead, Attempt, AttemptId, CLOCK_LEAP, ClockConfirmation, ClockStep,
    DOWNTIME_LONG, ENDS_LOOKED_AT, Expectation, Fact, Incident, IncidentId, IncidentState, JobRecord, Life, Name,
    Notification, NotificationId, NotificationState, Observation, ProblemKind, Purpose, REPEAT_ENDS_FOR, Restoration,
    Run, RunId, Silence, Slot, SlotState, Snapshot, Version, WeeklyReport, earlier, elapsed, newest_record,
};

/// Slots of each dataset that a confirmed clock begins again with.
const SLOTS_OF_EACH: usize = 2;

/// Rows as of their last change, and what was written after the last sync.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    seed: u64,
    /// Commits.
    unsynced: Vec<Vec<Fact>>,
    jobs: BTreeMap<Name, JobRecord>,
    runs: BTreeMap<RunId, Run>,
    occurrences: BTreeMap<(Name, Timestamp), RunId>,
    attempts: BTreeMap<AttemptId, Attempt>,
    versions: BTreeMap<(Name, u64), Version>,
    slots: BTreeMap<(Name, Timestamp), Slot>,
    observations: BTreeMap<Name, Observation>,
    age_promises: BTreeMap<Name, AgePromise>,
    expectations: BTreeMap<Name, Expectation>,
    weekly: BTreeMap<Name, WeeklyReport>,
    /// The last of each subject.
    silences: BTreeMap<Name, Silence>,
    incidents: BTreeMap<IncidentId, Incident>,
    /// Those that are not resolved, by what they are about.
    unresolved: BTreeMap<(ProblemKind, About, Name), IncidentId>,
    notifications: BTreeMap<NotificationId, Notification>,
    addresses: BTreeMap<Address, AddressRecord>,
    lives: BTreeMap<u64, Life>,
    /// In the order in which they came.
    clock_steps: Vec<ClockStep>,
    /// In the order in which they came.
    confirmations: Vec<ClockConfirmation>,
    /// In the order of acceptance.
    accepted: Vec<(String, Timestamp)>,
    newest_record_at: Option<Timestamp>,
    restoration: Option<Restoration>,
}

impl Memory {
    /// An empty store with this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Writes the facts of one commit. They survive the daemon, but a power cut only after [`Memory::sync`].
    pub fn write(&mut self, facts: Vec<Fact>) {
        self.unsynced.push(facts);
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// Says which fact contradicts what is stored; whoever wrote it must end, as the daemon does.
    pub fn sync(&mut self) -> Result<(), String> {
        let commits = std::mem::take(&mut self.unsynced);
        // Once for all of them, as the statement at the end of a transaction does it.
        let newest = newest_record(None, commits.iter().flatten());
        for facts in commits {
            // What a confirmed clock takes back makes room for what the others of its commit put in the place.
            let is_first = |fact: &Fact| matches!(fact, Fact::ClockConfirmed(_));
            let (first, others): (Vec<Fact>, Vec<Fact>) = facts.into_iter().partition(is_first);
            // Forgetting comes last.
            let is_last = |fact: &Fact| matches!(fact, Fact::Forgotten(_));
            let (last, others): (Vec<Fact>, Vec<Fact>) = others.into_iter().partition(is_last);
            for fact in first.into_iter().chain(others).chain(last) {
                self.store(fact)?;
            }
        }
        self.newest_record_at = self.newest_record_at.max(newest);
        Ok(())
    }

    /// The power is cut: what was not synced is gone.
    pub fn lose_unsynced(&mut self) {
        self.unsynced.clear();
    }

    /// Where anything was written to about resolved incidents of which something is still on its way.
    fn ends_written(&self) -> Vec<(IncidentId, Address)> {
        let is_over = |id: &IncidentId| {
            let incident = self.incidents.get(id);
            incident.is_some_and(|incident| incident.state == IncidentState::Resolved)
        };
        let pending = self.notifications.values();
        let pending = pending.filter(|notification| notification.state == NotificationState::Pending);
        let ended: BTreeSet<IncidentId> = pending
            .filter_map(|notification| notification.incident)
            .filter(is_over)
            .collect();
        let about_ended = self.notifications.values().filter_map(|notification| {
            let incident = notification.incident.filter(|id| ended.contains(id))?;
            Some((incident, notification.address.clone()))
        });
        let mut written: Vec<_> = about_ended.collect();
        written.sort_by(|(a, to), (b, other)| (a, &to.channel, &to.to).cmp(&(b, &other.channel, &other.to)));
        written.dedup();
        written
    }

    /// Ends that were taken a short time before the newest record.
    fn ends_taken(&self) -> Vec<Notification> {
        let Some(since) = self.newest_record_at.map(|at| earlier(at, REPEAT_ENDS_FOR)) else {
            return Vec::new();
        };
        let last = self.notifications.values().rev().take(ENDS_LOOKED_AT);
        let taken = last.filter(|notification| {
            notification.state == NotificationState::Delivered
                && notification.message.purpose == Purpose::Recovery
                && notification.ended_at >= Some(since)
        });
        let mut taken: Vec<Notification> = taken.cloned().collect();
        taken.reverse();
        taken
    }

    /// What a start begins from; the same as the real store loads.
    pub fn snapshot(&self) -> Snapshot {
        let runs = self.runs_at_start();
        let attempts_of = |run: &Run| {
            let first = AttemptId { run: run.id, number: 0 };
            let last = AttemptId {
                run: run.id,
                number: u32::MAX,
            };
            self.attempts.range(first..=last).map(|(_, attempt)| attempt.clone())
        };
        Snapshot {
            seed: self.seed,
            jobs: self.jobs.values().cloned().collect(),
            attempts: runs.iter().flat_map(attempts_of).collect(),
            versions: self.versions_at_start(&runs),
            past: self.past_at_start(),
            version_numbers: self.version_numbers(),
            slots: self.slots_at_start(),
            observations: self.observations.values().cloned().collect(),
            age_promises: self.age_promises.values().cloned().collect(),
            expectations: self.expectations.values().cloned().collect(),
            silences: self.silences.values().cloned().collect(),
            incidents: self.unresolved_incidents(),
            mended: self.mended(),
            openings: self.openings(),
            notifications: self
                .notifications
                .values()
                .filter(|notification| notification.state == NotificationState::Pending)
                .cloned()
                .collect(),
            ends_written: self.ends_written(),
            ends_taken: self.ends_taken(),
            addresses: self.addresses.values().cloned().collect(),
            told: self.told(),
            threads: self.threads(),
            weekly: self.weekly.values().cloned().collect(),
            life: self.lives.values().next_back().cloned(),
            newest_record_at: self.newest_record_at,
            clock_confirmation: self.confirmations.last().cloned(),
            clock_leaps: self.clock_leaps(),
            last_run: self.runs.keys().next_back().copied(),
            last_incident: self.incidents.keys().next_back().copied(),
            last_notification: self.notifications.keys().next_back().copied(),
            settings_digest: self.accepted.last().map(|(digest, _)| digest.clone()),
            known_ahead: self.known_ahead(),
            restoration: self.restoration.clone(),
            runs,
        }
    }

    /// When the clock was last set forward by much, and when a life last began long after the one before.
    fn clock_leaps(&self) -> Vec<Timestamp> {
        let is_far = |step: &&ClockStep| u128::try_from(step.by_ms).is_ok_and(|by_ms| by_ms > CLOCK_LEAP.as_millis());
        let step = self.clock_steps.iter().rev().find(is_far).map(|step| step.at);
        let is_late = |life: &&Life| {
            let before = self.lives.get(&(life.number.saturating_sub(1)));
            before.is_some_and(|before| elapsed(before.seen_at, life.started_at) > DOWNTIME_LONG)
        };
        let life = self.lives.values().rev().find(is_late).map(|life| life.started_at);
        step.into_iter().chain(life).collect()
    }

    /// Occurrences that have a run although their job's cursor has not reached them, once records were lost.
    fn known_ahead(&self) -> Vec<(Name, Timestamp)> {
        let is_ahead = |(job, due_at): &&(Name, Timestamp)| {
            let record = self.jobs.get(job);
            self.restoration.is_some() && record.is_some_and(|record| record.cursor < *due_at)
        };
        self.occurrences.keys().filter(is_ahead).cloned().collect()
    }

    pub(in crate::simulation) fn unresolved_incidents(&self) -> Vec<Incident> {
        let ids: BTreeSet<IncidentId> = self.unresolved.values().copied().collect();
        ids.iter().filter_map(|id| self.incidents.get(id)).cloned().collect()
    }

    /// What confirming the clock at `at` must know; the same as the real store reads.
    pub fn ahead(&self, at: Timestamp) -> Ahead {
        let last_due = |job: &Name| {
            let due = (job.clone(), Timestamp::MIN)..=(job.clone(), at);
            let (_, id) = self.occurrences.range(due).next_back()?;
            self.runs.get(id)
        };
        let is_over = |run: &&Run| run.due_until.is_some_and(|until| until > at);
        let mut ranges: Vec<Run> = self.jobs.keys().filter_map(last_due).filter(is_over).cloned().collect();
        ranges.sort_by_key(|run| run.id);
        let mut slots: Vec<Slot> = Vec::new();
        let promised = |slot: &&Slot| slot.due_at <= at && slot.state != SlotState::Withdrawn;
        for slot in self.slots.values().rev().filter(promised) {
            let last = slots.iter().rev().take_while(|known| known.dataset == slot.dataset);
            if last.count() < SLOTS_OF_EACH {
                slots.push(slot.clone());
            }
        }
        slots.reverse();
        Ahead { ranges, slots }
    }

    fn store(&mut self, fact: Fact) -> Result<(), String> {
        match fact {
            Fact::Job(record) => {
                let moves_back = |before: &JobRecord| before.cursor > record.cursor;
                let is_confirmed = self.confirmations.iter().any(|known| known.at == record.cursor);
                let refused = self.jobs.get(&record.job).is_some_and(moves_back) && !is_confirmed;
                refuse(refused, || format!("the cursor of job {} moves back", record.job))?;
                self.jobs.insert(record.job.clone(), record);
            }
            Fact::Run(run) => self.store_run(run)?,
            Fact::Released(attempt, released) => {
                let run = self.runs.get_mut(&attempt.run);
                if let Some(run) = run.filter(|run| run.attempts == attempt.number) {
                    run.released = Some(Box::new(released));
                }
            }
            Fact::Attempt(attempt) => {
                refuse(!self.runs.contains_key(&attempt.id.run), || {
                    format!("attempt {} of no run", attempt.id)
                })?;
                self.attempts.insert(attempt.id, attempt);
            }
            Fact::Version(version) => {
                self.versions
                    .insert((version.dataset.clone(), version.number.0), *version);
            }
            Fact::Slot(slot) => {
                self.slots.insert((slot.dataset.clone(), slot.due_at), slot);
            }
            Fact::Observation(observation) => {
                self.observations.insert(observation.dataset.clone(), observation);
            }
            // Nothing is decided by them after the step in which they came.
            Fact::Ping(_) => {}
            Fact::AgePromise(promise) => {
                if promise.since.is_some() {
                    self.age_promises.insert(promise.dataset.clone(), promise);
                } else {
                    self.age_promises.remove(&promise.dataset);
                }
            }
            Fact::Expectation(expectation) => {
                self.expectations.insert(expectation.dataset.clone(), expectation);
            }
            Fact::Address(record) if record.is_empty() => {
                self.addresses.remove(&record.address);
            }
            Fact::Address(record) => drop(self.addresses.insert(record.address.clone(), record)),
            Fact::Weekly(report) => drop(self.weekly.insert(report.team.clone(), report)),
            Fact::Silence(silence) => {
                self.silences.insert(silence.subject.clone(), silence);
            }
            Fact::Incident(incident) => {
                let key = (incident.kind, incident.about, incident.subject.clone());
                // It may have been about something else before.
                self.unresolved.retain(|_, id| *id != incident.id);
                if incident.state != IncidentState::Resolved {
                    let other = self.unresolved.insert(key, incident.id);
                    refuse(other.is_some(), || {
                        format!("a second incident about {}", incident.subject)
                    })?;
                }
                self.incidents.insert(incident.id, incident);
            }
            Fact::Notification(mut notification) => {
                let homeless = notification
                    .incident
                    .is_some_and(|id| !self.incidents.contains_key(&id));
                refuse(homeless, || format!("notification {} of no incident", notification.id))?;
                if let Some(before) = self.notifications.get(&notification.id) {
                    refuse(before.incident != notification.incident, || {
                        format!("notification {} belongs to another incident", notification.id)
                    })?;
                    // The words were rendered once: those stored first stay.
                    notification.message = before.message.clone();
                }
                self.notifications.insert(notification.id, notification);
            }
            Fact::Delivery(delivery) => {
                refuse(!self.notifications.contains_key(&delivery.notification), || {
                    format!("a try at notification {}, which nobody decided", delivery.notification)
                })?;
            }
            Fact::Life(life) => {
                self.lives.insert(life.number, life);
            }
            Fact::ClockConfirmed(confirmation) => self.confirm_clock(confirmation),
            Fact::ClockStep(step) => {
                if !self.clock_steps.contains(&step) {
                    self.clock_steps.push(step);
                }
            }
            Fact::Restored(restoration) => self.restoration = Some(restoration),
            Fact::Forgotten(forgotten) => self.forget(&forgotten),
            Fact::Settings(accepted) => {
                let acceptance = (accepted.digest, accepted.at);
                if !self.accepted.contains(&acceptance) {
                    self.accepted.push(acceptance);
                }
            }
        }
        Ok(())
    }

    /// What stands for a time still to come no longer does. Known already, it changes nothing.
    fn confirm_clock(&mut self, confirmation: ClockConfirmation) {
        let at = confirmation.at;
        if self.confirmations.iter().any(|known| known.at == at) {
            return;
        }
        self.confirmations.push(confirmation);
        self.newest_record_at = Some(at);
        let jobs = &self.jobs;
        let is_ahead = |(job, due_at): &(Name, Timestamp)| *due_at > at && jobs.contains_key(job);
        let ahead: Vec<_> = self.occurrences.extract_if(.., |key, _| is_ahead(key)).collect();
        for (_, id) in ahead {
            if let Some(run) = self.runs.get_mut(&id) {
                disown(run);
            }
        }
        let is_ahead = |slot: &&mut Slot| slot.due_at > at && slot.state != SlotState::Withdrawn;
        for slot in self.slots.values_mut().filter(is_ahead) {
            slot.state = SlotState::Withdrawn;
            slot.version = None;
            slot.decided_at = Some(at);
            slot.reason = Some("laid down or decided about by a wrong clock".to_owned());
        }
    }

    fn store_run(&mut self, run: Run) -> Result<(), String> {
        if let Some(before) = self.runs.get(&run.id) {
            let same = before.job == run.job && before.due_at == run.due_at;
            refuse(!same, || format!("run {} belongs to another occurrence", run.id))?;
            let changed = before.outcome.is_some() && before.outcome != run.outcome;
            refuse(changed, || format!("run {} is final with another outcome", run.id))?;
        }
        if let Some(due_at) = run.due_at {
            let first = *self.occurrences.entry((run.job.clone(), due_at)).or_insert(run.id);
            refuse(first != run.id, || {
                format!("a second run of job {} due {due_at}", run.job)
            })?;
        }
        self.runs.insert(run.id, run);
        Ok(())
    }
}

/// Takes the due time from a run, and says so in its reason.
fn disown(run: &mut Run) {
    let Some(due_at) = run.due_at.take() else { return };
    let in_words = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let before = run
        .reason
        .take()
        .map_or_else(String::new, |reason| format!("{reason}; "));
    let until = run
        .due_until
        .take()
        .map_or_else(String::new, |until| format!(" to {}", in_words(until)));
    let due = in_words(due_at);
    run.reason = Some(format!("{before}a wrong clock took it for the time due {due}{until}"));
}

fn refuse(wrong: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if wrong { Err(what()) } else { Ok(()) }
}
