//! Problems become incidents: one cause, one alert; whoever was told hears of the end.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::reminders::remember_told;
use super::{Engine, Wake};
use crate::alerting::{self, Problem};
use crate::model::{
    About, Fact, Incident, IncidentId, IncidentState, Name, ProblemKind, Purpose, Rested, Severity, elapsed, later,
};

impl Engine {
    /// Looks again at everything an event touched. Data first: what a run has repaired is not promoted when
    /// its cause closes in the same step.
    pub(super) fn evaluate(&mut self) {
        if self.is_fallback_new {
            self.hold_for_fallback();
        }
        for name in &self.dirty_jobs {
            self.dirty_data
                .extend(self.settings.jobs.get(name).and_then(|job| job.produces.clone()));
        }
        // Of parts people hear by the whole, once all of them have been looked at.
        let mut wholes: BTreeSet<Name> = BTreeSet::new();
        while !self.is_full()
            && let Some(name) = self.dirty_data.pop_first()
        {
            wholes.extend(self.evaluate_data(&name));
        }
        for name in wholes {
            self.evaluate_data(&name);
        }
        while !self.is_full()
            && let Some(name) = self.dirty_jobs.pop_first()
        {
            let problem = match (self.settings.jobs.get(&name), self.jobs.get(&name)) {
                (Some(job), Some(state)) => {
                    let last = state.last.as_deref();
                    let last = last.filter(|(run, _)| !self.is_told_as_lost(run) && run.released.is_none());
                    alerting::problem_of_job(job, last)
                }
                _ => None,
            };
            self.reconcile(About::Job, &name, problem);
        }
        if self.dirty_data.is_empty() && self.dirty_jobs.is_empty() {
            self.consider_begun();
            // What an edit ends is over by now, and told to nobody new.
            if std::mem::take(&mut self.looks_for_fallback) {
                self.tell_new_fallback();
                self.is_fallback_new = false;
            }
        }
        self.tell_news();
    }

    /// Looks again at one dataset; of a part, which whole is to be looked at after it.
    fn evaluate_data(&mut self, name: &Name) -> Option<Name> {
        self.note_placed(name);
        let Some(dataset) = self.settings.datasets.get(name).cloned() else {
            self.reconcile(About::Dataset, name, None);
            return None;
        };
        if self.awaits_look(name) {
            self.look_after_downtime(name);
            return None;
        }
        let standing = self.standing(&dataset);
        if let Some(at) = standing.next_change {
            self.wakes.arm(Wake::Data(name.clone()), at);
        }
        let problem = alerting::problem_of_data(&dataset, &standing, self.now.wall);
        let problem = problem.filter(|_| dataset.part_of.is_none()).map(|problem| Problem {
            reason: self.lasting_reason(&dataset),
            ..problem
        });
        self.reconcile(About::Dataset, name, problem);
        self.input_changed(name);
        dataset.part_of.clone()
    }

    pub(super) fn reconcile(&mut self, about: About, subject: &Name, problem: Option<Problem>) {
        match (self.incidents.about(about, subject).cloned(), problem) {
            (None, None) => {}
            (None, Some(problem)) => self.begin_incident(about, subject, problem),
            (Some(incident), None) => self.problem_is_gone(incident),
            (Some(mut incident), Some(problem)) => {
                // A success that was only suspect and a failure are told apart; other kinds are one trouble seen twice.
                let failed_now = about == About::Job
                    && incident.kind == ProblemKind::Suspect
                    && problem.kind != ProblemKind::Suspect;
                let has_turned = self.problem_is_back(&mut incident);
                let is_back = has_turned || self.ends_no_more(&mut incident);
                let worse = problem.severity > incident.severity || failed_now;
                let is_by_itself = self.fails_by_itself(&incident);
                if is_by_itself {
                    incident.state = IncidentState::Waiting;
                    incident.detach(self.now.wall);
                    incident.notify_at = later(self.now.wall, self.settings.alerts.group_wait);
                }
                if !worse
                    && !is_back
                    && !is_by_itself
                    && incident.reason == problem.reason
                    && incident.kind == problem.kind
                {
                    self.note_unchanged(&incident);
                    return;
                }
                // The same trouble, told in the words of now. By a clock that was wrong it may have begun after now.
                if incident.kind != problem.kind {
                    let kind_since = problem.kind_since.unwrap_or(problem.since);
                    let is_told = incident.opened_at.is_some();
                    incident.kind_since = self.kind_since(incident.since, kind_since, is_told);
                    let first = incident.first_kind.unwrap_or(incident.kind);
                    let is_other = incident.kind_since.is_some() && first != problem.kind;
                    incident.first_kind = is_other.then_some(first);
                }
                incident.kind = problem.kind;
                if failed_now {
                    incident.set_ack(None);
                    // Whoever follows a link about the other trouble has not seen this one.
                    incident.links_used = self.last_notification_id();
                }
                let (id, state, cause) = (incident.id, incident.state, incident.cause);
                incident.severity = incident.severity.max(problem.severity);
                incident.reason = problem.reason;
                self.store(incident);
                match (state, cause) {
                    (IncidentState::Open, _) => {
                        self.note_change(id, id, worse);
                        if is_back {
                            self.go_on_with(id);
                        }
                        if has_turned {
                            // What was to be told of it while it was well is told now.
                            self.wakes.arm(Wake::Incident(id), self.now.wall);
                        }
                        self.end_rest(id);
                    }
                    (IncidentState::Attached, Some(cause)) => self.raise(cause, id),
                    // What kept it quiet may not be its only cause any more.
                    (IncidentState::Waiting, _) => self.consider(id),
                    (IncidentState::Attached | IncidentState::Resolved, _) => {}
                }
            }
        }
    }

    fn begin_incident(&mut self, about: About, subject: &Name, problem: Problem) {
        let Problem {
            kind,
            severity,
            since,
            kind_since,
            first_kind,
            reason,
        } = problem;
        let since = since.min(self.now.wall);
        let mut incident = self.new_incident(about, subject, kind, severity, since, reason);
        incident.kind_since = kind_since.and_then(|kind_since| self.kind_since(since, kind_since, false));
        incident.first_kind = first_kind.filter(|_| incident.kind_since.is_some());
        self.tell_with_others(&mut incident);
        let id = incident.id;
        self.wakes.arm(Wake::Incident(id), incident.notify_at);
        self.store(incident);
        self.begun.push(id);
        if about == About::Freshd {
            self.consider_begun();
        }
    }

    /// Since when what began at an instant is of another kind than at first.
    fn kind_since(&self, since: Timestamp, kind_since: Timestamp, is_told: bool) -> Option<Timestamp> {
        let kind_since = kind_since.min(self.now.wall).max(since);
        // What follows within a minute is one beginning; but whoever was told of it knows it by what it was.
        (is_told || elapsed(since, kind_since) >= Duration::from_mins(1)).then_some(kind_since)
    }

    /// Looks for what explains the incidents that have begun: once all are known, since a cause may begin in the step of its
    /// effect.
    fn consider_begun(&mut self) {
        for id in std::mem::take(&mut self.begun) {
            self.consider(id);
            self.gather_with(id);
        }
    }

    /// One that begins now, and of which nobody knows yet.
    pub(super) fn new_incident(
        &mut self,
        about: About,
        subject: &Name,
        kind: ProblemKind,
        severity: Severity,
        since: Timestamp,
        reason: String,
    ) -> Incident {
        Incident {
            id: self.new_incident_id(),
            kind,
            about,
            subject: subject.clone(),
            state: IncidentState::Waiting,
            severity,
            since,
            notify_at: later(self.now.wall, self.settings.alerts.group_wait),
            opened_at: None,
            kind_since: None,
            first_kind: None,
            broken_since: None,
            handed_over: None,
            resolved_at: None,
            resolution: None,
            cause: None,
            reason,
            told: Vec::new(),
            told_with: Vec::new(),
            rested: Rested::default(),
            ack: None,
            earlier_acks: Vec::new(),
            escalated: Vec::new(),
            links_used: None,
            reminders: 0,
            remind_at: None,
            escalations: 0,
            flapping: None,
            drill: None,
        }
    }

    pub(super) fn store(&mut self, incident: Incident) {
        self.fact(Fact::Incident(incident.clone()));
        self.outbox.note_ending(incident.id, incident.ends_by().is_some());
        if incident.state == IncidentState::Resolved {
            self.resting.remove(&incident.id);
            self.mending.remove(&incident.id);
            let heard_of: Vec<IncidentId> = incident.told_with_causes().into_iter().chain([incident.id]).collect();
            self.incidents.end(incident);
            for id in heard_of {
                self.forget_heard_of(id);
            }
        } else {
            self.incidents.insert(incident);
        }
    }

    /// Time passed a point that matters to an incident.
    pub(super) fn incident_due(&mut self, id: IncidentId) {
        let Some((state, cause)) = self.incidents.get(id).map(|incident| (incident.state, incident.cause)) else {
            return;
        };
        match state {
            IncidentState::Waiting => self.consider(id),
            IncidentState::Open if self.end_flapping(id) || self.end_drill_in_time(id) || self.end_with_effects(id) => {
            }
            IncidentState::Open => self.remind(id),
            IncidentState::Attached => {
                let hears_until = self.incidents.get(id).and_then(|effect| self.hears_until(effect));
                match (hears_until, cause) {
                    (Some(until), _) => self.wakes.arm(Wake::Incident(id), until),
                    (None, Some(cause)) => self.look_at_attached(id, cause),
                    (None, None) => {}
                }
            }
            IncidentState::Resolved => {}
        }
    }

    /// Tells the owner, and whoever reads what is already broken.
    pub(super) fn open(&mut self, id: IncidentId) {
        // It has waited long enough, though what may mend it still goes on.
        self.mending.remove(&id);
        self.take_in_effects(id, id);
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        incident.state = IncidentState::Open;
        incident.opened_at = Some(self.now.wall);
        incident.flapping = self.flaps(&incident);
        let effects = self.effects_to_tell(id);
        let worst = effects.iter().map(|effect| effect.severity).max();
        incident.severity = incident.severity.max(worst.unwrap_or(Severity::Warning));
        let concerned: Vec<_> = std::iter::once(id)
            .chain(effects.iter().map(|effect| effect.id))
            .collect();
        let (team, addresses) = self.owner_of(&incident);
        for address in &addresses {
            remember_told(&mut incident, &team, address);
        }
        self.schedule_reminder(&mut incident, &team);
        self.store(incident);
        self.arm_reminder(id);
        for address in addresses {
            self.notify(id, Purpose::Opening, &team, address);
        }
        self.tell_readers(id, &concerned);
    }

    /// The problem is over: whoever was told is told so; effects that stay bad stand on their own.
    pub(super) fn resolve(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        // Whoever was told hears of the end, and in it of what is still bad.
        let was_told = incident.opened_at.is_some();
        incident.resolved_at = Some(self.over_since(&incident));
        incident.resolution = incident.resolution.take().or_else(|| {
            // What was mended before is no work of an edit that takes it out since.
            let is_mended = incident.ends_by().is_some();
            let edit = self.closed_by_edit(&incident).filter(|_| !is_mended).map(str::to_owned);
            edit.or_else(|| self.resolution_of(&incident))
        });
        if let Some(ack) = &mut incident.ack {
            ack.until = ack.until.min(self.now.wall);
        }
        self.incidents.insert(incident.clone());
        self.tell_end(&incident);
        if was_told {
            self.go_on_quietly(&incident);
        }
        incident.state = IncidentState::Resolved;
        incident.end_told_with(self.now.wall);
        self.note_opening(&incident);
        self.let_effects_go(id, was_told);
        let cause = incident.cause;
        self.store(incident);
        self.look_at_end_of(cause);
    }

    /// A problem of freshd itself, such as an address that cannot be reached. The fallback hears of it.
    pub(super) fn own_problem(&mut self, kind: ProblemKind, subject: &Name, reason: String) {
        let problem = Problem {
            kind,
            severity: Severity::Critical,
            since: self.now.wall,
            kind_since: None,
            first_kind: None,
            reason,
        };
        self.reconcile(About::Freshd, subject, Some(problem));
    }

    /// A problem of freshd itself is over.
    pub(super) fn own_problem_is_over(&mut self, subject: &Name) {
        self.reconcile(About::Freshd, subject, None);
    }
}
