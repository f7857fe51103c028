//! Channels against the programs of others that they are made for: a real Alertmanager, and the library by which
//! receivers verify webhooks.
//!
//! Needs Debian's `prometheus-alertmanager` and the Python package `standardwebhooks`, and takes minutes, since repetitions are a
//! minute apart; so `cargo test` alone leaves it out. `.ci/run` installs both and runs it:
//!
//!     python3 -m venv target/receivers && target/receivers/bin/pip install standardwebhooks
//!     cargo test --test receivers

mod alertmanager;
mod standard_webhooks;

#[path = "../freshd_process/mod.rs"]
mod freshd_process;
#[path = "../support/mod.rs"]
mod support;
