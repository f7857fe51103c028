//! What is left when a keeper died: how that was, in words, for whoever asks what became of an attempt that it had; and
//! somebody who sees such an attempt to its end.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::super::link_state::Link;
use super::{KeeperSet, Report};
use crate::model::{Event, StopReason};
use crate::runner::orphan::Orphan;

/// Runs named in one sentence.
const RUNS_NAMED_MAX: usize = 5;

/// Of one whose end nobody saw, since it belonged to an earlier life of the daemon.
pub(super) const UNSEEN: &str = "its keeper died";

/// The beginning of a sentence: how a keeper died, as far as that is known, and what it had in its hands. Any of these may
/// have done it; the kernel tells nobody who sent a signal that kills.
pub(super) fn death_of(how: Option<&str>, link: &Link) -> Arc<str> {
    let Some(how) = how else { return UNSEEN.into() };
    let mut runs: Vec<u64> = link.wanted.keys().chain(link.held.keys()).map(|id| id.run.0).collect();
    runs.sort_unstable();
    runs.dedup();
    format!("its keeper {how} with {} in its hands", named(&runs)).into()
}

impl KeeperSet {
    /// Sees an attempt to its end that has no keeper any more; `death` says how that one died.
    pub(super) async fn watch(&mut self, orphan: Orphan, death: Arc<str>, stop: Option<StopReason>) {
        let id = orphan.started.id;
        if let (Some(running), Some(_)) = (&orphan.running, orphan.find()) {
            let (pid, at) = (running.pid, running.at);
            self.tell(Event::AttemptStarted { id, pid, at }).await;
        }
        let (stops, stops_inbox) = mpsc::unbounded_channel();
        if let Some(reason) = stop {
            let _ = stops.send(reason);
        }
        self.orphans.insert(id, stops);
        let reports = self.reports.clone();
        self.watchers.spawn(async move {
            let exit = orphan.watch(&death, stops_inbox).await;
            let _ = reports.send(Report::OrphanEnded(Box::new(exit)));
        });
    }
}

/// `run 3, run 4`, and of more than five: `run 1, run 2, run 3, run 4, run 5 and 2 others`.
fn named(runs: &[u64]) -> String {
    let named: Vec<String> = runs
        .iter()
        .take(RUNS_NAMED_MAX)
        .map(|run| format!("run {run}"))
        .collect();
    let others = runs.len() - named.len();
    match others {
        0 if named.is_empty() => "nothing".to_owned(),
        0 => named.join(", "),
        1 => format!("{} and another", named.join(", ")),
        _ => format!("{} and {others} others", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_of_runs_is_not_named_whole() {
        assert_eq!(named(&[]), "nothing");
        assert_eq!(named(&[3, 4]), "run 3, run 4");
        assert_eq!(
            named(&[1, 2, 3, 4, 5, 6]),
            "run 1, run 2, run 3, run 4, run 5 and another"
        );
        assert_eq!(
            named(&[1, 2, 3, 4, 5, 6, 7]),
            "run 1, run 2, run 3, run 4, run 5 and 2 others"
        );
    }
}
