//! Jobs that new versions start: once for several that come together, with the newest of each.

use std::time::Duration;

use freshd::model::{Outcome, VersionNumber};

use super::virtual_world::{Play, World, with_ops};

/// `a`, `b` and `c` are made in the same second, and `r` reads all of them.
fn world() -> World {
    let mut text = String::new();
    for name in ["a", "b", "c"] {
        text += &format!(
            "[datasets.{name}]\nowner = \"ops\"\nfile = \"{name}\"\n\
             [jobs.make-{name}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\nproduces = \"{name}\"\n"
        );
    }
    text += "[jobs.r]\nowner = \"ops\"\ncommand = \"true\"\non = [\"a\", \"b\", \"c\"]\non_stale = \"run\"\n\
             retry = { attempts = 2, delay = \"1s\" }\n";
    World::start(&with_ops(&text), "2026-03-02T09:59")
}

fn inputs(world: &World, run: usize) -> Vec<(String, VersionNumber)> {
    let inputs = world.runs("r")[run].inputs.clone();
    inputs
        .into_iter()
        .map(|input| (input.dataset.to_string(), input.number))
        .collect()
}

#[test]
fn versions_that_come_together_start_a_job_once_more_and_not_once_each() {
    let mut world = world();
    world.script("r", |_, _| Play::succeeds().taking(Duration::from_mins(3)));
    world.run_until("2026-03-02T10:30");
    // The first of them starts it, and it runs once more for the two that came while it did.
    assert_eq!(world.starts("r"), ["10:00:05", "10:03:05"]);
    let newest = ["a", "b", "c"].map(|name| (name.to_owned(), VersionNumber(1)));
    assert_eq!(inputs(&world, 1), newest);
}

#[test]
fn a_run_keeps_the_versions_it_began_with_over_its_retries() {
    let text = [("a", "0 * * * *"), ("b", "30 9 * * *")].map(|(name, at)| {
        format!(
            "[datasets.{name}]\nowner = \"ops\"\nfile = \"{name}\"\n\
             [jobs.make-{name}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"{at}\"\nproduces = \"{name}\"\n"
        )
    });
    let reader = "[jobs.r]\nowner = \"ops\"\ncommand = \"true\"\non = [\"a\"]\nneeds = [\"b\"]\n\
                  retry = { attempts = 2, delay = \"1s\" }\n";
    let mut world = World::start(&with_ops(&(text.concat() + reader)), "2026-03-02T09:29");
    world.script("r", |spec, _| match spec.id.number {
        1 => Play::fails(1, "").taking(Duration::from_mins(2)),
        _ => Play::succeeds(),
    });
    world.run_until("2026-03-02T10:00:06");
    let first = |name: &str| (name.to_owned(), VersionNumber(1));
    assert_eq!(inputs(&world, 0), [first("b"), first("a")]);
    // A newer version of `b` comes while it runs, and before it tries again.
    world.run("make-b");
    world.run_until("2026-03-02T10:10");
    assert_eq!(world.versions("b").len(), 2);
    let run = &world.runs("r")[0];
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Succeeded), 2));
    assert_eq!(inputs(&world, 0), [first("b"), first("a")]);
}
