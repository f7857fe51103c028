//! Whether a run may start beside others of its job.

use crate::model::{Overlap, RunId, RunState, Trigger};
use crate::planner::{Admission, Going, admit};

fn going(run: u64, state: RunState, trigger: Trigger) -> Going {
    Going {
        run: RunId(run),
        state,
        trigger,
    }
}

#[test]
fn overlap_decides_what_happens_to_a_run_that_is_due_while_another_runs() {
    let running = [going(1, RunState::Running, Trigger::Schedule)];
    assert_eq!(
        admit(Overlap::Skip, Trigger::Schedule, &running),
        Admission::No { because_of: RunId(1) }
    );
    assert_eq!(
        admit(Overlap::Queue, Trigger::Manual, &running),
        Admission::Wait {
            behind: RunId(1),
            stop: vec![],
            drop: vec![]
        }
    );
    assert_eq!(
        admit(Overlap::Replace, Trigger::Schedule, &running),
        Admission::Wait {
            behind: RunId(1),
            stop: vec![RunId(1)],
            drop: vec![]
        }
    );
    assert_eq!(
        admit(Overlap::Allow, Trigger::Schedule, &running),
        Admission::Start { give_up: vec![] }
    );
}

#[test]
fn at_most_one_run_waits_in_a_queue() {
    let two = [
        going(1, RunState::Running, Trigger::Schedule),
        going(2, RunState::Waiting, Trigger::Schedule),
    ];
    assert_eq!(
        admit(Overlap::Queue, Trigger::Schedule, &two),
        Admission::No { because_of: RunId(2) }
    );
    assert_eq!(
        admit(Overlap::Replace, Trigger::Schedule, &two),
        Admission::Wait {
            behind: RunId(2),
            stop: vec![RunId(1)],
            drop: vec![RunId(2)]
        }
    );
}

#[test]
fn a_run_that_backs_off_gives_way() {
    let backing_off = [going(1, RunState::BackingOff, Trigger::Schedule)];
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Replace, Overlap::Allow] {
        assert_eq!(
            admit(overlap, Trigger::Manual, &backing_off),
            Admission::Start {
                give_up: vec![RunId(1)]
            }
        );
    }
}

#[test]
fn catch_ups_follow_each_other_and_what_comes_due_meanwhile_queues_behind_them() {
    let catching_up = [
        going(1, RunState::Running, Trigger::CatchUp),
        going(2, RunState::Waiting, Trigger::CatchUp),
    ];
    let behind = Admission::Wait {
        behind: RunId(2),
        stop: vec![],
        drop: vec![],
    };
    assert_eq!(admit(Overlap::Skip, Trigger::CatchUp, &catching_up), behind);
    assert_eq!(admit(Overlap::Skip, Trigger::Schedule, &catching_up), behind);
    assert_eq!(admit(Overlap::Allow, Trigger::CatchUp, &catching_up), behind);
    let full = [
        catching_up[0],
        catching_up[1],
        going(3, RunState::Waiting, Trigger::Schedule),
    ];
    assert_eq!(
        admit(Overlap::Skip, Trigger::Schedule, &full),
        Admission::No { because_of: RunId(3) }
    );
}

#[test]
fn a_run_that_makes_up_for_a_missed_one_waits_for_no_ordinary_run_that_may_not_be_overlapped() {
    let running = [going(1, RunState::Running, Trigger::Schedule)];
    assert_eq!(
        admit(Overlap::Skip, Trigger::CatchUp, &running),
        Admission::No { because_of: RunId(1) }
    );
    let behind = Admission::Wait {
        behind: RunId(1),
        stop: vec![],
        drop: vec![],
    };
    assert_eq!(admit(Overlap::Allow, Trigger::CatchUp, &running), behind);
}
