//! `freshd.seen`: how far the database has come, noted beside it, so that an older one in its place is known as such.
//!
//! SQLite reads a log as far as its checksums hold, and takes what is left for all there ever was. A log that was cut or
//! removed, or an old copy that somebody put in place, looks like a sound database that merely knows less; and to act on
//! it would start again what has run. The note is written after each commit and never synced: it survives the process,
//! and after a power cut it may say less than the database, which is no contradiction.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::lock::FILE_MODE;
use super::suspect::suspect;
use super::{CommitError, SEEN_FILE, facts, load};
use crate::model::{Fact, Restoration, Seen};

/// Digits of the largest number.
const DIGITS: usize = 20;
/// A boot's name is a UUID.
const BOOT_CHARS: usize = 36;

/// Keeps the note.
#[derive(Debug)]
pub(super) struct Witness {
    dir: PathBuf,
    file: Option<File>,
    seen: Seen,
}

impl Witness {
    /// Begins with what the database behind `connection` holds.
    ///
    /// A note that cannot be kept is no reason not to start; nobody then knows an older database for what it is.
    pub(super) fn begin(dir: &Path, connection: &Connection) -> rusqlite::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .custom_flags(libc::O_NOFOLLOW)
            .open(dir.join(SEEN_FILE));
        let file = file
            .inspect_err(|error| tracing::warn!(%error, "{SEEN_FILE} cannot be written"))
            .ok();
        let seen = of(connection)?;
        let dir = dir.to_path_buf();
        let mut witness = Self { dir, file, seen };
        witness.write();
        Ok(witness)
    }

    /// Notes what a transaction has stored.
    pub(super) fn note<'fact>(&mut self, facts: impl Iterator<Item = &'fact Fact>) {
        let before = self.seen.clone();
        let seen = &mut self.seen;
        let mut has_changed = false;
        for fact in facts {
            has_changed |= facts::is_change(fact);
            match fact {
                Fact::Run(run) => seen.run = seen.run.max(run.id.0),
                Fact::Incident(incident) => seen.incident = seen.incident.max(incident.id.0),
                Fact::Notification(notification) => {
                    seen.notification = seen.notification.max(notification.id.0);
                }
                Fact::Restored(restoration) => seen.run = seen.run.max(settled(Some(restoration))),
                Fact::Life(life) if seen.boot_id != life.boot_id => seen.boot_id.clone_from(&life.boot_id),
                _ => {}
            }
        }
        seen.changes += u64::from(has_changed);
        if *seen != before {
            self.write();
        }
    }

    /// Nobody knows any more what is on the disk: the next start is to look.
    pub(super) fn doubts(&self, why: &CommitError) {
        suspect(&self.dir, &why.to_string());
    }

    /// One write of a fixed length: whoever reads it finds the one before or this one.
    fn write(&mut self) {
        let Some(file) = &self.file else { return };
        if let Err(error) = file.write_all_at(text(&self.seen).as_bytes(), 0) {
            tracing::warn!(%error, "{SEEN_FILE} cannot be written");
            self.file = None;
        }
    }
}

/// What was noted in `dir`; `None` when nothing was, or nothing that can be read.
pub(super) fn read(dir: &Path) -> Option<Seen> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW);
    let noted = std::io::read_to_string(options.open(dir.join(SEEN_FILE)).ok()?).ok()?;
    let words: Vec<&str> = noted.split_whitespace().collect();
    let [changes, run, incident, notification, boot @ ..] = words.as_slice() else {
        return None;
    };
    Some(Seen {
        changes: changes.parse().ok()?,
        run: run.parse().ok()?,
        incident: incident.parse().ok()?,
        notification: notification.parse().ok()?,
        boot_id: boot.concat(),
    })
}

/// How far the database behind `connection` has come.
pub(super) fn of(connection: &Connection) -> rusqlite::Result<Seen> {
    let last = |table| Ok::<u64, rusqlite::Error>(load::last(connection, table)?.unwrap_or(0));
    let boot: Option<String> = connection
        .query_row("SELECT boot_id FROM lives ORDER BY number DESC LIMIT 1", [], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(Seen {
        boot_id: boot.unwrap_or_default(),
        changes: changes(connection)?,
        run: last("runs")?.max(settled(load::restoration(connection)?.as_ref())),
        incident: last("incidents")?,
        notification: last("notifications")?,
    })
}

/// The run number above which runs go on after records were lost, which no run need have.
fn settled(restoration: Option<&Restoration>) -> u64 {
    let last = restoration.and_then(|restoration| restoration.last_run);
    last.map_or(0, |id| id.0)
}

/// Transactions so far that held more than signs of life.
pub(super) fn changes(connection: &Connection) -> rusqlite::Result<u64> {
    let changes: i64 = connection.query_row("SELECT changes FROM state_directory", [], |row| row.get(0))?;
    Ok(u64::try_from(changes).unwrap_or(0))
}

fn text(seen: &Seen) -> String {
    let Seen {
        boot_id,
        changes,
        run,
        incident,
        notification,
    } = seen;
    let boot_id: String = boot_id.chars().take(BOOT_CHARS).collect();
    format!("{changes:>DIGITS$} {run:>DIGITS$} {incident:>DIGITS$} {notification:>DIGITS$} {boot_id:<BOOT_CHARS$}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_its_length_never_changes() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()), None);
        let seen = Seen {
            boot_id: "1d0e3ba4-6c29-4c1c-9f0a-0d6b6b5f0a11".to_owned(),
            changes: 4,
            run: u64::MAX,
            incident: 0,
            notification: 12,
        };
        for seen in [Seen::default(), seen] {
            let written = text(&seen);
            assert_eq!(written.len(), 4 * (DIGITS + 1) + BOOT_CHARS + 1);
            std::fs::write(dir.path().join(SEEN_FILE), written).unwrap();
            assert_eq!(read(dir.path()), Some(seen));
        }
        std::fs::write(dir.path().join(SEEN_FILE), "7 8").unwrap();
        assert_eq!(read(dir.path()), None);
    }

    #[test]
    fn a_link_in_place_of_the_note_is_neither_read_nor_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        let kept = text(&Seen::default());
        std::fs::write(&elsewhere, &kept).unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.path().join(SEEN_FILE)).unwrap();
        assert_eq!(read(dir.path()), None);

        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        connection
            .execute("INSERT INTO state_directory (only, seed) VALUES (1, 0)", [])
            .unwrap();
        let mut witness = Witness::begin(dir.path(), &connection).unwrap();
        witness.seen.run = 9;
        witness.write();
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), kept);
    }
}
