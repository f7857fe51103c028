//! Rehearsals: told, reminded of and escalated like the real thing, marked in every line, and without any effect on it.

use freshd::model::{DeliveryOutcome, IncidentId, IncidentState, ProblemKind, Purpose, Reply, Request, Status};
use serde_json::Value;

use super::delivery::{busy, no_such_address};
use super::virtual_world::{Play, World, at};
use super::{PEOPLE, one_job};

const OPS: &str = "mail:ops@sea.example";
const BOSS: &str = "mail:a@sea.example";

fn text() -> String {
    let ops = format!("notify = [\"{OPS}\"]\n");
    let chain = format!("escalate = [{{ after = \"30m\", notify = [\"{BOSS}\"] }}]\n");
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nconsumers = [\"b\"]\n";
    one_job("produces = \"d\"").replacen(&ops, &format!("{ops}{chain}"), 1) + data
}

fn drill(world: &mut World, name: &str, minutes: u64) -> Reply {
    world.ask(Request::Drill {
        name: name.into(),
        for_s: 60 * minutes,
    })
}

fn begun(world: &mut World, name: &str, minutes: u64) -> IncidentId {
    match drill(world, name, minutes) {
        Reply::Done(facts) => IncidentId(facts["incident"].as_u64().expect("a number")),
        Reply::Refused(why) => panic!("refused: {why}"),
    }
}

fn one(when: &str, to: &str, why: Purpose) -> (String, String, Purpose) {
    (when.to_owned(), to.to_owned(), why)
}

#[test]
fn a_drill_that_nobody_answers_escalates_and_says_so_at_its_end() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    let id = begun(&mut world, "d", 60);
    world.run_until("2026-11-26T20:00");
    let expected = [
        one("Thu 12:00", OPS, Purpose::Opening),
        one("Thu 12:30", BOSS, Purpose::Escalation),
        one("Thu 13:00", BOSS, Purpose::Recovery),
        one("Thu 13:00", OPS, Purpose::Recovery),
    ];
    let told: Vec<_> = world
        .told()
        .into_iter()
        .filter(|(_, to, _)| to == OPS || to == BOSS)
        .collect();
    assert_eq!(told, expected);
    assert_eq!(
        world.told_to("mail:b@sea.example"),
        [],
        "whoever reads it hears nothing"
    );
    let incident = world.incidents().pop().expect("an incident");
    assert_eq!(
        (incident.id, incident.kind, incident.state),
        (id, ProblemKind::Drill, IncidentState::Resolved)
    );
    assert_eq!(incident.resolution.as_deref(), Some("nobody acknowledged it within 1h"));
    let end = &world.sent.last().expect("a message").1.message.headline;
    assert!(end.contains("nobody acknowledged it within 1h"), "{end}");
}

#[test]
fn a_drill_whose_opening_no_address_took_says_so_at_its_end() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    world.channel(OPS, |_, now| match now < at("2026-11-26T12:03") {
        true => busy(now),
        false => DeliveryOutcome::Accepted,
    });
    let id = begun(&mut world, "d", 1);
    world.run_until("2026-11-26T12:40");
    assert_eq!(world.told_to(OPS), [Purpose::Recovery]);
    let words = "nobody could be told: no address took it within 1m";
    let stored = world
        .reader()
        .incident(id)
        .expect("the store is read")
        .expect("the drill");
    assert_eq!(stored.resolution.as_deref(), Some(words));
    let to_ops = world.sent.iter().find(|(_, sent)| sent.address.to_string() == OPS);
    let end = &to_ops.expect("the end").1.message.headline;
    assert!(end.contains(words), "{end}");
}

#[test]
fn its_end_names_those_who_took_it_apart_from_those_whom_it_never_reached() {
    let titled = text()
        .replace("[teams.ops]\n", "[teams.ops]\ntitle = \"Operations\"\n")
        .replace("[datasets.d]\n", "[datasets.d]\ntitle = \"Daily catch\"\n");
    let mut world = World::start(&titled, "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    begun(&mut world, "d", 60);
    world.run_until("2026-11-26T13:10");
    let (_, end) = world
        .sent
        .iter()
        .rfind(|(_, sent)| sent.address.to_string() == BOSS)
        .expect("the end");
    assert_eq!(end.message.purpose, Purpose::Recovery);
    let said = |label: &str| {
        let fact = end.message.facts.iter().find(|fact| fact.label == label);
        fact.map(|fact| fact.text.clone())
    };
    // The fallback has heard it in their stead.
    let told = format!("the fallback for Operations by mail:it@sea.example and pager; Operations by {BOSS}");
    assert_eq!(said("Told"), Some(told));
    assert_eq!(said("Not reached"), Some(format!("Operations by {OPS}")));
    assert_eq!(
        said("What").as_deref(),
        Some("a rehearsal with dataset Daily catch (d)")
    );
}

#[test]
fn its_subject_and_its_first_sentence_say_that_it_is_a_drill_and_no_line_repeats_it() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    world.channel(BOSS, |_, now| busy(now));
    begun(&mut world, "d", 90);
    world.run_until("2026-11-26T14:00");
    assert!(world.sent.len() >= 4);
    let labels = world.sent.iter().map(|(_, sent)| sent.message.facts[0].label.as_str());
    assert!(
        labels.clone().any(|label| label == "Instead of"),
        "of the fallback, too"
    );
    for (_, sent) in &world.sent {
        let message = &sent.message;
        assert!(message.stem().starts_with("[DRILL] "), "{}", message.subject);
        assert!(message.headline.starts_with("[DRILL] "), "{}", message.headline);
        for fact in &message.facts {
            assert!(!fact.text.contains("[DRILL]"), "{fact:?}");
        }
        assert!(message.output.is_empty());
    }
}

#[test]
fn it_is_one_thread_of_mails_like_the_real_thing() {
    let titled = text().replace("[datasets.d]", "[datasets.d]\ntitle = \"Deliveries\"");
    let mut world = World::start(&titled, "2026-11-26T12:00");
    begun(&mut world, "d", 60);
    world.run_until("2026-11-26T13:10");
    let subjects = |to: &str| {
        let sent = world.sent.iter().map(|(_, sent)| sent);
        let sent = sent.filter(|sent| sent.address.to_string() == to);
        sent.map(|sent| sent.message.subject.clone()).collect::<Vec<_>>()
    };
    let stem = "[DRILL] freshd rehearses with Deliveries (#1)";
    let expected = [stem.to_owned(), format!("Re: {stem}")];
    assert_eq!(subjects(OPS), expected, "opening and end");
    assert_eq!(subjects(BOSS), expected, "escalation and end");
}

#[test]
fn an_acknowledgement_ends_it_and_it_is_told_how_long_that_took() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    let id = begun(&mut world, "d", 60);
    world.run_until("2026-11-26T12:04:10");
    let answer = world.done(Request::ack(id));
    assert_eq!(answer["drill"], "acknowledged by anna after 4m 10s");
    assert!(answer["until"].is_null());
    world.run_until("2026-11-26T20:00");
    assert_eq!(
        world.told(),
        [
            one("Thu 12:00", OPS, Purpose::Opening),
            one("Thu 12:04", OPS, Purpose::Recovery)
        ]
    );
    let incident = world.incidents().pop().expect("an incident");
    assert_eq!(
        incident.ack.map(|ack| ack.until),
        incident.resolved_at,
        "nobody has it any longer than it goes on"
    );
    let end = &world.sent.last().expect("a message").1.message;
    assert!(
        end.headline.contains("acknowledged by anna after 4m 10s"),
        "{}",
        end.headline
    );
}

#[test]
fn whoever_waits_for_it_is_answered_when_it_is_over() {
    for is_answered in [false, true] {
        let mut world = World::start(&text(), "2026-11-26T12:00");
        world.channel(BOSS, |_, _| no_such_address());
        let id = begun(&mut world, "d", 60);
        world.ask_and_hear_nothing(Request::WaitForDrill { incident: id });
        world.run_until("2026-11-26T12:10");
        if is_answered {
            world.ask_and_hear_nothing(Request::ack(id));
        }
        world.run_until("2026-11-26T13:30");
        let is_end = |reply: &&Reply| matches!(reply, Reply::Done(facts) if facts["result"].is_string());
        let Some(Reply::Done(facts)) = world.replies.iter().find(is_end) else {
            panic!("no answer: {:?}", world.replies);
        };
        let (by, after) = (&facts["acknowledged_by"], &facts["acknowledged_after_s"]);
        match is_answered {
            true => assert_eq!((by, after), (&Value::from("anna"), &Value::from(600))),
            false => assert!(by.is_null() && after.is_null(), "{facts}"),
        }
        let names_ops = |key: &str| facts[key].to_string().contains(OPS);
        assert!(names_ops("told") && !names_ops("not_reached"), "{facts}");
        let names_boss = |key: &str| facts[key].to_string().contains(BOSS);
        assert_eq!(
            (names_boss("told"), names_boss("not_reached")),
            (false, !is_answered),
            "{facts}"
        );
    }
}

#[test]
fn a_drill_changes_nothing_that_is_real() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("a", now));
    world.run("j");
    world.run_until("2026-11-26T12:05");
    let before = world.state_of("d");
    begun(&mut world, "d", 600);
    begun(&mut world, "j", 600);
    assert_eq!(world.state_of("d"), before);
    let document = world.done(Request::Status { name: None });
    let status = Status::read(&document).expect("a status");
    assert!(status.is_fine() && status.incidents.is_empty());
    assert_eq!(status.drills.len(), 2);
    // What really goes wrong meanwhile is told as ever.
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    let real = |why: &Purpose| *why == Purpose::Opening;
    assert_eq!(world.told_to(OPS).iter().filter(|why| real(why)).count(), 3);
    let last = &world.sent.last().expect("a message").1.message;
    assert!(last.subject.contains("j failed"), "{}", last.subject);
    world.script("j", |_, now| Play::writes("b", now));
    world.run("j");
    world.run_until("2026-11-26T12:20");
    let open: Vec<_> = world.open_incidents().iter().map(|incident| incident.kind).collect();
    assert_eq!(
        open,
        [ProblemKind::Drill, ProblemKind::Drill],
        "its end does not end the drill"
    );
}

#[test]
fn one_drill_on_a_name_at_a_time_and_sensible_ones_only() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    let id = begun(&mut world, "d", 60);
    let refused = |reply: Reply| match reply {
        Reply::Refused(why) => why,
        Reply::Done(facts) => panic!("done: {facts}"),
    };
    let why = refused(drill(&mut world, "d", 60));
    assert_eq!(why, format!("drill {id} on d goes on; `freshd ack {id}` ends it"));
    assert!(refused(drill(&mut world, "nothing", 60)).contains("no job or dataset nothing"));
    assert!(refused(drill(&mut world, "j", 25 * 60)).contains("from 1m to 1d"));
    world.run_until("2026-11-26T13:01");
    begun(&mut world, "d", 60);
}

#[test]
fn a_drill_survives_a_crash_and_ends_with_its_name() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    begun(&mut world, "d", 60);
    world.run_until("2026-11-26T12:10");
    world.crash();
    world.run_until("2026-11-26T12:40");
    world.restart();
    world.run_until("2026-11-26T12:41");
    assert_eq!(world.told_to(BOSS), [Purpose::Escalation]);
    world.crash();
    world.run_until("2026-11-26T14:00");
    world.restart();
    world.run_until("2026-11-26T14:01");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
    begun(&mut world, "d", 60);
    world.run_until("2026-11-26T14:10");
    world.reload(PEOPLE);
    world.run_until("2026-11-26T14:11");
    assert!(world.open_incidents().is_empty());
}

#[test]
fn a_silence_does_not_keep_a_drill_back() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    world.done(Request::Silence {
        name: "d".into(),
        because: "moving".to_owned(),
        for_s: 36_000,
    });
    begun(&mut world, "d", 60);
    world.run_until("2026-11-26T13:30");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn a_drill_with_what_is_wrong_says_so() {
    let mut world = World::start(&text(), "2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    begun(&mut world, "j", 30);
    world.run_until("2026-11-26T12:50");
    let drills = world.sent.iter().map(|(_, sent)| &sent.message);
    let drills: Vec<&str> = drills.filter(|it| it.is_drill()).map(|it| &*it.headline).collect();
    let (opening, end) = (drills[0], drills[drills.len() - 1]);
    let real = "Apart from it, j failed since Thu 2026-11-26 12:00 (#2).";
    assert!(opening.contains("it is no alarm. Apart from it, "), "{opening}");
    assert!(opening.contains(real) && end.ends_with(real), "{opening} {end}");
    world.done(Request::Silence {
        name: "j".into(),
        because: "moving".to_owned(),
        for_s: 36_000,
    });
    begun(&mut world, "j", 30);
    world.run_until("2026-11-26T12:55");
    let drill = world.sent.iter().rfind(|(_, sent)| sent.message.is_drill());
    let opening = &drill.expect("a drill").1.message.headline;
    assert!(
        !opening.contains("Apart from it"),
        "what is silenced is told to nobody: {opening}"
    );
}
