//! What freshd promises of datasets, through the real engine and store in virtual time.

#[path = "data_in_virtual_time/expecting.rs"]
mod expecting;
#[path = "data_in_virtual_time/age.rs"]
mod age;
#[path = "data_in_virtual_time/as_of.rs"]
mod as_of;
#[path = "data_in_virtual_time/by_hand.rs"]
mod by_hand;
#[path = "data_in_virtual_time/changed_files.rs"]
mod changed_files;
#[path = "data_in_virtual_time/counting.rs"]
mod counting;
#[path = "data_in_virtual_time/edited_promises.rs"]
mod edited_promises;
#[path = "data_in_virtual_time/known_files.rs"]
mod known_files;
#[path = "data_in_virtual_time/learning.rs"]
mod learning;
#[path = "data_in_virtual_time/lineage.rs"]
mod lineage;
#[path = "data_in_virtual_time/maintenance.rs"]
mod maintenance;
#[path = "data_in_virtual_time/never_seen.rs"]
mod never_seen;
#[path = "data_in_virtual_time/nothing_kept.rs"]
mod nothing_kept;
#[path = "data_in_virtual_time/open_time.rs"]
mod open_time;
#[path = "data_in_virtual_time/outputs.rs"]
mod outputs;
#[path = "data_in_virtual_time/parts.rs"]
mod parts;
#[path = "data_in_virtual_time/pings.rs"]
mod pings;
#[path = "data_in_virtual_time/probes.rs"]
mod probes;
#[path = "data_in_virtual_time/released.rs"]
mod released;
#[path = "data_in_virtual_time/renamed_files.rs"]
mod renamed_files;
#[path = "data_in_virtual_time/slots.rs"]
mod slots;
#[path = "data_in_virtual_time/traces.rs"]
mod traces;
mod virtual_world;

use virtual_world::{World, with_ops};

/// A world with one dataset `d`, made by hand by job `p`.
fn world(dataset: &str, from: &str) -> World {
    World::start(&made(dataset), from)
}

fn made(dataset: &str) -> String {
    with_ops(&format!(
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n{dataset}\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    ))
}

/// A world with one probed dataset `d`.
fn probed(dataset: &str, from: &str) -> World {
    World::start(&with_ops(&format!("[datasets.d]\nowner = \"ops\"\n{dataset}\n")), from)
}
