//! Forgetting a long past: how long one piece of it takes, and how late jobs start that are due meanwhile.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::ensure;
use freshd::model::{Fact, Forgotten, HistoryLimits, Limit, Name, PIECE_ROWS_MAX, RunId, SearchFrom};
use freshd::store::{DATABASE_FILE, Reader, Store};
use jiff::{SignedDuration, Timestamp};

use crate::daemon::{self, Daemon};
use crate::figures::{Table, percentile, tenth};
use crate::records::{Ended, Records};
use crate::start::run_of;
use crate::storm::{now_s, sleep_until};
use crate::tick::job_name;
use crate::{Bench, flow};

/// Jobs, each due in every second.
const JOBS: usize = 100;

/// Runs of each that stay.
const KEPT: u32 = 100;

/// Seconds of ordinary work before.
const BEFORE_S: i64 = 10;

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let dir = daemon::scratch_dir()?;
    let flow = flow::write(dir.path(), &bench.tick, JOBS, JOBS, "* * * * * *")?;
    let mut root = std::fs::OpenOptions::new().append(true).open(&flow.file)?;
    write!(root, "[history]\nruns = {KEPT}\n")?;
    let alone = dir.path().join("alone");
    remember(&alone, bench.past_runs)?;
    let busy = dir.path().join("busy");
    std::fs::create_dir(&busy)?;
    std::fs::copy(alone.join(DATABASE_FILE), busy.join(DATABASE_FILE))?;
    by_itself(bench, &alone)?;
    beside_work(bench, &flow.file, &busy)
}

/// Writes a past into the store, of which nothing is too old.
fn remember(state_dir: &Path, runs: u64) -> anyhow::Result<()> {
    let writer = Store::open(state_dir)?.into_writer()?;
    let rounds = runs / JOBS as u64;
    let first = Timestamp::now() - SignedDuration::from_secs(60 * i64::try_from(rounds)?);
    let mut facts = Vec::new();
    for round in 0..rounds {
        for job in 0..JOBS {
            let id = RunId(1 + round * JOBS as u64 + job as u64);
            let at = first + SignedDuration::from_secs(60 * i64::try_from(round)?);
            facts.extend(run_of(id, Name::from(job_name(job).as_str()), at));
        }
        if facts.len() > 4_000 || round + 1 == rounds {
            writer.commit_blocking(std::mem::take(&mut facts))?;
        }
    }
    writer.close()?;
    Ok(())
}

/// The pieces of a round, one after the other, with nothing else to do.
fn by_itself(bench: &Bench, state_dir: &Path) -> anyhow::Result<()> {
    let mib = || std::fs::metadata(state_dir.join(DATABASE_FILE)).map(|file| file.len() >> 20);
    let before = mib()?;
    let writer = Store::open(state_dir)?.into_writer()?;
    let limits = HistoryLimits {
        each: Limit {
            before: Timestamp::MIN,
            runs: KEPT,
            log_bytes: 0,
        },
        jobs: BTreeMap::new(),
        keep_versions: BTreeMap::new(),
        all_log_bytes: 0,
    };
    let (mut searches, mut commits, mut runs) = (Vec::new(), Vec::new(), 0);
    let begun = Instant::now();
    let mut next = Some(SearchFrom::START);
    while let Some(from) = next {
        let searched = Instant::now();
        let found = Reader::open(state_dir)?.aged(&limits, from, PIECE_ROWS_MAX)?;
        searches.push(searched.elapsed().as_secs_f64() * 1e3);
        next = found.next;
        runs += found.runs.len();
        let forgotten = Forgotten {
            runs: found.runs.iter().map(|run| run.id).collect(),
            ..Forgotten::nothing(Timestamp::now())
        };
        let committed = Instant::now();
        writer.commit_blocking(vec![Fact::Forgotten(Box::new(forgotten))])?;
        commits.push(committed.elapsed().as_secs_f64() * 1e3);
    }
    let seconds = begun.elapsed().as_secs_f64();
    writer.close()?;
    let mut table = Table::new(
        &format!(
            "forgetting all but {KEPT} runs of each of {JOBS} jobs, of {} runs",
            bench.past_runs
        ),
        &[
            "forgotten",
            "pieces",
            "s",
            "search p50 ms",
            "max ms",
            "commit p50 ms",
            "p99 ms",
            "max ms",
            "MiB before",
            "MiB after",
        ],
    );
    table.row([
        runs.to_string(),
        commits.len().to_string(),
        tenth(seconds),
        tenth(percentile(&searches, 50)),
        tenth(percentile(&searches, 100)),
        tenth(percentile(&commits, 50)),
        tenth(percentile(&commits, 99)),
        tenth(percentile(&commits, 100)),
        before.to_string(),
        mib()?.to_string(),
    ]);
    table.print();
    Ok(())
}

/// The same by a daemon that has jobs to start meanwhile.
fn beside_work(bench: &Bench, config: &Path, state_dir: &Path) -> anyhow::Result<()> {
    let daemon = Daemon::start(&bench.program, config, state_dir)?;
    let records = Records::open(state_dir)?;
    let from_s = now_s() as i64 + 3;
    sleep_until((from_s + BEFORE_S) as f64);
    let ordinary = records.ended(from_s, from_s + BEFORE_S - 1)?;
    let begun_s = now_s();
    let mut prune = Command::new(&bench.program);
    prune.arg("--config").arg(config).arg("--state").arg(state_dir);
    let done = prune.args(["prune", "--json"]).output()?;
    let ended_s = now_s();
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    sleep_until(ended_s + 3.0);
    let meanwhile = records.ended(begun_s as i64, ended_s as i64 + 1)?;
    let peak = daemon.memory().peak;
    daemon.stop()?;
    let mut table = Table::new(
        &format!(
            "the same by `freshd prune`, in {} s, with {JOBS} jobs due every second",
            tenth(ended_s - begun_s)
        ),
        &["", "started", "late p50 ms", "p99 ms", "max ms", "daemon MiB peak"],
    );
    let mut row = |name: &str, ended: &Ended, peak: String| {
        table.row([
            name.to_owned(),
            ended.late_ms.len().to_string(),
            tenth(percentile(&ended.late_ms, 50)),
            tenth(percentile(&ended.late_ms, 99)),
            tenth(percentile(&ended.late_ms, 100)),
            peak,
        ]);
    };
    row("before", &ordinary, String::new());
    row("meanwhile", &meanwhile, tenth(peak));
    table.print();
    Ok(())
}
