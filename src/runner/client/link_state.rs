//! What the daemon remembers of one living keeper.

use std::collections::{HashMap, HashSet};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::wire::{ToKeeper, push_frame};
use crate::model::{AttemptId, AttemptSpec, StopReason};

/// An attempt that is to be started, and what became of it so far.
pub(super) struct Wanted {
    pub(super) spec: Box<AttemptSpec>,
    /// It was told to end before it was known to have started.
    pub(super) stop: Option<StopReason>,
    /// Keepers that died while they had it.
    pub(super) deaths: u32,
    /// Not to be sent before this.
    pub(super) not_before: Option<Instant>,
    /// A keeper could not start it, and that was told.
    pub(super) was_refused: bool,
}

/// One living keeper.
#[derive(Default)]
pub(super) struct Link {
    outgoing: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// It has listed everything it knows on the present connection.
    pub(super) is_ready: bool,
    /// The program it runs.
    pub(super) build: String,
    /// It says so when it is asked whether it is there.
    pub(super) answers_pings: bool,
    /// Looks at it since it has said anything, while it was asked for something.
    silent_looks: u32,
    /// It was found to be silent, since then.
    pub(super) silent_since: Option<jiff::Timestamp>,
    /// No new attempts go to it.
    pub(super) is_retired: bool,
    /// Attempts sent, or to be sent as soon as it is ready, of which it has said nothing yet.
    pub(super) wanted: HashMap<AttemptId, Wanted>,
    /// Attempts it has, whose end it has not told; the value says whether they are known to have started.
    pub(super) held: HashMap<AttemptId, bool>,
    /// Attempts whose end was passed on and is not acknowledged yet.
    pub(super) told: HashSet<AttemptId>,
    /// Stops for attempts it holds, to be said when it is ready.
    stops: HashMap<AttemptId, StopReason>,
    /// It is to be ready for so many attempts at once: to be said when it is heard again.
    expected: Option<usize>,
    /// Attempts in the list that is just arriving.
    pub(super) listed: HashSet<AttemptId>,
}

impl Link {
    /// A connection is there; the keeper begins with its list.
    pub(super) fn connected(&mut self, outgoing: mpsc::UnboundedSender<Vec<u8>>) {
        self.outgoing = Some(outgoing);
        self.is_ready = false;
        self.listed.clear();
    }

    /// The connection is lost.
    pub(super) fn lost(&mut self) {
        self.outgoing = None;
        self.is_ready = false;
    }

    /// Says something, if it can be said; else it is said, as state, when the keeper is ready again.
    pub(super) fn send(&self, message: &ToKeeper) -> std::io::Result<()> {
        let mut frame = Vec::new();
        push_frame(&mut frame, message)?;
        if let Some(outgoing) = self.outgoing.as_ref().filter(|_| self.is_ready) {
            let _ = outgoing.send(frame);
        }
        Ok(())
    }

    /// Looks whether it has said anything since it was last looked at, and asks it whether it is there. Returns whether it
    /// has just turned out that it does not answer: it has said nothing for more than `looks` looks, while it was asked
    /// for something, be it a connection.
    ///
    /// Looks are counted, not time: what it said while this process stood still is heard before the next look.
    pub(super) fn look(&mut self, looks: u32) -> bool {
        let is_asked = !self.is_ready || self.answers_pings || !self.wanted.is_empty();
        if !is_asked || self.silent_since.is_some() {
            return false;
        }
        if self.silent_looks == 0 && self.is_ready && self.answers_pings {
            let _ = self.send(&ToKeeper::Ping);
        }
        self.silent_looks += 1;
        self.silent_looks > looks
    }

    /// Whether it was looked at since it last said something, and is not known to be silent.
    pub(super) fn owes_answer(&self) -> bool {
        self.silent_looks > 0 && self.silent_since.is_none()
    }

    /// It said something. Returns whether it had been silent.
    pub(super) fn spoke(&mut self) -> bool {
        self.silent_looks = 0;
        self.silent_since.take().is_some()
    }

    /// Takes an attempt over. The error says that it can never be sent.
    pub(super) fn want(&mut self, wanted: Wanted) -> Result<(), (Wanted, std::io::Error)> {
        let id = wanted.spec.id;
        let stop = wanted.stop;
        let message = ToKeeper::Start(wanted.spec);
        let sent = self.send(&message);
        let ToKeeper::Start(spec) = message else {
            unreachable!("the message was made above")
        };
        let wanted = Wanted { spec, ..wanted };
        if let Err(error) = sent {
            return Err((wanted, error));
        }
        if let Some(reason) = stop {
            let _ = self.send(&ToKeeper::Stop { id, reason });
        }
        self.wanted.insert(id, wanted);
        Ok(())
    }

    /// Tells an attempt to end that this keeper has or will get. Returns whether it is one of its.
    pub(super) fn stop(&mut self, id: AttemptId, reason: StopReason) -> bool {
        if let Some(wanted) = self.wanted.get_mut(&id) {
            wanted.stop.get_or_insert(reason);
        } else if self.held.contains_key(&id) {
            self.stops.entry(id).or_insert(reason);
        } else {
            return false;
        }
        let _ = self.send(&ToKeeper::Stop { id, reason });
        true
    }

    /// The attempt is known to have started. Returns whether that is new.
    pub(super) fn started(&mut self, id: AttemptId) -> bool {
        if let Some(wanted) = self.wanted.remove(&id)
            && let Some(reason) = wanted.stop
        {
            self.stops.insert(id, reason);
        }
        !self.told.contains(&id) && self.held.insert(id, true) != Some(true)
    }

    /// The attempt ended. Returns whether this is new and of interest.
    pub(super) fn ended(&mut self, id: AttemptId) -> bool {
        let was_wanted = self.wanted.remove(&id).is_some();
        let was_held = self.held.remove(&id).is_some();
        self.stops.remove(&id);
        if was_wanted || was_held {
            self.told.insert(id);
        }
        was_wanted || was_held
    }

    /// So many attempts may come together soon.
    pub(super) fn get_ready(&mut self, attempts: usize) {
        if self.is_ready {
            let _ = self.send(&ToKeeper::GetReady(attempts));
        } else {
            self.expected = Some(attempts);
        }
    }

    /// The list is whole: says again what the keeper has not heard. Returns held attempts that it does not list.
    pub(super) fn list_complete(&mut self) -> Vec<AttemptId> {
        self.is_ready = true;
        if let Some(attempts) = self.expected.take() {
            self.get_ready(attempts);
        }
        let listed = std::mem::take(&mut self.listed);
        for (id, wanted) in std::mem::take(&mut self.wanted) {
            if listed.contains(&id) {
                self.wanted.insert(id, wanted);
            } else {
                // Encoded once before, so it can be again.
                let _ = self.want(wanted);
            }
        }
        for (id, reason) in &self.stops {
            let (id, reason) = (*id, *reason);
            let _ = self.send(&ToKeeper::Stop { id, reason });
        }
        if self.is_retired {
            let _ = self.send(&ToKeeper::Retire);
        }
        let mut vanished: Vec<_> = self.held.keys().copied().collect();
        vanished.retain(|id| !listed.contains(id));
        for id in &vanished {
            self.held.remove(id);
        }
        vanished
    }

    /// No new attempts for this one.
    pub(super) fn retire(&mut self) {
        if !self.is_retired {
            self.is_retired = true;
            let _ = self.send(&ToKeeper::Retire);
        }
    }

    /// Whether it has any attempt in its hands, or is to have one.
    pub(super) fn has_work(&self) -> bool {
        !self.wanted.is_empty() || !self.held.is_empty()
    }

    /// Whether the attempt is this keeper's in any way.
    pub(super) fn knows(&self, id: AttemptId) -> bool {
        self.wanted.contains_key(&id) || self.held.contains_key(&id) || self.told.contains(&id)
    }
}
