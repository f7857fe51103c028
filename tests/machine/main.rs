//! freshd on a machine of its own, with the real components around it: systemd, a mail server, a disk that fails.
//!
//! Needs root and Debian's packages, so `cargo test` alone leaves it out; `.ci/run` installs them and runs it:
//!
//!     cargo test --test machine

mod every_write;
mod exim;
mod full_disk;
mod keeper_disk;
mod machine;
mod power;
mod slow_reading;
mod store_disk;
mod system_calls;
mod systemd;
mod units;

#[path = "../outside/disk.rs"]
#[allow(dead_code, reason = "the world outside uses the rest of it")]
mod disk;
#[path = "../freshd_process/mod.rs"]
mod freshd_process;
#[path = "../keeper/house.rs"]
#[allow(dead_code, reason = "the tests of the keeper use the rest of it")]
mod keeper_house;
#[path = "../support/mod.rs"]
mod support;
