//! What whoever lifts a silence is told: of each thing that is wrong, whether people hear of it now.

use freshd::model::{Purpose, Reply, Request};
use serde_json::{Value, json};

use super::one_job;
use super::virtual_world::{Play, World};

/// Silences a name for six hours.
fn silence(world: &mut World, name: &str) {
    world.done(Request::Silence {
        name: name.into(),
        because: "the servers move".to_owned(),
        for_s: 6 * 3_600,
    });
}

/// Lifts the silence again: what is said of each incident.
fn lifted(world: &mut World, name: &str) -> Value {
    match world.ask(Request::Unsilence { name: name.into() }) {
        Reply::Done(facts) => facts["incidents"].clone(),
        Reply::Refused(why) => panic!("refused: {why}"),
    }
}

/// `j` has failed and its owner was told, ten minutes ago; then it was silenced.
fn told_then_silenced(more: &str) -> World {
    let mut world = World::start(&(one_job("") + more), "2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    silence(&mut world, "j");
    world.run_until("2026-11-26T14:00");
    world
}

/// A job has made its data, and a name is silenced ten minutes later.
fn made_then_silenced(text: &str, job: &str, name: &str) -> World {
    let mut world = World::start(text, "2026-11-26T10:00");
    world.script(job, |_, now| Play::writes("x", now));
    world.run(job);
    world.run_until("2026-11-26T10:10");
    silence(&mut world, name);
    world
}

#[test]
fn what_nobody_has_taken_on_is_told_now() {
    let mut world = told_then_silenced("");
    assert_eq!(lifted(&mut world, "j"), json!([{ "incident": 1, "told": "now" }]));
    world.run_until("2026-11-26T14:01");
    assert_eq!(world.told().len(), 2);
    // What nobody was told of before is told, too.
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silence(&mut world, "j");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T14:00");
    assert_eq!(lifted(&mut world, "j"), json!([{ "incident": 1, "told": "now" }]));
    world.run_until("2026-11-26T14:01");
    assert_eq!(world.told_to("mail:ops@sea.example"), [Purpose::Opening]);
}

#[test]
fn what_somebody_has_taken_on_is_not_told() {
    let mut world = told_then_silenced("");
    let id = world.incidents()[0].id;
    world.done(Request::ack(id));
    let told = json!([{ "incident": 1, "told": "acknowledged", "by": "anna", "until": "2026-11-27T07:00:00Z" }]);
    assert_eq!(lifted(&mut world, "j"), told);
    world.run_until("2026-11-26T20:00");
    assert_eq!(world.told().len(), 1, "the opening");
}

#[test]
fn what_a_window_covers_is_told_when_that_closes() {
    let window = "[maintenance.move]\nfrom = 2026-11-26T13:00:00\nto = \"2026-11-26T18:00\"\njobs = [\"j\"]\n\
                  author = \"Anna\"\nbecause = \"the servers move\"\n";
    let mut world = told_then_silenced(window);
    let told = json!([{ "incident": 1, "told": "maintenance", "name": "move", "until": "2026-11-26T17:00:00Z" }]);
    assert_eq!(lifted(&mut world, "j"), told);
    world.run_until("2026-11-26T17:59");
    assert_eq!(world.told().len(), 1, "the opening");
    world.run_until("2026-11-26T18:01");
    assert_eq!(world.told().len(), 2);
}

#[test]
fn what_has_just_begun_waits_for_its_cause_as_ever() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silence(&mut world, "j");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:00:30");
    let told = json!([{ "incident": 1, "told": "later", "at": "2026-11-26T11:01:05Z" }]);
    assert_eq!(lifted(&mut world, "j"), told);
}

#[test]
fn what_something_else_explains_is_told_as_part_of_that() {
    let data = "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"1h\"\n";
    let text = one_job("produces = \"d\"") + data;
    let mut world = World::start(&text, "2026-11-26T10:00");
    world.run("j");
    world.run_until("2026-11-26T10:30");
    silence(&mut world, "d");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:00");
    assert_eq!(world.told_to("mail:a@sea.example"), []);
    assert_eq!(
        lifted(&mut world, "d"),
        json!([{ "incident": 2, "told": "explained", "cause": 1 }])
    );
    world.run_until("2026-11-26T12:01");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Impact]);
}

#[test]
fn what_a_silenced_cause_would_explain_is_told_by_itself() {
    let data = "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"1h\"\n";
    let mut world = World::start(&(one_job("produces = \"d\"") + data), "2026-11-26T10:00");
    world.run("j");
    world.run_until("2026-11-26T10:30");
    silence(&mut world, "d");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T10:50");
    silence(&mut world, "j");
    world.run_until("2026-11-26T12:00");
    assert_eq!(lifted(&mut world, "d"), json!([{ "incident": 2, "told": "now" }]));
    world.run_until("2026-11-26T12:01");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Opening]);
}

#[test]
fn a_job_and_the_dataset_of_its_name_that_are_silenced_as_one_are_told_in_one() {
    let text = one_job("")
        .replace("[jobs.j]", "[jobs.orders]")
        .replace("command = \"true\"\n", "command = \"true\"\nproduces = \"orders\"\n")
        + "[datasets.orders]\nowner = \"ops\"\nfile = \"orders.csv\"\nmax_age = \"30m\"\n";
    let mut world = made_then_silenced(&text, "orders", "orders");
    world.script("orders", |_, _| Play::fails(1, ""));
    world.run("orders");
    world.run_until("2026-11-26T12:00");
    lifted(&mut world, "orders");
    world.run_until("2026-11-26T12:01");
    assert_eq!(world.told_to("mail:ops@sea.example"), [Purpose::Opening]);
    let words = &world.sent.last().expect("a message").1.message.headline;
    assert!(words.starts_with("CRITICAL: "), "{words}");
}

#[test]
fn what_is_silenced_is_not_what_the_alert_about_its_cause_begins_with() {
    let text = one_job("produces = \"d\"") + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\n";
    let mut world = made_then_silenced(&text, "j", "d");
    world.run_until("2026-11-26T11:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T11:10");
    let message = &world.sent.last().expect("a message").1.message;
    assert!(
        message.headline.starts_with("WARNING: j failed"),
        "{}",
        message.headline
    );
    assert!(!message.headline.contains("d is stale"), "{}", message.headline);
    assert!(
        message.facts.iter().any(|fact| fact.label == "Silenced"),
        "{:?}",
        message.facts
    );
}
