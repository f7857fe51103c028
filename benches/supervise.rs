//! What supervising costs on this machine, beside what the machine could do at all.
//!
//! `cargo bench --bench supervise` runs everything, about five minutes; `cargo bench --bench supervise -- storm idle`
//! runs parts of it: `limit`, `storm`, `sustained`, `idle`, `start`, `forget`. Each part starts its own daemon on a configuration
//! and a state directory made for it, and ends it again. Nothing here passes or fails: numbers are printed, for people.
//!
//! The bare limit is what the same cores do in the same minute without any supervision: `posix_spawn` and wait, on as
//! many threads as there are cores. It is measured before and after each storm, because machines are rarely quiet; the
//! ratio to it says more than runs per second. README.md beside this file explains every number.
//!
//! From the environment: `FRESHD_BENCH_ROUNDS` (3), `FRESHD_BENCH_IDLE_SECONDS` (60), `FRESHD_BENCH_PAST_RUNS` (300,000), `FRESHD_BENCH_PROGRAM` (another
//! freshd than the one just built), `FRESHD_BENCH_KEEP` (set: leave the directories with the daemon's log).

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "counts and times of a measurement are small"
)]

#[path = "supervise/accounts.rs"]
mod accounts;
#[path = "supervise/daemon.rs"]
mod daemon;
#[path = "supervise/figures.rs"]
mod figures;
#[path = "supervise/flow.rs"]
mod flow;
#[path = "supervise/forget.rs"]
mod forget;
#[path = "supervise/idle.rs"]
mod idle;
#[path = "supervise/limit.rs"]
mod limit;
#[path = "supervise/records.rs"]
mod records;
#[path = "supervise/start.rs"]
mod start;
#[path = "supervise/storm.rs"]
mod storm;
#[path = "supervise/sustained.rs"]
mod sustained;
#[path = "supervise/tick.rs"]
mod tick;

use std::path::PathBuf;

use anyhow::Context;

use tick::Tick;

type Part = fn(&Bench) -> anyhow::Result<()>;

/// Parts in the order in which they run.
const PARTS: [(&str, Part); 6] = [
    ("limit", limit::run),
    ("storm", storm::run),
    ("sustained", sustained::run),
    ("idle", idle::run),
    ("start", start::run),
    ("forget", forget::run),
];

/// Jobs in every configuration, those that are due and those that are not.
const JOBS: usize = 10_000;

/// What every part needs.
struct Bench {
    /// The freshd that is measured.
    program: PathBuf,
    tick: Tick,
    rounds: usize,
    idle_seconds: u64,
    past_runs: u64,
}

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benches too, without this word: there is nothing to test here.
    if !words.iter().any(|word| word == "--bench") {
        return Ok(());
    }
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|word| !PARTS.iter().any(|(part, _)| *part == word.as_str()))
    {
        let parts: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        anyhow::bail!("there is no part `{unknown}`; the parts are {}", parts.join(", "));
    }
    let dir = daemon::scratch_dir()?;
    let bench = Bench {
        program: std::env::var_os("FRESHD_BENCH_PROGRAM")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_freshd")), PathBuf::from),
        tick: Tick::compile(dir.path())?,
        rounds: number("FRESHD_BENCH_ROUNDS", 3)?,
        idle_seconds: number("FRESHD_BENCH_IDLE_SECONDS", 60)?,
        past_runs: number("FRESHD_BENCH_PAST_RUNS", 300_000)?,
    };
    println!("{}", accounts::machine(dir.path()));
    for (part, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word.as_str() == part) {
            run(&bench).with_context(|| format!("cannot measure `{part}`"))?;
        }
    }
    println!("\nload at the end: {}", accounts::load());
    Ok(())
}

fn number<T: std::str::FromStr>(variable: &str, default: T) -> anyhow::Result<T> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .map_err(|_| anyhow::anyhow!("{variable} is not a number: {text}")),
        Err(_) => Ok(default),
    }
}
