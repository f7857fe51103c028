//! What a digest says of each incident, to those who read it: of their own data, not only of what broke it.

use freshd::model::{Purpose, Request};

use super::PEOPLE;
use super::delivery::OPS;
use super::digests::{out_of_order, taken};
use super::virtual_world::{Play, World};

const A: &str = "mail:a@sea.example";

/// Eight datasets that are made at ten and go stale at eleven, since their jobs have failed at half past; the shop of team
/// `a` reads them at seven in the morning.
fn world() -> World {
    let mut text = format!("{PEOPLE}[systems.shop]\nowner = \"a\"\nreads_at = \"0 7 * * *\"\n");
    for number in 0..8 {
        text += &format!(
            "[datasets.x{number}]\nowner = \"ops\"\nfile = \"x{number}\"\nmax_age = \"1h\"\nconsumers = [\"shop\"]\n\
             [jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x{number}\"\n"
        );
    }
    let mut world = World::start(&text, "2026-03-02T10:00");
    for number in 0..8 {
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-03-02T10:30");
    for number in 0..8 {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
        world.run(&format!("j{number}"));
    }
    world
}

/// The lines of the digest that an address took last.
fn lines(world: &World, address: &str) -> Vec<String> {
    let (_, digest) = taken(world, address).pop().expect("a message");
    assert_eq!(digest.message.purpose, Purpose::Digest);
    digest.message.incidents.iter().map(|line| line.text.clone()).collect()
}

#[test]
fn readers_are_told_of_their_own_data_since_when_why_who_needs_it_when_and_who_is_on_it() {
    let mut world = world();
    out_of_order(&mut world, A, "2026-03-02T11:00", "2026-03-02T11:10");
    world.run_until("2026-03-02T11:01");
    let first = world.incidents()[0].clone();
    assert_eq!(first.subject.as_str(), "j0");
    world.done(Request::ack(first.id));
    // One is over before anybody downstream has heard of it.
    world.script("j7", |_, now| Play::writes("again", now));
    world.run("j7");
    world.run_until("2026-03-02T11:30");
    let lines = lines(&world, A);
    let of = |number: usize| format!("#{} ", first.id.0 + number as u64);
    let line = |number: usize| lines.iter().find(|line| line.starts_with(&of(number))).cloned();
    let is_stale = |number: usize| {
        format!(
            "{}x{number} is stale, critical, since Mon 2026-03-02 11:00, because j{number} failed; \
             shop reads x{number} Tue 2026-03-03 07:00",
            of(number)
        )
    };
    let taken_on = "; taken on by anna until Tue 2026-03-03 08:00";
    // The first was the one that was tried.
    let told: Vec<String> = (0..7).filter_map(line).collect();
    assert!(told.len() >= 6, "{lines:#?}");
    for number in 1..7 {
        assert!(line(number).is_none_or(|line| line == is_stale(number)), "{lines:#?}");
    }
    assert!(line(0).is_none_or(|line| line == is_stale(0) + taken_on), "{lines:#?}");
    let over = format!("{}x7 not as promised, because j7 failed, 10:30 to 11:01", of(7));
    assert_eq!(line(7), Some(over), "{lines:#?}");
}

#[test]
fn owners_are_told_of_their_job_who_reads_next_and_who_is_on_it() {
    let mut world = world();
    out_of_order(&mut world, OPS, "2026-03-02T10:30", "2026-03-02T10:40");
    world.run_until("2026-03-02T10:35");
    let last = world.incidents()[7].clone();
    world.done(Request::ack(last.id));
    world.run_until("2026-03-02T10:50");
    let lines = lines(&world, OPS);
    let expected = format!(
        "#{} {} failed, warning, since Mon 2026-03-02 10:30; shop reads x7 Tue 2026-03-03 07:00; \
         taken on by anna until Tue 2026-03-03 08:00",
        last.id, last.subject
    );
    assert!(lines.contains(&expected), "{lines:#?}");
}

#[test]
fn what_somebody_has_silenced_since_says_who_until_when_and_why() {
    let mut world = world();
    out_of_order(&mut world, OPS, "2026-03-02T10:30", "2026-03-02T10:40");
    world.run_until("2026-03-02T10:35");
    let last = world.incidents()[7].clone();
    world.done(Request::Silence {
        name: last.subject.clone(),
        because: "moving".to_owned(),
        for_s: 7_200,
    });
    world.run_until("2026-03-02T10:50");
    let lines = lines(&world, OPS);
    let silenced: Vec<_> = lines.iter().filter(|line| line.contains("silenced")).collect();
    let begins = format!("#{} {} failed, ", last.id, last.subject);
    assert!(
        silenced.len() == 1
            && silenced[0].starts_with(&begins)
            && silenced[0].contains("; silenced until Mon 2026-03-02 12:35 by anna: moving"),
        "{lines:#?}"
    );
}
