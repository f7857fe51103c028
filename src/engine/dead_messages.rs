//! What becomes of a message that could not be delivered, and of its address.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Engine;
use super::audience::FALLBACK;
use super::backlog::Todo;
use super::reminders::remember_told;
use crate::alerting::{INSTEAD_OF, TOLD_LATE, down_words, to_others};
use crate::freshness::Standing;
use crate::model::{
    About, Address, Heard, Incident, IncidentId, IncidentState, Message, Name, Notification, NotificationId,
    ProblemKind, Purpose, Team, elapsed, format_time,
};

/// How the line is labelled that says when words were written which come late.
const WRITTEN: &str = "Written";

/// Words that are older than this say so.
const IS_LATE_AFTER: Duration = Duration::from_mins(1);

impl Engine {
    /// What could not be delivered goes to the fallback, unless it went there already; `instead_of` says for whom, and
    /// why, to those who read times in a zone. From then on the fallback stands in for the address: what follows, and at last the end, reaches it in the
    /// same thread. An end that dies when the incident is over goes to those who are not told of it anyway, once.
    ///
    /// It goes there as what it has become since: from now on the fallback hears what is told next, and only that.
    pub(super) fn fall_back(&mut self, unheard: &Notification, instead_of: &dyn Fn(&TimeZone) -> String) {
        let Some(incident) = unheard.incident else { return };
        let fallback = Name::from(FALLBACK);
        let team = &unheard.message.team;
        if *team == fallback || self.is_told_elsewhere(incident, unheard) {
            return;
        }
        for address in self.settings.fallback.clone() {
            let known = self.incidents.get(incident).cloned();
            let told = match &known {
                // That one team was not reached says nothing of another.
                Some(incident) => incident.told.iter().any(|(told, at)| told == team && *at == address),
                None => self.outbox.hears_of_end(incident, &address),
            };
            if told || address == unheard.address {
                continue;
            }
            if let Some(mut incident) = known {
                remember_told(&mut incident, team, &address);
                self.store(incident);
            } else {
                self.outbox.remember_end(incident, address.clone());
            }
            self.gather_in_stead_when_back(unheard, &address);
            let instead_of = instead_of(self.zone_at(team, &address));
            self.stand_in_with(unheard, &instead_of, &address);
        }
    }

    /// A problem is back whose end was waited for: what died meanwhile, and was to be told with the end alone, goes to the
    /// fallback now.
    pub(super) fn fall_back_after_all(&mut self, id: IncidentId) {
        let told = self
            .incidents
            .get(id)
            .map_or_else(Vec::new, |incident| incident.told.clone());
        for (team, address) in told {
            self.fall_back_for(id, &team, &address);
        }
    }

    /// An edit of jobs.toml may have put others in the place of the fallback: where nobody of them was told for a team, they
    /// stand in for it now.
    pub(super) fn tell_new_fallback(&mut self) {
        let goes_on = |one: &&Incident| {
            one.state == IncidentState::Open && one.ends_by().is_none() && self.quiet_until(one).is_none()
        };
        let open: Vec<Incident> = self.incidents.values().filter(goes_on).cloned().collect();
        for incident in open {
            let id = incident.id;
            if incident.about == About::Freshd {
                self.tell_newcomers(id);
            }
            let is_known = |team: &Name| {
                let theirs = incident.told.iter().filter(|(told, _)| told == team);
                theirs.into_iter().any(|(_, at)| self.settings.fallback.contains(at))
            };
            let unknown: Vec<_> = incident.told.iter().filter(|(team, _)| !is_known(team)).collect();
            for (team, address) in unknown {
                self.fall_back_for(id, team, address);
                let line = (id, address.clone());
                let is_refused = |one: &Notification| one.tries > 0 || self.outbox.outage_error(address).is_some();
                let waiting = self.outbox.line(&line);
                let waiting = waiting.filter(|one| one.message.team == *team && is_refused(one));
                for one in waiting.cloned().collect::<Vec<_>>() {
                    self.stand_in(&one);
                }
            }
        }
    }

    /// Has the fallback stand in for a team whose address has refused for good what it was told of an incident that goes on.
    fn fall_back_for(&mut self, id: IncidentId, team: &Name, address: &Address) {
        let Some(incident) = self.incidents.get(id) else {
            return;
        };
        let heard = self.outbox.heard(team, id, address);
        let died = heard.filter(|heard| heard.first_at.is_none());
        let given_up = died.and_then(|heard| Some((heard.is_impact(), &heard.given_up.as_ref()?.1)));
        let is_waiting = self.outbox.first_waiting_for(team, id, address).is_some();
        if let Some((is_impact, error)) = given_up.filter(|_| !is_waiting) {
            let why = self.unreached(team, address, error, Some(id));
            let purpose = if is_impact { Purpose::Impact } else { Purpose::Opening };
            let message = self.write(String::new(), purpose, (team, address), incident, Some(is_impact));
            // Only what it says, and to whom, counts of what is no more; and that it was the first: whatever another address
            // of the team has taken of it since, tells the team.
            let unheard = Notification {
                created_at: incident.opened_at.unwrap_or(incident.since),
                ..self.notification(NotificationId(0), Some(id), address.clone(), message)
            };
            self.fall_back(&unheard, &|_| why.clone());
        }
    }

    /// Whether jobs.toml no longer names the address of a message, and its team is told at another one; or another team has
    /// come to answer for what it is about, and is told.
    fn is_told_elsewhere(&self, incident: IncidentId, unheard: &Notification) -> bool {
        let team = &unheard.message.team;
        let purpose = unheard.message.purpose;
        let is_of_owner = matches!(
            purpose,
            Purpose::Opening | Purpose::Update | Purpose::Reminder | Purpose::Escalation
        );
        if let Some(known) = self.incidents.get(incident).filter(|_| is_of_owner) {
            let (owner, addresses) = self.owner_of(known);
            let is_told = |(told, address): &(Name, Address)| *told == owner && addresses.contains(address);
            if owner != *team && known.told.iter().any(is_told) {
                return true;
            }
        }
        if self.is_told_at(team, &unheard.address) {
            return false;
        }
        let mut own = self.settings.teams.get(team).into_iter().flat_map(|team| &team.notify);
        own.any(|address| {
            let has_taken = |heard: &Heard| heard.last_at >= Some(unheard.created_at);
            self.outbox.heard(team, incident, address).is_some_and(has_taken)
                || self.outbox.first_waiting_for(team, incident, address).is_some()
                || self.outbox.hears_of_end(incident, address)
        })
    }

    /// Whom nobody has reached at an address, and why; and where else they hear of the same.
    pub(super) fn unreached(&self, team: &Name, address: &Address, error: &str, of: Option<IncidentId>) -> String {
        let title = self.team_title(team);
        let is_in_chain = || {
            let mut steps = self
                .settings
                .teams
                .get(team)
                .into_iter()
                .flat_map(|team| &team.escalate);
            steps.any(|step| step.notify.contains(address))
        };
        let is_called = match of.and_then(|of| self.incidents.get(of)) {
            Some(incident) => has_been_called(incident, address),
            // Of what is over it is not known any more.
            None => is_in_chain(),
        };
        let is_called = is_called && !self.is_own_address(team, address);
        match is_called {
            true => format!("{address}, whom {title} has called next, could not be reached: {error}"),
            false => match of.and_then(|of| self.told_beside(team, of, address)) {
                Some(told) => format!("{title} at {address}, which could not be reached: {error}; {told}"),
                None => format!("{title}, because {address} could not be reached: {error}"),
            },
        }
    }

    /// By which other address of its own a team hears of an incident: `it has been told by mail:a@sea.example`. What was told
    /// last is what counts, and nobody is called told by an address that has refused it, or takes nothing.
    fn told_beside(&self, team: &Name, of: IncidentId, but: &Address) -> Option<String> {
        let own = &self.settings.teams.get(team)?.notify;
        let newest = own
            .iter()
            .filter_map(|address| self.newest_word(team, of, address))
            .max();
        let takes = |address: &&Address| {
            let name = Name::from(address.to_string());
            let heard = self.outbox.heard(team, of, address);
            *address != but
                && heard.is_none_or(|heard| heard.given_up.is_none())
                && self.incidents.about(About::Freshd, &name).is_none()
                && self.outbox.outage_error(address).is_none()
        };
        let has_taken = |address: &&Address| {
            let heard = self.outbox.heard(team, of, address);
            heard.is_some_and(|heard| heard.written_at >= newest && newest.is_some())
        };
        let (files, read): (Vec<&Address>, _) = own.iter().filter(takes).partition(|own| self.is_file(own));
        // Nobody is known to read a file.
        [read, files].into_iter().find_map(|own: Vec<&Address>| {
            let told = own.iter().find(|own| has_taken(own));
            let told = told.map(|by| format!("it has been told by {by}"));
            let mut waiting = own
                .iter()
                .filter(|own| self.outbox.first_waiting_for(team, of, own).is_some());
            told.or_else(|| Some(format!("it is being told by {}", waiting.next()?)))
        })
    }

    /// When what a team was told last of an incident at one of its addresses, or is to be, was written.
    fn newest_word(&self, team: &Name, of: IncidentId, address: &Address) -> Option<Timestamp> {
        let words = self.outbox.written_since((team, address), of, Timestamp::MIN);
        words.map(|(written_at, _)| written_at).max()
    }

    /// The same message to the fallback, which is told in whose stead.
    fn stand_in_with(&mut self, unheard: &Notification, instead_of: &str, address: &Address) {
        let id = self.new_notification_id();
        let mut message = self.in_words_of_now(unheard, address, self.message_id(id));
        goes_instead(&mut message, instead_of);
        self.put(id, unheard.incident, address.clone(), message);
    }

    /// What a team hears first of an incident, in the words of how it stands by now.
    pub(super) fn write_first(
        &self,
        id: &str,
        purpose: Purpose,
        to: (&Name, &Address),
        incident: &Incident,
        as_reader: Option<bool>,
    ) -> Message {
        let write = |purpose| self.write(id.to_owned(), purpose, to, incident, as_reader);
        let mut message = write(purpose);
        let is_broken = |(_, standing): &(Name, Standing)| !standing.state.keeps_promise();
        let is_of_job = purpose == Purpose::Opening && incident.about == About::Job;
        if is_of_job && self.broken_by(incident.id).iter().any(is_broken) {
            // What readers have comes first once it is not as promised.
            message.headline = write(Purpose::Update).headline;
        }
        message
    }

    /// A message that waited, perhaps for hours, for somebody who reads it now. What goes on is told as it stands now; what is
    /// over is told in the words of then, and says when that was.
    fn in_words_of_now(&self, unheard: &Notification, address: &Address, id: String) -> Message {
        let written = &unheard.message;
        if let Some(incident) = unheard.incident.and_then(|incident| self.incidents.get(incident)) {
            let as_reader = Some(written.is_impact());
            let mut message = self.write_first(&id, written.purpose, (&written.team, address), incident, as_reader);
            let is_said = |message: &Message| message.facts.iter().any(|fact| fact.label == TOLD_LATE);
            let found = self.found_when_back(unheard);
            if let Some(back) = found.filter(|_| is_said(written) && !is_said(&message)) {
                let zone = self.zone_at(&written.team, address);
                message.put_above(TOLD_LATE, &down_words(back.from, back.until, zone));
            }
            return message;
        }
        let mut message = Message {
            id,
            // Whoever hears of the end first has no conversation of which it could be the answer.
            subject: written.stem().to_owned(),
            ..Message::clone(written)
        };
        if self.stands_in_for(&written.team, address) {
            to_others(&mut message, &self.team_title(&written.team));
        }
        if elapsed(written.at, self.now.wall) >= IS_LATE_AFTER {
            let at = format_time(written.at, self.zone_at(&written.team, &unheard.address));
            message.put_above(WRITTEN, &format!("{at}; it could not be delivered until now"));
        }
        message
    }

    /// Whoever stands in for a team is told so by each further message, too: it is meant for the same reader as the first,
    /// and a pager knows an alert by that. What comes to the fallback by the team's chain comes to it in its own right.
    pub(super) fn say_instead_of(&self, message: &mut Message, incident: &Incident, address: &Address) {
        let team = &message.team;
        if self.stands_in_for(team, address) && !self.is_told_by_chain(team, incident, address) {
            let title = self.team_title(team);
            let chain = self.unreached_of_chain(team, incident);
            let whom = match chain.is_empty() {
                true => format!("{title}, for whom you stand in"),
                false => format!(
                    "{}, whom {title} has called next: {title} itself has been told",
                    chain.join(" and ")
                ),
            };
            goes_instead(message, &whom);
        }
    }

    /// Where a team has taken word of an incident itself: the addresses of its chain that were called, and took nothing.
    fn unreached_of_chain(&self, team: &Name, incident: &Incident) -> Vec<String> {
        let has_taken = |address: &Address| {
            let heard = self.outbox.heard(team, incident.id, address);
            heard.is_some_and(|heard| heard.first_at.is_some())
        };
        let own: &[Address] = self.settings.teams.get(team).map_or(&[], |team| &team.notify);
        if !own.iter().any(has_taken) {
            return Vec::new();
        }
        let called = incident.told.iter().filter(|(told, _)| told == team);
        let called = called.map(|(_, address)| address);
        // What is no longer one of its own has not been called by that.
        let called = called.filter(|it| has_been_called(incident, it) && !own.contains(it));
        let called = called.filter(|it| !self.settings.fallback.contains(it));
        let unreached = called.filter(|address| !has_taken(address));
        unreached.map(Address::to_string).collect()
    }

    /// Whether an address was told by the chain of the team that answers: as one of its steps, or as the fallback after them.
    fn is_told_by_chain(&self, team: &Name, incident: &Incident, address: &Address) -> bool {
        let taken = incident.escalations as usize;
        let has_told = |team: &Team| {
            let mut steps = team.escalate.iter().take(taken);
            taken > team.escalate.len() || steps.any(|step| step.notify.contains(address))
        };
        let known = self
            .settings
            .teams
            .get(team)
            .filter(|_| self.owner_of(incident).0 == *team);
        known.is_some_and(has_told)
    }

    /// An address at which a message died has a problem of its own until the next message gets through.
    pub(super) fn address_is_broken(&mut self, dead: &Notification) {
        if dead.message.purpose != Purpose::Test && self.is_in_use(&dead.address) {
            let error = dead.last_error.clone().unwrap_or_default();
            self.own_problem(ProblemKind::ChannelBroken, &Name::from(dead.address.to_string()), error);
        }
    }

    /// Addresses that nobody is told at any more cannot have a problem, and are forgotten with the last message that waits.
    pub(super) fn forget_addresses(&mut self) {
        let in_use = self.addresses_in_use();
        let unused = self
            .outbox
            .by_address
            .keys()
            .filter(|address| !in_use.contains_key(*address));
        self.backlog.extend(unused.cloned().map(Todo::Address));
        let known: HashSet<String> = in_use.keys().map(Address::to_string).collect();
        let broken = self
            .incidents
            .values()
            .filter(|incident| incident.kind == ProblemKind::ChannelBroken);
        let gone = broken.filter(|incident| !known.contains(incident.subject.as_str()));
        for subject in gone.map(|incident| incident.subject.clone()).collect::<Vec<_>>() {
            self.own_problem_is_over(&subject);
        }
    }
}

/// Whether an address was told because nobody had answered.
fn has_been_called(incident: &Incident, address: &Address) -> bool {
    incident.escalated.iter().any(|step| step.to.contains(address))
}

/// A message for a team goes to the fallback, which is told in whose stead.
pub(super) fn goes_instead(message: &mut Message, instead_of: &str) {
    message.stands_in_for = Some(std::mem::replace(&mut message.team, Name::from(FALLBACK)));
    message.put_above(INSTEAD_OF, instead_of);
}
