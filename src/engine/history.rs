//! Forgets what is beyond `[history]`, piece by piece: search, decide, commit, remove the files, search on.
//!
//! A round is a chain of events, so that whatever is due comes between two pieces. It is nowhere stored: a crash ends
//! it, and the next round finds again what this one left. The search proposes, in the store's own words, and what
//! decisions still need is refused here.

use std::collections::HashSet;
use std::sync::Arc;

use super::Engine;
use crate::model::{
    Action, Aged, AgedRun, Fact, Forgotten, HistoryLimits, IncidentId, Leftovers, Pruned, Reply, RunId, RunsForgotten,
    SearchFrom, VersionRef,
};
use crate::planner;

/// A round that goes on.
#[derive(Clone, Debug)]
pub(super) struct Pruning {
    limits: Arc<HistoryLimits>,
    /// Output, and what nobody names, are looked at, too.
    files: bool,
    /// Where to go on.
    next: Next,
    /// Requests to be answered in the end.
    asked: Vec<u64>,
    pruned: Pruned,
}

/// What a round does next.
#[derive(Clone, Debug)]
enum Next {
    Search(SearchFrom),
    Sweep,
    End,
}

impl Engine {
    /// Begins a round, or joins the one that goes on.
    pub(super) fn prune(&mut self, files: bool, asked: Option<u64>) {
        if self.clock_hold.is_some() {
            let why = "nothing is removed while the clock is not believed; see `freshd clock`";
            self.refuse_pruning(asked, why);
            return;
        }
        if self.space_hold.is_some() && asked.is_none() {
            return;
        }
        if let Some(pruning) = &mut self.pruning {
            pruning.files |= files;
            pruning.asked.extend(asked);
            return;
        }
        let limits = planner::history_limits(&self.settings, self.now.wall, &self.clock_leaps);
        self.pruning = Some(Pruning {
            limits: Arc::new(limits),
            files,
            next: Next::Search(SearchFrom::START),
            asked: asked.into_iter().collect(),
            pruned: Pruned::default(),
        });
        self.prune_on();
    }

    /// A search has found a piece, or has failed.
    pub(super) fn aged(&mut self, found: Result<Box<Aged>, String>) {
        let Some(mut pruning) = self.pruning.take() else {
            return;
        };
        let mut aged = match found {
            Ok(aged) if self.clock_hold.is_none() => *aged,
            Ok(_) => return self.refuse_pruning(pruning.asked, "the clock was set back meanwhile; see `freshd clock`"),
            Err(why) => return self.refuse_pruning(pruning.asked, &why),
        };
        let next = aged.next.take();
        let is_of_logs = matches!(pruning.next, Next::Search(SearchFrom::Logs));
        pruning.next = match next {
            // A search comes behind texts, and so to its end, only in a round that looks at files.
            Some(SearchFrom::Texts) if !pruning.files => Next::End,
            Some(next) => Next::Search(next),
            None if !is_of_logs => Next::Search(SearchFrom::Logs),
            None => Next::Sweep,
        };
        self.spare_what_is_needed(&mut aged);
        pruning.pruned.count(&aged);
        self.pruning = Some(pruning);
        self.forget(aged);
    }

    /// Files are gone; the round goes on.
    pub(super) fn removed(&mut self, files: u64, bytes: u64) {
        if let Some(pruning) = &mut self.pruning {
            pruning.pruned.files += files;
            pruning.pruned.bytes += bytes;
            self.prune_on();
        }
    }

    fn prune_on(&mut self) {
        let is_full = self.space_hold.is_some();
        let Some(pruning) = &mut self.pruning else { return };
        // Removing rows needs room before it makes any: on a full disk only files are removed.
        if is_full && matches!(&pruning.next, Next::Search(from) if *from != SearchFrom::Logs) {
            pruning.next = match pruning.files {
                true => Next::Search(SearchFrom::Logs),
                false => Next::End,
            };
        }
        match std::mem::replace(&mut pruning.next, Next::End) {
            Next::Search(from) => {
                pruning.next = Next::Search(from.clone());
                let limits = pruning.limits.clone();
                self.act(Action::Search { limits, from });
            }
            Next::Sweep => self.act(Action::Sweep),
            Next::End => {
                let Some(Pruning { asked, pruned, .. }) = self.pruning.take() else {
                    return;
                };
                let facts = serde_json::to_value(pruned).unwrap_or_default();
                for id in asked {
                    let reply = Reply::Done(facts.clone());
                    self.act(Action::Reply { id, reply });
                }
            }
        }
    }

    fn refuse_pruning(&mut self, asked: impl IntoIterator<Item = u64>, why: &str) {
        for id in asked {
            let reply = Reply::Refused(why.to_owned());
            self.act(Action::Reply { id, reply });
        }
    }

    /// Takes out of a piece what decisions still read, or what numbers are counted on from.
    fn spare_what_is_needed(&self, aged: &mut Aged) {
        let last: HashSet<RunId> = self
            .jobs
            .values()
            .filter_map(|state| Some(state.last.as_deref()?.0.id))
            .collect();
        let told: HashSet<IncidentId> = self.outbox.values().filter_map(|pending| pending.incident).collect();
        let is_over = |run: &AgedRun| {
            let is_last = last.contains(&run.id) || run.id.0 >= self.last_run;
            let needed = run.versions.iter().any(|version| self.is_needed(version));
            // Its occurrence is known to have run by this row alone.
            let is_ahead = self.recovered.known_ahead.contains_key(&run.job);
            !self.runs.contains_key(&run.id) && !is_last && !is_ahead && !needed
        };
        aged.runs.retain(is_over);
        aged.versions.retain(|version| !self.is_needed(version));
        aged.slots.retain(|(dataset, due_at)| {
            let slots = self.data.get(dataset).map_or(&[][..], |state| &state.slots);
            slots.iter().all(|slot| slot.due_at != *due_at)
        });
        aged.incidents.retain(|id| {
            let explains = !self.incidents.effects_of(*id).is_empty() || self.incidents.was_told_with(*id);
            let goes_on = self.incidents.get(*id).is_some() || explains;
            !goes_on && !told.contains(id) && id.0 < self.last_incident
        });
        aged.notifications
            .retain(|id| self.outbox.values().all(|pending| pending.id != *id) && id.0 < self.last_notification);
        aged.lives.retain(|number| *number < self.life.number);
        aged.acceptances
            .retain(|(digest, _)| self.runs.values().all(|run| run.settings_digest != *digest));
        aged.texts
            .retain(|text| *text != self.settings.digest && *text != self.host.boot_id);
    }

    /// Whether anything still refers to a version that decisions are made from.
    fn is_needed(&self, version: &VersionRef) -> bool {
        let Some(state) = self.data.get(&version.dataset) else {
            return false;
        };
        let known = state.current.iter().chain(&state.pinned).chain(&state.publishing);
        let mut known = known.chain(&state.refused);
        self.pins.contains_key(version)
            || version.number.0 >= state.last_number
            || known.any(|known| known.number == version.number)
    }

    /// Makes a piece forgotten, and removes its files once it is.
    fn forget(&mut self, aged: Aged) {
        let mut runs_of: Vec<RunsForgotten> = Vec::new();
        for run in &aged.runs {
            let told = RunsForgotten {
                job: run.job.clone(),
                until: run.ended_at,
                limit: run.limit,
            };
            match runs_of.last_mut().filter(|last| last.job == run.job) {
                Some(last) if last.until <= told.until => *last = told,
                Some(_) => {}
                None => runs_of.push(told),
            }
        }
        let had_output = aged.runs.iter().filter(|run| run.attempts > 0);
        let outputs = had_output.map(|run| (run.job.clone(), run.id, run.attempts)).collect();
        let leftovers = Leftovers {
            outputs,
            logs: aged.logs.clone(),
            spared: self.runs.keys().copied().collect(),
        };
        let forgotten = Forgotten {
            at: self.now.wall,
            runs: aged.runs.iter().map(|run| run.id).collect(),
            versions: aged.versions,
            slots: aged.slots,
            incidents: aged.incidents,
            notifications: aged.notifications,
            lives: aged.lives,
            clock_steps: aged.clock_steps,
            acceptances: aged.acceptances,
            texts: aged.texts,
            runs_of,
            logs_of: aged.logs,
        };
        if forgotten != Forgotten::nothing(forgotten.at) {
            self.fact(Fact::Forgotten(Box::new(forgotten)));
        }
        if leftovers.outputs.is_empty() && leftovers.logs.is_empty() {
            self.prune_on();
        } else {
            self.act(Action::Remove(Box::new(leftovers)));
        }
    }
}
