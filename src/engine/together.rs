//! Troubles of addresses that begin together are told together: one mail server that is gone is no message for each address.

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

    /// A message about a trouble of an address is about to be put in: what follows in this step goes with it.
    pub(super) fn hold_for_others(&mut self, incident: &Incident, address: &Address) {
        if incident.kind == ProblemKind::ChannelBroken && self.gathering(address).is_gathered() {
            let line = self.outbox.by_address.entry(address.clone()).or_default();
            line.is_held = true;
            self.held_lines.insert(address.clone());
        }
    }

    /// The step is decided: what was held goes, by one message if it is more than one.
    pub(super) fn tell_together(&mut self) {
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
