//! An edit of jobs.toml hands over what is wrong: whoever answers for it or reads it from then on hears of it, once, and no
//! one else.

use freshd::model::{DeliveryOutcome, Purpose, Request};

use super::delivery::{OPS, busy, busy_until};
use super::virtual_world::{Play, World, at, clock};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

const A: &str = "mail:a@sea.example";
const B: &str = "mail:b@sea.example";
const C: &str = "mail:c@sea.example";
const CHIEF: &str = "mail:chief@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// When an address was told what.
fn heard(world: &World, to: &str) -> Vec<(String, Purpose)> {
    let told = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == to);
    told.map(|(at, sent)| (clock(*at), sent.message.purpose)).collect()
}

fn one(at: &str, why: Purpose) -> (String, Purpose) {
    (at.to_owned(), why)
}

fn mend(world: &mut World, until: &str) {
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until(until);
}

/// `j` of `ops` makes `d` of `b`, which is stale since eleven, because `j` has failed.
fn data(more: &str) -> String {
    format!(
        "{PEOPLE}{NO_PROOFS}[systems.shop]\nowner = \"c\"\n[systems.desk]\nowner = \"c\"\n\
         [datasets.d]\nowner = \"b\"\nfile = \"d\"\nmax_age = \"1h\"\n{more}\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    )
}

fn stale() -> World {
    let mut world = World::start(&data(""), "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T10:30");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T11:10");
    assert_eq!(world.told_to(B), [Purpose::Impact]);
    world
}

#[test]
fn whoever_comes_to_answer_for_data_that_something_else_has_broken_is_told_at_once_and_of_the_end() {
    let mut world = stale();
    world.reload(&data("").replace("[datasets.d]\nowner = \"b\"", "[datasets.d]\nowner = \"a\""));
    world.run_until("2026-11-26T11:11");
    assert_eq!(heard(&world, A), [one("11:10:00", Purpose::Impact)]);
    mend(&mut world, "2026-11-26T11:20");
    for to in [A, B] {
        assert_eq!(world.told_to(to), [Purpose::Impact, Purpose::Recovery], "{to}");
    }
}

#[test]
fn whoever_comes_to_read_what_is_broken_is_told_at_once_and_of_the_end() {
    let mut world = stale();
    let id = world.open_incidents()[0].id;
    world.done(Request::ack(id));
    world.reload(&data("consumers = [\"shop\"]"));
    world.run_until("2026-11-26T11:11");
    assert_eq!(heard(&world, C), [one("11:10:00", Purpose::Impact)]);
    world.reload(&data("consumers = [\"shop\", \"desk\"]"));
    mend(&mut world, "2026-11-26T11:20");
    assert_eq!(world.told_to(C), [Purpose::Impact, Purpose::Recovery], "once");
}

#[test]
fn whoever_comes_to_read_what_is_open_itself_is_told_at_once() {
    let mut world = World::start(&data(""), "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T11:10");
    assert_eq!(world.told_to(B), [Purpose::Opening]);
    let id = world.open_incidents()[0].id;
    world.done(Request::ack(id));
    world.reload(&data("consumers = [\"shop\"]"));
    mend(&mut world, "2026-11-26T11:20");
    assert_eq!(world.told_to(C), [Purpose::Impact, Purpose::Recovery]);
    assert_eq!(world.told_to(B), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn what_the_edit_itself_repairs_is_told_to_nobody_new() {
    let mut world = stale();
    world.reload(&data("consumers = [\"shop\"]").replace("max_age = \"1h\"", "max_age = \"9h\""));
    world.run_until("2026-11-26T11:30");
    assert_eq!(world.told_to(C), []);
}

#[test]
fn a_reader_who_comes_to_answer_for_it_gets_the_opening_too_and_a_chain_of_its_own() {
    let text = chains(&data(""));
    let mut world = World::start(&text, "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T11:10");
    let to_a = text.replace("[datasets.d]\nowner = \"b\"", "[datasets.d]\nowner = \"a\"");
    let read_by_a = to_a.replace("[systems.shop]\nowner = \"c\"", "[systems.shop]\nowner = \"b\"");
    world.reload(
        &text
            .replace("[systems.shop]\nowner = \"c\"", "[systems.shop]\nowner = \"a\"")
            .replace("max_age", "consumers = [\"shop\"]\nmax_age"),
    );
    world.run_until("2026-11-26T11:20");
    assert_eq!(heard(&world, A), [one("11:10:00", Purpose::Impact)]);
    world.reload(&read_by_a);
    world.run_until("2026-11-26T12:30");
    let theirs = [one("11:20:00", Purpose::Opening), one("12:20:00", Purpose::Reminder)];
    assert_eq!(heard(&world, A)[1..], theirs);
    assert_eq!(heard(&world, CHIEF), [one("12:20:00", Purpose::Escalation)]);
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until("2026-11-26T12:40");
    let ends = |to: &str| {
        heard(&world, to)
            .iter()
            .filter(|(_, why)| *why == Purpose::Recovery)
            .count()
    };
    // `a` was told as a reader first, and as the one who answers then: that is two threads.
    assert_eq!([A, B, CHIEF].map(ends), [2, 1, 1]);
}

/// Each team has a chain of one step.
fn chains(text: &str) -> String {
    let chain = |to: &str| format!("escalate = [{{ after = \"1h\", notify = [\"{to}\"] }}]");
    let a = format!("notify = [\"{A}\"]");
    let ops = format!("notify = [\"{OPS}\"]");
    text.replacen(&a, &format!("{a}\n{}", chain(CHIEF)), 1).replacen(
        &ops,
        &format!("{ops}\n{}", chain("mail:boss@sea.example")),
        1,
    )
}

#[test]
fn reminders_and_escalation_of_a_new_owner_count_from_when_it_was_handed_over() {
    for crashes in [false, true] {
        let text = chains(&one_job(""));
        let mut world = failing(&text, "2026-11-26T12:00");
        world.run_until("2026-11-26T13:30");
        assert_eq!(world.told_to("mail:boss@sea.example"), [Purpose::Escalation]);
        world.reload(&text.replace("[jobs.j]\nowner = \"ops\"", "[jobs.j]\nowner = \"a\""));
        world.run_until("2026-11-26T13:31");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T15:00");
        let expected = [one("13:30:00", Purpose::Opening), one("14:30:00", Purpose::Reminder)];
        assert_eq!(heard(&world, A), expected, "crashes: {crashes}");
        assert_eq!(heard(&world, CHIEF), [one("14:30:00", Purpose::Escalation)]);
        assert_eq!(world.told_to(FALLBACK), []);
    }
}

#[test]
fn who_came_to_answer_while_it_was_silenced_is_told_when_that_ends_also_of_what_is_taken_on() {
    for is_taken_on in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.run_until("2026-11-26T12:10");
        if is_taken_on {
            let id = world.open_incidents()[0].id;
            world.done(Request::ack(id));
        }
        world.done(Request::Silence {
            name: "j".into(),
            because: "the servers move".to_owned(),
            for_s: 3_600,
        });
        world.reload(&one_job("").replace("owner = \"ops\"", "owner = \"a\""));
        world.run_until("2026-11-26T13:09");
        assert_eq!(heard(&world, A), [], "silenced");
        world.run_until("2026-11-26T13:30");
        assert_eq!(
            heard(&world, A),
            [one("13:10:00", Purpose::Opening)],
            "taken on: {is_taken_on}"
        );
        assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    }
}

#[test]
fn nobody_stands_in_for_those_who_answer_for_it_no_more() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T12:03");
    world.reload(&one_job("").replace("owner = \"ops\"", "owner = \"a\""));
    world.run_until("2026-11-26T13:00");
    assert_eq!(heard(&world, A), [one("12:03:00", Purpose::Opening)]);
    assert_eq!(world.told_to(FALLBACK), []);
}

/// How the addresses of each incident stand, as `status` has it from the daemon and as `incidents` reads it.
fn by_both(world: &mut World) -> [Vec<serde_json::Value>; 2] {
    let status = world.done(Request::Status { name: None });
    let told = status["incidents"].as_array().expect("incidents").iter();
    let by_status = told.map(|incident| incident["addresses"].clone()).collect();
    let reader = world.reader();
    let stored = reader.incidents(true, 50).expect("the store is read");
    let mut told: Vec<_> = stored.iter().map(|one| (one.id, reader.addresses_of(one))).collect();
    told.sort_by_key(|(id, _)| *id);
    let told = told.into_iter().map(|(_, told)| told.expect("the store is read"));
    [by_status, told.map(|told| serde_json::json!(told)).collect()]
}

#[test]
fn status_and_incidents_say_the_same_of_who_was_told_after_a_team_was_renamed_and_data_moved() {
    for crashes in [false, true] {
        for (what, edit) in [
            (
                "another name",
                ["[teams.b]", "[teams.kitchen]", "owner = \"b\"", "owner = \"kitchen\""],
            ),
            (
                "another team",
                ["[datasets.d]\nowner = \"b\"", "[datasets.d]\nowner = \"a\"", "", ""],
            ),
        ] {
            let mut world = stale();
            world.reload(&data("").replace(edit[0], edit[1]).replace(edit[2], edit[3]));
            for until in ["2026-11-26T11:10:00", "2026-11-26T11:20"] {
                if crashes {
                    world.crash();
                    world.restart();
                }
                world.run_until(until);
                let [by_status, by_incidents] = by_both(&mut world);
                assert_eq!(by_status, by_incidents, "{what}, crashes: {crashes}");
            }
            let [by_status, _] = by_both(&mut world);
            let told = by_status.iter().flat_map(|told| told.as_array().expect("addresses"));
            for one in told {
                assert_eq!(one["state"], "told", "{what}, crashes: {crashes}: {one}");
            }
        }
    }
}

/// `j` of `ops` has failed, and nobody of them is reached until 13:40.
fn unheard_by_ops(text: &str) -> World {
    let mut world = failing(text, "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T13:40");
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.told_to(OPS), []);
    world
}

#[test]
fn a_team_that_no_longer_answers_for_it_gets_nothing_of_what_waited_for_it() {
    let ops = "[teams.ops]\nnotify = [\"mail:ops@sea.example\"]\n";
    let to_a = one_job("").replace("owner = \"ops\"", "owner = \"a\"");
    for (edited, crashes) in [
        (to_a.clone(), false),
        (to_a.clone(), true),
        (to_a.replace(ops, ""), false),
    ] {
        let mut world = unheard_by_ops(&one_job(""));
        world.reload(&edited);
        world.run_until("2026-11-26T12:21");
        assert_eq!(world.told_to(A), [Purpose::Opening]);
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T14:30");
        mend(&mut world, "2026-11-26T14:40");
        assert_eq!(
            world.told_to(A),
            [Purpose::Opening, Purpose::Reminder, Purpose::Recovery]
        );
        assert_eq!(world.told_to(OPS), [], "it is not theirs any more");
        let stood_in = [Purpose::Opening, Purpose::Recovery];
        assert_eq!(world.told_to(FALLBACK), stood_in, "who was told hears of the end");
    }
}

#[test]
fn a_digest_that_is_not_written_yet_leaves_out_what_is_no_longer_its_teams() {
    let mut text = one_job("");
    for number in 0..7 {
        text += &format!("[jobs.k{number}]\nowner = \"ops\"\ncommand = \"true\"\n");
    }
    let mut world = World::start(&text, "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T13:40");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    for number in 0..7 {
        let job = format!("k{number}");
        world.script(&job, |_, _| Play::fails(1, ""));
        world.run(&job);
    }
    world.run_until("2026-11-26T12:20");
    world.reload(&text.replace("[jobs.j]\nowner = \"ops\"", "[jobs.j]\nowner = \"a\""));
    world.run_until("2026-11-26T15:00");
    let told = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == OPS);
    let told: Vec<_> = told.map(|(_, sent)| &sent.message).collect();
    let lines = || told.iter().flat_map(|message| &message.incidents);
    assert!(lines().count() >= 6, "a digest");
    assert!(lines().all(|line| line.subject_name.as_str() != "j"));
    assert!(told.iter().all(|message| message.subject_name.as_str() != "j"));
}

fn takes_nothing_until_twenty_to_twelve(world: &mut World, address: &str) {
    world.channel(address, |_, now| match now < at("2026-11-26T11:40") {
        true => busy(now),
        false => DeliveryOutcome::Accepted,
    });
}

#[test]
fn a_team_that_no_longer_reads_it_gets_nothing_of_what_waited_for_it() {
    let text = data("consumers = [\"shop\"]");
    let mut world = World::start(&text, "2026-11-26T10:00");
    takes_nothing_until_twenty_to_twelve(&mut world, C);
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T11:10");
    // It reads it by something else as well, and nothing else is said of it.
    world.reload(&text.replace("\"shop\"", "\"desk\""));
    world.run_until("2026-11-26T11:20");
    world.reload(&data(""));
    world.run_until("2026-11-26T12:30");
    mend(&mut world, "2026-11-26T12:40");
    assert_eq!(world.told_to(C), []);
    assert_eq!(
        world.told_to(B),
        [Purpose::Opening, Purpose::Reminder, Purpose::Recovery]
    );
}

#[test]
fn a_team_that_still_reads_it_keeps_what_waits_for_it() {
    let text = data("consumers = [\"shop\"]");
    let mut world = World::start(&text, "2026-11-26T10:00");
    takes_nothing_until_twenty_to_twelve(&mut world, C);
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T11:10");
    world.reload(
        &text
            .replace("[datasets.d]\nowner = \"b\"", "[datasets.d]\nowner = \"a\"")
            .replace("\"shop\"", "\"desk\""),
    );
    world.run_until("2026-11-26T12:00");
    assert_eq!(world.told_to(C), [Purpose::Impact]);
    assert_eq!(world.told_to(A), [Purpose::Opening]);
}

#[test]
fn a_team_that_answers_for_it_no_more_and_reads_it_still_is_told_what_is_true_for_it_now() {
    for crashes in [false, true] {
        let text = data("consumers = [\"shop\"]");
        let mut world = World::start(&text, "2026-11-26T10:00");
        takes_nothing_until_twenty_to_twelve(&mut world, B);
        world.script("j", |_, now| Play::writes("x", now));
        world.run("j");
        world.run_until("2026-11-26T11:10");
        world.reload(
            &text
                .replace("[datasets.d]\nowner = \"b\"", "[datasets.d]\nowner = \"a\"")
                .replace("[systems.shop]\nowner = \"c\"", "[systems.shop]\nowner = \"b\""),
        );
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T12:05");
        assert_eq!(world.told_to(A), [Purpose::Opening]);
        assert_eq!(world.told_to(B), [Purpose::Impact], "crashes: {crashes}");
        let told = world
            .sent
            .iter()
            .map(|(_, one)| one)
            .find(|one| one.address.to_string() == B);
        let words = &told.expect("told").message.headline;
        assert!(
            words.contains("which shop reads") && words.contains("a answers for it"),
            "{words}"
        );
        mend(&mut world, "2026-11-26T12:20");
        assert_eq!(world.told_to(B), [Purpose::Impact, Purpose::Recovery]);
    }
}
