//! What freshd promises of jobs and their runs, through the real engine and store in virtual time.

#[path = "jobs_in_virtual_time/clock.rs"]
mod clock;
#[path = "jobs_in_virtual_time/asked.rs"]
mod asked;
#[path = "jobs_in_virtual_time/bounds.rs"]
mod bounds;
#[path = "jobs_in_virtual_time/by_hand.rs"]
mod by_hand;
#[path = "jobs_in_virtual_time/confirmed_clock.rs"]
mod confirmed_clock;
#[path = "jobs_in_virtual_time/endings.rs"]
mod endings;
#[path = "jobs_in_virtual_time/forgotten_and_lost.rs"]
mod forgotten_and_lost;
#[path = "jobs_in_virtual_time/full_disk.rs"]
mod full_disk;
#[path = "jobs_in_virtual_time/history.rs"]
mod history;
#[path = "jobs_in_virtual_time/lost_promises.rs"]
mod lost_promises;
#[path = "jobs_in_virtual_time/lost_records.rs"]
mod lost_records;
#[path = "jobs_in_virtual_time/missed.rs"]
mod missed;
#[path = "jobs_in_virtual_time/needed_history.rs"]
mod needed_history;
#[path = "jobs_in_virtual_time/on_record.rs"]
mod on_record;
#[path = "jobs_in_virtual_time/overlap.rs"]
mod overlap;
#[path = "jobs_in_virtual_time/pools.rs"]
mod pools;
#[path = "jobs_in_virtual_time/reload.rs"]
mod reload;
#[path = "jobs_in_virtual_time/retry.rs"]
mod retry;
#[path = "jobs_in_virtual_time/silent_keeper.rs"]
mod silent_keeper;
#[path = "jobs_in_virtual_time/taken_up.rs"]
mod taken_up;
#[path = "jobs_in_virtual_time/triggers.rs"]
mod triggers;
#[path = "jobs_in_virtual_time/traces.rs"]
mod traces;
mod virtual_world;
#[path = "jobs_in_virtual_time/stale_inputs.rs"]
mod stale_inputs;
#[path = "jobs_in_virtual_time/wrong_clock.rs"]
mod wrong_clock;

use virtual_world::{World, with_ops};

/// One job `j` with these further lines.
fn one_job(lines: &str) -> String {
    with_ops(&format!("[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n{lines}\n"))
}

/// A world with one job `j`.
fn world(lines: &str, from: &str) -> World {
    World::start(&one_job(lines), from)
}
