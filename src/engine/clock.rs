//! The wall clock was set, or cannot be believed.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::backlog::Todo;
use super::{Engine, Wake};
use crate::model::{
    About, CLOCK_LEAP, ClockStep, Fact, IncidentState, Name, ProblemKind, RunId, elapsed, format_time, later,
    whole_microseconds,
};

/// A clock this much earlier than the newest record is not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// What the incident about the clock is about.
const CLOCK: &str = "clock";

/// Nothing is started, because the clock is earlier than what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// What the clock said when it was found out.
    pub(super) since: Timestamp,
    /// The newest record: what the clock has to catch up with.
    pub(super) until: Timestamp,
}

impl Hold {
    /// Why a run waits, in words.
    pub(super) fn why_a_run_waits(&self, zone: &TimeZone) -> String {
        let until = format_time(self.until, zone);
        format!("waits for the clock, which is earlier than the newest record of {until}; see `freshd clock`")
    }

    /// What people are told: the two times, what is held since when, and what to type.
    fn in_words(&self, zone: &TimeZone) -> String {
        let (since, until) = (format_time(self.since, zone), format_time(self.until, zone));
        format!(
            "the clock is earlier than what freshd has recorded: it said {since} when {until} was recorded already. \
             Since then nothing is started, be it due, a retry or asked for by hand, until the clock has caught up. \
             If the clock is wrong, set it. If it is right, type `freshd clock confirm --because TEXT`"
        )
    }
}

impl Engine {
    /// Holds everything when the clock is much earlier than the newest record.
    pub(super) fn hold_by_clock(&mut self) {
        let now = self.now.wall;
        let newest = self
            .newest_record_at
            .filter(|newest| elapsed(now, *newest) > CLOCK_TOLERANCE);
        if let Some(until) = newest.filter(|_| self.clock_hold.is_none()) {
            // A life before may have found it out already.
            let told = self.incidents.about(About::Freshd, &Name::from(CLOCK));
            let since = told.map_or(now, |told| told.since.min(now));
            self.clock_hold = Some(Hold { since, until });
        }
    }

    /// Says that the clock cannot be believed, or that it can again.
    pub(super) fn tell_of_clock(&mut self) {
        if let Some(hold) = &self.clock_hold {
            self.wakes.arm(Wake::Clock, hold.until);
            let reason = hold.in_words(&self.settings.timezone);
            self.own_problem(ProblemKind::Freshd, &Name::from(CLOCK), reason);
        } else {
            self.own_problem_is_over(&Name::from(CLOCK));
        }
    }

    /// The clock has caught up: what waited for it starts.
    pub(super) fn clock_due(&mut self) {
        let now = self.now.wall;
        if self.clock_hold.take_if(|hold| hold.until <= now).is_none() {
            if let Some(hold) = &self.clock_hold {
                self.wakes.arm(Wake::Clock, hold.until);
            }
            return;
        }
        self.tell_of_clock();
        self.release_held();
        self.work_off();
    }

    /// Runs that wait for the clock or for space, with those whose attempt is claimed already and was never started.
    pub(super) fn runs_held(&self) -> BTreeSet<RunId> {
        let claimed = self.held_attempts.iter().map(|id| id.run);
        self.held_runs.iter().copied().chain(claimed).collect()
    }

    /// What waited starts, oldest first; then jobs decide about what has come due.
    pub(super) fn release_starts(&mut self) {
        for id in std::mem::take(&mut self.held_attempts) {
            self.attempt_never_started(id);
        }
        let held = std::mem::take(&mut self.held_runs);
        self.backlog.extend(held.into_iter().map(Todo::Start));
        self.backlog.extend(self.settings.jobs.keys().cloned().map(Todo::Job));
    }

    /// What waited for the clock starts, oldest first; then jobs and datasets look at what has come due, and all
    /// their problems are looked at.
    pub(super) fn release_held(&mut self) {
        self.release_starts();
        let mut datasets: Vec<Name> = self.data.keys().chain(self.settings.datasets.keys()).cloned().collect();
        datasets.sort_unstable();
        datasets.dedup();
        self.backlog.extend(datasets.into_iter().map(Todo::Data));
        // Slots are laid only now: what is to be looked at when their time comes is known when they are.
        self.backlog.push_back(Todo::Accepted);
    }

    /// The wall clock was set. Nothing fires again; what lies between is downtime, and what was to come soon still is.
    pub(super) fn clock_stepped(&mut self, by_ms: i64) {
        self.fact(Fact::ClockStep(ClockStep {
            at: self.now.wall,
            by_ms,
        }));
        if u128::try_from(by_ms).is_ok_and(|by_ms| by_ms > CLOCK_LEAP.as_millis()) {
            self.clock_leaps.push(self.now.wall);
        }
        if by_ms < 0 {
            self.hold_by_clock();
            self.tell_of_clock();
            self.look_again();
            self.probe_all();
            self.repeat_soon();
        }
        self.tick(usize::MAX);
    }

    /// Lets every probe look, whatever time it was to look at next.
    pub(super) fn probe_all(&mut self) {
        let settings = self.settings.clone();
        let probed = settings.datasets.iter().filter(|(_, dataset)| dataset.probe.is_some());
        for (name, _) in probed {
            self.wakes.arm(Wake::Probe(name.clone()), self.now.wall);
        }
    }

    /// Waits that were measured by a clock that was ahead are measured anew.
    pub(super) fn look_again(&mut self) {
        let waiting = self
            .incidents
            .values()
            .filter(|one| one.state == IncidentState::Waiting);
        let waiting: Vec<_> = waiting.map(|incident| incident.id).collect();
        for id in waiting {
            let latest = later(self.now.wall, self.longest_wait(id));
            if let Some(mut incident) = self.incidents.get(id).filter(|one| one.notify_at > latest).cloned() {
                incident.notify_at = latest;
                self.store(incident);
                self.look_at_waiting(id);
            }
        }
        self.resume_sending();
    }

    /// A time that is told as past, by the clock that is believed, as precise as it is stored. Under a clock that is not
    /// believed, nobody can tell.
    pub(super) fn as_past(&self, at: Timestamp) -> Timestamp {
        let at = whole_microseconds(at);
        match self.clock_hold {
            Some(_) => at,
            None => at.min(self.now.wall),
        }
    }

    /// The clock, the newest record, and what is held: the answer to `freshd clock`.
    pub(super) fn clock_json(&self) -> serde_json::Value {
        let held = self.runs_held();
        let waiting = held.iter().filter_map(|id| self.runs.get(id));
        json!({
            "at": self.now.wall,
            "newest_record_at": self.newest_record_at,
            "held_since": self.clock_hold.as_ref().map(|hold| hold.since),
            "held_until": self.clock_hold.as_ref().map(|hold| hold.until),
            "waiting": waiting.map(|run| json!({ "run": run.id, "job": run.job })).collect::<Vec<_>>(),
            "confirmed": self.clock_confirmation,
        })
    }
}
