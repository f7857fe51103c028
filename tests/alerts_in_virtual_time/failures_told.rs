//! A job fails while it is known already that what it makes is not as promised: that is told, and the record says to whom.

use freshd::model::{About, AddressState, Incident, Message, Purpose, Request};
use serde_json::json;

use super::delivery::no_such_address;
use super::virtual_world::{Play, World, at, clock};
use super::{NO_PROOFS, PEOPLE};

const OPS: &str = "mail:ops@sea.example";

/// `j` of `ops` has made `d` of `ops` at noon, which is stale at half past twelve and told of a minute later.
fn stale() -> World {
    stale_as(&(PEOPLE.to_owned() + NO_PROOFS + JOBS))
}

const JOBS: &str = r#"
[datasets.d]
owner = "ops"
file = "d"
max_age = "30m"
[jobs.j]
owner = "ops"
command = "true"
produces = "d"
[datasets.e]
owner = "ops"
file = "e"
[jobs.k]
owner = "ops"
command = "true"
on = ["d"]
produces = "e"
"#;

fn stale_as(text: &str) -> World {
    let mut world = World::start(text, "2026-11-26T12:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("once", now));
    }
    world.run("j");
    world.run_until("2026-11-26T12:35");
    assert_eq!(world.told_to(OPS), [Purpose::Opening], "d is stale");
    world
}

/// The same, and somebody has taken it on.
fn taken_on() -> World {
    let mut world = stale();
    let known = world.incidents().remove(0);
    world.done(Request::Ack {
        incident: known.id,
        note: None,
        link: None,
    });
    world
}

fn fails(world: &mut World, job: &str) {
    world.script(job, |_, _| Play::fails(3, "no route to host\n"));
    world.run(job);
}

fn last(world: &World) -> &Message {
    let mut told = world.sent.iter().rev().map(|(_, sent)| sent);
    let last = told.find(|sent| sent.address.to_string() == OPS);
    &last.expect("a message").message
}

fn about(world: &World, job: &str) -> Incident {
    let mut all = world.incidents().into_iter();
    let found = all.find(|one| one.about == About::Job && one.subject.as_str() == job);
    found.expect("an incident about the job")
}

pub(super) fn on_record(world: &World, incident: &Incident) -> Vec<AddressState> {
    world.reader().addresses_of(incident).expect("the store is read")
}

/// What `status --json` has of the open incident about a name.
pub(super) fn in_status(world: &mut World, name: &str) -> serde_json::Value {
    let status = world.done(Request::Status { name: None });
    let all = status["incidents"].as_array().expect("incidents").clone();
    let found = all.into_iter().find(|one| one["subject"] == json!(name));
    found.expect("an open incident")
}

#[test]
fn a_failure_is_told_though_somebody_has_taken_on_that_its_data_is_stale() {
    let mut world = taken_on();
    world.run_until("2026-11-26T12:40");
    fails(&mut world, "j");
    world.run_until("2026-11-26T12:45");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Update]);
    let update = last(&world);
    assert!(
        update.headline.starts_with("CRITICAL: d is stale: ")
            && update.headline.contains(" The cause: j failed: exit code 3."),
        "{}",
        update.headline
    );
    assert_eq!(update.output, ["no route to host"]);
    assert!(update.commands.iter().any(|typed| typed == "freshd logs j"));
    assert_eq!(update.subject, "Re: [freshd] d is stale (#1)", "in the same thread");
    // The same failure once more is none, over a restart as well.
    world.run("j");
    world.run_until("2026-11-26T12:50");
    world.crash();
    world.restart();
    world.run("j");
    world.run_until("2026-11-26T14:30");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Update]);
}

#[test]
fn a_job_that_fails_in_turns_under_an_open_alert_is_told_a_few_times_within_an_hour() {
    let mut world = taken_on();
    let noon = at("2026-11-26T12:00");
    for minute in 36..=56 {
        world.run_until(&format!("2026-11-26T12:{minute}"));
        match minute % 2 == 0 {
            true => fails(&mut world, "j"),
            false => {
                // As old as before.
                world.script("j", move |_, _| Play::writes("once", noon));
                world.run("j");
            }
        }
    }
    let updates = |world: &World| {
        let told = world.told_to(OPS).into_iter();
        told.filter(|why| *why == Purpose::Update).count()
    };
    world.run_until("2026-11-26T12:58");
    assert_eq!(updates(&world), 3);
    // It has not worked since, and the first of them is an hour ago.
    world.crash();
    world.restart();
    world.run_until("2026-11-26T13:34");
    assert_eq!(updates(&world), 3);
    world.run_until("2026-11-26T13:38");
    assert_eq!(updates(&world), 4);
}

#[test]
fn each_address_hears_of_a_further_failure_as_soon_as_it_may() {
    let ops = "notify = [\"mail:ops@sea.example\"]\n";
    let chief = "escalate = [{ after = \"30m\", notify = [\"mail:chief@sea.example\"] }]\n";
    let people = PEOPLE.replacen(ops, &format!("{ops}{chief}"), 1);
    let mut world = stale_as(&format!("{people}{NO_PROOFS}reminders = [\"5h\"]\n{JOBS}"));
    let noon = at("2026-11-26T12:00");
    // Of three the first address hears before the chain has called the second, which hears of three more.
    for (fails_at, works_at) in [(50, 51), (52, 53), (54, 55), (62, 63), (64, 65), (66, 67), (68, 90)] {
        let time = |minute: u32| format!("2026-11-26T{}:{:02}", 12 + minute / 60, minute % 60);
        world.run_until(&time(fails_at));
        fails(&mut world, "j");
        if works_at < 90 {
            world.run_until(&time(works_at));
            world.script("j", move |_, _| Play::writes("once", noon));
            world.run("j");
        }
    }
    world.run_until("2026-11-26T14:20");
    let updates = |to: &str| -> Vec<String> {
        let told = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == to);
        let told = told.filter(|(_, sent)| sent.message.purpose == Purpose::Update);
        told.map(|(at, _)| clock(*at)[..5].to_owned()).collect()
    };
    assert_eq!(updates(OPS), ["12:50", "12:52", "12:54", "13:50"]);
    assert_eq!(updates("mail:chief@sea.example"), ["13:02", "13:04", "13:06", "14:02"]);
}

#[test]
fn an_effect_was_told_to_whom_something_was_sent_that_tells_of_it_also_when_it_is_over() {
    let mut world = taken_on();
    world.run_until("2026-11-26T12:40");
    fails(&mut world, "j");
    world.run_until("2026-11-26T12:45");
    let of_j = on_record(&world, &about(&world, "j"));
    let told: Vec<(&str, bool)> = of_j
        .iter()
        .map(|one| (one.to.as_str(), one.at >= Some(at("2026-11-26T12:40"))))
        .collect();
    assert_eq!(told, [(OPS, true)], "not by what was sent before it failed");
    assert_eq!(in_status(&mut world, "j")["addresses"], json!(of_j));
    assert_eq!(
        in_status(&mut world, "j")["told"],
        json!(["ops by mail:ops@sea.example"])
    );
    // Its end is told with that of the data.
    world.script("j", |_, now| Play::writes("twice", now));
    world.run("j");
    world.run_until("2026-11-26T13:25");
    assert!(about(&world, "j").resolved_at.is_some());
    assert_eq!(on_record(&world, &about(&world, "j")), of_j);
}

#[test]
fn nobody_is_said_to_have_been_told_of_what_nothing_was_sent_about() {
    let mut world = taken_on();
    fails(&mut world, "k");
    world.run_until("2026-11-26T12:45");
    assert_eq!(about(&world, "k").cause, Some(world.incidents()[0].id));
    assert_eq!(
        world.told_to(OPS),
        [Purpose::Opening],
        "the data that it needs is stale"
    );
    assert_eq!(on_record(&world, &about(&world, "k")), []);
    let status = in_status(&mut world, "k");
    assert_eq!((&status["addresses"], &status["told"]), (&json!([]), &json!([])));
    // Nor is it told by word that all of it is over.
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("twice", now));
    }
    world.run("j");
    world.run_until("2026-11-26T13:00");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
    assert!(about(&world, "k").resolved_at.is_some());
    assert_eq!(on_record(&world, &about(&world, "k")), []);
}

#[test]
fn an_address_that_took_nothing_was_not_told() {
    let mut world = World::start(&super::one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    fails(&mut world, "j");
    world.run_until("2026-11-26T12:10");
    let status = in_status(&mut world, "j");
    let told: Vec<&str> = status["told"]
        .as_array()
        .expect("texts")
        .iter()
        .filter_map(|one| one.as_str())
        .collect();
    assert!(
        !told.is_empty() && told.iter().all(|one| !one.contains(OPS)),
        "{told:?}"
    );
    let tried = status["addresses"].as_array().expect("addresses");
    assert!(
        tried
            .iter()
            .any(|one| one["to"] == json!(OPS) && one["state"] == json!("given_up")),
        "{tried:?}"
    );
}

#[test]
fn a_message_says_how_many_runs_have_failed_in_a_row() {
    let mut world = World::start(&super::one_job(""), "2026-11-26T12:00");
    fails(&mut world, "j");
    world.run_until("2026-11-26T12:10");
    let tried = |world: &World| {
        let fact = last(world).facts.iter().find(|fact| fact.label == "Tried").cloned();
        fact.expect("what was tried").text
    };
    assert!(!tried(&world).contains("in a row"), "{}", tried(&world));
    world.run("j");
    world.run_until("2026-11-26T12:20");
    world.crash();
    world.restart();
    world.run("j");
    world.run_until("2026-11-26T13:10");
    assert_eq!(last(&world).purpose, Purpose::Reminder);
    assert!(
        tried(&world).ends_with("; 3 runs in a row have failed, since Thu 2026-11-26 12:00"),
        "{}",
        tried(&world)
    );
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-26T13:20");
    fails(&mut world, "j");
    world.run_until("2026-11-26T13:30");
    assert!(!tried(&world).contains("in a row"), "{}", tried(&world));
}

#[test]
fn what_is_told_apart_from_a_cause_that_was_silenced_is_named_with_its_number() {
    let text = format!(
        "{PEOPLE}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [datasets.e]\nowner = \"a\"\nfile = \"e\"\nmax_age = \"40m\"\n\
         [jobs.k]\nowner = \"a\"\ncommand = \"true\"\non = [\"d\"]\nproduces = \"e\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T12:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("once", now));
    }
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.done(Request::Silence {
        name: "d".into(),
        because: "the servers move".to_owned(),
        for_s: 3_600,
    });
    world.run_until("2026-11-26T13:20");
    let made = |world: &World| {
        let fact = last(world)
            .facts
            .iter()
            .find(|fact| fact.label == "Made from it")
            .cloned();
        fact.map(|fact| fact.text)
    };
    assert_eq!(last(&world).purpose, Purpose::Opening);
    assert_eq!(made(&world).as_deref(), Some("1 dataset: e (stale, #2)"));
    // It is good again, and what is made from it is still to come.
    world.script("k", |_, now| {
        Play::writes("twice", now).taking(std::time::Duration::from_hours(2))
    });
    world.script("j", |_, now| Play::writes("twice", now));
    world.run("j");
    world.run_until("2026-11-26T13:30");
    assert_eq!(last(&world).purpose, Purpose::Recovery);
    assert_eq!(made(&world).as_deref(), Some("1 dataset: e (stale, #2)"));
}
