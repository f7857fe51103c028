//! The fallback stands in for a team: which messages it gets, whose they are, and what they say of that.

use std::collections::BTreeSet;

use freshd::model::{Action, DeliveryOutcome, IncidentId, Message, Name, Notification, NotificationState, Purpose};

use super::delivery::{OPS, busy, mend, no_such_address};
use super::resend::resend;
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

const A: &str = "mail:a@sea.example";
const C: &str = "mail:c@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// What an address took about incident 1.
fn taken<'a>(world: &'a World, to: &str) -> Vec<&'a Notification> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let about_it = sent.filter(|sent| sent.incident == Some(IncidentId(1)));
    about_it.filter(|sent| sent.address.to_string() == to).collect()
}

fn purposes(world: &World, to: &str) -> Vec<Purpose> {
    taken(world, to).iter().map(|sent| sent.message.purpose).collect()
}

/// For whom a message is, and in whose stead it goes there.
fn whose(message: &Message) -> (&str, Option<&str>) {
    let stands_in_for = message.stands_in_for.as_ref().map(Name::as_str);
    (message.team.as_str(), stands_in_for)
}

/// `j` of `ops` makes `d`, which others read and which is too old at 12:30.
pub(super) fn data_read_by(readers: &str) -> String {
    format!(
        "{PEOPLE}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [{readers}]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    )
}

/// The job fails at 12:10. Nobody but the fallback can be reached.
fn read_by(readers: &str) -> World {
    fails(&data_read_by(readers))
}

fn fails(text: &str) -> World {
    let mut world = World::start(text, "2026-11-26T12:00");
    unreachable(&mut world);
    fails_once_made(&mut world);
    world
}

/// `j` makes its data at noon, and fails at 12:10.
pub(super) fn fails_once_made(world: &mut World) {
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
}

fn unreachable(world: &mut World) {
    for to in [OPS, A, C] {
        world.channel(to, |_, _| no_such_address());
    }
}

#[test]
fn of_what_was_over_before_the_fallback_took_it_the_end_is_enough() {
    for crashes in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.channel(OPS, |_, _| no_such_address());
        world.channel(FALLBACK, |_, now| busy(now));
        world.run_until("2026-11-26T12:02");
        if crashes {
            world.crash();
            world.restart();
            world.channel(OPS, |_, _| no_such_address());
            world.channel(FALLBACK, |_, now| busy(now));
        }
        mend(&mut world, "2026-11-26T12:03");
        world.channel(FALLBACK, |_, _| DeliveryOutcome::Accepted);
        world.run_until("2026-11-26T13:30");
        assert_eq!(purposes(&world, FALLBACK), [Purpose::Recovery], "crashes: {crashes}");
        let others = [Purpose::Opening, Purpose::Recovery];
        assert_eq!(purposes(&world, "pager"), others, "crashes: {crashes}");
    }
}

#[test]
fn every_message_to_whoever_stands_in_says_for_whom_and_each_thread_ends() {
    for crashes in [false, true] {
        let mut world = read_by("\"a\"");
        world.run_until("2026-11-26T13:20");
        if crashes {
            world.crash();
            world.restart();
            unreachable(&mut world);
        }
        world.script("j", |_, now| Play::writes("y", now));
        world.run("j");
        world.run_until("2026-11-26T13:30");
        let of_ops = [Purpose::Opening, Purpose::Update, Purpose::Reminder, Purpose::Recovery];
        for to in [FALLBACK, "pager"] {
            let told = taken(&world, to);
            let of = |team: &str| {
                let theirs = told.iter().filter(|sent| sent.told_for().as_str() == team);
                theirs.map(|sent| sent.message.purpose).collect::<Vec<_>>()
            };
            assert_eq!(of("ops"), of_ops, "{to}, crashes: {crashes}");
            assert_eq!(
                of("a"),
                [Purpose::Impact, Purpose::Recovery],
                "{to}, crashes: {crashes}"
            );
            for sent in told {
                let team = sent.told_for().as_str();
                assert_eq!(whose(&sent.message), ("fallback", Some(team)), "{:?}", sent.message);
                let facts = &sent.message.facts;
                let instead_of = facts.iter().filter(|fact| fact.label == "Instead of");
                assert_eq!(
                    (facts[0].label.as_str(), instead_of.count()),
                    ("Instead of", 1),
                    "{facts:?}"
                );
                assert_eq!(sent.message.zone.as_deref(), Some("Europe/Oslo (UTC+1)"));
            }
        }
    }
}

#[test]
fn of_what_was_under_way_when_it_was_over_the_end_is_enough_for_all_teams_together() {
    let mut world = read_by("\"a\", \"c\"");
    world.channel(FALLBACK, |_, _| no_such_address());
    world.run_until("2026-11-26T12:31:30");
    let copies = dead_copies(&world);
    assert_eq!(copies.len(), 2, "of a and c: {copies:?}");
    // The one for c is on its way when all of it is over; one end stands for both.
    world.channel(FALLBACK, |_, now| busy(now));
    resend(&mut world, copies[1].id).expect("it is sent");
    world.reload(&format!("{PEOPLE}{NO_PROOFS}"));
    world.run_until("2026-11-26T12:31:31");
    world.channel(FALLBACK, |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T13:30");
    let told: Vec<_> = told_to_fallback(&world).iter().map(|one| one.message.purpose).collect();
    assert_eq!(told, [Purpose::Recovery, Purpose::Recovery]);
}

/// What the fallback's mailbox knows of incident 1, be it from a digest.
fn told_to_fallback(world: &World) -> Vec<&Notification> {
    let all = world.ledger.notifications.values();
    let of_it = all.filter(|one| one.address.to_string() == FALLBACK && one.incident == Some(IncidentId(1)));
    of_it.filter(|one| one.state == NotificationState::Delivered).collect()
}

/// The impact notices to the fallback that it refused.
fn dead_copies(world: &World) -> Vec<Notification> {
    let all = world.ledger.notifications.values();
    let to_fallback = all.filter(|one| one.address.to_string() == FALLBACK && one.incident == Some(IncidentId(1)));
    let dead = to_fallback.filter(|one| one.state == NotificationState::Dead);
    dead.filter(|one| one.message.purpose == Purpose::Impact)
        .cloned()
        .collect()
}

#[test]
fn what_the_fallback_refused_in_the_stead_of_two_teams_is_sent_again_for_each() {
    let mut world = read_by("\"a\", \"c\"");
    world.channel(FALLBACK, |_, _| no_such_address());
    world.run_until("2026-11-26T12:31:30");
    let copies = dead_copies(&world);
    assert!(
        copies.len() == 2 && copies[0].message.at == copies[1].message.at,
        "{copies:?}"
    );
    world.channel(FALLBACK, |_, _| DeliveryOutcome::Accepted);
    for copy in &copies {
        resend(&mut world, copy.id).expect("it is sent");
    }
    let why = resend(&mut world, copies[0].id).expect_err("once is enough");
    assert!(why.contains("was sent again already"), "{why}");
    world.run_until("2026-11-26T12:31:40");
    let told = told_to_fallback(&world);
    let of: Vec<_> = told.iter().map(|one| whose(&one.message)).collect();
    assert_eq!(of, [("fallback", Some("a")), ("fallback", Some("c"))]);
    for one in &told {
        let labels = one.message.facts.iter().take(2).map(|fact| fact.label.as_str());
        assert_eq!(labels.collect::<Vec<_>>(), ["Sent again", "Instead of"]);
    }
    // The second goes with what else waits there.
    let digest = world.sent.iter().find(|(_, sent)| Some(sent.id) == told[1].digest);
    let facts = &digest.expect("a digest").1.message.facts;
    assert_eq!(facts[0].label, "Instead of", "{facts:?}");
}

#[test]
fn an_alertmanager_that_stands_in_knows_the_alert_by_the_same_team_from_first_to_last() {
    let people = PEOPLE.replace("\"mail:it@sea.example\", \"pager\"", "\"am\"");
    let text = format!(
        "{people}{NO_PROOFS}[channels.am]\ntype = \"alertmanager\"\nurl = \"http://localhost:9093\"\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [\"a\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    let mut world = fails(&text);
    world.run_until("2026-11-26T12:40");
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T12:50");
    let again = world.asked.iter().filter_map(|asked| match asked {
        Action::Repeat { messages, .. } => Some(messages),
        _ => None,
    });
    let of_it = |message: &&Message| message.incident == Some(IncidentId(1));
    let again: Vec<&Message> = again.flatten().filter(of_it).collect();
    let sent: Vec<&Notification> = taken(&world, "am");
    for all in [again.clone(), sent.iter().map(|sent| &*sent.message).collect()] {
        let whose: BTreeSet<_> = all.iter().map(|message| whose(message)).collect();
        assert_eq!(whose, [("fallback", Some("a")), ("fallback", Some("ops"))].into());
        let ends = all.iter().filter(|message| message.purpose == Purpose::Recovery);
        assert!(ends.count() >= 2, "{all:?}");
        assert!(
            all.iter().all(|message| message.facts[0].label == "Instead of"),
            "{all:?}"
        );
    }
    assert!(again.iter().any(|message| message.purpose == Purpose::Opening));
}

#[test]
fn the_chain_of_those_who_answer_says_nothing_of_for_whom_else_the_fallback_stands_in() {
    let chain =
        "notify = [\"mail:ops@sea.example\"]\nescalate = [{ after = \"30m\", notify = [\"mail:x@sea.example\"] }]";
    let people = PEOPLE.replace("notify = [\"mail:ops@sea.example\"]", chain);
    let text = format!(
        "{people}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [\"a\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    let mut world = fails(&text);
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T13:15");
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T13:30");
    let told = taken(&world, FALLBACK);
    let told: BTreeSet<_> = told
        .iter()
        .map(|sent| (sent.message.purpose, whose(&sent.message)))
        .collect();
    let (own, for_a) = (("ops", None), ("fallback", Some("a")));
    let expected = [
        (Purpose::Impact, for_a),
        (Purpose::Escalation, own),
        (Purpose::Recovery, own),
        (Purpose::Recovery, for_a),
    ];
    assert_eq!(told, expected.into());
}

#[test]
fn an_end_is_not_repeated_over_what_began_since_in_the_stead_of_another_team() {
    let people = "\"mail:it@sea.example\", \"pager\"";
    let am = "[channels.am]\ntype = \"alertmanager\"\nurl = \"http://localhost:9093\"\n";
    let text = one_job("").replace(people, "\"am\"") + am;
    let mut world = failing(&text, "2026-11-26T12:00");
    unreachable(&mut world);
    world.run_until("2026-11-26T12:10");
    mend(&mut world, "2026-11-26T12:11");
    world.reload(&text.replace("[jobs.j]\nowner = \"ops\"", "[jobs.j]\nowner = \"a\""));
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    let ends = |world: &mut World| {
        let asked = std::mem::take(&mut world.asked).into_iter();
        let again = asked.filter_map(|asked| match asked {
            Action::Repeat { messages, .. } => Some(messages),
            _ => None,
        });
        let is_end = |one: &Message| one.purpose == Purpose::Recovery && one.subject_name.as_str() == "j";
        again.flatten().filter(is_end).count()
    };
    world.run_until("2026-11-26T12:12:04");
    assert!(ends(&mut world) > 0);
    world.run_until("2026-11-26T12:16");
    let last = world
        .sent
        .iter()
        .rfind(|(_, sent)| sent.message.subject_name.as_str() == "j");
    let last = &last.expect("told").1.message;
    assert_eq!((last.purpose, whose(last)), (Purpose::Opening, ("fallback", Some("a"))));
    assert_eq!(ends(&mut world), 0, "it would end what goes on");
}

/// Who reads `d`, as a message says it.
fn readers(message: &Message) -> &str {
    let read = message.facts.iter().find(|fact| fact.label == "Also read by");
    &read.expect("its readers").text
}

#[test]
fn nobody_is_called_the_reader_who_stands_in_for_it_or_is_called_by_a_chain() {
    let chain =
        "notify = [\"mail:ops@sea.example\"]\nescalate = [{ after = \"30m\", notify = [\"mail:c@sea.example\"] }]";
    let text = data_read_by("\"ops\", \"a\"").replace("notify = [\"mail:ops@sea.example\"]", chain);
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.channel(A, |_, _| no_such_address());
    fails_once_made(&mut world);
    world.run_until("2026-11-26T13:15");
    let said = |to: &str, purpose: Purpose| {
        let told = taken(&world, to)
            .into_iter()
            .find(|sent| sent.message.purpose == purpose);
        readers(&told.unwrap_or_else(|| panic!("{to}: {purpose:?}")).message).to_owned()
    };
    assert_eq!(said(OPS, Purpose::Opening), "ops (you), a");
    assert_eq!(said(C, Purpose::Escalation), "ops, a");
    assert_eq!(said(FALLBACK, Purpose::Impact), "a, ops");
    // Who was told in the first place.
    let all = world.ledger.notifications.values();
    let to_a = all.filter(|one| one.address.to_string() == A && one.message.purpose == Purpose::Impact);
    let to_a: Vec<&str> = to_a.map(|one| readers(&one.message)).collect();
    assert_eq!(to_a, ["a (you), ops"]);
}
