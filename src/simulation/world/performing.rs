//! Actions of committed steps, and what comes of them later.

use std::time::Duration;

use super::{Turn, World};
use crate::model::{
    Action, Aged, AttemptId, AttemptSpec, Event, ExitStatus, Notification, Observation, SearchFrom, Setback, VersionRef,
};
use crate::simulation::keepers::Handed;
use crate::simulation::{Outside, Play, Seen};

/// How long a word takes from the daemon to a keeper, or back.
const WORD_TAKES: Duration = Duration::from_millis(1);

impl<O: Outside> World<O> {
    /// Does what was decided. What comes of it is told to this life of the daemon only.
    pub(super) fn perform(&mut self, action: Action) {
        self.saw(&Seen::Performs(&action));
        let Some(life) = self.life() else { return };
        match action {
            Action::Start(spec) => {
                let keeper = self.keepers.current(life);
                self.after(WORD_TAKES, Turn::HandOver(life, keeper, spec));
            }
            Action::Stop { id, reason } => self.after(WORD_TAKES, Turn::Stop(life, id, reason)),
            Action::Acknowledge(id) => self.keepers.acknowledge(id),
            Action::Judge(judging) => {
                let id = judging.id;
                let play = self.play_of(id);
                let result = match self.hinders(id, |play| &mut play.unread) {
                    Some(setback) => Err(setback),
                    None => Ok(play.judgement(&judging)),
                };
                self.after(play.judged_after, Turn::Tell(life, Event::Judged { id, result }));
            }
            Action::Publish(publishing) => {
                let version = VersionRef {
                    dataset: publishing.version.dataset,
                    number: publishing.version.number,
                };
                let attempt = publishing.version.attempt;
                let play = attempt.map(|id| self.play_of(id));
                let hindered = attempt.and_then(|id| self.hinders(id, |play| &mut play.unplaced));
                let impossible = play.as_ref().and_then(|play| play.unpublishable).map(|why| Setback {
                    why: why.to_owned(),
                    may_pass: false,
                });
                let result = hindered.or(impossible).map_or(Ok(()), Err);
                self.saw(&Seen::Published(&version, &result));
                let after = play.map_or(Duration::ZERO, |play| play.published_after);
                let result = result.map(|()| None);
                self.after(after, Turn::Tell(life, Event::Published { version, result }));
            }
            Action::Probe(dataset) => {
                let at = self.moment();
                let (after, (found, path)) = self.outside.look(&dataset, at);
                let observation = Observation {
                    dataset: dataset.name.clone(),
                    at: at.now.wall,
                    found,
                    path,
                    written_at: None,
                };
                self.after(after, Turn::Tell(life, Event::Probed(observation)));
            }
            Action::Send { notification, .. } => self.send(life, &notification),
            Action::Search { limits, from } => {
                let found = match from {
                    // Files are not played, and texts not kept apart.
                    SearchFrom::Logs | SearchFrom::Texts => Aged::default(),
                    from => self.memory.piece(&limits, &from),
                };
                self.after(WORD_TAKES, Turn::Tell(life, Event::Aged(Ok(Box::new(found)))));
            }
            Action::LookBack { from, until } => {
                let week = Ok(Box::new(self.memory.week(from, until)));
                self.after(WORD_TAKES, Turn::Tell(life, Event::LookedBack { until, week }));
            }
            Action::Remove(_) | Action::Sweep => {
                let removed = Event::Removed { files: 0, bytes: 0 };
                self.after(WORD_TAKES, Turn::Tell(life, removed));
            }
            Action::Quarantine(_)
            | Action::Clean { .. }
            | Action::Reply { .. }
            | Action::Repeat { .. }
            | Action::Change { .. } => {}
        }
    }

    fn send(&mut self, life: u64, notification: &Notification) {
        let answer = self.outside.answer(notification, self.moment());
        self.saw(&Seen::Tried(notification, &answer));
        let id = notification.id;
        let (outcome, receipt) = (answer.outcome, None);
        let told = Event::Delivered { id, outcome, receipt };
        self.after(answer.after, Turn::Tell(life, told));
    }

    /// Something whose time has come.
    pub(super) fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Start => self.start(),
            Turn::Tell(life, event) => self.tell(life, event),
            Turn::HandOver(life, keeper, spec) => self.hand_over(life, keeper, *spec),
            Turn::Stop(life, id, reason) => {
                if self.life() == Some(life)
                    && let Some(ends_at) = self.keepers.stop(id, reason, self.moment())
                {
                    self.after(ends_at.saturating_sub(self.elapsed), Turn::Ends(id));
                }
            }
            Turn::Ends(id) => self.end(id),
            Turn::Beat(life) => {
                if self.life() == Some(life) {
                    self.after(self.alive_every, Turn::Beat(life));
                    self.tell(life, Event::Alive);
                }
            }
        }
    }

    fn tell(&mut self, life: u64, event: Event) {
        if let Some(daemon) = self.daemon.as_mut().filter(|daemon| daemon.life == life) {
            daemon.inbox.push(event);
            self.attend();
        }
    }

    /// A word that was on its way when its daemon died is lost once the next one is there.
    fn hand_over(&mut self, life: u64, keeper: u32, spec: AttemptSpec) {
        if self.life().is_some_and(|now| now != life) {
            return;
        }
        let at = self.moment();
        let number = match self.life() {
            Some(life) => self.keepers.current(life),
            None if self.keepers.lives(keeper) => keeper,
            None => return,
        };
        let id = spec.id;
        if self.keepers.knows(id) {
            if let Handed::Known(Some(exit)) = self.keepers.hand_over(number, &spec, &Play::succeeds(), at) {
                self.after(WORD_TAKES, Turn::Tell(life, Event::AttemptEnded(exit)));
            }
            return;
        }
        let play = self.outside.play(&spec, at);
        match self.keepers.hand_over(number, &spec, &play, at) {
            Handed::Known(_) => {}
            Handed::NotStarted(exit) => {
                self.saw(&Seen::NotStarted(id));
                self.after(WORD_TAKES, Turn::Tell(life, Event::AttemptEnded(exit)));
            }
            Handed::Begins if self.keeper_dies_next => {
                self.keeper_dies_next = false;
                self.kill_keeper();
            }
            Handed::Begins => {
                self.saw(&Seen::Began {
                    spec: &spec,
                    play: &play,
                });
                if play.wrote.is_some() {
                    self.wrote.insert(id, play.clone());
                }
                let ends_at = self.keepers.begin(number, spec, play, at);
                self.after(ends_at.saturating_sub(self.elapsed), Turn::Ends(id));
                let started = Event::AttemptStarted {
                    id,
                    pid: 1,
                    at: at.now.wall,
                };
                self.after(WORD_TAKES, Turn::Tell(life, started));
            }
        }
    }

    fn end(&mut self, id: AttemptId) {
        let (life, at) = (self.life(), self.moment());
        let Some(ending) = self.keepers.end(id, life, at) else {
            return;
        };
        let status: &ExitStatus = &ending.status;
        self.saw(&Seen::Ended {
            id,
            status,
            stop: ending.stop,
        });
        if let (Some(life), Some(exit)) = (life, ending.told) {
            self.tell(life, Event::AttemptEnded(exit));
        }
    }

    /// Whether the machine keeps freshd from the output of an attempt once more: what is counted, counts down.
    fn hinders(&mut self, id: AttemptId, counted: impl FnOnce(&mut Play) -> &mut u32) -> Option<Setback> {
        let left = counted(self.wrote.get_mut(&id)?);
        *left = left.checked_sub(1)?;
        Some(Setback {
            why: "no space left on device".to_owned(),
            may_pass: true,
        })
    }

    /// What the process of an attempt wrote lies where it was staged, also when the process is long gone.
    fn play_of(&self, id: AttemptId) -> Play {
        self.wrote.get(&id).cloned().unwrap_or_else(Play::succeeds)
    }
}
