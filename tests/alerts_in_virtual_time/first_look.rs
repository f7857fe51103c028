//! What others delivered while freshd was down is judged by when it came, whenever that is seen.

use std::path::PathBuf;
use std::time::Duration;

use freshd::model::{Event, Measurement, SlotState};
use jiff::Timestamp;

use super::PEOPLE;
use super::delivery::OPS;
use super::digests::{heard, taken};
use super::virtual_world::{World, at, clock, file};

/// Data that others deliver is due at eleven and at noon, and freshd is down from half past ten until `until`. What lies there
/// then was written at that time.
fn delivered(written_at: &str, until: &str, group_wait: &str) -> World {
    let mut world = to_look(until, group_wait);
    let written_at = at(&format!("2026-03-02T{written_at}"));
    world.probe("lots", move |_| delivery(written_at));
    world.restart();
    world.run_until("2026-03-02T13:30");
    world
}

fn delivery(written_at: Timestamp) -> Seen {
    file(&format!("delivered@{written_at}"), None)
}

/// freshd is about to be back, and to look.
fn to_look(until: &str, group_wait: &str) -> World {
    let text = format!(
        "{PEOPLE}[alerts]\ngroup_wait = \"{group_wait}\"\n\
         [datasets.lots]\nowner = \"ops\"\nprobe = {{ file = \"/in/file.csv\", every = \"1h\" }}\n\
         due = {{ at = \"0 11,12 * * *\", early = \"30m\", grace = \"5m\" }}\n"
    );
    let mut world = World::start(&text, "2026-03-02T09:30");
    world.probe("lots", |_| file("before", None));
    world.run_until("2026-03-02T10:30");
    world.handle(Event::Alive);
    world.crash();
    world.run_until(&format!("2026-03-02T{until}"));
    world
}

/// What a probe sees.
type Seen = (Result<Option<Measurement>, String>, Option<PathBuf>);

/// What is said after the downtime and before noon.
fn told_before_noon(world: &World) -> Vec<String> {
    let when_back = at("2026-03-02T11:00")..at("2026-03-02T12:00");
    let sent = world.sent.iter().filter(|(sent_at, _)| when_back.contains(sent_at));
    sent.map(|(_, sent)| sent.message.headline.clone()).collect()
}

fn at_eleven_and_noon(world: &World) -> Vec<SlotState> {
    let slots = world.slots("lots").into_iter();
    let slots = slots.filter(|slot| ["11:00:00", "12:00:00"].contains(&clock(slot.due_at).as_str()));
    slots
        .filter(|slot| slot.due_at < at("2026-03-03T00:00"))
        .map(|slot| slot.state)
        .collect()
}

#[test]
fn what_came_in_time_while_freshd_was_down_is_neither_late_nor_told() {
    for group_wait in ["0s", "60s"] {
        let world = delivered("10:58", "11:40", group_wait);
        assert_eq!(at_eleven_and_noon(&world)[0], SlotState::Met);
        assert_eq!(told_before_noon(&world), [""; 0], "group_wait {group_wait}");
    }
}

#[test]
fn what_came_late_while_freshd_was_down_is_late() {
    let world = delivered("11:20", "11:40", "60s");
    assert_eq!(at_eleven_and_noon(&world)[0], SlotState::Recovered);
}

#[test]
fn what_was_overwritten_while_freshd_was_down_is_counted_as_unknown_and_the_newest_as_it_came() {
    let mut world = delivered("12:02", "13:00", "60s");
    assert_eq!(at_eleven_and_noon(&world), [SlotState::Missed, SlotState::Met]);
    let of_eleven = world
        .slots("lots")
        .into_iter()
        .find(|slot| clock(slot.due_at) == "11:00:00");
    let reason = of_eleven.and_then(|slot| slot.reason).unwrap_or_default();
    assert!(reason.ends_with(": nobody saw whether it came"), "{reason}");
    let down = &world.status("lots")["down"];
    assert_eq!(
        (&down["missed"], &down["late"], &down["unknown"]),
        (&0.into(), &0.into(), &1.into())
    );
}

#[test]
fn what_a_share_shows_only_later_is_judged_by_when_it_came() {
    let not_mounted = || {
        (
            Err("the directory /in does not exist; is a share not mounted?".to_owned()),
            None,
        )
    };
    let being_written = || (Ok(None), Some(PathBuf::from("/in/file.csv")));
    let nothing_yet: [fn() -> Seen; 2] = [not_mounted, being_written];
    for nothing in nothing_yet {
        // Soon, and after it was found to be late, or missed.
        for (until, shown_at) in [("11:40", "11:40:01"), ("11:40", "11:50"), ("12:10", "12:20")] {
            let mut world = to_look(until, "60s");
            let shown_at = at(&format!("2026-03-02T{shown_at}"));
            world.probe("lots", move |now| match now < shown_at {
                true => nothing(),
                false => delivery(at("2026-03-02T10:58")),
            });
            world.restart();
            world.run_until("2026-03-02T13:30");
            assert_eq!(at_eleven_and_noon(&world)[0], SlotState::Met, "{until} {shown_at}");
            assert_eq!(world.open_incidents().len(), 1, "what is due at noon");
            let down = world.status("lots")["down"].clone();
            let late = u64::from(until > "12:05");
            assert_eq!((&down["late"], &down["unknown"]), (&late.into(), &0.into()));
        }
    }
}

#[test]
fn a_share_that_is_mounted_a_second_later_costs_no_message() {
    let mut world = to_look("11:40", "0s");
    let shown_at = at("2026-03-02T11:40:01");
    world.probe("lots", move |now| match now < shown_at {
        true => (Err("no such directory".to_owned()), None),
        false => delivery(at("2026-03-02T10:58")),
    });
    world.restart();
    world.run_until("2026-03-02T13:30");
    assert_eq!(told_before_noon(&world), [""; 0]);
}

#[test]
fn what_a_slow_look_tells_is_waited_for() {
    // What is found to be late at the fourth second is over before the digest is written.
    for seconds in [1, 3, 5] {
        let mut world = to_look("11:40", "0s");
        world.probe("lots", |_| delivery(at("2026-03-02T10:58")));
        world
            .outside
            .thinks_for
            .insert("lots".to_owned(), Duration::from_secs(seconds));
        world.restart();
        world.run_until("2026-03-02T11:40:30");
        assert_eq!(at_eleven_and_noon(&world)[0], SlotState::Met, "{seconds} s");
        assert_eq!(told_before_noon(&world), [""; 0], "{seconds} s");
    }
}

#[test]
fn what_a_look_that_hangs_leaves_open_is_told_with_all_else() {
    let mut text = PEOPLE.to_owned() + "[alerts]\ngroup_wait = \"0s\"\n";
    for name in ["hangs", "lacks"] {
        text += &format!(
            "[datasets.{name}]\nowner = \"ops\"\nprobe = {{ file = \"/in/{name}\", every = \"1h\" }}\n\
             due = {{ at = \"0 11 * * *\", grace = \"5m\" }}\n"
        );
    }
    let mut world = World::start(&text, "2026-03-02T10:30");
    world.handle(Event::Alive);
    world.crash();
    world.run_until("2026-03-02T11:40");
    world
        .outside
        .thinks_for
        .insert("hangs".to_owned(), Duration::from_secs(30));
    world.restart();
    world.run_until("2026-03-02T11:45");
    let sent: Vec<_> = taken(&world, OPS)
        .into_iter()
        .map(|(_, one)| one.message.clone())
        .collect();
    assert_eq!(sent.len(), 1, "{:?}", heard(&world, OPS));
    assert_eq!(sent[0].incidents.len(), 2);
    // It counts all that there is to count.
    let late = &world.status("hangs")["down"]["late"];
    assert!(
        sent[0].headline.ends_with(&format!("meanwhile: {late} late.")),
        "{}",
        sent[0].headline
    );
}

#[test]
fn a_short_restart_long_after_a_downtime_has_no_first_look_of_it() {
    let mut world = delivered("10:58", "11:40", "60s");
    world.handle(Event::Alive);
    world.crash();
    // It lies there under a time of that downtime, by a directory that was renamed.
    world.probe("lots", |_| file("another@2026-03-02T10:30:00Z", None));
    world.run_until("2026-03-02T13:31");
    world.restart();
    world.run_until("2026-03-02T13:32");
    let arrived: Vec<_> = world
        .versions("lots")
        .iter()
        .map(|version| version.arrived_at)
        .collect();
    assert_eq!(arrived.last(), Some(&at("2026-03-02T13:31")), "{arrived:?}");
    assert_eq!(at_eleven_and_noon(&world)[1], SlotState::Recovered);
}

#[test]
fn the_record_says_when_it_came() {
    let world = delivered("10:58", "11:40", "60s");
    let arrived: Vec<_> = world
        .versions("lots")
        .iter()
        .map(|version| version.arrived_at)
        .collect();
    assert!(arrived.contains(&at("2026-03-02T10:58")), "{arrived:?}");
}
