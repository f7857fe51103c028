//! What is beyond the limits of `[history]`, found piece by piece, each in time that does not grow with the history.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::Reader;
use crate::model::{
    Aged, AgedRun, Gone, HistoryLimit, HistoryLimits, Limit, Name, REFUSED_KEPT_MIN, RunId, SearchFrom, TEXTS_LEFT_MAX,
    VersionNumber, VersionRef, first_by_halving,
};
use crate::store::ReadError;
use crate::store::column::{Cells, count, us};
use crate::store::rows::history::{GONE_COLUMNS, read_gone};

/// The job after another, in the order of their names.
const JOB_AFTER: &str = "SELECT min(job) FROM runs INDEXED BY runs_by_job WHERE job > ?1";

/// Final runs of a job that are too many (up to ?3) or too old (before ?4, and up to ?5), but for the last that tells how
/// the job is, and the newest of all, from which numbers are counted on.
const RUNS_BEYOND: &str = "
SELECT id, attempts, coalesce(ended_at_us, created_at_us), id <= ?3 FROM runs INDEXED BY runs_by_job
WHERE job = ?1 AND id > ?2 AND id <= max(?3, ?5) AND state = 'final'
    AND (id <= ?3 OR coalesce(ended_at_us, created_at_us) < ?4)
    AND id < (SELECT max(id) FROM runs)
    AND id IS NOT (
        SELECT max(id) FROM runs INDEXED BY runs_done_by_job
        WHERE outcome NOT IN ('missed', 'skipped') AND outcome <> 'cancelled' AND job = ?1
    )
ORDER BY id LIMIT ?6";

/// The newest run of a job behind so many others.
const RUN_BEHIND: &str = "SELECT id FROM runs INDEXED BY runs_by_job WHERE job = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";

/// Whether so many versions of a dataset in one state are newer than one.
const VERSIONS_NEWER: &str = "
SELECT count(*) >= ?4 FROM (
    SELECT 1 FROM versions INDEXED BY versions_by_state
    WHERE dataset = ?1 AND state = ?2 AND number > ?3 LIMIT ?4
)";

/// Versions that no run made and that are too many (up to ?3) or too old.
const VERSIONS_BEYOND: &str = "
SELECT number FROM versions INDEXED BY versions_by_run
WHERE run IS NULL AND dataset = ?1 AND number > ?2 AND (number <= ?3 OR arrived_at_us < ?4) AND state <> 'publishing'
ORDER BY number LIMIT ?5";

impl Reader {
    /// The next piece of about `rows_max` rows of what is beyond `limits`, oldest first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn aged(&self, limits: &HistoryLimits, from: SearchFrom, rows_max: u32) -> Result<Aged, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let mut aged = Aged::default();
        let mut next = Some(from);
        let mut left = rows_max;
        while let Some(from) = next.take() {
            if left == 0 {
                next = Some(from);
                break;
            }
            next = match from {
                SearchFrom::Runs(after) => self.aged_runs(limits, after, &mut left, &mut aged)?,
                SearchFrom::Versions(after) => self.aged_versions(limits, after, &mut left, &mut aged)?,
                SearchFrom::Slots(after) => self.aged_slots(limits, after, &mut left, &mut aged)?,
                SearchFrom::Incidents(after) => self.aged_incidents(limits, after, &mut left, &mut aged)?,
                SearchFrom::Notifications(after) => self.aged_notifications(limits, after, &mut left, &mut aged)?,
                SearchFrom::Own => {
                    self.aged_of_freshd(limits, &mut aged)?;
                    next = Some(SearchFrom::Texts);
                    break;
                }
                SearchFrom::Texts => {
                    aged.texts = self.texts_left()?;
                    next = (rows(&aged.texts) == TEXTS_LEFT_MAX).then_some(SearchFrom::Texts);
                    break;
                }
                SearchFrom::Logs => None,
            };
        }
        drop(reading);
        aged.next = next;
        Ok(aged)
    }

    /// What `[history]` has removed of a job.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn gone_of(&self, job: &Name) -> Result<Gone, ReadError> {
        let sql = format!("SELECT {GONE_COLUMNS} FROM forgotten WHERE job = ?1");
        Ok(self.one(&sql, [job.as_str()], read_gone)?.unwrap_or_default())
    }

    /// When the last run of any job that `[history]` has removed had ended, and what it was beyond.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn gone(&self) -> Result<Option<(Timestamp, HistoryLimit)>, ReadError> {
        let sql = format!(
            "SELECT {GONE_COLUMNS} FROM forgotten WHERE runs_until_us IS NOT NULL ORDER BY runs_until_us DESC LIMIT 1"
        );
        Ok(self.one(&sql, [], read_gone)?.and_then(|gone| gone.runs))
    }

    fn aged_runs(
        &self,
        limits: &HistoryLimits,
        after: Option<(Name, RunId)>,
        left: &mut u32,
        aged: &mut Aged,
    ) -> Result<Option<SearchFrom>, ReadError> {
        let pinned = self.pinned()?;
        let (mut job, mut after) = match after {
            Some((job, run)) => (Some(job), run),
            None => (self.name(JOB_AFTER, "")?, RunId(0)),
        };
        // Most jobs have the same limit: where it lies among the numbers is found once.
        let mut known: Vec<(Timestamp, i64)> = Vec::new();
        while let Some(name) = job {
            let limit = limits.of(&name);
            let last_old = match known.iter().find(|(before, _)| *before == limit.before) {
                Some((_, last)) => *last,
                None => {
                    let last = count(self.runs_before(limit.before)?);
                    known.push((limit.before, last));
                    last
                }
            };
            loop {
                if *left == 0 {
                    return Ok(Some(SearchFrom::Runs(Some((name, after)))));
                }
                let found = self.runs_beyond(&name, after, limit, last_old, *left)?;
                let Some(last) = found.last() else { break };
                after = last.id;
                for run in found {
                    if *left == 0 {
                        break;
                    }
                    after = run.id;
                    if self.are_all_beyond(limits, &run.versions, &pinned)? {
                        *left = left.saturating_sub(1 + run.attempts + rows(&run.versions));
                        aged.runs.push(run);
                    }
                }
            }
            job = self.name(JOB_AFTER, name.as_str())?;
            after = RunId(0);
        }
        Ok(Some(SearchFrom::Versions(None)))
    }

    fn runs_beyond(
        &self,
        job: &Name,
        after: RunId,
        limit: Limit,
        last_old: i64,
        rows_max: u32,
    ) -> Result<Vec<AgedRun>, ReadError> {
        let behind = self.one(RUN_BEHIND, params![job.as_str(), limit.runs], |row| row.get(0))?;
        let found = self.all(
            RUNS_BEYOND,
            params![
                job.as_str(),
                count(after.0),
                behind.unwrap_or(0_i64),
                us(limit.before),
                last_old,
                rows_max
            ],
            |row| {
                let mut cells = Cells::of(row);
                Ok(AgedRun {
                    id: RunId(cells.count()?),
                    job: job.clone(),
                    attempts: cells.get()?,
                    ended_at: cells.time()?,
                    versions: Vec::new(),
                    limit: if cells.get::<bool>()? {
                        HistoryLimit::Runs
                    } else {
                        HistoryLimit::Keep
                    },
                })
            },
        )?;
        found
            .into_iter()
            .map(|run| {
                let versions = self.all(
                    "SELECT dataset, number FROM versions INDEXED BY versions_by_run WHERE run = ?1 ORDER BY 1, 2",
                    [count(run.id.0)],
                    |row| {
                        let mut cells = Cells::of(row);
                        Ok(VersionRef {
                            dataset: cells.name()?,
                            number: VersionNumber(cells.count()?),
                        })
                    },
                )?;
                Ok(AgedRun { versions, ..run })
            })
            .collect()
    }

    /// Versions that runs which go on were given.
    fn pinned(&self) -> Result<Vec<VersionRef>, ReadError> {
        let inputs: Vec<Vec<VersionRef>> = self.all(
            "SELECT inputs FROM runs INDEXED BY runs_unfinished WHERE state <> 'final'",
            [],
            |row| Cells::of(row).json(),
        )?;
        Ok(inputs.into_iter().flatten().collect())
    }

    /// Whether none of these versions is still needed: as the current one, to be restored, or by a run that goes on.
    fn are_all_beyond(
        &self,
        limits: &HistoryLimits,
        versions: &[VersionRef],
        pinned: &[VersionRef],
    ) -> Result<bool, ReadError> {
        for version in versions {
            let key = params![version.dataset.as_str(), count(version.number.0)];
            let state: Option<String> = self.one(
                "SELECT state FROM versions WHERE dataset = ?1 AND number = ?2",
                key,
                |row| row.get(0),
            )?;
            let kept = match state.as_deref() {
                Some("published") => limits.published_kept(&version.dataset),
                Some("quarantined") => REFUSED_KEPT_MIN,
                _ => return Ok(false),
            };
            let enough: Option<bool> = self.one(
                VERSIONS_NEWER,
                params![version.dataset.as_str(), state, count(version.number.0), kept],
                |row| row.get(0),
            )?;
            if enough != Some(true) || pinned.contains(version) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn aged_versions(
        &self,
        limits: &HistoryLimits,
        after: Option<VersionRef>,
        left: &mut u32,
        aged: &mut Aged,
    ) -> Result<Option<SearchFrom>, ReadError> {
        const AFTER: &str =
            "SELECT min(dataset) FROM versions INDEXED BY versions_by_run WHERE run IS NULL AND dataset > ?1";
        let pinned = self.pinned()?;
        let (mut dataset, mut after) = match after {
            Some(after) => (Some(after.dataset), after.number.0),
            None => (self.name(AFTER, "")?, 0),
        };
        while let Some(name) = dataset {
            let behind = self.one(
                "SELECT number FROM versions INDEXED BY versions_by_run WHERE run IS NULL AND dataset = ?1
                 ORDER BY number DESC LIMIT 1 OFFSET ?2",
                params![name.as_str(), limits.each.runs],
                |row| row.get(0),
            )?;
            let found: Vec<u64> = self.all(
                VERSIONS_BEYOND,
                params![
                    name.as_str(),
                    count(after),
                    behind.unwrap_or(0_i64),
                    us(limits.each.before),
                    *left
                ],
                |row| Cells::of(row).count(),
            )?;
            let is_full = rows(&found) == *left;
            for number in found {
                after = number;
                let version = VersionRef {
                    dataset: name.clone(),
                    number: VersionNumber(number),
                };
                if self.are_all_beyond(limits, std::slice::from_ref(&version), &pinned)? {
                    *left -= 1;
                    aged.versions.push(version);
                }
            }
            if is_full {
                let number = VersionNumber(after);
                return Ok(Some(SearchFrom::Versions(Some(VersionRef { dataset: name, number }))));
            }
            dataset = self.name(AFTER, name.as_str())?;
            after = 0;
        }
        Ok(Some(SearchFrom::Slots(None)))
    }

    /// The highest number up to which runs were decided on before an instant, as far as the clock only went forward.
    fn runs_before(&self, before: Timestamp) -> Result<u64, ReadError> {
        let last = self.one("SELECT max(id) FROM runs", [], |row| Cells::of(row).count_maybe())?;
        let sql = "SELECT id, created_at_us < ?2 FROM runs WHERE id >= ?1 ORDER BY id LIMIT 1";
        first_by_halving(last.flatten().unwrap_or(0), |id| self.first_of(sql, id, before))
    }

    pub(super) fn first_of(&self, sql: &str, id: u64, before: Timestamp) -> Result<Option<(u64, bool)>, ReadError> {
        self.one(sql, params![count(id), us(before)], |row| {
            let mut cells = Cells::of(row);
            Ok((cells.count()?, cells.get()?))
        })
    }

    /// The name that a question is answered with, if there is one.
    pub(super) fn name(&self, sql: &str, after: &str) -> Result<Option<Name>, ReadError> {
        let found: Option<Option<Name>> = self
            .connection
            .prepare_cached(sql)?
            .query_row([after], |row| Cells::of(row).name_maybe())
            .optional()?;
        Ok(found.flatten())
    }
}

/// How many rows a piece grows by.
pub(super) fn rows<T>(found: &[T]) -> u32 {
    u32::try_from(found.len()).unwrap_or(u32::MAX)
}
