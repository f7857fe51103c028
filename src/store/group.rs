//! Stores many commits in one transaction, each whole or not at all.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::column::{us, us_maybe};
use super::error::is_failed_write;
use super::open::BUSY_WAIT;
use super::reserve::is_over_quota;
use super::rows::{addresses, alerts, data, expected, history, life, pings, restored, runs, silences, weekly};
use super::seen::Witness;
use super::statements::Statements;
use super::{CommitError, facts, release};
use crate::model::{Fact, Life, newest_record};

/// Numbers of long texts that are remembered; a daemon uses a handful (its configuration, its boot).
const TEXTS_REMEMBERED_MAX: usize = 64;

/// Stores groups of commits through one connection.
pub(super) struct Group<'connection> {
    connection: &'connection Connection,
    statements: Statements<'connection>,
    texts: HashMap<String, i64>,
    /// Notes how far the database has come.
    witness: Option<Witness>,
    /// The daemon's last word that is stored.
    life: Option<Life>,
    /// Set by an error after which nobody knows what is on the disk: nothing is stored any more.
    broken: Option<CommitError>,
}

/// Why a fact was not stored.
enum Refusal {
    /// The fact contradicts what is stored.
    Fact(CommitError),
    /// The whole transaction is in doubt.
    Transaction(CommitError),
}

impl<'connection> Group<'connection> {
    /// Prepares every statement.
    pub(super) fn new(connection: &'connection Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            statements: Statements::prepare(connection)?,
            texts: HashMap::new(),
            witness: None,
            life: None,
            broken: None,
        })
    }

    /// Lets somebody note after each commit how far the database has come.
    pub(super) fn witnessed_by(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Stores each commit of `group`, or says why not, in the same order. Durable on return, but for a mere sign of life.
    ///
    /// A commit that contradicts what is stored takes none of the others with it.
    pub(super) fn commit(&mut self, group: &[&[Fact]]) -> Vec<Result<(), CommitError>> {
        if let Some(error) = &self.broken {
            return vec![Err(error.clone()); group.len()];
        }
        let committed = match self.is_sign_of_life(group) {
            true => self.unsynced(|this| this.commit_together(group)),
            false => self.commit_together(group),
        };
        let results = match committed {
            Ok(()) => vec![Ok(()); group.len()],
            // Savepoints copy each page they touch: they are taken only once a commit was refused.
            Err(Refusal::Fact(_)) if group.len() > 1 => self.commit_apart(group),
            Err(Refusal::Fact(error) | Refusal::Transaction(error)) => {
                vec![Err(error); group.len()]
            }
        };
        self.break_on(results.iter().filter_map(|result| result.as_ref().err()));
        let stored = group.iter().zip(&results).filter(|(_, result)| result.is_ok());
        let stored = stored.flat_map(|(facts, _)| *facts);
        // One that was refused is not known: said again, it is as new as it was.
        for fact in stored.clone() {
            if let Fact::Life(life) = fact {
                self.life = Some(life.clone());
            }
        }
        if let Some(witness) = &mut self.witness {
            witness.note(stored);
        }
        results
    }

    /// A real write, synced, that changes nothing anybody reads.
    pub(super) fn health_write(&mut self) -> Result<(), CommitError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let written = self
            .connection
            .execute("UPDATE state_directory SET health_writes = health_writes + 1", [])
            .map_err(|error| self.told_apart("a health write", &error));
        self.break_on(written.as_ref().err());
        written.map(drop)
    }

    /// Gives back the memory of pages that can be read again.
    pub(super) fn shrink(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("PRAGMA shrink_memory")
    }

    /// Copies into the database what it can of the log without waiting for readers.
    pub(super) fn checkpoint(&mut self) -> Result<(), CommitError> {
        self.checkpoint_as("PASSIVE")
    }

    /// Copies the whole log into the database and empties it, unless readers are in the way for longer than `wait`.
    pub(super) fn checkpoint_all(&mut self, wait: Duration) -> Result<(), CommitError> {
        let connection = self.connection;
        let waits = |wait| {
            connection
                .busy_timeout(wait)
                .map_err(|error| CommitError::of_sqlite("a checkpoint", &error))
        };
        waits(wait)?;
        let copied = self.checkpoint_as("TRUNCATE");
        waits(BUSY_WAIT)?;
        copied
    }

    /// Gives a few free pages back to the file system when many are free; whether there may be more to give.
    pub(super) fn release(&mut self) -> Result<bool, CommitError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let released = release::some(self.connection);
        let released = released.map_err(|error| CommitError::of_sqlite("a smaller file", &error));
        self.break_on(released.as_ref().err());
        released
    }

    /// Pages in the log that were written since it was last begun anew.
    pub(super) fn log_pages(&self) -> rusqlite::Result<u64> {
        let pages: i64 = self
            .connection
            .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
        Ok(u64::try_from(pages).unwrap_or(0))
    }

    fn checkpoint_as(&mut self, mode: &str) -> Result<(), CommitError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        // Readers in the way are told in the answer, not as an error.
        let copied = self
            .connection
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
            .map_err(|error| self.told_apart("a checkpoint", &error));
        self.break_on(copied.as_ref().err());
        copied
    }

    /// Whether the group says no more than that the daemon still lives: with the same word as before, but for the time.
    fn is_sign_of_life(&self, group: &[&[Fact]]) -> bool {
        let mut facts = group.iter().copied().flatten();
        let (Some(Fact::Life(life)), None, Some(before)) = (facts.next(), facts.next(), &self.life) else {
            return false;
        };
        let seen_at = life.seen_at;
        Life {
            seen_at,
            ..before.clone()
        } == *life
    }

    /// Stores what a power cut may take: the next commit that is synced makes it durable too. An idle daemon would wake the
    /// disk each minute, for a time that is by then a minute old.
    fn unsynced(&mut self, store: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.batch("PRAGMA synchronous = NORMAL")?;
        let stored = store(self);
        let restored = self.batch("PRAGMA synchronous = FULL");
        if let Err(Refusal::Fact(error) | Refusal::Transaction(error)) = &restored {
            // Nothing that follows may go unsynced in silence.
            self.broken = Some(error.clone());
        }
        stored.and(restored)
    }

    fn commit_together(&mut self, group: &[&[Fact]]) -> Result<(), Refusal> {
        self.begin()?;
        let stored = group
            .iter()
            .try_for_each(|facts| self.store(facts))
            .and_then(|()| self.end(group.iter().copied().flatten()));
        if stored.is_err() {
            self.roll_back();
        }
        stored
    }

    fn commit_apart(&mut self, group: &[&[Fact]]) -> Vec<Result<(), CommitError>> {
        let mut results = Vec::with_capacity(group.len());
        let done = self.begin().and_then(|()| {
            for facts in group {
                self.batch("SAVEPOINT one")?;
                let stored = self.store(facts);
                match stored {
                    Ok(()) => results.push(Ok(())),
                    Err(Refusal::Fact(error)) => {
                        self.batch("ROLLBACK TO one")?;
                        self.texts.clear();
                        results.push(Err(error));
                    }
                    Err(in_doubt @ Refusal::Transaction(_)) => return Err(in_doubt),
                }
                self.batch("RELEASE one")?;
            }
            let stored = group.iter().zip(&results);
            self.end(
                stored
                    .filter(|(_, result)| result.is_ok())
                    .flat_map(|(facts, _)| *facts),
            )
        });
        if let Err(Refusal::Fact(error) | Refusal::Transaction(error)) = done {
            self.roll_back();
            // A commit that was refused for its own sake keeps that answer.
            results.resize(group.len(), Ok(()));
            for result in &mut results {
                if result.is_ok() {
                    *result = Err(error.clone());
                }
            }
        }
        results
    }

    fn begin(&mut self) -> Result<(), Refusal> {
        let begun = self.statements.begin.execute([]);
        begun.map(drop).map_err(|error| self.in_doubt(&error))
    }

    fn end<'facts>(&mut self, facts: impl Iterator<Item = &'facts Fact>) -> Result<(), Refusal> {
        let mut changes = 0;
        let facts = facts.inspect(|fact| changes |= i64::from(facts::is_change(fact)));
        let newest: Option<Timestamp> = newest_record(None, facts);
        if newest.is_some() || changes > 0 {
            let stored = self.statements.newest.execute((us_maybe(newest), changes));
            stored.map_err(|error| self.in_doubt(&error))?;
        }
        let ended = self.statements.commit.execute([]);
        ended.map(drop).map_err(|error| self.in_doubt(&error))
    }

    fn roll_back(&mut self) {
        self.texts.clear();
        // Some errors have rolled back already. Should this fail, the next transaction cannot begin, and says so.
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn batch(&self, sql: &str) -> Result<(), Refusal> {
        let done = self.connection.execute_batch(sql);
        done.map_err(|error| self.in_doubt(&error))
    }

    /// An error of the transaction itself, not of one fact.
    fn in_doubt(&self, error: &rusqlite::Error) -> Refusal {
        Refusal::Transaction(self.told_apart("a transaction", error))
    }

    /// What an error means for a commit; `what` names the fact. That a quota is used up SQLite tells as a write that
    /// failed, whatever the cause.
    fn told_apart(&self, what: &str, error: &rusqlite::Error) -> CommitError {
        if is_failed_write(error)
            && let Some(dir) = self.connection.path().map(Path::new).and_then(Path::parent)
            && is_over_quota(dir)
        {
            return CommitError::Full;
        }
        CommitError::of_sqlite(what, error)
    }

    fn break_on<'error>(&mut self, errors: impl IntoIterator<Item = &'error CommitError>) {
        if let Some(error) = errors.into_iter().find(|error| error.is_lasting()) {
            self.broken = Some(error.clone());
            if let Some(witness) = &self.witness {
                witness.doubts(error);
            }
        }
    }

    fn store(&mut self, facts: &[Fact]) -> Result<(), Refusal> {
        let mut in_order: Vec<&Fact> = facts.iter().collect();
        in_order.sort_by_key(|fact| facts::rank(fact));
        for fact in in_order {
            let stored = self.store_one(fact);
            stored.map_err(|error| match self.told_apart(&facts::name(fact), &error) {
                conflict @ CommitError::Conflict(_) => Refusal::Fact(conflict),
                other => Refusal::Transaction(other),
            })?;
        }
        Ok(())
    }

    fn store_one(&mut self, fact: &Fact) -> rusqlite::Result<()> {
        let s = &mut self.statements;
        match fact {
            Fact::Job(record) => changed(runs::store_job(&mut s.job, record)?, "it would move the cursor back"),
            Fact::Run(run) => {
                let boot = match &run.boot_id {
                    Some(boot) => Some(text_number(&mut self.texts, s, boot)?),
                    None => None,
                };
                let settings = text_number(&mut self.texts, s, &run.settings_digest)?;
                changed(
                    runs::store_run(&mut s.run, run, boot, settings)?,
                    "it is final with another outcome, or its number belongs to another occurrence",
                )
            }
            Fact::Released(attempt, released) => runs::release_run(&mut s.run_release, *attempt, released),
            Fact::Attempt(attempt) => {
                let boot = text_number(&mut self.texts, s, &attempt.boot_id)?;
                runs::store_attempt(&mut s.attempt, attempt, boot).map(drop)
            }
            Fact::Version(version) => data::store_version(&mut s.version, version).map(drop),
            Fact::Slot(slot) => data::store_slot(&mut s.slot, slot).map(drop),
            Fact::Observation(observation) => data::store_observation(&mut s.observation, observation).map(drop),
            Fact::Ping(ping) => {
                pings::store_ping(&mut s.ping, ping)?;
                pings::forget_older(&mut s.pings_forget, &ping.dataset)
            }
            Fact::AgePromise(promise) => match promise.since {
                Some(_) => data::store_age_promise(&mut s.age_promise, promise).map(drop),
                None => data::end_age_promise(&mut s.age_promise_end, promise).map(drop),
            },
            Fact::Expectation(expectation) => expected::store_expectation(&mut s.expectation, expectation).map(drop),
            Fact::Silence(silence) => {
                silences::store_silence(&mut s.silence, silence)?;
                silences::forget_older(&mut s.silences_forget, silence)
            }
            Fact::Incident(incident) => alerts::store_incident(&mut s.incident, incident).map(drop),
            Fact::Notification(notification) => changed(
                alerts::store_notification(&mut s.notification, notification)?,
                "its number belongs to another incident",
            ),
            Fact::Delivery(delivery) => alerts::store_delivery(&mut s.delivery, delivery).map(drop),
            Fact::Address(record) if record.is_empty() => {
                addresses::end_address(&mut s.address_end, &record.address).map(drop)
            }
            Fact::Address(record) => addresses::store_address(&mut s.address, record).map(drop),
            Fact::Life(life) => life::store_life(&mut s.life, life).map(drop),
            Fact::ClockConfirmed(confirmation) => {
                let at = us(confirmation.at);
                if life::store_clock_confirmation(&mut s.clock_confirmation, confirmation)? == 0 {
                    return Ok(());
                }
                s.newest_back.execute([at])?;
                s.runs_ahead.execute([at])?;
                s.slots_ahead.execute([at]).map(drop)
            }
            Fact::ClockStep(step) => life::store_clock_step(&mut s.clock_step, step),
            Fact::Settings(accepted) => life::store_settings(&mut s.settings, &mut s.acceptance, accepted),
            Fact::Restored(restoration) => restored::store_restoration(&mut s.restoration, restoration).map(drop),
            Fact::Weekly(report) => weekly::store_weekly(&mut s.weekly, report).map(drop),
            // Some two dozen times a day: its statements are prepared when they are needed.
            Fact::Forgotten(forgotten) => history::forget(self.connection, forgotten, &mut self.texts),
        }
    }
}

/// A statement whose condition did not hold changes nothing: that must not pass in silence.
fn changed(rows: usize, otherwise: &'static str) -> rusqlite::Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(rusqlite::Error::ToSqlConversionFailure(otherwise.into()))
    }
}

/// The number of a long text in `texts`, which is given one when it is new.
fn text_number(texts: &mut HashMap<String, i64>, statements: &mut Statements, text: &str) -> rusqlite::Result<i64> {
    if let Some(number) = texts.get(text) {
        return Ok(*number);
    }
    statements.text_insert.execute([text])?;
    let number = statements.text_number.query_row([text], |row| row.get(0))?;
    if texts.len() >= TEXTS_REMEMBERED_MAX {
        texts.clear();
    }
    texts.insert(text.to_owned(), number);
    Ok(number)
}
