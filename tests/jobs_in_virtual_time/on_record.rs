//! What stands on record of attempts, of freshd's own lives, and of journals that are damaged.

use freshd::model::{AttemptState, Event, Fact};

use super::virtual_world::at;
use super::world;

#[test]
fn an_attempt_that_has_ended_says_which_process_it_was() {
    let mut world = world("", "2026-03-02T10:00");
    world.run("j");
    world.run_until("2026-03-02T10:01");
    let ended = world.facts.iter().rev().find_map(|fact| match fact {
        Fact::Attempt(attempt) => Some((attempt.state, attempt.pid)),
        _ => None,
    });
    assert_eq!(ended, Some((AttemptState::Ended, Some(4_711))));
}

#[test]
fn a_life_that_is_stopped_says_when_it_ended() {
    let mut world = world("", "2026-03-02T10:00");
    world.run_until("2026-03-02T10:07");
    world.handle(Event::Stopping);
    let life = world.facts.iter().rev().find_map(|fact| match fact {
        Fact::Life(life) => Some((life.seen_at, life.ended_at)),
        _ => None,
    });
    let now = at("2026-03-02T10:07");
    assert_eq!(life, Some((now, Some(now))));
}

#[test]
fn damage_that_concerns_no_attempt_is_told_as_such() {
    let mut world = world("", "2026-03-02T10:00");
    world.handle(Event::JournalDamaged {
        damages: vec!["keeper 1: a record is damaged".to_owned()],
        attempts: Vec::new(),
    });
    world.run_until("2026-03-02T10:01");
    let reason = world.incidents().pop().expect("it is told").reason;
    assert_eq!(
        reason,
        "keeper 1: a record is damaged. nothing that was going on is doubtful for that"
    );
}
