//! Steady load: jobs due every second for a while, within what the machine can do and beyond it.

use crate::daemon::{self, Daemon};
use crate::figures::{Table, hundredth, percentile, tenth, whole};
use crate::records::Records;
use crate::storm::{now_s, sleep_until};
use crate::{Bench, JOBS, flow, limit};

/// Jobs due in each second.
const LOADS: [usize; 4] = [100, 300, 600, 2_000];

/// Seconds that are left out before the measured ones.
const WARM_UP_S: i64 = 3;

/// Seconds that are measured.
const MEASURED_S: i64 = 10;

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut table = Table::new(
        &format!("steady load: jobs of {JOBS} due every second, for {MEASURED_S} s, every run recorded"),
        &[
            "due/s",
            "recorded/s",
            "skipped/s",
            "failed/s",
            "late p50 ms",
            "p99 ms",
            "daemon ms/run",
            "keeper ms/run",
            "job ms/run",
            "bare limit/s",
            "daemon MiB peak",
        ],
    );
    for load in LOADS {
        let dir = daemon::scratch_dir()?;
        let flow = flow::write(dir.path(), &bench.tick, JOBS, load, "* * * * * *")?;
        let state_dir = dir.path().join("state");
        let limit = limit::beside(&bench.tick, dir.path())?;
        let daemon = Daemon::start(&bench.program, &flow.file, &state_dir)?;
        let records = Records::open(&state_dir)?;
        let from_s = now_s() as i64 + WARM_UP_S;
        let until_s = from_s + MEASURED_S;
        sleep_until(from_s as f64);
        let cpu_before = daemon.cpu();
        sleep_until(until_s as f64);
        let cpu = daemon.cpu().since(cpu_before);
        let memory = daemon.memory();
        daemon.stop()?;
        let ended = records.ended(from_s, until_s)?;
        let per_second = |count: u32| f64::from(count) / MEASURED_S as f64;
        let runs = f64::from(ended.succeeded.max(1));
        table.row([
            load.to_string(),
            whole(per_second(ended.succeeded)),
            whole(per_second(ended.skipped)),
            whole(per_second(ended.others)),
            tenth(percentile(&ended.late_ms, 50)),
            tenth(percentile(&ended.late_ms, 99)),
            hundredth(cpu.daemon / runs),
            hundredth(cpu.keeper / runs),
            hundredth(cpu.jobs / runs),
            whole(limit),
            tenth(memory.peak),
        ]);
    }
    table.print();
    Ok(())
}
