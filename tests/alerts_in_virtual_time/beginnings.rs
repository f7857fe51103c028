//! After freshd's own downtime what is wrong began when the first promise broke, and nobody is told of another beginning.

use freshd::model::{Event, Incident, ProblemKind, Purpose, SlotState};

use super::delivery::OPS;
use super::digests::{out_of_order, taken};
use super::virtual_world::{Crash, Play, World, at};
use super::{NO_PROOFS, PEOPLE};

const A: &str = "mail:a@sea.example";

const MONDAY: &str = "2026-03-02T12:00";

/// Two datasets of `ops`, each read by `a` and due as `promise` says; the run that makes them is missed and not made up for.
fn company(promise: &str, schedule: &str) -> String {
    let mut text = format!("{PEOPLE}{NO_PROOFS}");
    for number in 0..2 {
        text += &format!(
            "[datasets.x{number}]\nowner = \"ops\"\nfile = \"x{number}\"\nconsumers = [\"a\"]\n{promise}\n\
             [jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"{schedule}\"\nproduces = \"x{number}\"\n\
             catch_up = \"none\"\n"
        );
    }
    text
}

/// All is well from then until shortly after noon on Tuesday; then freshd is down until this time.
fn down_until(text: &str, from: &str, until: &str) -> World {
    let mut world = World::start(text, from);
    for job in ["j0", "j1"] {
        world.script(job, |_, now| Play::writes(&now.to_string(), now));
    }
    world.run_until("2026-03-03T12:00:20");
    world.handle(Event::Alive);
    world.crash();
    world.run_until(until);
    world
}

/// Due each day at six, with a grace of a quarter of an hour: Wednesday's and Thursday's delivery were missed, and Friday's is
/// late.
fn daily() -> String {
    company("due = { at = \"0 6 * * *\", grace = \"15m\" }", "0 5 * * *")
}

/// The last incident about a dataset.
fn about(world: &World, dataset: &str) -> Incident {
    let mut incidents = world.incidents().into_iter();
    incidents.rfind(|one| one.subject.as_str() == dataset).expect("one")
}

/// The lines of the digest that an address took last.
fn lines(world: &World, address: &str) -> Vec<String> {
    let (_, digest) = taken(world, address).pop().expect("a message");
    assert_eq!(digest.message.purpose, Purpose::Digest);
    digest.message.incidents.iter().map(|line| line.text.clone()).collect()
}

#[test]
fn what_was_missed_day_after_day_began_on_the_first_of_them_and_everybody_reads_that() {
    let mut world = down_until(&daily(), MONDAY, "2026-03-06T14:00");
    world.restart();
    world.run_until("2026-03-06T14:05");
    let states: Vec<SlotState> = world.slots("x0").iter().map(|slot| slot.state).collect();
    let expected = [
        SlotState::Met,
        SlotState::Missed,
        SlotState::Missed,
        SlotState::Late,
        SlotState::Pending,
    ];
    assert_eq!(states, expected);
    assert_eq!(about(&world, "x0").since, at("2026-03-04T06:15"));
    let (_, reason) = world.state_of("x0");
    let last = "the delivery due Fri 2026-03-06 06:00 with 15m grace has not come";
    assert!(reason.starts_with(last), "{reason}");
    for address in [OPS, A] {
        let lines = lines(&world, address);
        assert_eq!(lines.len(), 2, "{address}: {lines:?}");
        for line in lines {
            assert!(
                line.contains(" is late, critical, since Wed 2026-03-04 06:15; "),
                "{address}: {line}"
            );
        }
    }
}

#[test]
fn what_was_missed_minute_after_minute_began_with_the_first_of_them() {
    let text = company("due = { at = \"* * * * *\", grace = \"30s\" }", "* * * * *");
    let mut world = down_until(&text, "2026-03-03T11:50", "2026-03-03T14:00");
    for job in ["j0", "j1"] {
        world.script(job, |_, _| Play::fails(1, ""));
    }
    world.restart();
    world.run_until("2026-03-03T14:00:30");
    assert_eq!(about(&world, "x0").since, at("2026-03-03T12:01:30"));
}

#[test]
fn a_crash_at_any_moment_of_a_start_leaves_the_beginning_as_it_is() {
    let mut undisturbed = down_until(&daily(), MONDAY, "2026-03-06T14:00");
    let before = undisturbed.commits;
    undisturbed.restart();
    undisturbed.run_until("2026-03-06T14:05");
    assert!(undisturbed.commits > before + 2, "{before} to {}", undisturbed.commits);
    for side in [Crash::Before, Crash::After] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = down_until(&daily(), MONDAY, "2026-03-06T14:00");
            world.crash_at = Some((commit, side));
            world.restart();
            world.run_until("2026-03-06T14:05");
            for dataset in ["x0", "x1"] {
                let since = about(&world, dataset).since;
                assert_eq!(since, at("2026-03-04T06:15"), "{side:?} {commit}: {dataset}");
            }
        }
    }
}

#[test]
fn what_was_late_before_it_was_too_old_says_since_when_it_is_either() {
    let text = company(
        "due = { at = \"0 6 * * *\", grace = \"15m\" }\nmax_age = \"26h\"",
        "0 5 * * *",
    );
    let mut world = down_until(&text, MONDAY, "2026-03-06T14:00");
    world.restart();
    world.run_until("2026-03-06T14:05");
    let incident = about(&world, "x0");
    assert_eq!(incident.kind.as_str(), "stale");
    assert_eq!(incident.since, at("2026-03-04T06:15"));
    assert_eq!(incident.kind_since, Some(at("2026-03-04T07:00")));
    assert_eq!(incident.first_kind.map(ProblemKind::as_str), Some("late"));
    for address in [OPS, A] {
        for line in lines(&world, address) {
            let words = " is stale, critical, since Wed 2026-03-04 06:15 (stale since Wed 2026-03-04 07:00); ";
            assert!(line.contains(words), "{address}: {line}");
        }
    }
}

#[test]
fn a_reader_who_is_told_days_later_reads_of_the_same_beginning_as_the_owner() {
    // Nobody hears of the jobs: the data alone is told of.
    let text = daily().replace("catch_up = \"none\"", "alert = \"breach\"");
    let mut world = World::start(&text, MONDAY);
    for job in ["j0", "j1"] {
        world.script(job, |_, now| match now < at("2026-03-04T00:00") {
            true => Play::writes(&now.to_string(), now),
            false => Play::fails(1, ""),
        });
    }
    for address in [OPS, A] {
        out_of_order(&mut world, address, "2026-03-04T00:00", "2026-03-05T12:00");
    }
    world.run_until("2026-03-05T11:00");
    // It was missed once more before anybody is told.
    world.crash();
    world.run_until("2026-03-05T13:00");
    world.restart();
    world.run_until("2026-03-05T14:30");
    for address in [OPS, A] {
        let told = taken(&world, address);
        let digests = told.iter().filter(|(_, one)| one.message.purpose == Purpose::Digest);
        let lines: Vec<String> = digests
            .flat_map(|(_, one)| one.message.incidents.iter().map(|line| line.text.clone()))
            .collect();
        assert!(!lines.is_empty(), "{address}: {told:?}");
        for line in lines {
            assert!(line.contains(", since Wed 2026-03-04 06:15"), "{address}: {line}");
        }
    }
}
