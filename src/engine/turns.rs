//! Whose turn it is at an address: one at a time in an outage, one each quarter of an hour while it is caught up with.

use jiff::Timestamp;

use super::lines::{AddressLine, Gathering};
use super::outbox::{Outbox, thing_of};
use super::{Engine, Wake};
use crate::model::{
    Action, Address, DIGEST_CHARS_USUAL, Fact, IncidentId, Notification, NotificationId, Outage, Purpose,
};

/// What is to be done about an address now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Turn {
    /// These go now.
    send: Vec<NotificationId>,
    /// What waits is to be gathered into a digest.
    gather: bool,
    /// When to look again, unless something ends before.
    again_at: Option<Timestamp>,
}

impl Turn {
    fn at(again_at: Option<Timestamp>) -> Self {
        Self {
            again_at,
            ..Self::default()
        }
    }

    fn send(id: NotificationId) -> Self {
        Self {
            send: vec![id],
            ..Self::default()
        }
    }
}

impl Outbox {
    fn turn(&mut self, address: &Address, rules: Gathering, now: Timestamp) -> Turn {
        let Some(line) = self.by_address.get(address).filter(|line| !line.is_held) else {
            return Turn::default();
        };
        if let Some(outage) = &line.outage {
            return self.turn_in_outage(line, outage, rules, now);
        }
        if let Some(pace) = line.pace {
            if pace > now {
                return Turn::at(Some(pace));
            }
            if !line.in_flight.is_empty() {
                return Turn::default();
            }
            if let Some(digest) = line.digest.and_then(|id| self.get(id)) {
                return match self.is_ready(digest.id, now) {
                    true => Turn::send(digest.id),
                    false => Turn::at(Some(digest.next_try_at)),
                };
            }
            // What is held back for its end is told with that, and what news has overtaken with that.
            let goes = |one: &&Notification| !self.is_held_back(one) && !self.is_overtaken(one);
            let going = || line.waiting.iter().filter_map(|id| self.get(*id)).filter(goes);
            let gathered = going().filter(|one| one.incident.is_some()).take(2).count();
            match going().next().map(|one| one.id) {
                Some(_) if gathered > 1 && rules.is_gathered() => {
                    return Turn {
                        gather: true,
                        ..Turn::default()
                    };
                }
                // What is about no incident goes by itself, each in its turn.
                Some(first) if (going().count() == 1 || rules.is_gathered()) && self.is_ready(first, now) => {
                    return Turn::send(first);
                }
                _ => {}
            }
        }
        self.turn_as_they_come(address, rules, now)
    }

    /// One at a time. What else is of the same incident waits behind it, so the next is of another one: a message that
    /// is itself at fault keeps no other from being tried.
    fn turn_in_outage(&self, line: &AddressLine, outage: &Outage, rules: Gathering, now: Timestamp) -> Turn {
        if !line.in_flight.is_empty() {
            return Turn::default();
        }
        let waiting = line.waiting.iter().copied().filter(|id| self.is_first(*id, rules, now));
        let next: Vec<NotificationId> = line.digest.into_iter().chain(waiting).take(2).collect();
        // What has overtaken the one that was tried last is tried in its stead, and no sooner.
        let last = self.get(outage.last);
        let last = last.and_then(|last| self.first_to_send(last.incident?, &last.address));
        let last = last.unwrap_or(outage.last);
        let other = next.iter().copied().find(|id| *id != last);
        let pace = line.pace.filter(|pace| *pace > now);
        let other_now = other.filter(|other| !outage.is_certain && pace.is_none() && self.is_ready(*other, now));
        // What freshd missed is told by one message, which is the one that is tried.
        let is_due = pace.is_none() && (other_now.is_some() || outage.next_try_at <= now);
        let is_back = line.back_since().is_some() && line.digest.is_none();
        if is_due && is_back && rules.is_gathered() && self.is_more_than_one(line) {
            return Turn {
                gather: true,
                ..Turn::default()
            };
        }
        if let Some(other) = other_now {
            return Turn::send(other);
        }
        let next_at = pace.map_or(outage.next_try_at, |pace| pace.max(outage.next_try_at));
        if next_at > now {
            return Turn::at((!next.is_empty()).then_some(next_at));
        }
        let mut in_turn = other.into_iter().chain(next.iter().copied());
        match in_turn.find(|id| self.is_ready(*id, now)) {
            Some(id) => Turn::send(id),
            None => Turn::at(next.iter().filter_map(|id| Some(self.get(*id)?.next_try_at)).min()),
        }
    }

    /// Whether more than one message waits that a digest could tell of.
    fn is_more_than_one(&self, line: &AddressLine) -> bool {
        let waiting = line.unsent().filter_map(|id| self.get(id));
        let goes = |one: &&Notification| !self.is_held_back(one) && !self.is_overtaken(one);
        let gathered = waiting.filter(|one| one.incident.is_some() && goes(one));
        gathered.take(2).count() > 1
    }

    /// Each by itself, in the order of its incident, until it is a flood. A digest that was refused while something else was
    /// taken is one of them: what it tells of waits for it.
    fn turn_as_they_come(&mut self, address: &Address, rules: Gathering, now: Timestamp) -> Turn {
        let is_end_under_way = self.is_end_under_way(address);
        let Some(line) = self.by_address.get_mut(address) else {
            return Turn::default();
        };
        line.caught_up();
        let next_end_at = line.next_end_at.filter(|at| *at > now);
        let room = if rules.is_gathered() {
            line.room(now)
        } else {
            usize::MAX
        };
        let mut ends_wait = next_end_at.is_some() || is_end_under_way;
        let mut turn = Turn::default();
        let mut is_flood = false;
        let digest = line.digest.filter(|id| !line.in_flight.contains(id));
        let unsent: Vec<NotificationId> = digest.into_iter().chain(line.unsent()).collect();
        for id in unsent {
            let Some(notification) = self.get(id).filter(|_| self.is_first(id, rules, now)) else {
                continue;
            };
            if rules.is_gathered() {
                if self.waits_for_others(notification, now) {
                    let next = self.next_in_stead(address, now);
                    turn.again_at = turn.again_at.into_iter().chain(next).min();
                    continue;
                }
                if self.is_behind_another(notification, &turn.send) {
                    continue;
                }
                if ends_wait && self.is_end_by_digest(notification) && !self.is_followed(notification) {
                    continue;
                }
            }
            if !self.is_ready(id, now) {
                let at = notification.next_try_at;
                turn.again_at = Some(turn.again_at.map_or(at, |earliest| earliest.min(at)));
                continue;
            }
            if room == turn.send.len() {
                is_flood = true;
                break;
            }
            ends_wait |= self.is_end_by_digest(notification);
            turn.send.push(id);
        }
        // Also where no end waits: it is forgotten then.
        turn.again_at = turn.again_at.into_iter().chain(next_end_at).min();
        if let Some(line) = self.by_address.get_mut(address) {
            line.next_end_at = next_end_at;
        }
        if is_flood && let Some(line) = self.by_address.get_mut(address) {
            line.flooded(now, rules.every, turn.send.len());
            // Due at once where the flood was a while ago.
            turn.again_at = line.pace.map(|pace| pace.max(now));
        }
        turn
    }

    /// Nothing of its incident that it has not overtaken goes to the same address before it, and nothing of an earlier incident
    /// about the same: an end that comes late would be the last word on what began since, and where a thing is known by its
    /// name alone it would end that.
    fn is_first(&self, id: NotificationId, rules: Gathering, now: Timestamp) -> bool {
        let of_incident = |one: &Notification| self.first_to_send(one.incident?, &one.address);
        // What waits to come with others is in no hurry, and keeps nothing else from being told.
        let goes = |first: &NotificationId| self.get(*first).is_some_and(|first| !self.waits_for_others(first, now));
        let of_thing = |one: &Notification| self.first_of_thing(one).filter(|first| rules.is_by_name || goes(first));
        let is_first = |first: Option<NotificationId>| first.is_none_or(|first| first == id);
        let goes = self.get(id).filter(|one| !self.is_held_back(one));
        goes.is_some_and(|one| is_first(of_incident(one)) && is_first(of_thing(one)))
    }

    /// The oldest message to be sent that waits for the same address about the same thing, be it of an earlier incident.
    fn first_of_thing(&self, notification: &Notification) -> Option<NotificationId> {
        let line = self.by_address.get(&notification.address)?;
        let mut waiting = line.things.get(&thing_of(notification)?)?.iter().copied();
        waiting.find(|id| self.get(*id).is_some_and(|one| !self.is_overtaken(one)))
    }

    /// Whether something of another incident about the same thing waits for the same address.
    fn is_followed(&self, notification: &Notification) -> bool {
        let line = self.by_address.get(&notification.address);
        let same = line.and_then(|line| line.things.get(&thing_of(notification)?));
        let mut waiting = same.into_iter().flatten().filter_map(|id| self.get(*id));
        waiting.any(|other| other.incident != notification.incident)
    }

    /// Whether what a message says to those who answer for it is over, and its end is to follow soon: whoever has not heard
    /// of it hears of both in one. What of it is broken still those downstream are to know.
    pub(super) fn is_held_back(&self, notification: &Notification) -> bool {
        let is_ending = notification
            .incident
            .is_some_and(|incident| self.ending.contains(&incident));
        is_ending && notification.message.purpose != Purpose::Recovery && !notification.message.is_impact()
    }

    /// An incident is over but for its end, or is not any more.
    pub(super) fn note_ending(&mut self, incident: IncidentId, is_ending: bool) {
        if is_ending {
            self.ending.insert(incident);
        } else {
            self.ending.remove(&incident);
        }
    }

    /// Whether an incident is over but for its end.
    pub(super) fn is_anything_ending(&self) -> bool {
        !self.ending.is_empty()
    }

    /// What was refused waits for its next try; what was not, for its turn alone.
    fn is_ready(&self, id: NotificationId, now: Timestamp) -> bool {
        self.get(id).is_some_and(|one| one.tries == 0 || one.next_try_at <= now)
    }
}

impl Engine {
    /// Sends whatever has its turn at an address, and looks again when the next has.
    pub(super) fn go_on(&mut self, address: &Address) {
        let now = self.now.wall;
        self.gather_in_stead(address);
        self.gather_ends(address);
        let mut turn = self.outbox.turn(address, self.gathering(address), now);
        if turn.gather {
            turn = Turn::at(None);
            turn.send.extend(self.gather(address));
        }
        if let Some(at) = turn.again_at {
            self.wakes.arm(Wake::Address(Box::new(address.clone())), at);
        }
        for id in turn.send {
            self.send(id);
        }
        self.keep_line(address);
    }

    /// When an address that takes nothing has its next turn: now, while a message is on its way to it.
    pub(super) fn next_turn(&self, address: &Address) -> Timestamp {
        let now = self.now.wall;
        let line = self.outbox.by_address.get(address);
        let outage = line.and_then(|line| Some((line, line.outage.as_ref()?)));
        let turn = outage.map(|(line, outage)| self.outbox.turn_in_outage(line, outage, self.gathering(address), now));
        turn.and_then(|turn| turn.again_at).unwrap_or(now)
    }

    /// How messages to an address are gathered, by its kind of channel and the configuration.
    pub(super) fn gathering(&self, address: &Address) -> Gathering {
        let channel = self.settings.channels.get(&address.channel);
        Gathering {
            chars_max: channel.map_or(Some(DIGEST_CHARS_USUAL), |channel| channel.kind.digest_chars()),
            every: self.settings.alerts.digest_every,
            ends_within: self.settings.alerts.group_wait,
            is_by_name: self.forgets(address),
        }
    }

    pub(super) fn send(&mut self, id: NotificationId) {
        if let Some(notification) = self.outbox.hand_over(id) {
            let follows = self.threads.followed_by(&notification).map(Box::new);
            let notification = Box::new(notification);
            self.act(Action::Send { notification, follows });
        }
    }

    /// Stores how an address stands, so that it holds after a restart; or forgets it, where nobody is told there any more
    /// and nothing waits: if it comes back, it is like any other.
    pub(super) fn keep_line(&mut self, address: &Address) {
        let is_idle = self.outbox.by_address.get(address).is_some_and(AddressLine::is_idle);
        let is_left = is_idle && !self.is_in_use(address);
        let Some(line) = self.outbox.by_address.get_mut(address) else {
            return;
        };
        if is_left {
            line.forget();
        }
        let record = line.changed_record(address);
        if is_left {
            self.outbox.by_address.remove(address);
        }
        if let Some(record) = record {
            self.fact(Fact::Address(record));
        }
    }
}
