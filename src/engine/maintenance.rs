//! Planned windows: while one is open nobody is told of what it concerns. All is evaluated, recorded and resolved as ever.

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{About, Incident, IncidentId, IncidentState, Maintenance, Name, OpenWindow};
use crate::schedule;

impl Engine {
    /// The window that is open for a job or a dataset.
    pub(super) fn open_window(&self, about: About, subject: &Name) -> Option<OpenWindow> {
        schedule::open_window(self.settings.maintenances_of(about, subject), self.now.wall)
    }

    /// Every maintenance of which a window is open, whatever it concerns.
    pub(super) fn open_windows(&self) -> Vec<OpenWindow> {
        let each = self.settings.maintenance.values().map(AsRef::as_ref);
        each.filter_map(|one: &Maintenance| schedule::open_window(std::iter::once(one), self.now.wall))
            .collect()
    }

    /// The window for which nobody is told of an incident now. What a whole suffers by its parts alone rests as long as each
    /// of these does; then `until` is the end of the first.
    pub(super) fn window_of(&self, incident: &Incident) -> Option<OpenWindow> {
        let (about, subject) = (incident.about, &incident.subject);
        let own = self.open_window(about, subject);
        let whole = self.settings.datasets.get(subject).filter(|_| about == About::Dataset);
        let Some(whole) = whole.filter(|whole| !whole.parts.is_empty()) else {
            return own;
        };
        let wrong = whole.part_names().map(|(_, part)| part).filter(|part| {
            let part = self.settings.datasets.get(part);
            part.is_some_and(|part| self.standing(part).is_problem)
        });
        let windows: Option<Vec<OpenWindow>> = wrong.map(|part| self.open_window(about, &part)).collect();
        let of_parts = windows.and_then(|windows| windows.into_iter().min_by_key(|window| window.until));
        own.into_iter().chain(of_parts).max_by_key(|window| window.until)
    }

    /// Until when nobody is told of an incident, because of planned work.
    pub(super) fn quiet_by_plan(&self, incident: &Incident) -> Option<Timestamp> {
        self.window_of(incident).map(|window| window.until)
    }

    /// The same of an incident that is not over.
    pub(super) fn is_quiet_by_plan(&self, id: IncidentId) -> bool {
        let incident = self.incidents.get(id);
        incident.is_some_and(|incident| self.quiet_by_plan(incident).is_some())
    }

    /// A window opens, or it is no longer known which are open: what was told already rests until they close, and what
    /// waits is looked at again.
    pub(super) fn look_at_windows(&mut self) {
        let now = self.now.wall;
        let incidents: Vec<(IncidentId, IncidentState, Timestamp)> = self
            .incidents
            .values()
            .map(|incident| (incident.id, incident.state, incident.notify_at))
            .collect();
        for (id, state, notify_at) in incidents {
            match state {
                IncidentState::Open => {
                    self.rest_by_plan(id);
                    self.end_rest(id);
                }
                // Whoever waited for a window that is no longer planned waits no more.
                IncidentState::Waiting => self.wakes.arm(Wake::Incident(id), notify_at.max(now)),
                // A window may have kept those whom it concerns from being told, also one that is no longer planned.
                IncidentState::Attached => self.wakes.arm(Wake::Incident(id), now),
                IncidentState::Resolved => {}
            }
        }
        let opening = self.settings.maintenance.values();
        let opening = opening.filter_map(|one| schedule::window_after(&one.windows, now));
        if let Some(next) = opening.map(|window| window.from).min() {
            self.wakes.arm(Wake::Windows, next);
        }
    }

    /// Puts off what an open incident would remind of until no window is open for it: then its owner is told at once.
    pub(super) fn rest_by_plan(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        let Some(until) = self.quiet_by_plan(&incident) else {
            return;
        };
        if incident.remind_at != Some(until) {
            incident.remind_at = Some(until);
            self.store(incident);
        }
        self.resting.insert(id);
        self.wakes.arm(Wake::Incident(id), until);
    }

    /// Reminds at once of what rested, when no window is open for it any more, though one was to be.
    pub(super) fn end_rest(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        let is_resting = self.resting.contains(&id) && incident.state == IncidentState::Open;
        if is_resting && self.quiet_by_plan(&incident).is_none() {
            self.resting.remove(&id);
            incident.remind_at = Some(self.now.wall);
            self.store(incident);
            self.wakes.arm(Wake::Incident(id), self.now.wall);
        }
    }
}
