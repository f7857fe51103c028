//! Messages on their way: order, retries, refusals, death, and what takes their place.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, IncidentState, NotificationState, ProblemKind, Purpose, Reply, Request};
use jiff::Timestamp;

use super::virtual_world::{Play, World, at, clock};
use super::{PEOPLE, failing, one_job};

pub(super) const OPS: &str = "mail:ops@sea.example";

pub(super) fn busy(_: Timestamp) -> DeliveryOutcome {
    DeliveryOutcome::Temporary {
        error: "connection refused".to_owned(),
        retry_after_seconds: None,
    }
}

/// `ops` takes nothing until that instant.
pub(super) fn busy_until(world: &mut World, until: &'static str) {
    world.channel(OPS, move |_, now| match now < at(until) {
        true => busy(now),
        false => DeliveryOutcome::Accepted,
    });
}

pub(super) fn no_such_address() -> DeliveryOutcome {
    DeliveryOutcome::Permanent {
        error: "550 no such address".to_owned(),
    }
}

pub(super) fn mend(world: &mut World, until: &str) {
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until(until);
}

fn tries_to(world: &World, address: &str) -> Vec<String> {
    let of = world
        .tries
        .iter()
        .filter(|(_, tried)| tried.address.to_string() == address);
    of.map(|(at, _)| clock(*at)).collect()
}

#[test]
fn a_refused_message_is_tried_again_by_the_ladder_with_the_same_id() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| {
        if now < at("2026-11-26T12:30") {
            busy(now)
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.run_until("2026-11-26T13:00");
    assert_eq!(
        tries_to(&world, OPS)[..6],
        ["12:01:05", "12:01:10", "12:01:40", "12:03:40", "12:13:40", "12:43:40"]
    );
    let to_ops = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    let messages: Vec<_> = to_ops.take(6).map(|(_, tried)| &tried.message).collect();
    assert!(messages.iter().all(|message| message.id == messages[0].id));
    assert!(messages.iter().all(|message| *message == messages[0]), "rendered once");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn a_message_is_sent_again_after_a_crash_with_the_same_id() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T12:05");
    world.crash();
    world.restart();
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T12:59");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    let sent = world.sent.iter().find(|(_, sent)| sent.address.to_string() == OPS);
    assert_eq!(sent.expect("sent").1.message.id, world.tries[0].1.message.id);
}

#[test]
fn an_undelivered_opening_and_its_recovery_are_one_message() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| {
        if now < at("2026-11-26T12:20") {
            busy(now)
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.run_until("2026-11-26T12:10");
    mend(&mut world, "2026-11-26T14:00");
    assert_eq!(world.told_to(OPS), [Purpose::Recovery]);
    let to_ops = world.ledger.notifications.values();
    let to_ops = to_ops.filter(|told| told.address.to_string() == OPS);
    let states: Vec<_> = to_ops.map(|told| told.state).collect();
    assert_eq!(states, [NotificationState::Collapsed, NotificationState::Delivered]);
}

/// The opening is handed over, and while nobody has answered yet, the job is mended. Then this is the answer.
fn over_while_its_opening_is_on_its_way(answer: impl Fn(Timestamp) -> DeliveryOutcome + 'static) -> World {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, move |sent, now| match sent.message.purpose {
        Purpose::Opening => answer(now),
        _ => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-26T12:00:35");
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_secs(30)));
    world.run("j");
    world.run_until("2026-11-26T12:01:04");
    world.pass(Duration::from_secs(1));
    world.handle(freshd::model::Event::Tick);
    assert_eq!(tries_to(&world, OPS), ["12:01:05"]);
    world.run_until("2026-11-26T14:00");
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
    world
}

#[test]
fn an_opening_that_is_on_its_way_when_it_is_over_collapses_when_it_is_refused() {
    let world = over_while_its_opening_is_on_its_way(busy);
    assert_eq!(world.told_to(OPS), [Purpose::Recovery]);
    assert_eq!(tries_to(&world, OPS).len(), 2, "the opening is not tried again");
}

#[test]
fn an_opening_that_is_on_its_way_when_it_is_over_alarms_nobody_else_when_it_is_refused_for_good() {
    let world = over_while_its_opening_is_on_its_way(|_| no_such_address());
    // Who would hear of it now would never hear that it is over.
    let told: Vec<_> = world.told().into_iter().map(|(_, to, why)| (to, why)).collect();
    assert_eq!(told, [(OPS.to_owned(), Purpose::Recovery)]);
}

#[test]
fn order_is_kept_for_each_incident_and_address() {
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"ops\"\nfile = \"x\"\nmax_age = \"30m\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T11:50");
    world.run("j");
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.channel(OPS, |_, now| {
        if (at("2026-11-26T12:10")..at("2026-11-26T12:30")).contains(&now) {
            busy(now)
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.run_until("2026-11-26T13:10");
    assert_eq!(
        world.told_to(OPS),
        [Purpose::Opening, Purpose::Update, Purpose::Reminder]
    );
    let to_ops = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == OPS);
    let ids: Vec<_> = to_ops.map(|(_, sent)| sent.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[test]
fn a_permanent_refusal_goes_to_the_fallback_at_once_and_is_an_incident_of_the_address() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    world.run_until("2026-11-26T12:01:06");
    assert_eq!(tries_to(&world, OPS).len(), 1);
    let fallback: Vec<_> = world.told().into_iter().map(|(_, to, why)| (to, why)).collect();
    assert_eq!(
        fallback,
        [
            ("mail:it@sea.example".to_owned(), Purpose::Opening),
            ("pager".to_owned(), Purpose::Opening)
        ]
    );
    let message = &world.sent[0].1.message;
    assert_eq!(
        message.facts[0].text,
        "ops, because mail:ops@sea.example could not be reached: 550 no such address"
    );
    let dead: Vec<_> = world
        .ledger
        .notifications
        .values()
        .filter(|told| told.state == NotificationState::Dead)
        .collect();
    assert_eq!(dead.len(), 1, "shown, never dropped");
    world.run_until("2026-11-26T12:05");
    let broken: Vec<_> = world
        .open_incidents()
        .into_iter()
        .filter(|found| found.kind == ProblemKind::ChannelBroken)
        .collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].subject.as_str(), OPS);
    let id = broken[0].id;
    let (_, told) = world
        .sent
        .iter()
        .find(|(_, sent)| sent.incident == Some(id))
        .expect("told");
    assert_eq!(
        told.message.commands,
        [
            format!("freshd incidents {id}"),
            "freshd notify test --team ops --channel mail".to_owned(),
            "freshd notify dead".to_owned(),
            format!("freshd ack {id}")
        ],
        "what can be typed: an address is no name"
    );
    // The address works again: the reminder gets through, and its incident is over.
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T13:05");
    assert!(
        world
            .open_incidents()
            .iter()
            .all(|found| found.kind != ProblemKind::ChannelBroken)
    );
    mend(&mut world, "2026-11-26T13:10");
    for to in [OPS, "mail:it@sea.example", "pager"] {
        assert_eq!(world.told_to(to).last(), Some(&Purpose::Recovery), "{to}");
    }
    let thread = &world.sent[0].1.message.thread;
    for to in ["mail:it@sea.example", "pager"] {
        let of_incident = |sent: &&freshd::model::Notification| {
            sent.address.to_string() == to && sent.message.subject_name.as_str() == "j"
        };
        let told: Vec<_> = world.sent.iter().map(|(_, sent)| sent).filter(of_incident).collect();
        let why: Vec<_> = told.iter().map(|sent| sent.message.purpose).collect();
        assert_eq!(
            why,
            [Purpose::Opening, Purpose::Reminder, Purpose::Recovery],
            "{to} stands in"
        );
        assert!(told.iter().all(|sent| sent.message.thread == *thread), "in one thread");
    }
}

#[test]
fn when_every_address_is_broken_it_ends() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    for to in [OPS, "mail:it@sea.example", "pager"] {
        world.channel(to, |_, _| no_such_address());
    }
    world.run_until("2026-11-26T12:30");
    mend(&mut world, "2026-11-26T14:00");
    let tries = world.tries.len();
    assert!(tries < 30, "it goes on: {tries} tries");
    let alive: Vec<_> = world
        .ledger
        .notifications
        .values()
        .filter(|told| told.state != NotificationState::Dead)
        .collect();
    assert!(alive.is_empty(), "{alive:?}");
}

#[test]
fn what_is_not_delivered_in_three_days_is_dead_and_goes_to_the_fallback() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-29T12:00");
    assert_eq!(
        world.ledger.notifications.values().next().unwrap().state,
        NotificationState::Pending
    );
    world.run_until("2026-11-29T13:10");
    let opening = world.ledger.notifications.values().next().unwrap();
    assert_eq!(opening.state, NotificationState::Dead);
    assert!((70..90).contains(&opening.tries), "{}", opening.tries);
    assert_eq!(world.told_to("pager").first(), Some(&Purpose::Opening));
}

#[test]
fn three_days_asleep_are_not_three_days_of_trying() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| {
        if now < at("2026-11-30T12:05") {
            busy(now)
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.run_until("2026-11-26T12:02");
    world.sleep_until("2026-11-30T12:00");
    world.run_until("2026-11-30T12:50");
    assert_eq!(world.told_to(OPS).first(), Some(&Purpose::Opening));
}

#[test]
fn the_other_side_may_ask_for_more_patience_but_not_for_none() {
    for (asked, second) in [(0, "12:01:10"), (600, "12:11:05"), (86_400, "13:01:05")] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.channel(OPS, move |_, _| DeliveryOutcome::Temporary {
            error: "429".to_owned(),
            retry_after_seconds: Some(asked),
        });
        world.run_until("2026-11-26T13:02");
        assert_eq!(tries_to(&world, OPS)[1], second, "Retry-After: {asked}");
    }
}

#[test]
fn a_clock_set_backward_does_not_put_off_the_next_try() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| {
        if now > at("2026-11-26T00:00") {
            busy(now)
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.run_until("2026-11-26T12:05");
    world.set_clock("2026-11-24T12:05");
    world.run_until("2026-11-24T12:06");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn one_broken_address_delays_no_other() {
    let text = one_job("").replace(
        "notify = [\"mail:ops@sea.example\"]",
        "notify = [\"mail:ops@sea.example\", \"mail:x@sea.example\"]",
    );
    let mut world = failing(&text, "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T12:01:05");
    assert_eq!(world.told_to("mail:x@sea.example"), [Purpose::Opening]);
}

#[test]
fn a_test_message_is_answered_when_it_has_arrived_or_not() {
    let test = freshd::model::Request::NotifyTest {
        team: Some("ops".into()),
        channel: None,
    };
    let titled = PEOPLE.replace("[teams.ops]\n", "[teams.ops]\ntitle = \"Operations\"\n");
    let mut world = World::start(&titled, "2026-11-26T12:00");
    world.handle(freshd::model::Event::Requested {
        id: 1,
        by: "anna".to_owned(),
        request: test.clone(),
    });
    assert!(world.replies.is_empty(), "not before it has arrived");
    let status = world.done(freshd::model::Request::Status { name: None });
    assert_eq!(status["undelivered"], serde_json::json!([]), "it is on its way");
    world.run_until("2026-11-26T12:01");
    let Some(freshd::model::Reply::Done(told)) = world.replies.pop() else {
        panic!("an answer")
    };
    assert_eq!(told["delivered"], true);
    let (_, sent) = world.sent.last().expect("it was sent");
    let message = &sent.message;
    assert_eq!(message.subject, "[freshd] Test message to Operations");
    assert!(
        message.headline.contains(" can reach Operations through mail:"),
        "{}",
        message.headline
    );
    assert!(message.zone.is_some(), "it says when that was, and by which clock");
    world.channel(OPS, |_, now| busy(now));
    world.handle(freshd::model::Event::Requested {
        id: 2,
        by: "anna".to_owned(),
        request: test,
    });
    world.run_until("2026-11-26T12:02");
    let Some(freshd::model::Reply::Done(told)) = world.replies.pop() else {
        panic!("an answer")
    };
    assert_eq!(told["delivered"], false);
    assert_eq!(told["messages"][0]["address"], "mail:ops@sea.example");
    assert_eq!(told["messages"][0]["error"], "connection refused");
}

#[test]
fn a_test_message_to_nobody_says_why_nobody_is_told() {
    let mut world = World::start(PEOPLE, "2026-11-26T12:00");
    for (team, channel, words) in [
        (Some("sales"), None, "there is no team sales in jobs.toml"),
        (Some("sales"), Some("mail"), "there is no team sales in jobs.toml"),
        (Some("ops"), Some("pager"), "team ops is not told through channel pager"),
        (None, Some("chat"), "nobody is told through a channel chat in jobs.toml"),
    ] {
        let reply = world.ask(Request::NotifyTest {
            team: team.map(Into::into),
            channel: channel.map(Into::into),
        });
        let Reply::Refused(why) = reply else {
            panic!("it was sent: {words}");
        };
        assert_eq!(why, words);
    }
}
