//! What the store must know of a fact besides its row: its place in a transaction, and its name.

use crate::model::Fact;

/// Facts are stored in this order, so that a row comes after the one it refers to.
pub(super) fn rank(fact: &Fact) -> u8 {
    match fact {
        // What it takes back makes room for what the others of its step put in the place.
        Fact::ClockConfirmed(_) => 0,
        Fact::Settings(_) | Fact::Life(_) | Fact::ClockStep(_) | Fact::Restored(_) | Fact::Job(_) => 1,
        Fact::Run(_) => 2,
        Fact::Attempt(_) | Fact::Released(..) => 3,
        Fact::Version(_)
        | Fact::Slot(_)
        | Fact::Observation(_)
        | Fact::Ping(_)
        | Fact::AgePromise(_)
        | Fact::Expectation(_)
        | Fact::Weekly(_)
        | Fact::Silence(_) => 4,
        Fact::Incident(_) => 5,
        Fact::Notification(_) => 6,
        Fact::Delivery(_) | Fact::Address(_) => 7,
        Fact::Forgotten(_) => 8,
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
        Fact::Released(attempt, _) => format!("the release of what attempt {attempt} made"),
        Fact::Attempt(attempt) => format!("attempt {} of job {}", attempt.id, attempt.job),
        Fact::Version(version) => format!("version {}@{}", version.dataset, version.number),
        Fact::Slot(slot) => format!("the slot of {} due {}", slot.dataset, slot.due_at),
        Fact::Observation(observation) => format!("an observation of {}", observation.dataset),
        Fact::Ping(ping) => format!("a ping for {}", ping.dataset),
        Fact::AgePromise(promise) => format!("since when {} is promised", promise.dataset),
        Fact::Expectation(expectation) => format!("what is expected of {}", expectation.dataset),
        Fact::Silence(silence) => format!("silence {} of {}", silence.number, silence.subject),
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
        Fact::Address(record) => format!("how {} stands", record.address),
        Fact::Life(life) => format!("life {}", life.number),
        Fact::ClockStep(step) => format!("the step of the clock at {}", step.at),
        Fact::ClockConfirmed(confirmation) => format!("the clock, confirmed at {}", confirmation.at),
        Fact::Settings(accepted) => format!("the configuration {}", accepted.digest),
        Fact::Weekly(report) => format!("the weekly report of {} until {}", report.team, report.until),
        Fact::Forgotten(forgotten) => format!("{} runs to forget", forgotten.runs.len()),
        Fact::Restored(restoration) => format!("the restoration at {}", restoration.at),
    }
}

/// Whether a fact is more than a sign of life: losing it would lose something, and a copy without it is an old one.
pub(super) fn is_change(fact: &Fact) -> bool {
    !matches!(fact, Fact::Life(_) | Fact::Observation(_))
}
