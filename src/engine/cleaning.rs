//! What people write on record is one line that only shows: it is cleaned here, once, as it comes in, whatever the window it
//! came by. So no message, page or program that is told of it later has to.

use crate::model::{Event, Request, one_line};

/// Cleans who asks, and why.
pub(super) fn clean(mut event: Event) -> Event {
    match &mut event {
        Event::ClockConfirmed { by, because, .. } | Event::Decided { by, because, .. } => {
            of_text(by);
            of_text(because);
        }
        Event::ResendAsked { by, .. } => of_text(by),
        Event::Requested { by, request, .. } => {
            of_text(by);
            of_request(request);
        }
        // Nobody has written them for the record: what jobs and systems print is cleaned where it is shown.
        Event::Started { .. }
        | Event::Tick
        | Event::ClockStepped { .. }
        | Event::Space(_)
        | Event::Alive
        | Event::Stopping
        | Event::AttemptStarted { .. }
        | Event::AttemptEnded(_)
        | Event::AttemptRefused { .. }
        | Event::AttemptNeverStarted(_)
        | Event::KeeperSilent { .. }
        | Event::KeeperAnswers(_)
        | Event::JournalDamaged { .. }
        | Event::AttemptFound(_)
        | Event::Judged { .. }
        | Event::Published { .. }
        | Event::Probed(_)
        | Event::Sighted(_)
        | Event::Delivered { .. }
        | Event::Backup { .. }
        | Event::Traced(_)
        | Event::Restored(_)
        | Event::Reloaded { .. }
        | Event::Prune { .. }
        | Event::Aged(_)
        | Event::LookedBack { .. }
        | Event::Removed { .. } => {}
    }
    event
}

fn of_request(request: &mut Request) {
    match request {
        Request::Pause { because, .. } | Request::Silence { because, .. } => of_text(because),
        Request::Expect { because, by, .. } => {
            of_text(because);
            if let Some(by) = by {
                of_text(by);
            }
        }
        Request::Ack { note: Some(note), .. } => of_text(note),
        Request::Run { .. }
        | Request::Ack { note: None, .. }
        | Request::Cancel { .. }
        | Request::Wait { .. }
        | Request::Resume { .. }
        | Request::Ping { .. }
        | Request::Lineage(_)
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

fn of_text(text: &mut String) {
    *text = one_line(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IncidentId;

    #[test]
    fn who_asks_and_why_is_one_line_that_only_shows() {
        let hostile = "kari\u{1b}[2J\u{202e}\nBcc: all\u{0}";
        let plain = "kari\u{fffd}[2J\u{fffd} Bcc: all\u{fffd}";
        let cleaned = |request: Request| {
            let event = Event::Requested {
                id: 1,
                by: hostile.to_owned(),
                request,
            };
            let Event::Requested { by, request, .. } = clean(event) else {
                panic!("it is another event");
            };
            assert_eq!(by, plain);
            request
        };
        let acked = cleaned(Request::Ack {
            incident: IncidentId(1),
            note: Some(hostile.to_owned()),
            link: None,
        });
        assert!(matches!(acked, Request::Ack { note: Some(note), .. } if note == plain));
        let because = || hostile.to_owned();
        for request in [
            Request::Pause {
                job: "j".into(),
                because: because(),
            },
            Request::Silence {
                name: "j".into(),
                because: because(),
                for_s: 1,
            },
            Request::Expect {
                dataset: "d".into(),
                because: because(),
                versions: 1,
                for_s: 1,
                by: Some(because()),
            },
        ] {
            match cleaned(request) {
                Request::Pause { because, .. } | Request::Silence { because, .. } => assert_eq!(because, plain),
                Request::Expect { because, by, .. } => {
                    assert_eq!((because.as_str(), by.as_deref()), (plain, Some(plain)));
                }
                other => panic!("another request: {other:?}"),
            }
        }
    }
}
