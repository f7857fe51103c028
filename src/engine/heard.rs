//! What each address has heard of an incident, and the fallback that stands in while a team hears nothing.

use jiff::Timestamp;

use super::Engine;
use crate::alerting::retry::STAND_IN_AFTER;
use crate::model::{
    Address, AddressState, Heard, Incident, IncidentId, Notification, Purpose, Told, format_time, later,
};

impl Engine {
    /// A message was taken or given up. Of what is over nobody needs to know.
    pub(super) fn note_heard(&mut self, notification: &Notification) {
        if let Some(told) = Told::of(notification).filter(|told| self.incidents.get(told.incident).is_some()) {
            self.outbox.heard_of(told.incident, &told.address).note(&told);
        }
    }

    /// How every address that was to be told of an incident stands; of an effect, by the messages about its cause.
    pub(super) fn addresses_told(&self, incident: &Incident) -> Vec<AddressState> {
        let cause = incident.cause.and_then(|cause| self.incidents.get(cause));
        let incident = cause.unwrap_or(incident);
        let of_address = |(team, address): &(crate::model::Name, Address)| {
            let heard = self.outbox.heard(incident.id, address).cloned().unwrap_or_default();
            let waiting = self.outbox.first_waiting(incident.id, address);
            let record = self.outbox.by_address.get(address).map(|line| line.record(address));
            AddressState::new(team, address, &heard, waiting, record.as_ref())
        };
        incident.told.iter().map(of_address).collect()
    }

    /// When the fallback is to stand in for what is still not taken then.
    pub(super) fn stands_in_at(notification: &Notification) -> Option<Timestamp> {
        let is_news = match notification.message.purpose {
            Purpose::Opening | Purpose::Update | Purpose::Impact | Purpose::Escalation => true,
            // Whoever is reminded knows, and what is over harms nobody any more.
            Purpose::Reminder
            | Purpose::Recovery
            | Purpose::Digest
            | Purpose::Weekly
            | Purpose::Canary
            | Purpose::Test => false,
        };
        is_news.then(|| later(notification.created_at, STAND_IN_AFTER))
    }

    /// A message was tried and not taken. When its team has heard nothing since it was written, for as long as a
    /// person may be left without it, the fallback hears of it; the tries go on.
    pub(super) fn stand_in(&mut self, notification: &Notification) {
        let now = self.now.wall;
        let is_time = Self::stands_in_at(notification).is_some_and(|at| at <= now);
        let incident = notification.incident.and_then(|id| self.incidents.get(id));
        let Some(incident) = incident.filter(|_| is_time) else {
            return;
        };
        let addresses = self.told_with(incident, notification);
        let has_heard = |address: &Address| {
            let heard = self.outbox.heard(incident.id, address);
            heard.is_some_and(|heard| heard.last_at >= Some(notification.created_at))
        };
        if addresses.iter().any(has_heard) {
            return;
        }
        let zone = &self.settings.timezone;
        let hindered: Vec<String> = addresses
            .iter()
            .filter_map(|address| {
                let waits = |at| format!("gets what waits for it in one, next at {}", format_time(at, zone));
                let by_pace = || self.outbox.next_digest_at(address).map(waits);
                let why = self.last_error(incident.id, address).or_else(by_pace)?;
                Some(format!("{address}: {why}"))
            })
            .collect();
        let is_reached = self.outbox.outage_error(&notification.address).is_none() && notification.tries == 0;
        let what = if is_reached { "this has not" } else { "nothing has" };
        let why = format!(
            "{}, whom {what} reached since {} ({})",
            notification.message.team,
            format_time(notification.created_at, zone),
            hindered.join("; ")
        );
        self.fall_back(notification, &why);
    }

    /// The addresses of a team that are told the same: any one of them is enough.
    fn told_with(&self, incident: &Incident, notification: &Notification) -> Vec<Address> {
        let team = &notification.message.team;
        if notification.message.purpose == Purpose::Escalation
            && let Some(team) = self.settings.teams.get(team)
        {
            let steps = team.escalate.iter().map(|step| &step.notify);
            let same = steps.filter(|notify| notify.contains(&notification.address));
            return same.flatten().cloned().collect();
        }
        let of_team = incident.told.iter().filter(|(told, _)| told == team);
        of_team.map(|(_, address)| address.clone()).collect()
    }

    fn last_error(&self, incident: IncidentId, address: &Address) -> Option<String> {
        let waiting = self.outbox.first_waiting(incident, address);
        let said = waiting.and_then(|waiting| waiting.last_error.clone());
        let given_up = |heard: &Heard| heard.given_up.as_ref().map(|(_, error)| error.clone());
        let outage = || self.outbox.outage_error(address).map(str::to_owned);
        said.or_else(outage)
            .or_else(|| self.outbox.heard(incident, address).and_then(given_up))
    }
}
