//! From a world that fails to the smallest that still does: without the faults and jobs that have nothing to do with it.

use std::path::Path;

use crate::scenario::{Outcome, Scenario};

/// Lines of history that are shown of a world that fails.
const HISTORY_LINES: usize = 60;
/// Plays that a search for a smaller world may take.
const PLAYS_MAX: u32 = if cfg!(debug_assertions) { 40 } else { 400 };

/// Plays one world and prints its whole history.
pub(crate) fn replay(seed: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let outcome = Scenario::by_chance(seed).play(dir.path(), true);
    for line in &outcome.history {
        println!("{line}");
    }
    if outcome.violation.is_some() {
        fail(seed);
    }
}

/// Ends the test with the smallest world that breaks the same promise.
pub(crate) fn fail(seed: u64) -> ! {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let whole = Scenario::by_chance(seed);
    if let Some((elapsed, violation)) = whole.play(dir.path(), false).violation {
        println!(
            "seed {seed} breaks `{}` at second {}: {}",
            violation.rule,
            elapsed.as_secs(),
            violation.what
        );
        println!("looking for a smaller world that does");
    }
    let scenario = smallest(whole, dir.path());
    let outcome = scenario.play(dir.path(), true);
    let from = outcome.history.len().saturating_sub(HISTORY_LINES);
    let history = outcome.history[from..].join("\n");
    let (elapsed, violation) = outcome.violation.expect("it still fails");
    let faults: Vec<String> = scenario
        .faults
        .iter()
        .map(|(at, fault)| format!("{:>10} {fault:?}", at.as_secs()))
        .collect();
    panic!(
        "\nseed {seed} breaks `{}` at second {}: {}\n\nwith these faults, without {:?}:\n{}\n\nits last {HISTORY_LINES} lines:\n{history}\n\n\
         FRESHD_SIMULATION_SEED={seed} plays the whole world again",
        violation.rule,
        elapsed.as_secs(),
        violation.what,
        scenario.without,
        faults.join("\n"),
    );
}

/// Leaves out what it can while the same promise is broken.
fn smallest(scenario: Scenario, dir: &Path) -> Scenario {
    let Some((at, violation)) = scenario.play(dir, false).violation else {
        return scenario;
    };
    let mut plays = 0;
    let mut still_fails = |smaller: &Scenario| {
        plays += 1;
        let same = |outcome: Outcome| outcome.violation.is_some_and(|(_, found)| found.rule == violation.rule);
        plays <= PLAYS_MAX && same(smaller.play(dir, false))
    };
    let mut best = scenario;
    // Whatever comes later has nothing to do with it.
    let mut ended = best.clone();
    ended.faults.retain(|(begins, _)| *begins <= at);
    ended.long = ended.long.min(at);
    if still_fails(&ended) {
        best = ended;
    }
    let mut size = best.faults.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < best.faults.len() {
            let mut smaller = best.clone();
            smaller.faults.drain(from..(from + size).min(best.faults.len()));
            if still_fails(&smaller) {
                best = smaller;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    for name in crate::company::NAMES {
        let mut smaller = best.clone();
        smaller.without.push(name);
        if still_fails(&smaller) {
            best = smaller;
        }
    }
    best
}
