//! Every version knows what made it, and every run of a chain carries one trace.

use freshd::model::{AttemptId, RunId};

use super::virtual_world::{Play, World, with_ops};

/// `p` makes `d`; `q` starts on it and makes `e`, of which `r` is a reader by the clock.
fn chain() -> World {
    World::start(
        &with_ops(
            "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
             [datasets.e]\nowner = \"ops\"\nfile = \"e.csv\"\n\
             [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
             [jobs.q]\nowner = \"ops\"\ncommand = \"true\"\non = [\"d\"]\nproduces = \"e\"\nretry = { attempts = 2, delay = \"1m\" }\n\
             [jobs.r]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"e\"]\nschedule = \"0 9 * * *\"\n",
        ),
        "2026-03-02T08:00",
    )
}

/// The trace and the span that an attempt was given.
fn given(world: &World, job: &str, number: u32) -> (String, String) {
    let (_, id, _) = world
        .started
        .iter()
        .find(|(name, id, _)| name == job && id.number == number)
        .expect("it was started");
    let parent = world.specs[id].env.iter().find(|(key, _)| key == "TRACEPARENT");
    let parts: Vec<&str> = parent.expect("a trace").1.split('-').collect();
    (parts[1].to_owned(), parts[2].to_owned())
}

#[test]
fn a_chain_has_one_trace_over_retries_and_restarts_and_in_all_that_is_recorded_of_it() {
    let mut world = chain();
    world.script("q", |spec, now| match spec.id.number {
        1 => Play::fails(1, "no connection"),
        _ => Play::writes("joined", now),
    });
    world.run("p");
    world.run_until("2026-03-02T08:00:10");
    world.crash();
    world.restart();
    world.run_until("2026-03-02T09:05");
    let (trace, first) = given(&world, "p", 1);
    let (same, second) = given(&world, "q", 1);
    let (after_restart, third) = given(&world, "q", 2);
    assert_eq!((&same, &after_restart), (&trace, &trace), "one chain");
    assert!(first != second && second != third, "each attempt is a span of its own");
    for dataset in ["d", "e"] {
        let version = world.versions(dataset).remove(0);
        assert_eq!(version.provenance.trace.as_deref(), Some(trace.as_str()));
        assert_eq!(
            version.provenance.settings.as_deref(),
            Some(world.settings.digest.as_str())
        );
    }
    assert_eq!(world.last_run("q").trace_id(), trace);
    assert_ne!(
        given(&world, "r", 1).0,
        trace,
        "what the clock starts begins a chain of its own"
    );
}

#[test]
fn a_message_names_the_trace_of_the_run_that_it_is_about() {
    let mut world = chain();
    world.script("q", |_, _| Play::fails(1, "no connection"));
    world.run("p");
    world.run_until("2026-03-02T08:30");
    let (trace, _) = given(&world, "p", 1);
    let told: Vec<_> = world.sent.iter().map(|(_, sent)| sent.message.trace.clone()).collect();
    assert_eq!(told, [Some(trace)]);
}

#[test]
fn a_version_names_its_attempt_and_the_versions_it_was_made_from() {
    let mut world = chain();
    world.run("p");
    world.run_until("2026-03-02T08:05");
    let made = world.versions("e").remove(0);
    let attempt = AttemptId {
        run: RunId(2),
        number: 1,
    };
    assert_eq!((made.run, made.attempt), (Some(RunId(2)), Some(attempt)));
    assert_eq!(made.inputs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["d@1"]);
}
