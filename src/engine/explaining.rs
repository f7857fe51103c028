//! What explains what: a problem that follows from another is told with its cause, and by itself when that explains it no
//! longer.

use super::{Engine, Wake};
use crate::lineage::{Node, Reader};
use crate::model::{About, Incident, IncidentId, IncidentState, Name, ProblemKind};

impl Engine {
    /// Attaches a waiting incident to what explains it, or opens it when its time has come.
    pub(super) fn consider(&mut self, id: IncidentId) {
        self.end_mending(id);
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let is_time = incident.notify_at <= self.now.wall;
        if let Some(until) = self.hears_until(incident).filter(|_| is_time) {
            self.wakes.arm(Wake::Incident(id), until);
            return;
        }
        let notify_at = incident.notify_at;
        if let Some(until) = self.quiet_until(incident) {
            self.wakes.arm(Wake::Incident(id), until.max(notify_at));
            return;
        }
        match self.cause_of(incident).and_then(|cause| self.incidents.get(cause)) {
            Some(cause) if self.explains_others(cause) && (is_time || cause.state == IncidentState::Open) => {
                let (cause, is_open) = (cause.id, cause.state == IncidentState::Open);
                self.attach(id, cause);
                if is_open && self.outbox.is_anything_ending() {
                    self.take_in_effects(id, cause);
                }
            }
            _ if is_time => match self.quiet_ends_with(incident) {
                Some(until) => {
                    let mut waiting = incident.clone();
                    waiting.notify_at = until;
                    self.store(waiting);
                    self.wakes.arm(Wake::Incident(id), until);
                }
                None => self.open_with_others(id),
            },
            _ => self.look_at_waiting(id),
        }
    }

    /// Looks for what explains whatever waits behind an open incident, before people are told of that again: what has broken
    /// while both were kept quiet is told with it.
    pub(super) fn consider_behind(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.get(id).filter(|open| open.about != About::Freshd) else {
            return;
        };
        let made = self.made_from(incident).into_iter();
        let behind = made.filter_map(|name| self.incidents.about(About::Dataset, &name));
        let waiting = behind.filter(|effect| effect.state == IncidentState::Waiting && effect.id != id);
        for effect in waiting.map(|effect| effect.id).collect::<Vec<_>>() {
            self.consider(effect);
        }
    }

    /// The datasets that come from what an incident is about, nearest first.
    pub(super) fn made_from(&self, incident: &Incident) -> Vec<Name> {
        let subject = incident.subject.as_str();
        match incident.about {
            About::Job => self.lineage.made_by(subject),
            About::Dataset => self.lineage.made_from(subject),
            About::Freshd => Vec::new(),
        }
    }

    /// Whoever reads what an incident is about, or makes, or what comes from it, nearest first.
    pub(super) fn readers_behind(&self, incident: &Incident) -> Vec<Reader<'_>> {
        let subject = incident.subject.as_str();
        match incident.about {
            About::Job => self.lineage.impact_of_job(subject),
            About::Dataset => self.lineage.impact(subject),
            About::Freshd => Vec::new(),
        }
    }

    /// Whether the effects of an incident are told with it. Of what nobody is told, because of planned work, a silence, or
    /// a run that may end it, nobody would hear what follows from it either; and what is over but for what it broke breaks
    /// nothing more.
    pub(super) fn explains_others(&self, cause: &Incident) -> bool {
        self.is_there(cause) && self.quiet_until(cause).is_none()
    }

    /// Whether something stands for itself and is wrong just now.
    pub(super) fn is_there(&self, incident: &Incident) -> bool {
        matches!(incident.state, IncidentState::Open | IncidentState::Waiting) && self.is_wrong(incident)
    }

    /// Whether something is wrong just now: what comes and goes may be well for a while before it is over, the end of
    /// another may wait for what it broke, and a run may be under way that ends it.
    fn is_wrong(&self, incident: &Incident) -> bool {
        incident.well_since().is_none() && incident.ends_by().is_none() && !self.mending.contains(&incident.id)
    }

    /// The nearest unresolved incident upstream of which people are told, followed to its own cause.
    pub(super) fn cause_of(&self, incident: &Incident) -> Option<IncidentId> {
        self.cause_without(incident, None)
    }

    /// The same, once `ended` explains nothing any more.
    pub(super) fn cause_without(&self, incident: &Incident, ended: Option<IncidentId>) -> Option<IncidentId> {
        if incident.kind == ProblemKind::Changed {
            // Whoever did that is nobody upstream.
            return None;
        }
        let upstream: Vec<Node> = match incident.about {
            About::Dataset => self.lineage.upstream(incident.subject.as_str()),
            About::Freshd => Vec::new(),
            About::Job => {
                // A dataset that was already told of when its job finally fails: the failure explains
                // that alert and belongs to it.
                let produced = self
                    .settings
                    .jobs
                    .get(&incident.subject)
                    .and_then(|job| job.produces.clone());
                let inputs = self
                    .lineage
                    .inputs_of_job(incident.subject.as_str())
                    .into_iter()
                    .cloned();
                let mut nodes: Vec<Node> = Vec::new();
                for input in inputs {
                    nodes.push(Node::Dataset(input.clone()));
                    nodes.extend(self.lineage.upstream(input.as_str()));
                }
                let told = produced.and_then(|name| self.incident_about(&Node::Dataset(name)));
                if let Some(told) = told.filter(|told| told.state == IncidentState::Open && self.is_wrong(told)) {
                    return Some(told.id);
                }
                nodes
            }
        };
        let found = upstream.iter().filter_map(|node| self.incident_about(node));
        let found = found.filter(|found| found.id != incident.id && Some(found.id) != ended && self.is_wrong(found));
        let mut roots = found.map(|found| found.cause.filter(|cause| Some(*cause) != ended).unwrap_or(found.id));
        let explains = |id: &IncidentId| self.incidents.get(*id).is_some_and(|root| self.explains_others(root));
        // What is kept quiet, or is over, explains nothing to others; what lies behind it may.
        let root = roots.clone().find(explains).or_else(|| roots.next())?;
        (root != incident.id).then_some(root)
    }

    fn incident_about(&self, node: &Node) -> Option<&Incident> {
        let about = match node {
            Node::Job(_) => About::Job,
            Node::Dataset(_) => About::Dataset,
        };
        let whole = match node {
            Node::Dataset(name) => self
                .settings
                .datasets
                .get(name)
                .and_then(|dataset| dataset.part_of.as_ref()),
            Node::Job(_) => None,
        };
        self.incidents.about(about, whole.unwrap_or(node.name()))
    }

    pub(super) fn attach(&mut self, id: IncidentId, cause: IncidentId) {
        let Some(mut effect) = self.incidents.get(id).cloned() else {
            return;
        };
        effect.state = IncidentState::Attached;
        self.mending.remove(&id);
        // Effects of an effect hang on the same root.
        let own: Vec<_> = self.incidents.effects_of(id).into_iter().cloned().collect();
        let effects: Vec<IncidentId> = own.iter().map(|other| other.id).chain([id]).collect();
        for mut one in std::iter::once(effect).chain(own) {
            let before = one.told_with_causes();
            one.attach_to(cause, self.now.wall);
            one.notify_at = self.now.wall;
            self.store(one);
            for cause in before {
                self.forget_heard_of(cause);
            }
        }
        // Each of them may concern others than the one that they came with.
        for effect in effects {
            self.raise(cause, effect);
        }
    }

    /// Looks again at what is told with its cause: by itself, when that is kept quiet before anybody heard of the two.
    pub(super) fn look_at_attached(&mut self, id: IncidentId, cause: IncidentId) {
        if self.is_hidden(id, cause) {
            self.together.were_hidden.insert(id);
            self.stand_alone(id, false);
        } else {
            self.raise(cause, id);
        }
    }

    /// Whether those who answer for an effect have heard nothing of its cause since it was attached, and hear nothing more.
    fn is_hidden(&self, id: IncidentId, cause: IncidentId) -> bool {
        let (Some(effect), Some(cause)) = (self.incidents.get(id), self.incidents.get(cause)) else {
            return false;
        };
        if cause.state != IncidentState::Open || self.quiet_until(cause).is_none() || self.quiet_until(effect).is_some()
        {
            return false;
        }
        let (owner, _) = self.owner_of(effect);
        let mut told = cause.told.iter().filter(|(team, _)| *team == owner);
        !told.any(|(_, address)| self.outbox.is_told_since(&owner, cause.id, address, effect.notify_at))
    }

    /// A cause is as bad as the worst of its effects, and concerns whom they concern.
    pub(super) fn raise(&mut self, cause: IncidentId, effect: IncidentId) {
        if let Some(until) = self.incidents.get(effect).and_then(|effect| self.quiet_until(effect)) {
            self.wakes.arm(Wake::Incident(effect), until);
            return;
        }
        let (Some(root), Some(told_with)) = (self.incidents.get(cause), self.incidents.get(effect)) else {
            return;
        };
        let severity = told_with.severity;
        let untold_since = told_with.opened_at.is_none().then_some(told_with.since);
        if root.ends_by().is_some() {
            // It is over but for its end: should it come back, this is told then.
            return;
        }
        let (worse, state) = (severity > root.severity, root.state);
        let is_earlier = untold_since.is_some_and(|since| since < root.began());
        if worse && self.quiet_until(root).is_some() {
            // It would be heard of when the other may be told again, and nothing keeps this one quiet.
            self.stand_alone(effect, false);
            return;
        }
        if worse || is_earlier {
            let mut root = root.clone();
            root.severity = severity.max(root.severity);
            root.broken_since = untold_since.filter(|_| is_earlier).or(root.broken_since);
            self.store(root);
        }
        if state == IncidentState::Open {
            self.note_change(cause, effect, worse);
        }
    }

    /// Effects that are told with their cause: those that are kept quiet follow when they may be told.
    pub(super) fn effects_to_tell(&self, cause: IncidentId) -> Vec<&Incident> {
        let effects = self.incidents.effects_of(cause).into_iter();
        effects.filter(|effect| self.quiet_until(effect).is_none()).collect()
    }

    /// A cause explains nothing any more: what it had an effect on stands for itself.
    ///
    /// It may be mended like its cause. But where an end `was_written` it is told at once, since it was just told to be
    /// still bad; and where nobody was told of the cause, it has waited long enough, too: a cause that comes and goes
    /// would keep it from being told for ever.
    pub(super) fn let_effects_go(&mut self, cause: IncidentId, was_written: bool) {
        let was_told = self.incidents.get(cause).is_some_and(|cause| cause.opened_at.is_some());
        let effects: Vec<IncidentId> = self
            .incidents
            .effects_of(cause)
            .into_iter()
            .map(|effect| effect.id)
            .collect();
        for effect in effects {
            self.stand_alone(effect, was_told && !was_written);
        }
    }

    fn stand_alone(&mut self, effect: IncidentId, is_to_wait: bool) {
        let Some(mut effect) = self.incidents.get(effect).cloned() else {
            return;
        };
        effect.state = IncidentState::Waiting;
        effect.detach(self.now.wall);
        if is_to_wait {
            self.wait_to_be_mended(&mut effect);
        }
        let id = effect.id;
        self.store(effect);
        self.look_at_waiting(id);
    }
}
