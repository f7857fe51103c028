//! Storms: some of ten thousand jobs due in the same second.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::daemon::{self, Daemon, Split};
use crate::figures::{Table, hundredth, median, percentile, tenth, whole};
use crate::flow::Flow;
use crate::records::Records;
use crate::{Bench, JOBS, flow, limit};

/// Jobs due at once, and how many seconds lie between two storms.
const STORMS: [(usize, i64); 4] = [(1, 5), (10, 5), (100, 5), (1_000, 20)];

/// What one storm showed.
#[derive(Clone, Debug, Default)]
struct Storm {
    late_ms: Vec<f64>,
    /// Runs per second between the first start and the last.
    started_per_second: f64,
    /// Runs per second from the due time until all were recorded as ended.
    recorded_per_second: f64,
    cpu: Split,
    /// Runs per second that the machine could do at most, around this storm.
    limit_per_second: f64,
    /// Never started in time.
    lost: usize,
    /// Started more than once.
    doubled: usize,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut table = Table::new(
        &format!(
            "storms: jobs of {JOBS} due in the same second; medians of {} rounds",
            bench.rounds
        ),
        &[
            "due",
            "late p50 ms",
            "p99 ms",
            "max ms",
            "starts/s",
            "recorded/s",
            "bare limit/s",
            "recorded %",
            "daemon ms/run",
            "keeper ms/run",
            "job ms/run",
            "lost",
            "twice",
        ],
    );
    for (due, period_s) in STORMS {
        let storms = storms(bench, due, period_s)?;
        let middle = |figure: &dyn Fn(&Storm) -> f64| median(&storms.iter().map(figure).collect::<Vec<f64>>());
        let runs = due as f64;
        table.row([
            due.to_string(),
            tenth(middle(&|storm| percentile(&storm.late_ms, 50))),
            tenth(middle(&|storm| percentile(&storm.late_ms, 99))),
            tenth(middle(&|storm| percentile(&storm.late_ms, 100))),
            if due > 1 {
                whole(middle(&|storm| storm.started_per_second))
            } else {
                "-".to_owned()
            },
            whole(middle(&|storm| storm.recorded_per_second)),
            whole(middle(&|storm| storm.limit_per_second)),
            whole(middle(&|storm| {
                100.0 * storm.recorded_per_second / storm.limit_per_second
            })),
            hundredth(middle(&|storm| storm.cpu.daemon / runs)),
            hundredth(middle(&|storm| storm.cpu.keeper / runs)),
            hundredth(middle(&|storm| storm.cpu.jobs / runs)),
            storms.iter().map(|storm| storm.lost).sum::<usize>().to_string(),
            storms.iter().map(|storm| storm.doubled).sum::<usize>().to_string(),
        ]);
    }
    table.print();
    Ok(())
}

fn storms(bench: &Bench, due: usize, period_s: i64) -> anyhow::Result<Vec<Storm>> {
    let dir = daemon::scratch_dir()?;
    let flow = flow::write(dir.path(), &bench.tick, JOBS, due, &format!("*/{period_s} * * * * *"))?;
    let state_dir = dir.path().join("state");
    let mut limit_before = limit::beside(&bench.tick, dir.path())?;
    let daemon = Daemon::start(&bench.program, &flow.file, &state_dir)?;
    let records = Records::open(&state_dir)?;
    let mut storms = Vec::new();
    for _ in 0..bench.rounds {
        let mut storm = one(&daemon, &records, &flow, due, period_s)?;
        // The next storm is far enough away: this is the quiet moment after the one just seen.
        let limit_after = limit::beside(&bench.tick, dir.path())?;
        storm.limit_per_second = f64::midpoint(limit_before, limit_after);
        limit_before = limit_after;
        storms.push(storm);
    }
    daemon.stop()?;
    keep_log(dir.path(), due);
    Ok(storms)
}

fn one(daemon: &Daemon, records: &Records, flow: &Flow, due: usize, period_s: i64) -> anyhow::Result<Storm> {
    let mut due_s = (now_s() as i64 / period_s + 1) * period_s;
    if due_s as f64 - now_s() < 0.7 {
        due_s += period_s;
    }
    sleep_until(due_s as f64 - 0.2);
    let stamps_before = flow.stamps.count();
    let cpu_before = daemon.cpu();
    // What is not done shortly before the next storm counts as lost.
    let give_up_at = (due_s + period_s) as f64 - 1.5;
    while flow.stamps.count() < stamps_before + due as u64 && now_s() < give_up_at {
        std::thread::sleep(Duration::from_millis(5));
    }
    while records.unfinished()? > 0 && now_s() < give_up_at {
        std::thread::sleep(Duration::from_millis(5));
    }
    let recorded_after = now_s() - due_s as f64;
    // Removing what the runs left behind belongs to them.
    quiet(daemon);
    let cpu = daemon.cpu().since(cpu_before);
    let stamps = flow.stamps.since(i128::from(due_s) * 1_000_000_000);
    let late_ms: Vec<f64> = stamps
        .iter()
        .map(|stamp| (stamp.at_ns - i128::from(due_s) * 1_000_000_000) as f64 / 1e6)
        .collect();
    let different: BTreeSet<&str> = stamps.iter().map(|stamp| stamp.job.as_str()).collect();
    let ended = records.ended(due_s, due_s + 1)?;
    let span_s = late_ms
        .last()
        .zip(late_ms.first())
        .map_or(0.0, |(last, first)| (last - first) / 1e3);
    Ok(Storm {
        started_per_second: (late_ms.len() as f64 - 1.0) / span_s,
        recorded_per_second: f64::from(ended.succeeded) / recorded_after,
        cpu,
        limit_per_second: 0.0,
        lost: due - (ended.succeeded as usize).min(due),
        doubled: stamps.len() - different.len(),
        late_ms,
    })
}

/// Waits until the daemon uses next to nothing, two seconds at most.
fn quiet(daemon: &Daemon) {
    let until = Instant::now() + Duration::from_secs(2);
    let mut before = daemon.threads().0;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        let now = daemon.threads().0;
        if now - before < 0.5 {
            return;
        }
        before = now;
    }
}

fn keep_log(dir: &Path, due: usize) {
    if std::env::var_os("FRESHD_BENCH_KEEP").is_some() {
        println!("storm of {due}: {}", dir.display());
    }
}

/// Seconds since 1970.
pub(crate) fn now_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

pub(crate) fn sleep_until(at_s: f64) {
    std::thread::sleep(Duration::from_secs_f64((at_s - now_s()).max(0.0)));
}
