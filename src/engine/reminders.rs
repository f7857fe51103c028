//! While an incident is open: reminders, the escalation chain, and the acknowledgement that quiets both.

use jiff::Timestamp;

use super::drills::drill_until;
use super::flapping::well_at;
use super::{Engine, Wake};
use crate::alerting;
use crate::model::{
    Ack, Address, Escalated, Incident, IncidentId, IncidentState, Name, NotificationId, Purpose, later,
};

impl Engine {
    /// Reminds and escalates what is due, and looks again at the next of both.
    pub(super) fn remind(&mut self, id: IncidentId) {
        let now = self.now.wall;
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        if self.quiet_until(&incident).is_some() {
            self.rest(id);
            return;
        }
        let waits = self.hears_until(&incident).or_else(|| self.quiet_ends_with(&incident));
        if let Some(until) = waits {
            self.wakes.arm(Wake::Incident(id), until);
            return;
        }
        self.resting.remove(&id);
        if incident.rested.end(now) {
            self.store(incident);
        }
        self.consider_behind(id);
        let mut told_anyway = self.tell_new_owner(id);
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        let (team, _) = self.owner_of(&incident);
        let quiet = acknowledged_until(&incident, now).is_some();
        // Of what comes and goes, and is well just now, nobody is reminded, and nobody called: that waits until it is wrong.
        let is_well = incident.well_since().is_some();
        if !quiet {
            self.tell_waiting_anew(id);
        }
        if !quiet && !is_well {
            let heard = self.tell_flapping_when_back(id, &told_anyway);
            told_anyway.extend(heard);
        }
        if !is_well && incident.remind_at.is_some_and(|at| at <= now) {
            incident.reminders += u32::from(!quiet);
            self.schedule_reminder(&mut incident, &team);
            self.store(incident);
            // An update, if it has become worse in this step, or an earlier message, where that waits, tells all that a
            // reminder would.
            if !quiet && !self.is_told_worse(id) {
                let waiting = self.outbox.waiting_of(id).filter(|one| *one.told_for() == team);
                told_anyway.extend(waiting.map(|one| one.address.clone()));
                self.tell_owner_again(id, Purpose::Reminder, &told_anyway);
            }
        }
        let can_be_called = !quiet && !is_well;
        if can_be_called {
            self.tell_chain_again(id);
        }
        // Those whom it came to concern while it was quiet.
        let effects = self.effects_to_tell(id).into_iter().map(|effect| effect.id);
        let concerned: Vec<_> = std::iter::once(id).chain(effects).collect();
        self.tell_readers(id, &concerned);
        // That its job has failed may have had to wait.
        self.tell_of_failure(id);
        let step = self.incidents.get(id).and_then(|it| self.next_step(it, &team));
        match step {
            // In the words of how it is once everything was looked at.
            Some((at, _)) if can_be_called && at <= now => self.call_with_news(id),
            _ => self.arm_reminder(id),
        }
    }

    /// Looks again when the next reminder or step of the chain is due; an acknowledgement puts both off.
    pub(super) fn arm_reminder(&mut self, id: IncidentId) {
        // Of what is over but for what it broke nobody is reminded.
        let Some(incident) = self.incidents.get(id).filter(|one| one.ends_by().is_none()) else {
            return;
        };
        let (team, _) = self.owner_of(incident);
        let quiet_until = acknowledged_until(incident, self.now.wall);
        let step = self
            .next_step(incident, &team)
            .map(|(at, _)| quiet_until.map_or(at, |until| at.max(until)));
        let ends = [well_at(incident), drill_until(incident)];
        let to_tell = [incident.remind_at, step].into_iter().flatten();
        let to_tell = to_tell.filter(|_| incident.well_since().is_none());
        // What waits says until then who has it.
        let next = to_tell.chain(ends.into_iter().flatten()).chain(quiet_until).min();
        if let Some(at) = next {
            self.wakes.arm(Wake::Incident(id), at);
        }
    }

    /// The next step of the team's chain: when, and who is told. After the last one comes the fallback, as long
    /// after it as that one came after the step before.
    fn next_step(&self, incident: &Incident, team: &Name) -> Option<(Timestamp, Vec<Address>)> {
        let chain = &self.settings.teams.get(team)?.escalate;
        // While it was kept quiet nobody was asked to answer.
        let opened_at = later(incident.theirs_since()?, incident.rested.total(self.now.wall));
        let taken = incident.escalations as usize;
        if let Some(step) = chain.get(taken) {
            return Some((later(opened_at, step.after), step.notify.clone()));
        }
        let (last, earlier) = chain.split_last()?;
        let pace = last
            .after
            .saturating_sub(earlier.last().map_or(std::time::Duration::ZERO, |step| step.after));
        // Where it stands in for readers alone it has heard nothing that calls for an answer.
        let untold = |address: &&Address| !incident.told.iter().any(|(of, told)| of == team && told == *address);
        let fallback: Vec<_> = self.settings.fallback.iter().filter(untold).cloned().collect();
        (taken == chain.len()).then(|| (later(opened_at, last.after.saturating_add(pace)), fallback))
    }

    /// Takes each step of the chain that is due.
    pub(super) fn escalate(&mut self, id: IncidentId) {
        while let Some(mut incident) = self.incidents.get(id).cloned() {
            let (team, _) = self.owner_of(&incident);
            let step = self.next_step(&incident, &team);
            let Some((_, addresses)) = step.filter(|(at, _)| *at <= self.now.wall) else {
                break;
            };
            incident.escalations += 1;
            self.call(incident, &team, &addresses);
        }
        self.arm_reminder(id);
    }

    /// Others are called, because nobody has answered; nobody, where all of them were told before.
    fn call(&mut self, mut incident: Incident, team: &Name, addresses: &[Address]) {
        let id = incident.id;
        if addresses.is_empty() {
            self.store(incident);
            return;
        }
        for address in addresses {
            remember_told(&mut incident, team, address);
        }
        incident.escalated.push(Escalated {
            at: self.now.wall,
            to: addresses.to_vec(),
        });
        self.store(incident);
        for address in addresses {
            self.notify(id, Purpose::Escalation, team, address.clone());
        }
        self.show_escalation(id, addresses);
    }

    /// Whom the chain has told is told where that is now, if it is elsewhere, or elsewhere too, by an edit of jobs.toml.
    pub(super) fn tell_chain_again(&mut self, id: IncidentId) {
        let can_be_told = |it: &&Incident| {
            let is_quiet = acknowledged_until(it, self.now.wall).is_some() || self.is_quiet(id);
            it.state == IncidentState::Open && it.drill.is_none() && !is_quiet && it.well_since().is_none()
        };
        let Some(incident) = self.incidents.get(id).filter(can_be_told).cloned() else {
            return;
        };
        let (team, _) = self.owner_of(&incident);
        let mut elsewhere: Vec<Address> = Vec::new();
        for taken in 0..incident.escalations {
            let before = Incident {
                escalations: taken,
                ..incident.clone()
            };
            let step = self.next_step(&before, &team).filter(|(at, _)| *at <= self.now.wall);
            let addresses = step.map_or_else(Vec::new, |(_, addresses)| addresses);
            let is_told = |address: &Address| incident.told.iter().any(|(of, told)| *of == team && told == address);
            elsewhere.extend(addresses.into_iter().filter(|address| !is_told(address)));
        }
        if !elsewhere.is_empty() {
            self.call(incident, &team, &elsewhere);
        }
    }

    /// The reminders of jobs.toml are others: the next of each open incident is that of the new ones which is still ahead.
    /// What they would have reminded of before is nothing to be made up for.
    pub(super) fn remind_anew(&mut self) {
        let is_ahead = |it: &&Incident| it.remind_at.is_some_and(|at| at > self.now.wall) && it.drill.is_none();
        let open = self.incidents.values().filter(|it| it.state == IncidentState::Open);
        let open: Vec<Incident> = open.filter(is_ahead).cloned().collect();
        for mut incident in open {
            let (team, _) = self.owner_of(&incident);
            let before = incident.remind_at;
            incident.reminders = 0;
            self.schedule_reminder(&mut incident, &team);
            if incident.remind_at != before {
                let id = incident.id;
                self.store(incident);
                self.arm_reminder(id);
            }
        }
    }

    pub(super) fn schedule_reminder(&mut self, incident: &mut Incident, team: &Name) {
        let Some(opened_at) = incident.theirs_since() else {
            return;
        };
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
    }

    /// A person has taken an incident on.
    ///
    /// A link out of a message does that once: with each acknowledgement all links sent before it have done their work, so
    /// that a copied one, or one that lies in a mailbox, speaks for nobody later.
    pub(super) fn acknowledge(
        &mut self,
        id: IncidentId,
        by: &str,
        note: Option<String>,
        link: Option<NotificationId>,
    ) -> Result<Incident, String> {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return Err(format!(
                "there is no open incident {id}; `freshd status` lists those that are open"
            ));
        };
        if link.is_some_and(|link| incident.has_used(link)) {
            return Err(format!(
                "this link has done its work: incident {id} was taken on, or has changed, since its message was sent; the next message has a link of its own"
            ));
        }
        if let Some(cause) = incident.cause.filter(|_| incident.state == IncidentState::Attached) {
            // Nobody is reminded of it: what rests is what is told of its cause.
            return Err(format!(
                "incident {id} is explained by incident {cause}: `freshd ack {cause}` takes on both"
            ));
        }
        let (team, _) = self.owner_of(&incident);
        let (zone, calendar) = self.working_time(&team);
        let until = alerting::ack_until(self.now.wall, &zone, calendar.as_deref());
        let ack = Ack {
            by: by.to_owned(),
            at: self.now.wall,
            until,
            note: note.filter(|note| !note.trim().is_empty()),
        };
        incident.set_ack(Some(ack));
        incident.links_used = self.last_notification_id();
        let is_open = incident.state == IncidentState::Open;
        if is_open {
            self.schedule_reminder(&mut incident, &team);
        }
        self.store(incident.clone());
        if incident.drill.is_some() {
            self.end_drill(id);
        } else if is_open {
            self.tell_waiting_anew(id);
            if let Some(ack) = &incident.ack {
                self.show_ack(id, ack);
            }
            self.arm_reminder(id);
        }
        Ok(incident)
    }

    pub(super) fn working_time(
        &self,
        team: &Name,
    ) -> (jiff::tz::TimeZone, Option<std::sync::Arc<crate::model::Calendar>>) {
        let team = self.settings.teams.get(team);
        let zone = team.map_or_else(|| self.settings.timezone.clone(), |team| team.timezone.clone());
        let calendar = team.and_then(|team| team.calendar.as_ref());
        (
            zone,
            calendar.and_then(|name| self.settings.calendars.get(name)).cloned(),
        )
    }
}

/// Notes that an address was told, once.
pub(super) fn remember_told(incident: &mut Incident, team: &Name, address: &Address) {
    if !incident
        .told
        .iter()
        .any(|(known, told)| known == team && told == address)
    {
        incident.told.push((team.clone(), address.clone()));
    }
}

/// Until when an acknowledgement keeps an incident quiet, if it does now.
fn acknowledged_until(incident: &Incident, now: Timestamp) -> Option<Timestamp> {
    incident.taken_on(now).map(|ack| ack.until)
}
