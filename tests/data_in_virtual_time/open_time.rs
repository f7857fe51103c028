//! Ages that are counted in the open time of a calendar.

use freshd::model::ProblemKind;

use super::made;
use super::virtual_world::{Play, World, at};

/// `d` of Friday 2026-03-20 22:00, promised in open time; the clocks change on Sunday 2026-03-29.
fn friday(promise: &str) -> World {
    let text = made(&format!("counted_in = \"no\"\n{promise}"));
    let calendar = "[calendars.no]\nweekend = [\"Sat\", \"Sun\"]\nholidays = [\"2026-03-24\"]\n[datasets.d]";
    let text = text.replacen("[datasets.d]", calendar, 1);
    let mut world = World::start(&text, "2026-03-20T21:59");
    world.script("p", |_, _| Play::writes("a", at("2026-03-20T22:00")));
    world.run("p");
    world.run_until("2026-03-20T22:05");
    world
}

#[test]
fn an_age_in_open_time_breaks_when_the_calendar_is_open_again() {
    let mut world = friday("max_age = \"26h\"\nwarn_age = \"12h\"");
    // 2 hours of Friday and 24 of Monday; Tuesday is closed, and nobody is told at its midnight.
    for (when, state) in [
        ("2026-03-23T09:59:59", "fresh"),
        ("2026-03-23T10:00", "due_soon"),
        ("2026-03-24T23:59:59", "due_soon"),
        ("2026-03-25T00:00", "stale"),
    ] {
        world.run_until(when);
        assert_eq!(world.state_of("d").0, state, "{when}");
    }
    let incident = &world.incidents()[0];
    assert_eq!(
        (incident.kind, incident.since),
        (ProblemKind::Stale, at("2026-03-25T00:00"))
    );
    world.run_until("2026-03-25T02:00");
    assert_eq!(
        world.state_of("d").1,
        "1d 4h of open time in no old (as of Fri 2026-03-20 22:00), promised at most 1d 2h"
    );
}

#[test]
fn a_crash_over_closed_days_changes_no_deadline() {
    let mut world = friday("max_age = \"3h\"");
    world.run_until("2026-03-21T12:00");
    world.crash();
    world.run_until("2026-03-23T00:30");
    world.restart();
    assert_eq!(world.state_of("d").0, "fresh");
    world.run_until("2026-03-23T01:00");
    assert_eq!(world.incidents()[0].since, at("2026-03-23T01:00"));
}
