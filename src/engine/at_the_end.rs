//! What a message about an end says of data: of what its readers read, and of what is not as promised all the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::Engine;
use crate::alerting::{Apart, DataSide, GoesOn};
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
        let concerns = |name: &Name| self.is_concerned(team, name);
        let is_in = |name: &Name| data.iter().any(|side| side.dataset.name == *name);
        let is_concerned = data.iter().any(|side| concerns(&side.dataset.name));
        let made = self.made_from(incident).into_iter();
        let theirs: Vec<DataSide<'a>> = made
            .filter(|name| concerns(name) && !is_in(name))
            .filter_map(|name| self.data_side(&name, zone))
            .collect();
        let (good, broken): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|side| side.standing.state.keeps_promise());
        if is_concerned {
            // They may have been told by the name of what follows from it; and what of theirs is told of elsewhere is not over.
            data.extend(broken.into_iter().chain(good).take(THEIRS_MAX));
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

    /// What is made from what an incident is about, is not as promised, and is no effect of it: how it stands, and by which
    /// incident people are told of it. At the end that is also what nobody is told of.
    pub(super) fn told_apart(
        &self,
        incident: &Incident,
        made_from_it: &[Name],
        data: &[DataSide<'_>],
    ) -> BTreeMap<Name, Apart> {
        let is_end = incident.resolved_at.is_some();
        let told_here: BTreeSet<&Name> = data.iter().map(|side| &side.dataset.name).collect();
        let others = made_from_it.iter().filter(|name| !told_here.contains(name));
        let apart = others.filter_map(|name| {
            let other = self.incidents.about(About::Dataset, name);
            let root = other.and_then(|other| self.incidents.get(other.cause.unwrap_or(other.id)));
            let root = root.filter(|root| root.id != incident.id && root.state == IncidentState::Open);
            if root.is_none() && !is_end {
                return None;
            }
            let state = self.standing(self.settings.datasets.get(name)?).state;
            let apart = Apart {
                called: self.thing_called(About::Dataset, name).to_owned(),
                state,
                incident: root.map(|root| root.id),
            };
            (!state.keeps_promise()).then(|| (name.clone(), apart))
        });
        apart.collect()
    }

    /// At the end of an incident: what is made from what it is about, was told with it, and is as promised again, as people
    /// call it. What was never broken is no news.
    pub(super) fn mended(&self, incident: &Incident, made_from_it: &[Name]) -> BTreeMap<Name, String> {
        if incident.resolved_at.is_none() {
            return BTreeMap::new();
        }
        let effects = self.incidents.effects_of(incident.id).into_iter();
        let effects = effects.filter(|effect| effect.about == About::Dataset);
        let broken = effects.map(|effect| &effect.subject);
        let broken: BTreeSet<&Name> = broken.chain(self.incidents.mended_of(incident.id)).collect();
        let mended = made_from_it.iter().filter(|name| {
            let dataset = self.settings.datasets.get(*name).filter(|_| broken.contains(name));
            dataset.is_some_and(|dataset| self.standing(dataset).state.keeps_promise())
        });
        let called = mended.map(|name| (name.clone(), self.thing_called(About::Dataset, name).to_owned()));
        called.collect()
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
