//! The end of a problem reaches everybody who heard of it once, also where an address is dead.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, IncidentState, NotificationState, Outcome, Purpose, Request};

use super::delivery::{OPS, busy, mend, no_such_address};
use super::virtual_world::{Play, World, at};
use super::{failing, one_job};

/// What an address was told of job `j`, in order.
fn told_of_j(world: &World, address: &str) -> Vec<Purpose> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let of_j = sent.filter(|sent| sent.address.to_string() == address && sent.message.subject_name.as_str() == "j");
    of_j.map(|sent| sent.message.purpose).collect()
}

#[test]
fn an_end_that_dies_at_an_address_is_not_told_twice_to_who_stood_in_for_it() {
    for crash in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.channel(OPS, |sent, now| match sent.message.purpose {
            Purpose::Recovery if now < at("2026-11-26T12:30") => busy(now),
            _ => no_such_address(),
        });
        world.run_until("2026-11-26T12:10");
        mend(&mut world, "2026-11-26T12:20");
        assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
        if crash {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T14:00");
        let dead = |told: &&freshd::model::Notification| {
            told.state == NotificationState::Dead && told.message.purpose == Purpose::Recovery
        };
        assert_eq!(world.ledger.notifications.values().filter(dead).count(), 1);
        for to in ["mail:it@sea.example", "pager"] {
            assert_eq!(
                told_of_j(&world, to),
                [Purpose::Opening, Purpose::Recovery],
                "{to}, crash: {crash}"
            );
        }
    }
}

#[test]
fn an_end_that_dies_at_two_addresses_falls_back_once() {
    const OTHER: &str = "mail:x@sea.example";
    for crash in [false, true] {
        let text = one_job("").replace(
            "notify = [\"mail:ops@sea.example\"]",
            "notify = [\"mail:ops@sea.example\", \"mail:x@sea.example\"]",
        );
        let mut world = failing(&text, "2026-11-26T12:00");
        for to in [OPS, OTHER] {
            world.channel(to, move |sent, now| match sent.message.purpose {
                Purpose::Recovery if to == OTHER && now < at("2026-11-26T12:30") => busy(now),
                Purpose::Recovery => no_such_address(),
                _ => DeliveryOutcome::Accepted,
            });
        }
        world.run_until("2026-11-26T12:10");
        mend(&mut world, "2026-11-26T12:20");
        if crash {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T14:00");
        for to in ["mail:it@sea.example", "pager"] {
            assert_eq!(told_of_j(&world, to), [Purpose::Recovery], "{to}, crash: {crash}");
        }
    }
}

#[test]
fn a_run_that_somebody_ended_tells_nothing_of_how_its_job_is() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(5)));
    world.run("j");
    world.run_until("2026-11-26T12:12");
    let run = world.last_run("j").id;
    world.done(Request::Cancel { run });
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Cancelled));
    assert_eq!(world.incidents()[0].state, IncidentState::Open);
    assert_eq!(told_of_j(&world, OPS), [Purpose::Opening]);
}

#[test]
fn all_who_read_the_same_dataset_are_named() {
    let text = format!(
        "{}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"1h\"\nconsumers = [\"a\", \"b\"]\n",
        super::one_job("produces = \"d\"")
    );
    let mut world = super::World::start(&text, "2026-03-02T10:00");
    world.run("j");
    world.run_until("2026-03-02T11:30");
    let status = world.done(freshd::model::Request::Status { name: None });
    let readers = status["incidents"][0]["readers"].as_array().expect("readers");
    let mut who: Vec<_> = readers.iter().map(|reader| reader["who"].as_str()).collect();
    who.sort_unstable();
    assert_eq!(who, [Some("a"), Some("b")]);
}

#[test]
fn a_job_and_a_dataset_of_one_name_are_not_taken_for_each_other() {
    let text = one_job("produces = \"j\"") + "[datasets.j]\nowner = \"ops\"\nfile = \"j\"\nmax_age = \"60m\"\n";
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-03-02T11:10");
    let headline = &world.sent.last().expect("it is told").1.message.headline;
    assert!(headline.starts_with("CRITICAL: j is stale: "), "{headline}");
}

#[test]
fn an_end_says_who_had_taken_it_on_and_when() {
    for is_taken_on in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.run_until("2026-11-26T12:10");
        if is_taken_on {
            world.done(Request::Ack {
                incident: world.incidents()[0].id,
                note: Some("looking at it".to_owned()),
                link: None,
            });
            world.run_until("2026-11-26T12:30");
            world.done(Request::ack(world.incidents()[0].id));
        }
        mend(&mut world, "2026-11-26T13:00");
        world.run_until("2026-11-26T13:10");
        let end = &world.sent.last().expect("it is over").1.message;
        assert_eq!(end.purpose, Purpose::Recovery);
        let says = end.facts.iter().filter(|fact| fact.label == "Taken on");
        let says: Vec<&str> = says.map(|fact| fact.text.as_str()).collect();
        let expected = ["by anna (looking at it), Thu 2026-11-26 12:10"];
        assert_eq!(
            says,
            expected[..usize::from(is_taken_on)],
            "whoever does so again is named once, with when they first did"
        );
        assert_eq!(
            end.headline.ends_with(" Taken on by anna, Thu 2026-11-26 12:10."),
            is_taken_on,
            "{}",
            end.headline
        );
    }
}

#[test]
fn an_end_that_comes_late_is_told_before_what_began_about_the_same_since() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    // The end is put off once more when the address takes messages again.
    world.channel(OPS, |sent, now| match sent.message.purpose {
        _ if now < at("2026-11-26T13:30") => busy(now),
        Purpose::Recovery if sent.tries < 8 => busy(now),
        _ => DeliveryOutcome::Accepted,
    });
    mend(&mut world, "2026-11-26T12:20");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run_until("2026-11-26T13:25");
    world.run("j");
    world.run_until("2026-11-26T17:00");
    let told = told_of_j(&world, OPS);
    assert_eq!(told, [Purpose::Opening, Purpose::Recovery, Purpose::Opening]);
}

pub(super) const READER: &str = "mail:b@sea.example";

/// `j` of `ops` makes `d` of `a`, from which `k` of `ops` makes `e` of `b`, by hand: both at ten o'clock. `j` fails at noon,
/// and `d` and then `e` are stale for an hour and more when `j` is run again and succeeds, at half past three.
pub(super) fn mended() -> World {
    mended_where(READER, "")
}

/// The same where `b` is told at that address, of a channel that `more` defines.
pub(super) fn mended_where(reader: &str, more: &str) -> World {
    let text = one_job("produces = \"d\"")
        + super::NO_PROOFS
        + "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"3h\"\n\
           [datasets.e]\nowner = \"b\"\nfile = \"e\"\nmax_age = \"4h\"\n\
           [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\non_stale = \"run\"\nproduces = \"e\"\n"
        + more;
    let text = text.replace(&format!("notify = [\"{READER}\"]"), &format!("notify = [\"{reader}\"]"));
    let mut world = World::start(&text, "2026-11-26T10:00");
    for job in ["j", "k", "l"] {
        world.script(job, |_, now| Play::writes(&now.to_string(), now));
    }
    for job in ["j", "k"] {
        world.run(job);
        world.run_until("2026-11-26T10:10");
    }
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T15:30");
    assert_eq!(sent_to(&world, reader), [Purpose::Impact]);
    world.script("j", |_, now| Play::writes(&now.to_string(), now));
    world.run("j");
    world.run_until("2026-11-26T15:30:06");
    world
}

/// Why somebody was told, in the order in which it was sent.
pub(super) fn sent_to(world: &World, address: &str) -> Vec<Purpose> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_it = sent.filter(|sent| sent.address.to_string() == address);
    to_it.map(|sent| sent.message.purpose).collect()
}

/// The last words that somebody was told, and how many.
pub(super) fn last_words(world: &World, address: &str) -> (usize, String) {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let told: Vec<_> = sent.filter(|sent| sent.address.to_string() == address).collect();
    let last = told.last().expect("a message");
    (told.len(), last.message.headline.clone())
}

#[test]
fn nobody_is_left_with_word_that_data_is_still_bad_which_is_good_a_second_later() {
    // A moment later, or for longer than a new problem waits; and freshd may die in between.
    for (takes, crash) in [(1, false), (600, false), (600, true)] {
        let mut world = mended();
        world.script("k", move |_, now| {
            Play::writes(&now.to_string(), now).taking(Duration::from_secs(takes))
        });
        world.run("k");
        if crash {
            world.run_until("2026-11-26T15:33:30");
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T15:50");
        let (messages, words) = last_words(&world, READER);
        assert_eq!(messages, 2, "{words}");
        assert!(
            words.starts_with("RESOLVED after ") && words.contains(": e is fresh again, as of Thu 2026-11-26 15:3"),
            "{words}"
        );
        assert_eq!(sent_to(&world, OPS).last(), Some(&Purpose::Recovery));
    }
}

#[test]
fn the_end_of_a_cause_behind_which_something_stays_bad_is_told_with_it() {
    let mut world = mended();
    world.run_until("2026-11-26T15:35");
    assert_eq!(
        sent_to(&world, READER),
        [Purpose::Impact, Purpose::Recovery, Purpose::Opening],
        "nothing mends it"
    );
    let of_reader = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == READER);
    let at: Vec<_> = of_reader.map(|(at, _)| at.to_string()).collect();
    assert_eq!(at[1], at[2], "it is said to be still bad, and opens, in one instant");
    world.run("k");
    world.run_until("2026-11-26T15:40");
    assert_eq!(sent_to(&world, READER).last(), Some(&Purpose::Recovery));
}

#[test]
fn the_end_waits_for_what_is_mended_no_longer_than_half_an_hour() {
    let mut world = mended();
    world.script("k", |_, now| Play::writes("late", now).taking(Duration::from_mins(50)));
    world.run("k");
    world.run_until("2026-11-26T16:00");
    assert_eq!(sent_to(&world, READER), [Purpose::Impact]);
    assert!(!sent_to(&world, OPS).contains(&Purpose::Recovery));
    world.run_until("2026-11-26T16:01");
    assert_eq!(
        sent_to(&world, READER),
        [Purpose::Impact, Purpose::Recovery, Purpose::Opening]
    );
    assert_eq!(sent_to(&world, OPS).last(), Some(&Purpose::Recovery));
}

#[test]
fn what_stays_bad_at_an_end_is_named_with_the_incident_by_which_it_goes_on() {
    let mut world = mended();
    world.script("k", |_, now| Play::writes("late", now).taking(Duration::from_mins(50)));
    world.run("k");
    world.run_until("2026-11-26T16:01");
    let e = world.incidents().into_iter().find(|one| one.subject.as_str() == "e");
    let e = e.expect("it goes on");
    assert_eq!((e.state, e.cause), (IncidentState::Open, None));
    let goes_on = format!("; it goes on as #{}", e.id);
    let ends = |to: &str| {
        let sent = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == to);
        let mut ends = sent.filter(|(_, sent)| sent.message.purpose == Purpose::Recovery);
        ends.next().expect("an end").1.message.clone()
    };
    for to in [OPS, READER] {
        let end = ends(to);
        let said = |label: &str| {
            end.facts
                .iter()
                .find(|fact| fact.label == label)
                .map(|fact| fact.text.as_str())
        };
        let words = said("Goes on").unwrap_or_default();
        assert!(
            words.starts_with("e is stale: ") && words.ends_with(&goes_on),
            "{to}: {end:?}"
        );
        assert_eq!(said("Broken"), None, "{to}: it is not this one's any more");
    }
    let end = ends(READER);
    let over = format!("{goes_on}. Only this is over: RESOLVED after ");
    assert!(
        end.headline
            .starts_with("PARTLY OVER: e, which you own, is still stale: ")
            && end.headline.contains(&over),
        "{}",
        end.headline
    );
    assert!(end.facts[0].text == format!("e (#{})", e.id), "{:?}", end.facts);
    assert!(
        !ends(OPS).headline.starts_with("PARTLY OVER"),
        "it is nobody's of theirs"
    );
}

#[test]
fn of_two_that_stay_bad_the_one_made_from_the_other_goes_on_with_it() {
    let more = "[datasets.f]\nowner = \"b\"\nfile = \"f\"\nmax_age = \"4h\"\n\
                [jobs.l]\nowner = \"ops\"\ncommand = \"true\"\non = [\"e\"]\non_stale = \"run\"\nproduces = \"f\"\n";
    let mut world = mended_where(READER, more);
    world.run_until("2026-11-26T15:35");
    let of = |name: &str| {
        let found = world.incidents().into_iter().find(|one| one.subject.as_str() == name);
        found.expect("it goes on")
    };
    let e = of("e");
    assert_eq!((e.state, of("f").cause), (IncidentState::Open, Some(e.id)));
    let mut sent = world.sent.iter().map(|(_, sent)| &sent.message);
    let end = sent.find(|told| told.purpose == Purpose::Recovery).expect("an end");
    let goes_on: Vec<&str> = end
        .facts
        .iter()
        .filter(|fact| fact.label == "Goes on")
        .map(|fact| fact.text.as_str())
        .collect();
    let [of_e, of_f] = &goes_on[..] else {
        panic!("{end:?}");
    };
    assert!(of_e.ends_with(&format!("; it goes on as #{}", e.id)), "{of_e}");
    assert!(of_f.ends_with(&format!("; it goes on with #{}", e.id)), "{of_f}");
}

#[test]
fn what_fails_again_while_its_end_waits_goes_on_and_is_reminded_of() {
    let mut world = mended();
    world.script("k", |_, now| Play::writes("late", now).taking(Duration::from_mins(50)));
    world.run("k");
    world.run_until("2026-11-26T15:40");
    let before = sent_to(&world, OPS);
    world.script("j", |_, _| Play::fails(2, "no listener"));
    world.run("j");
    world.run_until("2026-11-27T08:10");
    let told = sent_to(&world, OPS);
    assert!(!told.contains(&Purpose::Recovery), "{told:?}");
    assert!(
        told.len() > before.len() && told.last() == Some(&Purpose::Reminder),
        "{told:?}"
    );
    assert_eq!(
        world
            .incidents()
            .iter()
            .filter(|one| one.subject.as_str() == "j")
            .count(),
        1
    );
}
