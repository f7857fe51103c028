//! What explains what, when what explains is silenced, comes and goes, begins in the same step, or is told to nobody.

use std::time::Duration;

use freshd::model::{About, DeliveryOutcome, IncidentState, NotificationState, ProblemKind, Purpose, Reply, Request};

use super::delivery::{busy, no_such_address};
use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

const A: &str = "mail:a@sea.example";
const B: &str = "mail:b@sea.example";
const OPS: &str = "mail:ops@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// `j` makes `d`, from which `k` makes `e`. Team `a` answers for all but `e`, which is `b`'s.
fn chain(alerts: &str) -> String {
    format!(
        "{PEOPLE}[alerts]\nweekly = false\ncanary = false\n{alerts}\n\
         [datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"3h\"\n\
         [datasets.e]\nowner = \"b\"\nfile = \"e\"\nmax_age = \"4h\"\n\
         [jobs.j]\nowner = \"a\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.k]\nowner = \"a\"\ncommand = \"true\"\non = [\"d\"]\nproduces = \"e\"\n"
    )
}

/// The same, and both datasets are made at 10:00.
fn made(text: &str) -> World {
    let mut world = World::start(text, "2026-11-26T10:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("x", now));
    }
    world.run("j");
    world.run_until("2026-11-26T10:30");
    world
}

fn silence(world: &mut World, name: &str) {
    world.done(Request::Silence {
        name: name.into(),
        because: "the servers move".to_owned(),
        for_s: 24 * 3_600,
    });
}

fn fails(world: &mut World, job: &str) {
    world.script(job, |_, _| Play::fails(1, ""));
    world.run(job);
}

#[test]
fn what_is_silenced_after_it_was_told_explains_nothing_new() {
    let mut world = made(&chain(""));
    world.run_until("2026-11-26T13:10");
    assert_eq!(world.told_to(A), [Purpose::Opening], "d is stale");
    silence(&mut world, "d");
    fails(&mut world, "k");
    world.run_until("2026-11-26T13:20");
    assert_eq!(world.told_to(A), [Purpose::Opening; 2], "k has failed");
}

#[test]
fn an_effect_that_waits_with_its_cause_is_told_by_itself_when_that_is_silenced() {
    // e is stale at 14:00, is told a minute later with whatever explains it, and j fails between.
    let mut world = made(&chain("").replace("max_age = \"3h\"", ""));
    world.run_until("2026-11-26T14:00:30");
    fails(&mut world, "j");
    world.run_until("2026-11-26T14:01:10");
    silence(&mut world, "j");
    world.run_until("2026-11-26T14:10");
    assert_eq!(world.told_to(B), [Purpose::Opening], "e is stale");
    assert_eq!(world.told_to(A), []);
}

#[test]
fn what_comes_and_goes_explains_nothing_while_it_is_well() {
    let mut world = World::start(&chain(""), "2026-11-26T10:00");
    world.script("k", |_, now| Play::writes("y", now));
    for (at, is_good) in [
        ("12:00", true),
        ("12:05", false),
        ("12:10", true),
        ("12:15", false),
        ("12:20", true),
        ("12:25", false),
        ("12:30", true),
    ] {
        world.run_until(&format!("2026-11-26T{at}"));
        world.script("j", move |_, now| match is_good {
            true => Play::writes("x", now),
            false => Play::fails(1, ""),
        });
        world.run("j");
    }
    world.run_until("2026-11-26T12:40");
    let flapping = world.open_incidents();
    assert!(flapping.len() == 1 && flapping[0].flapping.is_some(), "{flapping:?}");
    let before = world.told_to(A).len();
    fails(&mut world, "k");
    world.run_until("2026-11-26T12:50");
    assert_eq!(world.told_to(A)[before..], [Purpose::Opening], "k has failed");
}

#[test]
fn the_fallback_hears_of_each_team_that_was_not_reached_and_that_it_became_worse() {
    let text = format!(
        "{PEOPLE}{NO_PROOFS}[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"1h\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T10:58");
    for to in [OPS, A] {
        world.channel(to, |_, now| busy(now));
    }
    fails(&mut world, "j");
    world.run_until("2026-11-26T11:30");
    assert_eq!(world.told_to(FALLBACK), [Purpose::Opening, Purpose::Impact]);
    let mut sent = world.sent.iter().map(|(_, sent)| sent);
    let opening = sent.find(|sent| sent.address.to_string() == FALLBACK).expect("told");
    let headline = &opening.message.headline;
    assert!(headline.starts_with("CRITICAL: d is stale: "), "{headline}");
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T11:40");
    let ends = world
        .told_to(FALLBACK)
        .into_iter()
        .filter(|why| *why == Purpose::Recovery);
    assert_eq!(ends.count(), 2, "one in the thread of each team");
}

/// Two teams have one pager: `j`, which is `ops`'s, has failed, so that `d` of `a` is stale; it is about to be repaired.
fn on_one_pager() -> World {
    let people = PEOPLE
        .replace("mail:ops@sea.example", "pager")
        .replace("mail:a@sea.example", "pager");
    let text = format!(
        "{people}{NO_PROOFS}[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"1h\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T10:58");
    fails(&mut world, "j");
    world.run_until("2026-11-26T11:30");
    world.script("j", |_, now| Play::writes("y", now));
    world
}

/// The teams that the pager took an end for.
fn told_of_the_end(world: &World) -> Vec<&str> {
    let told = world.ledger.notifications.values();
    let ends = told.filter(|told| told.message.purpose == Purpose::Recovery && told.address.to_string() == "pager");
    ends.filter(|told| told.state == NotificationState::Delivered)
        .map(|told| told.message.team.as_str())
        .collect()
}

#[test]
fn teams_that_are_told_where_the_fallback_is_hear_of_the_end_each() {
    let mut world = on_one_pager();
    world.run("j");
    world.run_until("2026-11-26T11:40");
    assert_eq!(told_of_the_end(&world), ["ops", "a"]);
}

#[test]
fn teams_that_share_an_address_hear_of_the_end_each_also_when_it_was_away() {
    let mut world = on_one_pager();
    world.channel("pager", |_, now| busy(now));
    world.run("j");
    world.run_until("2026-11-26T11:34");
    world.channel("pager", |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T11:50");
    assert_eq!(told_of_the_end(&world), ["ops", "a"]);
}

#[test]
fn what_was_told_though_it_may_still_be_mended_explains_what_follows() {
    let more = "[datasets.f]\nowner = \"b\"\nfile = \"f\"\nmax_age = \"315m\"\n\
         [jobs.m]\nowner = \"a\"\ncommand = \"true\"\non = [\"e\"]\nproduces = \"f\"\n";
    let mut world = World::start(&(chain("") + more), "2026-11-26T10:00");
    for job in ["j", "k", "m"] {
        world.script(job, |_, now| Play::writes("x", now));
    }
    world.run("j");
    world.run_until("2026-11-26T12:00");
    fails(&mut world, "j");
    world.run_until("2026-11-26T14:10");
    world.script("k", |_, now| Play::writes("y", now).taking(Duration::from_hours(3)));
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T15:30");
    let all = world.incidents();
    let of = |name: &str| {
        let found = all.iter().find(|one| one.subject.as_str() == name);
        found.unwrap_or_else(|| panic!("{name}: {all:#?}"))
    };
    assert_eq!(of("e").state, IncidentState::Open, "it was told after half an hour");
    assert_eq!(of("f").cause, Some(of("e").id));
}

#[test]
fn whoever_comes_to_answer_for_what_is_wrong_is_told_at_once() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    world.reload(&one_job("").replace("owner = \"ops\"", "owner = \"a\""));
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.told_to(A), [Purpose::Opening]);
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-26T12:30");
    for to in [OPS, A] {
        assert_eq!(world.told_to(to), [Purpose::Opening, Purpose::Recovery], "{to}");
    }
}

#[test]
fn a_failure_explains_what_it_leaves_behind_in_the_same_step() {
    let mut world = World::start(&chain("group_wait = \"0s\""), "2026-11-26T10:00");
    fails(&mut world, "j");
    world.run_until("2026-11-26T10:10");
    let roots: Vec<_> = world
        .open_incidents()
        .into_iter()
        .filter(|incident| incident.cause.is_none())
        .collect();
    let about: Vec<_> = roots.iter().map(|root| (root.about, root.subject.as_str())).collect();
    assert_eq!(about, [(About::Job, "j")]);
}

#[test]
fn an_address_that_nobody_is_told_at_any_more_has_no_trouble_of_its_own() {
    let other = "[channels.other]\ntype = \"file\"\ndir = \"other\"\n";
    let with_other = one_job("").replace("[teams.ops]\nnotify = [", "[teams.ops]\nnotify = [\"other:x\", ") + other;
    let mut world = failing(&with_other, "2026-11-26T12:00");
    world.channel("other:x", |_, now| busy(now));
    world.run_until("2026-11-26T12:10");
    world.reload(&one_job(""));
    world.channel("other:x", |_, _| no_such_address());
    world.run_until("2026-11-26T13:30");
    let broken = world
        .incidents()
        .into_iter()
        .filter(|incident| incident.kind == ProblemKind::ChannelBroken);
    assert_eq!(broken.count(), 0);
}

#[test]
fn effects_of_what_comes_and_goes_stand_for_themselves_while_it_is_well() {
    let mut world = made(&chain("").replace("max_age = \"3h\"", ""));
    // What is made anew is as old as before: e is stale at 14:00.
    let ten = at("2026-11-26T10:00");
    world.script("k", move |_, _| Play::writes("x", ten));
    for (when, is_good) in [
        ("13:30", false),
        ("13:35", true),
        ("13:40", false),
        ("13:45", true),
        ("13:50", false),
        ("14:10", true),
    ] {
        world.run_until(&format!("2026-11-26T{when}"));
        world.script("j", move |_, _| match is_good {
            true => Play::writes("x", ten),
            false => Play::fails(1, ""),
        });
        world.run("j");
    }
    assert_eq!(world.told_to(B), [Purpose::Impact], "it follows from j");
    world.run_until("2026-11-26T14:30");
    assert_eq!(
        world.told_to(B),
        [Purpose::Impact, Purpose::Opening],
        "it stays, and j is well"
    );
}

#[test]
fn an_effect_that_is_silenced_while_its_cause_waits_is_told_to_nobody_with_it() {
    let mut world = made(&chain("").replace("max_age = \"3h\"", ""));
    world.run_until("2026-11-26T14:00:30");
    fails(&mut world, "j");
    world.run_until("2026-11-26T14:01:10");
    silence(&mut world, "e");
    world.run_until("2026-11-26T14:10");
    assert_eq!(world.told_to(A), [Purpose::Opening], "j has failed");
    assert_eq!(world.told_to(B), [], "e is silenced");
}

#[test]
fn what_becomes_worse_behind_a_cause_that_was_told_and_then_silenced_stands_for_itself() {
    let promised = "due = { at = \"0 14 * * *\" }";
    let text = chain("")
        .replace("max_age = \"3h\"", "")
        .replace("max_age = \"4h\"", promised);
    let mut world = World::start(&text.replace("owner = \"b\"", "owner = \"a\""), "2026-11-26T10:00");
    fails(&mut world, "k");
    world.run_until("2026-11-26T10:10");
    let told = world.open_incidents();
    let of_e = world.incidents().into_iter().find(|one| one.subject.as_str() == "e");
    let is_attached = of_e.is_some_and(|one| one.state == IncidentState::Attached && one.cause == Some(told[0].id));
    assert!(is_attached, "nobody can tell how e is, since k failed");
    silence(&mut world, "k");
    world.run_until("2026-11-26T13:59");
    assert_eq!(
        world.told_to(A),
        [Purpose::Opening],
        "k has failed, and with it e is told"
    );
    world.run_until("2026-11-26T14:10");
    assert_eq!(
        world.told_to(A),
        [Purpose::Opening; 2],
        "e is late, and nothing told explains it"
    );
}

/// `j` fails and is told; what is made from it is stale, which is a warning, and so is told to none of those who answer
/// for it.
fn hidden(count: usize) -> World {
    let warning = "severity = \"warning\"\nmax_age = \"4h\"";
    let mut text = chain("")
        .replace("max_age = \"3h\"", "")
        .replace("max_age = \"4h\"", warning);
    for number in 0..count {
        text += &format!(
            "[datasets.e{number}]\nowner = \"b\"\nfile = \"e{number}\"\n{warning}\n[jobs.k{number}]\nowner = \"a\"\n\
             command = \"true\"\nproduces = \"e{number}\"\nneeds = [\"d\"]\non_stale = \"run\"\n"
        );
    }
    let mut world = made(&text);
    for number in 0..count {
        let job = format!("k{number}");
        world.script(&job, |_, now| Play::writes("x", now));
        world.run(&job);
    }
    world.run_until("2026-11-26T13:00");
    fails(&mut world, "j");
    world.run_until("2026-11-26T14:45");
    world
}

#[test]
fn what_nobody_heard_of_behind_a_cause_that_is_silenced_is_told_by_itself() {
    let mut world = hidden(0);
    assert_eq!(world.told_to(B), [], "only a warning, and j explains it");
    silence(&mut world, "j");
    world.run_until("2026-11-26T14:50");
    assert_eq!(
        world.told_to(B),
        [Purpose::Opening],
        "e is stale, and nothing told explains it"
    );
    world.script("j", |_, now| Play::writes("y", now));
    world.script("k", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T15:10");
    assert_eq!(world.told_to(B), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn much_that_nobody_heard_of_behind_a_cause_that_is_silenced_is_one_message() {
    let mut world = hidden(12);
    silence(&mut world, "j");
    world.run_until("2026-11-26T14:50");
    assert_eq!(world.told_to(B), [Purpose::Digest]);
}

#[test]
fn an_effect_is_taken_on_with_its_cause() {
    let mut world = made(&chain(""));
    fails(&mut world, "j");
    world.run_until("2026-11-26T13:30");
    let attached = world
        .incidents()
        .into_iter()
        .find(|one| one.state == IncidentState::Attached);
    let attached = attached.expect("an effect");
    let cause = attached.cause.expect("it has one");
    let said = world.ask(Request::Ack {
        incident: attached.id,
        note: None,
        link: None,
    });
    assert!(
        matches!(&said, Reply::Refused(why) if why.contains(&format!("`freshd ack {cause}`"))),
        "{said:?}"
    );
}
