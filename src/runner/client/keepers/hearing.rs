//! What keepers say, living or by their journals, and what follows from it.

use std::collections::HashSet;

use tokio::time::Instant;

use super::super::dead::{DeadKeeper, Testament};
use super::deaths::{UNSEEN, death_of};
use super::doubt::{Doubt, never_ran};
use super::{DEATHS_MAX, FIRST_LAUNCHES_MAX, KeeperSet, REFUSED_RETRY, Report};
use crate::model::{AttemptId, Event, Exit};
use crate::runner::files::{KeeperFiles, is_full};
use crate::runner::link::News;
use crate::runner::orphan::Orphan;
use crate::runner::sys;
use crate::runner::wire::{Known, KnownState, ToDaemon, ToKeeper};

impl KeeperSet {
    pub(super) async fn hear(&mut self, number: u32, news: News) {
        if matches!(news, News::Message(_) | News::Dead(..)) {
            self.spoke(number).await;
        }
        match news {
            News::Connected(outgoing) => {
                if let Some(link) = self.links.get_mut(&number) {
                    link.connected(outgoing);
                }
            }
            News::Lost => {
                if let Some(link) = self.links.get_mut(&number) {
                    link.lost();
                }
            }
            News::Message(message) => self.read(number, *message).await,
            News::Dead(lock, how) => {
                let files = KeeperFiles::new(&self.state_dir, number);
                let (dead, testament) = DeadKeeper::open(files, lock);
                self.bury(number, dead, testament, how.as_deref()).await;
            }
        }
    }

    async fn read(&mut self, number: u32, message: ToDaemon) {
        match message {
            ToDaemon::Known(known) => self.learn(number, known).await,
            ToDaemon::Started { id, pid, at } => {
                self.introduce_expected(number, id).await;
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                if link.started(id) {
                    self.tell(Event::AttemptStarted { id, pid, at }).await;
                }
            }
            // The last thing that comes of a minute in which nothing else did: what all that used of the program is not
            // needed for as long again.
            ToDaemon::Pong if !self.has_work() => sys::give_back_program(),
            ToDaemon::Pong => {}
            ToDaemon::Exited(mut exit) => {
                self.say_why(&mut exit);
                self.introduce_expected(number, exit.id).await;
                let was_undecided = self.settle(exit.id);
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                if was_undecided {
                    link.held.insert(exit.id, true);
                }
                if link.ended(exit.id) {
                    self.tell(Event::AttemptEnded(*exit)).await;
                } else if !link.told.contains(&exit.id) {
                    // It was stored before; only the acknowledgement got lost.
                    let _ = link.send(&ToKeeper::Acknowledge(vec![exit.id]));
                }
            }
            ToDaemon::Refused { id, why, lasting } => {
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                let refused = link.wanted.remove(&id);
                // It is tried again and again; that is said once.
                let is_first = refused.as_ref().is_none_or(|wanted| !wanted.was_refused);
                if is_first {
                    tracing::warn!(keeper = number, attempt = %id, why, "a keeper cannot start an attempt");
                }
                if lasting && self.current == Some(number) {
                    link.retire();
                    self.current = None;
                    self.launch_failed();
                }
                if let Some(mut wanted) = refused {
                    if let Some(reason) = wanted.stop {
                        let exit = never_ran(id, why, Some(reason));
                        return self.tell(Event::AttemptEnded(exit)).await;
                    }
                    wanted.was_refused |= !lasting;
                    wanted.not_before = (!lasting).then(|| Instant::now() + REFUSED_RETRY);
                    self.waiting.push(wanted);
                    if is_first && !lasting {
                        self.tell(Event::AttemptRefused { id, why }).await;
                    }
                }
            }
        }
    }

    /// A part of the list of what a keeper knows.
    async fn learn(&mut self, number: u32, known: Known) {
        for attempt in known.attempts {
            let id = attempt.id;
            let was_undecided = self.settle(id);
            let is_known = self.links.get(&number).is_some_and(|link| link.knows(id));
            let is_stranger = !was_undecided && !is_known && self.may_have_strangers(number);
            if is_stranger && matches!(attempt.state, KnownState::Pending) {
                self.expect_stranger(id);
            } else if is_stranger {
                self.introduce_by_journal(number, id).await;
            }
            let Some(link) = self.links.get_mut(&number) else {
                return;
            };
            link.listed.insert(id);
            match attempt.state {
                KnownState::Pending => {
                    if !link.wanted.contains_key(&id) {
                        link.held.entry(id).or_insert(false);
                    }
                }
                KnownState::Running { pid, at } => {
                    if link.started(id) {
                        self.tell(Event::AttemptStarted { id, pid, at }).await;
                    }
                }
                KnownState::Ended => {
                    // The exit follows. If nobody asked, it is stored already.
                    if was_undecided || is_stranger || link.wanted.remove(&id).is_some() {
                        link.held.insert(id, true);
                    }
                }
            }
            if let Some(reason) = self.early_stops.remove(&id) {
                self.stop(id, reason).await;
            }
        }
        if !known.complete {
            return;
        }
        if self.may_have_strangers(number) {
            let listed = self.links.get(&number).map(|link| link.listed.clone());
            self.tell_of_ends_before(number, &listed.unwrap_or_default()).await;
        }
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        link.build = known.build;
        link.answers_pings = known.answers_pings;
        link.is_retired |= known.retired;
        let forgotten = link.list_complete().into_iter().map(|id| Doubt {
            id,
            running: None,
            stop: None,
            why: format!("keeper {number} does not know it any more"),
        });
        self.ask_kernel_or_end(forgotten.collect()).await;
        self.answered(number).await;
    }

    /// The attempt is found: it needs no decision. Returns whether it waited for one.
    pub(super) fn settle(&mut self, id: AttemptId) -> bool {
        let was_undecided = self.undecided.remove(&id).is_some();
        if was_undecided {
            self.early.remove(&id);
        }
        if self.dangling.remove(&id).is_some() {
            self.acknowledge(id);
        }
        was_undecided
    }

    /// A keeper is dead: what it leaves is passed on, watched, or given to another.
    async fn bury(&mut self, number: u32, mut dead: DeadKeeper, mut testament: Testament, how: Option<&str>) {
        self.any_died = true;
        self.serving.remove(&number);
        let is_damaged = testament.damage.is_some();
        self.doubts.damages.extend(testament.damage.take());
        self.doubts.any_damaged |= is_damaged;
        let link = self.links.remove(&number).unwrap_or_default();
        if self.current == Some(number) {
            tracing::error!(keeper = number, "the keeper died; what it ran is looked for");
            self.current = None;
            self.launch_failed();
        }
        let death = death_of(how, &link);
        for id in &link.told {
            dead.keep_open(*id);
        }
        let mut events = Vec::new();
        let mut ended = HashSet::new();
        let has_strangers = self.may_have_strangers(number);
        let mut exits: Vec<_> = std::mem::take(&mut testament.exits).into_iter().collect();
        exits.sort_by_key(|(id, _)| *id);
        for (id, exit) in exits {
            ended.insert(id);
            let started = testament.started.remove(&id);
            let was_undecided = self.settle(id);
            if let Some(started) = started.filter(|_| has_strangers && !was_undecided) {
                self.introduce(&started).await;
                dead.keep_open(id);
                events.push(Event::AttemptEnded(exit));
            } else if was_undecided || link.wanted.contains_key(&id) || link.held.contains_key(&id) {
                dead.keep_open(id);
                events.push(Event::AttemptEnded(exit));
            }
        }
        let mut watch = Vec::new();
        let mut doubts = Vec::new();
        for (id, mut wanted) in link.wanted {
            if ended.contains(&id) {
                continue;
            }
            wanted.deaths += 1;
            if let Some(started) = testament.started.remove(&id) {
                watch.push((started, testament.running.remove(&id), wanted.stop));
            } else if is_damaged {
                doubts.push(Doubt {
                    id,
                    running: testament.running.remove(&id),
                    stop: wanted.stop,
                    why: format!("{death}, and its journal is damaged"),
                });
            } else if wanted.deaths >= DEATHS_MAX || wanted.stop.is_some() {
                let why = match wanted.deaths {
                    1 => format!("{death}, before it could start it"),
                    deaths => format!("{deaths} keepers died before they could start it: {death}"),
                };
                events.push(Event::AttemptEnded(never_ran(id, why, wanted.stop)));
            } else {
                self.waiting.push(wanted);
            }
        }
        for (id, has_started) in link.held {
            if ended.contains(&id) {
                continue;
            }
            if let Some(started) = testament.started.remove(&id) {
                watch.push((started, testament.running.remove(&id), None));
            } else if has_started || is_damaged {
                doubts.push(Doubt {
                    id,
                    running: testament.running.remove(&id),
                    stop: None,
                    why: format!("{death}, and its journal does not name it"),
                });
            } else {
                events.push(Event::AttemptNeverStarted(id));
            }
        }
        let mut started: Vec<_> = testament.started.into_iter().collect();
        started.sort_by_key(|(id, _)| *id);
        for (id, started) in started {
            if has_strangers && !self.undecided.contains_key(&id) {
                self.introduce(&started).await;
                self.undecided.insert(id, true);
            }
            if self.undecided.contains_key(&id) {
                dead.keep_open(id);
                self.dangling.insert(id, (started, testament.running.remove(&id)));
            }
        }
        let watched = watch.iter().map(|(started, _, _)| started.id);
        let doubted = doubts.iter().map(|doubt| doubt.id);
        for id in watched.chain(doubted) {
            dead.keep_open(id);
        }
        if is_damaged {
            // What it said of processes helps to find them, and the next daemon needs the doubt.
            for id in self.undecided.keys() {
                dead.keep_open(*id);
            }
            self.doubts.last_words.extend(std::mem::take(&mut testament.running));
        }
        if !dead.remove_if_done() {
            self.dead.insert(number, dead);
        }
        for event in events {
            self.tell(event).await;
        }
        for (started, running, stop) in watch {
            self.watch(Orphan { started, running }, death.clone(), stop).await;
        }
        self.ask_kernel_or_end(doubts).await;
        self.answered(number).await;
        if self.unanswered.is_empty() {
            self.tell_of_damage().await;
        }
    }

    pub(super) async fn note(&mut self, report: Report) {
        match report {
            Report::Launched(number, Ok(ended)) => {
                self.is_launching = false;
                self.serve(number, Some(ended));
                self.current = Some(number);
                if let Some(ready) = self.ready.take() {
                    let _ = ready.send(Ok(()));
                }
            }
            Report::Launched(number, Err(error)) => {
                self.is_launching = false;
                tracing::error!(keeper = number, why = %error, "no keeper could be started");
                self.launch_failed();
                if self.launch_failures >= FIRST_LAUNCHES_MAX
                    && let Some(ready) = self.ready.take()
                {
                    // On a full disk it is tried again and again; a daemon that ends could say no more than that.
                    let said = if is_full(&error) {
                        Ok(())
                    } else {
                        Err(error.to_string())
                    };
                    let _ = ready.send(said);
                }
            }
            Report::EndedOutside(id, reason) => {
                self.ended_outside.insert(id, reason);
            }
            Report::OrphanEnded(mut exit) => {
                self.say_why(&mut exit);
                self.orphans.remove(&exit.id);
                while self.watchers.try_join_next().is_some() {}
                for dead in self.dead.values_mut() {
                    if dead.knows(exit.id) {
                        dead.record(&exit);
                    }
                }
                self.tell(Event::AttemptEnded(*exit)).await;
            }
        }
    }

    /// An attempt that was told to end from outside ended for that, whatever its keeper knows.
    fn say_why(&self, exit: &mut Exit) {
        exit.stop = exit.stop.or_else(|| self.ended_outside.get(&exit.id).copied());
    }

    /// A keeper of an earlier life was heard, or is dead.
    async fn answered(&mut self, number: u32) {
        if let Some(link) = self.links.get(&number)
            && link.is_ready
            && self.current == Some(number)
        {
            self.launch_failures = 0;
        }
        if self.unanswered.remove(&number) {
            self.decide().await;
        }
    }

    /// When every keeper was heard: what none of them has never started, unless there is reason to doubt.
    pub(super) async fn decide(&mut self) {
        if !self.unanswered.is_empty() {
            return;
        }
        for (id, (started, running)) in std::mem::take(&mut self.dangling) {
            self.undecided.remove(&id);
            let stop = self.early.remove(&id).and_then(|wanted| wanted.stop);
            let stop = stop.or(self.early_stops.remove(&id));
            self.watch(Orphan { started, running }, UNSEEN.into(), stop).await;
        }
        self.strangers.close_journals();
        self.decide_doubtful().await;
        self.begin();
    }
}
