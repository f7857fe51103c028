//! Data that was promised and never came at all.

use freshd::model::{ProblemKind, Purpose};

use super::virtual_world::{World, at, with_ops};
use super::{made, world};

const OPS: &str = "mail:ops@sea.example";
const UNMADE: &str = "[datasets.d]\nowner = \"ops\"\nmax_age = \"2m\"\n";

fn since(world: &World) -> Vec<(ProblemKind, jiff::Timestamp)> {
    let incidents = world.incidents();
    incidents
        .iter()
        .map(|incident| (incident.kind, incident.since))
        .collect()
}

#[test]
fn what_nothing_makes_is_told_once_it_is_older_than_promised() {
    for text in [
        with_ops(UNMADE),
        made("max_age = \"2m\""),
        made("max_age = \"2m\"").replace("command =", "enabled = false\ncommand ="),
        made("max_age = \"2m\"").replace("command =", "enabled = false\nschedule = \"* * * * *\"\ncommand ="),
    ] {
        let mut world = World::start(&text, "2026-03-02T08:00");
        world.run_until("2026-03-02T08:01:59");
        assert_eq!(since(&world), [], "{text}");
        world.run_until("2026-03-02T08:05");
        let unknown = (ProblemKind::Unknown, at("2026-03-02T08:02"));
        assert_eq!(since(&world), [unknown], "{text}");
        assert_eq!(world.told_to(OPS), [Purpose::Opening], "{text}");
        let (state, reason) = world.state_of("d");
        assert_eq!(state, "unknown");
        let switched_off = match text.contains("enabled = false") {
            true => "; its job p is switched off",
            false => "",
        };
        let never = "never seen, although promised at most 2m old since Mon 2026-03-02 08:00";
        assert_eq!(reason, format!("{never}{switched_off}"));
    }
}

#[test]
fn a_promise_is_counted_from_its_first_acceptance_whatever_happens_to_freshd() {
    let mut world = world("max_age = \"6h\"", "2026-03-02T08:00");
    world.run_until("2026-03-02T09:00");
    world.crash();
    world.restart();
    // The file is edited, and the promise with it.
    world.run_until("2026-03-02T10:00");
    world.reload(&made("max_age = \"4h\""));
    world.run_until("2026-03-02T12:30");
    let unknown = (ProblemKind::Unknown, at("2026-03-02T12:00"));
    assert_eq!(since(&world), [unknown]);
}

#[test]
fn a_promise_that_was_taken_back_begins_anew() {
    let mut world = world("max_age = \"4h\"", "2026-03-02T08:00");
    world.run_until("2026-03-02T09:00");
    world.reload(&made(""));
    world.run_until("2026-03-02T11:00");
    world.reload(&made("max_age = \"4h\""));
    world.crash();
    world.restart();
    world.run_until("2026-03-02T14:59");
    assert_eq!(since(&world), []);
    world.run_until("2026-03-02T15:01");
    assert_eq!(since(&world), [(ProblemKind::Unknown, at("2026-03-02T15:00"))]);
    // The first version ends it.
    world.script("p", |_, now| super::virtual_world::Play::writes("a", now));
    world.run("p");
    world.run_until("2026-03-02T15:03");
    assert_eq!(world.open_incidents().len(), 0);
}
