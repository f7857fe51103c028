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

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
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
/// Worlds that live at the same time, by `FRESHD_WORLDS`.
const WORLDS_AT_ONCE: usize = 4;

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
    let at_once = number("FRESHD_WORLDS", WORLDS_AT_ONCE).max(1);
    println!("seed {seed}, {kills} kills, {at_once} worlds at once");
    let all = Worlds {
        begun: Instant::now(),
        kills,
        seed,
        has_mounts,
        next: AtomicUsize::new(0),
        is_broken: AtomicBool::new(false),
        figures: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| all.live());
        }
    });
    println!("{}", lock(&all.figures).summary(all.begun.elapsed()));
}

/// All worlds of one call; several threads take one after the other. Mostly they wait, so that two cores carry several.
struct Worlds {
    begun: Instant,
    kills: usize,
    seed: u64,
    has_mounts: bool,
    /// The number of the world that nobody has begun.
    next: AtomicUsize,
    /// Something went wrong in one of them: the others come to their end, and no further one is begun.
    is_broken: AtomicBool,
    figures: Mutex<Figures>,
}

impl Worlds {
    /// Lives one after the other until there is none left.
    fn live(&self) {
        while !self.is_broken.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let left = self.kills.saturating_sub(number * KILLS_PER_BATCH * BATCHES_PER_WORLD);
            if left == 0 {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.live_and_judge(number, left))) {
                self.is_broken.store(true, Ordering::Relaxed);
                resume_unwind(panic);
            }
        }
    }

    /// Lives one from its beginning to its last judgement.
    fn live_and_judge(&self, number: usize, kills_left: usize) {
        let number = u64::try_from(number).expect("a number of worlds");
        let seed = self.seed + number;
        // Every second one on a small disk in memory, the others on the real one with its slow syncs.
        let mut world = World::new(seed, self.has_mounts && seed % 2 == 1);
        let batches = kills_left.div_ceil(KILLS_PER_BATCH).min(BATCHES_PER_WORLD);
        for batch in 0..batches {
            let reach = if batch % 2 == 0 { Reach::Daemon } else { Reach::Keepers };
            world.live(KILLS_PER_BATCH.min(kills_left - batch * KILLS_PER_BATCH), reach);
            let is_last = batch + 1 == batches;
            if is_last {
                world.until_all_told();
            }
            world.rest();
            let case = world.case(is_last);
            let complaints = case.judge();
            let line = {
                let mut figures = lock(&self.figures);
                figures.take(number, &world.tally, &case);
                figures.line(self.begun.elapsed())
            };
            println!("seed {seed}, {reach:?}; of all worlds: {line}");
            assert!(complaints.is_empty(), "seed {seed}:\n{}", figures::of(&complaints));
        }
    }
}

fn lock(figures: &Mutex<Figures>) -> MutexGuard<'_, Figures> {
    figures.lock().expect("nobody dies while counting")
}
