//! What a message about an end says of data: of what its readers read, and of what is not as promised all the same.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::Engine;
use crate::alerting::{DataSide, GoesOn};
use crate::model::{About, Incident, IncidentState, Name, natural};

/// Datasets of a team's own that one end tells of. Most are only counted.
const THEIRS_MAX: usize = 100;

impl Engine {
    /// At the end a reader hears of what they read: where nothing that is left concerns the team, and all is good that does
    /// and is made from what is over, that comes first, the nearest of it before all; else what of it is good is named behind.
    /// What of it is not, is explained by something else by now, and is named. Says what was put first.
    pub(super) fn put_theirs<'a>(
        &'a self,
        team: &Name,
        zone: &TimeZone,
        incident: &Incident,
        data: &mut Vec<DataSide<'a>>,
    ) -> Vec<Name> {
        let concerns = |name: &Name| {
            let owner = self.settings.datasets.get(name).map(|dataset| &dataset.owner);
            let readers = self.lineage.readers_of(name).map(|reader| reader.owner);
            let owners = owner.cloned().into_iter().chain(readers);
            owners.into_iter().any(|owner| self.team_of(&owner).0 == *team)
        };
        let is_in = |name: &Name| data.iter().any(|side| side.dataset.name == *name);
        let is_concerned = data.iter().any(|side| concerns(&side.dataset.name));
        let made = self.made_from(incident).into_iter();
        let theirs: Vec<DataSide<'a>> = made
            .filter(|name| concerns(name) && !is_in(name))
            .filter_map(|name| self.data_side(&name, zone))
            .collect();
        let (good, broken): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|side| side.standing.state.keeps_promise());
        if is_concerned {
            // They may have been told by the name of what follows from it.
            data.extend(good.into_iter().take(THEIRS_MAX));
            return Vec::new();
        }
        let put_in = if broken.is_empty() { good } else { broken };
        let mut put_in: Vec<DataSide<'a>> = put_in.into_iter().take(THEIRS_MAX).collect();
        if let [_, others @ ..] = &mut put_in[..] {
            others.sort_by(|a, b| natural(a.dataset.name.as_str(), b.dataset.name.as_str()));
        }
        let names = put_in.iter().map(|side| side.dataset.name.clone()).collect();
        data.splice(0..0, put_in);
        names
    }

    /// At the end of an incident: of each dataset that is not as promised all the same, where people are told of it from now
    /// on.
    pub(super) fn goes_on(&self, incident: &Incident, data: &[DataSide<'_>]) -> BTreeMap<Name, GoesOn> {
        let is_end = incident.resolved_at.is_some();
        let broken = data
            .iter()
            .filter(|side| is_end && !side.standing.state.keeps_promise());
        let goes_on = broken.filter_map(|side| {
            let name = &side.dataset.name;
            let other = self.incidents.about(About::Dataset, name)?;
            // What goes on by itself may be behind another that stays broken as well.
            let cause = other.cause.filter(|cause| *cause != incident.id);
            let cause = cause.or_else(|| match other.state {
                IncidentState::Open => None,
                _ => self.cause_without(other, Some(incident.id)),
            });
            let goes_on = cause.map_or(GoesOn::As(other.id), GoesOn::With);
            (other.id != incident.id).then(|| (name.clone(), goes_on))
        });
        goes_on.collect()
    }
}
