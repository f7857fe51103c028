//! An edit of jobs.toml puts others in the place of the fallback: they hear of what concerns them, and of nothing else.

use freshd::model::Purpose;

use super::delivery::{OPS, busy, no_such_address};
use super::edits::{FALLBACK, mend};
use super::virtual_world::{Play, World};
use super::{failing, one_job};

const DESK: &str = "mail:desk@sea.example";

/// What the new address of the fallback was told of, by incident, in one message.
#[track_caller]
fn is_told_in_one(world: &World, of: &[&str]) {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_desk: Vec<_> = sent.filter(|sent| sent.address.to_string() == DESK).collect();
    assert_eq!(world.told_to(DESK).len(), 1, "{:?}", world.told_to(DESK));
    let subjects = to_desk[0].message.incidents.iter().map(|line| line.incident);
    let incidents = world.incidents();
    let named = subjects.filter_map(|id| incidents.iter().find(|one| one.id == id));
    let mut named: Vec<&str> = named.map(|one| one.subject.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, of);
}

#[test]
fn a_fallback_that_moves_hears_at_once_of_what_concerns_it() {
    let nobody = "[jobs.k]\nowner = \"nobody\"\ncommand = \"true\"\n";
    let text = one_job("") + nobody;
    let moved = text.replace("\"mail:it@sea.example\", \"pager\"", &format!("\"{DESK}\""));
    assert!(moved.contains(DESK));
    for is_dead in [true, false] {
        let mut world = failing(&text, "2026-11-26T12:00");
        world.channel(OPS, move |_, now| if is_dead { no_such_address() } else { busy(now) });
        world.script("k", |_, _| Play::fails(1, ""));
        world.run("k");
        world.run_until("2026-11-26T12:20");
        let told = [FALLBACK, "pager"].map(|to| world.told_to(to).len());
        world.reload(&moved);
        world.run_until("2026-11-26T12:20:30");
        let of: &[&str] = if is_dead { &["j", "k", OPS] } else { &["j", "k"] };
        is_told_in_one(&world, of);
        // Whoever knows is not told again, and neither is anybody by an edit of something else.
        world.reload(&(moved.clone() + "[jobs.n]\nowner = \"ops\"\ncommand = \"true\"\n"));
        world.crash();
        world.restart();
        world.run_until("2026-11-26T12:40");
        assert_eq!(world.told_to(DESK).len(), 1);
        assert_eq!([FALLBACK, "pager"].map(|to| world.told_to(to).len()), told);
        mend(&mut world, "2026-11-26T12:50");
        assert_eq!(world.told_to(DESK), [Purpose::Digest, Purpose::Recovery]);
    }
}

#[test]
fn a_fallback_that_moves_hears_nothing_of_what_the_same_edit_ends() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T12:20");
    let moved = one_job("").replace("\"mail:it@sea.example\", \"pager\"", &format!("\"{DESK}\""));
    world.reload(&moved.replace("command = \"true\"", "command = \"true\"\nenabled = false"));
    world.run_until("2026-11-26T12:40");
    assert_eq!(world.told_to(DESK), []);
}
