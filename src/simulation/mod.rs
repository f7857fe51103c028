//! The other shell: virtual clocks, processes, keepers and a store in memory around the same engine.
//!
//! The daemon decides, commits and performs in real time; a [`World`] does the same in virtual time, and can be made to
//! suffer at each point of it: a kill between any commit and any action, a power cut that takes what was not synced, a
//! full disk, a clock that is set. What is not the machine itself (what processes do, what addresses answer, what probes
//! find) is an [`Outside`]. Nothing here draws a random number: the same outside gives the same history.

mod keepers;
mod memory;
mod outside;
mod play;
mod what_if;
mod world;

pub use memory::Memory;
pub use outside::{Answer, Found, Moment, Outside, Seen};
pub use play::Play;
pub use what_if::{Done, Failing, OFTEN, Plan, simulate, thinned};
pub use world::{Crash, CrashPoint, Death, World};
