//! Promised deliveries one after the other: since when none of them has come.

use super::{Slot, SlotState};

impl Slot {
    /// Whether it was delivered, be it late, or while nobody waited for it.
    pub fn has_come(&self) -> bool {
        match self.state {
            SlotState::Met | SlotState::Recovered => true,
            SlotState::Excused => self.version.is_some(),
            SlotState::Pending | SlotState::Late | SlotState::Missed | SlotState::Withdrawn => false,
        }
    }
}

/// Of slots, the latest due first, those that were due since one of them came, or was promised no more: what of these is missing
/// is one trouble.
pub fn due_since_one_came<'a>(latest_first: impl Iterator<Item = &'a Slot>) -> impl Iterator<Item = &'a Slot> {
    latest_first.take_while(|slot| !slot.has_come() && slot.state != SlotState::Withdrawn)
}

/// The first of the slots that were missed since one came. The latest is given first.
pub fn first_missed<'a>(latest_first: impl Iterator<Item = &'a Slot>) -> Option<&'a Slot> {
    due_since_one_came(latest_first)
        .filter(|slot| slot.state == SlotState::Missed)
        .last()
}
