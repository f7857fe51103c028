//! What fails for a reason of its own while the end of its cause waits for something else that is being mended.

use freshd::model::{Incident, IncidentState, Purpose, Severity};

use super::delivery::OPS;
use super::ends::{READER, last_words, sent_to};
use super::ends_that_wait::{broken, chain, makes, makes_for_long};
use super::virtual_world::{Play, World};

/// `e` and `f` are stale behind `j`, which is mended two minutes after noon; what makes `f` anew goes on until 12:22.
fn waiting_for_f() -> World {
    let mut world = broken(&chain().replace("130m", "119m"));
    world.run_until("2026-11-26T12:01:30");
    assert_eq!(sent_to(&world, READER), [Purpose::Impact]);
    world.run_until("2026-11-26T12:02");
    makes(&mut world, "j");
    world.run_until("2026-11-26T12:02:10");
    makes_for_long(&mut world, "m");
    world.run_until("2026-11-26T12:03:30");
    world
}

fn fails(world: &mut World, job: &str) {
    world.script(job, |_, _| Play::fails(2, "no licence"));
    world.run(job);
}

fn last_about(world: &World, name: &str) -> Incident {
    let incidents = world.incidents();
    let about = incidents.into_iter().rfind(|one| one.subject.as_str() == name);
    about.expect("an incident")
}

#[test]
fn a_failure_behind_a_cause_that_is_over_is_as_bad_as_the_promise_that_it_breaks() {
    for crash in [false, true] {
        let mut world = waiting_for_f();
        fails(&mut world, "k");
        if crash {
            world.run_until("2026-11-26T12:04");
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T12:06");
        let (of_j, of_k) = (last_about(&world, "j"), last_about(&world, "k"));
        assert!(of_j.ends_by().is_some(), "f is being mended");
        assert_eq!((of_k.state, of_k.severity), (IncidentState::Open, Severity::Critical));
        assert_eq!(last_about(&world, "e").cause, Some(of_k.id));
        assert_eq!(sent_to(&world, READER), [Purpose::Impact; 2], "crash: {crash}");
        let (_, words) = last_words(&world, READER);
        assert!(words.starts_with("CRITICAL: e, which you own, is stale"), "{words}");

        // The end of the first cause says what is still bad, whatever that is explained by now; and nobody is told again.
        world.run_until("2026-11-26T12:40");
        assert_eq!(
            sent_to(&world, READER),
            [Purpose::Impact, Purpose::Impact, Purpose::Recovery]
        );
        let (_, words) = last_words(&world, READER);
        assert!(
            words.starts_with("PARTLY OVER: e, which you own, is still stale"),
            "{words}"
        );
        makes(&mut world, "k");
        world.run_until("2026-11-26T12:50");
        let (count, words) = last_words(&world, READER);
        assert!(count == 4 && words.contains("e is fresh again"), "{words}");
        assert_eq!(
            sent_to(&world, OPS),
            [Purpose::Opening, Purpose::Opening, Purpose::Recovery, Purpose::Recovery],
            "crash: {crash}"
        );
    }
}

#[test]
fn what_had_failed_behind_a_cause_and_fails_again_when_that_is_over_is_told_by_itself() {
    let mut world = broken(&chain().replace("130m", "119m"));
    world.run_until("2026-11-26T12:01");
    fails(&mut world, "k");
    world.run_until("2026-11-26T12:01:30");
    let of_j = last_about(&world, "j").id;
    assert_eq!(last_about(&world, "k").cause, Some(of_j));
    world.run_until("2026-11-26T12:02");
    makes(&mut world, "j");
    world.run_until("2026-11-26T12:02:10");
    makes_for_long(&mut world, "m");
    world.run_until("2026-11-26T12:03:30");
    assert_eq!(
        last_about(&world, "k").cause,
        Some(of_j),
        "it may be well when it runs again"
    );
    world.run("k");
    world.run_until("2026-11-26T12:06");
    let of_k = last_about(&world, "k");
    assert_eq!((of_k.state, of_k.severity), (IncidentState::Open, Severity::Critical));
    assert_eq!(last_about(&world, "e").cause, Some(of_k.id));
    assert_eq!(sent_to(&world, READER), [Purpose::Impact; 2]);
    world.run_until("2026-11-26T12:40");
    assert_eq!(sent_to(&world, READER).len(), 3);
}
