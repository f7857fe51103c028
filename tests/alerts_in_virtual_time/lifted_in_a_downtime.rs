//! A silence or a window that ended while freshd was down: only what is still true is told.

use freshd::model::{Purpose, Request};
use jiff::Timestamp;

use super::PEOPLE;
use super::virtual_world::{World, at, file};

const OPS: &str = "mail:ops@sea.example";
/// Which gets each message by itself.
const PAGER: &str = "duty";

/// A file that `ops` answer for, and that comes anew at these times.
fn watched(comes: &'static [&'static str]) -> World {
    let text = PEOPLE.replace("[\"mail:ops@sea.example\"]", "[\"mail:ops@sea.example\", \"duty\"]")
        + "[channels.duty]\ntype = \"pagerduty\"\nrouting_key = { env = \"PATH\" }\n\
           [datasets.d]\nowner = \"ops\"\nprobe = { file = \"d\", every = \"5m\" }\nmax_age = \"1h\"\nas_of = \"mtime\"\n";
    let mut world = World::prepare(&text, "2026-11-26T09:59");
    world.probe("d", move |now| {
        let came: Vec<Timestamp> = comes.iter().map(|came| at(&format!("2026-11-26T{came}"))).collect();
        let last = came.into_iter().rfind(|came| *came <= now);
        file(&last.expect("it came once").to_string(), last)
    });
    world.restart();
    world
}

fn silence(world: &mut World) {
    world.done(Request::Silence {
        name: "d".into(),
        because: "the servers move".to_owned(),
        for_s: 2 * 3_600,
    });
}

/// freshd is down from one until three.
fn is_down(world: &mut World) {
    world.run_until("2026-11-26T13:00");
    world.crash();
    world.run_until("2026-11-26T15:00");
    world.restart();
    world.run_until("2026-11-26T15:30");
}

#[test]
fn whoever_heard_of_it_hears_of_its_end_alone() {
    let mut world = watched(&["09:50", "14:50"]);
    world.run_until("2026-11-26T11:30");
    silence(&mut world);
    is_down(&mut world);
    for to in [OPS, PAGER] {
        assert_eq!(world.told_to(to), [Purpose::Opening, Purpose::Recovery], "{to}");
    }
}

#[test]
fn whoever_never_heard_of_it_hears_nothing() {
    let mut world = watched(&["09:50", "14:50"]);
    world.run_until("2026-11-26T10:40");
    silence(&mut world);
    world.run_until("2026-11-26T12:30");
    silence(&mut world);
    is_down(&mut world);
    for to in [OPS, PAGER] {
        assert_eq!(world.told_to(to), [], "{to}");
    }
}

#[test]
fn what_is_still_wrong_is_told_as_ever() {
    let mut world = watched(&["09:50"]);
    world.run_until("2026-11-26T11:30");
    silence(&mut world);
    is_down(&mut world);
    for to in [OPS, PAGER] {
        assert_eq!(world.told_to(to), [Purpose::Opening, Purpose::Reminder], "{to}");
    }
}
