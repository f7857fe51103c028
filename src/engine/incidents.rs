//! Problems become incidents: one cause, one alert; whoever was told hears of the end.

use std::collections::BTreeSet;

use super::{Engine, Wake};
use crate::alerting::{self, Problem};
use crate::freshness::Standing;
use crate::lineage::Node;
use crate::model::{
    About, Address, Fact, Incident, IncidentId, IncidentState, Job, Name, Owner, Purpose, Severity, Team, later,
};

/// The name under which the fallback is told.
pub(super) const FALLBACK: &str = "fallback";

impl Engine {
    /// Looks again at everything an event touched. Data first: what a run has repaired is not promoted when
    /// its cause closes in the same step.
    pub(super) fn evaluate(&mut self) {
        let jobs = std::mem::take(&mut self.dirty_jobs);
        for name in &jobs {
            self.dirty_data
                .extend(self.settings.jobs.get(name).and_then(|job| job.produces.clone()));
        }
        for name in std::mem::take(&mut self.dirty_data) {
            let Some(dataset) = self.settings.datasets.get(&name).cloned() else {
                self.reconcile(About::Dataset, &name, None);
                continue;
            };
            let standing = self.standing(&dataset);
            if let Some(at) = standing.next_change {
                self.wakes.arm(Wake::Data(name.clone()), at);
            }
            let problem = alerting::problem_of_data(&dataset, &standing, self.now.wall);
            self.reconcile(About::Dataset, &name, problem);
        }
        for name in jobs {
            let problem = match (self.settings.jobs.get(&name), self.jobs.get(&name)) {
                (Some(job), Some(state)) => alerting::problem_of_job(job, state.last.as_ref().map(|last| &last.0)),
                _ => None,
            };
            self.reconcile(About::Job, &name, problem);
        }
    }

    fn reconcile(&mut self, about: About, subject: &Name, problem: Option<Problem>) {
        let known = self
            .incidents
            .values()
            .find(|incident| incident.subject == *subject && incident.about == about);
        match (known.cloned(), problem) {
            (None, None) => {}
            (None, Some(problem)) => self.begin_incident(about, subject, problem),
            (Some(incident), None) => self.resolve(incident.id),
            (Some(mut incident), Some(problem)) => {
                let worse = problem.severity > incident.severity;
                if worse || incident.reason != problem.reason {
                    incident.severity = incident.severity.max(problem.severity);
                    incident.reason = problem.reason;
                    self.store(incident);
                }
            }
        }
    }

    fn begin_incident(&mut self, about: About, subject: &Name, problem: Problem) {
        let incident = Incident {
            id: self.new_incident_id(),
            kind: problem.kind,
            about,
            subject: subject.clone(),
            state: IncidentState::Waiting,
            severity: problem.severity,
            since: problem.since,
            notify_at: later(self.now.wall, self.settings.alerts.group_wait),
            opened_at: None,
            resolved_at: None,
            cause: None,
            reason: problem.reason,
            told: Vec::new(),
            ack: None,
            reminders: 0,
            remind_at: None,
            escalations: 0,
        };
        let id = incident.id;
        self.wakes.arm(Wake::Incident(id), incident.notify_at);
        self.store(incident);
        self.consider(id);
    }

    fn store(&mut self, incident: Incident) {
        self.fact(Fact::Incident(incident.clone()));
        if incident.state == IncidentState::Resolved {
            self.incidents.remove(&incident.id);
        } else {
            self.incidents.insert(incident.id, incident);
        }
    }

    /// Time passed a point that matters to an incident.
    pub(super) fn incident_due(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.get(&id) else {
            return;
        };
        match incident.state {
            IncidentState::Waiting => self.consider(id),
            IncidentState::Open => self.remind(id),
            IncidentState::Attached | IncidentState::Resolved => {}
        }
    }

    /// Attaches a waiting incident to what explains it, or opens it when its time has come.
    fn consider(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.get(&id) else {
            return;
        };
        let is_time = incident.notify_at <= self.now.wall;
        let notify_at = incident.notify_at;
        match self
            .cause_of(incident)
            .and_then(|cause| self.incidents.get(&cause))
            .map(|cause| (cause.id, cause.state))
        {
            Some((cause, IncidentState::Open)) => self.attach(id, cause),
            Some((cause, IncidentState::Waiting)) if is_time => self.attach(id, cause),
            _ if is_time => self.open(id),
            _ => self.wakes.arm(Wake::Incident(id), notify_at),
        }
    }

    /// The nearest unresolved incident upstream, followed to its own cause.
    fn cause_of(&self, incident: &Incident) -> Option<IncidentId> {
        let upstream: Vec<Node> = match incident.about {
            About::Dataset => self.lineage.upstream(incident.subject.as_str()),
            About::Freshd => Vec::new(),
            About::Job => {
                // A dataset that was already told of when its job finally fails: the failure explains
                // that alert and belongs to it.
                let produced = self
                    .settings
                    .jobs
                    .get(&incident.subject)
                    .and_then(|job| job.produces.clone());
                let inputs = self
                    .lineage
                    .inputs_of_job(incident.subject.as_str())
                    .into_iter()
                    .cloned();
                let mut nodes: Vec<Node> = Vec::new();
                for input in inputs {
                    nodes.push(Node::Dataset(input.clone()));
                    nodes.extend(self.lineage.upstream(input.as_str()));
                }
                let told = produced.and_then(|name| self.incident_about(&Node::Dataset(name)));
                if let Some(told) = told.filter(|told| told.state == IncidentState::Open && told.id < incident.id) {
                    return Some(told.id);
                }
                nodes
            }
        };
        let nearest = upstream
            .iter()
            .filter_map(|node| self.incident_about(node))
            .find(|found| found.id != incident.id)?;
        let root = nearest.cause.unwrap_or(nearest.id);
        (root != incident.id).then_some(root)
    }

    fn incident_about(&self, node: &Node) -> Option<&Incident> {
        let about = match node {
            Node::Job(_) => About::Job,
            Node::Dataset(_) => About::Dataset,
        };
        self.incidents
            .values()
            .find(|incident| incident.subject == *node.name() && incident.about == about)
    }

    fn attach(&mut self, id: IncidentId, cause: IncidentId) {
        let (Some(effect), Some(root)) = (self.incidents.get(&id), self.incidents.get(&cause)) else {
            return;
        };
        let (mut effect, mut root) = (effect.clone(), root.clone());
        effect.state = IncidentState::Attached;
        effect.cause = Some(cause);
        let worse = effect.severity > root.severity;
        let severity = effect.severity;
        self.store(effect);
        if worse {
            root.severity = severity;
            self.store(root.clone());
        }
        // Effects of an effect hang on the same root.
        let own: Vec<_> = self
            .incidents
            .values()
            .filter(|other| other.cause == Some(id))
            .cloned()
            .collect();
        for mut other in own {
            other.cause = Some(cause);
            self.store(other);
        }
        if root.state == IncidentState::Open {
            if worse {
                self.tell_owner_again(cause, Purpose::Update);
            }
            self.tell_readers(cause);
        }
    }

    /// Tells the owner, and whoever reads what is already broken.
    fn open(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(&id).cloned() else {
            return;
        };
        incident.state = IncidentState::Open;
        incident.opened_at = Some(self.now.wall);
        let worst = self.effects(id).iter().map(|effect| effect.severity).max();
        incident.severity = incident.severity.max(worst.unwrap_or(Severity::Warning));
        let (team, addresses) = self.owner_of(&incident);
        for address in &addresses {
            incident.told.push((team.clone(), address.clone()));
        }
        self.schedule_reminder(&mut incident, &team);
        self.store(incident);
        for address in addresses {
            self.notify(id, Purpose::Opening, &team, address);
        }
        self.tell_readers(id);
    }

    fn effects(&self, cause: IncidentId) -> Vec<&Incident> {
        self.incidents
            .values()
            .filter(|incident| incident.cause == Some(cause))
            .collect()
    }

    fn tell_owner_again(&mut self, id: IncidentId, purpose: Purpose) {
        let Some(incident) = self.incidents.get(&id) else {
            return;
        };
        let (owner, _) = self.owner_of(incident);
        let told: Vec<_> = incident
            .told
            .iter()
            .filter(|(team, _)| *team == owner)
            .cloned()
            .collect();
        for (team, address) in told {
            self.notify(id, purpose, &team, address);
        }
    }

    /// One impact notice to each team that owns or reads what is now broken and was not yet told.
    fn tell_readers(&mut self, id: IncidentId) {
        let Some(incident) = self.incidents.get(&id) else {
            return;
        };
        let mut teams: BTreeSet<Name> = BTreeSet::new();
        for concerned in std::iter::once(incident).chain(self.effects(id)) {
            if concerned.about == About::Job {
                if concerned.id != id {
                    teams.insert(self.owner_of(concerned).0);
                }
                continue;
            }
            if concerned.severity < Severity::Critical {
                continue;
            }
            teams.insert(self.owner_of(concerned).0);
            // Only what this dataset's own consumers read is broken; what is made from it breaks on its own.
            for reader in self
                .lineage
                .impact(concerned.subject.as_str())
                .iter()
                .filter(|reader| reader.distance == 0)
            {
                teams.insert(self.team_of(&reader.owner).0);
            }
        }
        for (team, _) in &incident.told {
            teams.remove(team);
        }
        for team in teams {
            let addresses = self.addresses_of(&team);
            let Some(mut incident) = self.incidents.get(&id).cloned() else {
                return;
            };
            incident
                .told
                .extend(addresses.iter().map(|address| (team.clone(), address.clone())));
            self.store(incident);
            for address in addresses {
                self.notify(id, Purpose::Impact, &team, address);
            }
        }
    }

    /// The problem is over: whoever was told is told so; effects that stay bad stand on their own.
    fn resolve(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(&id).cloned() else {
            return;
        };
        incident.resolved_at = Some(self.now.wall);
        self.incidents.insert(id, incident.clone());
        for (team, address) in incident.told.clone() {
            self.notify(id, Purpose::Recovery, &team, address);
        }
        incident.state = IncidentState::Resolved;
        let effects: Vec<_> = self.effects(id).into_iter().cloned().collect();
        self.store(incident);
        for mut effect in effects {
            effect.state = IncidentState::Waiting;
            effect.cause = None;
            effect.notify_at = later(self.now.wall, self.settings.alerts.group_wait);
            self.wakes.arm(Wake::Incident(effect.id), effect.notify_at);
            self.store(effect);
        }
    }

    /// Reminds and escalates, until somebody takes the incident on.
    fn remind(&mut self, id: IncidentId) {
        let now = self.now.wall;
        let Some(mut incident) = self.incidents.get(&id).cloned() else {
            return;
        };
        let (team, _) = self.owner_of(&incident);
        let quiet = incident.ack.as_ref().is_some_and(|ack| ack.until > now);
        if incident.remind_at.is_some_and(|at| at <= now) {
            incident.reminders += u32::from(!quiet);
            self.schedule_reminder(&mut incident, &team);
            self.store(incident.clone());
            if !quiet {
                self.tell_owner_again(id, Purpose::Reminder);
            }
        }
        self.escalate(id, &team, quiet);
        if let Some(incident) = self.incidents.get(&id) {
            let next = [incident.remind_at, self.next_escalation(incident, &team)]
                .into_iter()
                .flatten()
                .min();
            if let Some(next) = next.filter(|next| *next > now) {
                self.wakes.arm(Wake::Incident(id), next);
            }
        }
    }

    fn next_escalation(&self, incident: &Incident, team: &Name) -> Option<jiff::Timestamp> {
        let step = self
            .settings
            .teams
            .get(team)?
            .escalate
            .get(incident.escalations as usize)?;
        Some(later(incident.opened_at?, step.after))
    }

    fn escalate(&mut self, id: IncidentId, team: &Name, quiet: bool) {
        while let Some(incident) = self.incidents.get(&id).filter(|_| !quiet) {
            if self.next_escalation(incident, team).is_none_or(|at| at > self.now.wall) {
                return;
            }
            let mut incident = incident.clone();
            let step = self
                .settings
                .teams
                .get(team)
                .and_then(|team| team.escalate.get(incident.escalations as usize));
            let addresses = step.map_or_else(Vec::new, |step| step.notify.clone());
            incident.escalations += 1;
            incident
                .told
                .extend(addresses.iter().map(|address| (team.clone(), address.clone())));
            self.store(incident);
            for address in addresses {
                self.notify(id, Purpose::Escalation, team, address);
            }
        }
    }

    fn schedule_reminder(&mut self, incident: &mut Incident, team: &Name) {
        let Some(opened_at) = incident.opened_at else { return };
        let (zone, calendar) = self.working_time(team);
        let rules = &self.settings.alerts;
        let mut sent = incident.reminders;
        let mut next = alerting::next_reminder(rules, opened_at, sent, self.now.wall, &zone, calendar.as_deref());
        // After downtime, reminders that were due meanwhile are one.
        while next <= self.now.wall && (sent as usize) < rules.reminders.len() {
            sent += 1;
            next = alerting::next_reminder(rules, opened_at, sent, self.now.wall, &zone, calendar.as_deref());
        }
        incident.reminders = sent;
        if let Some(ack) = &incident.ack {
            next = next.max(ack.until);
        }
        incident.remind_at = Some(next);
        let first = [Some(next), self.next_escalation(incident, team)]
            .into_iter()
            .flatten()
            .min();
        self.wakes.arm(Wake::Incident(incident.id), first.unwrap_or(next));
    }

    /// A person has taken an incident on.
    pub(super) fn acknowledge(&mut self, id: IncidentId, by: &str) -> Result<Incident, String> {
        let Some(mut incident) = self.incidents.get(&id).cloned() else {
            return Err(format!(
                "there is no open incident {id}; `freshd status` lists those that are open"
            ));
        };
        let (team, _) = self.owner_of(&incident);
        let (zone, calendar) = self.working_time(&team);
        let until = alerting::ack_until(self.now.wall, &zone, calendar.as_deref());
        incident.ack = Some(crate::model::Ack {
            by: by.to_owned(),
            at: self.now.wall,
            until,
        });
        if incident.state == IncidentState::Open {
            self.schedule_reminder(&mut incident, &team);
        }
        self.store(incident.clone());
        Ok(incident)
    }

    fn working_time(&self, team: &Name) -> (jiff::tz::TimeZone, Option<std::sync::Arc<crate::model::Calendar>>) {
        let team = self.settings.teams.get(team);
        let zone = team.map_or_else(|| self.settings.timezone.clone(), |team| team.timezone.clone());
        let calendar = team.and_then(|team| team.calendar.as_ref());
        (
            zone,
            calendar.and_then(|name| self.settings.calendars.get(name)).cloned(),
        )
    }

    /// The team that answers for an incident's subject, and where it is told.
    pub(super) fn owner_of(&self, incident: &Incident) -> (Name, Vec<Address>) {
        let job_owner = |job: &std::sync::Arc<Job>| job.owner.clone();
        let owner = match incident.about {
            About::Job => self.settings.jobs.get(&incident.subject).map(job_owner),
            About::Dataset => self
                .settings
                .datasets
                .get(&incident.subject)
                .map(|dataset| dataset.owner.clone()),
            About::Freshd => None,
        };
        self.team_of(&owner.unwrap_or(Owner::Nobody))
    }

    pub(super) fn team_of(&self, owner: &Owner) -> (Name, Vec<Address>) {
        match owner {
            Owner::Team(name) if self.settings.teams.contains_key(name) => (name.clone(), self.addresses_of(name)),
            Owner::Team(_) | Owner::Nobody => (Name::from(FALLBACK), self.settings.fallback.clone()),
        }
    }

    fn addresses_of(&self, team: &Name) -> Vec<Address> {
        let known = self.settings.teams.get(team).map(|team: &Team| team.notify.clone());
        known.unwrap_or_else(|| self.settings.fallback.clone())
    }

    /// The standing of every dataset that an incident has broken, the subject's own first.
    pub(super) fn broken_by(&self, id: IncidentId) -> Vec<(Name, Standing)> {
        let mut names: Vec<Name> = Vec::new();
        let Some(incident) = self.incidents.get(&id) else {
            return Vec::new();
        };
        match incident.about {
            About::Dataset => names.push(incident.subject.clone()),
            About::Freshd => {}
            About::Job => names.extend(
                self.settings
                    .jobs
                    .get(&incident.subject)
                    .and_then(|job| job.produces.clone()),
            ),
        }
        let effects = self
            .effects(id)
            .into_iter()
            .filter(|effect| effect.about == About::Dataset);
        names.extend(effects.map(|effect| effect.subject.clone()));
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let datasets = names
            .into_iter()
            .filter_map(|name| self.settings.datasets.get(&name).cloned());
        datasets
            .map(|dataset| (dataset.name.clone(), self.standing(&dataset)))
            .collect()
    }
}
