//! Holds what is sent against what may never be: a digest that says too little or ends in part, and what overtakes more than news
//! may.

use std::collections::BTreeSet;

use freshd::model::{Fact, Notification, NotificationState, Purpose};

use super::Ledger;
use super::overtaking::overtakes;

impl Ledger {
    /// About one incident each address gets one message after the other, but for what news of the same thread tells all of.
    pub(super) fn order_is_kept(&self, sent: &Notification) {
        let of_line = |other: &&Notification| {
            other.incident.is_some() && (other.incident, &other.address) == (sent.incident, &sent.address)
        };
        let of_line = || self.notifications.values().filter(of_line);
        let is_before = |other: &&Notification| {
            other.id < sent.id && other.state == NotificationState::Pending && !overtakes(sent, other, of_line())
        };
        assert_eq!(of_line().find(is_before), None, "out of order: {sent:?}");
        let is_news =
            |other: &&Notification| other.state == NotificationState::Delivered && overtakes(other, sent, of_line());
        assert_eq!(of_line().find(is_news), None, "it was overtaken: {sent:?}");
    }

    /// A digest waits behind what was decided before what it tells of.
    pub(super) fn nothing_comes_before_what_is_gathered(&self, digest: &Notification) {
        let named = digest.message.incidents.iter().map(|line| line.incident);
        let named: BTreeSet<_> = named.collect();
        let to_there = |one: &&Notification| one.address == digest.address && one.state == NotificationState::Pending;
        let about = |one: &&Notification| one.incident.is_some_and(|incident| named.contains(&incident));
        let waiting: Vec<_> = self.notifications.values().filter(to_there).filter(about).collect();
        for left in waiting.iter().filter(|one| one.digest.is_none()) {
            let mut members = waiting.iter().filter(|one| one.digest == Some(digest.id));
            let overtaken = members.find(|one| one.incident == left.incident && one.id > left.id);
            assert_eq!(overtaken, None, "it overtakes {left:?}");
        }
    }

    /// What a digest tells of ends with it, in the same step, and in the same way.
    pub(super) fn digests_end_whole(&self, facts: &[Fact]) {
        let digests = facts.iter().filter_map(|fact| match fact {
            Fact::Notification(one) if one.message.purpose == Purpose::Digest => Some(one),
            _ => None,
        });
        for digest in digests {
            let members = self.notifications.values().filter(|one| one.digest == Some(digest.id));
            let mut count = 0;
            for member in members {
                count += 1;
                assert_eq!(member.state, digest.state, "{member:?} is in {digest:?}");
                assert_eq!(member.address, digest.address);
                let named = digest.message.incidents.iter();
                let is_named = named.into_iter().any(|line| Some(line.incident) == member.incident);
                assert!(is_named, "{member:?} is not named in {digest:?}");
            }
            assert!(count > 0, "it tells of nothing: {digest:?}");
        }
    }
}
