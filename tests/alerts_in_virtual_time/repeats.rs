//! A channel that forgets: told again what is open, and for a while what is over, without a trace in the records.

use std::time::Duration;

use freshd::model::{Action, DeliveryOutcome, Message, NotificationState, Purpose};

use super::delivery::{busy, mend};
use super::virtual_world::{Play, World, at, clock};
use super::{PEOPLE, failing};

/// The people above, but that `ops` is told through an Alertmanager; and one job `j` of it, with these lines.
fn one_job(lines: &str) -> String {
    let people = PEOPLE.replace("notify = [\"mail:ops@sea.example\"]", "notify = [\"am\"]");
    format!(
        "{people}[channels.am]\ntype = \"alertmanager\"\nurl = \"http://localhost:9093\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n{lines}\n"
    )
}

/// The repetitions asked for since the last look: each a list of purposes and times of writing.
fn repetitions(world: &mut World) -> Vec<Vec<(Purpose, String)>> {
    let asked = std::mem::take(&mut world.asked);
    let told = |message: &Message| (message.purpose, clock(message.at));
    asked
        .iter()
        .filter_map(|action| match action {
            Action::Repeat { channel, messages } => {
                assert_eq!(channel.as_str(), "am");
                Some(messages.iter().map(told).collect())
            }
            _ => None,
        })
        .collect()
}

fn opening(at: &str) -> Vec<(Purpose, String)> {
    vec![(Purpose::Opening, at.to_owned())]
}

fn end(at: &str) -> Vec<(Purpose, String)> {
    vec![(Purpose::Recovery, at.to_owned())]
}

#[test]
fn what_is_open_is_told_again_each_minute_and_what_is_over_for_five() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:01:30");
    assert_eq!(world.told_to("am"), [Purpose::Opening]);
    assert_eq!(repetitions(&mut world), [[]; 0], "it knows");
    world.run_until("2026-11-26T12:04:30");
    assert_eq!(
        repetitions(&mut world),
        [opening("12:02:05"), opening("12:03:05"), opening("12:04:05")]
    );
    mend(&mut world, "2026-11-26T12:09:29");
    assert_eq!(repetitions(&mut world), vec![end("12:04:35"); 5]);
    world.run_until("2026-11-26T18:00");
    assert_eq!(repetitions(&mut world), [[]; 0], "and then no more");
}

#[test]
fn a_day_of_repetitions_leaves_nothing_in_the_records() {
    let text = format!("{}[alerts]\nreminders = [\"100d\"]\n", one_job(""));
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T12:02");
    let (facts, notifications) = (world.facts.len(), world.ledger.notifications.len());
    world.run_until("2026-11-27T07:59");
    let told = repetitions(&mut world);
    assert_eq!(told.len(), 19 * 60 + 57);
    assert!(told.iter().all(|messages| messages.len() == 1));
    assert_eq!(
        (world.facts.len(), world.ledger.notifications.len()),
        (facts, notifications)
    );
}

#[test]
fn after_a_crash_it_is_told_at_once_what_is_open_and_what_was_over_shortly_before() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:03");
    repetitions(&mut world);
    world.crash();
    world.pass(Duration::from_mins(7));
    world.restart();
    world.run_until("2026-11-26T12:10:59");
    assert_eq!(repetitions(&mut world), [opening("12:10:00")]);
    mend(&mut world, "2026-11-26T12:12:10");
    repetitions(&mut world);
    world.crash();
    world.restart();
    world.run_until("2026-11-26T12:20");
    let told = repetitions(&mut world);
    assert_eq!(told, vec![end("12:11:04"); 4], "until 12:16:04, as ever");
}

#[test]
fn what_has_not_come_through_yet_is_not_overtaken() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel("am", |sent, now| match sent.message.purpose {
        Purpose::Opening if now < at("2026-11-26T12:03") => busy(now),
        Purpose::Recovery if now < at("2026-11-26T12:08") => busy(now),
        _ => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-26T12:03:39");
    assert_eq!(repetitions(&mut world), [[]; 0], "the opening is still tried");
    world.run_until("2026-11-26T12:05:30");
    assert_eq!(world.told_to("am"), [Purpose::Opening]);
    let told = repetitions(&mut world).len();
    assert!((1..=2).contains(&told), "{told}");
    mend(&mut world, "2026-11-26T12:08");
    assert_eq!(
        repetitions(&mut world),
        [[]; 0],
        "the end is on its way: nothing fires again"
    );
    world.run_until("2026-11-26T13:00");
    assert_eq!(world.told_to("am"), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn what_is_bad_again_is_not_told_to_be_over() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:03");
    mend(&mut world, "2026-11-26T12:03:30");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:04:36");
    repetitions(&mut world);
    world.run_until("2026-11-26T12:07:30");
    let told = repetitions(&mut world);
    assert_eq!(
        world.told_to("am"),
        [Purpose::Opening, Purpose::Recovery, Purpose::Opening]
    );
    assert_eq!(told.len(), 3);
    for messages in told {
        assert!(
            messages.iter().all(|(purpose, _)| *purpose == Purpose::Opening),
            "{messages:?}"
        );
    }
}

#[test]
fn each_team_is_told_again_in_its_own_words_in_one_go() {
    let text = format!(
        "{}produces = \"x\"\n[datasets.x]\nowner = \"ops\"\nfile = \"x\"\nmax_age = \"30m\"\nconsumers = [\"shop\"]\n\
         [systems.shop]\nowner = \"sales\"\n[teams.sales]\nnotify = [\"am\"]\n",
        one_job("")
    );
    let mut world = World::start(&text, "2026-11-26T11:50");
    world.run("j");
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:30");
    repetitions(&mut world);
    world.run_until("2026-11-26T12:31:30");
    let told = repetitions(&mut world);
    let purposes: Vec<_> = told[0].iter().map(|(purpose, _)| *purpose).collect();
    assert_eq!(purposes, [Purpose::Opening, Purpose::Impact]);
}

#[test]
fn an_address_that_was_told_through_another_kind_of_channel_is_told_again_after_a_reload() {
    let mut world = failing(
        &one_job("").replace(
            "type = \"alertmanager\"\nurl = \"http://localhost:9093\"",
            "type = \"file\"\ndir = \"x\"",
        ),
        "2026-11-26T12:00",
    );
    world.run_until("2026-11-26T12:10");
    assert_eq!(repetitions(&mut world), [[]; 0], "a file forgets nothing");
    world.reload(&one_job(""));
    world.run_until("2026-11-26T12:11:30");
    assert_eq!(repetitions(&mut world), [opening("12:10:00"), opening("12:11:00")]);
    let states: Vec<_> = world.ledger.notifications.values().map(|told| told.state).collect();
    assert_eq!(states, [NotificationState::Delivered]);
}

#[test]
fn an_end_that_comes_late_never_stands_against_what_began_since() {
    for crashes in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.run_until("2026-11-26T12:03");
        // Nothing is taken for a while, and the end not even then.
        world.channel("am", |sent, now| match sent.message.purpose {
            _ if now < at("2026-11-26T12:10") => busy(now),
            Purpose::Recovery if now < at("2026-11-26T12:40") => busy(now),
            _ => DeliveryOutcome::Accepted,
        });
        mend(&mut world, "2026-11-26T12:05");
        world.script("j", |_, _| Play::fails(1, ""));
        world.run("j");
        world.run_until("2026-11-26T12:08");
        if crashes {
            world.crash();
            world.restart();
        }
        repetitions(&mut world);
        world.run_until("2026-11-26T14:00");
        let taken = world.sent.iter().map(|(_, sent)| sent);
        let taken = taken.filter(|sent| sent.address.to_string() == "am");
        let taken: Vec<_> = taken.map(|sent| (sent.message.purpose, sent.incident)).collect();
        let (first, second) = (Some(world.incidents()[0].id), world.open_incidents()[0].id);
        assert_eq!(
            taken[..3],
            [
                (Purpose::Opening, first),
                (Purpose::Recovery, first),
                (Purpose::Opening, Some(second))
            ],
            "crashes: {crashes}"
        );
        let told = repetitions(&mut world);
        assert!(!told.is_empty(), "it is told again");
        for messages in told {
            let is_opening = |(purpose, _): &(Purpose, String)| *purpose == Purpose::Opening;
            assert!(messages.iter().all(is_opening), "crashes: {crashes}, {messages:?}");
        }
    }
}
