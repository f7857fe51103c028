//! What comes and goes: the third opening within an hour is told as flapping, and then nothing until it was well for long
//! enough. Every turn is recorded with the incident, which stays open meanwhile.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::alerting::{self, FLAPS_MIN};
use crate::model::{About, Address, AlertWhen, Flapping, Incident, IncidentId, IncidentState, Name, Opened, Purpose};

/// Openings of the last hour that were told and are over, by what they were about.
#[derive(Clone, Debug, Default)]
pub(super) struct Openings {
    by_subject: HashMap<(About, Name), VecDeque<Timestamp>>,
}

impl Openings {
    /// Those that are stored, the oldest first.
    pub(super) fn recall(&mut self, openings: Vec<Opened>) {
        for opened in openings {
            self.note(opened.about, opened.subject, opened.at);
        }
    }

    fn note(&mut self, about: About, subject: Name, at: Timestamp) {
        let known = self.by_subject.entry((about, subject)).or_default();
        known.push_back(at);
        while known.len() >= FLAPS_MIN {
            known.pop_front();
        }
    }

    fn of(&self, about: About, subject: &Name) -> Vec<Timestamp> {
        let known = self.by_subject.get(&(about, subject.clone()));
        known.into_iter().flatten().copied().collect()
    }

    fn forget_old(&mut self, now: Timestamp) {
        self.by_subject
            .retain(|_, known| known.iter().any(|at| alerting::is_recent(*at, now)));
    }
}

impl Engine {
    /// Whether an incident that is about to be told is one that comes and goes. freshd's own problems never are: each end of
    /// them means something.
    pub(super) fn flaps(&self, incident: &Incident) -> Option<Flapping> {
        if incident.about == About::Freshd || incident.drill.is_some() {
            return None;
        }
        let before = self.openings.of(incident.about, &incident.subject);
        alerting::flapping(&before, self.now.wall)
    }

    /// An incident is over: that it was told counts for the next one about the same.
    pub(super) fn note_opening(&mut self, incident: &Incident) {
        if let Some(opened) = Opened::of(incident).filter(|opened| alerting::is_recent(opened.at, self.now.wall)) {
            self.openings.forget_old(self.now.wall);
            self.openings.note(opened.about, opened.subject, opened.at);
        }
    }

    /// The problem of an incident is gone. What comes and goes is over when it stays away for long enough; all else is now.
    pub(super) fn problem_is_gone(&mut self, mut incident: Incident) {
        let id = incident.id;
        let is_watched = self.can_come_back(&incident);
        let evidence = self.evidence_of(&incident);
        let Some(flapping) = incident.flapping.as_mut().filter(|_| is_watched) else {
            if !(is_watched && self.waits_to_end(id)) {
                self.resolve(id);
            }
            return;
        };
        let before = flapping.clone();
        alerting::found_well(flapping, evidence, self.now.wall);
        let over_at = alerting::over_at(flapping);
        let is_news = *flapping != before;
        if over_at.is_some_and(|at| at <= self.now.wall) {
            self.resolve(id);
            return;
        }
        if is_news {
            self.store(incident);
            self.let_effects_go(id, false);
        }
        if let Some(at) = over_at {
            self.wakes.arm(Wake::Incident(id), at);
        }
    }

    /// The problem of an incident is there. Says whether it comes and goes, and was gone.
    pub(super) fn problem_is_back(&self, incident: &mut Incident) -> bool {
        let flapping = incident.flapping.as_mut();
        flapping.is_some_and(|flapping| alerting::found_wrong(flapping, self.now.wall))
    }

    /// freshd is back, and what came and went before is wrong: whoever answers for it is told once, since nobody could see
    /// how it went meanwhile; `but` those who have just heard of it. Says who knows by now.
    pub(super) fn tell_flapping_when_back(&mut self, id: IncidentId, but: &[Address]) -> Vec<Address> {
        let is_wrong = |it: &&Incident| it.flapping.is_some() && self.is_there(it) && it.state == IncidentState::Open;
        let incident = self.incidents.get(id).filter(is_wrong);
        let (Some(incident), Some((_, back_at))) = (incident, self.was_down()) else {
            return Vec::new();
        };
        if self.is_told_worse(id) {
            return Vec::new();
        }
        let (owner, _) = self.owner_of(incident);
        let told = incident.told.iter().filter(|(team, _)| *team == owner);
        let addresses: Vec<Address> = told.map(|(_, address)| address.clone()).collect();
        let knows =
            |address: &&Address| but.contains(address) || self.outbox.is_told_since(&owner, id, address, back_at);
        let known: Vec<Address> = addresses.iter().filter(knows).cloned().collect();
        self.tell_owner_again(id, Purpose::Update, &known);
        addresses
    }

    /// The machine was asleep: looks at what came and went before, as a start does at all that is open.
    pub(super) fn look_at_flapping(&mut self) {
        let flapping = self.incidents.values().filter(|one| one.flapping.is_some());
        for id in flapping.map(|one| one.id).collect::<Vec<_>>() {
            self.wakes.arm(Wake::Incident(id), self.now.wall);
        }
    }

    /// Ends what came and went, if it was well for long enough. Says whether it did.
    pub(super) fn end_flapping(&mut self, id: IncidentId) -> bool {
        let over_at = self.incidents.get(id).and_then(well_at);
        let is_over = over_at.is_some_and(|at| at <= self.now.wall);
        if is_over {
            self.resolve(id);
        }
        is_over
    }

    /// Whether what an incident is about is still looked at as before.
    fn can_come_back(&self, incident: &Incident) -> bool {
        match incident.about {
            About::Job => {
                let job = self.settings.jobs.get(&incident.subject);
                job.is_some_and(|job| job.enabled && job.policy.alert != AlertWhen::Breach)
            }
            About::Dataset => self.settings.datasets.contains_key(&incident.subject),
            About::Freshd => false,
        }
    }

    /// When that happened by which a job or a dataset was last found to be as it is.
    fn evidence_of(&self, incident: &Incident) -> Option<Timestamp> {
        let seen = |name: &Name| {
            let state = self.data.get(name)?;
            let arrived = state.current.as_ref().map(|current| current.arrived_at);
            arrived.max(state.observation.as_ref().map(|observation| observation.at))
        };
        match incident.about {
            About::Job => self.jobs.get(&incident.subject)?.last.as_deref()?.0.ended_at,
            About::Dataset => {
                let dataset = self.settings.datasets.get(&incident.subject)?;
                let parts = dataset.part_names().filter_map(|(_, part)| seen(&part)).max();
                seen(&incident.subject).max(parts)
            }
            About::Freshd => None,
        }
    }
}

/// When what comes and goes is over, if it stays well.
pub(super) fn well_at(incident: &Incident) -> Option<Timestamp> {
    alerting::over_at(incident.flapping.as_ref()?)
}
