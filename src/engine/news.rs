//! What has changed about open incidents is told once everything was looked at: many datasets that break in one instant are one
//! message to whoever reads them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{
    About, Address, FLAPPING_WITHIN, Incident, IncidentId, IncidentState, Name, Purpose, earlier, later,
};

/// So many failures of the job that makes a dataset are told by updates about that to one address within
/// [`FLAPPING_WITHIN`]: a job that works and fails in turns would otherwise send one for each turn.
const FAILURES_TOLD_MAX: usize = 3;

/// What is to be told of open incidents once everything was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    changes: BTreeMap<IncidentId, Change>,
    /// Incidents with which nothing has changed, but that may concern others by an edit of jobs.toml.
    unchanged: BTreeSet<IncidentId>,
    /// Incidents of which a step of the chain is due: whoever is called reads how it is by then, and no update beside it.
    to_call: BTreeSet<IncidentId>,
}

/// What is new about an open incident.
#[derive(Clone, Debug, Default)]
struct Change {
    /// It has become more severe.
    is_worse: bool,
    /// Itself, or effects of it, by which it may concern others.
    concerned: BTreeSet<IncidentId>,
}

impl Engine {
    /// An open incident, or what it explains, has changed.
    pub(super) fn note_change(&mut self, id: IncidentId, concerned: IncidentId, is_worse: bool) {
        let change = self.news.changes.entry(id).or_default();
        change.is_worse |= is_worse;
        change.concerned.insert(concerned);
    }

    /// Nothing has changed with what is wrong; but whom it concerns may have, if people know of it.
    pub(super) fn note_unchanged(&mut self, incident: &Incident) {
        if incident.state == IncidentState::Open {
            self.news.unchanged.insert(incident.id);
        }
    }

    /// A step of the chain is due.
    pub(super) fn call_with_news(&mut self, id: IncidentId) {
        self.news.to_call.insert(id);
    }

    /// Whether it is told in this step that an open incident has become worse.
    pub(super) fn is_told_worse(&self, id: IncidentId) -> bool {
        self.news.changes.get(&id).is_some_and(|change| change.is_worse)
    }

    /// The failure of the job that makes a dataset, where the alert about the dataset came first and tells of it.
    pub(super) fn failure_behind(&self, incident: &Incident) -> Option<&Incident> {
        let dataset = Some(incident).filter(|incident| incident.about == About::Dataset)?;
        let job = self.lineage.producer_of(dataset.subject.as_str())?;
        let mut effects = self.incidents.effects_of(incident.id).into_iter();
        effects.find(|effect| effect.about == About::Job && effect.subject == *job)
    }

    /// Everything was looked at, or as much as one step holds: one update to the owner of what has become worse, one notice
    /// to each team that is newly concerned. The end of what keeps something quiet tells what is left of it.
    pub(super) fn tell_news(&mut self) {
        for (id, change) in std::mem::take(&mut self.news.changes) {
            let new = self.tell_new_owner(id);
            self.withdraw_from_strangers(id);
            if change.is_worse && !self.is_quiet(id) {
                self.tell_owner_again(id, Purpose::Update, &new);
            }
            let heard = change
                .concerned
                .into_iter()
                .filter(|concerned| !self.is_quiet(*concerned));
            let concerned: Vec<IncidentId> = heard.collect();
            self.tell_readers(id, &concerned);
            self.tell_kept_back(id, &concerned);
            self.tell_of_failure(id);
        }
        for id in std::mem::take(&mut self.news.to_call) {
            let called = self.incidents.get(id).filter(|one| self.is_there(one));
            match called.is_some() {
                true => self.escalate(id),
                false => self.arm_reminder(id),
            }
        }
        // What an edit ends is over once nothing is left to look at, and concerns nobody new.
        if self.dirty_data.is_empty() && self.dirty_jobs.is_empty() {
            for id in std::mem::take(&mut self.news.unchanged) {
                self.tell_newcomers(id);
            }
        }
    }

    /// The job that makes a dataset has failed, and people know that the dataset is not as promised: one update to those of the
    /// job who were told of that before. How it failed, what it said and what to type is news to them, also where somebody has
    /// taken the incident on, which was before anybody knew. A job that works and fails in turns is told like what comes and
    /// goes: a few times within an hour.
    pub(super) fn tell_of_failure(&mut self, id: IncidentId) {
        let open = self.incidents.get(id).filter(|one| one.state == IncidentState::Open);
        let Some((incident, failure)) = open.and_then(|one| Some((one, self.failure_behind(one)?))) else {
            return;
        };
        if incident.ends_by().is_some() || self.is_quiet(id) || self.is_quiet(failure.id) {
            return;
        }
        let Some(attached_at) = failure.told_with.last().map(|with| with.from) else {
            return;
        };
        let (team, _) = self.owner_of(failure);
        let those_of_job = incident.told.iter().filter(|(told, _)| *told == team);
        let addresses = those_of_job
            .map(|(_, address)| address)
            .filter(|it| self.is_told_at(&team, it));
        let is_news_to = |address: &&Address| {
            let mut since = self.outbox.written_since((&team, *address), id, attached_at);
            since.next().is_none()
        };
        let news_to: Vec<Address> = addresses.filter(is_news_to).cloned().collect();
        let (mut now_to, mut next): (Vec<Address>, Option<Timestamp>) = (Vec::new(), None);
        for address in news_to {
            match self.failures_told_until(id, &team, &address) {
                Some(at) => next = next.into_iter().chain([at]).min(),
                None => now_to.push(address),
            }
        }
        if let Some(at) = next {
            self.wakes.arm(Wake::Incident(id), at);
        }
        for address in now_to {
            self.notify(id, Purpose::Update, &team, address);
        }
    }

    /// When an address may be told of a further failure, if it has been told of as many lately as it may be.
    fn failures_told_until(&self, id: IncidentId, team: &Name, address: &Address) -> Option<Timestamp> {
        let since = earlier(self.now.wall, FLAPPING_WITHIN);
        let written = self.outbox.written_since((team, address), id, since);
        let updates = written.filter(|(at, purpose)| *at > since && *purpose == Purpose::Update);
        let updates: Vec<Timestamp> = updates.map(|(at, _)| at).collect();
        let first = updates.iter().min().filter(|_| updates.len() >= FAILURES_TOLD_MAX)?;
        Some(later(*first, FLAPPING_WITHIN))
    }
}
