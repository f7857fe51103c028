//! What the store is asked to bear: ten thousand jobs at start, thousands of rows a second.

use std::time::Instant;

use super::*;
use crate::store::group::Group;

/// Jobs that a start must cope with.
const JOBS: u64 = if cfg!(debug_assertions) {
    1_000
} else {
    10_000
};

/// Runs of each.
const RUNS: u64 = if cfg!(debug_assertions) { 3 } else { 20 };

#[test]
fn rows_are_stored_fast_and_a_start_does_not_read_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut group = Group::new(&store.connection).unwrap();
    let mut rows = 0;
    let mut spent = std::time::Duration::ZERO;
    for round in 0..RUNS {
        let lives: Vec<[Vec<Fact>; 4]> = (0..JOBS)
            .map(|job| {
                let id = round * JOBS + job + 1;
                life_of_a_run(id, &format!("export-{job}"), i64::try_from(round).unwrap())
            })
            .collect();
        for together in lives.chunks(64) {
            for step in 0..4 {
                let mut commits: Vec<Vec<Fact>> =
                    together.iter().map(|life| life[step].clone()).collect();
                rows += commits.iter().map(Vec::len).sum::<usize>();
                let began = Instant::now();
                assert!(group.commit(&mut commits).iter().all(Result::is_ok));
                spent += began.elapsed();
            }
            if group.log_pages().unwrap() > 4_096 {
                let began = Instant::now();
                group.checkpoint().unwrap();
                spent += began.elapsed();
            }
        }
    }
    let began = Instant::now();
    let snapshot = store.load().unwrap();
    let loading = began.elapsed();
    println!(
        "{rows} rows in {spent:?}: {:.0} rows/s, {:.1} us a row; {} jobs loaded in {loading:?}",
        rows as f64 / spent.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / rows as f64,
        snapshot.jobs.len()
    );
    assert_eq!(snapshot.runs.len() as u64, JOBS);
    // Each run loaded takes a few lookups; a history that was read through would take many more.
    let steps = reads_at_start(&store);
    assert!(steps < JOBS * 10, "{steps}");
}
