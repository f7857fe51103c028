//! A promise breaks while the job that is to keep it is still being tried: those who are to mend it read why.

use std::time::Duration;

use freshd::model::{Message, Purpose};

use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE};

const OPS: &str = "mail:ops@sea.example";
const A: &str = "mail:a@sea.example";

/// `j` of `ops` is tried three times from 10:50 on, for eight minutes each; `x`, which it makes, is promised for eleven
/// o'clock and belongs to `owner`.
fn given_up(owner: &str) -> World {
    let text = format!(
        "{PEOPLE}{NO_PROOFS}[datasets.x]\nowner = \"{owner}\"\nfile = \"x\"\ndue = {{ at = \"0 11 * * *\", early = \"1h\" }}\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"\n\
         retry = {{ attempts = 3, delay = \"1m\", factor = 1 }}\n"
    );
    let mut world = World::start(&text, "2026-11-26T09:00");
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T10:50");
    world.script("j", |_, _| {
        Play::fails(3, "no route to host\n").taking(Duration::from_mins(8))
    });
    world.run("j");
    world.run_until("2026-11-26T11:05");
    world
}

/// What an address was told, in order.
fn told<'a>(world: &'a World, address: &str) -> Vec<&'a Message> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_it = sent.filter(|sent| sent.address.to_string() == address);
    to_it.map(|sent| &*sent.message).collect()
}

fn purposes(told: &[&Message]) -> Vec<Purpose> {
    told.iter().map(|message| message.purpose).collect()
}

/// Whether a message says what failed, how, with what words, and what to type.
fn holds_the_facts(message: &Message) {
    let words = &message.headline;
    assert!(
        words.starts_with("CRITICAL: x is late: ")
            && words.contains(" The cause: j failed after 3 attempts: exit code 3."),
        "{words}"
    );
    assert_eq!(message.output, ["no route to host"]);
    let commands = &message.commands;
    for command in ["freshd logs j", "freshd run j --wait", "freshd ack 1"] {
        assert!(commands.iter().any(|typed| typed == command), "{command}: {commands:?}");
    }
}

#[test]
fn who_answers_for_data_that_is_late_reads_how_its_job_is_tried() {
    let world = given_up("a");
    let told = told(&world, A);
    assert_eq!(purposes(&told), [Purpose::Opening]);
    let tried = told[0].facts.iter().find(|fact| fact.label == "Tried").expect("tried");
    assert!(tried.text.ends_with(", so far: exit code 3"), "{}", tried.text);
    assert_eq!(told[0].output, ["no route to host"]);
}

#[test]
fn whose_job_gives_up_behind_an_alert_about_its_data_reads_how_it_failed() {
    let mut world = given_up("a");
    assert_eq!(purposes(&told(&world, OPS)), []);
    world.run_until("2026-11-26T11:40");
    let of_job = told(&world, OPS);
    assert_eq!(purposes(&of_job), [Purpose::Impact]);
    holds_the_facts(of_job[0]);
    assert_eq!(purposes(&told(&world, A)), [Purpose::Opening], "they know already");
    assert_eq!(world.open_incidents().len(), 1, "one cause, one alert");
}

#[test]
fn who_answers_for_both_reads_it_in_one_update() {
    let mut world = given_up("ops");
    assert_eq!(purposes(&told(&world, OPS)), [Purpose::Opening]);
    world.run_until("2026-11-26T11:40");
    let both = told(&world, OPS);
    assert_eq!(purposes(&both), [Purpose::Opening, Purpose::Update]);
    holds_the_facts(both[1]);
    assert_eq!(both[0].thread, both[1].thread);
    // What fails later is no news.
    world.run("j");
    world.run_until("2026-11-26T12:30");
    let later = purposes(&told(&world, OPS));
    let updates = later.iter().filter(|why| **why == Purpose::Update).count();
    assert_eq!(updates, 1, "{later:?}");
}
