//! A team that has another name by an edit of jobs.toml, and is told where it was: it knows already. And a fallback that is
//! another one, and stands in at once.

use std::collections::BTreeSet;

use super::Engine;
use super::audience::FALLBACK;
use super::reminders::remember_told;
use crate::model::{Address, HandedOver, IncidentId, IncidentState, Name, Notification, Team};

impl Engine {
    /// Whoever was told at an address of this team by a name that no team has any more is this team: what they were told of an
    /// incident, it was.
    pub(super) fn take_over_name(&mut self, id: IncidentId, team: &Name) {
        let addresses = self.addresses_of(team);
        let Some(mut incident) = self.incidents.get(id).filter(|_| team.as_str() != FALLBACK).cloned() else {
            return;
        };
        let is_gone = |name: &Name| name.as_str() != FALLBACK && !self.settings.teams.contains_key(name);
        let is_known = incident.told.iter().any(|(told, _)| told == team);
        let mut former = incident.told.iter();
        let former = former.find(|(told, address)| is_gone(told) && addresses.contains(address));
        if let Some((former, _)) = former.filter(|_| !is_known).cloned() {
            let at_former = incident
                .told
                .iter()
                .filter(|(told, address)| *told == former && addresses.contains(address));
            for address in at_former.map(|(_, address)| address.clone()).collect::<Vec<_>>() {
                remember_told(&mut incident, team, &address);
            }
            if incident.told_to_answer() == Some(&former) {
                // It goes on as it was: nothing begins anew for those who have it.
                let since = incident.theirs_since().unwrap_or(self.now.wall);
                incident.handed_over = Some(HandedOver {
                    to: team.clone(),
                    at: since,
                });
            }
            self.store(incident.clone());
        }
        // After a restart, too: what was taken is on record by the name of then.
        let told: Vec<Address> = incident
            .told
            .into_iter()
            .filter_map(|(told, address)| (told == *team).then_some(address))
            .collect();
        let teams: BTreeSet<Name> = self.settings.teams.keys().cloned().collect();
        for address in told {
            let is_gone = |name: &Name| name.as_str() != FALLBACK && !teams.contains(name);
            self.outbox.heard_by_another_name(id, &address, team, is_gone);
        }
    }
    /// The fallback is another one: it stands in at once where the one before did, and where it would have by now.
    pub(super) fn stand_in_by_another(&mut self) {
        let open = self.incidents.values().filter(|one| one.state == IncidentState::Open);
        for id in open.map(|one| one.id).collect::<Vec<_>>() {
            self.fall_back_after_all(id);
        }
        let waiting: Vec<Notification> = self.outbox.values().cloned().collect();
        for notification in waiting.iter().filter(|one| one.tries > 0) {
            let team = notification.told_for();
            let incident = notification.incident.and_then(|id| self.incidents.get(id));
            let own = self.settings.teams.get(team).into_iter().flat_map(Team::addresses);
            let own: Vec<&Address> = own.collect();
            let stood_in = incident.is_some_and(|incident| {
                let mut told = incident.told.iter().filter(|(told, _)| told == team);
                told.any(|(_, address)| !own.contains(&address))
            });
            if stood_in {
                let why = format!("{}, for whom you stand in", self.team_title(team));
                self.fall_back(notification, &why);
            }
        }
    }
}
