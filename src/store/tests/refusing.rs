//! What contradicts the store is refused aloud, and takes nothing else with it.

use rusqlite::Connection;

use super::*;
use crate::model::{Outcome, Snapshot};
use crate::store::CommitError;
use crate::store::group::Group;
use crate::store::load::snapshot;

/// Commits all of `commits` in one group.
fn together(store: &Store, commits: &[Vec<Fact>]) -> Vec<Result<(), CommitError>> {
    let commits: Vec<&[Fact]> = commits.iter().map(Vec::as_slice).collect();
    Group::new(&store.connection).unwrap().commit(&commits)
}

fn conflict(result: &Result<(), CommitError>) -> &str {
    match result {
        Err(CommitError::Conflict(message)) => message,
        other => panic!("not a conflict: {other:?}"),
    }
}

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn a_second_run_of_an_occurrence_is_refused_and_the_rest_of_its_group_is_stored() {
    let (_dir, store) = open();
    let results = together(
        &store,
        &[
            vec![Fact::Run(run(1, "stock", 60)), Fact::Job(job("stock", 60))],
            vec![Fact::Run(run(2, "stock", 60)), Fact::Job(job("stock", 61))],
            vec![Fact::Run(run(3, "stock", 120)), Fact::Job(job("stock", 120))],
        ],
    );
    assert_eq!(results[0], Ok(()));
    assert!(conflict(&results[1]).contains("run 2 of job stock"));
    assert_eq!(results[2], Ok(()));
    let Snapshot { runs, jobs, .. } = store.load().unwrap();
    assert_eq!(runs, [run(1, "stock", 60), run(3, "stock", 120)]);
    assert_eq!(jobs, [job("stock", 120)]);
}

#[test]
fn runs_without_a_due_time_do_not_exclude_each_other() {
    let (_dir, store) = open();
    let by_hand = |id| Run {
        due_at: None,
        trigger: Trigger::Manual,
        ..run(id, "stock", 0)
    };
    let facts = vec![Fact::Run(by_hand(1)), Fact::Run(by_hand(2))];
    assert_eq!(together(&store, &[facts]), [Ok(())]);
}

#[test]
fn a_commit_is_stored_whole_or_not_at_all() {
    let (_dir, store) = open();
    let results = together(
        &store,
        &[vec![
            Fact::Run(run(1, "a", 60)),
            Fact::Run(run(2, "b", 60)),
            Fact::Run(run(3, "a", 60)),
        ]],
    );
    conflict(&results[0]);
    assert_eq!(store.load().unwrap().runs, []);
    assert_eq!(store.load().unwrap().newest_record_at, None);
}

#[test]
fn the_outcome_of_a_final_run_never_changes() {
    let (_dir, store) = open();
    let over = ended(&run(1, "stock", 60), Outcome::Succeeded);
    assert_eq!(together(&store, &[vec![Fact::Run(over.clone())]]), [Ok(())]);
    for contradiction in [
        ended(&run(1, "stock", 60), Outcome::Failed),
        run(1, "stock", 60),
        ended(&run(1, "stock", 61), Outcome::Succeeded),
        ended(&run(1, "other", 60), Outcome::Succeeded),
    ] {
        let results = together(&store, &[vec![Fact::Run(contradiction)]]);
        assert!(conflict(&results[0]).contains("final with another outcome"));
    }
    // What is learned later of the same end may be added.
    let with_version = Run {
        version: Some(VersionNumber(4)),
        ..over
    };
    let results = together(&store, &[vec![Fact::Run(with_version.clone())]]);
    assert_eq!(results, [Ok(())]);
    assert_eq!(store.load().unwrap().runs, [with_version]);
}

#[test]
fn an_outcome_without_an_end_is_refused() {
    let (_dir, store) = open();
    for contradiction in [
        Run {
            outcome: Some(Outcome::Succeeded),
            ..run(1, "stock", 60)
        },
        Run {
            state: RunState::Final,
            ..run(1, "stock", 60)
        },
    ] {
        conflict(&together(&store, &[vec![Fact::Run(contradiction)]])[0]);
    }
}

#[test]
fn a_cursor_never_moves_back() {
    let (_dir, store) = open();
    let results = together(
        &store,
        &[
            vec![Fact::Job(job("stock", 120))],
            vec![Fact::Job(job("stock", 119))],
            vec![Fact::Job(job("stock", 120))],
        ],
    );
    assert!(conflict(&results[1]).contains("move the cursor back"));
    assert_eq!((&results[0], &results[2]), (&Ok(()), &Ok(())));
    assert_eq!(store.load().unwrap().jobs, [job("stock", 120)]);
}

#[test]
fn a_problem_has_one_unresolved_incident() {
    let (_dir, store) = open();
    let results = together(
        &store,
        &[
            vec![Fact::Incident(incident(1, "stock", IncidentState::Open))],
            vec![Fact::Incident(incident(2, "stock", IncidentState::Waiting))],
            // Resolving the one and opening the next may be one step.
            vec![
                Fact::Incident(incident(1, "stock", IncidentState::Resolved)),
                Fact::Incident(incident(3, "stock", IncidentState::Waiting)),
            ],
        ],
    );
    assert!(conflict(&results[1]).contains("incident 2 (stale stock)"));
    assert_eq!((&results[0], &results[2]), (&Ok(()), &Ok(())));
    let open = incident(3, "stock", IncidentState::Waiting);
    assert_eq!(store.load().unwrap().incidents, [open]);
}

#[test]
fn an_attempt_of_no_run_is_refused() {
    let (_dir, store) = open();
    let orphan = attempt(&run(9, "stock", 60), 1);
    let results = together(&store, &[vec![Fact::Attempt(orphan)], Vec::new()]);
    assert!(conflict(&results[0]).contains("attempt 9.1"));
    assert_eq!(results[1], Ok(()));
}

#[test]
fn a_text_that_was_first_told_by_a_refused_commit_is_told_again_by_the_next() {
    let (_dir, store) = open();
    let mut group = Group::new(&store.connection).unwrap();
    let new_digest = |id, job, due| Run {
        settings_digest: "new".to_owned(),
        ..run(id, job, due)
    };
    let results = group.commit(&[
        &[Fact::Run(run(1, "a", 60))],
        &[Fact::Run(new_digest(2, "b", 60)), Fact::Run(new_digest(3, "a", 60))],
        &[Fact::Run(new_digest(4, "c", 60))],
    ]);
    conflict(&results[1]);
    assert_eq!(results[2], Ok(()));
    assert_eq!(store.load().unwrap().runs[1], new_digest(4, "c", 60));
}

fn pages_max(connection: &Connection, pages: i64) {
    connection
        .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
        .unwrap();
}

#[test]
fn a_full_disk_is_told_as_temporary_and_heals() {
    let (_dir, store) = open();
    let mut group = Group::new(&store.connection).unwrap();
    let pages: i64 = store
        .connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    pages_max(&store.connection, pages);
    let talkative = Attempt {
        output: Output {
            tail: "x".repeat(100_000),
            ..Output::default()
        },
        ..attempt(&run(1, "stock", 60), 1)
    };
    let commit = vec![Fact::Run(run(1, "stock", 60)), Fact::Attempt(talkative)];
    let results = group.commit(&[&commit, &[Fact::Job(job("stock", 60))]]);
    assert_eq!(results, [Err(CommitError::Full), Err(CommitError::Full)]);
    assert!(CommitError::Full.is_temporary());
    assert_eq!(snapshot(&store.connection).unwrap().runs, []);
    // What needs no more room is still stored.
    assert_eq!(group.commit(&[&[Fact::Job(job("stock", 60))]]), [Ok(())]);

    pages_max(&store.connection, pages * 10);
    assert_eq!(group.commit(&[&commit]), [Ok(())]);
    assert_eq!(snapshot(&store.connection).unwrap().attempts.len(), 1);
}

#[test]
fn a_database_that_another_program_holds_is_told_as_temporary() {
    let (_dir, store) = open();
    store.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(store.dir().join(crate::store::DATABASE_FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commit = [vec![Fact::Job(job("stock", 60))]];
    assert_eq!(together(&store, &commit), [Err(CommitError::Busy)]);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(together(&store, &commit), [Ok(())]);
}

#[test]
fn after_an_error_of_the_disk_nothing_is_stored_any_more() {
    let (_dir, store) = open();
    let mut group = Group::new(&store.connection).unwrap();
    let root: i64 = store
        .connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'slots'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let move_root = |page: i64| {
        let moved = format!(
            "PRAGMA writable_schema = on;
             UPDATE sqlite_schema SET rootpage = {page} WHERE name = 'slots';
             PRAGMA writable_schema = reset;"
        );
        store.connection.execute_batch(&moved).unwrap();
    };
    // A table beyond the end of the file cannot be read: that is an error of the disk, not of a fact.
    move_root(100_000);
    let late = Fact::Slot(slot("stock", 60, SlotState::Late));
    let result = group.commit(&[&[late]]).remove(0);
    assert!(matches!(result, Err(CommitError::Damaged(_))), "{result:?}");
    // It could be read again, but who knows what else was not written.
    move_root(root);
    let next = group.commit(&[&[Fact::Job(job("stock", 60))]]);
    assert_eq!(next[0], result);
    assert_eq!(group.health_write(), result);
    assert_eq!(store.load().unwrap().jobs, []);
}
