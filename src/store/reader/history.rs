//! Questions about runs and attempts.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::Reader;
use crate::model::{Attempt, JobRecord, Name, Outcome, Run, RunId};
use crate::store::ReadError;
use crate::store::column::{Cells, count, us};
use crate::store::rows::runs::{ATTEMPT_COLUMNS, JOB_COLUMNS, RUN_COLUMNS, read_attempt, read_job, read_run};

/// Runs are numbered in the order in which they were decided on, but the clock may have been set back meanwhile: a run
/// older than `since` by more than this ends the search.
const CLOCK_SET_BACK_AT_MOST: SignedDuration = SignedDuration::from_hours(24);

/// Runs of a job among which its last success is looked for.
const LOOKED_BACK_MAX: u32 = 10_000;

/// Which runs to tell of; the default is all of them, and none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only this job's.
    pub job: Option<Name>,
    /// Only those decided on at or after this instant.
    pub since: Option<Timestamp>,
    /// Only those that ended so.
    pub outcome: Option<Outcome>,
    /// At most so many.
    pub limit: u32,
}

impl Reader {
    /// Runs, newest first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<Run>, ReadError> {
        let first = match filter.since {
            Some(since) => self.first_run_after(since)?,
            None => 0,
        };
        // Each shape of the question is a text of its own, so that each finds its index.
        let index = match (&filter.job, filter.outcome) {
            (_, Some(outcome)) if outcome != Outcome::Succeeded => {
                "INDEXED BY runs_unsuccessful WHERE outcome <> 'succeeded'"
            }
            (Some(_), _) => "INDEXED BY runs_by_job WHERE true",
            (None, _) => "NOT INDEXED WHERE true",
        };
        let by_job = filter.job.as_ref().map_or("", |_| "AND job = ?3");
        let by_outcome = filter.outcome.map_or("", |_| "AND outcome = ?4");
        self.all(
            &format!(
                "SELECT {RUN_COLUMNS} FROM runs {index} {by_job} {by_outcome}
                     AND id >= ?1 AND created_at_us >= ?2
                 ORDER BY id DESC LIMIT ?5"
            ),
            params![
                first,
                us(filter.since.unwrap_or(Timestamp::MIN)),
                filter.job.as_ref().map(Name::as_str),
                filter.outcome.map(Outcome::as_str),
                filter.limit,
            ],
            read_run,
        )
    }

    /// One run with its attempts.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn run(&self, id: RunId) -> Result<Option<(Run, Vec<Attempt>)>, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let run = self.bare_run(id)?;
        let attempts = self.all(
            &format!("SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE run = ?1 ORDER BY attempts.number"),
            [count(id.0)],
            read_attempt,
        )?;
        drop(reading);
        Ok(run.map(|run| (run, attempts)))
    }

    /// One run without its attempts.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn bare_run(&self, id: RunId) -> Result<Option<Run>, ReadError> {
        self.one(
            &format!("SELECT {RUN_COLUMNS} FROM runs WHERE id = ?1"),
            [count(id.0)],
            read_run,
        )
    }

    /// A job's newest run, also one that was missed or skipped, or that goes on.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn last_run_of(&self, job: &Name) -> Result<Option<Run>, ReadError> {
        self.one(
            &format!(
                "SELECT {RUN_COLUMNS} FROM runs INDEXED BY runs_by_job
                 WHERE job = ?1 ORDER BY id DESC LIMIT 1"
            ),
            [job.as_str()],
            read_run,
        )
    }

    /// When the newest run of a job that succeeded has ended, of those behind `after`; looks at no more than the newest 10,000
    /// that were runs at all.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn last_success_of(&self, job: &Name, after: Option<RunId>) -> Result<Option<Timestamp>, ReadError> {
        let found = self.one(
            "SELECT ended_at_us FROM (
                 SELECT id, outcome, ended_at_us FROM runs INDEXED BY runs_done_by_job
                 WHERE job = ?1 AND id > ?2 AND outcome NOT IN ('missed', 'skipped') ORDER BY id DESC LIMIT ?3
             ) WHERE outcome = 'succeeded' ORDER BY id DESC LIMIT 1",
            params![job.as_str(), count(after.map_or(0, |run| run.0)), LOOKED_BACK_MAX],
            |row| Cells::of(row).time_maybe(),
        )?;
        Ok(found.flatten())
    }

    /// The first run of a job behind a run for which a process was started.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn first_started_after(&self, job: &Name, run: RunId) -> Result<Option<RunId>, ReadError> {
        self.one(
            "SELECT id FROM runs INDEXED BY runs_by_job
             WHERE job = ?1 AND id > ?2 AND attempts > 0 ORDER BY id LIMIT 1",
            rusqlite::params![job.as_str(), count(run.0)],
            |row| Ok(RunId(Cells::of(row).count()?)),
        )
    }

    /// The job of a run.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn job_of(&self, run: RunId) -> Result<Option<Name>, ReadError> {
        self.one("SELECT job FROM runs WHERE id = ?1", [count(run.0)], |row| {
            Cells::of(row).name()
        })
    }

    /// The highest number of a run.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn last_run(&self) -> Result<Option<RunId>, ReadError> {
        let last = self.one("SELECT max(id) FROM runs", [], |row| Cells::of(row).count_maybe())?;
        Ok(last.flatten().map(RunId))
    }

    /// Whether a run goes on that began in a time whose records were lost, or before: what it was given to read need not
    /// be on record.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn has_run_of_lost_time(&self) -> Result<bool, ReadError> {
        let found: Option<bool> = self.one(
            "SELECT EXISTS (
                 SELECT 1 FROM runs INDEXED BY runs_unfinished
                 WHERE state <> 'final' AND id <= (SELECT last_run FROM restorations ORDER BY number DESC LIMIT 1)
             )",
            [],
            |row| row.get(0),
        )?;
        Ok(found == Some(true))
    }

    /// What is remembered of a job between its runs.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn job(&self, job: &Name) -> Result<Option<JobRecord>, ReadError> {
        self.one(
            &format!("SELECT {JOB_COLUMNS} FROM jobs WHERE job = ?1"),
            [job.as_str()],
            read_job,
        )
    }

    /// A number before which no run was decided on at or after `since`. Found by halving, without an index on time.
    pub(in crate::store) fn first_run_after(&self, since: Timestamp) -> Result<i64, ReadError> {
        let since = us(since.checked_sub(CLOCK_SET_BACK_AT_MOST).unwrap_or(Timestamp::MIN));
        let mut at = self
            .connection
            .prepare_cached("SELECT id, created_at_us FROM runs WHERE id >= ?1 ORDER BY id LIMIT 1")?;
        let mut low = 0;
        let mut high: i64 = self
            .connection
            .query_row("SELECT coalesce(max(id), 0) FROM runs", [], |row| row.get(0))?;
        while low < high {
            let middle = low + (high - low) / 2;
            let found: Option<(i64, i64)> = at
                .query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match found {
                Some((id, created_at)) if created_at < since => low = id + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
