//! Looks after freshd's own records: a backup a day, and a look at whether the database is sound.
//!
//! All of it happens on a thread of its own, with a connection of its own that only reads: the main loop and the writer
//! go on meanwhile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info};

use super::clock;
use crate::store::{Backup, BackupError, Reader};

/// After a start what was due comes first; and a daemon that ends again at once copies nothing.
const AFTER_START: Duration = Duration::from_mins(1);

/// The thread gives way to everything else, jobs included.
const NICENESS: i32 = 10;

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing was to be done.
    Nothing,
    /// A backup was taken, or could not be; why, in words.
    Backup(Result<(), String>),
    /// The database is damaged.
    Damaged(String),
}

/// What the main loop is woken for.
pub(super) enum Turn {
    /// It is time to look.
    Due,
    /// A look has ended.
    Ended(Outcome),
}

/// When the records were last looked after, and by whom they are just now.
pub(super) struct Care {
    state_dir: PathBuf,
    first: Option<Instant>,
    is_looking: bool,
    /// The day, in UTC, on which the database was last read through.
    read_on: Option<Date>,
    ended: mpsc::UnboundedSender<Outcome>,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
}

impl Care {
    pub(super) fn new(state_dir: &Path) -> Self {
        let (ended, outcomes) = mpsc::unbounded_channel();
        Self {
            state_dir: state_dir.to_owned(),
            first: Some(Instant::now() + AFTER_START),
            is_looking: false,
            read_on: None,
            ended,
            outcomes,
        }
    }

    /// Waits for the first look after a start, and for the end of each.
    pub(super) async fn next(&mut self) -> Turn {
        let first = async {
            match self.first {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = first => {
                self.first = None;
                Turn::Due
            }
            Some(outcome) = self.outcomes.recv() => {
                self.is_looking = false;
                Turn::Ended(outcome)
            }
        }
    }

    /// Looks, beside the loop, unless that is under way.
    pub(super) fn look(&mut self) {
        if std::mem::replace(&mut self.is_looking, true) {
            return;
        }
        let today = TimeZone::UTC.to_datetime(clock::now().wall).date();
        let reads = self.read_on.replace(today) != Some(today);
        let (state_dir, ended) = (self.state_dir.clone(), self.ended.clone());
        let looking = std::thread::Builder::new().name("care".to_owned()).spawn(move || {
            let _ = rustix::process::setpriority_process(None, NICENESS);
            // Nobody listens only when the daemon has ended.
            let _ = ended.send(look_after(&state_dir, reads));
        });
        if let Err(error) = looking {
            let why = format!("its thread cannot be started: {error}");
            let _ = self.ended.send(Outcome::Backup(Err(why)));
        }
    }
}

/// Reads the database through if `reads`, and takes the backup of the day if there is none and something has changed.
fn look_after(state_dir: &Path, reads: bool) -> Outcome {
    let now = clock::now().wall;
    let looked = || -> Result<Option<Backup>, BackupError> {
        let reader = Reader::open(state_dir)?;
        if reads && let Some(damage) = reader.damage()? {
            return Err(BackupError::Damaged(damage));
        }
        if !reader.wants_daily_backup(state_dir, now)? {
            return Ok(None);
        }
        reader.backup_daily(state_dir, now).map(Some)
    };
    match looked() {
        Ok(None) => Outcome::Nothing,
        Ok(Some(backup)) => {
            info!(
                file = %backup.file.display(),
                bytes = backup.bytes,
                runs = backup.runs,
                "backup taken, and read as a start would read it"
            );
            Outcome::Backup(Ok(()))
        }
        Err(BackupError::Damaged(damage)) => Outcome::Damaged(damage),
        Err(error) => {
            error!("no backup was taken: {error}");
            Outcome::Backup(Err(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, JobRecord, Life, Name};
    use crate::store::{BACKUP_DIR, DATABASE_FILE, Store};

    fn life(seconds: i64) -> Fact {
        let at = jiff::Timestamp::from_second(seconds).unwrap();
        Fact::Life(Life {
            number: 1,
            started_at: at,
            seen_at: at,
            ended_at: None,
            boot_id: "b".to_owned(),
            version: "1".to_owned(),
            back: None,
        })
    }

    fn job(name: &str) -> Fact {
        Fact::Job(JobRecord {
            job: Name::from(name),
            cursor: jiff::Timestamp::UNIX_EPOCH,
            digest: "d".into(),
            pause: None,
        })
    }

    fn store(dir: &Path, facts: Vec<Fact>) {
        let writer = Store::open(dir).unwrap().into_writer().unwrap();
        writer.commit_blocking(facts).unwrap();
        writer.close().unwrap();
    }

    fn backups(dir: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir.join(BACKUP_DIR)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn there_is_one_backup_a_day_and_none_when_nothing_but_signs_of_life_came() {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), vec![life(1), job("stock")]);
        assert_eq!(look_after(dir.path(), false), Outcome::Backup(Ok(())));
        assert_eq!(look_after(dir.path(), false), Outcome::Nothing, "there is one of today");
        // As if it had been taken on another day.
        let taken = backups(dir.path()).remove(0);
        let before = dir.path().join(BACKUP_DIR).join("daily-20200101T000000Z.db");
        std::fs::rename(taken, &before).unwrap();
        store(dir.path(), vec![life(2)]);
        assert_eq!(
            look_after(dir.path(), false),
            Outcome::Nothing,
            "only signs of life came"
        );
        store(dir.path(), vec![job("items")]);
        assert_eq!(look_after(dir.path(), false), Outcome::Backup(Ok(())));
        assert_eq!(backups(dir.path()).len(), 2);
    }

    #[test]
    fn a_backup_that_cannot_be_written_is_a_failure_and_nothing_is_left_of_it() {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), vec![job("stock")]);
        std::fs::write(dir.path().join(BACKUP_DIR), "in the way").unwrap();
        let Outcome::Backup(Err(why)) = look_after(dir.path(), false) else {
            panic!("it was taken");
        };
        assert!(why.contains("cannot be written"), "{why}");
    }

    #[test]
    fn a_database_that_is_damaged_is_found_and_not_copied() {
        let dir = tempfile::tempdir().unwrap();
        let jobs = (0..2_000).map(|number| job(&format!("stock-{number:04}")));
        store(dir.path(), jobs.collect());
        let file = dir.path().join(DATABASE_FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        let end = bytes.len();
        bytes[end - 8_192..end - 4_096].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        assert!(matches!(look_after(dir.path(), true), Outcome::Damaged(_)));
        assert_eq!(backups(dir.path()), Vec::<PathBuf>::new());
    }
}
