//! How addresses stand, as it is stored: a row is of use while somebody is told there, or something waits.

use std::collections::{BTreeMap, BTreeSet};

use freshd::engine::Engine;
use freshd::model::{Address, AddressRecord, NotificationState, Settings, Team};

use super::Ledger;

/// The rows, and the addresses that the configuration in force names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    rows: BTreeMap<Address, AddressRecord>,
    in_use: BTreeSet<Address>,
}

impl Addresses {
    pub(super) fn in_force(&mut self, settings: &Settings) {
        let of_teams = settings.teams.values().flat_map(Team::addresses);
        self.in_use = of_teams.chain(&settings.fallback).cloned().collect();
    }

    pub(super) fn note(&mut self, record: &AddressRecord) {
        match record.outage.is_some() || record.pace.is_some() {
            true => drop(self.rows.insert(record.address.clone(), record.clone())),
            false => drop(self.rows.remove(&record.address)),
        }
    }
}

impl Ledger {
    /// The row of an address.
    pub(crate) fn row_of(&self, address: &str) -> Option<&AddressRecord> {
        let mut rows = self.addresses.rows.values();
        rows.find(|row| row.address.to_string() == address)
    }

    /// Unless something is left to be done at once, no row is left behind.
    pub(super) fn forgets_addresses(&self, engine: Option<&Engine>) {
        if engine.is_none_or(Engine::is_behind) {
            return;
        }
        let addresses = self.addresses.rows.keys();
        for address in addresses.filter(|address| !self.addresses.in_use.contains(*address)) {
            let mut all = self.notifications.values();
            let waits = all.any(|one| one.address == *address && one.state == NotificationState::Pending);
            assert!(waits, "a row of {address}, where nobody is told and nothing waits");
        }
    }
}
