//! Threads at a Slack app: what belongs to an incident follows its first message, as far as that is known to be taken.

use freshd::model::{Action, DeliveryOutcome, Message, Name, NotificationId, Purpose, Reply, Request, Severity};

use super::PEOPLE;
use super::delivery::{busy, mend};
use super::virtual_world::{Crash, Play, World, at};

/// A Slack app. The world looks up no secret but those of the environment.
const SLACK: &str = "[channels.slack]\ntype = \"slack\"\ntoken = { env = \"PATH\" }\nchannel = \"#ops\"\n";

/// The people above, but that `ops` is told through a Slack app; and one job `j` of it.
fn world() -> World {
    let people = PEOPLE.replace("notify = [\"mail:ops@sea.example\"]", "notify = [\"slack\"]");
    let text = format!("{people}{SLACK}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n");
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world
}

/// What was taken: why, and which of them, counted from 1, it was sent to follow.
fn followed(world: &World) -> Vec<(Purpose, Option<usize>)> {
    let ids: Vec<_> = world.followed.iter().map(|(id, _)| format!("ts-{id}")).collect();
    let place = |follows: &String| 1 + ids.iter().position(|id| id == follows).expect("one of them");
    let purposes = world.sent.iter().map(|(_, sent)| sent.message.purpose);
    let follows = world.followed.iter().map(|(_, follows)| follows.as_ref().map(place));
    purposes.zip(follows).collect()
}

#[test]
fn reminders_and_the_end_follow_the_opening_also_after_a_crash() {
    for crashes in [false, true] {
        let mut world = world();
        world.run_until("2026-11-26T12:30");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T13:30");
        mend(&mut world, "2026-11-26T13:40");
        let expected = [
            (Purpose::Opening, None),
            (Purpose::Reminder, Some(1)),
            (Purpose::Recovery, Some(1)),
        ];
        assert_eq!(followed(&world), expected, "crashes: {crashes}");
    }
}

#[test]
fn an_end_that_waits_through_an_outage_and_a_crash_follows_the_opening() {
    let mut world = world();
    world.channel("slack", |_, now| {
        match (at("2026-11-26T12:30")..at("2026-11-26T15:00")).contains(&now) {
            true => busy(now),
            false => DeliveryOutcome::Accepted,
        }
    });
    world.run_until("2026-11-26T12:40");
    mend(&mut world, "2026-11-26T12:50");
    world.crash();
    world.restart();
    world.run_until("2026-11-26T17:00");
    let to_slack: Vec<_> = followed(&world)
        .into_iter()
        .filter(|(why, _)| *why == Purpose::Recovery)
        .collect();
    assert_eq!(to_slack[0], (Purpose::Recovery, Some(1)));
}

#[test]
fn an_opening_whose_answer_was_lost_begins_a_thread_again() {
    let mut world = world();
    // It is taken, and the daemon dies before it hears so.
    world.run_until("2026-11-26T12:01:04");
    world.crash_at = Some((world.commits + 1, Crash::Acted));
    world.run_until("2026-11-26T12:30");
    assert_eq!(world.crash_at, None, "it died");
    mend(&mut world, "2026-11-26T12:40");
    let expected = [
        (Purpose::Opening, None),
        (Purpose::Opening, None),
        (Purpose::Recovery, Some(1)),
    ];
    assert_eq!(followed(&world), expected, "the second is what is known");
}

#[test]
fn where_a_thread_is_gone_its_messages_follow_the_newest_that_began_one() {
    for crashes in [false, true] {
        let mut world = world();
        world.outside.gone_before = Some(at("2026-11-26T12:30"));
        world.run_until("2026-11-26T13:30");
        if crashes {
            world.crash();
            world.restart();
        }
        mend(&mut world, "2026-11-26T13:40");
        let expected = [
            (Purpose::Opening, None),
            (Purpose::Reminder, Some(1)),
            (Purpose::Recovery, Some(2)),
        ];
        assert_eq!(followed(&world), expected, "crashes: {crashes}");
    }
}

/// What the first message of a thread was to say without anything sent behind it, by the number of the message.
fn changed(world: &World) -> Vec<(usize, &Message)> {
    let place = |receipt: &str| {
        1 + world
            .sent
            .iter()
            .position(|(_, sent)| format!("ts-{}", sent.id) == receipt)
            .unwrap()
    };
    let changes = world.asked.iter().filter_map(|asked| match asked {
        Action::Change { channel, root, newest } => {
            assert_eq!(channel, &Name::from("slack"));
            Some((place(&root.receipt), &**newest))
        }
        _ => None,
    });
    changes.collect()
}

/// By which message the incident of a changed one can be taken on.
fn offered(world: &World) -> Vec<Option<NotificationId>> {
    let changes = world.asked.iter().filter_map(|asked| match asked {
        Action::Change { root, .. } => Some(root.offer.as_ref().map(|offer| offer.message)),
        _ => None,
    });
    changes.collect()
}

/// The same people, where the boss is called after a while.
fn world_with_a_chain(after: &str) -> World {
    let people = PEOPLE.replace(
        "notify = [\"mail:ops@sea.example\"]",
        &format!("notify = [\"slack\"]\nescalate = [{{ after = \"{after}\", notify = [\"mail:boss@sea.example\"] }}]"),
    );
    let text = format!("{people}{SLACK}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n");
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world
}

#[test]
fn an_opening_that_an_escalation_changes_can_still_be_taken_on_by_the_newest_message_of_its_thread() {
    for crashes in [false, true] {
        // Of the opening, before anybody was reminded; of the reminder, after that; and of none that was used up: those who
        // are reminded when nobody has it any more are shown in the same step that the boss is called.
        for (after, is_taken_on, crashes_at, until, newest) in [
            ("30m", false, "2026-11-26T12:25", "2026-11-26T12:40", Purpose::Opening),
            ("90m", false, "2026-11-26T13:20", "2026-11-26T13:40", Purpose::Reminder),
            ("90m", true, "2026-11-27T07:55", "2026-11-27T08:10", Purpose::Reminder),
        ] {
            let case = format!("crashes: {crashes}, after {after}, taken on before: {is_taken_on}");
            let mut world = world_with_a_chain(after);
            world.run_until("2026-11-26T12:20");
            let incident = world.open_incidents()[0].id;
            if is_taken_on {
                world.done(Request::ack(incident));
                assert_eq!(offered(&world), [None], "{case}");
            }
            let begun = world.asked.len();
            world.run_until(crashes_at);
            if crashes {
                world.crash();
                world.restart();
            }
            world.run_until(until);
            let mut told = world.sent.iter().rev().map(|(_, sent)| sent);
            let newest = told.find(|sent| sent.message.purpose == newest && sent.address.to_string() == "slack");
            let newest = newest.expect("it was told").id;
            world.asked.drain(..begun);
            let offered = offered(&world);
            assert!(!offered.is_empty(), "{case}");
            assert!(
                offered.iter().all(|offered| *offered == Some(newest)),
                "{case}: {offered:?}"
            );
            // By it the incident is taken on, once.
            let by_link = || Request::Ack {
                incident,
                note: None,
                link: Some(newest),
            };
            world.done(by_link());
            assert!(matches!(world.ask(by_link()), Reply::Refused(_)), "{case}");
        }
    }
}

#[test]
fn an_acknowledgement_changes_the_opening_and_sends_nothing_also_after_a_crash() {
    for crashes in [false, true] {
        let mut world = world();
        world.run_until("2026-11-26T12:30");
        if crashes {
            world.crash();
            world.restart();
        }
        let incident = world.open_incidents()[0].id;
        let sent = world.sent.len();
        world.done(Request::Ack {
            incident,
            note: Some("looking at the disk".to_owned()),
            link: None,
        });
        world.run_until("2026-11-26T12:40");
        assert_eq!(world.sent.len(), sent, "crashes: {crashes}");
        assert_eq!(offered(&world), [None], "nobody is to take it on once more");
        let changed = changed(&world);
        assert_eq!(changed.len(), 1, "crashes: {crashes}");
        let (of, newest) = changed[0];
        assert_eq!(of, 1);
        assert_eq!(newest.acknowledged(), Some("by anna until Fri 2026-11-27 08:00"));
        let words = "Acknowledged by anna until Fri 2026-11-27 08:00: looking at the disk";
        assert_eq!(newest.headline, words);
        assert_eq!(newest.zone.as_deref(), Some("Europe/Oslo (UTC+1)"));
        // The reminder that follows says that nobody is on it any more.
        world.run_until("2026-11-27T08:10");
        assert_eq!(followed(&world).last(), Some(&(Purpose::Reminder, Some(1))));
    }
}

#[test]
fn an_acknowledgement_that_comes_before_the_opening_is_taken_changes_it_then_and_that_of_a_rehearsal_nothing() {
    let mut world = world();
    world.channel("slack", |_, now| busy(now));
    world.run_until("2026-11-26T12:30");
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    assert_eq!(changed(&world), []);
    // Once it is taken it says so.
    world.channel("slack", |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T15:00");
    let said: Vec<_> = changed(&world)
        .iter()
        .map(|(_, newest)| newest.acknowledged())
        .collect();
    assert_eq!(said, [Some("by anna until Fri 2026-11-27 08:00")]);

    let mut world = self::world();
    world.run_until("2026-11-26T12:10");
    world.ask(Request::Drill {
        name: Name::from("j"),
        for_s: 3_600,
    });
    world.run_until("2026-11-26T12:20");
    let drill = world.open_incidents().into_iter().find(|one| one.drill.is_some());
    world.done(Request::ack(drill.expect("it goes on").id));
    world.run_until("2026-11-26T12:30");
    assert_eq!(changed(&world), []);
    let (why, follows) = followed(&world).pop().unwrap();
    assert_eq!(why, Purpose::Recovery);
    assert!(follows.is_some(), "the end of the rehearsal follows its opening");
}

#[test]
fn an_escalation_to_another_address_changes_the_opening_and_is_said_by_what_follows_also_after_a_crash() {
    for crashes in [false, true] {
        let mut world = world_with_a_chain("30m");
        world.run_until("2026-11-26T12:31:01");
        if crashes {
            world.crash_at = Some((world.commits + 1, Crash::After));
        }
        world.run_until("2026-11-26T12:40");
        assert_eq!(world.crash_at, None, "it died before it could ask for the change");
        let changes = changed(&world);
        let (of, newest) = changes[0];
        assert_eq!((changes.len(), of), (1, 1), "crashes: {crashes}");
        let words = "to mail:boss@sea.example, Thu 2026-11-26 12:31";
        assert_eq!(
            newest.headline,
            format!("WARNING, nobody has answered: escalated {words}")
        );
        world.run_until("2026-11-26T13:10");
        let reminder = world
            .sent
            .iter()
            .rev()
            .find(|(_, sent)| sent.message.purpose == Purpose::Reminder);
        let facts = &reminder.expect("reminded").1.message.facts;
        let escalated: Vec<_> = facts.iter().filter(|fact| fact.label == "Escalated").collect();
        assert!(escalated.iter().any(|fact| fact.text == words), "{escalated:?}");
    }
}

#[test]
fn an_opening_that_is_changed_is_as_grave_as_its_incident_is_by_then() {
    let people = PEOPLE.replace(
        "notify = [\"mail:ops@sea.example\"]",
        "notify = [\"slack\"]\nescalate = [{ after = \"40m\", notify = [\"mail:boss@sea.example\"] }]",
    );
    let text = format!(
        "{people}{SLACK}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T13:00");
    let first = world.sent.first().map(|(_, sent)| sent.message.severity);
    assert_eq!(first, Some(Severity::Warning));
    let changes = changed(&world);
    let (_, newest) = changes.last().expect("changed when the boss was called");
    assert_eq!(newest.severity, Severity::Critical);
    let begins = "CRITICAL, nobody has answered: escalated to ";
    assert!(newest.headline.starts_with(begins), "{}", newest.headline);
}

#[test]
fn who_was_called_stands_in_no_thread_of_those_who_read_it() {
    let slack = "notify = [\"slack\"]";
    let chain = format!("{slack}\nescalate = [{{ after = \"30m\", notify = [\"mail:boss@sea.example\"] }}]");
    let people = PEOPLE
        .replace("notify = [\"mail:ops@sea.example\"]", &chain)
        .replace("notify = [\"mail:c@sea.example\"]", slack);
    let text = format!(
        "{people}{SLACK}[systems.shop]\nowner = \"c\"\n[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"1h\"\n\
         consumers = [\"shop\"]\n[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T11:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:40");
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    let said = changed(&world)
        .into_iter()
        .filter(|(_, it)| it.acknowledged().is_some());
    let said: Vec<(bool, usize)> = said
        .map(|(_, newest)| {
            let called = newest.facts.iter().filter(|fact| fact.label == "Escalated");
            (newest.is_impact(), called.count())
        })
        .collect();
    assert_eq!(said, [(true, 0), (false, 1)]);
}
