//! Records that are lost: the database is put back to what it was, while processes go on as they do.

use std::collections::BTreeSet;

use freshd::model::{Attempt, AttemptId, AttemptState, Event, ExitStatus, FoundAttempt, Seen};
use rusqlite::{Connection, params};

use super::{Ledger, Play, World};

/// The records of some instant.
pub(crate) struct Backup {
    file: tempfile::TempPath,
    ledger: Ledger,
}

impl World {
    /// Copies the records.
    pub(crate) fn back_up(&self) -> Backup {
        let file = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        self.reader().backup_to(&file, true).expect("the database is copied");
        let ledger = self.ledger.clone();
        Backup { file, ledger }
    }

    /// The database is damaged, and the next start goes on from a backup.
    pub(crate) fn lose_records_since(&mut self, backup: &Backup) {
        let seen = Seen {
            boot_id: self.host().boot_id,
            changes: 0,
            run: self.ledger.runs.keys().next_back().map_or(0, |id| id.0),
            incident: self.ledger.incidents.keys().next_back().map_or(0, |id| id.0),
            notification: self.ledger.notifications.keys().next_back().map_or(0, |id| id.0),
        };
        self.crash();
        for name in ["freshd.db-wal", "freshd.db-shm", "freshd.seen"] {
            let _ = std::fs::remove_file(self.state_dir().join(name));
        }
        let database = self.state_dir().join("freshd.db");
        std::fs::copy(&backup.file, &database).expect("the backup is put in place");
        let connection = Connection::open(&database).expect("it opens");
        let from: Option<i64> = connection
            .query_row("SELECT newest_record_at_us FROM state_directory", [], |row| row.get(0))
            .expect("it is read");
        let now = self.now.wall.as_microsecond();
        connection
            .execute(
                "INSERT INTO restorations (at_us, from_us, until_us, backup, because, seen)
                 VALUES (?1, ?2, ?1, 'daily.db', 'it was damaged', ?3)",
                params![now, from, serde_json::to_string(&seen).expect("JSON")],
            )
            .expect("it is recorded");
        self.ledger = backup.ledger.clone();
        self.ledger.has_lost_records = true;
    }

    /// What a start tells before everything else when records were lost.
    pub(super) fn take_up_lost_time(&mut self, unfinished: &[Attempt]) {
        let is_lost = |world: &Self| {
            world
                .engine
                .as_ref()
                .is_some_and(|engine| engine.lost_records().is_some())
        };
        if !is_lost(self) {
            return;
        }
        let life = self.lives;
        let strangers = self.known_to_keeper();
        let strangers = strangers
            .into_iter()
            .filter(|id| unfinished.iter().all(|attempt| attempt.id != *id));
        for id in strangers.collect::<Vec<_>>() {
            let spec = &self.specs[&id];
            let found = FoundAttempt {
                id,
                job: spec.job.clone(),
                due_at: spec.due_at,
                trigger: Some(spec.trigger),
                at: self.now.wall,
            };
            self.handle(Event::AttemptFound(found));
            if self.lives != life {
                return;
            }
        }
        let traces = std::mem::take(&mut self.traces);
        if !traces.is_empty() {
            self.handle(Event::Traced(traces));
        }
        let found = self.found.clone();
        self.handle(Event::Restored(Box::new(found)));
    }

    /// A keeper that does not know any more what had started says so.
    pub(super) fn tell_of_forgotten(&mut self, unfinished: &[Attempt]) {
        let known = self.known_to_keeper();
        let forgotten = |attempt: &&Attempt| attempt.state == AttemptState::Started && !known.contains(&attempt.id);
        for attempt in unfinished.iter().filter(forgotten) {
            let play = Play::ends(ExitStatus::Unknown("no keeper's journal knows more".to_owned()));
            let exit = play.exit(attempt.id, self.now.wall, self.now.wall, None);
            self.handle(Event::AttemptEnded(exit));
        }
    }

    /// Attempts that live, or whose end nobody has heard.
    fn known_to_keeper(&self) -> BTreeSet<AttemptId> {
        let told = self.queue.values().filter_map(|event| match event {
            Event::AttemptStarted { id, .. } => Some(*id),
            Event::AttemptEnded(exit) => Some(exit.id),
            _ => None,
        });
        told.chain(self.alive.keys().copied()).collect()
    }
}
