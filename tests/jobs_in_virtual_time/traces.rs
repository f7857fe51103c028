//! Records are lost, and of what ran meanwhile only logs are left.

use freshd::model::{Attempt, AttemptId, AttemptState, Fact, Outcome, RunId, RunState, Trace, Trigger};

use super::virtual_world::at;
use super::world;

fn trace(number: u32, from: &str, until: &str) -> Trace {
    Trace {
        id: AttemptId { run: RunId(7), number },
        job: "j".into(),
        from: at(from),
        until: at(until),
    }
}

#[test]
fn attempts_of_which_a_log_is_left_are_recorded_as_lost_by_its_times_and_their_number_is_not_used_again() {
    let mut world = world("schedule = \"0 * * * *\"", "2026-03-02T09:30");
    let backup = world.back_up();
    world.run_until("2026-03-02T11:30");
    world.lose_records_since(&backup);
    world.traces = vec![
        trace(1, "2026-03-02T10:00", "2026-03-02T10:02"),
        trace(2, "2026-03-02T10:05", "2026-03-02T10:07"),
    ];
    world.restart();
    let run = world.ledger.runs[&RunId(7)].clone();
    assert_eq!(
        (run.state, run.outcome, run.attempts, run.trigger),
        (RunState::Final, Some(Outcome::Lost), 2, Trigger::Schedule)
    );
    assert_eq!(
        (run.started_at, run.ended_at),
        (Some(at("2026-03-02T10:00")), Some(at("2026-03-02T11:30")))
    );
    let attempts: Vec<&Attempt> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Attempt(attempt) if attempt.id.run == RunId(7) => Some(attempt),
            _ => None,
        })
        .collect();
    let [first, second] = attempts[..] else {
        panic!("two: {attempts:?}");
    };
    assert_eq!((first.state, first.outcome), (AttemptState::Ended, Some(Outcome::Lost)));
    assert_eq!(
        (first.started_at, first.ended_at),
        (Some(at("2026-03-02T10:00")), Some(at("2026-03-02T10:02")))
    );
    assert_eq!((second.id.number, second.ended_at), (2, Some(at("2026-03-02T10:07"))));
    let reason = second.reason.as_deref().unwrap();
    assert!(
        reason.starts_with("its log is all that is left of it; freshd's records from"),
        "{reason}"
    );
    world.run_until("2026-03-02T12:30");
    assert!(world.last_run("j").id > RunId(7));
}
