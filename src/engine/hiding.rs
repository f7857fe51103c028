//! What happened, without the secrets of the configuration: before anything is decided, and so before anything of it is
//! stored, told or shown.

use crate::model::{DeliveryOutcome, Event, Exit, ExitStatus, Judgement, Redactor, Request, Setback};

/// Hides secrets in whatever others have written: jobs, scripts elsewhere, the other side of a channel, people, and what
/// the machine says. Names, paths, numbers and freshd's own words stay as they are.
pub(super) fn hide(redactor: &Redactor, mut event: Event) -> Event {
    if redactor.is_empty() {
        return event;
    }
    let text = |text: &mut String| redactor.hide(text);
    match &mut event {
        Event::AttemptEnded(exit) => of_exit(redactor, exit),
        Event::Judged { result, .. } => match result {
            Ok(judgement) => of_judgement(redactor, judgement),
            Err(Setback { why, .. }) => text(why),
        },
        Event::Published { result, .. } => {
            if let Err(Setback { why, .. }) = result {
                text(why);
            }
        }
        Event::Probed(observation) => {
            if let Err(why) = &mut observation.found {
                text(why);
            }
        }
        Event::Sighted(sighting) => {
            if let Err(why) = &mut sighting.found {
                text(why);
            }
        }
        Event::Delivered { outcome, .. } => match outcome {
            DeliveryOutcome::Temporary { error, .. }
            | DeliveryOutcome::Unreachable { error }
            | DeliveryOutcome::Permanent { error }
            | DeliveryOutcome::Unsent { error } => text(error),
            DeliveryOutcome::Accepted => {}
        },
        Event::Backup { result } => {
            if let Err(why) = result {
                text(why);
            }
        }
        Event::AttemptRefused { why, .. } => text(why),
        Event::ClockConfirmed { because, .. } | Event::Decided { because, .. } => text(because),
        Event::Requested { request, .. } => of_request(redactor, request),
        // Freshd's own words, or rows of its records, in which secrets were hidden when they came.
        Event::Started { .. }
        | Event::Tick
        | Event::ClockStepped { .. }
        | Event::Space(_)
        | Event::Alive
        | Event::Stopping
        | Event::AttemptStarted { .. }
        | Event::AttemptNeverStarted(_)
        | Event::KeeperSilent { .. }
        | Event::KeeperAnswers(_)
        | Event::JournalDamaged { .. }
        | Event::AttemptFound(_)
        | Event::Traced(_)
        | Event::Restored(_)
        | Event::Reloaded { .. }
        | Event::ResendAsked { .. }
        | Event::Prune { .. }
        | Event::Aged(_)
        | Event::LookedBack { .. }
        | Event::Removed { .. } => {}
    }
    event
}

fn of_exit(redactor: &Redactor, exit: &mut Exit) {
    match &mut exit.status {
        ExitStatus::NotStarted(why) | ExitStatus::Unknown(why) => redactor.hide(why),
        ExitStatus::Code(_) | ExitStatus::Signal(_) => {}
    }
    let output = &mut exit.output;
    if output.bytes > output.tail.len() as u64 {
        // A cut of one long line may have gone through a secret.
        redactor.hide_in_rest(&mut output.tail);
    } else {
        redactor.hide(&mut output.tail);
    }
    redactor.hide(&mut exit.report);
}

/// The words of the checks hold values out of the data.
fn of_judgement(redactor: &Redactor, judgement: &mut Judgement) {
    for check in &mut judgement.checks {
        redactor.hide(&mut check.expected);
        redactor.hide(&mut check.actual);
        redactor.hide(&mut check.message);
    }
}

/// What people and scripts say; by what they are known stays as it is.
fn of_request(redactor: &Redactor, request: &mut Request) {
    match request {
        Request::Pause { because, .. } | Request::Expect { because, .. } | Request::Silence { because, .. } => {
            redactor.hide(because);
        }
        Request::Ping { text, rid, .. } => {
            redactor.hide(text);
            if let Some(rid) = rid {
                redactor.hide(rid);
            }
        }
        Request::Ack { note: Some(note), .. } => redactor.hide(note),
        Request::Lineage(word) => {
            redactor.hide(&mut word.text);
            redactor.hide(&mut word.run);
        }
        // What a job is run with reaches it as it was given.
        Request::Run { .. }
        | Request::Ack { note: None, .. }
        | Request::Cancel { .. }
        | Request::Wait { .. }
        | Request::Resume { .. }
        | Request::Unsilence { .. }
        | Request::Drill { .. }
        | Request::WaitForDrill { .. }
        | Request::NotifyTest { .. }
        | Request::Status { .. }
        | Request::Clock
        | Request::Addresses
        | Request::Why { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LineageWord, PingKind};

    #[test]
    fn what_tells_runs_apart_is_hidden_of_an_event_of_openlineage_too() {
        let secret = "canary-key-0123456789";
        let redactor = Redactor::new([secret.to_owned()].into(), false);
        let request = Request::Lineage(LineageWord {
            kind: PingKind::Success,
            run: secret.to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
            makes: vec!["orders".into()],
            reads: Vec::new(),
            text: format!("spark/{secret}"),
        });
        let mut hidden = request.clone();
        of_request(&redactor, &mut hidden);
        let Request::Lineage(word) = hidden else {
            panic!("it is another request");
        };
        assert_eq!((word.run.as_str(), word.text.as_str()), ("[hidden]", "spark/[hidden]"));
    }
}
