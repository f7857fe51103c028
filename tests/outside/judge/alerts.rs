//! Every failure is a problem that people heard of, and nobody hears what is not on record.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::{
    About, Delivery, DeliveryOutcome, Incident, IncidentState, Notification, NotificationState, Outcome, Purpose,
};

use super::super::fleet::Changes;
use super::super::sinks::Arrived;
use super::{Case, Complaints, Told};

impl Case {
    /// Incidents, notifications, and what arrived.
    pub(super) fn everybody_is_told(&self, complaints: &mut Complaints) {
        self.failures_are_problems(complaints);
        let digests = self.records.digests.values();
        let mut known: BTreeSet<&str> = digests.map(|(digest, _)| digest.message.id.as_str()).collect();
        for (incident, told) in &self.records.incidents {
            for (notification, deliveries) in told {
                known.insert(notification.message.id.as_str());
                self.is_told(notification, deliveries, told, complaints);
            }
            whoever_was_told_hears_of_the_end(incident, told, complaints);
            self.order_is_kept(told, complaints);
        }
        let arrived = self.mails.iter().chain(&self.hooks);
        for (id, arrived) in arrived {
            complaints.unless(known.contains(id.as_str()), "what arrives is on record", || {
                format!("{id} {arrived:?}")
            });
            let is_same = arrived.digests.windows(2).all(|pair| pair[0] == pair[1]);
            complaints.unless(is_same, "a message is written once", || format!("{id} {arrived:?}"));
        }
        for id in self.outbox.keys() {
            complaints.unless(known.contains(id.as_str()), "what arrives is on record", || {
                format!("{id} in the outbox")
            });
        }
    }

    fn failures_are_problems(&self, complaints: &mut Complaints) {
        let mut by_job = BTreeMap::<_, Vec<&Incident>>::new();
        for (incident, _) in &self.records.incidents {
            if incident.about == About::Job {
                by_job.entry(&incident.subject).or_default().push(incident);
            }
        }
        let runs = self.records.runs.values().map(|(run, _)| run);
        for run in runs.filter(|run| run.outcome.is_some_and(Outcome::is_failure)) {
            let ended_at = run.ended_at.unwrap_or(run.created_at);
            // Whoever switches a job off, or takes it out, is not told of its last run.
            let mut windows = self.windows.iter();
            let was_on = windows.any(|window| (window.on_from..window.off_from).contains(&ended_at));
            if !was_on || self.kind(run).changes == Changes::Goes {
                continue;
            }
            // Of runs at the same time the one that ended last may be heard of first: the problem began with that.
            let heard_before = run.failed_before.as_deref().map(|before| before.since);
            let known_at = heard_before.map_or(ended_at, |since| since.max(ended_at));
            let covers = |incident: &&&Incident| {
                incident.since <= known_at && incident.resolved_at.is_none_or(|resolved| resolved >= ended_at)
            };
            let problem = by_job.get(&run.job).and_then(|incidents| incidents.iter().find(covers));
            complaints.unless(problem.is_some(), "a failure is a problem", || format!("{run:?}"));
        }
    }

    fn arrived(&self, notification: &Notification) -> Option<&Arrived> {
        let id = &notification.message.id;
        match notification.address.channel.as_str() {
            "mail" => self.mails.get(id),
            "hook" => self.hooks.get(id),
            _ => None,
        }
    }

    /// What carries a message: the message itself, or the digest that it is in.
    fn carrier<'a>(&'a self, notification: &'a Notification) -> &'a Notification {
        let digest = notification.digest.and_then(|id| self.records.digests.get(&id));
        digest.map_or(notification, |(digest, _)| digest)
    }

    fn is_told(&self, notification: &Notification, deliveries: &[Delivery], told: &Told, complaints: &mut Complaints) {
        let digest = notification.digest.and_then(|id| self.records.digests.get(&id));
        let (carrier, tried) = digest.map_or((notification, deliveries), |(digest, tried)| (digest, tried));
        let arrived = self.arrived(carrier);
        let in_outbox = self.outbox.get(&carrier.message.id);
        let (is_there, named) = match carrier.address.channel.as_str() {
            "outbox" => (in_outbox.is_some(), in_outbox),
            _ => (
                arrived.is_some_and(|arrived| arrived.accepted > 0),
                arrived.map(|arrived| &arrived.named),
            ),
        };
        // A digest tells of what its text names at the other end.
        let is_named = notification
            .incident
            .is_none_or(|id| named.is_some_and(|named| named.contains(&id.0)));
        let is_there = is_there && (digest.is_none() || is_named);
        let was_accepted = tried
            .iter()
            .filter(|delivery| delivery.outcome == DeliveryOutcome::Accepted)
            .count();
        let (check, holds) = match notification.state {
            NotificationState::Delivered => ("what is called delivered has arrived", is_there && was_accepted == 1),
            NotificationState::Pending => ("a message ends", !self.is_told),
            NotificationState::Dead => (
                "only what was refused is dead",
                arrived.is_some_and(|arrived| arrived.is_refused) && has_heir(notification, told),
            ),
            NotificationState::Collapsed => (
                "what was never sent is told by its recovery, or by the news that overtook it",
                told.iter().any(|(other, _)| {
                    let is_news = matches!(
                        other.message.purpose,
                        Purpose::Opening | Purpose::Update | Purpose::Impact
                    );
                    let is_taken = is_news && other.state == NotificationState::Delivered;
                    let is_of_thread = other.message.thread == notification.message.thread;
                    other.id > notification.id
                        && other.address == notification.address
                        && (other.message.purpose == Purpose::Recovery || is_taken && is_of_thread)
                }),
            ),
        };
        complaints.unless(holds, check, || format!("{notification:?} {deliveries:?} {arrived:?}"));
        let to = notification.address.to.as_deref().unwrap_or("hook");
        let is_right = arrived.is_none_or(|arrived| arrived.to == to);
        complaints.unless(is_right, "a message goes to whom it is for", || {
            format!("{notification:?} {arrived:?}")
        });
        let tries = deliveries.len() == notification.tries as usize;
        complaints.unless(tries, "tries are counted", || {
            format!("{notification:?} {deliveries:?}")
        });
    }

    fn order_is_kept(&self, told: &Told, complaints: &mut Complaints) {
        let mut last = BTreeMap::<String, (usize, &Notification)>::new();
        for (notification, _) in told {
            let Some(arrived) = self.arrived(self.carrier(notification)) else {
                continue;
            };
            let before = last.insert(notification.address.to_string(), (arrived.order, notification));
            let is_in_one = |other: &Notification| notification.digest.is_some() && other.digest == notification.digest;
            let is_later = before.is_none_or(|(order, other)| order < arrived.order || is_in_one(other));
            complaints.unless(is_later, "messages about one incident keep their order", || {
                format!("{before:?} {notification:?}")
            });
        }
    }
}

/// The fallback is told instead, once for each incident; or it was over, and the recovery behind it says so.
fn has_heir(dead: &Notification, told: &Told) -> bool {
    let mut others = told.iter().map(|(other, _)| other);
    others.any(|other| match other.address == dead.address {
        true => other.message.purpose == Purpose::Recovery && other.id > dead.id,
        false => other.address.channel.as_str() == "outbox",
    })
}

fn whoever_was_told_hears_of_the_end(incident: &Incident, told: &Told, complaints: &mut Complaints) {
    if incident.state != IncidentState::Resolved {
        return;
    }
    let announced = told
        .iter()
        .map(|(notification, _)| notification)
        .filter(|notification| notification.message.purpose != Purpose::Recovery)
        .filter(|notification| notification.state == NotificationState::Delivered);
    for notification in announced {
        let mut others = told.iter().map(|(other, _)| other);
        let hears =
            others.any(|other| other.message.purpose == Purpose::Recovery && other.address == notification.address);
        complaints.unless(hears, "whoever was told hears of the end", || {
            format!("{notification:?}")
        });
    }
}
