//! The incidents that are not over, found by number, by what they are about, and by what explains them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{About, Incident, IncidentId, Name};

/// All incidents that are not resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Register {
    incidents: BTreeMap<IncidentId, Incident>,
    /// But for rehearsals, which are about nothing.
    by_subject: HashMap<(About, Name), IncidentId>,
    drills: BTreeSet<IncidentId>,
    effects: HashMap<IncidentId, BTreeSet<IncidentId>>,
    /// How many were told with each, be it that this is over.
    told_with: HashMap<IncidentId, usize>,
    /// The datasets that each explained and whose problem is over.
    mended: HashMap<IncidentId, BTreeSet<Name>>,
}

impl Register {
    pub(super) fn get(&self, id: IncidentId) -> Option<&Incident> {
        self.incidents.get(&id)
    }

    /// The one that is open about a thing.
    pub(super) fn about(&self, about: About, subject: &Name) -> Option<&Incident> {
        self.incidents.get(self.by_subject.get(&(about, subject.clone()))?)
    }

    /// Those that `cause` explains, oldest first.
    pub(super) fn effects_of(&self, cause: IncidentId) -> Vec<&Incident> {
        let effects = self.effects.get(&cause).into_iter().flatten();
        effects.filter_map(|id| self.incidents.get(id)).collect()
    }

    /// Whether any was ever told with this one, which may be over.
    pub(super) fn was_told_with(&self, cause: IncidentId) -> bool {
        self.told_with.contains_key(&cause)
    }

    /// Oldest first.
    pub(super) fn values(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// Rehearsals, oldest first.
    pub(super) fn drills(&self) -> impl Iterator<Item = &Incident> {
        self.drills.iter().filter_map(|id| self.incidents.get(id))
    }

    /// Puts one in the place of what was known of it.
    pub(super) fn insert(&mut self, incident: Incident) {
        self.remove(incident.id);
        if incident.drill.is_some() {
            self.drills.insert(incident.id);
        } else {
            let subject = (incident.about, incident.subject.clone());
            self.by_subject.insert(subject, incident.id);
        }
        if let Some(cause) = incident.cause {
            self.effects.entry(cause).or_default().insert(incident.id);
        }
        for cause in incident.told_with_causes() {
            *self.told_with.entry(cause).or_default() += 1;
        }
        self.incidents.insert(incident.id, incident);
    }

    /// A dataset that an incident explains is as promised again.
    pub(super) fn note_mended(&mut self, cause: IncidentId, dataset: Name) {
        if self.incidents.contains_key(&cause) {
            self.mended.entry(cause).or_default().insert(dataset);
        }
    }

    /// The datasets that an incident explained while it went on, and whose problem is over.
    pub(super) fn mended_of(&self, cause: IncidentId) -> impl Iterator<Item = &Name> {
        self.mended.get(&cause).into_iter().flatten()
    }

    /// Forgets one that is over.
    pub(super) fn end(&mut self, incident: Incident) {
        if let (Some(cause), About::Dataset) = (incident.cause, incident.about) {
            self.note_mended(cause, incident.subject);
        }
        self.mended.remove(&incident.id);
        self.remove(incident.id);
    }

    /// Forgets what was known of one.
    fn remove(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.remove(&id) else {
            return;
        };
        for cause in incident.told_with_causes() {
            if let Some(count) = self.told_with.get_mut(&cause) {
                *count -= 1;
                if *count == 0 {
                    self.told_with.remove(&cause);
                }
            }
        }
        if !self.drills.remove(&id) {
            self.by_subject.remove(&(incident.about, incident.subject));
        }
        if let Some(cause) = incident.cause
            && let Some(effects) = self.effects.get_mut(&cause)
        {
            effects.remove(&id);
            if effects.is_empty() {
                self.effects.remove(&cause);
            }
        }
    }
}

impl FromIterator<Incident> for Register {
    fn from_iter<I: IntoIterator<Item = Incident>>(incidents: I) -> Self {
        let mut register = Self::default();
        incidents.into_iter().for_each(|incident| register.insert(incident));
        register
    }
}
