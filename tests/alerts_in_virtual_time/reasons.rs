//! Why something is wrong is said as of when that is written, and kept in words that stay true.

use freshd::model::{Message, Purpose, Request};

use super::one_job;
use super::virtual_world::{Play, World};

const OPS: &str = "mail:ops@sea.example";

fn told(world: &World) -> Vec<&Message> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_owner = sent.filter(|sent| sent.address.to_string() == OPS);
    to_owner.map(|sent| &*sent.message).collect()
}

fn said<'a>(message: &'a Message, label: &str) -> &'a str {
    let fact = message.facts.iter().find(|fact| fact.label == label);
    &fact.expect("it is said").text
}

#[test]
fn a_message_says_how_old_data_is_when_it_is_written_and_the_record_says_as_of_when() {
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"1h\"\n";
    let mut world = World::start(&(one_job("produces = \"d\"") + data), "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("a", now));
    world.run("j");
    world.run_until("2026-11-26T14:10");
    let messages = told(&world);
    let purposes: Vec<Purpose> = messages.iter().map(|message| message.purpose).collect();
    assert_eq!(purposes, [Purpose::Opening, Purpose::Reminder]);
    for (message, age) in messages.into_iter().zip(["1h 1m", "2h 1m"]) {
        let why = format!("{age} old (as of Thu 2026-11-26 12:00), promised at most 1h");
        assert_eq!(said(message, "Why"), why);
        assert!(
            message.headline.contains(&format!(" d is stale: {why}.")),
            "{}",
            message.headline
        );
        let said_once = message.facts.iter().filter(|fact| fact.text.contains(&why)).count();
        assert_eq!(said_once, 1, "{:?}", message.facts);
    }
    let kept = "as of Thu 2026-11-26 12:00, promised at most 1h old";
    assert_eq!(world.incidents()[0].reason, kept);
    // How old it was when it was over nobody asks.
    world.script("j", |_, now| Play::writes("b", now));
    world.run("j");
    world.run_until("2026-11-26T14:20");
    let messages = told(&world);
    let end = messages.last().expect("it is over");
    assert_eq!((end.purpose, said(end, "Why")), (Purpose::Recovery, kept));
}

#[test]
fn what_is_stale_since_somebody_paused_its_job_says_who_and_why_and_offers_to_resume_it() {
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"1h\"\n";
    let mut world = World::start(&(one_job("produces = \"d\"") + data), "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("a", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.done(Request::Pause {
        job: "j".into(),
        because: "the move".to_owned(),
    });
    world.run_until("2026-11-26T13:10");
    let messages = told(&world);
    let [opening] = messages.as_slice() else {
        panic!("one message: {messages:?}")
    };
    let words = "; its job j is paused by anna: the move";
    assert!(said(opening, "Why").ends_with(words), "{:?}", opening.facts);
    assert!(opening.headline.contains(words), "{}", opening.headline);
    let offers = |command: &str| opening.commands.iter().any(|offered| offered == command);
    assert!(
        offers("freshd resume j") && !offers("freshd run j --wait"),
        "{:?}",
        opening.commands
    );
    let kept = "as of Thu 2026-11-26 12:00, promised at most 1h old";
    assert_eq!(world.incidents()[0].reason, format!("{kept}{words}"));
    world.done(Request::Resume { job: "j".into() });
    assert_eq!(world.incidents()[0].reason, kept);
}
