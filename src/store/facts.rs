//! What the store must know of a fact besides its row: its place in a transaction, its name, its time.

use jiff::Timestamp;

use crate::model::Fact;

/// Facts are stored in this order, so that a row comes after the one it refers to.
pub(super) fn rank(fact: &Fact) -> u8 {
    match fact {
        Fact::Settings(_) | Fact::Life(_) | Fact::ClockStep(_) | Fact::Job(_) => 0,
        Fact::Run(_) => 1,
        Fact::Attempt(_) => 2,
        Fact::Version(_) | Fact::Slot(_) | Fact::Observation(_) => 3,
        Fact::Incident(_) => 4,
        Fact::Notification(_) => 5,
        Fact::Delivery(_) => 6,
    }
}

/// Names a fact for a message.
pub(super) fn name(fact: &Fact) -> String {
    match fact {
        Fact::Job(record) => format!("the cursor {} of job {}", record.cursor, record.job),
        Fact::Run(run) => match run.due_at {
            Some(due_at) => format!("run {} of job {}, due {due_at}", run.id, run.job),
            None => format!("run {} of job {}", run.id, run.job),
        },
        Fact::Attempt(attempt) => format!("attempt {} of job {}", attempt.id, attempt.job),
        Fact::Version(version) => format!("version {}@{}", version.dataset, version.number),
        Fact::Slot(slot) => format!("the slot of {} due {}", slot.dataset, slot.due_at),
        Fact::Observation(observation) => format!("an observation of {}", observation.dataset),
        Fact::Incident(incident) => format!(
            "incident {} ({} {})",
            incident.id,
            incident.kind.as_str(),
            incident.subject
        ),
        Fact::Notification(notification) => {
            format!("notification {} to {}", notification.id, notification.address)
        }
        Fact::Delivery(delivery) => {
            format!("try {} of notification {}", delivery.number, delivery.notification)
        }
        Fact::Life(life) => format!("life {}", life.number),
        Fact::ClockStep(step) => format!("the step of the clock at {}", step.at),
        Fact::Settings(accepted) => format!("the configuration {}", accepted.digest),
    }
}

/// The latest instant that a fact calls past; what it plans or promises does not count.
pub fn recorded_at(fact: &Fact) -> Option<Timestamp> {
    match fact {
        Fact::Job(record) => record.pause.as_ref().map(|pause| pause.since),
        Fact::Run(run) => Some(run.created_at).max(run.started_at).max(run.ended_at),
        Fact::Attempt(attempt) => Some(attempt.claimed_at).max(attempt.started_at).max(attempt.ended_at),
        Fact::Version(version) => Some(version.arrived_at),
        Fact::Slot(slot) => slot.decided_at,
        Fact::Observation(observation) => Some(observation.at),
        Fact::Incident(incident) => Some(incident.since)
            .max(incident.opened_at)
            .max(incident.resolved_at)
            .max(incident.ack.as_ref().map(|ack| ack.at)),
        Fact::Notification(notification) => Some(notification.created_at).max(notification.ended_at),
        Fact::Delivery(delivery) => Some(delivery.at),
        Fact::Life(life) => Some(life.started_at).max(Some(life.seen_at)).max(life.ended_at),
        Fact::ClockStep(step) => Some(step.at),
        Fact::Settings(accepted) => Some(accepted.at),
    }
}
