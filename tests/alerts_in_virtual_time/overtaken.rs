//! An opening that waits while its address takes nothing is one message with what becomes worse meanwhile.

use freshd::model::{DeliveryOutcome, Notification, NotificationState, Purpose};

use super::PEOPLE;
use super::delivery::{OPS, busy, busy_until, no_such_address};
use super::digests::{FALLBACK, heard, taken};
use super::virtual_world::{Crash, Play, World};

/// `x` is made at ten to twelve, and is stale after so many minutes; `j`, which makes it, fails at noon.
fn getting_worse(minutes: u32) -> World {
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"ops\"\nfile = \"x\"\nmax_age = \"{minutes}m\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T11:50");
    world.run("j");
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world
}

/// What became of each message to `ops`, in the order in which they were decided.
fn states(world: &World) -> Vec<(Purpose, NotificationState)> {
    let decided = world.ledger.notifications.values();
    let to_ops = decided.filter(|one| one.address.to_string() == OPS);
    to_ops.map(|one| (one.message.purpose, one.state)).collect()
}

#[test]
fn an_undelivered_opening_and_its_update_are_one_message_which_says_how_it_is_by_then() {
    let mut world = getting_worse(30);
    busy_until(&mut world, "2026-11-26T12:30");
    world.run_until("2026-11-26T13:00");
    let expected = [
        (Purpose::Opening, NotificationState::Collapsed),
        (Purpose::Opening, NotificationState::Delivered),
    ];
    assert_eq!(states(&world), expected);
    let told = taken(&world, OPS);
    assert_eq!(told.len(), 1, "{told:?}");
    let message = told[0].1.message.clone();
    assert!(
        message.headline.starts_with("CRITICAL: x is stale: ") && message.headline.contains("The cause: j failed."),
        "{}",
        message.headline
    );
    assert_eq!(message.subject, "[freshd] j failed (#1)", "it is no answer");
    assert_eq!(message.output, ["no route to host"]);
    assert!(message.commands.iter().any(|typed| typed == "freshd logs j"));
    // What follows belongs to it.
    world.run_until("2026-11-26T13:10");
    let reminder = &taken(&world, OPS)[1].1.message;
    assert_eq!(reminder.purpose, Purpose::Reminder);
    assert_eq!(reminder.thread, message.thread);
    assert_eq!(reminder.subject, "Re: [freshd] j failed (#1)");
}

#[test]
fn a_crash_at_any_commit_leaves_one_message_and_loses_none() {
    let begin = || {
        let mut world = getting_worse(30);
        busy_until(&mut world, "2026-11-26T12:30");
        world
    };
    let mut undisturbed = begin();
    let before = undisturbed.commits;
    undisturbed.run_until("2026-11-26T12:59");
    for side in [Crash::Before, Crash::After, Crash::Acted] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = begin();
            world.crash_at = Some((commit, side));
            world.run_until("2026-11-26T12:59");
            let told: Vec<&Notification> = taken(&world, OPS).into_iter().map(|(_, sent)| sent).collect();
            assert_eq!(told.len(), 1, "{side:?} {commit}: {told:?}");
            let headline = &told[0].message.headline;
            assert!(
                headline.starts_with("CRITICAL: x is stale: "),
                "{side:?} {commit}: {headline}"
            );
            assert_eq!(states(&world), states(&undisturbed), "{side:?} {commit}");
        }
    }
}

#[test]
fn the_fallback_stands_in_as_soon_as_if_nothing_had_become_worse() {
    let mut world = getting_worse(14);
    busy_until(&mut world, "2026-11-26T12:30");
    world.run_until("2026-11-26T12:29");
    let told = taken(&world, FALLBACK);
    let of_job = told.iter().find(|(_, sent)| sent.message.subject_name.as_str() == "j");
    let message = &of_job.expect("told").1.message;
    assert_eq!(heard(&world, FALLBACK)[0], ("12:06:05".to_owned(), Purpose::Opening));
    assert!(
        message.headline.starts_with("CRITICAL: x is stale: "),
        "{}",
        message.headline
    );
    world.run_until("2026-11-26T12:59");
    assert_eq!(taken(&world, OPS).len(), 1);
}

#[test]
fn what_was_heard_before_is_followed_by_the_update_as_ever() {
    let mut world = getting_worse(30);
    world.run_until("2026-11-26T12:10");
    busy_until(&mut world, "2026-11-26T12:30");
    world.run_until("2026-11-26T12:59");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Update]);
}

#[test]
fn news_that_is_refused_for_good_leaves_what_it_overtook_to_be_tried() {
    let mut world = getting_worse(30);
    let of_now = |sent: &Notification| sent.message.headline.contains("is stale");
    world.channel(OPS, move |sent, now| match of_now(sent) {
        true => no_such_address(),
        false if now < super::virtual_world::at("2026-11-26T12:30") => busy(now),
        false => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-26T12:59");
    let expected = [
        (Purpose::Opening, NotificationState::Delivered),
        (Purpose::Opening, NotificationState::Dead),
    ];
    assert_eq!(states(&world)[..2], expected);
}
