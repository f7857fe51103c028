//! There is no space to record what follows: nothing is started until there is.

use jiff::Timestamp;

use super::backlog::Todo;
use super::{Engine, Wake};
use crate::model::{About, DISK, IncidentState, Name, ProblemKind, RunState, Shortage};

/// Nothing is started, because what comes of it could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpaceHold {
    /// When it was found out.
    pub(super) since: Timestamp,
    /// What lacks, as of the last look.
    pub(super) shortage: Shortage,
}

impl SpaceHold {
    /// Why a run waits, in words.
    pub(super) fn why_a_run_waits(&self) -> String {
        format!("waits for space: {}", self.shortage.in_words())
    }

    /// Why nothing is begun by hand, and what to do.
    pub(super) fn why_refused(&self) -> String {
        format!(
            "nothing is started: {}; make room, and ask again",
            self.shortage.in_words()
        )
    }

    /// What people are told.
    fn in_words(&self) -> String {
        format!(
            "{}. Nothing is started, be it due, a retry or asked for by hand, until there is room; what runs goes on, \
             and how it ends is recorded",
            self.shortage.in_words()
        )
    }
}

impl Engine {
    /// Space has become short, or is there again.
    pub(super) fn space_changed(&mut self, shortage: Option<Shortage>) {
        match shortage {
            Some(shortage) => self.hold_for_space(shortage),
            None => self.space_is_back(),
        }
    }

    /// What a start finds. That it was full in the life before is told by the incident, which is open.
    pub(super) fn space_found(&mut self, shortage: Option<Shortage>) {
        let told = self.incidents.about(About::Freshd, &Name::from(DISK));
        let told_since = told.map(|told| told.since);
        match (shortage, told_since) {
            (Some(shortage), _) => self.hold_for_space(shortage),
            (None, Some(since)) => {
                self.was_full = Some((since, self.now.wall));
                self.own_problem_is_over(&Name::from(DISK));
            }
            (None, None) => {}
        }
    }

    /// Nothing is started from now on, and everybody is told so at once: later there may be no space to do that.
    fn hold_for_space(&mut self, shortage: Shortage) {
        if let Some(hold) = &mut self.space_hold {
            hold.shortage = shortage;
            return;
        }
        let now = self.now.wall;
        let told = self.incidents.about(About::Freshd, &Name::from(DISK));
        let is_told = told.is_some();
        // It may have been noticed before the engine could be told, while a step waited for space.
        let since = told.map_or(shortage.since, |told| told.since).min(now);
        let hold = SpaceHold { since, shortage };
        let reason = hold.in_words();
        self.space_hold = Some(hold);
        if is_told {
            return;
        }
        self.own_problem(ProblemKind::Freshd, &Name::from(DISK), reason);
        let begun = self.incidents.about(About::Freshd, &Name::from(DISK)).cloned();
        if let Some(mut incident) = begun.filter(|begun| begun.state == IncidentState::Waiting) {
            let id = incident.id;
            incident.since = since;
            incident.notify_at = now;
            self.wakes.arm(Wake::Incident(id), now);
            self.store(incident);
            self.incident_due(id);
        }
    }

    /// What waited starts. Then jobs decide about what has come due meanwhile, as after any downtime, and only then comes
    /// a further try of what had failed: it gives way to what is newer.
    fn space_is_back(&mut self) {
        let Some(hold) = self.space_hold.take() else {
            return;
        };
        self.was_full = Some((hold.since, self.now.wall));
        self.own_problem_is_over(&Name::from(DISK));
        self.release_starts();
        let backing_off = self.in_state(RunState::BackingOff);
        self.backlog.extend(backing_off.into_iter().map(Todo::Resume));
        self.work_off();
    }

    /// Why nothing is started just now, if that is so.
    pub(super) fn why_nothing_starts(&self) -> Option<String> {
        let by_clock = self.clock_hold.as_ref();
        let by_clock = by_clock.map(|hold| hold.why_a_run_waits(&self.settings.timezone));
        by_clock.or_else(|| self.space_hold.as_ref().map(SpaceHold::why_a_run_waits))
    }
}
