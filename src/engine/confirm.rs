//! An operator confirms the clock: what a wrong one decided for times still to come is open again.
//!
//! What is over stays in the history as it was recorded. What goes on is dated now where a wrong clock dated it later, so
//! that no record is newer than the clock again. All of it is one step: a crash finds it done or not begun.

use serde_json::json;

use super::Engine;
use crate::alerting;
use crate::freshness;
use crate::model::{
    Action, AgePromise, Ahead, ClockConfirmation, Fact, IncidentState, Outcome, Reply, Run, RunId, RunState, Slot,
    elapsed, later,
};
use crate::planner;

impl Engine {
    /// Takes the clock as right, if anything is held because of it.
    pub(super) fn clock_confirmed(&mut self, request: u64, by: String, because: String, ahead: Ahead) {
        let Some(hold) = self.clock_hold.clone() else {
            let why = "the clock is believed and nothing is held; `freshd clock` shows it".to_owned();
            let reply = Reply::Refused(why);
            self.act(Action::Reply { id: request, reply });
            return;
        };
        let confirmation = ClockConfirmation {
            at: self.now.wall,
            newest_record_at: hold.until,
            by,
            because,
        };
        // First, since it is what allows the rest.
        self.fact(Fact::ClockConfirmed(confirmation.clone()));
        self.newest_record_at = Some(confirmation.at);
        self.redate_life();
        self.set_cursors_back();
        // Still held: what ends here must not make another start whose turn to be looked at has not come.
        self.redate_runs();
        self.clock_hold = None;
        let reply = json!({
            "confirmed_at": confirmation.at,
            "newest_record_at": confirmation.newest_record_at,
            "by": confirmation.by,
            "because": confirmation.because,
            "started": self.runs_held().len(),
        });
        self.clock_confirmation = Some(confirmation);
        ahead.ranges.into_iter().for_each(|range| self.cut_range(range));
        self.reopen_slots(ahead.slots);
        self.redate_versions();
        self.redate_silences();
        self.redate_incidents();
        self.redate_notifications();
        self.tell_of_clock();
        self.release_held();
        self.look_again();
        self.probe_all();
        let reply = Reply::Done(reply);
        self.act(Action::Reply { id: request, reply });
        self.work_off();
    }

    fn redate_life(&mut self) {
        let now = self.now.wall;
        self.life.started_at = self.life.started_at.min(now);
        self.life.seen_at = now;
        self.fact(Fact::Life(self.life.clone()));
    }

    /// The only way in which a cursor ever moves back: what lies between is decided when its time really comes.
    fn set_cursors_back(&mut self) {
        let now = self.now.wall;
        let mut changed = Vec::new();
        for state in self.jobs.values_mut() {
            let before = state.record.clone();
            state.record.cursor = state.record.cursor.min(now);
            if let Some(pause) = &mut state.record.pause {
                pause.since = pause.since.min(now);
            }
            if state.record != before {
                changed.push(state.record.clone());
            }
        }
        changed.sort_by(|a, b| a.job.cmp(&b.job));
        self.step.facts.extend(changed.into_iter().map(Fact::Job));
    }

    /// Runs that go on keep going on, but no longer stand for a due time that is still to come.
    fn redate_runs(&mut self) {
        let now = self.now.wall;
        let mut ids: Vec<RunId> = self.runs.keys().copied().collect();
        ids.sort_unstable();
        // All of them before any ends: the next one that then waits in its place must not name a time that is taken back.
        let mut changed = Vec::new();
        for id in ids {
            let Some(run) = self.runs.get_mut(&id) else { continue };
            let before = run.clone();
            run.created_at = run.created_at.min(now);
            run.started_at = run.started_at.map(|at| at.min(now));
            if run.retry_at.is_some() {
                let boot = std::time::Duration::from_millis(run.retry_boot_ms.unwrap_or(0));
                run.retry_at = Some(later(now, boot.saturating_sub(self.now.boot)));
            }
            let ahead = run.due_at.filter(|due_at| *due_at > now);
            if let Some(due_at) = ahead {
                run.due_at = None;
                // Its end will have a reason of its own.
                run.nominal.push(due_at.to_string());
            }
            if *run != before {
                let only_waits = run.state == RunState::Waiting && run.attempts == 0;
                changed.push((id, ahead.filter(|_| only_waits)));
            }
        }
        for (id, waits_for) in changed {
            if let Some(due_at) = waits_for {
                let reason =
                    format!("a wrong clock took it for the time due {due_at}; it is due again when that comes");
                self.finish(id, Outcome::Skipped, Some(reason));
            } else if let Some(run) = self.runs.get(&id).cloned() {
                self.fact(Fact::Run(run));
            }
        }
        let mut changed = Vec::new();
        for attempt in self.attempts.values_mut() {
            let before = attempt.clone();
            attempt.claimed_at = attempt.claimed_at.min(now);
            attempt.started_at = attempt.started_at.map(|at| at.min(now));
            attempt.ended_at = attempt.ended_at.map(|at| at.min(now));
            if *attempt != before {
                changed.push(attempt.clone());
            }
        }
        changed.sort_by_key(|attempt| attempt.id);
        self.step.facts.extend(changed.into_iter().map(Fact::Attempt));
    }

    /// Of occurrences recorded as one, those that are still to come no longer belong to it.
    fn cut_range(&mut self, mut range: Run) {
        let now = self.now.wall;
        let Some(until) = range.due_until.filter(|until| *until > now) else {
            return;
        };
        let job = self.settings.jobs.get(&range.job);
        if let Some((count, last)) = job.and_then(|job| planner::count_range(job, &range, now)) {
            range.occurrences = count;
            range.due_until = Some(last).filter(|_| count > 1);
        } else {
            range.due_until = Some(now);
        }
        range.created_at = range.created_at.min(now);
        range.ended_at = range.ended_at.map(|at| at.min(now));
        let reason = range
            .reason
            .take()
            .map_or_else(String::new, |reason| format!("{reason}; "));
        range.reason = Some(format!(
            "{reason}a wrong clock took it for all that is due until {until}"
        ));
        self.fact(Fact::Run(range));
    }

    /// Slots begin again with those that are due by now, as the store knows them.
    fn reopen_slots(&mut self, known: Vec<Slot>) {
        let now = self.now.wall;
        for state in self.data.values_mut() {
            state.slots.clear();
        }
        for slot in known {
            let reopened = freshness::reopen(&slot, now);
            if let Some(slot) = &reopened {
                self.fact(Fact::Slot(slot.clone()));
            }
            let state = self.data.entry(slot.dataset.clone()).or_default();
            state.slots.push(reopened.unwrap_or(slot));
        }
        for state in self.data.values_mut() {
            super::promises::forget_decided(&mut state.slots);
        }
    }

    /// What is being put in place arrives now, and what is promised was promised by now. What has arrived keeps its times: an `as_of` in the future is suspect.
    fn redate_versions(&mut self) {
        let now = self.now.wall;
        let mut promises = Vec::new();
        let mut changed = Vec::new();
        for state in self.data.values_mut() {
            for version in state.publishing.iter_mut().filter(|version| version.arrived_at > now) {
                version.arrived_at = now;
                changed.push(version.clone());
            }
            if let Some(observation) = &mut state.observation {
                observation.at = observation.at.min(now);
            }
        }
        for (name, state) in &mut self.data {
            if state.promised_since.is_some_and(|since| since > now) {
                state.promised_since = Some(now);
                promises.push(AgePromise {
                    dataset: name.clone(),
                    since: Some(now),
                });
            }
        }
        promises.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        self.step.facts.extend(promises.into_iter().map(Fact::AgePromise));
        changed.sort_by(|a, b| (&a.dataset, a.number).cmp(&(&b.dataset, b.number)));
        self.step
            .facts
            .extend(changed.into_iter().map(|version| Fact::Version(Box::new(version))));
    }

    fn redate_incidents(&mut self) {
        let now = self.now.wall;
        let known: Vec<_> = self.incidents.values().cloned().collect();
        for before in known {
            let mut incident = before.clone();
            if let Some(drill) = incident.drill.as_mut().filter(|_| incident.since > now) {
                drill.until = later(now, elapsed(incident.since, drill.until));
            }
            if let Some(flapping) = &mut incident.flapping {
                flapping.since = flapping.since.min(now);
                flapping.well_since = flapping.well_since.map(|since| since.min(now));
                flapping.good_at = flapping.good_at.map(|at| at.min(now));
            }
            incident.since = incident.since.min(now);
            incident.kind_since = incident.kind_since.map(|since| since.min(now));
            incident.opened_at = incident.opened_at.map(|at| at.min(now));
            if incident.state == IncidentState::Open && before.ends_by().is_none() {
                // What was told is not over because it was told by the other clock.
                incident.notify_at = incident.notify_at.min(now);
            }
            if let Some(handed_over) = &mut incident.handed_over {
                handed_over.at = handed_over.at.min(now);
            }
            let theirs_since = incident.theirs_since();
            incident.rested.redate(theirs_since, now);
            let (team, _) = self.owner_of(&incident);
            let (zone, calendar) = self.working_time(&team);
            if let Some(ack) = incident.ack.as_mut().filter(|ack| ack.at > now) {
                ack.at = now;
                ack.until = alerting::ack_until(now, &zone, calendar.as_deref());
            }
            if incident.state == IncidentState::Open {
                self.schedule_reminder(&mut incident, &team);
            }
            if incident != before {
                let (id, is_open) = (incident.id, incident.state == IncidentState::Open);
                self.store(incident);
                if is_open {
                    self.arm_reminder(id);
                }
            }
        }
    }
}
