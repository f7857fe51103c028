//! Stored facts as log lines, each once, at the boundary where they became true.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::{debug, error, info, warn};

use super::never_started::NeverStarted;
use crate::alerting::lost_span;
use crate::model::{
    AttemptState, ByHand, DeliveryOutcome, Fact, Incident, IncidentId, IncidentState, NotificationState, Outcome,
    RunState, Severity, SlotState, Trigger, VersionState, elapsed, format_age, format_time,
};

/// The target of what goes as it should, over and over: a terminal leaves it out.
const ROUTINE: &str = "freshd::routine";

/// Tells the log what a commit at `at` has made true. Level says who must act: error the owner, warn soon, info nobody.
pub(super) fn narrate(facts: &[Fact], zone: &TimeZone, at: Timestamp) {
    let mut told = HashSet::new();
    let never_started = NeverStarted::of(facts);
    never_started.narrate(zone);
    for fact in facts {
        match fact {
            Fact::Run(run) if never_started.tells_of(run) => {}
            Fact::Incident(incident) => {
                if is_news(incident, at, &mut told) {
                    narrate_incident(incident);
                }
            }
            _ => narrate_one(fact, zone),
        }
    }
}

fn narrate_one(fact: &Fact, zone: &TimeZone) {
    match fact {
        Fact::Run(run) => narrate_run(run, zone),
        Fact::Attempt(attempt) if attempt.state == AttemptState::Ended => {
            let failed = attempt.outcome.is_some_and(Outcome::is_failure);
            if failed {
                let tail = attempt.output.last_lines(1).pop().unwrap_or_default();
                let reason = attempt.reason.as_deref().unwrap_or_default();
                warn!(job = %attempt.job, run = %attempt.id.run, attempt = attempt.id.number, output = tail, "attempt failed: {reason}");
            }
        }
        Fact::Released(attempt, released) => {
            info!(target: ROUTINE, run = %attempt.run, attempt = attempt.number, "{}", released.words());
        }
        Fact::Version(version) => match version.state {
            VersionState::Published => info!(
                target: ROUTINE,
                dataset = %version.dataset,
                version = %version.number,
                rows = version.rows,
                as_of = %format_time(version.effective_as_of, zone),
                trace = version.provenance.trace,
                by_hand = version.provenance.by_hand.as_ref().map(ByHand::words),
                "published"
            ),
            VersionState::Quarantined => {
                let reason = version.reason.as_deref().unwrap_or_default();
                let trace = version.provenance.trace.as_deref();
                warn!(dataset = %version.dataset, version = %version.number, trace, "held back: {reason}");
            }
            VersionState::Publishing => {}
        },
        Fact::Slot(slot) => match slot.state {
            SlotState::Late => {
                warn!(dataset = %slot.dataset, due = %format_time(slot.due_at, zone), "delivery is late");
            }
            SlotState::Missed => {
                warn!(dataset = %slot.dataset, due = %format_time(slot.due_at, zone), "delivery was missed");
            }
            SlotState::Recovered => {
                info!(dataset = %slot.dataset, due = %format_time(slot.due_at, zone), "late delivery has come");
            }
            SlotState::Withdrawn => {
                let why = slot.reason.as_deref().unwrap_or_default();
                info!(dataset = %slot.dataset, due = %format_time(slot.due_at, zone), "delivery is no longer waited for: {why}");
            }
            SlotState::Pending | SlotState::Met | SlotState::Excused => {}
        },
        // What a digest tells of is told of by its own line.
        Fact::Notification(notification) if notification.digest.is_some() => {}
        Fact::Notification(notification) => {
            let (to, purpose) = (notification.address.to_string(), notification.message.purpose.as_str());
            match notification.state {
                NotificationState::Delivered => info!(to, purpose, "told: {}", notification.message.subject),
                NotificationState::Dead => {
                    let why = notification.last_error.as_deref().unwrap_or_default();
                    error!(to, purpose, "could not tell, given up: {why}");
                }
                NotificationState::Pending | NotificationState::Collapsed => {}
            }
        }
        Fact::Delivery(delivery) => {
            if let DeliveryOutcome::Temporary { error, .. } | DeliveryOutcome::Unreachable { error } = &delivery.outcome
            {
                warn!(notification = %delivery.notification, tries = delivery.number, "could not tell yet: {error}");
            }
        }
        Fact::Ping(ping) => debug!(dataset = %ping.dataset, kind = ping.word.kind.as_str(), "pinged"),
        Fact::Observation(observation) => {
            if let Err(why) = &observation.found {
                warn!(dataset = %observation.dataset, "cannot tell what is there: {why}");
            }
        }
        Fact::Expectation(expectation) => {
            let (dataset, words) = (&expectation.dataset, expectation.words());
            match (expectation.versions, expectation.used.last()) {
                (0, _) => info!(%dataset, "is no longer expected to differ from what is usual"),
                (_, Some(version)) => info!(%dataset, %version, "is as it was expected: {words}"),
                (_, None) => {
                    let until = format_time(expectation.until, zone);
                    info!(%dataset, versions = expectation.versions, until, "is expected to differ from what is usual: {words}");
                }
            }
        }
        Fact::Silence(silence) => {
            let (name, because) = (&silence.subject, silence.because.as_str());
            match &silence.ended {
                Some(end) => info!(%name, because, "the silence is over: {}", end.how),
                None => {
                    let until = format_time(silence.until, zone);
                    info!(%name, until, because, "silenced by {}", silence.by);
                }
            }
        }
        Fact::ClockStep(step) => warn!(by_ms = step.by_ms, "the clock was set"),
        Fact::ClockConfirmed(confirmation) => warn!(
            by = confirmation.by,
            newest_record = %format_time(confirmation.newest_record_at, zone),
            "the clock was confirmed: {}",
            confirmation.because
        ),
        Fact::Forgotten(forgotten) => debug!(
            runs = forgotten.runs.len(),
            slots = forgotten.slots.len(),
            incidents = forgotten.incidents.len(),
            "forgotten, being beyond [history]"
        ),
        Fact::Restored(restoration) => error!(
            "{} are lost, and nothing of that time is repeated; everybody is told",
            lost_span(restoration, zone)
        ),
        Fact::Address(_)
        | Fact::AgePromise(_)
        | Fact::Attempt(_)
        | Fact::Incident(_)
        | Fact::Job(_)
        | Fact::Life(_)
        | Fact::Settings(_)
        | Fact::Weekly(_) => {}
    }
}

/// A row of an incident comes with each change, several in one commit when several teams are told. The log is told
/// of its beginning and of its end.
fn is_news(incident: &Incident, at: Timestamp, told: &mut HashSet<(IncidentId, IncidentState)>) -> bool {
    let has_turned = incident.opened_at == Some(at) || incident.resolved_at == Some(at);
    has_turned && told.insert((incident.id, incident.state))
}

fn narrate_incident(incident: &Incident) {
    let (id, subject, kind) = (incident.id, &incident.subject, incident.kind.as_str());
    if incident.drill.is_some() {
        let words = incident.resolution.as_ref().unwrap_or(&incident.reason);
        info!(incident = %id, %subject, "drill: {words}");
        return;
    }
    match (incident.state, incident.severity) {
        (IncidentState::Open, Severity::Critical) => error!(incident = %id, %subject, "{kind}: {}", incident.reason),
        (IncidentState::Open, Severity::Warning) => warn!(incident = %id, %subject, "{kind}: {}", incident.reason),
        // What was told and over in one step was told of otherwise.
        (IncidentState::Resolved, _) if incident.opened_at.is_some() && incident.opened_at < incident.resolved_at => {
            info!(incident = %id, %subject, "{kind} is over");
        }
        (IncidentState::Waiting | IncidentState::Attached | IncidentState::Resolved, _) => {}
    }
}

fn narrate_run(run: &crate::model::Run, zone: &TimeZone) {
    let (job, id) = (&run.job, run.id);
    let reason = run.reason.as_deref().unwrap_or_default();
    match (run.state, run.outcome) {
        (RunState::Final, Some(outcome)) => {
            let took = run.started_at.zip(run.ended_at).map(|(from, to)| elapsed(from, to));
            let took = took.map(|took| {
                if took.as_secs() == 0 {
                    format!("{}ms", took.as_millis())
                } else {
                    format_age(took)
                }
            });
            let word = outcome.as_str().replace('_', " ");
            let message = if reason.is_empty() {
                word
            } else {
                format!("{word}: {reason}")
            };
            match outcome {
                Outcome::Succeeded if run.attempts == 1 && run.trigger != Trigger::Manual => {
                    info!(target: ROUTINE, %job, run = %id, took, "{message}");
                }
                Outcome::Succeeded | Outcome::Skipped | Outcome::Cancelled => info!(%job, run = %id, took, "{message}"),
                Outcome::Missed => warn!(%job, run = %id, "{message}"),
                _ => error!(%job, run = %id, took, attempts = run.attempts, trace = run.trace_id(), "{message}"),
            }
        }
        (RunState::Waiting, _) => info!(target: ROUTINE, %job, run = %id, "{reason}"),
        (RunState::BackingOff, _) => {
            let at = run
                .retry_at
                .map(|at| zone.to_datetime(at).strftime("%H:%M:%S").to_string());
            info!(%job, run = %id, attempt = run.attempts, at, "another attempt follows");
        }
        (RunState::Running | RunState::Judging | RunState::Final, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{About, ProblemKind};

    #[test]
    fn an_incident_is_news_once_when_it_opens_and_once_when_it_ends() {
        let at: Timestamp = "2026-11-27T23:15:00Z".parse().expect("a timestamp");
        let earlier = at - jiff::SignedDuration::from_secs(60);
        let mut incident = Incident {
            id: IncidentId(7),
            kind: ProblemKind::Failed,
            about: About::Job,
            subject: "export".into(),
            state: IncidentState::Open,
            severity: Severity::Critical,
            since: earlier,
            notify_at: at,
            opened_at: Some(at),
            kind_since: None,
            first_kind: None,
            broken_since: None,
            handed_over: None,
            resolved_at: None,
            resolution: None,
            cause: None,
            reason: "exit code 3".to_owned(),
            told: Vec::new(),
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
        let mut told = HashSet::new();
        assert!(is_news(&incident, at, &mut told));
        assert!(!is_news(&incident, at, &mut told), "a second team was told of it");
        assert!(
            !is_news(&incident, earlier, &mut HashSet::new()),
            "a later change of it"
        );
        incident.state = IncidentState::Resolved;
        incident.resolved_at = Some(at);
        assert!(is_news(&incident, at, &mut told));
        assert!(!is_news(&incident, at, &mut told));
    }
}
