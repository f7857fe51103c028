//! freshd on a machine of its own, with the real components around it: systemd, and a mail server.
//!
//! Needs root and Debian's packages, so `cargo test` alone leaves it out; `.ci/run` installs them and runs it:
//!
//!     cargo test --test machine

mod exim;
mod machine;
mod systemd;

#[path = "../freshd_process/mod.rs"]
mod freshd_process;
#[path = "../support/mod.rs"]
mod support;
