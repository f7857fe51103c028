//! Holds digests against what may never be: one that says too little, ends in part, or overtakes.

use std::collections::BTreeSet;

use freshd::model::{Fact, Notification, NotificationState, Purpose};

use super::Ledger;

impl Ledger {
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
