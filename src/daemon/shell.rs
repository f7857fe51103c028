//! The main loop: drain events, decide, commit once, perform.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::alive::{self, Alive};
use super::board::Boards;
use super::care::{self, Care};
use super::chores::{Chore, Chores, give_back_memory};
use super::clock::{self, Timer};
use super::committing::Committed;
use super::control::{Ask, Asked};
use super::packing::Packing;
use super::perform::Performer;
use super::reloading::{Reloads, Wish};
use super::rounds::Rounds;
use super::rush::ComingRush;
use super::signals::Signals;
use super::space::Space;
use super::start::Loader;
use crate::engine::{Engine, STEP_FACTS_MAX};
use crate::model::{Action, Event, Reply, Request, Settings, elapsed, later};
use crate::runner;
use crate::store::{CommitError, Reader, Writer, suspect};

/// Events decided in one commit at most, so that replies and signals are not kept waiting.
const EVENTS_PER_COMMIT_MAX: usize = 4_096;
/// While no attempt goes on, every how many minutes it is looked how much space there is, and whether keepers are there:
/// what comes due next meets both. The first quiet minute looks too, so that a keeper gives back what it no longer needs.
const QUIET_MINUTES_PER_LOOK: u32 = 5;
/// Added to the longest sleep, which the two clocks measure in units of their own: what is due then is due at the wake.
const SLEEP_SLACK: Duration = Duration::from_millis(1);

/// Everything the loop holds.
pub(super) struct Shell {
    pub(super) engine: Engine,
    pub(super) writer: Writer,
    pub(super) performer: Performer,
    pub(super) timer: Timer,
    pub(super) rush: ComingRush,
    /// What the daemon's own work comes to.
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    /// What the keepers tell.
    pub(super) attempts: mpsc::Receiver<Event>,
    pub(super) woken: mpsc::UnboundedReceiver<()>,
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) signals: Signals,
    pub(super) alive: Alive,
    pub(super) chores: Chores,
    pub(super) care: Care,
    pub(super) packing: Packing,
    /// Looks at what was published.
    pub(super) rounds: Rounds,
    pub(super) boards: Boards,
    pub(super) loader: Loader,
    pub(super) reloads: Reloads,
    pub(super) state_dir: std::path::PathBuf,
    pub(super) requests: u64,
    /// The state of everything was asked for since memory was last looked at.
    pub(super) has_told_everything: bool,
    /// For how many minutes on end nothing has run, as it is looked at once a minute.
    pub(super) quiet_minutes: u32,
    /// A configuration was read, and taking it on goes over as many steps as it needs.
    pub(super) is_taking_on: bool,
    pub(super) stop: Stop,
    /// The number of the request for which a new configuration is being stored.
    pub(super) reload_asked: Option<u64>,
    pub(super) space: Space,
    /// Moves on with each commit, for windows that show what is new.
    pub(super) changes: watch::Sender<u64>,
}

/// Whether disk and keepers are to be looked at in a minute, by how many quiet ones there were on end, with this one.
fn is_look_due(quiet_minutes: u32) -> bool {
    quiet_minutes == 0 || quiet_minutes % QUIET_MINUTES_PER_LOOK == 1
}

/// Whether the daemon is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody has said so.
    NotTold,
    /// It was told to: what cannot be stored at once is not waited for.
    Told,
    /// The same, and a step was dropped because it could not be stored: nothing is decided any more.
    Dropped,
}

impl Shell {
    /// Runs until told to stop. Running attempts go on without the daemon.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        let mut batch = Vec::new();
        // Nothing runs, and another such minute may follow, for which little of the program is needed.
        let mut is_quiet = false;
        while self.stop == Stop::NotTold {
            self.sleep_until_next()?;
            if std::mem::take(&mut is_quiet) {
                runner::give_back_program();
            }
            tokio::select! {
                Some(event) = self.events.recv() => batch.push(event),
                Some(event) = self.attempts.recv() => batch.push(event),
                woken = self.woken.recv() => {
                    woken.context("the timer's thread has ended, and nothing would start any more")?;
                    self.timer.disarmed();
                    batch.push(Event::Tick);
                }
                Some(asked) = self.asked.recv() => self.asked(asked, &mut batch).await,
                (wish, read) = self.reloads.next() => self.was_read(wish, read, &mut batch).await?,
                Some(chore) = self.chores.next() => self.do_chore(chore, &mut batch),
                turn = self.care.next() => self.looked_after(turn, &mut batch)?,
                Some(()) = self.signals.hangup.recv() => self.reload_by_signal(),
                Some(()) = self.signals.terminate.recv() => break,
                Some(()) = self.signals.interrupt.recv() => break,
                () = self.alive.beat() => batch.push(Event::Tick),
                () = self.rounds.due(self.engine.placed()) => self.rounds.go(self.engine.placed(), &self.performer.events),
                () = self.boards.due() => batch.push(Event::Tick),
                () = self.writer.rested() => give_back_memory(),
            }
            while batch.len() < EVENTS_PER_COMMIT_MAX
                && let Some(event) = self.at_hand()
            {
                batch.push(event);
            }
            let is_record_due = self.alive.take_due_record();
            if is_record_due {
                batch.push(Event::Alive);
            }
            self.decide(&mut batch).await?;
            if is_record_due {
                self.look_around();
                is_quiet = self.quiet_minutes > 0;
            }
            self.alive
                .turned(&self.engine, clock::now(), &self.writer, &self.performer.delivery);
            if self.boards.is_due() {
                self.show_board();
            }
        }
        self.stop().await
    }

    /// What is looked at once a minute, whatever happens meanwhile.
    fn look_around(&mut self) {
        self.alive.look_for_unheard(&self.engine, clock::now());
        if std::mem::take(&mut self.has_told_everything) {
            give_back_memory();
        }
        self.quiet_minutes = match self.engine.has_attempts() {
            true => 0,
            false => self.quiet_minutes.wrapping_add(1),
        };
        if is_look_due(self.quiet_minutes) {
            self.space.look();
            self.performer.keepers.look();
        }
    }

    fn at_hand(&mut self) -> Option<Event> {
        self.attempts.try_recv().or_else(|_| self.events.try_recv()).ok()
    }

    /// Decides about all events at hand, commits the facts of all of them, then performs their actions.
    pub(super) async fn decide(&mut self, batch: &mut Vec<Event>) -> anyhow::Result<()> {
        let mut facts = Vec::new();
        let mut actions: Vec<Action> = Vec::new();
        let mut taken_on = None;
        let now = clock::now();
        if let Some(by_ms) = self.timer.stepped(now) {
            batch.insert(0, Event::ClockStepped { by_ms });
        }
        for event in batch.drain(..) {
            if let Event::Reloaded { settings, .. } = &event {
                taken_on = Some(settings.clone());
            }
            let step = self.engine.handle(now, event);
            facts.extend(step.facts);
            actions.extend(step.actions);
            if facts.len() >= STEP_FACTS_MAX {
                let committed = self.commit(std::mem::take(&mut facts), &actions, now.wall).await?;
                if committed == Committed::Dropped {
                    self.stop = Stop::Dropped;
                    break;
                }
                self.perform(std::mem::take(&mut actions), taken_on.take());
            }
        }
        if self.stop != Stop::Dropped
            && !facts.is_empty()
            && self.commit(facts, &actions, now.wall).await? == Committed::Dropped
        {
            self.stop = Stop::Dropped;
        }
        if self.stop == Stop::Dropped {
            return Ok(());
        }
        self.perform(actions, taken_on);
        if self.is_taking_on && !self.engine.is_behind() {
            self.is_taking_on = false;
            // Reading the configuration and storing it took twice what is kept of it.
            runner::give_back_memory();
        }
        Ok(())
    }

    /// What a reload decides may be for a channel that it brings: the new configuration comes first.
    fn perform(&mut self, actions: Vec<Action>, taken_on: Option<Arc<Settings>>) {
        if let Some(settings) = taken_on {
            self.performer.take_on(settings);
        }
        let now = clock::now();
        let next = self.engine.next_wake(now);
        self.performer
            .perform(actions, next.map(|next| elapsed(now.wall, next)));
    }

    /// Prints the state of everything, if anybody watches: with ten thousand jobs that is some work.
    pub(super) fn show_board(&mut self) {
        if self.boards.are_watched()
            && let Ok(status) = self.engine.status(None)
        {
            self.boards.print(status);
        }
    }

    /// No longer than until the next record: the clock and the heap are looked at again then, whatever happened.
    fn sleep_until_next(&mut self) -> anyhow::Result<()> {
        let now = clock::now();
        let latest = later(now.wall, self.alive.until_record() + SLEEP_SLACK);
        let next = self.engine.next_wake(now).map_or(latest, |next| next.min(latest));
        let until = self.rush.announce(&self.engine, &self.performer.keepers, now, next);
        self.timer.arm(until)
    }

    async fn asked(&mut self, asked: Asked, batch: &mut Vec<Event>) {
        match asked.ask {
            Ask::Engine(request) => {
                let (now, is_status) = (clock::now(), matches!(request, Request::Status { name: None }));
                self.has_told_everything |= is_status;
                if let Some(mut reply) = self.engine.answer(now, &request) {
                    if let (true, Reply::Done(status)) = (is_status, &mut reply) {
                        self.alive.sign(status, &self.engine, now);
                        self.performer.add_channels_off(status);
                    }
                    let _ = asked.answer.send(reply);
                    return;
                }
                self.requests += 1;
                self.performer.replies.insert(self.requests, asked.answer);
                batch.push(Event::Requested {
                    id: self.requests,
                    by: asked.by,
                    request,
                });
            }
            Ask::ConfirmClock { because } => {
                // The store is read at the instant that is confirmed, with all that was decided before in it.
                let now = clock::now();
                let state_dir = self.state_dir.clone();
                let read = tokio::task::spawn_blocking(move || Reader::open(&state_dir)?.ahead(now.wall)).await;
                match read.map_err(anyhow::Error::from).and_then(|read| Ok(read?)) {
                    Ok(ahead) => {
                        self.requests += 1;
                        self.performer.replies.insert(self.requests, asked.answer);
                        batch.push(Event::ClockConfirmed {
                            id: self.requests,
                            by: asked.by,
                            because,
                            ahead,
                        });
                    }
                    Err(error) => {
                        let why = format!("what is recorded could not be read: {error:#}");
                        let _ = asked.answer.send(Reply::Refused(why));
                    }
                }
            }
            Ask::Decide(wish) => self.decide_by_hand(wish, asked.by, asked.answer),
            Ask::Resend { message } => self.resend(message, asked.by, asked.answer),
            Ask::Prune => {
                self.requests += 1;
                self.performer.replies.insert(self.requests, asked.answer);
                batch.push(Event::Prune {
                    files: true,
                    asked: Some(self.requests),
                });
            }
            Ask::Reload => {
                self.requests += 1;
                let id = self.requests;
                self.performer.replies.insert(id, asked.answer);
                self.reloads.read(Wish::Request { id, by: asked.by });
            }
        }
    }

    /// Begins a chore beside the loop: none of them may keep a due job waiting.
    fn do_chore(&mut self, chore: Chore, batch: &mut Vec<Event>) {
        match chore {
            Chore::Checkpoint => {
                let copied = self.writer.checkpoint();
                give_back_memory();
                tokio::spawn(async move {
                    if let Err(error) = copied.await {
                        warn!(%error, "could not copy the store's log into its database");
                    }
                });
            }
            Chore::LookAhead => {
                let loader = self.loader.clone();
                tokio::task::spawn_blocking(move || loader.look_ahead());
            }
            Chore::Forget | Chore::ForgetFiles => {
                let files = chore == Chore::ForgetFiles;
                if files {
                    self.packing.look();
                }
                batch.push(Event::Prune { files, asked: None });
            }
            Chore::Care => self.care.look(),
        }
    }

    /// A look at freshd's own records is due, or has ended. On a damaged database nothing more is decided: the next start
    /// sets it aside.
    fn looked_after(&mut self, turn: care::Turn, batch: &mut Vec<Event>) -> anyhow::Result<()> {
        match turn {
            care::Turn::Due => self.care.look(),
            care::Turn::Ended(care::Outcome::Nothing) => give_back_memory(),
            care::Turn::Ended(care::Outcome::Backup(result)) => {
                // The backup was loaded whole, to see that a start could.
                give_back_memory();
                batch.push(Event::Backup { result });
            }
            care::Turn::Ended(care::Outcome::Damaged(damage)) => {
                suspect(&self.state_dir, &damage);
                bail!(
                    "the database is damaged ({damage}); freshd ends, and the next start sets it aside and goes on from \
                     the newest backup"
                );
            }
        }
        Ok(())
    }

    /// Ends in order. What was asked for is stored; attempts go on with their keeper.
    async fn stop(mut self) -> anyhow::Result<()> {
        alive::stopping();
        info!("stopping; running jobs go on and are taken up again at the next start");
        if self.stop != Stop::Dropped {
            self.stop = Stop::Told;
            let mut last = vec![Event::Stopping];
            self.decide(&mut last).await?;
        }
        // With nobody to hear them, keepers do not wait to be heard.
        let Self {
            writer,
            performer,
            attempts,
            ..
        } = self;
        drop(attempts);
        performer.keepers.close().await;
        let closed = tokio::task::spawn_blocking(move || writer.close()).await;
        match closed.context("close the store")? {
            // The log stays beside the database, with all that was stored: the next start copies it.
            Err(CommitError::Full) => Ok(()),
            closed => closed.context("close the store"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_and_keepers_are_looked_at_each_minute_while_something_runs_and_each_fifth_at_rest() {
        assert!(is_look_due(0), "something runs");
        let looks: Vec<u32> = (1..=12).filter(|minute| is_look_due(*minute)).collect();
        assert_eq!(looks, [1, 6, 11]);
    }
}
