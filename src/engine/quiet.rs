//! While a window of planned work is open or a silence stands nobody is told of what it concerns. All is evaluated,
//! recorded and resolved as ever, and whatever was told before is told to be over.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{About, Address, Incident, IncidentId, IncidentState, Name, Purpose, Quiet, earlier, later};

impl Engine {
    /// Why nobody is told of a job or a dataset at an instant: of several reasons the one that holds longest.
    fn quiet_about(&self, about: About, subject: &Name, at: Timestamp) -> Option<Quiet> {
        let window = self.open_window(about, subject, at).map(Quiet::Window);
        let silence = self.silences.get(subject).filter(|silence| silence.stands(at));
        let silence = silence.filter(|_| about != About::Freshd);
        let silence = silence.map(|silence| Quiet::Silence(Box::new(silence.clone())));
        window.into_iter().chain(silence).max_by_key(Quiet::until)
    }

    /// Why nobody is told of an incident now. What a whole suffers by its parts alone rests as long as each of these does;
    /// then it is the reason of the first that ends.
    pub(super) fn quiet_of(&self, incident: &Incident) -> Option<Quiet> {
        self.quiet_of_at(incident, self.now.wall)
    }

    fn quiet_of_at(&self, incident: &Incident, at: Timestamp) -> Option<Quiet> {
        if incident.drill.is_some() {
            // Whoever orders a rehearsal wants it heard.
            return None;
        }
        let (about, subject) = (incident.about, &incident.subject);
        let own = self.quiet_about(about, subject, at);
        let whole = self.settings.datasets.get(subject).filter(|_| about == About::Dataset);
        let Some(whole) = whole.filter(|whole| !whole.parts.is_empty()) else {
            return own;
        };
        let wrong = whole.part_names().map(|(_, part)| part).filter(|part| {
            let part = self.settings.datasets.get(part);
            part.is_some_and(|part| self.standing(part).is_problem)
        });
        let reasons: Option<Vec<Quiet>> = wrong.map(|part| self.quiet_about(about, &part, at)).collect();
        let of_parts = reasons.and_then(|reasons| reasons.into_iter().min_by_key(Quiet::until));
        own.into_iter().chain(of_parts).max_by_key(Quiet::until)
    }

    /// Until when nobody is told of an incident.
    pub(super) fn quiet_until(&self, incident: &Incident) -> Option<Timestamp> {
        self.quiet_of(incident).map(|quiet| quiet.until())
    }

    /// Until when an incident of which people may be told since a short time ago waits for what is told with it and may be in a
    /// moment: silences that somebody has ordered one after the other end one after the other, too, and what explains and
    /// what is explained are judged together. It waits no longer than a new problem waits for its cause.
    pub(super) fn quiet_ends_with(&self, incident: &Incident) -> Option<Timestamp> {
        let group_wait = self.settings.alerts.group_wait;
        let lately = earlier(self.now.wall, group_wait);
        let ended_at = self.quiet_of_at(incident, lately)?.until();
        let latest = later(ended_at, group_wait);
        let effects = self.made_from(incident);
        let effects = effects
            .iter()
            .filter_map(|name| self.incidents.about(About::Dataset, name));
        let effects = effects.filter(|effect| {
            let is_told_with_it = effect.state != IncidentState::Open && effect.id != incident.id;
            is_told_with_it && effect.cause.or_else(|| self.cause_of(effect)) == Some(incident.id)
        });
        let with_it = effects.chain(self.quiet_cause_of(incident));
        let ends = with_it.filter_map(|other| self.quiet_until(other));
        ends.filter(|until| *until <= latest).max()
    }

    /// A silence or planned work is over by which something was left out of what people have read of its cause: those whom it
    /// concerns, and who were told of the cause meanwhile because of something else, get one update in their thread.
    pub(super) fn tell_kept_back(&mut self, cause: IncidentId, concerned: &[IncidentId]) {
        let root = self.incidents.get(cause);
        let Some(root) = root.filter(|it| it.state == IncidentState::Open && it.drill.is_none()) else {
            return;
        };
        let mut unaware: BTreeSet<(Name, Address)> = BTreeSet::new();
        let effects = concerned.iter().filter(|concerned| **concerned != cause);
        for effect in effects.filter_map(|id| self.incidents.get(*id)) {
            let teams = self.teams_concerned(effect, cause);
            let told = root.told.iter().filter(|(team, address)| {
                teams.contains(team)
                    && self.is_told_at(team, address)
                    && self.is_kept_from(effect, cause, team, address)
            });
            unaware.extend(told.cloned());
        }
        for (team, address) in unaware {
            self.notify(cause, Purpose::Update, &team, address);
        }
    }

    /// Whether all that a team was told at an address of a cause since something is wrong was written while nobody was told of
    /// that. Of what goes wrong later than a notice was written no other comes.
    fn is_kept_from(&self, effect: &Incident, cause: IncidentId, team: &Name, address: &Address) -> bool {
        let written = self.outbox.written_since((team, address), cause, effect.since);
        let mut written = written.map(|(at, _)| at).peekable();
        let was_quiet = |at| match self.quiet_of_at(effect, at) {
            Some(Quiet::Silence(silence)) => silence.from <= at,
            Some(Quiet::Window(_)) => true,
            None => false,
        };
        written.peek().is_some() && written.all(was_quiet)
    }

    /// Whether nobody is told of an incident that is not over.
    pub(super) fn is_quiet(&self, id: IncidentId) -> bool {
        let incident = self.incidents.get(id);
        incident.is_some_and(|incident| self.quiet_until(incident).is_some())
    }

    /// What keeps people from being told begins or ends, or it is no longer known what does: what was told already rests
    /// until then, and what waits is looked at again.
    pub(super) fn look_at_quiet(&mut self) {
        let now = self.now.wall;
        let incidents: Vec<(IncidentId, IncidentState, Timestamp)> = self
            .incidents
            .values()
            .map(|incident| (incident.id, incident.state, incident.notify_at))
            .collect();
        for (id, state, notify_at) in incidents {
            match state {
                IncidentState::Open => {
                    self.rest(id);
                    self.end_rest(id);
                }
                IncidentState::Waiting => {
                    if self.is_quiet(id) {
                        self.let_effects_go(id, false);
                    }
                    // Whoever waited for the end of what holds no longer waits no more.
                    self.wakes.arm(Wake::Incident(id), notify_at.max(now));
                }
                // Those whom it concerns may have been kept from being told, also by what holds no longer.
                IncidentState::Attached => self.wakes.arm(Wake::Incident(id), now),
                IncidentState::Resolved => {}
            }
        }
    }

    /// Puts off what an open incident would remind of until nothing keeps it quiet: then its owner is told at once.
    pub(super) fn rest(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        let Some(until) = self.quiet_until(&incident) else {
            return;
        };
        let is_new = incident.rested.begin(self.now.wall);
        if is_new || incident.remind_at != Some(until) {
            incident.remind_at = Some(until);
            self.store(incident);
        }
        self.resting.insert(id);
        self.wakes.arm(Wake::Incident(id), until);
    }

    /// Reminds at once of what rested, when nothing keeps it quiet any more, though something was to.
    pub(super) fn end_rest(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        let is_resting = self.resting.contains(&id) && incident.state == IncidentState::Open;
        if is_resting && self.quiet_until(&incident).is_none() {
            self.resting.remove(&id);
            incident.remind_at = Some(self.now.wall);
            self.store(incident);
            self.wakes.arm(Wake::Incident(id), self.now.wall);
        }
    }
}
