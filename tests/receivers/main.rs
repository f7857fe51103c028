//! Channels against the programs of others: a real Alertmanager, the library by which receivers verify webhooks, and
//! servers for mail and for the web that misbehave.
//!
//! Needs Debian's `prometheus-alertmanager` and the Python packages `standardwebhooks` and `aiosmtpd`, and takes minutes, since
//! repetitions are a minute apart and a try may hang for half of one; so `cargo test` alone leaves it out. `.ci/run` installs all
//! and runs it:
//!
//!     python3 -m venv target/receivers && target/receivers/bin/pip install standardwebhooks aiosmtpd
//!     cargo test --test receivers

mod alertmanager;
mod backlog;
mod company;
mod mail;
mod servers;
mod standard_webhooks;
mod web;

#[path = "../freshd_process/mod.rs"]
mod freshd_process;
#[path = "../support/mod.rs"]
mod support;
#[path = "../virtual_world/mod.rs"]
mod virtual_world;
