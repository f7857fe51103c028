//! What has changed about open incidents is told once everything was looked at: many datasets that break in one instant are one
//! message to whoever reads them.

use std::collections::BTreeSet;

use super::Engine;
use crate::model::{About, Address, Incident, IncidentId, IncidentState, Name, Purpose};

/// What is new about an open incident.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// It has become more severe.
    is_worse: bool,
    /// Itself, or effects of it, by which it may concern others.
    concerned: BTreeSet<IncidentId>,
    /// Failures that explain it, of runs that still went on when it was told.
    explained_by: BTreeSet<IncidentId>,
}

impl Engine {
    /// An open incident, or what it explains, has changed.
    pub(super) fn note_change(&mut self, id: IncidentId, concerned: IncidentId, is_worse: bool) {
        let news = self.news.entry(id).or_default();
        news.is_worse |= is_worse;
        news.concerned.insert(concerned);
    }

    /// Whether it is told in this step that an open incident has become worse.
    pub(super) fn is_told_worse(&self, id: IncidentId) -> bool {
        self.news.get(&id).is_some_and(|news| news.is_worse)
    }

    /// A failure was found to belong to an incident that was told already: it is news where its run went on then, since
    /// the opening could not say how it would end. What fails later is none.
    pub(super) fn note_explained(&mut self, id: IncidentId, by: IncidentId) {
        let (Some(told), Some(failure)) = (self.incidents.get(id), self.incidents.get(by)) else {
            return;
        };
        if told.state != IncidentState::Open || self.failure_behind(told) != Some(failure) {
            return;
        }
        let state = self.jobs.get(&failure.subject).and_then(|state| state.last.as_deref());
        if state.is_some_and(|(run, _)| Some(run.created_at) <= told.opened_at) {
            self.news.entry(id).or_default().explained_by.insert(by);
        }
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
        for (id, news) in std::mem::take(&mut self.news) {
            let before = self.incidents.get(id).map_or_else(Vec::new, |one| one.told.clone());
            let new = self.tell_new_owner(id);
            self.withdraw_from_strangers(id);
            let is_told_again = news.is_worse && !self.is_quiet(id);
            if is_told_again {
                self.tell_owner_again(id, Purpose::Update, &new);
            }
            let heard = news
                .concerned
                .into_iter()
                .filter(|concerned| !self.is_quiet(*concerned));
            let concerned: Vec<IncidentId> = heard.collect();
            self.tell_readers(id, &concerned);
            for failure in news.explained_by {
                self.tell_of_failure(id, failure, &before, is_told_again);
            }
        }
    }

    /// One update to those of a failed job who were told `before` that its dataset is not as promised: how it failed, what
    /// it said, and what to type. Whoever has just been told knows that already.
    fn tell_of_failure(
        &mut self,
        id: IncidentId,
        failure: IncidentId,
        before: &[(Name, Address)],
        is_owner_told: bool,
    ) {
        let (Some(incident), Some(failure)) = (self.incidents.get(id), self.incidents.get(failure)) else {
            return;
        };
        let (team, _) = self.owner_of(failure);
        let knows = is_owner_told && self.owner_of(incident).0 == team;
        if knows || self.is_quiet(id) || self.is_quiet(failure.id) {
            return;
        }
        let told = before.iter().filter(|(told, _)| *told == team);
        let told = told.map(|(_, address)| address.clone());
        let told: Vec<Address> = told.filter(|address| self.is_told_at(&team, address)).collect();
        for address in told {
            self.notify(id, Purpose::Update, &team, address);
        }
    }
}
