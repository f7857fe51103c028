//! What is being mended when its cause is over: an effect waits for the runs that mend it, before it is told by itself.

use std::time::Duration;

use super::{Engine, Wake};
use crate::lineage::Node;
use crate::model::{About, Incident, IncidentId, IncidentState, Name, RunState, later};

/// For how long an effect may wait for that: then it is told, whatever is still under way.
const MENDED_WITHIN: Duration = Duration::from_mins(30);

/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_mins(1);

impl Engine {
    /// The cause of this effect is over, of which people were told: since when is it told by itself, unless it ends too?
    pub(super) fn wait_to_be_mended(&mut self, effect: &mut Incident) {
        let mut wait = self.settings.alerts.group_wait;
        if self.is_being_mended(effect) {
            wait = wait.max(MENDED_WITHIN);
            self.mending.insert(effect.id);
        }
        effect.notify_at = later(self.now.wall, wait);
    }

    /// Looks again at an incident that waits: when its time comes, or earlier where it is being mended.
    pub(super) fn look_at_waiting(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let at = match self.mending.contains(&id) {
            true => incident.notify_at.min(later(self.now.wall, LOOK_EVERY)),
            false => incident.notify_at,
        };
        // What has waited long enough is looked at now.
        self.wakes.arm(Wake::Incident(id), at.max(self.now.wall));
    }

    /// Nothing mends it any more: it waits no longer than anything new.
    pub(super) fn end_mending(&mut self, id: IncidentId) {
        let latest = later(self.now.wall, self.settings.alerts.group_wait);
        let Some(incident) = self.incidents.get(id).filter(|_| self.mending.contains(&id)) else {
            return;
        };
        if self.is_being_mended(incident) {
            return;
        }
        let left = Some(incident).filter(|incident| incident.notify_at > latest).cloned();
        self.mending.remove(&id);
        if let Some(mut incident) = left {
            incident.notify_at = latest;
            self.store(incident);
        }
    }

    /// Under a clock that was set, or in a new life: how long an incident may wait from now on.
    pub(super) fn longest_wait(&mut self, id: IncidentId) -> Duration {
        let group_wait = self.settings.alerts.group_wait;
        let (least, most) = (later(self.now.wall, group_wait), later(self.now.wall, MENDED_WITHIN));
        let incident = self.incidents.get(id);
        let waits = incident.filter(|incident| incident.notify_at > least && incident.notify_at <= most);
        if waits.is_some_and(|incident| self.is_being_mended(incident)) {
            self.mending.insert(id);
            return group_wait.max(MENDED_WITHIN);
        }
        group_wait
    }

    /// What has an effect on what is to be told now belongs to it, and is told with it.
    pub(super) fn take_in_effects(&mut self, cause: IncidentId) {
        let Some(incident) = self.incidents.get(cause).filter(|cause| cause.about != About::Freshd) else {
            return;
        };
        let made_from_it = self.lineage.made_from(incident.subject.as_str()).into_iter();
        let effects: Vec<IncidentId> = made_from_it
            .filter_map(|name| self.incidents.about(About::Dataset, &name))
            .filter(|effect| effect.state == IncidentState::Waiting && effect.id != cause)
            .filter(|effect| self.quiet_of(effect).is_none() && self.cause_of(effect) == Some(cause))
            .map(|effect| effect.id)
            .collect();
        for effect in effects {
            self.attach(effect, cause);
        }
    }

    /// Whether a run is under way that makes it, or what it is made from, anew.
    fn is_being_mended(&self, incident: &Incident) -> bool {
        let mut jobs: Vec<Node> = Vec::new();
        match incident.about {
            About::Dataset => jobs.extend(self.lineage.upstream(incident.subject.as_str())),
            About::Job => jobs.push(Node::Job(incident.subject.clone())),
            About::Freshd => {}
        }
        jobs.iter().any(|node| match node {
            Node::Job(name) => self.is_under_way(name),
            Node::Dataset(_) => false,
        })
    }

    /// Whether a run of this job goes on, and waits for nothing that may never come.
    fn is_under_way(&self, job: &Name) -> bool {
        let going = self.jobs.get(job).map_or(&[][..], |state| &state.going);
        going.iter().any(|id| {
            let state = self.runs.get(id).map(|run| run.state);
            let is_held = self.held_runs.contains(id) || self.held_for_inputs.contains(id);
            !is_held && state.is_some_and(|state| state != RunState::Final)
        })
    }
}
