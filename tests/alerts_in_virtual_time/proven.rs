//! Whoever has mended a mail server tries it out, and what waited for it goes at once.

use freshd::model::{NotificationState, Purpose, Request};

use super::PEOPLE;
use super::delivery::{OPS, busy_until};
use super::digests::heard;
use super::virtual_world::{Play, World};

/// So many jobs of `ops` fail at noon, and mail takes nothing until ten to three.
fn away(jobs: usize) -> World {
    let mut text = PEOPLE.to_owned();
    for number in 0..jobs {
        text += &format!("[jobs.j{number}]\nowner = \"ops\"\ncommand = \"false\"\nschedule = \"0 12 * * *\"\n");
    }
    let mut world = World::start(&text, "2026-11-24T11:00");
    for number in 0..jobs {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
    }
    busy_until(&mut world, "2026-11-24T14:50");
    world.run_until("2026-11-24T14:51");
    assert!(heard(&world, OPS).is_empty(), "the next try is an hour after the last");
    world
}

fn try_out(world: &mut World) {
    world.ask_and_hear_nothing(Request::NotifyTest {
        team: Some("ops".into()),
        channel: None,
    });
}

#[test]
fn what_waited_goes_as_soon_as_a_test_is_taken() {
    for (jobs, expected) in [(1, Purpose::Opening), (12, Purpose::Digest)] {
        let mut world = away(jobs);
        try_out(&mut world);
        world.run_until("2026-11-24T14:52");
        let told: Vec<Purpose> = heard(&world, OPS).into_iter().map(|(_, purpose)| purpose).collect();
        assert_eq!(told[..2], [Purpose::Test, expected], "{jobs} jobs");
        let status = world.done(Request::Status { name: None });
        assert_eq!(status["undelivered"], serde_json::json!([]), "{jobs} jobs");
        let mut of_ops = world
            .ledger
            .notifications
            .values()
            .filter(|one| one.address.to_string() == OPS);
        assert!(of_ops.all(|one| one.state == NotificationState::Delivered));
    }
}

#[test]
fn a_test_puts_off_nothing_that_waits_for_its_turn() {
    let mut world = away(12);
    try_out(&mut world);
    world.run_until("2026-11-24T14:52");
    // The digest was taken, and the next one comes a quarter of an hour after it.
    world.script("j0", |_, _| Play::succeeds());
    world.run("j0");
    world.run_until("2026-11-24T15:00");
    let before = heard(&world, OPS).len();
    try_out(&mut world);
    world.run_until("2026-11-24T15:06:30");
    let told = heard(&world, OPS);
    let of_j0: Vec<_> = told[before..]
        .iter()
        .filter(|(_, purpose)| *purpose != Purpose::Test)
        .collect();
    assert_eq!(of_j0.len(), 1, "{told:?}");
}
