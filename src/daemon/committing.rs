//! Stores what was decided; and what the daemon does while a full disk takes nothing.
//!
//! Nothing is performed before it is stored, so that the loop stands still then. Who only looks is answered all the same,
//! from memory; who asks for anything else is told at once that it cannot be recorded; and whoever stops the daemon need
//! not wait. What was not stored had no effect, and the next start decides it again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;
use tracing::{error, info, warn};

use super::alive;
use super::clock;
use super::control::{Ask, Asked};
use super::narrate::narrate;
use super::shell::{Shell, Stop};
use crate::model::{Action, Fact, Reply};
use crate::store::CommitError;

/// A commit that failed for want of space is tried again after this long.
const COMMIT_RETRY: Duration = Duration::from_secs(2);

/// What became of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// They are durable: their actions may be performed.
    Stored,
    /// The daemon was told to stop before there was space. None of them is stored, and nothing must come of them.
    Dropped,
}

impl Shell {
    /// Nothing of `actions` is performed before this returns: a full disk holds everything back until there is space,
    /// first that of the reserve.
    pub(super) async fn commit(
        &mut self,
        facts: Vec<Fact>,
        actions: &[Action],
        at: Timestamp,
    ) -> anyhow::Result<Committed> {
        // Shared with the writer: a first start has a fact for each of ten thousand jobs.
        let facts = Arc::new(facts);
        let mut waits_since = None;
        loop {
            let error = match self.writer.commit(facts.clone()).await {
                Ok(()) => break,
                Err(error @ CommitError::Full) => {
                    if self.space.is_full() {
                        continue;
                    }
                    error
                }
                Err(error @ CommitError::Busy) => error,
                Err(error @ CommitError::Conflict(_)) => {
                    return Err(error)
                        .context("freshd contradicts its own records and ends before doing harm; this is a bug");
                }
                Err(error @ (CommitError::Io(_) | CommitError::Damaged(_) | CommitError::Closed)) => {
                    return Err(error).context("could not store what was decided");
                }
            };
            if self.stop != Stop::NotTold {
                warn!(%error, "told to stop before what was decided could be stored; nothing of it was begun, and the next start decides it again");
                return Ok(Committed::Dropped);
            }
            let since = *waits_since.get_or_insert_with(|| {
                error!(%error, "could not store what was decided; nothing starts and nobody is told until it is stored");
                clock::now().wall
            });
            self.refuse_askers(actions, &error);
            self.stand_still(since, &error).await;
        }
        if waits_since.is_some() {
            info!("stored again");
            alive::goes_on();
        }
        let zone = self.performer.settings.borrow().timezone.clone();
        narrate(&facts, &zone, at);
        for fact in facts.iter() {
            self.boards.saw(fact);
            self.packing.saw(fact);
        }
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        Ok(Committed::Stored)
    }

    /// Whoever asked for what waits to be stored is not kept waiting with it.
    fn refuse_askers(&mut self, actions: &[Action], error: &CommitError) {
        let replied = actions.iter().filter_map(|action| match action {
            Action::Reply { id, .. } => Some(*id),
            _ => None,
        });
        for id in replied.chain(self.reload_asked.take()) {
            if let Some(asker) = self.performer.replies.remove(&id) {
                let why = format!(
                    "not done yet: {}; it is done once that is over, unless freshd is stopped before",
                    hindrance(error)
                );
                let _ = asker.send(Reply::Refused(why));
            }
        }
    }

    /// Lets so much time pass that it is worth trying again, or until the daemon is told to stop.
    async fn stand_still(&mut self, since: Timestamp, error: &CommitError) {
        let pace = tokio::time::sleep(COMMIT_RETRY);
        tokio::pin!(pace);
        loop {
            tokio::select! {
                () = &mut pace => return,
                Some(asked) = self.asked.recv() => self.answer_standing(asked, since, error),
                Some(()) = self.signals.hangup.recv() => {
                    error!(%error, "jobs.toml was not reloaded, the configuration before stays in force");
                }
                Some(()) = self.signals.terminate.recv() => {
                    // It is tried once more: there may be space by now.
                    self.stop = Stop::Told;
                    return;
                }
                Some(()) = self.signals.interrupt.recv() => {
                    self.stop = Stop::Told;
                    return;
                }
                () = self.alive.stands_still(), if *error == CommitError::Full => {}
            }
        }
    }

    /// Answers from memory what needs nothing to be stored, and refuses the rest.
    fn answer_standing(&mut self, asked: Asked, since: Timestamp, error: &CommitError) {
        let known = match &asked.ask {
            Ask::Engine(request) => self.engine.answer(clock::now(), request),
            Ask::Reload | Ask::Prune | Ask::ConfirmClock { .. } | Ask::Decide(_) | Ask::Resend { .. } => None,
        };
        let reply = match known {
            Some(Reply::Done(mut facts)) => {
                if let Some(facts) = facts.as_object_mut() {
                    facts.insert("unstored_since".to_owned(), json!(since));
                }
                Reply::Done(facts)
            }
            Some(refused @ Reply::Refused(_)) => refused,
            None => Reply::Refused(format!("not done: {}; ask again once that is over", hindrance(error))),
        };
        let _ = asked.answer.send(reply);
    }
}

/// What keeps a wish from being recorded.
fn hindrance(error: &CommitError) -> String {
    match error {
        CommitError::Full => "no space is left to record it; make room".to_owned(),
        other => other.to_string(),
    }
}
