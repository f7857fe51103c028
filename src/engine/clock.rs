//! The wall clock was set, or cannot be believed.

use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{ClockStep, Fact, IncidentState, Name, ProblemKind, elapsed, later};

/// A clock this much earlier than the newest record is not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// What the incident about the clock is about.
const CLOCK: &str = "clock";

/// Until when nothing is started, when the clock is earlier than the newest record.
pub(super) fn held_until(newest_record_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    newest_record_at.filter(|newest| elapsed(now, *newest) > CLOCK_TOLERANCE)
}

impl Engine {
    /// Says that the clock cannot be believed, or that it can again.
    pub(super) fn tell_of_clock(&mut self) {
        if let Some(until) = self.clock_held_until {
            self.wakes.arm(Wake::Clock, until);
            let reason = format!("the clock is earlier than what freshd has recorded; nothing starts before {until}");
            self.own_problem(ProblemKind::Freshd, &Name::from(CLOCK), reason);
        } else {
            self.own_problem_is_over(&Name::from(CLOCK));
        }
    }

    /// The clock has caught up: what waited for it starts, oldest first.
    pub(super) fn clock_due(&mut self) {
        if self.clock_held_until.is_none_or(|until| until > self.now.wall) {
            return;
        }
        self.clock_held_until = None;
        self.tell_of_clock();
        for run in std::mem::take(&mut self.held_runs) {
            self.start_or_wait(run);
        }
    }

    /// The wall clock was set. Nothing fires again; what lies between is downtime, and what was to come soon still is.
    pub(super) fn clock_stepped(&mut self, by_ms: i64) {
        self.fact(Fact::ClockStep(ClockStep {
            at: self.now.wall,
            by_ms,
        }));
        if by_ms < 0 {
            self.look_again();
            let settings = self.settings.clone();
            for name in settings
                .datasets
                .iter()
                .filter(|(_, dataset)| dataset.probe.is_some())
                .map(|(name, _)| name)
            {
                self.wakes.arm(Wake::Probe(name.clone()), self.now.wall);
            }
        }
        self.tick();
    }

    /// Waits that were measured by a clock that was ahead are measured anew.
    pub(super) fn look_again(&mut self) {
        let latest = later(self.now.wall, self.settings.alerts.group_wait);
        let waits = |incident: &&crate::model::Incident| {
            incident.state == IncidentState::Waiting && incident.notify_at > latest
        };
        let waiting: Vec<_> = self.incidents.values().filter(waits).cloned().collect();
        for mut incident in waiting {
            incident.notify_at = latest;
            self.wakes.arm(Wake::Incident(incident.id), latest);
            self.store(incident);
        }
        self.resume_sending();
    }
}
