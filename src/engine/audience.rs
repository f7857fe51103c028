//! Who is told: owners, whoever reads what is broken, the fallback.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::reminders::remember_told;
use crate::freshness::Standing;
use crate::model::{
    About, Address, DISK, HandedOver, Incident, IncidentId, IncidentState, Job, Name, Owner, Purpose, Rested, Severity,
    Team,
};

/// The name under which the fallback is told.
pub(super) const FALLBACK: &str = "fallback";

impl Engine {
    /// Tells whoever answers for an incident of which they were told before: at each address that is still theirs, also of
    /// those that escalation has told since; `but` those that have just heard of it.
    pub(super) fn tell_owner_again(&mut self, id: IncidentId, purpose: Purpose, but: &[Address]) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let (owner, _) = self.owner_of(incident);
        let told = incident.told.iter().filter(|(team, _)| *team == owner);
        let told = told
            .map(|(_, address)| address)
            .filter(|address| !but.contains(address));
        let told = told.filter(|address| self.is_told_at(&owner, address));
        for address in told.cloned().collect::<Vec<_>>() {
            self.notify(id, purpose, &owner, address);
        }
    }

    /// Who has come to answer for what is wrong by an edit of jobs.toml is told like the one before, and so is each address that
    /// has come to a team which answers. Says where.
    pub(super) fn tell_new_owner(&mut self, id: IncidentId) -> Vec<Address> {
        let can_be_told = |it: &&Incident| it.state == IncidentState::Open && it.drill.is_none() && !self.is_quiet(id);
        let Some(incident) = self.incidents.get(id).filter(can_be_told) else {
            return Vec::new();
        };
        let (owner, mut addresses) = self.owner_of(incident);
        let is_handed_over = incident.told_to_answer() != Some(&owner);
        if !is_handed_over {
            let told = incident.told.iter().filter(|(team, _)| *team == owner);
            let told: Vec<&Address> = told.map(|(_, address)| address).collect();
            let is_written_to = |address: &Address| self.has_been_written_to(&owner, id, address);
            // Of what opened without a message nobody has a message of its own.
            let is_written = told.iter().any(|address| is_written_to(address));
            // What waited for an address while it was not the team's was not sent.
            addresses.retain(|it| !told.contains(&it) || is_written && !is_written_to(it));
            // What is over but for its end is told to nobody new.
            if addresses.is_empty() || incident.ends_by().is_some() {
                return Vec::new();
            }
        }
        let mut incident = incident.clone();
        for address in &addresses {
            remember_told(&mut incident, &owner, address);
        }
        if is_handed_over {
            incident.handed_over = Some(HandedOver {
                from: incident.told_to_answer().cloned(),
                to: owner.clone(),
                at: self.now.wall,
            });
            (incident.reminders, incident.escalations) = (0, 0);
            incident.rested = Rested::default();
            self.schedule_reminder(&mut incident, &owner);
        }
        self.store(incident);
        self.arm_reminder(id);
        for address in &addresses {
            self.notify(id, Purpose::Opening, &owner, address.clone());
        }
        self.withdraw_from_strangers(id);
        addresses
    }

    /// Nothing has changed with what is wrong; but whom it concerns may have, by an edit of jobs.toml.
    pub(super) fn tell_newcomers(&mut self, id: IncidentId) {
        self.tell_new_owner(id);
        self.withdraw_from_strangers(id);
        self.tell_chain_again(id);
        let can_be_told = |it: &&Incident| it.state == IncidentState::Open && it.about != About::Freshd;
        if self.incidents.get(id).is_some_and(|incident| can_be_told(&incident)) && !self.is_quiet(id) {
            let effects = self.effects_to_tell(id).into_iter().map(|effect| effect.id);
            let concerned: Vec<_> = std::iter::once(id).chain(effects).collect();
            self.tell_readers(id, &concerned);
        }
    }

    /// An edit of jobs.toml may have taken from a team what it answered for or read: what still waits for it is not sent, once
    /// those are told who answer for it now. What the fallback was to hear in its stead is.
    pub(super) fn withdraw_from_strangers(&mut self, id: IncidentId) {
        let waits = self.outbox.is_anything_waiting(id);
        let Some(incident) = self
            .incidents
            .get(id)
            .filter(|it| waits && it.state == IncidentState::Open)
        else {
            return;
        };
        let owner = self.owner_of(incident).0;
        if incident.about == About::Freshd || incident.told.iter().all(|(team, _)| *team != owner) {
            return;
        }
        let concerned = self.teams_downstream(incident);
        let is_theirs = |team: &Name| *team == owner || concerned.contains(team);
        let waiting = self.outbox.waiting_of(id);
        let is_told_elsewhere = |team: &Name| {
            let mut told = incident.told.iter().filter(|(told, _)| told == team);
            told.any(|(_, other)| self.is_told_at(team, other) && self.has_been_written_to(team, id, other))
        };
        let left = waiting.filter(|one| {
            let team = one.told_for();
            let is_left = !is_theirs(team) || !self.is_told_at(team, &one.address) && is_told_elsewhere(team);
            is_left && !self.stands_in_for(team, &one.address) && one.message.stands_in_for.is_none()
        });
        let left: BTreeSet<(Name, Address)> = left.map(|one| (one.told_for().clone(), one.address.clone())).collect();
        // Who answered for it, has heard nothing yet, and reads or owns what it breaks, is told of that like any other.
        let waiting = self.outbox.waiting_of(id);
        let answered = waiting.filter(|one| {
            let team = one.told_for();
            let is_reader = *team != owner && concerned.contains(team) && !one.message.is_impact();
            let is_own = one.message.stands_in_for.is_none() && !self.stands_in_for(team, &one.address);
            is_reader && is_own && self.outbox.heard(team, id, &one.address).is_none()
        });
        let answered: BTreeSet<(Name, Address)> = answered
            .map(|one| (one.told_for().clone(), one.address.clone()))
            .collect();
        for (team, address) in left.iter().chain(&answered) {
            self.collapse(id, address, team);
            self.go_on(address);
        }
    }

    /// Whether a team has heard nothing of an incident at an address, and is to hear nothing: what waited was not sent,
    /// because it concerns others by now.
    pub(super) fn is_withdrawn(&self, team: &Name, incident: &Incident, address: &Address) -> bool {
        let is_told = self.has_been_written_to(team, incident.id, address);
        let may_be = !is_told && incident.about != About::Freshd && self.is_configured(incident);
        may_be && self.owner_of(incident).0 != *team && !self.teams_downstream(incident).contains(team)
    }

    /// Whether a team has heard of an incident at an address, or something of it waits.
    fn has_been_written_to(&self, team: &Name, id: IncidentId, address: &Address) -> bool {
        let waits = || self.outbox.first_waiting_for(team, id, address).is_some();
        self.outbox.heard(team, id, address).is_some() || waits()
    }

    /// Whoever owns or reads anything that an incident breaks, or may come to break.
    fn teams_downstream(&self, incident: &Incident) -> BTreeSet<Name> {
        let mut teams = BTreeSet::new();
        for broken in self.incidents.effects_of(incident.id).into_iter().chain([incident]) {
            if broken.id != incident.id || broken.about == About::Dataset {
                teams.insert(self.owner_of(broken).0);
            }
            let made = self.made_from(broken).into_iter();
            let owners = made.filter_map(|name| Some(&self.settings.datasets.get(&name)?.owner));
            teams.extend(owners.map(|owner| self.team_of(owner).0));
            let readers = self.readers_behind(broken).into_iter();
            teams.extend(readers.map(|reader| self.team_of(&reader.owner).0));
        }
        teams
    }

    /// Whether jobs.toml names an address for a team: its own, one of its chain, or the fallback's.
    pub(super) fn is_told_at(&self, team: &Name, address: &Address) -> bool {
        let own = self.settings.teams.get(team).into_iter().flat_map(Team::addresses);
        own.chain(&self.settings.fallback).any(|known| known == address)
    }

    /// One impact notice of incident `id` to each team that owns or reads what `concerned` (the incident itself, or
    /// effects of it) has broken, and that was not yet told.
    pub(super) fn tell_readers(&mut self, id: IncidentId, concerned: &[IncidentId]) {
        // Of a rehearsal nobody hears but those who answer.
        let Some(incident) = self.incidents.get(id).filter(|incident| incident.drill.is_none()) else {
            return;
        };
        let concerned = concerned.iter().filter_map(|id| self.incidents.get(*id));
        let teams: BTreeSet<Name> = concerned.flat_map(|one| self.teams_concerned(one, id)).collect();
        let (owner, _) = self.owner_of(incident);
        for team in teams {
            let Some(mut incident) = self.incidents.get(id).cloned() else {
                return;
            };
            let mut addresses = self.addresses_of(&team);
            addresses.retain(|address| self.is_to_be_noticed(&incident, &owner, &team, address));
            if addresses.is_empty() {
                continue;
            }
            if incident.about == About::Freshd {
                // Teams may share an address; what concerns all of them is told there once.
                addresses.retain(|address| incident.told.iter().all(|(_, told)| told != address));
            }
            for address in &addresses {
                remember_told(&mut incident, &team, address);
            }
            self.store(incident);
            for address in addresses {
                self.notify(id, Purpose::Impact, &team, address);
            }
        }
    }

    /// The teams that are told of incident `id` because of something that it has broken, or because of itself.
    pub(super) fn teams_concerned(&self, concerned: &Incident, id: IncidentId) -> BTreeSet<Name> {
        let mut teams: BTreeSet<Name> = BTreeSet::new();
        match concerned.about {
            About::Job if concerned.id != id => drop(teams.insert(self.owner_of(concerned).0)),
            About::Freshd => {
                // A full disk holds everybody's jobs; freshd's other problems are for the fallback, and for the owners of
                // the jobs that they concern.
                if concerned.subject.as_str() == DISK {
                    teams.extend(self.settings.teams.keys().cloned());
                }
                let jobs = self.jobs_concerned(&concerned.subject).into_iter();
                let owners = jobs.filter_map(|job| Some(self.team_of(&self.settings.jobs.get(&job)?.owner).0));
                teams.extend(owners);
            }
            About::Dataset if concerned.severity >= Severity::Critical => {
                teams.insert(self.owner_of(concerned).0);
                // Only what this dataset's own consumers read is broken; what is made from it breaks on its own.
                let readers = self.lineage.readers_of(&concerned.subject);
                teams.extend(readers.map(|reader| self.team_of(&reader.owner).0));
            }
            About::Job | About::Dataset => {}
        }
        teams
    }

    /// Whether a team that an incident concerns is to get the notice at an address: it was not told at all; or it is a reader,
    /// and was not told there, be it that the address has come to it since. Who answers for it is no reader.
    fn is_to_be_noticed(&self, incident: &Incident, owner: &Name, team: &Name, address: &Address) -> bool {
        let told = incident.told.iter().filter(|(told, _)| told == team);
        let told: Vec<&Address> = told.map(|(_, address)| address).collect();
        // What waited for it in the words for those who answer is not sent, if it does not any more.
        let is_told =
            |address: &Address| told.contains(&address) && self.has_been_written_to(team, incident.id, address);
        // Who has read of it there for another team is not told twice, where this team knows of it anyway.
        let is_told_for_another = || {
            let mut others = incident
                .told
                .iter()
                .filter(|(other, at)| other != team && at == address);
            let is_known = others.any(|(other, at)| self.has_been_written_to(other, incident.id, at));
            is_known && self.addresses_of(team).iter().any(is_told)
        };
        told.is_empty() || *team != *owner && !is_told(address) && !is_told_for_another()
    }

    /// The team that answers for an incident's subject, and where it is told.
    pub(super) fn owner_of(&self, incident: &Incident) -> (Name, Vec<Address>) {
        let job_owner = |job: &std::sync::Arc<Job>| job.owner.clone();
        let owner = match incident.about {
            About::Job => self.settings.jobs.get(&incident.subject).map(job_owner),
            About::Dataset => self
                .settings
                .datasets
                .get(&incident.subject)
                .map(|dataset| dataset.owner.clone()),
            About::Freshd => None,
        };
        self.team_of(&owner.unwrap_or(Owner::Nobody))
    }

    pub(super) fn team_of(&self, owner: &Owner) -> (Name, Vec<Address>) {
        match owner {
            Owner::Team(name) => (name.clone(), self.addresses_of(name)),
            Owner::Nobody => (Name::from(FALLBACK), self.settings.fallback.clone()),
        }
    }

    /// Whether an address is the fallback's, and none at which the team itself is told.
    pub(super) fn stands_in_for(&self, team: &Name, address: &Address) -> bool {
        self.settings.fallback.contains(address) && !self.is_own_address(team, address)
    }

    /// Whether those who are told at an address are the team itself, and not somebody else in its stead.
    pub(super) fn is_own_address(&self, team: &Name, address: &Address) -> bool {
        self.addresses_of(team).contains(address)
    }

    fn addresses_of(&self, team: &Name) -> Vec<Address> {
        let known = self.settings.teams.get(team).map(|team: &Team| team.notify.clone());
        known.unwrap_or_else(|| self.settings.fallback.clone())
    }

    /// Whether somebody may be told at an address.
    pub(super) fn is_in_use(&self, address: &Address) -> bool {
        self.settings.is_in_use(address)
    }

    /// Every address that somebody may be told at, with the team first named with it.
    pub(super) fn addresses_in_use(&self) -> BTreeMap<Address, Name> {
        let mut addresses = BTreeMap::new();
        for (name, team) in &self.settings.teams {
            for address in team.addresses() {
                addresses.entry(address.clone()).or_insert_with(|| name.clone());
            }
        }
        for address in &self.settings.fallback {
            addresses.entry(address.clone()).or_insert_with(|| Name::from(FALLBACK));
        }
        addresses
    }

    /// The standing of every dataset that an incident has broken, the subject's own first.
    pub(super) fn broken_by(&self, id: IncidentId) -> Vec<(Name, Standing)> {
        let mut names: Vec<Name> = Vec::new();
        let Some(incident) = self.incidents.get(id).filter(|incident| incident.drill.is_none()) else {
            return Vec::new();
        };
        match incident.about {
            About::Dataset => names.push(incident.subject.clone()),
            About::Freshd => {}
            About::Job => names.extend(
                self.settings
                    .jobs
                    .get(&incident.subject)
                    .and_then(|job| job.produces.clone()),
            ),
        }
        let effects = self
            .incidents
            .effects_of(id)
            .into_iter()
            .filter(|effect| effect.about == About::Dataset);
        names.extend(effects.map(|effect| effect.subject.clone()));
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let datasets = names
            .into_iter()
            .filter_map(|name| self.settings.datasets.get(&name).cloned());
        datasets
            .map(|dataset| (dataset.name.clone(), self.standing(&dataset)))
            .collect()
    }
}
