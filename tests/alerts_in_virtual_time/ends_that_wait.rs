//! While the end of a cause waits for what it broke: nobody is alarmed about what is mended, and nobody is left with word that
//! data is bad which is good.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, IncidentState, Purpose, Request, incident_line};

use super::delivery::{OPS, busy, busy_until, no_such_address};
use super::ends::{READER, last_words, mended, sent_to};
use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, one_job};

const OTHER: &str = "mail:c@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// `i` makes `c`, from which `j` makes `d`, from which `k` makes `e` of `b` and `m` makes `f`, all by hand.
pub(super) fn chain() -> String {
    one_job("needs = [\"c\"]\non_stale = \"run\"\nproduces = \"d\"")
        + NO_PROOFS
        + "[datasets.c]\nowner = \"ops\"\nfile = \"c\"\n\
           [jobs.i]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"c\"\n\
           [datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30h\"\n\
           [datasets.e]\nowner = \"b\"\nfile = \"e\"\nmax_age = \"2h\"\n\
           [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\non_stale = \"run\"\nproduces = \"e\"\n\
           [datasets.f]\nowner = \"c\"\nfile = \"f\"\nmax_age = \"130m\"\n\
           [jobs.m]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\non_stale = \"run\"\nproduces = \"f\"\n"
}

pub(super) fn makes(world: &mut World, job: &str) {
    world.script(job, |_, now| Play::writes(&now.to_string(), now));
    world.run(job);
}

pub(super) fn makes_for_long(world: &mut World, job: &str) {
    world.script(job, |_, now| {
        Play::writes(&now.to_string(), now).taking(Duration::from_mins(20))
    });
    world.run(job);
}

/// All is made at ten, and `c` and `d` once more at half past eleven; `j` fails a minute before noon, and `e` is stale a few seconds
/// after noon.
pub(super) fn broken(text: &str) -> World {
    let mut world = World::start(text, "2026-11-26T10:00");
    for job in ["i", "j", "k", "m"] {
        makes(&mut world, job);
        world.run_until_instant(world.now.wall + jiff::SignedDuration::from_secs(5));
    }
    world.run_until("2026-11-26T11:30");
    makes(&mut world, "i");
    world.run_until("2026-11-26T11:31");
    makes(&mut world, "j");
    world.run_until("2026-11-26T11:59");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world
}

/// `j` is mended two minutes after noon, and what makes `e` anew goes on until 12:22.
pub(super) fn waiting_for_e(world: &mut World) {
    world.run_until("2026-11-26T12:02");
    makes(world, "j");
    world.run_until("2026-11-26T12:02:10");
    makes_for_long(world, "k");
}

fn silence(world: &mut World, name: &str, for_s: u64) {
    world.done(Request::Silence {
        name: name.into(),
        because: "we know".to_owned(),
        for_s,
    });
}

/// The last of so many messages to the reader says that all is well.
#[track_caller]
fn reads_that_e_is_fresh(world: &World, messages: usize) {
    let (count, words) = last_words(world, READER);
    assert_eq!(count, messages, "{words}");
    assert!(
        words.starts_with("RESOLVED after ") && words.contains("e is fresh again"),
        "{words}"
    );
}

#[test]
fn who_was_told_that_silenced_data_is_still_bad_hears_when_it_is_good() {
    for crash in [false, true] {
        let mut world = mended();
        world.run_until("2026-11-26T15:30:20");
        silence(&mut world, "e", 6 * 3_600);
        world.run_until("2026-11-26T15:40");
        assert_eq!(sent_to(&world, READER), [Purpose::Impact, Purpose::Recovery]);
        let (_, words) = last_words(&world, READER);
        assert!(
            words.starts_with("PARTLY OVER: e, which you own, is still stale"),
            "{words}"
        );
        if crash {
            world.crash();
            world.restart();
        }
        world.run("k");
        world.run_until("2026-11-26T15:50");
        reads_that_e_is_fresh(&world, 3);
    }
}

#[test]
fn the_owner_of_silenced_data_that_stayed_bad_behind_its_cause_hears_of_it_when_the_silence_ends() {
    let mut world = mended();
    world.run_until("2026-11-26T15:30:20");
    silence(&mut world, "e", 3_600);
    world.run_until("2026-11-26T16:30");
    assert_eq!(sent_to(&world, READER), [Purpose::Impact, Purpose::Recovery]);
    world.run_until("2026-11-26T16:31");
    assert_eq!(
        sent_to(&world, READER),
        [Purpose::Impact, Purpose::Recovery, Purpose::Reminder]
    );
}

#[test]
fn the_end_waits_for_silenced_data_that_is_being_mended_too() {
    let mut world = mended();
    world.script("k", |_, now| {
        Play::writes(&now.to_string(), now).taking(Duration::from_mins(10))
    });
    world.run("k");
    silence(&mut world, "e", 6 * 3_600);
    world.run_until("2026-11-26T15:50");
    reads_that_e_is_fresh(&world, 2);
}

#[test]
fn what_an_edit_ends_leaves_nobody_with_word_that_data_is_bad_which_is_being_mended() {
    let mut world = broken(&chain());
    world.run_until("2026-11-26T12:01");
    assert_eq!(sent_to(&world, READER), [Purpose::Impact]);
    makes_for_long(&mut world, "k");
    world.run_until("2026-11-26T12:02");
    world.reload(&chain().replace("[jobs.j]", "[jobs.j]\nenabled = false"));
    world.run_until("2026-11-26T12:03");
    assert_eq!(
        sent_to(&world, READER),
        [Purpose::Impact, Purpose::Recovery, Purpose::Opening],
        "it is said to be still stale, and opens at once"
    );
    world.run_until("2026-11-26T12:30");
    assert_eq!(sent_to(&world, READER).last(), Some(&Purpose::Recovery));
    let (_, words) = last_words(&world, READER);
    assert!(words.contains("e is fresh again"), "{words}");
}

#[test]
fn an_end_that_is_due_when_freshd_comes_back_waits_for_what_was_mended_meanwhile() {
    let mut world = mended();
    world.script("k", |_, now| {
        Play::writes(&now.to_string(), now).taking(Duration::from_mins(10))
    });
    world.run("k");
    world.run_until("2026-11-26T15:33:30");
    world.crash();
    // Its keeper tells of it a second after the start.
    world.run_until("2026-11-26T16:05:05");
    world.restart();
    world.run_until("2026-11-26T16:20");
    reads_that_e_is_fresh(&world, 2);
}

#[test]
fn what_is_mended_alarms_nobody_who_has_not_heard_of_it_while_its_end_waits() {
    for crash in [false, true] {
        let mut world = broken(&chain());
        busy_until(&mut world, "2026-11-26T12:10");
        waiting_for_e(&mut world);
        if crash {
            world.run_until("2026-11-26T12:04");
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T12:20");
        for to in ["pager", "mail:it@sea.example", OPS] {
            assert_eq!(sent_to(&world, to), [], "{to}, crash: {crash}");
        }
        let tests = world.engine.as_ref().expect("it runs").self_test(world.now);
        assert!(tests.is_empty(), "{tests:?}");
        world.run_until("2026-11-26T12:30");
        assert_eq!(sent_to(&world, OPS), [Purpose::Recovery]);
        assert_eq!(sent_to(&world, "pager"), []);
        assert_eq!(sent_to(&world, READER), [Purpose::Impact, Purpose::Recovery]);
    }
}

#[test]
fn what_was_held_back_for_an_end_is_told_when_the_problem_comes_back() {
    for is_reached in [true, false] {
        let mut world = broken(&chain());
        world.channel(OPS, move |_, now| match is_reached && now >= at("2026-11-26T12:08") {
            true => DeliveryOutcome::Accepted,
            false => busy(now),
        });
        waiting_for_e(&mut world);
        world.run_until("2026-11-26T12:15");
        world.script("j", |_, _| Play::fails(2, "no listener"));
        world.run("j");
        world.run_until("2026-11-26T12:20");
        let to = if is_reached { OPS } else { "pager" };
        assert_eq!(sent_to(&world, to), [Purpose::Opening]);
    }
}

#[test]
fn what_is_held_back_for_its_end_is_in_no_digest_that_says_that_it_is_wrong() {
    let mut text = chain();
    for number in 0..8 {
        text += &format!("[jobs.x{number}]\nowner = \"ops\"\ncommand = \"true\"\n");
    }
    let mut world = broken(&text);
    busy_until(&mut world, "2026-11-26T12:10");
    for number in 0..8 {
        world.script(&format!("x{number}"), |_, _| Play::fails(1, ""));
        world.run(&format!("x{number}"));
    }
    waiting_for_e(&mut world);
    world.run_until("2026-11-26T12:20");
    let of_j = world
        .incidents()
        .into_iter()
        .find(|one| one.subject.as_str() == "j")
        .expect("one")
        .id;
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_ops: Vec<_> = sent.filter(|sent| sent.address.to_string() == OPS).collect();
    let digest = to_ops
        .iter()
        .find(|sent| sent.message.purpose == Purpose::Digest)
        .expect("a digest");
    let named: Vec<_> = digest.message.incidents.iter().map(|line| line.incident).collect();
    assert!(named.len() > 1 && !named.contains(&of_j), "{named:?}");
    assert!(to_ops.iter().all(|sent| sent.incident != Some(of_j)), "it is mended");
}

#[test]
fn what_dies_while_its_end_waits_is_told_to_others_with_the_end_or_when_the_problem_is_back() {
    for comes_back in [false, true] {
        let mut world = broken(&chain());
        world.channel(OPS, |_, _| no_such_address());
        // It is on its way when the problem is gone.
        world.outside.thinks_for.insert(OPS.to_owned(), Duration::from_mins(4));
        waiting_for_e(&mut world);
        world.run_until("2026-11-26T12:10");
        for to in [FALLBACK, "pager"] {
            assert_eq!(of_job(&world, to), [], "nobody is alarmed about what is mended");
        }
        if comes_back {
            world.script("j", |_, _| Play::fails(2, "no listener"));
            world.run("j");
            world.run_until("2026-11-26T12:12");
            for to in [FALLBACK, "pager"] {
                assert_eq!(of_job(&world, to), [Purpose::Opening], "{to}");
            }
        } else {
            world.run_until("2026-11-26T12:40");
            for to in [FALLBACK, "pager"] {
                assert_eq!(of_job(&world, to), [Purpose::Recovery], "{to}");
            }
        }
    }
}

/// What somebody was told of `j`.
fn of_job(world: &World, to: &str) -> Vec<Purpose> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let of_j = sent.filter(|sent| sent.address.to_string() == to && sent.message.subject_name.as_str() == "j");
    of_j.map(|sent| sent.message.purpose).collect()
}

#[test]
fn what_gets_worse_behind_a_cause_that_is_over_is_told_only_if_that_comes_back() {
    for comes_back in [false, true] {
        let mild = chain().replace("file = \"e\"", "file = \"e\"\nseverity = \"warning\"");
        let mut world = broken(&mild);
        waiting_for_e(&mut world);
        world.run_until("2026-11-26T12:05");
        assert_eq!(sent_to(&world, OPS), [Purpose::Opening]);
        world.reload(&chain().replace("file = \"e\"", "file = \"e\"\nconsumers = [\"c\"]"));
        world.run_until("2026-11-26T12:08");
        assert_eq!(sent_to(&world, OPS), [Purpose::Opening]);
        assert_eq!(sent_to(&world, READER), []);
        assert_eq!(sent_to(&world, OTHER), []);
        if comes_back {
            world.script("j", |_, _| Play::fails(2, "no listener"));
            world.run("j");
            world.run_until("2026-11-26T12:09");
            assert_eq!(sent_to(&world, OPS), [Purpose::Opening, Purpose::Update]);
            assert_eq!(sent_to(&world, READER), [Purpose::Impact]);
            assert_eq!(sent_to(&world, OTHER), [Purpose::Impact]);
        } else {
            world.run_until("2026-11-26T12:30");
            assert_eq!(sent_to(&world, OPS), [Purpose::Opening, Purpose::Recovery]);
            assert_eq!(sent_to(&world, READER), []);
        }
    }
}

#[test]
fn what_lies_behind_a_cause_that_is_over_explains_what_breaks_next() {
    let mut world = broken(&chain());
    waiting_for_e(&mut world);
    world.run_until("2026-11-26T12:04");
    world.script("i", |_, _| Play::fails(1, "no space"));
    world.run("i");
    world.run_until("2026-11-26T12:11:30");
    let incidents = world.incidents();
    let about = |name: &str| incidents.iter().rfind(|one| one.subject.as_str() == name).expect("one");
    assert!(about("j").ends_by().is_some());
    assert_eq!(about("i").state, IncidentState::Open);
    assert_eq!(about("f").cause, Some(about("i").id));
    assert_eq!(sent_to(&world, OTHER), [Purpose::Impact]);
}

#[test]
fn the_state_says_that_a_problem_is_over_and_waits_for_its_end() {
    let mut world = broken(&chain());
    waiting_for_e(&mut world);
    let of_j = |world: &mut World| {
        let status = world.done(Request::Status { name: Some("j".into()) });
        status["incidents"][0].clone()
    };
    world.run_until("2026-11-26T12:05");
    assert_eq!(of_j(&mut world)["ends_by"], "2026-11-26T11:32:05Z");
    let stored = world.incidents();
    let stored = stored.iter().find(|one| one.subject.as_str() == "j").expect("one");
    assert_eq!(
        incident_line(stored, &[])["ends_by"],
        "2026-11-26T11:32:05Z",
        "as stored, too"
    );
    world.script("j", |_, _| Play::fails(2, "no listener"));
    world.run("j");
    world.run_until("2026-11-26T12:06");
    assert!(of_j(&mut world)["ends_by"].is_null());
}

#[test]
fn what_was_mended_before_an_edit_takes_it_out_is_told_to_be_mended() {
    let mut world = broken(&chain());
    waiting_for_e(&mut world);
    world.run_until("2026-11-26T12:05");
    let job = "[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"c\"]\non_stale = \"run\"\nproduces = \"d\"\n";
    let text = chain();
    assert!(text.contains(job), "{text}");
    world.reload(&text.replace(job, ""));
    world.run_until("2026-11-26T12:10");
    let (_, words) = last_words(&world, OPS);
    assert!(words.starts_with("RESOLVED after 3m"), "{words}");
    let all = world.incidents();
    let of_j = all.iter().find(|one| one.subject.as_str() == "j").expect("told");
    assert!(of_j.closed_by().is_none(), "{of_j:?}");
    assert_eq!(
        of_j.resolved_at.map(super::virtual_world::clock).as_deref(),
        Some("12:02:05")
    );
}
