//! What comes to be told together is one message: a mail server that is gone is none for each of its addresses, a cause
//! that is silenced none for each thing behind it, and what one address did not take none for each of that to the fallback.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::lines::AddressLine;
use super::outbox::Outbox;
use super::{Engine, Wake};
use crate::alerting;
use crate::model::{
    About, Address, Incident, IncidentId, IncidentState, Name, Notification, ProblemKind, Purpose, Severity, later,
};

/// What is told together in a step that is being decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Together {
    /// Addresses to which nothing is sent before that, because what is put in for them goes together.
    held_lines: BTreeSet<Address>,
    /// Addresses to which nothing is sent before that, and how many ends are put in for each: more than one go together.
    ends: BTreeMap<Address, usize>,
    /// Incidents that stand for themselves since this step, because what explained them is kept quiet.
    pub(super) were_hidden: BTreeSet<IncidentId>,
    /// Who was told lately of what stands behind a cause that is kept quiet, and when for the last time; until more is told.
    told_lately: BTreeMap<IncidentId, BTreeMap<Name, Timestamp>>,
}

impl Engine {
    /// When a trouble that begins now is told: with those of other addresses that wait to be told already.
    pub(super) fn tell_with_others(&self, incident: &mut Incident) {
        if incident.kind != ProblemKind::ChannelBroken {
            return;
        }
        let waiting = self
            .incidents
            .values()
            .filter(|one| one.kind == ProblemKind::ChannelBroken && one.state == IncidentState::Waiting);
        if let Some(first) = waiting.map(|one| one.notify_at).min() {
            incident.notify_at = incident.notify_at.min(first);
        }
    }

    /// What explains an incident, where nobody is told of that for now: then it stands for itself.
    pub(super) fn quiet_cause_of(&self, incident: &Incident) -> Option<&Incident> {
        let incident = Some(incident).filter(|it| it.drill.is_none())?;
        let cause = self.incidents.get(self.cause_of(incident)?)?;
        (self.is_there(cause) && self.quiet_until(cause).is_some()).then_some(cause)
    }

    /// What explains an incident that was told by itself, where that is told by now, too: it was kept quiet, or went wrong only
    /// later.
    pub(super) fn told_cause_of(&self, incident: &Incident) -> Option<&Incident> {
        let is_alone = incident.state == IncidentState::Open && incident.drill.is_none() && incident.cause.is_none();
        let cause = self
            .incidents
            .get(self.cause_of(Some(incident).filter(|_| is_alone)?)?)?;
        // What a job makes is no cause of its failure.
        let is_made_by_it =
            incident.about == About::Job && self.lineage.producer_of(cause.subject.as_str()) == Some(&incident.subject);
        (cause.state == IncidentState::Open && self.explains_others(cause) && !is_made_by_it).then_some(cause)
    }

    /// What explains an incident and is kept quiet, in words for those who are told times in a zone.
    pub(super) fn quiet_cause_words(&self, incident: &Incident, zone: &TimeZone) -> Option<String> {
        let cause = self.quiet_cause_of(incident)?;
        Some(alerting::quiet_cause_words(cause, &self.quiet_of(cause)?, zone))
    }

    /// The time of an incident has come: it opens, and with it all that waits behind the same cause of which nobody is told.
    /// Where those whom it concerns have just been told of others behind that, it waits a while for what else comes.
    pub(super) fn open_with_others(&mut self, id: IncidentId) {
        let cause = self
            .incidents
            .get(id)
            .and_then(|one| Some((one, self.quiet_cause_of(one)?)));
        let Some((incident, cause)) = cause.map(|(one, cause)| (one, cause.id)) else {
            self.open(id);
            return;
        };
        let known = self.together.told_lately.get(&cause).cloned();
        let told = known.unwrap_or_else(|| self.told_lately(cause));
        if let Some(until) = self.waits_for_more(incident, &told) {
            self.wakes.arm(Wake::Incident(id), until);
            // Thousands may wait in one step.
            self.together.told_lately.insert(cause, told);
            return;
        }
        // Also what began just now: the wait is for what comes together, and it has come.
        let is_like_it = |one: &&Incident| {
            let is_waiting = one.state == IncidentState::Waiting;
            let is_free = is_waiting && (one.id == id || !self.mending.contains(&one.id));
            let may_be_told = is_free && self.quiet_until(one).is_none() && self.hears_until(one).is_none();
            let is_behind_it = || self.quiet_cause_of(one).is_some_and(|other| other.id == cause);
            may_be_told && is_behind_it() && self.waits_for_more(one, &told).is_none()
        };
        let like_it: Vec<IncidentId> = self.incidents.values().filter(is_like_it).map(|one| one.id).collect();
        self.together.told_lately.remove(&cause);
        for one in like_it {
            // What was opened before it may explain it.
            let waits = self
                .incidents
                .get(one)
                .is_some_and(|it| it.state == IncidentState::Waiting);
            if waits {
                self.open(one);
            }
        }
    }

    /// Who was told lately of what stands for itself because this cause is kept quiet, and when for the last time.
    fn told_lately(&self, cause: IncidentId) -> BTreeMap<Name, Timestamp> {
        let (now, every) = (self.now.wall, self.settings.alerts.digest_every);
        let mut told = BTreeMap::new();
        for one in self.incidents.values().filter(|one| one.state == IncidentState::Open) {
            let lately = one.opened_at.filter(|at| *at <= now && later(*at, every) > now);
            let Some(at) = lately.filter(|_| self.quiet_cause_of(one).is_some_and(|other| other.id == cause)) else {
                continue;
            };
            for (team, _) in &one.told {
                let last = told.entry(team.clone()).or_insert(at);
                *last = at.max(*last);
            }
        }
        told
    }

    /// Until when an incident waits for what else comes behind its cause: where all whom it concerns were told of that lately,
    /// until the first of them has heard nothing for as long as between two digests.
    fn waits_for_more(&self, incident: &Incident, told: &BTreeMap<Name, Timestamp>) -> Option<Timestamp> {
        let mut concerned = BTreeSet::from([self.owner_of(incident).0]);
        if incident.about == About::Dataset && incident.severity >= Severity::Critical {
            let readers = self.lineage.readers_of(&incident.subject);
            concerned.extend(readers.map(|reader| self.team_of(&reader.owner).0));
        }
        let last: Option<Vec<&Timestamp>> = concerned.iter().map(|team| told.get(team)).collect();
        let every = self.settings.alerts.digest_every;
        let until = later(**last?.iter().min()?, every).min(later(incident.notify_at, every));
        (until > self.now.wall).then_some(until)
    }

    /// A message is about to be put in: where it comes with others of its kind, they go together when the step is decided.
    pub(super) fn hold_for_others(&mut self, incident: &Incident, purpose: Purpose, address: &Address) {
        let is_of_a_kind =
            incident.kind == ProblemKind::ChannelBroken || self.together.were_hidden.contains(&incident.id);
        if is_of_a_kind || self.quiet_cause_of(incident).is_some() {
            self.hold(address);
        } else if purpose == Purpose::Recovery && self.outbox.is_known_by_digest(incident.id, address) {
            self.hold_end(address);
        }
    }

    /// What was told by one message ends by one, where it ends together; whatever has become of its cause.
    fn hold_end(&mut self, address: &Address) {
        if self.gathering(address).is_gathered() {
            let line = self.outbox.by_address.entry(address.clone()).or_default();
            line.is_held = true;
            *self.together.ends.entry(address.clone()).or_default() += 1;
        }
    }

    /// What is put in for an address in this step waits until that is decided, and goes together then.
    pub(super) fn hold(&mut self, address: &Address) {
        if self.gathering(address).is_gathered() {
            let line = self.outbox.by_address.entry(address.clone()).or_default();
            line.is_held = true;
            self.together.held_lines.insert(address.clone());
        }
    }

    /// The same for all of the fallback.
    pub(super) fn hold_for_fallback(&mut self) {
        for address in self.settings.fallback.clone() {
            self.hold(&address);
        }
    }

    /// The step is decided: what was held goes, by one message if it is more than one.
    pub(super) fn tell_together(&mut self) {
        let Together {
            mut held_lines, ends, ..
        } = std::mem::take(&mut self.together);
        let all: BTreeSet<Address> = held_lines.iter().chain(ends.keys()).cloned().collect();
        held_lines.extend(
            ends.into_iter()
                .filter(|(_, count)| *count > 1)
                .map(|(address, _)| address),
        );
        for address in all {
            if let Some(line) = self.outbox.by_address.get_mut(&address) {
                line.is_held = false;
                if held_lines.contains(&address) {
                    line.go_together(self.now.wall);
                }
            }
            self.go_on(&address);
        }
    }

    /// A message was taken at its first try: if it was the end of what its address knows by digests alone, the next such ones
    /// wait for each other. Not before, since it may have to be sent again.
    pub(super) fn note_end_by_digest(&mut self, taken: &Notification) {
        let rules = self.gathering(&taken.address);
        if !rules.is_gathered() || taken.tries != 1 || !self.outbox.ends_what_digests_told(taken) {
            return;
        }
        let next = later(self.now.wall, rules.ends_within);
        if let Some(line) = self.outbox.by_address.get_mut(&taken.address) {
            line.next_end_at = Some(next);
        }
    }

    /// What has waited since another end was taken goes by one message, if it is more than one.
    pub(super) fn gather_ends(&mut self, address: &Address) {
        let now = self.now.wall;
        let is_gathered = self.gathering(address).is_gathered();
        let line = self.outbox.by_address.get(address).filter(|line| !line.is_held);
        let is_due = |line: &&AddressLine| line.next_end_at.is_some_and(|at| at <= now);
        let Some(line) = line.filter(|_| is_gathered).filter(is_due) else {
            return;
        };
        let unsent = line.unsent().filter_map(|id| self.outbox.get(id));
        let ends = unsent.filter(|one| self.outbox.is_end_by_digest(one)).take(2).count();
        let next_end_at = (ends > 1).then(|| later(now, self.settings.alerts.group_wait));
        if let Some(line) = self.outbox.by_address.get_mut(address) {
            line.next_end_at = next_end_at;
            if ends > 1 {
                line.go_together(now);
            }
        }
    }
}

impl Outbox {
    /// Whether it is the end of what its address knows by digests alone, and was not tried yet.
    pub(super) fn is_end_by_digest(&self, one: &Notification) -> bool {
        one.tries == 0 && self.ends_what_digests_told(one)
    }

    /// Whether such an end is on its way to an address: the next waits for what it comes to.
    pub(super) fn is_end_under_way(&self, address: &Address) -> bool {
        let line = self.by_address.get(address).into_iter();
        let mut under_way = line.flat_map(|line| &line.in_flight).filter_map(|id| self.get(*id));
        under_way.any(|one| self.is_end_by_digest(one))
    }

    fn ends_what_digests_told(&self, one: &Notification) -> bool {
        let incident = one.incident.filter(|_| one.message.purpose == Purpose::Recovery);
        incident.is_some_and(|incident| self.is_known_by_digest(incident, &one.address))
    }
}
