//! What is durable, as rows of their last change: states move forward only, and what is final stays.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use freshd::model::{
    About, Address, Attempt, AttemptId, AttemptState, Fact, Incident, IncidentId, IncidentState, JobRecord, Name,
    Notification, NotificationId, NotificationState, Run, RunId, RunState, Settings, Slot, SlotState, Team, Version,
    VersionNumber, VersionState,
};
use jiff::Timestamp;

use super::{Judged, hold};

const FORWARD: &str = "states move forward";

/// The durable facts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) jobs: BTreeMap<Name, JobRecord>,
    pub(crate) runs: BTreeMap<RunId, Run>,
    /// Runs that are not final.
    pub(crate) going: HashMap<Name, BTreeSet<RunId>>,
    /// The runs of each job.
    pub(super) by_job: HashMap<Name, BTreeSet<RunId>>,
    pub(crate) attempts: BTreeMap<AttemptId, Attempt>,
    pub(crate) versions: BTreeMap<(Name, VersionNumber), Version>,
    /// The versions that each run made.
    pub(super) made_by: HashMap<RunId, Vec<(Name, VersionNumber)>>,
    pub(crate) slots: BTreeMap<(Name, Timestamp), Slot>,
    pub(crate) incidents: BTreeMap<IncidentId, Incident>,
    pub(crate) unresolved: BTreeMap<(About, Name), IncidentId>,
    /// Rehearsals that are not over.
    pub(crate) drills: BTreeSet<IncidentId>,
    pub(crate) notifications: BTreeMap<NotificationId, Notification>,
    pub(crate) pending: BTreeSet<NotificationId>,
    /// Of how these stand there is a row.
    pub(super) addresses: BTreeSet<Address>,
    /// Those that the configuration names with which it was started, or that it read last.
    pub(super) addresses_in_use: BTreeSet<Address>,
    /// The newest instant that is recorded, since the clock was last confirmed.
    pub(crate) newest: Option<Timestamp>,
    /// When the clock was last confirmed.
    confirmed_at: Option<Timestamp>,
}

impl Ledger {
    /// A configuration comes into force.
    pub(super) fn tells_by(&mut self, settings: &Settings) {
        let of_teams = settings.teams.values().flat_map(Team::addresses);
        self.addresses_in_use = of_teams.chain(&settings.fallback).cloned().collect();
    }

    pub(super) fn store(&mut self, fact: &Fact) -> Judged {
        self.newest = self.newest.max(fact.recorded_at());
        match fact {
            Fact::Job(record) => {
                let before = self.jobs.insert(record.job.clone(), record.clone());
                let is_confirmed = self.confirmed_at == Some(record.cursor);
                let back = before.filter(|before| before.cursor > record.cursor && !is_confirmed);
                hold(back.is_none(), FORWARD, || {
                    format!("the cursor of {} moves back", record.job)
                })
            }
            Fact::Run(run) => self.run(run),
            Fact::Attempt(attempt) => self.attempt(attempt),
            Fact::Version(version) => self.version(version),
            Fact::Slot(slot) => self.slot(slot),
            Fact::Incident(incident) => self.incident(incident),
            Fact::Notification(notification) => self.notification(notification),
            Fact::ClockConfirmed(confirmation) => {
                self.confirmed(confirmation.at);
                Ok(())
            }
            Fact::Address(record) => {
                match record.outage.is_some() || record.pace.is_some() {
                    true => self.addresses.insert(record.address.clone()),
                    false => self.addresses.remove(&record.address),
                };
                Ok(())
            }
            // What freshd no longer knows, it still may not do again.
            Fact::Forgotten(_)
            | Fact::Released(..)
            | Fact::Life(_)
            | Fact::Observation(_)
            | Fact::Ping(_)
            | Fact::AgePromise(_)
            | Fact::Expectation(_)
            | Fact::Silence(_)
            | Fact::Delivery(_)
            | Fact::Weekly(_)
            | Fact::ClockStep(_)
            | Fact::Settings(_)
            | Fact::Restored(_) => Ok(()),
        }
    }

    /// The incident about a thing that is not over.
    pub(crate) fn about(&self, about: About, subject: &str) -> Option<&Incident> {
        let id = self.unresolved.get(&(about, Name::from(subject)))?;
        self.incidents.get(id)
    }

    /// What stands for a time after `at` no longer does.
    fn confirmed(&mut self, at: Timestamp) {
        (self.newest, self.confirmed_at) = (Some(at), Some(at));
        let is_ahead = |due: Option<Timestamp>| due.is_some_and(|due| due > at);
        for run in self.runs.values_mut().filter(|run| is_ahead(run.due_at)) {
            (run.due_at, run.due_until) = (None, None);
        }
        for slot in self.slots.values_mut().filter(|slot| slot.due_at > at) {
            slot.state = SlotState::Withdrawn;
        }
    }

    /// Whether a row was dated or decided by a clock that turned out to be wrong.
    fn is_open_again(&self, at: Option<Timestamp>) -> bool {
        self.confirmed_at
            .is_some_and(|confirmed| at.is_some_and(|at| at > confirmed))
    }

    fn run(&mut self, run: &Run) -> Judged {
        let is_final = run.state == RunState::Final;
        hold(run.outcome.is_some() == is_final, FORWARD, || format!("{run:?}"))?;
        let going = self.going.entry(run.job.clone()).or_default();
        if is_final {
            going.remove(&run.id);
        } else {
            going.insert(run.id);
        }
        let Some(before) = self.runs.insert(run.id, run.clone()) else {
            self.by_job.entry(run.job.clone()).or_default().insert(run.id);
            return Ok(());
        };
        let is_cut = self.is_open_again(before.due_until) && before.outcome == run.outcome;
        hold(before.state != RunState::Final || is_cut, FORWARD, || {
            format!("run {} was final and changes", run.id)
        })?;
        let is_next = run.attempts == before.attempts || run.attempts == before.attempts + 1;
        hold(is_next, FORWARD, || {
            format!("run {} jumps to attempt {}", run.id, run.attempts)
        })?;
        let same = before.job == run.job && before.due_at == run.due_at && before.seed == run.seed;
        hold(same, FORWARD, || format!("run {} becomes another", run.id))
    }

    fn attempt(&mut self, attempt: &Attempt) -> Judged {
        let rank = |state| match state {
            AttemptState::Claimed => 0,
            AttemptState::Started => 1,
            AttemptState::Ended => 2,
        };
        let before = self.attempts.insert(attempt.id, attempt.clone());
        let was = before.map_or(0, |before| rank(before.state));
        hold(was <= rank(attempt.state), FORWARD, || {
            format!("attempt {} goes back", attempt.id)
        })?;
        let is_ended = attempt.state != AttemptState::Ended || attempt.outcome.is_some();
        hold(is_ended, FORWARD, || {
            format!("attempt {} ended without an outcome", attempt.id)
        })
    }

    fn version(&mut self, version: &Version) -> Judged {
        let key = (version.dataset.clone(), version.number);
        let newest = self
            .versions
            .range((version.dataset.clone(), VersionNumber(0))..=(version.dataset.clone(), VersionNumber(u64::MAX)))
            .next_back()
            .map_or(0, |((_, number), _)| number.0);
        let Some(before) = self.versions.insert(key.clone(), version.clone()) else {
            if let Some(run) = version.run {
                self.made_by.entry(run).or_default().push(key);
            }
            return hold(version.number.0 == newest + 1, FORWARD, || {
                format!("{}@{} follows {newest}", version.dataset, version.number)
            });
        };
        let is_open = before.state == VersionState::Publishing;
        let same = before.as_of == version.as_of && before.effective_as_of == version.effective_as_of;
        hold(is_open && same, FORWARD, || {
            format!("{}@{} changes", version.dataset, version.number)
        })
    }

    fn slot(&mut self, slot: &Slot) -> Judged {
        use SlotState::{Excused, Late, Met, Missed, Pending, Recovered, Withdrawn};
        let before = self.slots.insert((slot.dataset.clone(), slot.due_at), slot.clone());
        let fine = before.is_none_or(|before| {
            // One that is promised again after all is laid down anew.
            let forward = matches!(
                (before.state, slot.state),
                (Pending | Withdrawn, _)
                    | (Late, Late | Met | Missed | Recovered | Withdrawn)
                    // What came early counts when the work is called off.
                    | (Excused, Excused | Pending | Met | Withdrawn)
            );
            // One that was met early is no delivery of the past yet.
            let is_to_come = slot.state == Withdrawn && slot.decided_at < Some(slot.due_at);
            forward || is_to_come || self.is_open_again(before.decided_at)
        });
        hold(fine, FORWARD, || {
            format!(
                "the slot of {} due {} becomes {:?}",
                slot.dataset, slot.due_at, slot.state
            )
        })
    }

    fn incident(&mut self, incident: &Incident) -> Judged {
        let key = (incident.about, incident.subject.clone());
        let open = self.unresolved.get(&key).copied();
        if incident.drill.is_some() {
            match incident.state {
                IncidentState::Resolved => self.drills.remove(&incident.id),
                _ => self.drills.insert(incident.id),
            };
        } else if incident.state == IncidentState::Resolved {
            if open == Some(incident.id) {
                self.unresolved.remove(&key);
            }
        } else {
            hold(open.is_none_or(|open| open == incident.id), "one incident", || {
                format!("a second incident about {}", incident.subject)
            })?;
            self.unresolved.insert(key, incident.id);
        }
        let before = self.incidents.insert(incident.id, incident.clone());
        let was_over = before
            .as_ref()
            .is_some_and(|before| before.state == IncidentState::Resolved);
        hold(!was_over, FORWARD, || {
            format!("incident {} was over and changes", incident.id)
        })?;
        let forgotten = before.is_some_and(|before| before.told.iter().any(|told| !incident.told.contains(told)));
        hold(!forgotten, FORWARD, || {
            format!("incident {} forgets whom it told", incident.id)
        })
    }

    fn notification(&mut self, notification: &Notification) -> Judged {
        let is_pending = notification.state == NotificationState::Pending;
        if is_pending {
            self.pending.insert(notification.id);
        } else {
            self.pending.remove(&notification.id);
        }
        let Some(before) = self.notifications.insert(notification.id, notification.clone()) else {
            return hold(is_pending && notification.tries == 0, FORWARD, || {
                format!("message {} begins as {:?}", notification.id, notification.state)
            });
        };
        hold(before.state == NotificationState::Pending, FORWARD, || {
            format!("message {} was {:?} and changes", notification.id, before.state)
        })?;
        hold(before.message == notification.message, "the same message", || {
            format!("message {} is written again", notification.id)
        })
    }
}
