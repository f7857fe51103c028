//! The bare limit: `posix_spawn` and wait, nothing else, on as many threads as there are cores.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::{Table, whole};
use crate::tick::{Stamps, Tick, job_name};
use crate::{Bench, daemon};

/// How long the limit is measured beside each round of a storm.
const BESIDE: Duration = Duration::from_millis(800);

/// Runs per second that the machine can do at most, just now, on all cores.
pub(crate) fn beside(tick: &Tick, dir: &Path) -> anyhow::Result<f64> {
    measure(tick, dir, cores(), BESIDE)
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let dir = daemon::scratch_dir()?;
    let mut table = Table::new(
        "bare limit: posix_spawn and wait",
        &["threads", "runs/s", "ms a run and thread"],
    );
    let mut counts = vec![1, cores()];
    counts.dedup();
    for threads in counts {
        let mut rates = Vec::new();
        for _ in 0..bench.rounds {
            rates.push(measure(&bench.tick, dir.path(), threads, Duration::from_secs(2))?);
        }
        let rate = crate::figures::median(&rates);
        let each = threads as f64 * 1e3 / rate;
        table.row([threads.to_string(), whole(rate), format!("{each:.2}")]);
    }
    table.print();
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `std::process::Command` takes glibc's `posix_spawn` as long as nothing is asked for that it cannot do.
fn measure(tick: &Tick, dir: &Path, threads: usize, long: Duration) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(dir)?;
    let stamps = Stamps::new(dir.path());
    let begun = Instant::now();
    let spawn_until_done = |thread: usize| -> anyhow::Result<u32> {
        let mut runs = 0;
        while begun.elapsed() < long {
            let mut command = Command::new(&tick.program);
            command.arg(stamps.path()).arg(job_name(thread)).stdin(Stdio::inherit());
            let status = command.status()?;
            anyhow::ensure!(status.success(), "tick ended with {status}");
            runs += 1;
        }
        Ok(runs)
    };
    let runs = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || spawn_until_done(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum::<anyhow::Result<u32>>()
    })?;
    Ok(f64::from(runs) / begun.elapsed().as_secs_f64())
}
