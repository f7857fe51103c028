//! What comes to be told together is one message: a mail server that is gone is none for each of its addresses, a cause
//! that is silenced none for each thing behind it, and what one address did not take none for each of that to the fallback.

use std::collections::BTreeSet;

use super::Engine;
use crate::model::{Address, Incident, IncidentState, ProblemKind};

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

    /// A message is about to be put in: where it comes with others of its kind, they go together when the step is decided.
    pub(super) fn hold_for_others(&mut self, incident: &Incident, address: &Address) {
        let has_others = incident.kind == ProblemKind::ChannelBroken || self.were_hidden.contains(&incident.id);
        if has_others {
            self.hold(address);
        }
    }

    /// What is put in for an address in this step waits until that is decided, and goes together then.
    pub(super) fn hold(&mut self, address: &Address) {
        if self.gathering(address).is_gathered() {
            let line = self.outbox.by_address.entry(address.clone()).or_default();
            line.is_held = true;
            self.held_lines.insert(address.clone());
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
        self.were_hidden.clear();
        let held: BTreeSet<Address> = std::mem::take(&mut self.held_lines);
        for address in held {
            if let Some(line) = self.outbox.by_address.get_mut(&address) {
                line.is_held = false;
                line.go_together(self.now.wall);
            }
            self.go_on(&address);
        }
    }
}
