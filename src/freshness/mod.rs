//! PURE: versions, slots and clocks to fresh, late, stale or unknown, and why.

mod parts;
mod replay;
mod resting;
mod sight;
mod slots;
mod standing;
#[cfg(test)]
mod tests;
mod told;

pub use parts::of_parts;
pub use replay::{Broken, Replayed, replay};
pub use resting::Resting;
pub use slots::{
    close, deliver, delivered_for, first_slot, first_slot_behind, newest_slot, next_slot, promised_before, reopen,
    slot_after, slot_at,
};
pub use standing::{Breach, DataState, Standing, View, standing};
pub use told::dataset_json;
