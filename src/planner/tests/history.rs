//! How far back is kept, and which output there is too much of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{at, on};
use crate::model::{
    Dataset, HistoryLimits, Keep, Limit, LogsForgotten, Name, RunId, RunPolicy, Settings, plain_dataset, plain_job,
    plain_policy, plain_settings, under,
};
use crate::planner::{RunOutput, history_limits, logs_beyond};

const TWO_DAYS: Keep = Keep {
    age: Duration::from_hours(48),
    runs: 10,
    log_bytes: 1_000,
};

/// Everything is kept for two days, runs of `report` for one hour; 14 earlier versions of `stock`.
fn settings() -> Settings {
    let mut settings = plain_settings();
    settings.history.each = TWO_DAYS;
    settings.history.all_log_bytes = 5_000;
    let report = under(
        RunPolicy {
            history: Some(Keep {
                age: Duration::from_hours(1),
                ..TWO_DAYS
            }),
            ..plain_policy()
        },
        plain_job("report"),
    );
    let stock = Dataset {
        keep_versions: 14,
        ..plain_dataset("stock")
    };
    settings.jobs = [plain_job("export"), report]
        .map(|job| (job.name.clone(), Arc::new(job)))
        .into();
    settings.datasets = [(stock.name.clone(), Arc::new(stock))].into();
    settings
}

#[test]
fn each_job_is_kept_by_its_own_limits_or_by_those_of_all() {
    let limits = history_limits(&settings(), at("12:00"), &[]);
    let limit = |before| Limit {
        before,
        runs: 10,
        log_bytes: 1_000,
    };
    assert_eq!(
        limits,
        HistoryLimits {
            each: limit(on("2026-11-25", "12:00")),
            jobs: [("report".into(), limit(at("11:00")))].into(),
            keep_versions: [("stock".into(), 14)].into(),
            all_log_bytes: 5_000,
        }
    );
}

#[test]
fn nothing_is_too_old_for_a_day_after_the_clock_has_leapt() {
    let told = |leaps: &[Timestamp]| history_limits(&settings(), at("12:00"), leaps).each.before;
    let (by_age, nothing) = (on("2026-11-25", "12:00"), Timestamp::MIN);
    let second = SignedDuration::from_secs(1);
    for (leap, before) in [
        (at("12:00"), nothing),
        (on("2026-11-26", "12:00") + second, nothing),
        (on("2026-11-26", "12:00"), by_age),
        (on("2026-11-20", "12:00"), by_age),
        // One that is still to come was taken back.
        (at("12:00") + second, by_age),
    ] {
        assert_eq!(told(&[leap]), before, "{leap}");
    }
    assert_eq!(told(&[on("2026-11-20", "12:00"), at("11:00")]), nothing);
}

fn limits(log_bytes: u64, all_log_bytes: u64) -> HistoryLimits {
    HistoryLimits {
        each: Limit {
            before: Timestamp::MIN,
            runs: 10,
            log_bytes,
        },
        jobs: BTreeMap::new(),
        keep_versions: BTreeMap::new(),
        all_log_bytes,
    }
}

fn outputs(job: &str, of_job: &[(u64, u64)]) -> (Name, Vec<RunOutput>) {
    let output = |&(run, bytes)| RunOutput { run: RunId(run), bytes };
    (Name::from(job), of_job.iter().map(output).collect())
}

fn until(limits: &HistoryLimits, all: &[(Name, Vec<RunOutput>)]) -> Vec<(String, u64, &'static str)> {
    let beyond = logs_beyond(limits, all);
    let told = |gone: &LogsForgotten| (gone.job.to_string(), gone.until.0, gone.limit.as_str());
    beyond.iter().map(told).collect()
}

#[test]
fn the_oldest_output_of_a_job_goes_first_and_no_more_than_has_to() {
    let all = [outputs("export", &[(4, 30), (1, 50), (7, 40)])];
    assert_eq!(until(&limits(120, 1_000), &all), []);
    assert_eq!(until(&limits(119, 1_000), &all), [("export".to_owned(), 1, "logs")]);
    assert_eq!(until(&limits(69, 1_000), &all), [("export".to_owned(), 4, "logs")]);
}

#[test]
fn the_newest_output_of_a_job_stays_however_large_it_is() {
    let all = [outputs("export", &[(1, 50), (7, 400)]), outputs("report", &[(2, 900)])];
    let told = [("export".to_owned(), 1, "logs")];
    assert_eq!(until(&limits(10, 10), &all), told);
}

#[test]
fn the_oldest_output_of_all_jobs_goes_when_there_is_too_much_in_all() {
    let all = [
        outputs("export", &[(1, 50), (3, 50), (9, 50)]),
        outputs("report", &[(2, 50), (4, 50)]),
    ];
    let told = [
        ("export".to_owned(), 1, "logs_total"),
        ("report".to_owned(), 2, "logs_total"),
    ];
    assert_eq!(until(&limits(1_000, 199), &all), told);
}
