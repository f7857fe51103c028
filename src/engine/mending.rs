//! What is being mended when its cause is over: the end of the cause waits for the runs that mend what it broke, and for
//! the systems; and so does, for runs, an effect that stands for itself.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::lineage::Node;
use crate::model::{About, Address, Incident, IncidentId, IncidentState, Name, RunState, earlier, later};

/// For how long either may wait for that: then it is told, whatever is still under way.
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

    /// The problem of an incident is gone. Whether its end waits: something is still bad that was told with it, and it is not
    /// yet as long as a new problem waits, or a run is under way that mends that. Whoever read that their data is still bad
    /// would not hear that it is good a moment later.
    pub(super) fn waits_to_end(&mut self, id: IncidentId) -> bool {
        let Some(incident) = self.incidents.get(id).filter(|one| one.state == IncidentState::Open) else {
            return false;
        };
        // What is kept quiet was told with it, too, if it was told before: to whoever has been told and reads it.
        let effects = self.incidents.effects_of(id).into_iter();
        let is_told =
            |effect: &&Incident| self.quiet_until(effect).is_none() || !self.told_of_data(incident, effect).is_empty();
        let effects: Vec<&Incident> = effects.filter(is_told).collect();
        if effects.is_empty() {
            return false;
        }
        let now = self.now.wall;
        let group_wait = self.settings.alerts.group_wait;
        let longest = group_wait.max(MENDED_WITHIN);
        // By whatever clock it was begun, it is no longer than that.
        let latest = later(now, longest);
        let by = incident.ends_by().map_or(latest, |by| by.min(latest));
        let begun = earlier(by, longest);
        let least = later(begun, group_wait);
        let may_come = |effect: &Incident| now < later(begun, self.a_system_takes(incident, effect));
        let is_mended = effects
            .into_iter()
            .any(|effect| self.is_being_mended(effect) || may_come(effect));
        // What ended while freshd did not run is heard of in a moment.
        let hears_until = self.hears_until(incident);
        if hears_until.is_none() && (now >= by || now >= least && !is_mended) {
            return false;
        }
        if incident.notify_at != by {
            let mut incident = incident.clone();
            incident.notify_at = by;
            self.store(incident);
        }
        // At the same times in a new life.
        let mut next = least;
        while next <= now {
            next = later(next, LOOK_EVERY);
        }
        self.wakes.arm(Wake::Incident(id), hears_until.unwrap_or(next.min(by)));
        true
    }

    /// Since when the problem of an incident is gone that ends now: before its end waited, if it did.
    pub(super) fn over_since(&self, incident: &Incident) -> Timestamp {
        let longest = self.settings.alerts.group_wait.max(MENDED_WITHIN);
        let since = incident.ends_by().map(|by| earlier(by, longest));
        // What came and went was over when it was well for the last time; that was only not known before now.
        let since = since.or(incident.well_since());
        since.map_or(self.now.wall, |since| since.min(self.now.wall).max(incident.since))
    }

    /// Time passed at which the end of an incident may be told. Says whether it is over but for that.
    pub(super) fn end_with_effects(&mut self, id: IncidentId) -> bool {
        if self.incidents.get(id).and_then(Incident::ends_by).is_none() {
            return false;
        }
        if !self.waits_to_end(id) {
            self.resolve(id);
        }
        true
    }

    /// An effect is over: its cause is, too, where that only waits for it.
    pub(super) fn look_at_end_of(&mut self, cause: Option<IncidentId>) {
        let cause = cause.and_then(|cause| self.incidents.get(cause));
        if let Some(cause) = cause.filter(|cause| cause.ends_by().is_some()) {
            self.wakes.arm(Wake::Incident(cause.id), self.now.wall);
        }
    }

    /// The problem of an incident is there. Says whether its end was waited for, and is not any more.
    pub(super) fn ends_no_more(&self, incident: &mut Incident) -> bool {
        let was_over = incident.ends_by().is_some();
        if was_over {
            incident.notify_at = incident.opened_at.unwrap_or(self.now.wall);
        }
        was_over
    }

    /// A cause goes on whose end was waited for: what has become of its effects meanwhile is told now, and what was held
    /// back for its end is sent.
    pub(super) fn go_on_with(&mut self, cause: IncidentId) {
        let effects = self.incidents.effects_of(cause).into_iter();
        for effect in effects.map(|effect| effect.id).collect::<Vec<_>>() {
            self.raise(cause, effect);
        }
        let waiting = self.outbox.values().filter(|one| one.incident == Some(cause));
        for one in waiting.cloned().collect::<Vec<_>>() {
            self.wait_to_stand_in(&one);
            self.go_on(&one.address);
        }
        self.fall_back_after_all(cause);
    }

    /// The end of a cause has been told, and said what is still bad. Of that nobody may be told more for now, be it for a
    /// silence or planned work: whoever has just read of it hears when it is well, as of whatever was told before.
    pub(super) fn go_on_quietly(&mut self, cause: &Incident) {
        for (name, standing) in self.broken_by(cause.id) {
            let Some(mut effect) = self.incidents.about(About::Dataset, &name).cloned() else {
                continue;
            };
            let is_untold = match effect.state {
                IncidentState::Attached => effect.cause == Some(cause.id),
                IncidentState::Waiting => true,
                IncidentState::Open | IncidentState::Resolved => false,
            };
            let told = self.told_of_data(cause, &effect);
            let is_quiet = self.quiet_until(&effect).is_some();
            if standing.state.keeps_promise() || effect.id == cause.id || !is_untold || !is_quiet || told.is_empty() {
                continue;
            }
            let id = effect.id;
            effect.state = IncidentState::Open;
            effect.detach(self.now.wall);
            effect.opened_at = Some(self.now.wall);
            effect.notify_at = self.now.wall;
            effect.told = told;
            self.mending.remove(&id);
            self.store(effect);
            self.rest(id);
        }
    }

    /// Those who were told of a cause and own or read what it has broken: who answers for that comes first.
    fn told_of_data(&self, cause: &Incident, effect: &Incident) -> Vec<(Name, Address)> {
        let (owner, _) = self.owner_of(effect);
        let readers = self.readers_behind(effect).into_iter();
        let readers = readers.filter(|reader| reader.distance == 0);
        let readers: Vec<Name> = readers.map(|reader| self.team_of(&reader.owner).0).collect();
        let is_concerned = |(team, _): &&(Name, Address)| *team == owner || readers.contains(team);
        let mut told: Vec<(Name, Address)> = cause.told.iter().filter(is_concerned).cloned().collect();
        told.sort_by_key(|(team, _)| *team != owner);
        told
    }

    /// What this has an effect on that is to be told now, or was found to belong to what is told, belongs to the same cause,
    /// and is told with it.
    pub(super) fn take_in_effects(&mut self, of: IncidentId, cause: IncidentId) {
        let Some(incident) = self.incidents.get(of).filter(|of| of.about != About::Freshd) else {
            return;
        };
        let made_from_it = self.made_from(incident);
        // What was made before this went wrong may still mend what an earlier cause has left behind.
        let is_free = |effect: &Incident| {
            effect.state == IncidentState::Waiting
                || self.is_left_behind(effect) && !self.is_made_anew(effect, Some(&made_from_it))
        };
        let effects: Vec<IncidentId> = made_from_it
            .iter()
            .filter_map(|name| self.incidents.about(About::Dataset, name))
            .filter(|effect| effect.id != cause && is_free(effect))
            .filter(|effect| self.quiet_of(effect).is_none() && self.cause_of(effect) == Some(cause))
            .map(|effect| effect.id)
            .collect();
        for effect in effects {
            self.attach(effect, cause);
        }
    }

    /// Whether what explains an incident is over but for its end, and so nothing that goes wrong now.
    fn is_left_behind(&self, effect: &Incident) -> bool {
        let cause = effect.cause.and_then(|cause| self.incidents.get(cause));
        effect.state == IncidentState::Attached && cause.is_some_and(|cause| cause.ends_by().is_some())
    }

    /// Whether a job that failed with its cause has failed once more, by a run that began when that was over.
    pub(super) fn fails_by_itself(&self, effect: &Incident) -> bool {
        let cause = effect.cause.and_then(|cause| self.incidents.get(cause));
        let Some(cause) = cause.filter(|_| effect.about == About::Job && self.is_left_behind(effect)) else {
            return false;
        };
        let last = self.jobs.get(&effect.subject).and_then(|state| state.last.as_deref());
        last.is_some_and(|(run, _)| run.created_at >= self.over_since(cause))
    }

    /// How long systems may take until what they make is good again, once that is which they make it from. It is not seen; but
    /// what is promised never to be older than `max_age` is made anew within that time. Nothing for what jobs alone make.
    fn a_system_takes(&self, cause: &Incident, effect: &Incident) -> Duration {
        if effect.about != About::Dataset {
            return Duration::ZERO;
        }
        let behind = self.lineage.upstream(effect.subject.as_str()).into_iter();
        let own = Node::Dataset(effect.subject.clone());
        let between: HashSet<Name> = self.made_from(cause).into_iter().collect();
        let is_made_by_system = behind.chain([own]).any(|node| match node {
            Node::Dataset(name) => {
                between.contains(&name) && !self.lineage.made_by_system_from(name.as_str()).is_empty()
            }
            Node::Job(_) => false,
        });
        let dataset = self.settings.datasets.get(&effect.subject);
        let max_age = dataset
            .filter(|_| is_made_by_system)
            .and_then(|dataset| dataset.max_age);
        max_age.unwrap_or_default()
    }

    /// Whether a run is under way that makes it, or what it is made from, anew.
    fn is_being_mended(&self, incident: &Incident) -> bool {
        self.is_made_anew(incident, None)
    }

    /// The same by those jobs alone that make one `of` these datasets.
    fn is_made_anew(&self, incident: &Incident, of: Option<&[Name]>) -> bool {
        let mut jobs: Vec<Node> = Vec::new();
        match incident.about {
            About::Dataset => jobs.extend(self.lineage.upstream(incident.subject.as_str())),
            About::Job => jobs.push(Node::Job(incident.subject.clone())),
            About::Freshd => {}
        }
        jobs.iter().any(|node| match node {
            Node::Job(name) => self.makes_any(name, of) && self.is_under_way(name),
            Node::Dataset(_) => false,
        })
    }

    fn makes_any(&self, job: &Name, of: Option<&[Name]>) -> bool {
        let made = self.settings.jobs.get(job).and_then(|job| job.produces.as_ref());
        of.is_none_or(|of| made.is_some_and(|made| of.contains(made)))
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
