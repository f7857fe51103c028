//! What a person asks to be sent: once more what was given up, and tests of an address.

use freshd::model::{
    DeliveryOutcome, Event, Notification, NotificationId, NotificationState, Purpose, Reply, Request, newest_of_each,
};

use super::delivery::{OPS, mend, no_such_address};
use super::virtual_world::{Play, World};
use super::{PEOPLE, failing, one_job};

/// Anna asks for a message, which is read from the store as the daemon does.
pub(super) fn resend(world: &mut World, id: NotificationId) -> Result<NotificationId, String> {
    let reader = world.reader();
    let found = reader.notification(id).expect("read").map(|(found, _)| found);
    let found = found.map(|found| {
        let incident = found.incident.map(|id| reader.notifications_of(id).expect("read"));
        let others = incident.into_iter().flatten().map(|(other, _)| other);
        (Box::new(found), others.collect())
    });
    world.handle(Event::ResendAsked {
        id: 900,
        by: "anna".to_owned(),
        found: found.ok_or_else(|| "there is no such message".to_owned()),
    });
    match world.replies.pop().expect("an answer") {
        Reply::Done(facts) => Ok(NotificationId(facts["message"].as_u64().expect("a number"))),
        Reply::Refused(why) => Err(why),
    }
}

fn to_ops(world: &World, purpose: Purpose) -> Notification {
    let mut told = world.ledger.notifications.values();
    let found = told.find(|told| told.address.to_string() == OPS && told.message.purpose == purpose);
    found.expect("a message").clone()
}

/// The opening to those who answer has died.
fn dead() -> World {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    world.run_until("2026-11-26T12:10");
    assert_eq!(to_ops(&world, Purpose::Opening).state, NotificationState::Dead);
    world
}

#[test]
fn a_dead_message_is_sent_again_as_a_new_one_that_says_who_asked() {
    let mut world = dead();
    let first = to_ops(&world, Purpose::Opening);
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    let again = resend(&mut world, first.id).expect("it is sent");
    world.run_until("2026-11-26T12:11");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    let sent = &world.sent.iter().rfind(|(_, sent)| sent.id == again).expect("sent").1;
    assert_ne!(sent.message.id, first.message.id);
    let marked = |text: &str| format!("[resent, written Thu 2026-11-26 12:01] {text}");
    assert_eq!(
        (&sent.message.headline, &sent.message.thread),
        (&marked(&first.message.headline), &first.message.thread)
    );
    // The subject by which the thread is known stays as it is.
    assert_eq!(sent.message.subject, first.message.subject);
    assert_eq!(
        sent.message.marked_subject(),
        format!("[resent] {}", first.message.subject)
    );
    assert_eq!(
        (sent.message.at, sent.message.resent_at),
        (first.message.at, Some(sent.created_at))
    );
    assert_eq!(by_now(sent), None, "it is as it was");
    assert_eq!(sent.message.facts[0].label, "Sent again");
    let why = format!(
        "on request of anna, as message {} could not be delivered; written Thu 2026-11-26 12:01",
        first.id
    );
    assert_eq!(sent.message.facts[0].text, why);
    // It is on record, and what died stays dead.
    let stored = &world.ledger.notifications;
    assert_eq!(stored[&again].state, NotificationState::Delivered);
    assert_eq!(stored[&first.id].state, NotificationState::Dead);
    let why = resend(&mut world, first.id).expect_err("once is enough");
    assert_eq!(
        why,
        format!("message {} was sent again already, as message {again}", first.id)
    );
    let why = resend(&mut world, again).expect_err("it is not dead");
    assert_eq!(why, format!("message {again} was taken by {OPS}"));
    // That it works again is known of the address.
    assert!(
        world
            .incidents()
            .iter()
            .all(|incident| incident.subject.as_str() != OPS || incident.resolved_at.is_some())
    );
}

#[test]
fn what_dies_again_is_sent_again_as_if_it_were_the_first_time() {
    let mut world = dead();
    let first = to_ops(&world, Purpose::Opening);
    let incident = first.incident.expect("an incident");
    let ack = || Request::Ack {
        incident,
        note: None,
        link: None,
    };
    world.done(ack());
    let again = resend(&mut world, first.id).expect("it is sent");
    world.run_until("2026-11-26T12:20");
    let died = world.ledger.notifications[&again].clone();
    assert_eq!(died.state, NotificationState::Dead);
    assert!(by_now(&died).is_some());
    let third = resend(&mut world, again).expect("it is sent");
    let third = world.ledger.notifications[&third].clone();
    assert_eq!(third.message.headline, died.message.headline, "marked once");
    assert_eq!(third.message.marked_subject(), died.message.marked_subject());
    let labels = |one: &Notification| {
        one.message
            .facts
            .iter()
            .map(|fact| fact.label.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(&third), labels(&died), "each line once");
    let why = format!("as message {again} could not be delivered");
    assert!(third.message.facts[0].text.contains(&why), "{:?}", third.message.facts);
    assert_eq!(third.message.resent_at, Some(third.created_at));
}

/// How it is by now, as a message that is sent again says.
fn by_now(sent: &Notification) -> Option<&str> {
    labelled(sent, "By now")
}

fn labelled<'a>(sent: &'a Notification, label: &str) -> Option<&'a str> {
    let mut facts = sent.message.facts.iter();
    facts.find(|fact| fact.label == label).map(|fact| fact.text.as_str())
}

#[test]
fn what_is_sent_again_says_how_it_is_by_now_where_that_is_another_matter() {
    let mut world = dead();
    let opening = to_ops(&world, Purpose::Opening);
    let incident = opening.incident.expect("an incident");
    world.done(Request::Ack {
        incident,
        note: None,
        link: None,
    });
    let again = resend(&mut world, opening.id).expect("it is sent");
    let words = format!(
        "j failed (#{incident}), warning, since Thu 2026-11-26 12:00; taken on by anna until Fri 2026-11-27 08:00"
    );
    let stored = |world: &World, id| world.ledger.notifications[&id].clone();
    assert_eq!(by_now(&stored(&world, again)), Some(words.as_str()));
    let headline = stored(&world, again).message.headline.clone();
    let first = format!("] By now: {words}. As written then: {}", opening.message.headline);
    assert!(headline.ends_with(&first), "{headline}");

    // Its end died, too, and it has failed again since.
    mend(&mut world, "2026-11-26T12:20");
    let end = to_ops(&world, Purpose::Recovery).id;
    world.run_until("2026-11-26T12:30");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:40");
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    let again = resend(&mut world, end).expect("it is sent");
    let next = world.incidents().into_iter().filter(|one| one.subject.as_str() == "j");
    let next = next.map(|one| one.id).max().expect("another incident");
    let words = format!("j failed (#{next}), warning, since Thu 2026-11-26 12:30");
    assert_eq!(labelled(&stored(&world, again), "Wrong again"), Some(words.as_str()));
    let headline = &stored(&world, again).message.headline;
    let first = format!("] Wrong again: {words}. As written then: RESOLVED after ");
    assert!(headline.contains(&first), "{headline}");
    world.crash();
    world.restart();
    world.run_until("2026-11-26T12:41");
    let sent = world.sent.iter().rfind(|(_, sent)| sent.id == again).expect("sent");
    assert_eq!(
        labelled(&sent.1, "Wrong again"),
        Some(words.as_str()),
        "the same after a crash"
    );
}

#[test]
fn an_end_that_is_sent_again_of_what_flaps_and_is_well_is_no_alarm() {
    let mut world = dead();
    mend(&mut world, "2026-11-26T12:15");
    let end = to_ops(&world, Purpose::Recovery).id;
    for (at, is_good) in [("12:20", false), ("12:25", true), ("12:30", false), ("12:35", true)] {
        world.run_until(&format!("2026-11-26T{at}"));
        world.script(
            "j",
            move |_, _| if is_good { Play::succeeds() } else { Play::fails(1, "") },
        );
        world.run("j");
    }
    world.run_until("2026-11-26T12:40");
    let again = resend(&mut world, end).expect("it is sent");
    let sent = &world.ledger.notifications[&again];
    let words = by_now(sent).expect("it is another incident");
    assert!(words.ends_with("; well since Thu 2026-11-26 12:35"), "{words}");
    assert!(
        sent.message.headline.contains("] RESOLVED after "),
        "{}",
        sent.message.headline
    );
    assert!(!sent.message.is_end_of_then());
}

#[test]
fn a_message_that_is_sent_again_waits_like_any_other_and_survives_a_crash() {
    let mut world = dead();
    let first = to_ops(&world, Purpose::Opening).id;
    world.channel(OPS, |_, now| super::delivery::busy(now));
    let again = resend(&mut world, first).expect("it is put in");
    let why = resend(&mut world, first).expect_err("it is under way");
    assert_eq!(
        why,
        format!("message {first} was sent again already, as message {again}")
    );
    let why = resend(&mut world, again).expect_err("it is not dead");
    assert_eq!(why, format!("message {again} is still tried at {OPS}"));
    world.run_until("2026-11-26T12:11");
    world.crash();
    world.restart();
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T12:59");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn of_what_is_over_only_the_end_is_sent_again_and_the_fallback_hears_of_it_once() {
    let mut world = dead();
    let opening = to_ops(&world, Purpose::Opening);
    mend(&mut world, "2026-11-26T12:20");
    let why = resend(&mut world, opening.id).expect_err("it is over");
    let incident = opening.incident.expect("an incident");
    assert_eq!(
        why,
        format!("incident {incident} is over, and what says so is another message")
    );
    let end = to_ops(&world, Purpose::Recovery);
    assert_eq!(end.state, NotificationState::Dead);
    let told = world.told_to("mail:it@sea.example").len();
    resend(&mut world, end.id).expect("it is sent");
    world.run_until("2026-11-26T12:30");
    assert_eq!(world.told_to("mail:it@sea.example").len(), told, "it dies again");
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    resend(&mut world, end.id).expect("it is sent");
    world.run_until("2026-11-26T12:31");
    assert_eq!(world.told_to(OPS).first(), Some(&Purpose::Recovery));
}

#[test]
fn of_what_died_about_one_incident_the_newest_stands_for_all_before_it() {
    let mut world = dead();
    world.run_until("2026-11-26T13:10");
    let dead = world.reader().dead_messages(false, 99, &|_| true).expect("read");
    let dead: Vec<_> = dead.into_iter().filter(|one| one.to == OPS).collect();
    assert!(dead.len() > 1, "{dead:?}");
    let (newest, told) = newest_of_each(&dead);
    let newest: Vec<_> = newest.into_iter().map(|one| one.message).collect();
    assert_eq!((newest.clone(), told), (vec![dead[0].message], dead.len() - 1));
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    let again = resend(&mut world, newest[0]).expect("it is sent");
    world.run_until("2026-11-26T13:11");
    let left = world.reader().dead_messages(false, 99, &|_| true).expect("read");
    assert!(left.iter().all(|one| one.to != OPS), "{left:?}");
    let first = to_ops(&world, Purpose::Opening);
    let incident = first.incident.expect("an incident");
    let why = resend(&mut world, first.id).expect_err("it is told");
    let words = format!("a later message about incident {incident} was sent again to {OPS}, as message {again}");
    assert_eq!(why, format!("{words}, and says how it stands"));
}

#[test]
fn an_address_that_nobody_has_any_more_is_sent_nothing() {
    let mut world = dead();
    let first = to_ops(&world, Purpose::Opening).id;
    world.reload(&one_job("").replace("mail:ops@sea.example", "mail:new@sea.example"));
    let why = resend(&mut world, first).expect_err("nobody is there");
    assert_eq!(why, format!("address no longer used: jobs.toml does not name {OPS}"));
}

#[test]
fn a_test_is_not_sent_again() {
    let mut world = dead();
    world.ask_and_hear_nothing(Request::NotifyTest {
        team: Some("ops".into()),
        channel: None,
    });
    world.run_until("2026-11-26T12:11");
    world.replies.clear();
    let test = to_ops(&world, Purpose::Test).id;
    let why = resend(&mut world, test).expect_err("it was a test");
    let words = "was a test; `freshd notify test --team ops --channel mail` sends another";
    assert_eq!(why, format!("message {test} {words}"));
}

#[test]
fn an_address_of_an_escalation_is_tried_out_where_its_channel_is_named() {
    let notify = "[teams.ops]\nnotify = [\"mail:ops@sea.example\"]\n";
    let escalate = format!("{notify}escalate = [{{ after = \"1h\", notify = [\"chat\"] }}]\n");
    let text = PEOPLE.replace(notify, &escalate) + "[channels.chat]\ntype = \"file\"\ndir = \"outbox\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    let mut tested = |team: Option<&str>, channel: Option<&str>| {
        world.ask_and_hear_nothing(Request::NotifyTest {
            team: team.map(Into::into),
            channel: channel.map(Into::into),
        });
        let until = format!("2026-11-26T12:0{}", 1 + world.sent.len());
        world.run_until(&until);
        let Some(Reply::Done(told)) = world.replies.pop() else {
            panic!("an answer")
        };
        told["messages"]
            .as_array()
            .expect("messages")
            .iter()
            .map(|one| one["address"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(tested(Some("ops"), Some("chat")), ["chat"]);
    assert_eq!(tested(None, Some("chat")), ["chat"]);
    assert_eq!(tested(Some("ops"), None), ["mail:ops@sea.example"]);
}

#[test]
fn what_died_with_another_message_is_sent_again_as_well() {
    let text = one_job("") + "[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    for job in ["j", "k"] {
        world.script(job, |_, _| Play::fails(1, ""));
        world.run(job);
    }
    world.run_until("2026-11-26T12:10");
    let told = world.ledger.notifications.values();
    let dead = told.filter(|told| told.state == NotificationState::Dead && told.message.purpose == Purpose::Opening);
    let dead: Vec<_> = dead.map(|told| (told.id, told.message.at)).collect();
    assert!(
        dead.len() == 2 && dead[0].1 == dead[1].1,
        "decided in one step: {dead:?}"
    );
    for (id, _) in dead {
        resend(&mut world, id).expect("each by itself");
    }
}

#[test]
fn what_was_sent_again_says_so_first_also_once_it_is_over() {
    let mut world = dead();
    let opening = to_ops(&world, Purpose::Opening).id;
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    let again = resend(&mut world, opening).expect("it is sent");
    world.run_until("2026-11-26T12:15");
    mend(&mut world, "2026-11-26T12:20");
    let why = resend(&mut world, opening).expect_err("it was sent");
    assert_eq!(
        why,
        format!("message {opening} was sent again already, as message {again}")
    );
}

#[test]
fn whoever_takes_an_incident_away_from_somebody_else_is_told_from_whom() {
    let mut world = dead();
    let id = to_ops(&world, Purpose::Opening).incident.expect("an incident");
    let acks = |world: &mut World, by: &str, note: Option<&str>| {
        world.handle(Event::Requested {
            id: 900,
            by: by.to_owned(),
            request: Request::Ack {
                incident: id,
                note: note.map(str::to_owned),
                link: None,
            },
        });
        match world.replies.pop().expect("an answer") {
            Reply::Done(facts) => facts["taken_over_from"].clone(),
            Reply::Refused(why) => panic!("refused: {why}"),
        }
    };
    assert!(acks(&mut world, "kari", Some("at the share")).is_null());
    let from = acks(&mut world, "root", Some("mine"));
    assert_eq!(
        (&from["by"], &from["note"]),
        (&"kari".into(), &"at the share".into()),
        "{from}"
    );
    assert_eq!(from["at"], "2026-11-26T11:10:00Z", "12:10 in Oslo");
    assert!(acks(&mut world, "root", None).is_null(), "it is theirs");
    // Until Friday, 08:00: then nobody has it.
    world.run_until("2026-11-27T08:01");
    assert!(acks(&mut world, "kari", None).is_null());
}
