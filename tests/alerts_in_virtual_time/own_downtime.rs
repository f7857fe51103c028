//! What freshd did not do while it was down is never blamed on the data: not in messages, nor in what is asked of it.

use std::time::Duration;

use freshd::model::{Event, Purpose, SlotState};

use super::delivery::OPS;
use super::digests::{heard, taken};
use super::virtual_world::{Crash, Play, World, at, clock};
use super::{NO_PROOFS, PEOPLE};

/// A job each hour whose missed run is made up for, one whose missed run is not, and data that others tell of.
fn company() -> String {
    let mut text = PEOPLE.to_owned();
    text += "[datasets.made]\nowner = \"ops\"\nfile = \"made\"\ndue = { at = \"0 * * * *\", grace = \"15m\" }\n\
             [jobs.maker]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\nproduces = \"made\"\n\
             [datasets.aged]\nowner = \"ops\"\nfile = \"aged\"\nmax_age = \"90m\"\n\
             [jobs.ager]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\nproduces = \"aged\"\ncatch_up = \"none\"\n\
             [datasets.told]\nowner = \"ops\"\nprobe = { ping = \"0123456789abcdef0123456789abcdef\" }\n\
             due = { at = \"0 * * * *\", grace = \"10m\" }\n";
    text
}

/// All is well until half past ten; then freshd is down. It is ten to two.
fn down() -> World {
    let mut world = World::start(&company(), "2026-03-02T09:30");
    world.script("maker", |_, now| {
        let plays = Play::writes(&now.to_string(), now);
        plays.taking(Duration::from_mins(if now < at("2026-03-02T13:00") { 1 } else { 20 }))
    });
    world.script("ager", |_, now| Play::writes(&now.to_string(), now));
    world.run_until("2026-03-02T10:30");
    world.handle(Event::Alive);
    world.crash();
    world.run_until("2026-03-02T13:50");
    world
}

/// The same, back and at five to two.
fn was_down() -> World {
    let mut world = down();
    world.restart();
    world.run_until("2026-03-02T13:55");
    world
}

fn digest_lines(world: &World) -> Vec<String> {
    let sent = taken(world, OPS);
    let digests: Vec<_> = sent
        .iter()
        .filter(|(_, one)| one.message.purpose == Purpose::Digest)
        .collect();
    assert_eq!(digests.len(), 1, "{:?}", heard(world, OPS));
    let lines = digests[0].1.message.incidents.iter();
    lines.map(|line| line.text.clone()).collect()
}

const DOWN: &str = "from Mon 2026-03-02 10:30 to Mon 2026-03-02 13:50";

#[test]
fn the_digest_counts_what_was_promised_while_freshd_was_down() {
    let world = was_down();
    let sent = taken(&world, OPS);
    let headline = &sent.last().expect("told").1.message.headline;
    let words = format!("{DOWN}. Of all deliveries due meanwhile: 2 missed, 1 late, 3 unknown.");
    assert!(headline.ends_with(&words), "{headline}");
}

#[test]
fn those_that_were_too_many_to_be_told_one_by_one_are_counted_too_and_named_where_they_are_of_one_dataset() {
    let mut text = PEOPLE.to_owned()
        + NO_PROOFS
        + "[datasets.tally]\ntitle = \"Pallet tally\"\nowner = \"ops\"\nfile = \"tally\"\n\
           due = { at = \"* * * * *\", grace = \"10s\" }\n\
           [jobs.tally]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"* * * * *\"\nproduces = \"tally\"\n\
           catch_up = \"none\"\n";
    for age in ["aged", "old"] {
        text += &format!(
            "[datasets.{age}]\nowner = \"ops\"\nfile = \"{age}\"\nmax_age = \"90m\"\n\
             [jobs.{age}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\nproduces = \"{age}\"\n\
             catch_up = \"none\"\n"
        );
    }
    let mut world = World::start(&text, "2026-03-03T10:00");
    for job in ["tally", "aged", "old"] {
        world.script(job, |_, now| Play::writes(&now.to_string(), now));
    }
    world.run_until("2026-03-03T10:30:30");
    world.handle(Event::Alive);
    world.crash();
    world.script("tally", |_, _| Play::fails(1, ""));
    world.run_until("2026-03-04T22:30:30");
    world.restart();
    world.run_until("2026-03-04T22:35");
    let sent = taken(&world, OPS);
    let told = sent.iter().find(|(_, one)| one.message.purpose == Purpose::Digest);
    let (_, told) = told.unwrap_or_else(|| panic!("{:?}", heard(&world, OPS)));
    let headline = &told.message.headline;
    // From 10:31 to 22:30 on the next day.
    let words = " Of all deliveries of Pallet tally due meanwhile: 2160 missed.";
    assert!(headline.ends_with(words), "{headline}");
    assert_eq!(world.status("tally")["down"]["missed"], 2160);
}

#[test]
fn each_line_of_the_digest_says_what_freshd_missed() {
    let world = was_down();
    let mut lines = digest_lines(&world);
    lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
    let missed = |job: &str| format!("the run of {job} due Mon 2026-03-02 11:00 was missed while freshd was down");
    let ends = [
        missed("ager"),
        missed("maker") + ", being caught up since Mon 2026-03-02 13:50",
        "freshd was down and could not be told that told came".to_owned(),
    ];
    assert_eq!(lines.len(), ends.len(), "{lines:?}");
    for (line, end) in lines.iter().zip(ends) {
        assert!(line.ends_with(&end), "{line}");
    }
}

#[test]
fn whoever_asks_is_told_the_same() {
    let mut world = was_down();
    let (_, reason) = world.state_of("aged");
    let words = format!("; freshd was down {DOWN} and missed the run of ager due Mon 2026-03-02 11:00");
    assert!(reason.ends_with(&words), "{reason}");
    let (_, reason) = world.state_of("told");
    assert!(
        reason.ends_with(&format!("; freshd was down {DOWN} and could not be told that it came")),
        "{reason}"
    );
    let status = world.status("made");
    let dataset = &status["datasets"][0];
    assert_eq!(
        dataset["broken_while_down"],
        serde_json::json!({
            "from": "2026-03-02T09:30:00Z", "until": "2026-03-02T12:50:00Z",
            "run_due_at": "2026-03-02T10:00:00Z", "caught_up_since": "2026-03-02T12:50:00Z",
        })
    );
    assert_eq!(
        status["down"],
        serde_json::json!({
            "from": "2026-03-02T09:30:00Z", "until": "2026-03-02T12:50:00Z", "missed": 2, "late": 1, "unknown": 3,
        })
    );
    let incidents = world.open_incidents();
    let of_made = incidents
        .iter()
        .find(|one| one.subject.as_str() == "made")
        .expect("open");
    assert!(of_made.reason.contains("freshd was down"), "{}", of_made.reason);
}

#[test]
fn a_promised_delivery_keeps_that_freshd_was_down_at_its_deadline() {
    let world = was_down();
    let said = |dataset: &str| -> Vec<(SlotState, Option<String>)> {
        let slots = world.slots(dataset).into_iter();
        let slots = slots.filter(|slot| ["11:00:00", "12:00:00", "13:00:00"].contains(&clock(slot.due_at).as_str()));
        slots.map(|slot| (slot.state, slot.reason)).collect()
    };
    let words = format!("freshd was down at its deadline, {DOWN}");
    let states = [SlotState::Missed, SlotState::Missed, SlotState::Late];
    assert_eq!(said("made"), states.map(|state| (state, Some(words.clone()))));
    let words = format!("{words}: nobody could say whether it came");
    assert_eq!(said("told"), states.map(|state| (state, Some(words.clone()))));
}

#[test]
fn what_a_later_run_does_is_its_own_matter() {
    let mut world = was_down();
    world.run_until("2026-03-02T14:05");
    world.script("ager", |_, _| Play::fails(1, ""));
    world.run_until("2026-03-02T16:00");
    let (_, reason) = world.state_of("aged");
    assert!(reason.contains("old") && !reason.contains("down"), "{reason}");
}

#[test]
fn what_later_runs_do_not_mend_is_not_blamed_on_the_downtime_although_it_began_then() {
    let mut world = down();
    world.script("maker", |_, _| Play::fails(1, ""));
    world.restart();
    world.run_until("2026-03-02T14:10");
    let blamed = "; freshd was down from ";
    let (_, reason) = world.state_of("made");
    assert!(reason.contains(blamed), "{reason}");
    // Another delivery is late, whose run came in time.
    world.run_until("2026-03-02T14:30");
    let (_, reason) = world.state_of("made");
    assert!(
        reason.contains("due Mon 2026-03-02 14:00") && !reason.contains(blamed),
        "{reason}"
    );
    let mut incidents = world.incidents().into_iter();
    let of_made = incidents.find(|one| one.subject.as_str() == "made").expect("one");
    assert_eq!(clock(of_made.since), "11:15:00");
}

#[test]
fn a_crash_at_any_moment_of_gathering_counts_the_same() {
    let undisturbed = was_down().commits;
    let began = down().commits + 1;
    assert!(began + 4 < undisturbed, "{began} to {undisturbed}");
    for side in [Crash::Before, Crash::After] {
        for commit in began..=undisturbed {
            let mut world = down();
            world.crash_at = Some((commit, side));
            world.restart();
            world.run_until("2026-03-02T13:55");
            assert!(world.crash_at.is_none(), "{side:?} {commit} is never reached");
            let sent = taken(&world, OPS);
            let headline = &sent.last().expect("told").1.message.headline;
            assert!(
                headline.ends_with("meanwhile: 2 missed, 1 late, 3 unknown."),
                "{side:?} {commit}: {headline}"
            );
        }
    }
}
