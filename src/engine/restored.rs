//! Records that were lost: nothing of that time is started again, what is left of it is taken up, everybody is told.
//!
//! Three things make it certain that nothing starts twice. Every occurrence whose start had come by then is recorded as
//! missed, whenever its job is looked at (`decide_lost`); no run of the backup goes on unless a keeper has it; and numbers
//! go on above all that were ever used, since a keeper starts no attempt whose number it knows.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::Engine;
use crate::alerting::{self, LostRecords, lost_reason, lost_span};
use crate::freshness;
use crate::model::{
    About, Address, Attempt, AttemptState, Fact, Found, Incident, IncidentState, Job, Name, Outcome, ProblemKind,
    Restoration, Run, RunId, RunState, Severity, Slot, SlotState, Snapshot, Version, VersionState,
};
use crate::planner::{self, Decided};

/// Numbers that are left out where nobody knows which was the last: a power cut may have taken half a minute of notes.
const NUMBERS_LEFT_OUT: u64 = 100_000;

/// What the incident about lost records is about, and the one about the backup.
const RECORDS: &str = "records";
const BACKUP: &str = "backup";

/// What a start knows of records that were lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovered {
    /// The highest run number in what the records go on from.
    pub(super) last_run: u64,
    /// The highest one that may have been used in the time that is lost, once that is settled.
    pub(super) numbers_end: Option<u64>,
    /// Occurrences later than their job's cursor that have a run all the same.
    pub(super) known_ahead: HashMap<Name, BTreeSet<Timestamp>>,
    /// Runs that keepers know and the records do not.
    pub(super) runs: BTreeSet<RunId>,
    /// Runs that went on by the records that are left, and may have ended since.
    unfinished: BTreeSet<RunId>,
    /// Their attempts so far.
    pub(super) attempts: usize,
}

impl Recovered {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut known_ahead: HashMap<Name, BTreeSet<Timestamp>> = HashMap::new();
        for (job, due_at) in &snapshot.known_ahead {
            known_ahead.entry(job.clone()).or_default().insert(*due_at);
        }
        Self {
            last_run: snapshot.last_run.map_or(0, |id| id.0),
            known_ahead,
            ..Self::default()
        }
    }
}

impl Engine {
    /// Records that were lost and from which no conclusions are drawn yet: whoever starts the daemon looks at what is left
    /// of that time, and says so by `Event::Restored`.
    pub fn lost_records(&self) -> Option<&Restoration> {
        self.restoration
            .as_ref()
            .filter(|restoration| restoration.taken_up_at.is_none())
    }

    /// Everything that is left of that time was looked at: numbers, versions, slots and runs are put right, and
    /// everybody is told.
    pub(super) fn restored(&mut self, found: &Found) {
        let Some(mut restoration) = self.lost_records().cloned() else {
            return;
        };
        self.go_on_above(&restoration, found);
        self.forget_slots(&restoration, found);
        for version in &found.in_place {
            self.take_in(version);
        }
        self.let_go_of_publications(&restoration);
        self.end_what_no_keeper_has(&restoration, found);
        restoration.taken_up_at = Some(self.now.wall);
        restoration.last_run = Some(RunId(self.last_run));
        self.tell_everybody(&restoration, found);
        self.fact(Fact::Restored(restoration.clone()));
        self.restoration = Some(restoration);
    }

    /// No number is used twice: not for a run, of whose attempts a keeper may know, nor for a message, which whoever has
    /// it already would take for a repetition.
    fn go_on_above(&mut self, restoration: &Restoration, found: &Found) {
        let seen = restoration.seen.clone().unwrap_or_default();
        let is_certain = !seen.boot_id.is_empty() && seen.boot_id == self.host.boot_id;
        let left_out = if is_certain { 0 } else { NUMBERS_LEFT_OUT };
        self.last_run = self.last_run.max(seen.run).max(found.last_run) + left_out;
        self.recovered.numbers_end = Some(self.last_run);
        self.last_incident = self.last_incident.max(seen.incident) + left_out;
        self.last_notification = self.last_notification.max(seen.notification) + left_out;
        for (dataset, number) in &found.version_numbers {
            let state = self.data.entry(dataset.clone()).or_default();
            state.last_number = state.last_number.max(*number);
        }
    }

    /// Of the deliveries that were promised for that time, the last one can be told by the version that readers see, where
    /// that is known. Of all others nobody knows whether they came.
    fn forget_slots(&mut self, restoration: &Restoration, found: &Found) {
        let (until, now) = (restoration.until, self.now.wall);
        let reason = lost_reason_of_slot(restoration, &self.settings.timezone);
        let mut names: Vec<Name> = self.data.keys().cloned().collect();
        names.sort();
        let mut facts = Vec::new();
        for name in names {
            let promised = self.settings.datasets.get(&name).cloned();
            let is_certain = found.in_place.iter().any(|version| version.dataset == name);
            let newest = promised.and_then(|dataset| freshness::newest_slot(&dataset, until));
            let Some(state) = self.data.get_mut(&name) else {
                continue;
            };
            let last_known = state.slots.last().map(|slot| slot.due_at);
            let keeps = |slot: &Slot| {
                slot.due_at > until
                    || (is_certain && newest.as_ref().is_some_and(|newest| newest.due_at == slot.due_at))
            };
            for slot in &mut state.slots {
                let is_open = matches!(slot.state, SlotState::Pending | SlotState::Late);
                if is_open && !keeps(slot) {
                    slot.state = SlotState::Withdrawn;
                    slot.decided_at = Some(now);
                    slot.reason = Some(reason.clone());
                    facts.push(Fact::Slot(slot.clone()));
                }
            }
            // Those that were not laid down yet are not laid down now: what follows begins after them.
            if let Some(mut newest) = newest.filter(|newest| last_known.is_some_and(|last| last < newest.due_at)) {
                if !is_certain {
                    newest.state = SlotState::Withdrawn;
                    newest.decided_at = Some(now);
                    newest.reason = Some(reason.clone());
                }
                facts.push(Fact::Slot(newest.clone()));
                state.slots.push(newest);
            }
            super::promises::forget_decided(&mut state.slots);
        }
        self.step.facts.extend(facts);
    }

    /// The version that readers see, if the records do not know it.
    fn take_in(&mut self, version: &Version) {
        let state = self.data.entry(version.dataset.clone()).or_default();
        let number = version.number;
        state.last_number = state.last_number.max(number.0);
        if state.current.as_ref().is_some_and(|current| current.number >= number) {
            return;
        }
        state.publishing.retain(|publishing| publishing.number != number);
        self.fact(Fact::Version(Box::new(version.clone())));
        self.arrived(version.clone());
    }

    /// What was being put in place when the backup was taken, and is not what readers see, is nowhere.
    fn let_go_of_publications(&mut self, restoration: &Restoration) {
        let reason = lost_reason(restoration, &self.settings.timezone);
        let mut names: Vec<Name> = self.data.keys().cloned().collect();
        names.sort();
        for name in names {
            let publishing = self
                .data
                .get_mut(&name)
                .map(|state| std::mem::take(&mut state.publishing));
            for mut version in publishing.into_iter().flatten() {
                version.state = VersionState::Quarantined;
                version.reason = Some(reason.clone());
                self.fact(Fact::Version(Box::new(version)));
            }
        }
    }

    /// Runs that went on when the backup was taken: those that a keeper may still have are asked after; of the others it
    /// is not known how they ended, unless readers see what they made.
    fn end_what_no_keeper_has(&mut self, restoration: &Restoration, found: &Found) {
        let reason = lost_reason(restoration, &self.settings.timezone);
        let mut ids: Vec<RunId> = self.runs.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let Some(run) = self.runs.get(&id) else { continue };
            let is_found = self.recovered.runs.contains(&id);
            if let Some(version) = found.was_published_by(id).filter(|_| !is_found) {
                let (reason, number) = (format!("readers see its version {}", version.number), version.number);
                if let Some(run) = self.runs.get_mut(&id) {
                    run.version = Some(number);
                }
                self.close_until(id, Outcome::Succeeded, reason, restoration.until);
                continue;
            }
            let outcome = match (run.state, run.attempts) {
                (RunState::Running, _) => {
                    self.may_have_started(id);
                    continue;
                }
                (_, 0) => Outcome::Missed,
                _ => Outcome::Lost,
            };
            self.close_until(id, outcome, reason.clone(), restoration.until);
        }
    }

    /// What was claimed may have started: only a keeper can tell, now and at every later start.
    fn may_have_started(&mut self, id: RunId) {
        if self.recovered.runs.contains(&id) {
            return;
        }
        self.recovered.unfinished.insert(id);
        let of_run = |attempt: &&mut Attempt| attempt.id.run == id && attempt.state == AttemptState::Claimed;
        let mut claimed: Vec<Attempt> = Vec::new();
        for attempt in self.attempts.values_mut().filter(of_run) {
            attempt.state = AttemptState::Started;
            claimed.push(attempt.clone());
        }
        self.step.facts.extend(claimed.into_iter().map(Fact::Attempt));
    }

    /// Ends a run as of then, and lets nothing start because of it; its job.
    fn close_until(&mut self, id: RunId, outcome: Outcome, reason: String, until: Timestamp) -> Option<Name> {
        let now = std::mem::replace(&mut self.now.wall, until);
        let job = self.close_at(id, outcome, Some(reason), until);
        self.now.wall = now;
        job
    }

    /// Occurrences of a job of which nobody knows whether they ran; from then on they are decided about.
    pub(super) fn decide_lost(&mut self, job: &Job) -> Vec<Decided> {
        let Some(restoration) = &self.restoration else {
            return Vec::new();
        };
        let Some(state) = self.jobs.get_mut(&job.name) else {
            return Vec::new();
        };
        if state.record.cursor >= restoration.until {
            self.recovered.known_ahead.remove(&job.name);
            return Vec::new();
        }
        let reason = lost_reason(restoration, &self.settings.timezone);
        let known = self.recovered.known_ahead.remove(&job.name).unwrap_or_default();
        let (decided, cursor) = planner::decide_lost(job, state.record.cursor, restoration.until, &known, &reason);
        let cursor = known.last().map_or(cursor, |last| cursor.max(*last));
        if cursor > state.record.cursor {
            state.record.cursor = cursor;
            let record = state.record.clone();
            self.fact(Fact::Job(record));
        }
        decided
    }

    /// Whether the end of a run is one that everybody was told is not known: nobody is told of it once more.
    pub(super) fn is_told_as_lost(&self, run: &Run) -> bool {
        let hides = |restoration: &Restoration| restoration.hides(run.ended_at);
        run.outcome == Some(Outcome::Lost) && self.restoration.as_ref().is_some_and(hides)
    }

    /// Whether some of what became of a run is hidden by records that were lost.
    pub(super) fn was_hidden(&self, id: RunId) -> bool {
        self.recovered.runs.contains(&id) || self.recovered.unfinished.contains(&id)
    }

    /// Whether a run went on by the records that are left, so that it may have ended since.
    pub(super) fn may_have_ended(&self, id: RunId) -> bool {
        self.recovered.unfinished.contains(&id)
    }

    /// A run ended in that time, and nobody knows how.
    pub(super) fn end_hidden(&mut self, id: RunId) {
        let Some(restoration) = self.restoration.clone() else {
            return;
        };
        let reason = lost_reason(&restoration, &self.settings.timezone);
        if let Some(job) = self.close_until(id, Outcome::Lost, reason, restoration.until) {
            self.start_next_waiting(&job);
        }
    }

    /// A run ended well, and what it produced is not there to be judged: that was done before the records were lost.
    pub(super) fn end_judged_before(&mut self, id: RunId, dataset: &Name) {
        let current = self.current_version(dataset).map(|(version, _)| version);
        match current
            .filter(|current| current.run == Some(id))
            .map(|current| current.number)
        {
            Some(number) => self.finish(
                id,
                Outcome::Succeeded,
                Some(format!("readers see its version {number}")),
            ),
            None => self.end_hidden(id),
        }
    }

    /// One message to each address of every team. There is nothing that could be mended, so it is over at once.
    fn tell_everybody(&mut self, restoration: &Restoration, found: &Found) {
        let now = self.now.wall;
        let mut told: Vec<(Name, Address)> = Vec::new();
        let fallback = self.settings.fallback.iter().cloned();
        let fallback: Vec<_> = fallback
            .map(|address| (Name::from(super::audience::FALLBACK), address))
            .collect();
        let mut teams: Vec<_> = self.settings.teams.iter().collect();
        teams.sort_by_key(|(name, _)| (*name).clone());
        let addresses = teams
            .into_iter()
            .flat_map(|(name, team)| team.notify.iter().map(|address| (name.clone(), address.clone())));
        for (team, address) in addresses.chain(fallback) {
            if !told.iter().any(|(_, known)| *known == address) {
                told.push((team, address));
            }
        }
        let incident = Incident {
            id: self.new_incident_id(),
            kind: ProblemKind::Freshd,
            about: About::Freshd,
            subject: Name::from(RECORDS),
            state: IncidentState::Resolved,
            severity: Severity::Critical,
            since: restoration.from.unwrap_or(restoration.at).min(now),
            notify_at: now,
            opened_at: Some(now),
            kind_since: None,
            first_kind: None,
            broken_since: None,
            handed_over: None,
            resolved_at: Some(now),
            resolution: None,
            cause: None,
            reason: format!(
                "{} are lost: {}",
                lost_span(restoration, &self.settings.timezone),
                restoration.because
            ),
            told: told.clone(),
            told_with: Vec::new(),
            rested: crate::model::Rested::default(),
            ack: None,
            earlier_acks: Vec::new(),
            escalated: Vec::new(),
            links_used: None,
            reminders: 0,
            remind_at: None,
            escalations: 0,
            flapping: None,
            drill: None,
        };
        self.fact(Fact::Incident(incident.clone()));
        for (team, address) in told {
            let (id, title) = (self.new_notification_id(), self.team_title(&team));
            let zone = self.settings.teams.get(&team).map(|team| team.timezone.clone());
            let lost = LostRecords {
                now,
                zone: zone.as_ref().unwrap_or(&self.settings.timezone),
                restoration,
                incident: &incident,
                team: &team,
                team_title: &title,
                jobs: &self.jobs_answered_for_at(&address),
                attempts_found: self.recovered.attempts,
                found,
            };
            let message = alerting::lost_records(self.message_id(id), &lost);
            self.outbox.remember_end(incident.id, address.clone());
            self.put(id, Some(incident.id), address, message);
        }
    }

    /// The enabled jobs whose owners are told at an address.
    fn jobs_answered_for_at(&self, address: &Address) -> Vec<Name> {
        let jobs = self.settings.jobs.values().filter(|job| job.enabled);
        let theirs = jobs.filter(|job| self.team_of(&job.owner).1.contains(address));
        let mut names: Vec<Name> = theirs.map(|job| job.name.clone()).collect();
        names.sort();
        names
    }

    /// freshd's own backup was taken, or was not.
    pub(super) fn backup_ended(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => self.own_problem_is_over(&Name::from(BACKUP)),
            Err(why) => {
                let reason =
                    format!("the daily backup of freshd's own records failed: {why}; it is tried again every hour");
                self.own_problem(ProblemKind::Freshd, &Name::from(BACKUP), reason);
            }
        }
    }
}

/// Why nobody waits for a delivery of that time.
fn lost_reason_of_slot(restoration: &Restoration, zone: &jiff::tz::TimeZone) -> String {
    format!(
        "{} were lost; whether it was delivered is not known",
        lost_span(restoration, zone)
    )
}
