//! Rounds of looks at published files, off the main loop: what others remove or write over is noticed within seconds.
//!
//! A round costs a stat for each file. The files of one directory are looked at one after the other, since a share that is
//! gone hangs for all of them: it takes one place for each of its directories, and while it holds all of them, nothing is
//! found elsewhere and nothing told of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::error;

use super::clock;
use super::files::unless_it_hangs;
use super::places::Places;
use crate::checks;
use crate::model::{Event, Name, Placed, Sighting, format_duration};

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(5);
/// Directories that are looked at at the same time, at most.
const DIRECTORIES_MAX: usize = 8;
/// How long a directory may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// When to go round, and where somebody still goes.
pub(super) struct Rounds {
    next: Interval,
    places: Places,
    patience: Duration,
}

impl Rounds {
    /// The first round is due at once: much may have happened while freshd was down.
    pub(super) fn new() -> Self {
        let mut next = tokio::time::interval(EVERY);
        next.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            next,
            places: Places::new(DIRECTORIES_MAX),
            patience: PATIENCE,
        }
    }

    /// Waits until it is time to look at these; for ever while there are none, so that nobody is woken for nothing.
    pub(super) async fn due(&mut self, placed: &BTreeMap<Name, Arc<Placed>>) {
        if placed.is_empty() {
            std::future::pending::<()>().await;
        }
        self.next.tick().await;
    }

    /// Looks at all of these, and tells of those that are not as they were known to be.
    pub(super) fn go(&self, placed: &BTreeMap<Name, Arc<Placed>>, events: &UnboundedSender<Event>) {
        let mut directories: BTreeMap<&Path, Vec<Arc<Placed>>> = BTreeMap::new();
        for placed in placed.values() {
            let directory = placed.file.parent().unwrap_or(Path::new(""));
            directories.entry(directory).or_default().push(placed.clone());
        }
        for (directory, placed) in directories {
            let (directory, placed): (PathBuf, Arc<[_]>) = (directory.to_owned(), placed.into());
            let (places, patience, events) = (self.places.clone(), self.patience, events.clone());
            tokio::spawn(async move {
                let cannot_tell = |why: &str| {
                    for placed in &*placed {
                        tell(placed, Err(why.to_owned()), &events);
                    }
                };
                let name = directory.display().to_string();
                // The round before still goes on here: what it finds, it tells.
                let Some(turn) = places.turn(&name) else { return };
                // Others hang and hold all places: that says nothing of what lies here.
                let Ok(turn) = turn.place(patience).await else { return };
                let progress = Arc::new(AtomicU64::new(0));
                let looking = {
                    let (placed, events, progress) = (placed.clone(), events.clone(), progress.clone());
                    tokio::task::spawn_blocking(move || {
                        let _held = turn;
                        look(&placed, &events, &progress);
                    })
                };
                match unless_it_hangs(looking, &progress, patience).await {
                    Some(Ok(())) => {}
                    Some(Err(panic)) => error!(directory = name, %panic, "could not look at published files"),
                    None => {
                        places.give_up(&name);
                        let time = format_duration(patience);
                        cannot_tell(&format!("{name} did not answer within {time}; is a share gone?"));
                    }
                }
            });
        }
    }
}

fn look(placed: &[Arc<Placed>], events: &UnboundedSender<Event>, progress: &AtomicU64) {
    for placed in placed {
        let found = checks::sight(placed, progress);
        progress.fetch_add(1, Ordering::Relaxed);
        tell(placed, found, events);
    }
}

fn tell(placed: &Placed, found: Result<Option<crate::model::Lying>, String>, events: &UnboundedSender<Event>) {
    if !placed.is_no_news(&found) {
        let sighting = Sighting {
            version: placed.version.clone(),
            file: placed.file.clone(),
            at: clock::now().wall,
            found,
        };
        // The receiver is gone only when the daemon ends; the next one looks again.
        let _ = events.send(Event::Sighted(sighting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{VersionNumber, VersionRef};

    #[tokio::test]
    async fn nobody_is_woken_while_nothing_is_published() {
        let (mut idle, mut rounds) = (Rounds::new(), Rounds::new());
        let stock = Name::from("stock");
        let placed = Placed {
            version: VersionRef {
                dataset: stock.clone(),
                number: VersionNumber(1),
            },
            file: PathBuf::from("/srv/stock.csv"),
            bytes: 10,
            sha256: String::new(),
            stamp: None,
            before: None,
        };
        let placed = BTreeMap::from([(stock, Arc::new(placed))]);
        let nothing = BTreeMap::new();
        tokio::select! {
            biased;
            () = idle.due(&nothing) => panic!("it was due before the others, with nothing to look at"),
            () = rounds.due(&placed) => {}
        }
    }
}
