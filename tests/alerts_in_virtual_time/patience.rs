//! While nothing happens: reminders, acknowledgements, escalation, and clocks that are set.

use freshd::model::{About, Event, IncidentState, Notification, NotificationId, Purpose, Reply, Request};

use super::delivery::no_such_address;
use super::virtual_world::{Play, World, at};
use super::{failing, one_job};

fn when(world: &World, to: &str, why: Purpose) -> Vec<String> {
    let told = world
        .told()
        .into_iter()
        .filter(|(_, address, purpose)| address == to && *purpose == why);
    told.map(|(when, _, _)| when).collect()
}

const OPS: &str = "mail:ops@sea.example";

fn escalating(chain: &str) -> String {
    one_job("").replace(
        "notify = [\"mail:ops@sea.example\"]\n",
        &format!("notify = [\"mail:ops@sea.example\"]\nescalate = [{chain}]\n"),
    )
}

#[test]
fn reminders_come_after_one_and_four_hours_and_then_each_working_morning() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-12-01T12:00");
    assert_eq!(
        when(&world, OPS, Purpose::Reminder),
        ["Thu 13:01", "Thu 16:01", "Fri 08:00", "Mon 08:00", "Tue 08:00"]
    );
    assert_eq!(world.open_incidents()[0].reminders, 5);
}

#[test]
fn an_acknowledgement_quiets_until_the_next_working_morning() {
    let mut world = failing(&one_job(""), "2026-11-27T12:00");
    world.run_until("2026-11-27T12:30");
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    world.run_until("2026-12-01T12:00");
    assert_eq!(when(&world, OPS, Purpose::Reminder), ["Mon 08:00", "Tue 08:00"]);
    world.script("j", |_, _| Play::succeeds());
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    world.run("j");
    world.run_until("2026-12-01T12:01");
    assert_eq!(
        world.told_to(OPS).last(),
        Some(&Purpose::Recovery),
        "also when acknowledged"
    );
}

#[test]
fn an_acknowledgement_with_an_escalation_ahead_still_ends() {
    let mut world = failing(
        &escalating("{ after = \"1h\", notify = [\"mail:a@sea.example\"] }"),
        "2026-11-27T12:00",
    );
    world.run_until("2026-11-27T12:30");
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    world.run_until("2026-11-30T07:59");
    assert_eq!(world.told_to("mail:a@sea.example"), []);
    world.run_until("2026-12-01T09:00");
    assert_eq!(when(&world, OPS, Purpose::Reminder), ["Mon 08:00", "Tue 08:00"]);
    assert_eq!(when(&world, "mail:a@sea.example", Purpose::Escalation), ["Mon 08:00"]);
}

#[test]
fn an_acknowledgement_survives_a_restart_and_ends_all_the_same() {
    let mut world = failing(
        &escalating("{ after = \"1h\", notify = [\"mail:a@sea.example\"] }"),
        "2026-11-27T12:00",
    );
    world.run_until("2026-11-27T12:30");
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    world.run_until("2026-11-27T20:00");
    world.crash();
    world.restart();
    world.run_until("2026-11-30T09:00");
    assert_eq!(when(&world, OPS, Purpose::Reminder), ["Mon 08:00"]);
}

#[test]
fn an_escalation_over_a_team_that_took_nothing_says_that_it_could_not_be_told() {
    for (is_refused, begins) in [
        (
            true,
            "WARNING, ops could not be told for 1h (mail:ops@sea.example: 550 no such address): j failed",
        ),
        (false, "WARNING, nobody has answered for 1h: j failed"),
    ] {
        let chain = "{ after = \"1h\", notify = [\"mail:a@sea.example\"] }";
        let mut world = World::start(&escalating(chain), "2026-11-26T11:00");
        if is_refused {
            world.channel(OPS, |_, _| no_such_address());
        }
        world.script("j", |_, _| Play::fails(1, ""));
        world.run("j");
        world.run_until("2026-11-26T12:10");
        let escalated = |sent: &&Notification| sent.message.purpose == Purpose::Escalation;
        let told = world
            .sent
            .iter()
            .map(|(_, sent)| sent)
            .find(escalated)
            .expect("an escalation");
        assert!(told.message.headline.starts_with(begins), "{}", told.message.headline);
    }
}

#[test]
fn escalation_runs_down_the_chain_and_ends_at_the_fallback() {
    let chain = "{ after = \"1h\", notify = [\"mail:a@sea.example\"] }, { after = \"3h\", notify = [\"mail:b@sea.example\", \"pager\"] }";
    let mut world = failing(&escalating(chain), "2026-11-26T12:00");
    world.run_until("2026-11-27T12:00");
    assert_eq!(when(&world, "mail:a@sea.example", Purpose::Escalation), ["Thu 13:01"]);
    assert_eq!(when(&world, "mail:b@sea.example", Purpose::Escalation), ["Thu 15:01"]);
    assert_eq!(when(&world, "mail:it@sea.example", Purpose::Escalation), ["Thu 17:01"]);
    assert_eq!(
        when(&world, "pager", Purpose::Escalation),
        ["Thu 15:01"],
        "who was told in the chain is not told again at its end"
    );
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-27T12:01");
    for to in [
        OPS,
        "mail:a@sea.example",
        "mail:b@sea.example",
        "mail:it@sea.example",
        "pager",
    ] {
        assert_eq!(when(&world, to, Purpose::Recovery).len(), 1, "{to}");
    }
}

#[test]
fn a_chain_that_names_the_owner_again_tells_each_thing_once() {
    let mut world = failing(
        &escalating("{ after = \"30m\", notify = [\"mail:ops@sea.example\"] }"),
        "2026-11-26T12:00",
    );
    world.run_until("2026-11-26T13:30");
    assert_eq!(
        world.told_to(OPS),
        [Purpose::Opening, Purpose::Escalation, Purpose::Reminder]
    );
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-26T13:31");
    assert_eq!(when(&world, OPS, Purpose::Recovery).len(), 1);
}

#[test]
fn reminders_that_were_due_while_freshd_was_down_are_one() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:30");
    world.crash();
    world.run_until("2026-11-26T20:00");
    world.restart();
    world.run_until("2026-11-26T20:01");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Reminder]);
}

#[test]
fn a_clock_set_backward_does_not_put_off_what_is_about_to_be_told() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:00:30");
    world.set_clock("2026-11-25T12:00:30");
    world.run_until("2026-11-25T12:02");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn whoever_takes_an_incident_on_is_reminded_when_the_acknowledgement_ends() {
    let mut world = failing(&one_job(""), "2026-11-27T12:00");
    world.run_until("2026-11-27T12:30");
    let incident = world.open_incidents()[0].id;
    world.done(Request::ack(incident));
    let open = world.open_incidents().remove(0);
    assert_eq!(open.remind_at, open.ack.map(|ack| ack.until));
}

#[test]
fn what_grows_worse_while_somebody_has_it_says_who_to_its_readers_too_and_asks_nobody_to_take_it_on() {
    let text = one_job("produces = \"d\"") + "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"2h\"\n";
    let mut world = World::start(&text, "2026-11-26T11:00");
    world.script("j", |_, now| Play::writes("a", now));
    world.run("j");
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    let opening = world.sent.last().expect("an opening").1.message.clone();
    assert!(opening.offers_ack() && !opening.headline.contains("Taken on"));
    world.done(Request::Ack {
        incident: world.open_incidents()[0].id,
        note: Some("on it".to_owned()),
        link: None,
    });
    world.run_until("2026-11-26T13:10");
    let since = world.sent.iter().filter(|(when, _)| *when > at("2026-11-26T12:10"));
    let since: Vec<_> = since.map(|(_, sent)| &sent.message).collect();
    assert_eq!(
        since.iter().map(|it| it.purpose).collect::<Vec<_>>(),
        [Purpose::Update, Purpose::Impact]
    );
    for message in since {
        assert!(
            message
                .headline
                .ends_with(" Taken on by anna until Fri 2026-11-27 08:00."),
            "{}",
            message.headline
        );
        let says = message.facts.iter().find(|fact| fact.label == "Taken on");
        assert_eq!(
            says.map(|fact| &*fact.text),
            Some("by anna (on it), Thu 2026-11-26 12:10")
        );
        assert!(!message.offers_ack());
    }
}

#[test]
fn a_test_that_names_nobody_goes_to_the_fallback() {
    let mut world = World::start(&one_job(""), "2026-11-27T12:00");
    world.handle(Event::Requested {
        id: 1,
        by: "anna".to_owned(),
        request: Request::NotifyTest {
            team: None,
            channel: None,
        },
    });
    let to: Vec<_> = world.tries.iter().map(|(_, sent)| sent.address.to_string()).collect();
    assert_eq!(to, ["mail:it@sea.example", "pager"]);
    world.run_until("2026-11-27T12:01");
    let replies = std::mem::take(&mut world.replies);
    let [freshd::model::Reply::Done(told)] = &replies[..] else {
        panic!("one answer, of both: {replies:?}");
    };
    assert_eq!(told["messages"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_same_failure_again_is_nothing_new_about_its_incident() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    let noted = |world: &World| {
        let facts = world.facts.iter();
        facts
            .filter(|fact| matches!(fact, freshd::model::Fact::Incident(_)))
            .count()
    };
    let before = noted(&world);
    world.run("j");
    world.run_until("2026-11-26T12:20");
    assert_eq!(noted(&world), before);
}

#[test]
fn a_failure_of_which_people_hear_at_once_does_not_wait_for_what_it_explains() {
    let text = |wait: &str| {
        format!(
            "{}produces = \"d\"\n[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"60m\"\n[alerts]\ngroup_wait = \"{wait}\"\n",
            one_job("")
        )
    };
    let mut world = World::start(&text("30m"), "2026-03-02T10:00");
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-03-02T11:10");
    assert_eq!(world.incidents()[0].state, IncidentState::Waiting);
    world.reload(&text("0s"));
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-03-02T11:11");
    let open = world.open_incidents();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((open[0].about, open[0].subject.as_str()), (About::Job, "j"));
    assert_eq!(world.told_to("mail:ops@sea.example")[..1], [Purpose::Opening]);
}

#[test]
fn a_link_takes_its_incident_on_once_and_so_does_the_link_of_the_next_message() {
    let mut world = failing(&one_job(""), "2026-11-27T12:00");
    world.run_until("2026-11-27T12:30");
    let incident = world.open_incidents()[0].id;
    let first = newest_message(&world);
    let by_link = |link| Request::Ack {
        incident,
        note: None,
        link: Some(link),
    };
    world.done(by_link(first));
    let refused = world.ask(by_link(first));
    assert!(
        matches!(&refused, Reply::Refused(why) if why.contains("has done its work")),
        "{refused:?}"
    );
    world.crash();
    world.restart();
    world.run_until("2026-11-30T09:00");
    assert!(
        matches!(world.ask(by_link(first)), Reply::Refused(_)),
        "after a restart"
    );
    let reminder = newest_message(&world);
    assert!(reminder > first);
    // An acknowledgement by anybody uses up what was sent before.
    world.done(Request::ack(incident));
    assert!(matches!(world.ask(by_link(reminder)), Reply::Refused(_)));
    world.run_until("2026-12-01T09:00");
    world.done(by_link(newest_message(&world)));
}

/// The last message that was decided.
fn newest_message(world: &World) -> NotificationId {
    let incident = world.open_incidents()[0].id;
    let told = world
        .reader()
        .notifications_of(incident)
        .expect("the store can be read");
    told.iter().map(|(message, _)| message.id).max().expect("a message")
}
