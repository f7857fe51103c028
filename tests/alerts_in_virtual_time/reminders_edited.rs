//! Reminders that an edit of jobs.toml changes while something is open.

use freshd::model::Purpose;

use super::delivery::OPS;
use super::digests::heard;
use super::virtual_world::World;
use super::{failing, one_job};

#[test]
fn reminders_that_an_edit_changes_hold_for_what_is_open_and_come_in_no_burst() {
    let text = |reminders: &str| format!("{}[alerts]\nreminders = {reminders}\n", one_job(""));
    let mut world = failing(&text("[\"4h\"]"), "2026-11-26T12:00");
    world.run_until("2026-11-26T13:30");
    world.reload(&text("[\"15m\", \"1h\", \"2h\", \"3h\"]"));
    world.run_until("2026-11-26T16:30");
    let reminded = |world: &World| -> Vec<String> {
        let heard = heard(world, OPS).into_iter();
        heard
            .filter(|(_, purpose)| *purpose == Purpose::Reminder)
            .map(|(at, _)| at)
            .collect()
    };
    assert_eq!(reminded(&world), ["14:01:05", "15:01:05"], "each that is still ahead");
    world.reload(&text("[]"));
    world.run_until("2026-11-27T09:00");
    assert_eq!(reminded(&world)[2..], ["08:00:00"], "then on working mornings");
}
