//! Many messages in one: what waits is gathered, told by one digest, and ends with it.

use super::Engine;
use super::audience::FALLBACK;
use crate::alerting::{self, ToGather};
use crate::model::{Address, Fact, Incident, Name, Notification, NotificationId, NotificationState, Purpose};

impl Engine {
    /// Gathers what waits for an address into a digest, as far as it fits; which is to be sent.
    pub(super) fn gather(&mut self, address: &Address) -> Option<NotificationId> {
        let chars_max = self.gathering(address).chars_max?;
        let id = self.new_notification_id();
        let line = self.outbox.by_address.get(address)?;
        let waiting: Vec<(&Notification, Option<&Incident>)> = line
            .unsent()
            .filter_map(|id| self.outbox.get(id))
            .filter(|one| !self.outbox.is_held_back(one))
            .map(|one| (one, one.incident.and_then(|incident| self.incidents.get(incident))))
            .collect();
        // Those who are told there now, of whom the first may be no more.
        let first = waiting.first()?.0;
        let is_here = |one: &&Notification| {
            let team = &one.message.team;
            let is_known = self.settings.teams.contains_key(team) || team.as_str() == FALLBACK;
            is_known && self.is_told_at(team, address)
        };
        let of_now = waiting.iter().map(|(one, _)| *one).find(is_here);
        let in_use = || self.addresses_in_use().remove(address);
        let team = of_now.map(|one| one.message.team.clone()).or_else(in_use);
        let team = team.unwrap_or_else(|| first.message.team.clone());
        let zone = self.zone_at(&team, address);
        let to_gather = ToGather {
            now: self.now.wall,
            zone,
            address,
            team: &team,
            team_title: self.team_title(&team),
            why: line.why_gathered,
            chars_max,
            deliveries: self.deliveries_while_down(line.why_gathered),
            only_due: self.only_due_while_down(line.why_gathered),
            waiting: &waiting,
            title_of: &|team| self.team_title(team),
            concern_of: &|notification, incident| self.concern(notification, incident),
            quiet_cause_of: &|incident| self.quiet_cause_words(incident, zone),
        };
        let message = alerting::digest(self.message_id(id), &to_gather);
        let named: std::collections::BTreeSet<_> = message.incidents.iter().map(|line| line.incident).collect();
        let told = |one: &Notification| one.incident.is_some_and(|incident| named.contains(&incident));
        let members = waiting.iter().filter(|(one, _)| told(one));
        let members: Vec<NotificationId> = members.map(|(one, _)| one.id).collect();
        let digest = self.notification(id, None, address.clone(), message);
        self.fact(Fact::Notification(digest.clone()));
        self.outbox.insert(digest);
        for member in members {
            if let Some(mut notification) = self.outbox.remove(member) {
                notification.digest = Some(id);
                self.fact(Fact::Notification(notification.clone()));
                self.outbox.insert(notification);
            }
        }
        Some(id)
    }

    /// A digest was taken or given up: what it tells of ends with it.
    pub(super) fn digest_ended(&mut self, digest: &Notification) {
        let members = self.outbox.gathered(&digest.address);
        let mut unheard = Vec::new();
        let mut incidents = Vec::new();
        for id in members {
            let Some(mut member) = self.outbox.remove(id) else {
                continue;
            };
            member.state = digest.state;
            member.ended_at = digest.ended_at;
            member.last_error.clone_from(&digest.last_error);
            self.fact(Fact::Notification(member.clone()));
            self.note_heard(&member);
            incidents.extend(member.incident);
            let is_over = self.outbox.is_over_behind(&member) || self.outbox.is_held_back(&member);
            if digest.state == NotificationState::Dead && !is_over {
                unheard.push(member);
            }
        }
        if digest.state == NotificationState::Dead {
            self.fall_back_together(digest, &unheard);
            self.address_is_broken(digest);
        } else {
            self.own_problem_is_over(&Name::from(digest.address.to_string()));
        }
        for incident in incidents {
            self.forget_if_told(incident);
        }
    }

    /// Many messages that nobody took go to the fallback as one.
    fn fall_back_together(&mut self, digest: &Notification, unheard: &[Notification]) {
        let error = digest.last_error.as_deref().unwrap_or_default();
        self.tell_fallback_together(&digest.address, |engine| {
            for member in unheard {
                let why = engine.unreached(&member.message.team, &digest.address, error, member.incident);
                engine.fall_back(member, &|_| why.clone());
            }
        });
    }

    /// Whatever is put in for the fallback meanwhile is told there by one message, if it is more than one.
    pub(super) fn tell_fallback_together(&mut self, instead_of: &Address, put_in: impl FnOnce(&mut Self)) {
        let fallback = self.settings.fallback.clone();
        for address in fallback.iter().filter(|to| *to != instead_of) {
            self.hold(address);
        }
        put_in(self);
    }
}

/// Whether a message tells of others rather than of an incident of its own.
pub(super) fn is_digest(notification: &Notification) -> bool {
    notification.message.purpose == Purpose::Digest
}
