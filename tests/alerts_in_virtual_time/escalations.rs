//! Whom escalation has called, on record: also where another team has come to answer since, and where the chain leads elsewhere
//! by an edit.

use freshd::model::Purpose;

use super::delivery::no_such_address;
use super::virtual_world::{Play, World, clock};
use super::{NO_PROOFS, failing, one_job};

const OPS: &str = "notify = [\"mail:ops@sea.example\"]";
const CHIEF: &str = "mail:chief@sea.example";

/// The job of one, whose chain has one step.
fn chain() -> String {
    let chain = format!("{OPS}\nescalate = [{{ after = \"30m\", notify = [\"{CHIEF}\"] }}]");
    one_job("").replacen(OPS, &chain, 1) + NO_PROOFS
}

/// When who was called about the one incident, as `incidents --json` has it.
fn called(world: &World) -> Vec<(String, String)> {
    let stored = world.reader().incidents(true, 50).expect("the store is read");
    let called = stored[0].escalated.iter();
    let called = called.map(|step| {
        let to: Vec<String> = step.to.iter().map(ToString::to_string).collect();
        (clock(step.at), to.join(", "))
    });
    called.collect()
}

/// The lines of that in the last message to an address.
fn lines(world: &World, to: &str) -> (Purpose, Vec<String>) {
    let (_, last) = world
        .sent
        .iter()
        .rfind(|(_, sent)| sent.address.to_string() == to)
        .expect("told");
    let lines = last.message.facts.iter().filter(|fact| fact.label == "Escalated");
    (last.message.purpose, lines.map(|fact| fact.text.clone()).collect())
}

fn one(at: &str, to: &str) -> (String, String) {
    (at.to_owned(), to.to_owned())
}

#[test]
fn who_was_called_stays_on_record_when_another_team_comes_to_answer_and_is_none_of_its_business() {
    let text = chain();
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T12:40");
    world.reload(&text.replace("[jobs.j]\nowner = \"ops\"", "[jobs.j]\nowner = \"a\""));
    world.run_until("2026-11-26T13:50");
    let called = called(&world);
    assert_eq!(called[0], one("12:31:05", CHIEF), "{called:?}");
    assert_eq!(
        lines(&world, "mail:a@sea.example"),
        (Purpose::Reminder, Vec::new()),
        "nobody was called because that team did not answer"
    );
}

#[test]
fn who_is_called_in_the_place_of_those_before_by_an_edit_is_on_record_and_nobody_is_no_step() {
    let text = chain();
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T12:40");
    let elsewhere = "mail:boss@sea.example";
    world.reload(&text.replace(CHIEF, elsewhere));
    world.run_until("2026-11-26T16:10");
    let expected = [
        one("12:31:05", CHIEF),
        one("12:40:00", elsewhere),
        one("13:01:05", "mail:it@sea.example, pager"),
    ];
    assert_eq!(called(&world), expected);
    let (why, lines) = lines(&world, "mail:ops@sea.example");
    assert_eq!((why, lines.len()), (Purpose::Reminder, 3), "{lines:?}");

    // All of the fallback belong to the chain, too.
    let text = text.replace(CHIEF, "mail:it@sea.example\", \"pager");
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T14:50");
    assert_eq!(called(&world), [one("12:31:05", "mail:it@sea.example, pager")]);
}

#[test]
fn an_address_of_the_team_is_not_said_to_be_called_though_its_chain_names_it_too() {
    let text = chain().replace(CHIEF, "mail:ops@sea.example");
    let mut world = failing(&text, "2026-11-26T12:00");
    world.channel("mail:ops@sea.example", |_, _| no_such_address());
    world.run_until("2026-11-26T12:10");
    let said = world.sent.iter().find_map(|(_, sent)| {
        let mut facts = sent.message.facts.iter();
        facts.find(|fact| fact.label == "Instead of").map(|fact| &*fact.text)
    });
    let unreached = "ops, because mail:ops@sea.example could not be reached: 550 no such address";
    assert_eq!(said, Some(unreached));
}

#[test]
fn whoever_stands_in_for_the_chain_is_not_told_that_nobody_knows() {
    let mut world = failing(&chain(), "2026-11-26T12:00");
    world.channel(CHIEF, |_, _| no_such_address());
    world.run_until("2026-11-26T12:50");
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-26T13:00");
    let to_fallback = world.sent.iter().map(|(_, sent)| sent);
    let to_fallback = to_fallback.filter(|sent| sent.address.to_string() == "mail:it@sea.example");
    let facts = to_fallback.flat_map(|sent| &sent.message.facts);
    let said: Vec<&str> = facts
        .filter(|fact| fact.label == "Instead of")
        .map(|fact| &*fact.text)
        .collect();
    assert_eq!(
        said,
        [
            "mail:chief@sea.example, whom ops has called next, could not be reached: 550 no such address",
            "mail:chief@sea.example, whom ops has called next: ops itself has been told"
        ]
    );
}
