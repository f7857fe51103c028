//! Silences and windows that end together over a cause and its effect: what explains is told with what it explains, and once.

use freshd::model::{Incident, IncidentState, Purpose, Reply, Request, Severity};
use serde_json::json;

use super::one_job;
use super::virtual_world::{Play, World, at};

const OPS: &str = "mail:ops@sea.example";

/// How the end of one silence may lie before that of the other, in seconds: no further than `group_wait`.
const GAPS_SECONDS: [i64; 3] = [0, 1, 30];

/// `j` makes `d`, which is promised to be no older than an hour, at ten o'clock; `ops` answers for both.
fn made(more: &str) -> World {
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"1h\"\n";
    let mut world = World::start(&(one_job("produces = \"d\"") + data + more), "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("a", now));
    world.run("j");
    world
}

fn fails(world: &mut World, when: &str) {
    world.run_until(when);
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
}

/// Silences the first for two hours from then on, and the second so many seconds later.
fn silence(world: &mut World, names: [&str; 2], from: &str, gap_seconds: i64) {
    for (name, after) in names.into_iter().zip([0, gap_seconds]) {
        world.run_until_instant(at(from) + jiff::SignedDuration::from_secs(after));
        world.done(Request::Silence {
            name: name.into(),
            because: "the servers move".to_owned(),
            for_s: 7_200,
        });
    }
}

fn about<'a>(incidents: &'a [Incident], subject: &str) -> &'a Incident {
    let mut found = incidents.iter().filter(|one| one.subject.as_str() == subject);
    found.next().expect("an incident")
}

/// The owner has one message, of the job, which says that its dataset is stale; and that is told with it.
#[track_caller]
fn is_told_in_one(world: &World, case: &str) {
    assert_eq!(world.told_to(OPS), [Purpose::Opening], "{case}");
    let message = &world.sent.last().expect("a message").1.message;
    let words = &message.headline;
    assert_eq!(message.subject_name.as_str(), "j", "{case}: {words}");
    assert_eq!(message.severity, Severity::Critical, "{case}: {words}");
    assert!(words.contains(" d is stale."), "{case}: {words}");
    let incidents = world.incidents();
    let (cause, effect) = (about(&incidents, "j"), about(&incidents, "d"));
    assert_eq!(
        (effect.state, effect.cause),
        (IncidentState::Attached, Some(cause.id)),
        "{case}"
    );
}

#[test]
fn a_cause_and_its_effect_whose_silences_end_together_are_one_message_about_the_cause() {
    for names in [["d", "j"], ["j", "d"]] {
        for gap in GAPS_SECONDS {
            // The job fails before its dataset is stale, or after that.
            for fails_at in ["2026-11-26T10:50", "2026-11-26T11:20"] {
                let mut world = made("");
                silence(&mut world, names, "2026-11-26T10:10", gap);
                fails(&mut world, fails_at);
                world.run_until("2026-11-26T12:09:59");
                assert_eq!(world.told(), []);
                world.run_until("2026-11-26T12:20");
                is_told_in_one(&world, &format!("{names:?}, {gap} s apart, fails at {fails_at}"));
            }
        }
    }
}

#[test]
fn what_waits_for_the_other_silence_to_end_waits_for_that_in_a_new_life_too() {
    for names in [["d", "j"], ["j", "d"]] {
        let mut world = made("");
        silence(&mut world, names, "2026-11-26T10:10", 30);
        fails(&mut world, "2026-11-26T11:20");
        world.run_until("2026-11-26T12:10:10");
        world.crash();
        world.restart();
        world.run_until("2026-11-26T12:20");
        is_told_in_one(&world, &format!("{names:?}"));
    }
}

#[test]
fn a_cause_and_its_effect_under_one_window_are_one_message_about_the_cause() {
    let window = "[maintenance.move]\nfrom = 2026-11-26T10:30:00\nto = \"2026-11-26T12:10\"\njobs = [\"j\"]\n\
                  datasets = [\"d\"]\nauthor = \"Anna\"\nbecause = \"the servers move\"\n";
    for fails_at in ["2026-11-26T10:50", "2026-11-26T11:20"] {
        let mut world = made(window);
        fails(&mut world, fails_at);
        world.run_until("2026-11-26T12:09:59");
        assert_eq!(world.told(), []);
        world.run_until("2026-11-26T12:20");
        is_told_in_one(&world, fails_at);
    }
}

#[test]
fn what_was_told_before_and_is_worse_by_the_end_is_one_update_and_no_reminder_beside_it() {
    for names in [["d", "j"], ["j", "d"]] {
        for gap in GAPS_SECONDS {
            let mut world = made("");
            fails(&mut world, "2026-11-26T10:50");
            silence(&mut world, names, "2026-11-26T10:55", gap);
            world.run_until("2026-11-26T12:54:59");
            assert_eq!(world.told_to(OPS), [Purpose::Opening]);
            world.run_until("2026-11-26T13:30");
            let case = format!("{names:?}, {gap} s apart");
            assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Update], "{case}");
            let words = &world.sent.last().expect("an update").1.message.headline;
            assert!(words.starts_with("CRITICAL: d is stale: "), "{case}: {words}");
            assert!(
                words.contains(" It was silenced until Thu 2026-11-26 12:55 by anna: "),
                "{case}: {words}"
            );
        }
    }
}

#[test]
fn an_effect_is_told_at_once_where_its_cause_is_silenced_for_longer_than_a_problem_waits() {
    let mut world = made("");
    silence(&mut world, ["d", "j"], "2026-11-26T10:10", 61);
    fails(&mut world, "2026-11-26T11:20");
    world.run_until("2026-11-26T12:10:05");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    let message = &world.sent.last().expect("a message").1.message;
    assert_eq!(message.subject_name.as_str(), "d");
}

#[test]
fn whoever_lifts_a_silence_hears_when_it_is_told_with_what_is_still_silenced_for_a_moment() {
    let mut world = made("");
    silence(&mut world, ["d", "j"], "2026-11-26T10:10", 0);
    fails(&mut world, "2026-11-26T11:20");
    world.run_until("2026-11-26T12:09:40");
    let Reply::Done(lifted) = world.ask(Request::Unsilence { name: "d".into() }) else {
        panic!("it is refused");
    };
    let later = json!([{ "incident": 1, "told": "later", "at": at("2026-11-26T12:10") }]);
    assert_eq!(lifted["incidents"], later);
    world.run_until("2026-11-26T12:20");
    is_told_in_one(&world, "lifted");
}
