//! What readers are told of those who answer, and of the end: no more than is so.

use std::collections::BTreeSet;

use freshd::model::{DeliveryOutcome, Purpose};
use jiff::Timestamp;

use super::delivery::{OPS, busy, no_such_address};
use super::one_job;
use super::virtual_world::{Play, World};

const READER: &str = "mail:a@sea.example";

/// A job of `ops` has made data of `a` once, and fails; the data is too old at 12:30. What the address of `ops` does with
/// messages is given.
fn story(ops: fn() -> DeliveryOutcome) -> World {
    story_of(&one_job("produces = \"d\""), ops)
}

fn story_of(job: &str, ops: fn() -> DeliveryOutcome) -> World {
    let text = format!("{job}[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"30m\"\n");
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.channel(OPS, move |_, _: Timestamp| ops());
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T12:35");
    world
}

fn headline(world: &World, purpose: Purpose) -> String {
    let mut told = world.sent.iter().map(|(_, sent)| sent);
    let found = told.find(|sent| sent.address.to_string() == READER && sent.message.purpose == purpose);
    found.expect("a message").message.headline.clone()
}

#[test]
fn a_reader_hears_that_the_owner_has_been_told_only_where_a_message_was_taken() {
    for (ops, words) in [
        (
            (|| DeliveryOutcome::Accepted) as fn() -> DeliveryOutcome,
            " ops answers for it and has been told.",
        ),
        (|| busy(Timestamp::UNIX_EPOCH), " ops answers for it and is being told."),
        // The fallback has heard of it in their stead, and nobody else.
        (
            no_such_address,
            " ops answers for it and could not be told: the fallback stands in.",
        ),
    ] {
        let world = story(ops);
        let headline = headline(&world, Purpose::Impact);
        assert!(headline.ends_with(words), "{headline}");
    }
}

#[test]
fn the_fallback_hears_by_what_else_a_team_was_told_whose_other_address_is_dead() {
    let alone = "notify = [\"mail:ops@sea.example\"]\n";
    let both = "notify = [\"mail:chief@sea.example\", \"mail:ops@sea.example\"]\n";
    let world = story_of(&one_job("produces = \"d\"").replace(alone, both), no_such_address);
    let said = world.sent.iter().flat_map(|(_, sent)| &sent.message.facts);
    let said = said
        .filter(|fact| fact.label == "Instead of")
        .map(|fact| &*fact.text)
        .next();
    let unreached = "ops at mail:ops@sea.example, which could not be reached: 550 no such address; it has been told by \
                     mail:chief@sea.example";
    assert_eq!(said, Some(unreached));
    let reader = headline(&world, Purpose::Impact);
    assert!(reader.ends_with(" ops answers for it and has been told."), "{reader}");
}

#[test]
fn a_job_that_waits_until_its_input_is_fresh_is_not_the_first_to_read_it() {
    for (on_stale, first) in [
        ("hold", "r reads it first, Thu 2026-11-26 18:00."),
        ("run", "k reads it first, Thu 2026-11-26 12:40."),
    ] {
        let reader = |name: &str, schedule: &str, on_stale: &str| {
            format!(
                "[jobs.{name}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"{schedule}\"\nneeds = [\"d\"]\n\
                 on_stale = \"{on_stale}\"\n"
            )
        };
        let jobs =
            one_job("produces = \"d\"") + &reader("k", "*/10 * * * *", on_stale) + &reader("r", "0 18 * * *", "run");
        let world = story_of(&jobs, || DeliveryOutcome::Accepted);
        let mut to_ops = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == OPS);
        let last = &to_ops.next_back().expect("an update").1.message;
        assert_eq!(last.purpose, Purpose::Update);
        assert!(last.headline.contains(first), "{on_stale}: {}", last.headline);
    }
}

#[test]
fn an_escalation_counts_on_no_answer_of_those_who_only_read_it() {
    let alone = "notify = [\"mail:ops@sea.example\"]\n";
    let chief = "escalate = [{ after = \"1h\", notify = [\"mail:chief@sea.example\"] }]\n";
    let job = one_job("produces = \"d\"").replace(alone, &format!("{alone}{chief}"));
    for (ops, begins) in [
        (
            (|| busy(Timestamp::UNIX_EPOCH)) as fn() -> DeliveryOutcome,
            "CRITICAL, ops could not be told for ",
        ),
        (|| DeliveryOutcome::Accepted, "CRITICAL, nobody has answered for "),
    ] {
        let mut world = story_of(&job, ops);
        world.run_until("2026-11-26T13:30");
        let mut told = world.sent.iter().map(|(_, sent)| sent);
        assert!(told.any(|sent| sent.address.to_string() == READER));
        let escalated = told.find(|sent| sent.message.purpose == Purpose::Escalation);
        let headline = &escalated.expect("an escalation").message.headline;
        assert!(headline.starts_with(begins), "{headline}");
    }
}

#[test]
fn what_is_known_of_the_owner_survives_a_crash() {
    let text = one_job("produces = \"d\"") + "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"30m\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    world.crash();
    world.restart();
    world.run_until("2026-11-26T12:35");
    let headline = headline(&world, Purpose::Impact);
    assert!(
        headline.ends_with(" ops answers for it and has been told."),
        "{headline}"
    );
}

#[test]
fn a_job_that_works_again_over_old_data_is_no_end_for_those_whose_data_it_is() {
    let mut world = story(|| DeliveryOutcome::Accepted);
    // It succeeds and delivers what is as old as before.
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T12:40");
    let headline = headline(&world, Purpose::Recovery);
    assert!(
        headline.starts_with("PARTLY OVER: d, which you own, is still stale: ")
            && headline.contains(" Only this is over: RESOLVED after "),
        "{headline}"
    );
}

#[test]
fn what_is_good_again_by_the_time_that_somebody_is_told_in_their_stead_is_not_told_as_bad() {
    let text = one_job("produces = \"d\"") + "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"30m\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.channel(READER, |_, now| busy(now));
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T12:32");
    // What is promised is made less: the data is good, and its job has failed all the same.
    world.reload(&text.replace("max_age = \"30m\"", "max_age = \"9h\""));
    world.run_until("2026-11-26T12:45");
    let told = world.sent.iter().map(|(_, sent)| &sent.message);
    let told = told.filter(|message| message.stands_in_for.is_some() && message.purpose == Purpose::Impact);
    let told: Vec<&str> = told.map(|message| message.headline.as_str()).collect();
    assert!(!told.is_empty());
    for headline in told {
        let (first, last) = (
            "GOOD BY NOW: d, which a owns, is fresh: ",
            " This is not over: j failed.",
        );
        assert!(headline.starts_with(first) && headline.ends_with(last), "{headline}");
    }
}

#[test]
fn an_address_that_an_edit_has_taken_from_its_team_is_not_said_to_wait() {
    let text = one_job("") + "[channels.other]\ntype = \"file\"\ndir = \"other\"\n";
    let two = text.replacen(
        "notify = [\"mail:ops@sea.example\"]",
        "notify = [\"mail:ops@sea.example\", \"other:x\"]",
        1,
    );
    let mut world = super::failing(&two, "2026-11-26T12:00");
    world.channel("other:x", |_, now| {
        match now < super::virtual_world::at("2026-11-26T12:10") {
            true => busy(now),
            false => DeliveryOutcome::Accepted,
        }
    });
    world.run_until("2026-11-26T12:05");
    world.reload(&one_job(""));
    world.run_until("2026-11-26T12:06");
    let status = world.done(freshd::model::Request::Status { name: None });
    let by_status = status["incidents"][0]["addresses"].clone();
    let told: Vec<&str> = by_status
        .as_array()
        .expect("addresses")
        .iter()
        .filter_map(|one| one["to"].as_str())
        .collect();
    assert_eq!(told, ["mail:ops@sea.example"]);
    let reader = world.reader();
    let incident = reader.incidents(true, 50).expect("the store is read").remove(0);
    let by_incidents = reader.addresses_of(&incident).expect("the store is read");
    assert_eq!(by_status, serde_json::json!(by_incidents));
    world.run_until("2026-11-26T13:30");
    assert!(world.sent.iter().all(|(_, sent)| sent.address.to_string() != "other:x"));
}

#[test]
fn whoever_stands_in_is_told_by_what_else_a_team_knows_the_newest_of_it_and_no_file_where_people_read_anything() {
    let alone = "notify = [\"mail:ops@sea.example\"]\n";
    let many =
        "notify = [\"mail:log\", \"smtp:chief@sea.example\", \"smtp:ops@sea.example\", \"smtp:desk@sea.example\"]\n";
    let text = one_job("").replacen(alone, many, 1)
        + "[channels.smtp]\ntype = \"email\"\nserver = \"smtps://mail.sea.example\"\nfrom = \"freshd@sea.example\"\n";
    let text = text + "[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    // All of them take the first. Of two that take nothing later one is known to take nothing when the other refuses it.
    for (address, until) in [("ops", "2026-11-26T12:30"), ("chief", "2026-11-26T12:50")] {
        let until = super::virtual_world::at(until);
        world.channel(&format!("smtp:{address}@sea.example"), move |_, now| {
            match now < until {
                true => DeliveryOutcome::Accepted,
                false => no_such_address(),
            }
        });
    }
    for job in ["j", "k"] {
        world.script(job, |_, _| Play::fails(1, "no route to host"));
    }
    world.run("j");
    world.run_until("2026-11-26T12:40");
    world.run("k");
    world.run_until("2026-11-26T13:30");
    let of_first = world.sent.iter().map(|(_, sent)| &sent.message);
    let of_first = of_first.filter(|message| message.subject_name.as_str() == "j");
    let said = of_first.flat_map(|message| &message.facts);
    let said: BTreeSet<&str> = said
        .filter(|fact| fact.label == "Instead of")
        .map(|fact| fact.text.as_str())
        .collect();
    let unreached = "ops at smtp:chief@sea.example, which could not be reached: 550 no such address; it is being told by \
                     smtp:desk@sea.example";
    assert_eq!(Vec::from_iter(said), [unreached]);
}
