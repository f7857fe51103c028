//! A confirmed clock takes back what stands for times to come, and nothing else.

use super::*;
use crate::model::{Ahead, ClockConfirmation, Outcome};
use crate::store::Reader;
use crate::store::group::Group;

/// The clock says second 100 when second 10,000 is recorded already.
fn confirmed() -> Fact {
    Fact::ClockConfirmed(ClockConfirmation {
        at: at(100),
        newest_record_at: at(10_000),
        by: "anna".to_owned(),
        because: "the battery was empty".to_owned(),
    })
}

fn missed(id: u64, job: &str, due: i64) -> Run {
    let run = Run {
        attempts: 0,
        created_at: at(10_000),
        reason: Some("freshd was down".to_owned()),
        ..run(id, job, due)
    };
    ended(&run, Outcome::Missed)
}

/// What a wrong clock has left behind: runs for the past and for times to come, a range over now, slots of both kinds.
fn by_a_wrong_clock() -> Vec<Fact> {
    let range = Run {
        due_until: Some(at(9_000)),
        occurrences: 2_000,
        ..missed(3, "often", 60)
    };
    vec![
        Fact::Job(job("export", 9_960)),
        Fact::Job(job("often", 10_000)),
        Fact::Run(missed(1, "export", 60)),
        Fact::Run(missed(2, "export", 160)),
        Fact::Run(range),
        Fact::Run(missed(4, "often", 9_500)),
        Fact::Run(run(5, "export", 9_960)),
        Fact::Slot(slot("stock", 10, SlotState::Met)),
        Fact::Slot(slot("stock", 50, SlotState::Missed)),
        Fact::Slot(slot("stock", 90, SlotState::Missed)),
        Fact::Slot(slot("stock", 130, SlotState::Missed)),
        Fact::Slot(slot("stock", 10_020, SlotState::Pending)),
    ]
}

#[test]
fn runs_for_times_to_come_lose_their_due_time_and_name_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(by_a_wrong_clock()).unwrap();
    writer.commit_blocking(vec![confirmed()]).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let found = |id| reader.run(RunId(id)).unwrap().unwrap().0;
    assert_eq!(found(1), missed(1, "export", 60), "what is past stays");
    assert_eq!(found(3).due_at, Some(at(60)), "and so does what begins in the past");
    assert_eq!((found(2).due_at, found(2).outcome), (None, Some(Outcome::Missed)));
    let reason = format!("freshd was down; a wrong clock took it for the time due {}", at(160));
    assert_eq!(found(2).reason, Some(reason));
    assert_eq!(
        found(5).reason,
        Some(format!("a wrong clock took it for the time due {}", at(9_960)))
    );
    // When its time comes, the occurrence has a run of its own.
    let due = vec![Fact::Job(job("export", 160)), Fact::Run(run(6, "export", 160))];
    let back = vec![Fact::Job(job("export", 100)), Fact::Job(job("often", 100))];
    writer.commit_blocking(back).unwrap();
    writer.commit_blocking(due).unwrap();
    assert_eq!(found(6).due_at, Some(at(160)));
}

#[test]
fn a_cursor_moves_back_to_where_the_clock_was_confirmed_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(by_a_wrong_clock()).unwrap();
    let back = |second| vec![Fact::Job(job("export", second))];
    assert!(writer.commit_blocking(back(100)).is_err());
    let mut with_confirmation = back(100);
    with_confirmation.push(confirmed());
    writer.commit_blocking(with_confirmation).unwrap();
    assert!(writer.commit_blocking(back(99)).is_err());
    let cursor = Reader::open(dir.path()).unwrap().job(&Name::from("export")).unwrap();
    assert_eq!(cursor, Some(job("export", 100)));
}

#[test]
fn the_newest_record_counts_on_from_where_the_clock_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(by_a_wrong_clock()).unwrap();
    let newest = || Reader::open(dir.path()).unwrap().snapshot().unwrap().newest_record_at;
    assert_eq!(newest(), Some(at(10_000)));
    let now = ended(
        &Run {
            created_at: at(100),
            ..run(7, "often", 80)
        },
        Outcome::Missed,
    );
    writer.commit_blocking(vec![Fact::Run(now), confirmed()]).unwrap();
    assert_eq!(newest(), Some(at(100)));
    // Also when what was recorded before is stored together with it.
    let other = tempfile::tempdir().unwrap();
    let store = Store::open(other.path()).unwrap();
    let group = [by_a_wrong_clock(), vec![confirmed()]];
    let results = Group::new(&store.connection).unwrap().commit(&[&group[0], &group[1]]);
    assert_eq!(results, [Ok(()), Ok(())]);
    assert_eq!(store.load().unwrap().newest_record_at, Some(at(100)));
    let later = ended(
        &Run {
            created_at: at(140),
            ..run(8, "often", 120)
        },
        Outcome::Missed,
    );
    writer.commit_blocking(vec![Fact::Run(later)]).unwrap();
    assert_eq!(newest(), Some(at(140)));
    let snapshot = Reader::open(dir.path()).unwrap().snapshot().unwrap();
    assert_eq!(snapshot.clock_confirmation.map(Fact::ClockConfirmed), Some(confirmed()));
}

#[test]
fn a_confirmation_told_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(by_a_wrong_clock()).unwrap();
    writer.commit_blocking(vec![confirmed()]).unwrap();
    let came = Run {
        created_at: at(160),
        ..run(9, "export", 160)
    };
    writer.commit_blocking(vec![Fact::Run(came.clone())]).unwrap();
    writer.commit_blocking(vec![confirmed()]).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.run(RunId(9)).unwrap().unwrap().0, came);
    assert_eq!(reader.clock_confirmations(9).unwrap().len(), 1);
    assert_eq!(reader.snapshot().unwrap().newest_record_at, Some(at(160)));
}

#[test]
fn slots_for_times_to_come_are_withdrawn_until_they_are_laid_down_again() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(by_a_wrong_clock()).unwrap();
    let again = slot("stock", 130, SlotState::Pending);
    writer
        .commit_blocking(vec![Fact::Slot(again.clone()), confirmed()])
        .unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let slots = reader.slots_of(&Name::from("stock"), 9).unwrap();
    assert_eq!((slots[0].due_at, slots[0].state), (at(10_020), SlotState::Withdrawn));
    assert!(slots[0].reason.as_ref().unwrap().contains("wrong clock"));
    assert_eq!(slots[1], again);
    let loaded = reader.snapshot().unwrap().slots;
    assert_eq!(
        loaded,
        [
            slot("stock", 50, SlotState::Missed),
            slot("stock", 90, SlotState::Missed),
            again
        ],
        "a withdrawn slot never comes back"
    );
}

#[test]
fn what_lies_around_now_is_the_range_over_it_and_two_slots_of_each_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(by_a_wrong_clock()).unwrap();
    let Ahead { ranges, slots } = Reader::open(dir.path()).unwrap().ahead(at(100)).unwrap();
    assert_eq!(ranges.iter().map(|range| range.id).collect::<Vec<_>>(), [RunId(3)]);
    assert_eq!(
        slots,
        [
            slot("stock", 50, SlotState::Missed),
            slot("stock", 90, SlotState::Missed)
        ]
    );
}
