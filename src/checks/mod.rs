//! Judges a candidate, publishes it atomically or puts it into quarantine.
//!
//! All functions block on the file system: an async caller gives them a thread of their own.

mod balance;
mod columns;
mod disk;
mod hindsight;
mod in_place;
mod judge;
mod kind;
mod learned;
mod propose;
mod publish;
mod quarantine;
mod script;
mod sheet;
mod sidecar;
mod sight;
mod walk;
#[cfg(test)]
mod tests;

pub use disk::PublishError;
pub use hindsight::hindsight;
pub use in_place::{highest_numbers, in_place};
pub use judge::judge;
pub use propose::{ProposeError, ProposedCheck, propose};
pub use publish::{Step, publish, publish_steps};
pub use quarantine::{QUARANTINED_MAX, quarantine};
pub use sight::sight;
