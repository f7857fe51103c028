//! What ten thousand jobs cost while none of them is due.

use std::time::Duration;

use crate::daemon::{self, Daemon};
use crate::figures::{Table, hundredth, tenth};
use crate::{Bench, JOBS, flow};

/// After the start, until threads that are no longer needed have gone.
const SETTLE: Duration = Duration::from_secs(15);

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let dir = daemon::scratch_dir()?;
    let flow = flow::write(dir.path(), &bench.tick, JOBS, 0, "")?;
    let daemon = Daemon::start(&bench.program, &flow.file, &dir.path().join("state"))?;
    std::thread::sleep(SETTLE);
    let before = daemon.threads();
    std::thread::sleep(Duration::from_secs(bench.idle_seconds));
    let after = daemon.threads();
    let seconds = Duration::from_secs(bench.idle_seconds).as_secs_f64();
    let cpu_ms = after.0 - before.0;
    let (own, keepers) = (daemon.memory(), daemon.keeper_memory());
    let mut table = Table::new(
        &format!("idle: {JOBS} jobs, none due, for {} s", bench.idle_seconds),
        &[
            "CPU %",
            "CPU ms/min",
            "wake-ups/min",
            "daemon MiB",
            "keeper MiB",
            "together MiB",
            "peak MiB",
            "share MiB",
        ],
    );
    table.row([
        format!("{:.4}", cpu_ms / 10.0 / seconds),
        hundredth(cpu_ms * 60.0 / seconds),
        tenth((after.1 - before.1) * 60.0 / seconds),
        tenth(own.resident),
        tenth(keepers.resident),
        tenth(own.resident + keepers.resident),
        tenth(own.peak + keepers.peak),
        tenth(own.share + keepers.share),
    ]);
    table.print();
    daemon.stop()
}
