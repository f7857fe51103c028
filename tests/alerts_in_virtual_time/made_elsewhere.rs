//! One cause that passes through systems: what they make from one another is one incident.

use freshd::model::{About, IncidentState, ProblemKind, Purpose};
use jiff::Timestamp;

use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE, one_job};

const BROKEN: &str = "2026-03-02T09:59";
const MENDED: &str = "2026-03-02T13:59";

/// Orders go to the warehouse, which makes issues of them, of which the ERP makes invoices. No job leads from one to the next.
fn company() -> String {
    let dataset = |name: &str, team: &str, max_age: &str, more: &str| {
        format!(
            "[datasets.{name}]\nowner = \"{team}\"\nfile = \"{name}\"\nmax_age = \"{max_age}\"\n{more}\n\
             [jobs.{name}-export]\nowner = \"{team}\"\ncommand = \"true\"\nevery = \"10m\"\nproduces = \"{name}\"\n"
        )
    };
    [
        format!("{PEOPLE}{NO_PROOFS}"),
        dataset("orders", "a", "1h", ""),
        dataset("issues", "b", "90m", "made_from = [\"orders\"]\nconsumers = [\"d\"]"),
        dataset("invoices", "c", "2h", "made_from = [\"issues\"]"),
    ]
    .concat()
}

/// No order is exported from ten to two, and whatever a system makes of orders is as old as the last of them.
fn starved(text: &str) -> World {
    let mut world = World::start(text, "2026-03-02T07:59");
    world.script("orders-export", |_, now| match is_broken(now) {
        true => Play::fails(1, "no route to host"),
        false => Play::writes(&now.to_string(), now),
    });
    for job in ["issues-export", "invoices-export"] {
        made_until(&mut world, job, MENDED);
    }
    world
}

fn is_broken(now: Timestamp) -> bool {
    now >= at(BROKEN) && now < at(MENDED)
}

/// What the job exports has nothing new in it from when orders failed until then.
fn made_until(world: &mut World, job: &str, again: &str) {
    let again = at(again);
    world.script(job, move |_, now| {
        let as_of = if now >= at(BROKEN) && now < again {
            at(BROKEN)
        } else {
            now
        };
        Play::writes(&now.to_string(), as_of)
    });
}

fn open_of(world: &World) -> Vec<(About, String)> {
    let open = world.open_incidents().into_iter();
    open.map(|incident| (incident.about, incident.subject.to_string()))
        .collect()
}

#[test]
fn one_cause_is_one_alert_also_two_systems_on() {
    let mut world = starved(&company());
    world.run_until("2026-03-02T13:50");
    assert_eq!(open_of(&world), [(About::Job, "orders-export".to_owned())]);
    let root = Some(world.open_incidents()[0].id);
    let attached = world.incidents().into_iter();
    let attached = attached.filter(|incident| incident.state == IncidentState::Attached);
    let attached: Vec<_> = attached
        .map(|incident| (incident.subject.to_string(), incident.kind, incident.cause))
        .collect();
    let stale = ["orders", "issues", "invoices"].map(|name| (name.to_owned(), ProblemKind::Stale, root));
    assert_eq!(attached, stale);
    // Who owns or reads what a system could not make is told once, and by the one incident.
    for team in ["b", "c", "d"] {
        let told = world.told_to(&format!("mail:{team}@sea.example"));
        assert_eq!(told, [Purpose::Impact], "{team}");
    }
    let opening = &world.sent[0].1.message;
    let made = opening.facts.iter().find(|fact| fact.label == "Made from it");
    let made = made.expect("what is made from orders").text.as_str();
    assert!(made.contains("issues") && made.contains("invoices"), "{made}");

    world.run_until("2026-03-02T15:00");
    assert_eq!(open_of(&world), []);
    for team in ["a", "b", "c", "d"] {
        let told = world.told_to(&format!("mail:{team}@sea.example"));
        assert_eq!(told.last(), Some(&Purpose::Recovery), "{team}");
        let ends = told.iter().filter(|why| **why == Purpose::Recovery);
        assert_eq!(ends.count(), 1, "{team}");
    }
}

#[test]
fn what_is_not_said_of_a_system_is_not_guessed() {
    let text = company();
    let unsaid: Vec<&str> = text.lines().filter(|line| !line.starts_with("made_from")).collect();
    let mut world = starved(&unsaid.join("\n"));
    world.run_until("2026-03-02T13:50");
    let open: Vec<String> = open_of(&world).into_iter().map(|(_, subject)| subject).collect();
    assert_eq!(open, ["orders-export", "issues", "invoices"]);
}

#[test]
fn what_stays_bad_in_a_system_when_its_cause_is_over_is_an_incident_of_its_own() {
    let mut world = starved(&company());
    for job in ["issues-export", "invoices-export"] {
        made_until(&mut world, job, "2026-03-02T18:00");
    }
    world.run_until("2026-03-02T15:00");
    // The nearest of what stays bad explains the rest.
    assert_eq!(open_of(&world), [(About::Dataset, "issues".to_owned())]);
    assert_eq!(world.told_to("mail:a@sea.example").last(), Some(&Purpose::Recovery));
    assert!(world.told_to("mail:b@sea.example").contains(&Purpose::Opening));
    let invoices = world
        .incidents()
        .into_iter()
        .find(|one| one.subject.as_str() == "invoices");
    let invoices = invoices.expect("it is stale");
    assert_eq!(
        (invoices.state, invoices.cause),
        (IncidentState::Attached, Some(world.open_incidents()[0].id))
    );
    world.run_until("2026-03-02T19:00");
    assert_eq!(open_of(&world), []);
}

#[test]
fn the_end_waits_for_what_a_system_may_still_make_anew() {
    let mut world = starved(&company());
    // The warehouse, and then the ERP, take their time with the first orders.
    made_until(&mut world, "issues-export", "2026-03-02T14:08");
    made_until(&mut world, "invoices-export", "2026-03-02T14:18");
    world.run_until("2026-03-02T14:15");
    let open = world.open_incidents();
    assert_eq!(open_of(&world), [(About::Job, "orders-export".to_owned())]);
    assert!(open[0].ends_by().is_some(), "it is over but for its end: {open:?}");
    world.run_until("2026-03-02T15:00");
    assert_eq!(open_of(&world), []);
    for team in ["b", "c", "d"] {
        let told = world.told_to(&format!("mail:{team}@sea.example"));
        assert_eq!(told, [Purpose::Impact, Purpose::Recovery], "{team}");
    }
}

#[test]
fn a_system_that_makes_something_has_no_version_of_it_pinned_and_limits_no_age() {
    let mut world = starved(&company());
    // It is as new as it says, whatever it was made from.
    world.script("issues-export", |_, now| Play::writes(&now.to_string(), now));
    world.run_until("2026-03-02T13:50");
    let version = world.versions("issues").pop().expect("it is exported all the while");
    assert_eq!((version.inputs.len(), version.limited_by), (0, None));
    assert_eq!(version.effective_as_of, version.as_of);
    assert_eq!(world.state_of("orders").0, "stale");
    assert_eq!(world.state_of("issues").0, "fresh");
}

#[test]
fn whoever_reads_the_cause_and_owns_what_is_made_from_it_hears_of_both_at_the_end() {
    let text = one_job("produces = \"d\"")
        + NO_PROOFS
        + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [\"a\"]\n\
           [datasets.e]\nowner = \"a\"\nfile = \"e\"\nmax_age = \"2h\"\n\
           [jobs.k]\nowner = \"a\"\ncommand = \"true\"\nneeds = [\"d\"]\nproduces = \"e\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("x", now));
        world.run(job);
        world.run_until_instant(world.now.wall + jiff::SignedDuration::from_secs(5));
    }
    world.run_until("2026-11-26T12:50");
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T13:00");
    let mut sent = world.sent.iter().map(|(_, sent)| sent);
    let end = sent.rfind(|sent| sent.address.to_string() == "mail:a@sea.example");
    let words = &end.expect("told").message.headline;
    assert!(
        words.contains(": d is fresh again, ") && words.ends_with(" As promised, too: e."),
        "{words}"
    );
}
