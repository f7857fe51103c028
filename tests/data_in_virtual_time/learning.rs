//! With which versions a candidate is compared: those that were accepted on the same day of the week.

use std::time::Duration;

use freshd::model::{Action, Comparison, Decision, Event, Request, VersionState};

use super::virtual_world::{Play, World, with_ops};

/// `p` makes `d` each morning in Oslo, and a rule compares its rows.
fn daily(from: &str) -> World {
    let text = with_ops(
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
         checks = { format = \"csv\", rows = { change = \"-30%..+50%\" } }\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         schedule = \"30 0 * * *\"\ntimezone = \"Europe/Oslo\"\n",
    );
    World::start(&text, from)
}

/// What the last candidate was compared with.
fn compared(world: &World) -> &Comparison {
    let judged = world.asked.iter().rev().find_map(|action| match action {
        Action::Judge(judging) => Some(&judging.comparison),
        _ => None,
    });
    judged.expect("a candidate")
}

fn numbers(world: &World) -> Vec<u64> {
    compared(world).versions.iter().map(|past| past.number.0).collect()
}

/// What `freshd why d` says of the dataset.
fn evidence(world: &mut World) -> serde_json::Value {
    world.done(Request::Why { name: "d".into() })["dataset"].clone()
}

#[test]
fn a_candidate_is_compared_with_its_own_weekday_in_the_zone_of_its_job() {
    // Half past midnight on Friday in Oslo is still Thursday in UTC.
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-06T00:45");
    assert_eq!((compared(&world).of, numbers(&world)), ("Fridays", vec![]));
    world.run_until("2026-03-27T00:45");
    assert_eq!((compared(&world).of, numbers(&world)), ("Fridays", vec![5, 12, 19]));
    assert!(compared(&world).is_learning());
    world.run_until("2026-05-22T00:45");
    assert_eq!(numbers(&world), [26, 33, 40, 47, 54, 61, 68, 75]);
}

#[test]
fn a_refused_version_teaches_nothing_and_a_restart_forgets_nothing() {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-12T12:00");
    world.script("p", |_, at| Play::writes("odd", at).refused("too few rows"));
    world.run_until("2026-03-13T12:00");
    world.script("p", |_, at| Play::writes(&at.to_string(), at));
    world.run_until("2026-04-03T12:00");
    let fridays = numbers(&world);
    assert_eq!(compared(&world).of, "Fridays");
    assert!(!fridays.contains(&12), "{fridays:?}");
    world.crash();
    world.restart();
    world.run_until("2026-04-10T12:00");
    let expected: Vec<u64> = fridays.iter().copied().chain([33]).collect();
    assert_eq!(numbers(&world), expected);
}

#[test]
fn a_version_that_is_put_back_teaches_nothing_a_second_time() {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-14T12:00");
    let first_friday = world.versions("d").remove(4);
    world.handle(Event::Decided {
        id: 4_711,
        by: "anna".to_owned(),
        because: "the plant in Tromsø is closed".to_owned(),
        decision: Decision::Restore,
        // That is asked of what is released alone.
        learn: true,
        version: Ok(Box::new(first_friday)),
    });
    world.run_until("2026-03-20T12:00");
    assert_eq!(world.versions("d")[13].state, VersionState::Published);
    assert_eq!(world.versions("d")[13].lesson, None);
    assert_eq!((compared(&world).of, numbers(&world)), ("Fridays", vec![5, 12]));
    // Nor does a restart take it for something new.
    world.crash();
    world.restart();
    world.run_until("2026-03-27T12:00");
    assert_eq!(numbers(&world), [5, 12, 20]);
}

#[test]
fn an_occurrence_that_is_made_up_for_on_another_day_counts_for_its_own() {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-12T22:00");
    world.crash();
    world.pass(Duration::from_mins(26 * 60 + 10));
    world.restart();
    world.run_until("2026-03-14T00:20");
    assert_eq!(compared(&world).of, "Fridays");
    world.run_until("2026-03-14T00:40");
    assert_eq!(compared(&world).of, "Saturdays");
}

#[test]
fn why_says_what_each_weekday_is_compared_with_and_nothing_where_nothing_is_compared() {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-10T12:00");
    let compared = evidence(&mut world)["compared"].clone();
    assert_eq!(compared.as_array().map(Vec::len), Some(7), "{compared}");
    let mut young = daily("2026-03-01T12:00");
    young.run_until("2026-03-02T12:00");
    assert_eq!(
        evidence(&mut young)["compared"],
        serde_json::json!([{ "of": "Mondays", "needed": 4, "versions": [1], "days": 1 }]),
        "of a day without a version nothing is said"
    );
    assert_eq!(
        compared[0],
        serde_json::json!({ "of": "Mondays", "needed": 4, "versions": [1, 8], "days": 2 })
    );
    let mut plain = World::start(&super::made(""), "2026-03-01T12:00");
    plain.run("p");
    plain.run_until("2026-03-01T12:10");
    assert!(evidence(&mut plain)["compared"].is_null());
}
