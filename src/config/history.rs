//! `[history]`, and `history` of a job: how much of the past is kept.

use std::time::Duration;

use super::context::Context;
use super::findings::Places;
use super::reader::Table;
use super::report::Report;
use crate::model::{HistoryRules, Keep, Settings, format_age, format_bytes};

/// A run that ended today is there tomorrow, whatever is written.
const AGE_MIN: Duration = Duration::from_hours(24);

/// Fewest and most runs of a job.
const RUNS: (i64, i64) = (1, 10_000_000);

/// Less would hold the output of no run.
const LOGS_MIN_BYTES: u64 = 1 << 20;

/// Reads `[history]`.
pub(super) fn rules(table: Table<'_>) -> HistoryRules {
    let mut rules = HistoryRules::default();
    rules.each = keep(&table, rules.each);
    rules.all_log_bytes = bytes(&table, "logs_total").unwrap_or_else(|| rules.all_log_bytes.max(rules.each.log_bytes));
    if rules.all_log_bytes < rules.each.log_bytes
        && let Some(value) = table.get("logs_total")
    {
        value.error(
            "`logs_total` is smaller than `logs`, which is for each job",
            "write a larger `logs_total`, or a smaller `logs`",
        );
    }
    table.finish();
    rules
}

/// Reads `history` of a job; `None` where it says nothing.
pub(super) fn of_job(context: &Context<'_>, table: &Table<'_>) -> Option<Keep> {
    let table = table.table("history")?;
    let keep = keep(&table, context.history.each);
    table.finish();
    Some(keep)
}

fn keep(table: &Table<'_>, mut keep: Keep) -> Keep {
    if let Some(value) = table.get("keep")
        && let Some(age) = value.duration()
    {
        if age < AGE_MIN {
            value.error("`keep` must be a day or more", "write keep = \"400d\"");
        }
        keep.age = age;
    }
    if let Some(runs) = table.whole("runs", RUNS) {
        keep.runs = u32::try_from(runs).unwrap_or(u32::MAX);
    }
    keep.log_bytes = bytes(table, "logs").unwrap_or(keep.log_bytes);
    keep
}

fn bytes(table: &Table<'_>, key: &'static str) -> Option<u64> {
    let value = table.get(key)?;
    let bytes = value.size()?;
    if bytes < LOGS_MIN_BYTES {
        value.error(
            format!("`{key}` must be 1 MiB or more"),
            format!("write {key} = \"1 GiB\""),
        );
    }
    Some(bytes)
}

/// Notes where what is kept is less than what else is promised or kept. Nothing breaks by it: what decisions and
/// versions need stays, whatever is written.
pub(super) fn report(report: &Report, settings: &Settings, places: &Places) {
    for job in settings.jobs.values() {
        let Some(spots) = places.jobs.get(&job.name).filter(|spots| !spots.broken) else {
            continue;
        };
        let keep = job.policy.history.as_ref().unwrap_or(&settings.history.each);
        let spot = spots.history.unwrap_or(spots.name);
        if keep.log_bytes < job.policy.log_limit_bytes.saturating_mul(2) {
            report.note(
                spot,
                format!(
                    "`logs` of {} is less than one attempt of job `{}` may print, twice its log_limit: the newest output stays",
                    format_bytes(keep.log_bytes),
                    job.name
                ),
            );
        }
        let Some(dataset) = job.produces.as_ref().and_then(|name| settings.datasets.get(name)) else {
            continue;
        };
        if keep.runs <= dataset.keep_versions {
            report.note(
                spot,
                format!(
                    "`runs` of {} is less than the versions that `{}` keeps: the runs that made those stay, {} of them",
                    keep.runs,
                    dataset.name,
                    dataset.keep_versions.saturating_add(1)
                ),
            );
        }
        if let Some(max_age) = dataset.max_age.filter(|max_age| *max_age > keep.age) {
            report.note(
                spot,
                format!(
                    "`keep` of {} is less than the age that `{}` may have, {}: the run that made it stays, others do not",
                    format_age(keep.age),
                    dataset.name,
                    format_age(max_age)
                ),
            );
        }
    }
}
