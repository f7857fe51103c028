//! Seeded years of random faults around the real engine, watched by a judge with books of its own.
//!
//!     cargo test --release --test simulation                                  what CI runs: 1,000 simulated years
//!     FRESHD_SIMULATION_YEARS=100000 FRESHD_SIMULATION_FIRST=1000000 cargo test --release --test simulation -- --nocapture
//!     FRESHD_SIMULATION_SEED=42 cargo test --test simulation -- --nocapture   one world again, with its history
//!
//! Without optimisation, as in a plain `cargo test`, fewer years are simulated.

mod chance;
mod company;
mod crash_points;
mod due;
mod faults;
mod judge;
mod nature;
mod same_store;
mod scenario;
mod seafood;
mod shrinking;
mod stories;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use scenario::{Outcome, Scenario};

const YEAR: Duration = Duration::from_secs(31_556_952);
/// Simulated years without a wish for more.
const YEARS: u64 = if cfg!(debug_assertions) { 4 } else { 1_000 };
/// The first seed without a wish for another.
const FIRST: u64 = 1;

fn number_of(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// What many worlds came to.
#[derive(Default)]
struct Sum {
    worlds: u64,
    simulated: Duration,
    crashes: u64,
    starts: u64,
    messages: u64,
    decisions: u64,
    /// Of the threads that played.
    cpu: Duration,
    failed: Option<u64>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.worlds += 1;
        self.simulated += outcome.simulated;
        self.crashes += outcome.counts.crashes;
        self.starts += outcome.counts.starts;
        self.messages += outcome.counts.messages;
        self.decisions += outcome.counts.decisions;
        if outcome.violation.is_some() {
            self.failed = self.failed.into_iter().chain([seed]).min();
        }
    }

    fn in_words(&self) -> String {
        let years = self.simulated.as_secs_f64() / YEAR.as_secs_f64();
        format!(
            "{years:.0} years in {} worlds: {} crashes, {} starts, {} messages, {} decisions; {:.1} years per CPU second",
            self.worlds,
            self.crashes,
            self.starts,
            self.messages,
            self.decisions,
            years / self.cpu.as_secs_f64()
        )
    }
}

/// What this thread has used: other tests run beside it.
fn cpu_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanoseconds = u32::try_from(used.tv_nsec).expect("below a second");
    Duration::new(u64::try_from(used.tv_sec).expect("a time"), nanoseconds)
}

/// Plays worlds from `first` on until so many years have passed, on all cores; stops at the first that fails.
fn play(first: u64, years: u64) -> Sum {
    let sum = Mutex::new(Sum::default());
    let (next, is_over) = (AtomicU64::new(first), AtomicBool::new(false));
    let enough = YEAR * u32::try_from(years).expect("years");
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let dir = tempfile::tempdir().expect("a temporary directory");
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let outcome = Scenario::by_chance(seed).play(dir.path(), false);
                    let mut sum = sum.lock().expect("no thread has panicked");
                    sum.add(seed, &outcome);
                    if sum.simulated >= enough || sum.failed.is_some() {
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
                sum.lock().expect("no thread has panicked").cpu += cpu_time();
            });
        }
    });
    sum.into_inner().expect("no thread has panicked")
}

#[test]
fn no_promise_is_broken_whatever_goes_wrong() {
    if let Some(seed) = number_of("FRESHD_SIMULATION_SEED") {
        return shrinking::replay(seed);
    }
    let years = number_of("FRESHD_SIMULATION_YEARS").unwrap_or(YEARS);
    let sum = play(number_of("FRESHD_SIMULATION_FIRST").unwrap_or(FIRST), years);
    println!("{}", sum.in_words());
    if let Some(seed) = sum.failed {
        shrinking::fail(seed);
    }
}

#[test]
fn a_seed_gives_the_same_history_each_time() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scenario = Scenario::by_chance(7);
    let (one, other) = (scenario.play(dir.path(), true), scenario.play(dir.path(), true));
    assert!(one.history.len() > 1_000, "only {} lines", one.history.len());
    assert_eq!(one.history, other.history);
}
