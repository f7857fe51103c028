//! Channels that forget: what is open is told to them again and again, and for a while what is over.
//!
//! No fact is made of it, so that the history does not grow, and nothing waits for it: what is told again follows from the
//! incidents that are open, and from the ends that were taken a short time ago. A repetition that fails is made up for by
//! the next one.

use std::collections::BTreeMap;

use super::{Engine, Wake};
use crate::model::{
    Action, Address, Incident, IncidentState, Message, Name, Notification, NotificationState, Purpose, REPEAT_ENDS_FOR,
    REPEAT_EVERY, later,
};

/// Ends that were taken by channels that forget.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    ends: Vec<Notification>,
}

impl Engine {
    /// What is told to an address is told to it again, if its channel forgets.
    pub(super) fn will_repeat(&mut self, address: &Address) {
        if self.forgets(address) {
            self.wakes.arm(Wake::Repeat, later(self.now.wall, REPEAT_EVERY));
        }
    }

    /// What was told before this life, or by another configuration, is told again at once: it may be forgotten already.
    pub(super) fn repeat_soon(&mut self) {
        if self.settings.channels.values().any(|channel| channel.kind.forgets()) {
            self.wakes.arm(Wake::Repeat, self.now.wall);
        }
    }

    /// An end was taken: now, or in the life before.
    pub(super) fn note_end(&mut self, notification: &Notification) {
        let is_end = notification.message.purpose == Purpose::Recovery;
        if is_end && notification.state == NotificationState::Delivered && self.forgets(&notification.address) {
            self.repeats.ends.push(notification.clone());
            self.will_repeat(&notification.address);
        }
    }

    /// Tells each channel that forgets all that it should know, in one go.
    pub(super) fn repeat_due(&mut self) {
        let mut by_channel: BTreeMap<Name, Vec<Message>> = BTreeMap::new();
        for end in self.ends_to_repeat() {
            let messages = by_channel.entry(end.address.channel.clone()).or_default();
            messages.push(Message::clone(&end.message));
        }
        let mut is_anything_open = false;
        let open = |incident: &&Incident| incident.state == IncidentState::Open;
        for incident in self.incidents.values().filter(open) {
            for (team, address) in incident.told.iter().filter(|(_, address)| self.forgets(address)) {
                is_anything_open = true;
                // What has not come through yet is for the outbox to send, in its order.
                if self.outbox.first_waiting(incident.id, address).is_none() {
                    let messages = by_channel.entry(address.channel.clone()).or_default();
                    messages.push(self.write_again(incident, team, address));
                }
            }
        }
        if is_anything_open || !by_channel.is_empty() {
            self.wakes.arm(Wake::Repeat, later(self.now.wall, REPEAT_EVERY));
        }
        for (channel, messages) in by_channel {
            self.act(Action::Repeat { channel, messages });
        }
    }

    fn ends_to_repeat(&mut self) -> Vec<Notification> {
        let now = self.now.wall;
        let mut ends = std::mem::take(&mut self.repeats.ends);
        ends.retain(|end| {
            let is_recent = later(end.message.at, REPEAT_ENDS_FOR) > now && end.message.at <= now;
            is_recent && self.forgets(&end.address) && !self.is_told_anew(end)
        });
        self.repeats.ends.clone_from(&ends);
        ends
    }

    /// Whether the same address knows of a later incident about the same thing, which is not over.
    fn is_told_anew(&self, end: &Notification) -> bool {
        let message = &end.message;
        let of_later = message
            .about
            .and_then(|about| self.incidents.about(about, &message.subject_name));
        of_later.is_some_and(|incident| {
            // For whomever the fallback stands in, an alert to it is known by the fallback's name.
            let is_alike = |team: &Name| message.stands_in_for.is_some() && self.stands_in_for(team, &end.address);
            let mut told = incident.told.iter().filter(|(_, address)| *address == end.address);
            told.any(|(team, _)| team == message.told_for() || is_alike(team))
        })
    }

    /// The words of an incident as it stands now.
    fn write_again(&self, incident: &Incident, team: &Name, address: &Address) -> Message {
        let as_reader = self.told_as_reader(incident.id, team, address).first().copied();
        let is_owner = as_reader.map_or(incident.told_to_answer() == Some(team), |is_reader| !is_reader);
        let purpose = if is_owner { Purpose::Opening } else { Purpose::Impact };
        let id = format!("{:016x}.again", self.seed);
        let mut message = self.write(id, purpose, (team, address), incident, as_reader);
        self.say_instead_of(&mut message, incident, address);
        message
    }

    /// Whether the other side forgets what it is not told again.
    pub(super) fn forgets(&self, address: &Address) -> bool {
        let channel = self.settings.channels.get(&address.channel);
        channel.is_some_and(|channel| channel.kind.forgets())
    }
}
