//! Holds every step of every story against what may never be: two runs of an occurrence, a final run that changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use freshd::model::{
    Action, Attempt, AttemptId, AttemptState, Fact, Incident, IncidentId, IncidentState, JobRecord, Name, Notification,
    NotificationId, NotificationState, Overlap, Run, RunId, RunState, Settings, Slot, SlotState, Version, VersionState,
};
use jiff::Timestamp;

use super::addresses::Addresses;

/// The facts of a world as they stand, by what they are about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) jobs: BTreeMap<Name, JobRecord>,
    pub(crate) runs: BTreeMap<RunId, Run>,
    pub(crate) attempts: BTreeMap<AttemptId, Attempt>,
    pub(crate) versions: BTreeMap<(Name, u64), Version>,
    pub(crate) slots: BTreeMap<(Name, Timestamp), Slot>,
    pub(crate) incidents: BTreeMap<IncidentId, Incident>,
    pub(crate) notifications: BTreeMap<NotificationId, Notification>,
    pub(super) addresses: Addresses,
    /// The runs of each job.
    pub(crate) by_job: HashMap<Name, BTreeSet<RunId>>,
    occurrences: HashMap<(Name, Timestamp), RunId>,
    in_flight: BTreeSet<NotificationId>,
    /// A policy that changed while runs were going on may leave more of them than it allows.
    was_reloaded: bool,
    /// When the clock was last confirmed; a cursor may go back to there.
    confirmed_at: Option<Timestamp>,
    /// Numbers and attempts may begin in the middle: what came before is lost.
    pub(crate) has_lost_records: bool,
}

impl Ledger {
    pub(crate) fn new_life(&mut self, settings: &Settings) {
        self.in_flight.clear();
        self.addresses.in_force(settings);
    }

    pub(crate) fn reloaded(&mut self) {
        self.was_reloaded = true;
    }

    pub(crate) fn reloaded_to(&mut self, settings: &Settings) {
        self.reloaded();
        self.addresses.in_force(settings);
    }

    /// Takes the facts of one step, and fails when they contradict what is known.
    pub(crate) fn note(&mut self, settings: &Settings, facts: &[Fact], actions: &[Action]) {
        let mut jobs = BTreeSet::new();
        assert!(
            facts.len() <= freshd::engine::STEP_FACTS_MAX,
            "a step of {} facts",
            facts.len()
        );
        let is_confirming = facts.iter().any(|fact| matches!(fact, Fact::ClockConfirmed(_)));
        for fact in facts {
            match fact {
                Fact::ClockConfirmed(confirmation) => self.confirmed(confirmation.at),
                Fact::Job(record) => {
                    let before = self.jobs.insert(record.job.clone(), record.clone());
                    assert!(
                        before.is_none_or(|before| before.cursor <= record.cursor)
                            || (is_confirming && self.confirmed_at == Some(record.cursor)),
                        "the cursor moves back: {record:?}"
                    );
                }
                Fact::Run(run) => {
                    jobs.insert(run.job.clone());
                    self.run(run, is_confirming);
                }
                Fact::Released(attempt, released) => {
                    let run = self.runs.get_mut(&attempt.run);
                    if let Some(run) = run.filter(|run| run.attempts == attempt.number) {
                        run.released = Some(Box::new(released.clone()));
                    }
                }
                Fact::Attempt(attempt) => self.attempt(attempt),
                Fact::Version(version) => self.version(version),
                Fact::Slot(slot) => self.slot(slot, is_confirming),
                Fact::Incident(incident) => self.incident(incident),
                Fact::Notification(notification) => self.notification(notification),
                Fact::Delivery(delivery) => {
                    self.in_flight.remove(&delivery.notification);
                    assert!(
                        self.notifications.contains_key(&delivery.notification),
                        "a try at what nobody decided"
                    );
                }
                Fact::Address(record) => self.addresses.note(record),
                // What the store no longer knows may still not happen again.
                Fact::Observation(_)
                | Fact::Ping(_)
                | Fact::AgePromise(_)
                | Fact::Expectation(_)
                | Fact::Silence(_)
                | Fact::Life(_)
                | Fact::ClockStep(_)
                | Fact::Weekly(_)
                | Fact::Settings(_)
                | Fact::Forgotten(_)
                | Fact::Restored(_) => {}
            }
        }
        for job in &jobs {
            self.after_step(settings, job);
        }
        self.digests_end_whole(facts);
        for action in actions {
            self.action(action);
        }
    }

    /// What stands for a time still to come stands for nothing any more.
    fn confirmed(&mut self, at: Timestamp) {
        self.confirmed_at = Some(at);
        for run in self.runs.values_mut() {
            if let Some(due_at) = run.due_at.filter(|due_at| *due_at > at) {
                self.occurrences.remove(&(run.job.clone(), due_at));
                (run.due_at, run.due_until) = (None, None);
            }
        }
        for slot in self.slots.values_mut().filter(|slot| slot.due_at > at) {
            (slot.state, slot.version, slot.decided_at) = (SlotState::Withdrawn, None, Some(at));
        }
    }

    fn run(&mut self, run: &Run, is_confirming: bool) {
        assert_eq!(run.outcome.is_some(), run.state == RunState::Final, "{run:?}");
        assert_eq!(run.ended_at.is_some(), run.state == RunState::Final, "{run:?}");
        if let Some(due_at) = run.due_at {
            let first = *self.occurrences.entry((run.job.clone(), due_at)).or_insert(run.id);
            assert_eq!(first, run.id, "two runs of one occurrence");
        }
        self.by_job.entry(run.job.clone()).or_default().insert(run.id);
        if run.state == RunState::Final {
            assert!(
                run.reason.is_some() || run.outcome.is_some_and(|outcome| !outcome.is_failure()),
                "no reason: {run:?}"
            );
        }
        if run.state == RunState::Waiting {
            assert!(run.reason.is_some(), "it waits without a reason: {run:?}");
        }
        if let Some(before) = self.runs.insert(run.id, run.clone()) {
            assert!(
                before.state != RunState::Final || (is_confirming && before.outcome == run.outcome),
                "a final run changes: {before:?} to {run:?}"
            );
            assert!(
                run.attempts == before.attempts || run.attempts == before.attempts + 1,
                "attempts jump: {run:?}"
            );
            assert_eq!(
                (&before.job, before.due_at, before.seed),
                (&run.job, run.due_at, run.seed)
            );
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let run = self
            .runs
            .get(&attempt.id.run)
            .unwrap_or_else(|| panic!("an attempt of no run: {attempt:?}"));
        assert!(attempt.id.number <= run.attempts, "{attempt:?}");
        let before = self.attempts.insert(attempt.id, attempt.clone());
        let rank = |state| match state {
            AttemptState::Claimed => 0,
            AttemptState::Started => 1,
            AttemptState::Ended => 2,
        };
        match before {
            None => assert!(
                attempt.state == AttemptState::Claimed || self.has_lost_records,
                "it begins as claimed: {attempt:?}"
            ),
            Some(before) => assert!(
                rank(before.state) <= rank(attempt.state),
                "an attempt goes back: {attempt:?}"
            ),
        }
        if attempt.state == AttemptState::Ended {
            assert!(attempt.outcome.is_some(), "{attempt:?}");
        }
    }

    /// What must hold of a job between steps.
    fn after_step(&self, settings: &Settings, job: &Name) {
        let runs: Vec<&Run> = self.by_job[job].iter().map(|id| &self.runs[id]).collect();
        let going: Vec<&Run> = runs
            .iter()
            .copied()
            .filter(|run| run.state != RunState::Final)
            .collect();
        for run in runs {
            let last = self.attempts.get(&AttemptId {
                run: run.id,
                number: run.attempts,
            });
            let last = last.map(|attempt| attempt.state);
            match run.state {
                RunState::Running => assert!(last.is_some_and(|last| last != AttemptState::Ended), "{run:?} {last:?}"),
                RunState::Waiting | RunState::BackingOff | RunState::Judging | RunState::Final => {
                    assert!(
                        last.is_none_or(|last| last == AttemptState::Ended),
                        "a process without a run: {run:?} {last:?}"
                    );
                }
            }
        }
        let active = going
            .iter()
            .filter(|run| matches!(run.state, RunState::Running | RunState::Judging))
            .count();
        let waiting = going.iter().filter(|run| run.state == RunState::Waiting);
        let Some(settings) = settings.jobs.get(job).filter(|_| !self.was_reloaded) else {
            return;
        };
        if settings.policy.overlap != Overlap::Allow {
            assert!(active <= 1, "{job} overlaps: {going:?}");
            assert!(
                active == 1
                    || settings.policy.pool.is_some()
                    || going.iter().all(|run| run.state != RunState::Waiting)
                    || Self::is_held(&going),
                "{job} waits for nothing: {:?}",
                waiting.collect::<Vec<_>>()
            );
        }
    }

    fn is_held(going: &[&Run]) -> bool {
        going.iter().any(|run| {
            run.reason
                .as_ref()
                .is_some_and(|reason| ["clock", "space", "to be fresh"].iter().any(|why| reason.contains(why)))
        })
    }

    fn version(&mut self, version: &Version) {
        assert!(version.effective_as_of <= version.as_of, "{version:?}");
        assert_eq!(
            version.limited_by.is_some(),
            version.effective_as_of < version.as_of,
            "{version:?}"
        );
        let key = (version.dataset.clone(), version.number.0);
        let newest = self
            .versions
            .range(..=&key)
            .next_back()
            .filter(|((name, _), _)| *name == version.dataset);
        let newest = newest.map_or(0, |((_, number), _)| *number);
        if let Some(before) = self.versions.insert(key, version.clone()) {
            let is_by_hand = before.state == VersionState::Quarantined
                && version.state == VersionState::Publishing
                && version.provenance.by_hand.is_some();
            // Who renames a dataset's file may take its newest version along.
            let is_elsewhere = before.state == VersionState::Published
                && before
                    == Version {
                        file: before.file.clone(),
                        stamp: before.stamp,
                        ..version.clone()
                    };
            assert!(
                before.state == VersionState::Publishing || is_by_hand || is_elsewhere,
                "a settled version changes: {version:?}"
            );
            assert_eq!((before.as_of, &before.sha256), (version.as_of, &version.sha256));
        } else {
            let follows = version.number.0 == newest + 1;
            assert!(follows || self.has_lost_records, "numbers count up: {version:?}");
        }
    }

    fn slot(&mut self, slot: &Slot, is_confirming: bool) {
        use SlotState::{Excused, Late, Met, Missed, Pending, Recovered, Withdrawn};
        assert!(
            slot.version.is_some() == matches!(slot.state, Met | Recovered) || slot.state == Excused,
            "{slot:?}"
        );
        let before = self.slots.insert((slot.dataset.clone(), slot.due_at), slot.clone());
        if let Some(before) = before {
            let fine = matches!(
                (before.state, slot.state),
                (Pending, Pending | Met | Late | Missed | Recovered | Excused | Withdrawn)
                    | (Late, Late | Met | Missed | Recovered | Withdrawn)
                    | (Met, Withdrawn)
                    // What came early counts when the work is called off.
                    | (Excused, Excused | Pending | Met | Withdrawn)
                    | (Withdrawn, Pending | Met | Late | Missed | Excused)
            ) || (is_confirming && matches!((before.state, slot.state), (Late | Missed, Pending | Late)));
            // What came while freshd was down may be seen only when it was given up.
            let fell_into_a_downtime = |slot: &Slot| slot.reason.as_deref().is_some_and(|why| why.contains("was down"));
            let is_seen_later = fell_into_a_downtime(&before)
                && matches!((before.state, slot.state), (Missed, Met | Recovered | Late | Missed));
            let fine = fine || is_seen_later;
            assert!(fine, "{before:?} becomes {slot:?}");
        }
    }

    fn incident(&mut self, incident: &Incident) {
        let same = |other: &&Incident| {
            other.id != incident.id
                && other.state != IncidentState::Resolved
                && other.drill.is_some() == incident.drill.is_some()
                && (other.about, &other.subject) == (incident.about, &incident.subject)
        };
        if incident.state != IncidentState::Resolved {
            assert_eq!(
                self.incidents.values().find(same),
                None,
                "two open incidents of one thing"
            );
        }
        match incident.state {
            IncidentState::Attached => assert!(incident.cause.is_some(), "{incident:?}"),
            IncidentState::Waiting | IncidentState::Open => assert_eq!(incident.cause, None, "{incident:?}"),
            IncidentState::Resolved => {}
        }
        let distinct: BTreeSet<_> = incident.told.iter().collect();
        assert_eq!(distinct.len(), incident.told.len(), "told twice: {incident:?}");
        if let Some(before) = self.incidents.insert(incident.id, incident.clone()) {
            assert!(
                before.state != IncidentState::Resolved,
                "a resolved incident changes: {incident:?}"
            );
            assert!(before.severity <= incident.severity, "severity goes down: {incident:?}");
            assert!(
                before.told.iter().all(|told| incident.told.contains(told)),
                "forgotten whom it told: {incident:?}"
            );
        }
    }

    fn notification(&mut self, notification: &Notification) {
        let before = self.notifications.insert(notification.id, notification.clone());
        let Some(before) = before else {
            assert_eq!(
                (notification.state, notification.tries),
                (NotificationState::Pending, 0)
            );
            return;
        };
        assert_eq!(
            before.state,
            NotificationState::Pending,
            "an ended notification changes: {notification:?}"
        );
        assert_eq!(before.message, notification.message, "rendered once");
        if before.digest.is_some() {
            assert_eq!(
                before.digest, notification.digest,
                "in another digest: {notification:?}"
            );
            assert_ne!(notification.state, NotificationState::Collapsed, "{notification:?}");
        }
        assert!(notification.tries <= before.tries + 1);
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Start(spec) => {
                let attempt = self
                    .attempts
                    .get(&spec.id)
                    .unwrap_or_else(|| panic!("a start without a claim: {:?}", spec.id));
                assert_eq!(attempt.state, AttemptState::Claimed, "started again: {:?}", spec.id);
                assert_eq!(self.runs[&spec.id.run].state, RunState::Running);
            }
            Action::Send { notification: sent, .. } => {
                assert!(self.in_flight.insert(sent.id), "sent while it is being sent: {sent:?}");
                let known = &self.notifications[&sent.id];
                assert_eq!(known.state, NotificationState::Pending);
                assert_eq!(known.digest, None, "sent by itself and in a digest: {sent:?}");
                self.order_is_kept(sent);
                self.nothing_comes_before_what_is_gathered(sent);
            }
            Action::Clean { id, .. } => assert_eq!(self.runs[&id.run].state, RunState::Final, "{id:?} is still needed"),
            _ => {}
        }
    }
}
