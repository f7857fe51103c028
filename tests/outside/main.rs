//! freshd from outside: killed thousands of times while two hundred jobs are due, and judged by what the jobs, the
//! readers and the receivers wrote down themselves.
//!
//! Takes minutes, so `cargo test` alone leaves it out; `.ci/run` runs it:
//!
//!     cargo test --release --test outside
//!     FRESHD_KILLS=100000 FRESHD_SEED=7 cargo test --release --test outside
//!
//! The seed decides what happens and when; how far freshd has come by then is up to the machine. When the judge
//! complains, everything of that world is kept below `target/tmp`, and its own seed is printed.

mod chance;
mod chaos;
mod disk;
mod evidence;
mod figures;
mod fleet;
mod judge;
mod reader;
mod records;
mod sinks;
mod world;

#[path = "../freshd_process/mod.rs"]
mod freshd_process;

use std::process::Command;
use std::time::Instant;

use chaos::Reach;
use figures::Figures;
use world::World;

const KILLS: usize = 2_000;
const SEED: u64 = 20_261_128;
/// Between two judgements, so that a failure is found near its cause.
const KILLS_PER_BATCH: usize = 100;
/// Until everything begins again with an empty state directory.
const BATCHES_PER_WORLD: usize = 5;

/// Set for the test that runs in a mount namespace of its own.
const INSIDE: &str = "FRESHD_OUTSIDE_HAS_MOUNTS";

fn number<N: std::str::FromStr>(variable: &str, default: N) -> N {
    let Ok(text) = std::env::var(variable) else {
        return default;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{variable} is no number: {text}"))
}

#[test]
fn nothing_runs_twice_or_is_lost_or_told_wrong_however_often_and_whenever_freshd_is_killed() {
    if std::env::var_os(INSIDE).is_some() {
        return live_and_judge(true);
    }
    let mut unshare = unshare();
    if !unshare.arg("true").status().is_ok_and(|status| status.success()) {
        println!("no mounts of our own on this machine: the disk is never full");
        return live_and_judge(false);
    }
    let name = "nothing_runs_twice_or_is_lost_or_told_wrong_however_often_and_whenever_freshd_is_killed";
    let judged = self::unshare()
        .arg(std::env::current_exe().expect("this program"))
        .args([name, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .status();
    assert!(
        judged.expect("unshare").success(),
        "the judge has complained, see above"
    );
}

/// Root of a namespace of users may mount in it, whoever that is outside.
fn unshare() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.arg(if rustix::process::geteuid().is_root() {
        "--mount"
    } else {
        "-Urm"
    });
    unshare
}

fn live_and_judge(has_mounts: bool) {
    let (kills, seed) = (number("FRESHD_KILLS", KILLS), number("FRESHD_SEED", SEED));
    let begun = Instant::now();
    let mut figures = Figures::default();
    println!("seed {seed}, {kills} kills");
    for number in 0_u64.. {
        let left = kills.saturating_sub(figures.kills());
        if left == 0 {
            break;
        }
        let seed = seed + number;
        // Every second one on a small disk in memory, the others on the real one with its slow syncs.
        let mut world = World::new(seed, has_mounts && seed % 2 == 1);
        let batches = left.div_ceil(KILLS_PER_BATCH).min(BATCHES_PER_WORLD);
        for batch in 0..batches {
            let reach = if batch % 2 == 0 { Reach::Daemon } else { Reach::Keepers };
            world.live(KILLS_PER_BATCH.min(left - batch * KILLS_PER_BATCH), reach);
            let is_last = batch + 1 == batches;
            if is_last {
                world.until_all_told();
            }
            world.rest();
            let case = world.case(is_last);
            figures.take(number, &world.tally, &case);
            println!("seed {seed}, {reach:?}: {}", figures.line(begun.elapsed()));
            let complaints = case.judge();
            assert!(complaints.is_empty(), "seed {seed}:\n{}", figures::of(&complaints));
        }
    }
    println!("{}", figures.summary(begun.elapsed()));
}
