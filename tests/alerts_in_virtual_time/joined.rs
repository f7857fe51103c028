//! An address joins a team by an edit of jobs.toml, or leaves it, while something is open.

use freshd::model::{DeliveryOutcome, MessageFact, Notification, Purpose, Request};

use super::delivery::{OPS, busy, mend};
use super::in_whose_stead::{data_read_by, fails_once_made};
use super::virtual_world::{World, at};
use super::{failing, one_job};

const A: &str = "mail:a@sea.example";
const SECOND: &str = "mail:second@sea.example";
const THIRD: &str = "mail:third@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// `ops` are told at these.
fn ops_at(text: &str, addresses: &[&str]) -> String {
    let notify = |addresses: &[&str]| format!("[teams.ops]\nnotify = {addresses:?}");
    let edited = text.replace(&notify(&[OPS]), &notify(addresses));
    assert!(edited.contains(&notify(addresses)));
    edited
}

fn taken<'a>(world: &'a World, to: &str) -> Vec<&'a Notification> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    sent.filter(|sent| sent.address.to_string() == to).collect()
}

/// What a line of a message says.
pub(super) fn line<'a>(sent: &'a Notification, label: &str) -> Option<&'a str> {
    let is_it = |fact: &&MessageFact| fact.label == label;
    sent.message.facts.iter().find(is_it).map(|fact| fact.text.as_str())
}

const WHOLE: [Purpose; 3] = [Purpose::Opening, Purpose::Reminder, Purpose::Recovery];

#[test]
fn an_address_that_joins_those_who_answer_hears_at_once_of_what_is_open_and_of_all_that_follows() {
    for crashes in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.run_until("2026-11-26T12:10");
        world.reload(&ops_at(&one_job(""), &[OPS, SECOND]));
        world.run_until("2026-11-26T12:11");
        assert_eq!(world.told_to(SECOND), [Purpose::Opening]);
        if crashes {
            world.crash();
            world.restart();
        }
        world.reload(&ops_at(
            &(one_job("") + "[jobs.n]\nowner = \"a\"\ncommand = \"true\"\n"),
            &[OPS, SECOND],
        ));
        world.run_until("2026-11-26T13:30");
        mend(&mut world, "2026-11-26T13:40");
        for to in [OPS, SECOND] {
            assert_eq!(world.told_to(to), WHOLE, "{to}, crashes: {crashes}");
        }
    }
}

#[test]
fn an_address_that_is_put_beside_one_that_stays_hears_it_and_the_one_that_left_only_the_end() {
    let text = ops_at(&one_job(""), &[OPS, SECOND]);
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    world.reload(&ops_at(&one_job(""), &[OPS, THIRD]));
    world.run_until("2026-11-26T13:30");
    mend(&mut world, "2026-11-26T13:40");
    assert_eq!([OPS, THIRD].map(|to| world.told_to(to)), [WHOLE; 2]);
    assert_eq!(world.told_to(SECOND), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn an_address_that_joins_what_is_taken_on_reads_by_whom_and_what_is_silent_later() {
    for is_silenced in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.run_until("2026-11-26T12:10");
        let id = world.open_incidents()[0].id;
        world.done(Request::ack(id));
        if is_silenced {
            world.done(Request::Silence {
                name: "j".into(),
                because: "the servers move".to_owned(),
                for_s: 1_200,
            });
        }
        world.reload(&ops_at(&one_job(""), &[OPS, SECOND]));
        world.run_until("2026-11-26T12:29");
        assert_eq!(world.told_to(SECOND).len(), usize::from(!is_silenced));
        world.run_until("2026-11-26T12:40");
        assert_eq!(world.told_to(SECOND), [Purpose::Opening]);
        let first = taken(&world, SECOND)[0];
        assert!(line(first, "Taken on").is_some(), "{:?}", first.message.facts);
        assert!(!first.message.offers_ack());
        assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    }
}

#[test]
fn whom_the_chain_has_called_is_not_told_again_when_it_joins_the_team() {
    let chain = |step: &[&str], own: &[&str]| {
        let own_words = format!("notify = {own:?}");
        let text = ops_at(&one_job(""), own);
        text.replacen(
            &own_words,
            &format!("{own_words}\nescalate = [{{ after = \"30m\", notify = {step:?} }}]"),
            1,
        )
    };
    let mut world = failing(&chain(&[SECOND], &[OPS]), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:40");
    assert_eq!(world.told_to(SECOND), [Purpose::Escalation]);
    // One more is called by a step that was taken, and the one that was called becomes one of the team.
    world.reload(&chain(&[SECOND, THIRD], &[OPS]));
    world.run_until("2026-11-26T12:45");
    assert_eq!(world.told_to(THIRD), [Purpose::Escalation]);
    world.reload(&chain(&[THIRD], &[OPS, SECOND]));
    world.run_until("2026-11-26T12:50");
    mend(&mut world, "2026-11-26T12:55");
    for to in [SECOND, THIRD] {
        assert_eq!(world.told_to(to), [Purpose::Escalation, Purpose::Recovery], "{to}");
    }
}

#[test]
fn an_address_that_comes_back_before_it_has_taken_anything_is_told_then() {
    let both = ops_at(&one_job(""), &[OPS, SECOND]);
    let mut world = failing(&both, "2026-11-26T12:00");
    world.channel(SECOND, |_, now| match now < at("2026-11-26T12:20") {
        true => busy(now),
        false => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-26T12:03");
    world.reload(&one_job(""));
    world.run_until("2026-11-26T12:30");
    assert_eq!(world.told_to(SECOND), [], "it was not its team's any more");
    world.reload(&both);
    world.run_until("2026-11-26T12:40");
    assert_eq!(world.told_to(SECOND), [Purpose::Opening]);
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn an_address_that_goes_to_a_team_downstream_is_not_told_of_the_same_again() {
    let text = data_read_by("\"a\"");
    let mut world = World::start(&ops_at(&text, &[OPS, SECOND]), "2026-11-26T12:00");
    fails_once_made(&mut world);
    world.run_until("2026-11-26T12:40");
    assert_eq!(world.told_to(A), [Purpose::Impact]);
    assert_eq!(world.told_to(SECOND), [Purpose::Opening, Purpose::Update]);
    let to_a = |more: &str| {
        text.replace(
            &format!("notify = [\"{A}\"]"),
            &format!("notify = [\"{A}\", \"{more}\"]"),
        )
    };
    world.reload(&to_a(SECOND));
    world.run_until("2026-11-26T12:45");
    world.reload(&to_a(THIRD));
    world.run_until("2026-11-26T12:50");
    assert_eq!(world.told_to(SECOND), [Purpose::Opening, Purpose::Update], "it knows");
    assert_eq!(world.told_to(THIRD), [Purpose::Impact], "it knew nothing");
    assert_eq!(world.told_to(A), [Purpose::Impact]);
}

#[test]
fn an_address_that_left_its_team_is_not_said_to_have_been_called_by_its_chain() {
    let mut world = failing(&ops_at(&one_job(""), &[OPS, SECOND]), "2026-11-26T12:00");
    for to in [OPS, SECOND] {
        world.channel(to, |sent, now| {
            match now < at("2026-11-26T12:20") || sent.address.to_string() == SECOND {
                true => busy(now),
                false => DeliveryOutcome::Accepted,
            }
        });
    }
    world.run_until("2026-11-26T12:10");
    assert_eq!(world.told_to(FALLBACK), [Purpose::Opening]);
    world.run_until("2026-11-26T12:50");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    world.reload(&one_job(""));
    world.run_until("2026-11-26T13:30");
    let reminder = *taken(&world, FALLBACK).last().expect("a reminder");
    assert_eq!(reminder.message.purpose, Purpose::Reminder);
    assert_eq!(line(reminder, "Instead of"), Some("ops, for whom you stand in"));
}

#[test]
fn whoever_comes_to_answer_reads_since_when_and_who_did_before() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    let first = taken(&world, OPS)[0];
    assert_eq!(line(first, "Owner"), Some("ops"));
    let renamed = one_job("").replace("[teams.ops]", "[teams.crew]");
    world.reload(&renamed.replace("owner = \"ops\"", "owner = \"crew\""));
    world.run_until("2026-11-26T12:20");
    let again = taken(&world, OPS)[1];
    let words = "crew (since an edit of jobs.toml at Thu 2026-11-26 12:10; before: ops)";
    assert_eq!(line(again, "Owner"), Some(words));
}
