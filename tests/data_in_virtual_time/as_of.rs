//! Which `as_of` a version has when its content or its inputs say the same as before.

use super::age::{chain, write};
use super::virtual_world::{Play, World, at};
use super::world;

#[test]
fn only_an_as_of_that_is_reported_makes_identical_content_newer() {
    let mut world = world("", "2026-03-02T08:00");
    write(&mut world, Play::writes_undated("a"), "2026-03-02T09:00");
    for (report, until, as_of) in [
        ("rows=80\n", "2026-03-02T10:00", "2026-03-02T08:00"),
        ("as_of=2026-03-02T08:30:00Z\n", "2026-03-02T11:00", "2026-03-02T09:30"),
    ] {
        write(&mut world, Play::writes_undated("a").reporting(report), until);
        assert_eq!(
            world.versions("d").pop().map(|version| version.as_of),
            Some(at(as_of)),
            "{report}"
        );
    }
}

#[test]
fn what_is_as_old_as_the_oldest_it_was_made_from_is_limited_by_nothing() {
    let mut world = World::start(&chain(""), "2026-03-02T08:00");
    for (job, until) in [("l", "2026-03-02T08:01"), ("s", "2026-03-02T08:02")] {
        world.script(job, |_, _| Play::writes("x", at("2026-03-02T07:30")));
        world.run(job);
        world.run_until(until);
    }
    let stock = &world.versions("stock")[0];
    assert_eq!(
        (stock.effective_as_of, stock.limited_by.as_ref()),
        (at("2026-03-02T07:30"), None)
    );
}
