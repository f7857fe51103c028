//! What a silence or planned work has left out of a notice is told when that ends, also to whoever was told of another effect
//! of the same cause meanwhile.

use freshd::model::{Notification, Purpose, Request};
use jiff::SignedDuration;

use super::PEOPLE;
use super::delivery::OPS;
use super::virtual_world::{Play, World, clock};

const A: &str = "mail:a@sea.example";

/// `j` of `ops` makes `x`, which the tills of `a` read, and of which `k` makes `e` for `a`. `j` fails at 11:30; `x` is stale from
/// noon on, and `e` half an hour later.
fn broken(more: &str) -> World {
    let text = format!(
        "{PEOPLE}[systems.tills]\nowner = \"a\"\n\
         [datasets.x]\nowner = \"ops\"\nfile = \"x\"\nmax_age = \"1h\"\nconsumers = [\"tills\"]\n\
         [datasets.e]\nowner = \"a\"\nfile = \"e\"\nmax_age = \"90m\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"\n\
         [jobs.k]\nowner = \"a\"\ncommand = \"true\"\nneeds = [\"x\"]\nproduces = \"e\"\n{more}"
    );
    let mut world = World::start(&text, "2026-11-26T11:00");
    make(&mut world, "x");
    world.run_until("2026-11-26T11:30");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T11:45");
    world
}

fn make(world: &mut World, content: &'static str) {
    for job in ["j", "k"] {
        world.script(job, move |_, now| Play::writes(content, now));
        world.run(job);
        world.run_until_instant(world.now.wall + SignedDuration::from_secs(5));
    }
}

fn silence(world: &mut World, minutes: u64) {
    world.done(Request::Silence {
        name: "x".into(),
        because: "lots are counted".to_owned(),
        for_s: minutes * 60,
    });
}

fn taken(world: &World, to: &str) -> Vec<(String, Notification)> {
    let sent = world.sent.iter().filter(|(_, sent)| sent.address.to_string() == to);
    sent.map(|(when, sent)| (clock(*when), sent.clone())).collect()
}

const WINDOW: &str = "[maintenance.swap]\nfrom = 2026-11-26T11:50:00\nto = \"2026-11-26T13:00\"\ndatasets = [\"x\"]\n\
                      author = \"Anna\"\nbecause = \"the disk is swapped\"\n";

#[test]
fn whoever_was_told_of_another_effect_meanwhile_hears_of_it_when_that_ends_and_of_the_end() {
    for (is_window, crashes) in [(true, false), (true, true), (false, false)] {
        let mut world = broken(if is_window { WINDOW } else { "" });
        if !is_window {
            silence(&mut world, 75);
        }
        world.run_until("2026-11-26T12:59");
        assert_eq!(world.told_to(A), [Purpose::Impact]);
        let (when, notice) = taken(&world, A)[0].clone();
        assert_eq!(when, "12:30:00");
        assert!(
            !notice.message.headline.contains("x, which"),
            "{}",
            notice.message.headline
        );
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T13:20");
        assert_eq!(
            world.told_to(A),
            [Purpose::Impact, Purpose::Update],
            "window: {is_window}"
        );
        let (when, update) = taken(&world, A)[1].clone();
        assert_eq!(when, "13:00:00");
        assert_eq!(update.message.thread, notice.message.thread);
        let says = "x, which tills reads, is stale";
        assert!(update.message.headline.contains(says), "{}", update.message.headline);
        // Who answers for it hears of it, too.
        let (when, last) = taken(&world, OPS).pop().expect("a message");
        assert_eq!((when.as_str(), last.message.purpose), ("13:00:00", Purpose::Update));
        make(&mut world, "y");
        world.run_until("2026-11-26T13:40");
        let all = [Purpose::Impact, Purpose::Update, Purpose::Recovery];
        assert_eq!(world.told_to(A), all, "{:?}", taken(&world, A));
    }
}

#[test]
fn whoever_had_read_of_it_before_is_not_told_again() {
    let mut world = broken("");
    world.run_until("2026-11-26T12:05");
    assert_eq!(world.told_to(A), [Purpose::Impact]);
    silence(&mut world, 15);
    world.run_until("2026-11-26T12:25");
    silence(&mut world, 15);
    world.run_until("2026-11-26T12:59");
    assert_eq!(world.told_to(A), [Purpose::Impact]);
}
