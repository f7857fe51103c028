//! What keepers say, living or by their journals, and what follows from it.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::dead::{DeadKeeper, Testament};
use super::{DEATHS_MAX, FIRST_LAUNCHES_MAX, KeeperSet, REFUSED_RETRY, Report};
use crate::model::{AttemptId, Event, Exit, ExitStatus, Output, StopReason, Usage};
use crate::runner::files::{KeeperFiles, is_full};
use crate::runner::journal::{Running, Started};
use crate::runner::link::News;
use crate::runner::orphan::Orphan;
use crate::runner::wire::{Known, KnownState, ToDaemon, ToKeeper};

impl KeeperSet {
    pub(super) async fn hear(&mut self, number: u32, news: News) {
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
            News::Dead(lock) => {
                let files = KeeperFiles::new(&self.state_dir, number);
                let (dead, testament) = DeadKeeper::open(files, lock);
                self.bury(number, dead, testament).await;
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
            ToDaemon::Exited(exit) => {
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
                tracing::warn!(keeper = number, attempt = %id, why, "a keeper cannot start an attempt");
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                let refused = link.wanted.remove(&id);
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
                    wanted.not_before = (!lasting).then(|| Instant::now() + REFUSED_RETRY);
                    self.waiting.push(wanted);
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
        link.is_retired |= known.retired;
        for id in link.list_complete() {
            let why = "its keeper does not know it any more".to_owned();
            tracing::error!(keeper = number, attempt = %id, why);
            self.tell(Event::AttemptEnded(unknown(id, why))).await;
        }
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
    async fn bury(&mut self, number: u32, mut dead: DeadKeeper, mut testament: Testament) {
        self.any_died = true;
        self.serving.remove(&number);
        self.any_damaged |= testament.is_damaged;
        let link = self.links.remove(&number).unwrap_or_default();
        if self.current == Some(number) {
            tracing::error!(keeper = number, "the keeper died; what it ran is looked for");
            self.current = None;
            self.launch_failed();
        }
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
        for (id, mut wanted) in link.wanted {
            if ended.contains(&id) {
                continue;
            }
            wanted.deaths += 1;
            if let Some(started) = testament.started.remove(&id) {
                watch.push((started, testament.running.remove(&id), wanted.stop));
            } else if testament.is_damaged {
                let why = "its keeper died and its journal is damaged".to_owned();
                events.push(Event::AttemptEnded(unknown(id, why)));
            } else if wanted.deaths >= DEATHS_MAX || wanted.stop.is_some() {
                let why = format!("{} keepers died before they could start it", wanted.deaths);
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
            } else if has_started || testament.is_damaged {
                let why = "its keeper died and its journal does not name it".to_owned();
                events.push(Event::AttemptEnded(unknown(id, why)));
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
        for (started, _, _) in &watch {
            dead.keep_open(started.id);
        }
        if !dead.remove_if_done() {
            self.dead.insert(number, dead);
        }
        for event in events {
            self.tell(event).await;
        }
        for (started, running, stop) in watch {
            self.watch(started, running, stop).await;
        }
        self.answered(number).await;
    }

    /// Sees an attempt to its end that has no keeper any more.
    async fn watch(&mut self, started: Started, running: Option<Running>, stop: Option<StopReason>) {
        let id = started.id;
        let orphan = Orphan { started, running };
        if let (Some(running), Ok(_)) = (&orphan.running, orphan.find()) {
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
            let exit = orphan.watch(stops_inbox).await;
            let _ = reports.send(Report::OrphanEnded(Box::new(exit)));
        });
    }

    pub(super) async fn note(&mut self, report: Report) {
        match report {
            Report::Launched(number, Ok(())) => {
                self.is_launching = false;
                self.serve(number);
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
            Report::OrphanEnded(exit) => {
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
            self.watch(started, running, stop).await;
        }
        self.strangers.close_journals();
        // What never began need not be told to end.
        self.early_stops.clear();
        for (id, was_started) in std::mem::take(&mut self.undecided) {
            let early = self.early.remove(&id);
            if was_started || self.any_damaged {
                let why = if was_started {
                    "it had started, and no keeper's journal knows more"
                } else {
                    "a keeper's journal is damaged, so it may have started"
                };
                self.tell(Event::AttemptEnded(unknown(id, why.to_owned()))).await;
            } else if let Some(wanted) = early {
                self.waiting.push(wanted);
            } else {
                self.tell(Event::AttemptNeverStarted(id)).await;
            }
        }
        self.begin();
    }
}

pub(super) fn never_ran(id: AttemptId, why: String, stop: Option<StopReason>) -> Exit {
    Exit {
        stop,
        status: ExitStatus::NotStarted(why.clone()),
        ..unknown(id, why)
    }
}

fn unknown(id: AttemptId, why: String) -> Exit {
    let now = Timestamp::now();
    Exit {
        id,
        status: ExitStatus::Unknown(why),
        stop: None,
        started_at: now,
        ended_at: now,
        pid: 0,
        usage: Usage::default(),
        output: Output::default(),
        out_of_memory: None,
        report: String::new(),
    }
}
