//! What a message says of what concerns its team: what of that breaks next, and how the parts of data stand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::Engine;
use crate::alerting::{DataSide, PartSide};
use crate::model::{Incident, Name};

impl Engine {
    /// Whether a team owns a dataset or reads it.
    pub(super) fn is_concerned(&self, team: &Name, dataset: &Name) -> bool {
        let owner = self.settings.datasets.get(dataset).map(|dataset| &dataset.owner);
        let readers = self.lineage.readers_of(dataset).map(|reader| reader.owner);
        let mut owners = owner.cloned().into_iter().chain(readers);
        owners.any(|owner| self.team_of(&owner).0 == *team)
    }

    /// While an incident goes on, for a team downstream: what of that which concerns it, and is made from what has gone wrong,
    /// breaks its promise next, and how many there are that do later. Of what a message tells in full nothing is said twice.
    pub(super) fn breaks_next<'a>(
        &'a self,
        team: &Name,
        zone: &TimeZone,
        incident: &Incident,
        told: &[DataSide<'_>],
    ) -> Option<(DataSide<'a>, usize)> {
        if incident.resolved_at.is_some() || incident.told_to_answer() == Some(team) {
            return None;
        }
        let told: BTreeSet<&Name> = told.iter().map(|side| &side.dataset.name).collect();
        let made = self.made_from(incident).into_iter();
        let theirs = made.filter(|name| !told.contains(name) && self.is_concerned(team, name));
        let breaking = theirs.filter_map(|name| {
            let standing = self.standing(self.settings.datasets.get(&name)?);
            let deadline = standing.deadline.filter(|_| standing.state.keeps_promise())?;
            Some((deadline, name))
        });
        let breaking: Vec<_> = breaking.collect();
        let (_, first) = breaking.iter().min_by_key(|(deadline, _)| *deadline)?;
        Some((self.data_side(first, zone)?, breaking.len() - 1))
    }

    /// How each part stands of those datasets that come in parts.
    pub(super) fn parts_of(&self, data: &[DataSide<'_>]) -> BTreeMap<Name, Vec<PartSide>> {
        let in_parts = data.iter().filter(|side| !side.dataset.parts.is_empty());
        let parts_of = in_parts.map(|side| {
            let parts = side.dataset.part_names().filter_map(|(short, name)| {
                let standing = self.standing(self.settings.datasets.get(&name)?);
                Some(PartSide {
                    name: short.clone(),
                    state: standing.state,
                    as_of: standing.effective_as_of,
                })
            });
            (side.dataset.name.clone(), parts.collect())
        });
        parts_of.collect()
    }
}
