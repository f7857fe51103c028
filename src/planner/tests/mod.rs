//! What the planner answers, in tables.

mod admit;
mod backoff;
mod due;
mod ending;
mod history;
mod long_gaps;
mod lost;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Decided, Decision};
use crate::model::{Calendar, CatchUp, Job, OnHoliday, Rule, RunPolicy, Schedule, plain_job, under};

/// A time on the last Friday of November 2026, in UTC: `12:00` or `12:00:30`.
fn at(clock: &str) -> Timestamp {
    on("2026-11-27", clock)
}

fn on(date: &str, clock: &str) -> Timestamp {
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    format!("{date}T{clock}{seconds}Z").parse().unwrap()
}

/// A job that is due each `period`, counted from midnight.
fn every(period: Duration) -> Job {
    let anchor = at("00:00");
    let rule = Rule::Every { period, anchor };
    Job {
        schedule: Some(schedule(rule, None)),
        ..plain_job("export")
    }
}

fn catching_up(catch_up: CatchUp, job: Job) -> Job {
    let policy = RunPolicy {
        catch_up,
        ..job.policy.as_ref().clone()
    };
    under(policy, job)
}

fn hourly() -> Job {
    every(Duration::from_hours(1))
}

/// A job that is due at each midnight, but not at weekends.
fn nightly_on_working_days() -> Job {
    let calendar = Calendar {
        name: "office".into(),
        weekend: 0b100_0001,
        holidays: [].into(),
    };
    let rule = Rule::Every {
        period: Duration::from_hours(24),
        anchor: at("00:00"),
    };
    Job {
        schedule: Some(schedule(rule, Some(Arc::new(calendar)))),
        ..plain_job("export")
    }
}

fn schedule(rule: Rule, calendar: Option<Arc<Calendar>>) -> Arc<Schedule> {
    Arc::new(Schedule {
        text: "as the test says".into(),
        rule,
        zone: TimeZone::UTC,
        calendar,
        on_holiday: OnHoliday::Skip,
    })
}

/// Decisions as lines: when, until when and how many where it is a range, what is done.
fn lines(decided: &[Decided]) -> Vec<String> {
    let line = |decided: &Decided| {
        let range = decided
            .range
            .map_or(String::new(), |(until, count)| format!("..{until} x{count}"));
        let what = match &decided.decision {
            Decision::Start => "start".to_owned(),
            Decision::CatchUp => "catch up".to_owned(),
            Decision::Record(outcome, reason) => format!("{outcome:?}: {reason}"),
        };
        format!("{}{range} {what}", decided.occurrence.at)
    };
    decided.iter().map(line).collect()
}
