//! A keeper that lives and does not answer: stopped, or waiting for a disk that hangs.
//!
//! What is safe then, and what is not:
//!
//! - What it was given stays its own. It may have read that already, and would start it once it goes on; nobody else is
//!   ever sent the same attempt, and until it answers or dies nothing of those jobs starts beside it.
//! - It gets nothing new. A keeper of its own is started for new attempts; should that one hang too, and the next, the cause
//!   is no keeper, and what is new waits.
//! - It keeps no time limits, so they are kept from outside: its journal names each process by number and start time, and
//!   when the process must end. SIGTERM and SIGKILL harm nobody else, and sent twice, by the keeper too, they do no more.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{KeeperSet, Report};
use crate::model::{AttemptId, Event, StopReason};
use crate::runner::files::KeeperFiles;
use crate::runner::journal::{self, Record, Running, Started};
use crate::runner::orphan::Orphan;

/// Looks without a word after which a keeper is silent. With the pace of looks: it takes 20 to 30 s.
const SILENT_LOOKS_MAX: u32 = 2;

/// Silent keepers for which another one is started.
const REPLACED_MAX: usize = 3;

/// Sees that the attempts of a silent keeper end in time. Ends with it.
#[derive(Default)]
pub(super) struct Guard {
    watchers: JoinSet<()>,
    pub(super) stops: HashMap<AttemptId, mpsc::UnboundedSender<StopReason>>,
}

impl KeeperSet {
    /// Looks whether keepers answer.
    pub(super) async fn look_for_silence(&mut self) {
        let looked = self
            .links
            .iter_mut()
            .map(|(number, link)| (*number, link.look(SILENT_LOOKS_MAX)));
        let silent: Vec<u32> = looked
            .filter(|(_, is_silent)| *is_silent)
            .map(|(number, _)| number)
            .collect();
        for number in silent {
            self.fell_silent(number).await;
        }
    }

    /// Tells of a keeper that does not answer, and does what is safe.
    pub(super) async fn fell_silent(&mut self, number: u32) {
        let Some(link) = self.links.get_mut(&number).filter(|link| link.silent_since.is_none()) else {
            return;
        };
        let since = Timestamp::now();
        link.silent_since = Some(since);
        let mut attempts: Vec<AttemptId> = link.wanted.keys().chain(link.held.keys()).copied().collect();
        if self.unanswered.contains(&number) {
            attempts.extend(self.undecided.keys());
        }
        attempts.sort_unstable();
        link.retire();
        if self.current == Some(number) {
            self.current = None;
        }
        let guarded = self.guard(number, &attempts).await;
        tracing::error!(
            keeper = number,
            attempts = attempts.len(),
            guarded,
            "a keeper lives and does not answer"
        );
        self.tell(Event::KeeperSilent {
            keeper: number,
            since,
            attempts,
            guarded,
        })
        .await;
    }

    /// A keeper said something, or is dead.
    pub(super) async fn spoke(&mut self, number: u32) {
        if self.links.get_mut(&number).is_some_and(super::Link::spoke) {
            self.guards.remove(&number);
            tracing::warn!(keeper = number, "a keeper that was silent answers again, or is dead");
            self.tell(Event::KeeperAnswers(number)).await;
        }
    }

    /// Whether it is of use to start one more keeper.
    pub(super) fn may_replace(&self) -> bool {
        self.links.values().filter(|link| link.silent_since.is_some()).count() <= REPLACED_MAX
    }

    /// Keeps the time limits of what a keeper runs of these attempts, which are sorted. Returns whether all are kept.
    async fn guard(&mut self, number: u32, attempts: &[AttemptId]) -> bool {
        let path = KeeperFiles::new(&self.state_dir, number).journal();
        let read = tokio::task::spawn_blocking(move || journal::read(&path)).await;
        let Ok(Ok(contents)) = read else { return false };
        let is_whole = contents.damage.is_none();
        let mut guard = Guard::default();
        for (started, running) in going(contents.records) {
            let id = started.id;
            if attempts.binary_search(&id).is_err() {
                continue;
            }
            let (stops, inbox) = mpsc::unbounded_channel();
            guard.stops.insert(id, stops);
            let reports = self.reports.clone();
            guard.watchers.spawn(async move {
                let says = move |reason| {
                    let _ = reports.send(Report::EndedOutside(id, reason));
                };
                Orphan { started, running }.end_in_time(inbox, says).await;
            });
        }
        self.guards.insert(number, guard);
        is_whole
    }
}

/// What a journal says was started and has not ended.
fn going(records: Vec<Record>) -> Vec<(Started, Option<Running>)> {
    let mut going: HashMap<AttemptId, (Started, Option<Running>)> = HashMap::new();
    for record in records {
        match record {
            Record::Started(started) => {
                going.insert(started.id, (started, None));
            }
            Record::Running(running) => {
                if let Some(started) = going.get_mut(&running.id) {
                    started.1 = Some(running);
                }
            }
            Record::Exited(exit) => {
                going.remove(&exit.id);
            }
            Record::Refused(id) => {
                going.remove(&id);
            }
            Record::Fence => {}
        }
    }
    going.into_values().collect()
}
