//! What the store is asked to bear: thousands of rows a second, and a start that does not read the history.

use std::time::{Duration, Instant};

use rusqlite::{Connection, StatementStatus};

use super::*;
use crate::model::Outcome;
use crate::store::group::Group;
use crate::store::load;

/// Jobs, and runs of each. An optimised build is asked for the numbers worth measuring.
const SIZE: (u64, u64) = if cfg!(debug_assertions) {
    (200, 10)
} else {
    (10_000, 10)
};

/// Runs that move on in the same moment.
const TOGETHER: usize = 64;

/// Steps of SQLite's machine that one answer takes, whatever the machine it runs on.
fn steps(connection: &Connection, sql: &str) -> i32 {
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while rows.next().unwrap().is_some() {}
    drop(rows);
    statement.get_status(StatementStatus::VmStep)
}

#[test]
fn a_start_does_not_read_the_history_however_long_it_is() {
    let (jobs, rounds) = SIZE;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut group = Group::new(&store.connection).unwrap();
    let mut rows = 0_u32;
    let mut spent = Duration::ZERO;
    let mut steps_at_start = Vec::new();
    // One job ran at the very beginning, and was left out ever since.
    let closed = |id, outcome| {
        vec![Fact::Run(ended(
            &run(id, "closed", i64::try_from(id).unwrap()),
            outcome,
        ))]
    };
    group.commit(&[&closed(1, Outcome::Failed)]);
    let mut id = 1;
    for round in 0..rounds {
        id += 1;
        group.commit(&[&closed(id, Outcome::Skipped)]);
        let lives: Vec<[Vec<Fact>; 4]> = (0..jobs)
            .map(|job| {
                let due = i64::try_from(round * 60).unwrap();
                id += 1;
                life_of_a_run(id, &format!("export-{job}"), due)
            })
            .collect();
        for together in lives.chunks(TOGETHER) {
            for step in 0..4 {
                let commits: Vec<&[Fact]> = together.iter().map(|life| life[step].as_slice()).collect();
                rows += u32::try_from(commits.iter().copied().flatten().count()).unwrap();
                let began = Instant::now();
                let results = group.commit(&commits);
                if group.log_pages().unwrap() > 4_096 {
                    group.checkpoint().unwrap();
                }
                spent += began.elapsed();
                assert!(results.iter().all(Result::is_ok));
            }
        }
        steps_at_start.push(steps(&store.connection, load::RUNS_AT_START));
    }
    let began = Instant::now();
    let snapshot = store.load().unwrap();
    println!(
        "{rows} rows, {TOGETHER} runs at once: {:.1} us a row; start with {jobs} jobs and {} runs: {:?}",
        spent.as_secs_f64() * 1e6 / f64::from(rows),
        jobs * rounds,
        began.elapsed(),
    );
    assert_eq!(snapshot.runs.len(), usize::try_from(jobs + 1).unwrap());
    assert_eq!(snapshot.runs[0].outcome, Some(Outcome::Failed));
    assert_eq!(steps_at_start.first(), steps_at_start.last());
}
