//! `/ack/TOKEN`: the link in a message. Looking at it changes nothing, since programs that scan mails follow links; its
//! button takes the incident on, once.

use std::sync::Arc;

use axum::extract::{Path, Request as Asked, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::answer::Trouble;
use super::desk::Desk;
use super::forms::Sent;
use super::pages::{self, AckPage};
use super::typed::bounded;
use super::visits::{Missing, Page, view_of};
use crate::model::{Ack, Incident, IncidentId, Notification, Reads, Request, format_time};
use crate::store::ack_token_parts;

#[derive(Debug, Default, Deserialize)]
struct Words {
    note: Option<String>,
}

/// `GET /ack/TOKEN`
pub(super) async fn page(State(desk): State<Arc<Desk>>, Path(token): Path<String>) -> Result<Response, Missing> {
    let (_, incident) = followed(&desk, &token).await?;
    let page = AckPage {
        readers: readers(&desk, incident.id).await,
        incident,
        path: format!("/ack/{}", pages::piece(&token)),
        is_done: false,
        taken_over: None,
        until: None,
        back: None,
    };
    Ok(Page::of(pages::ack(&view_of(&desk), &page)).into_response())
}

/// `POST /ack/TOKEN`
pub(super) async fn take_on(
    State(desk): State<Arc<Desk>>,
    Path(token): Path<String>,
    asked: Asked,
) -> Result<Response, Missing> {
    let (notification, incident) = followed(&desk, &token).await?;
    let readers = readers(&desk, incident.id).await;
    let sent = Sent::of(asked).await?;
    let done = async {
        let request = Request::Ack {
            incident: incident.id,
            note: bounded(sent.read::<Words>()?.note, ("note", "note"))?,
            link: Some(notification.id),
        };
        let by = format!("the link sent to {}", notification.address);
        desk.act(request, by).await
    };
    let (status, page) = match done.await {
        Ok(facts) => {
            let page = AckPage {
                readers,
                incident,
                path: String::new(),
                is_done: true,
                taken_over: Ack::deserialize(&facts["taken_over_from"]).ok(),
                until: facts["until"].as_str().and_then(|until| until.parse().ok()),
                back: None,
            };
            (StatusCode::OK, page)
        }
        Err(trouble) => {
            let page = AckPage {
                readers,
                incident,
                path: format!("/ack/{}", pages::piece(&token)),
                is_done: false,
                taken_over: None,
                until: None,
                back: Some(sent.back(&trouble)),
            };
            (trouble.status(), page)
        }
    };
    Ok((status, Page::of(pages::ack(&view_of(&desk), &page))).into_response())
}

/// Who reads what is wrong, the first to read first. Whoever can take the incident on can do so without.
async fn readers(desk: &Arc<Desk>, id: IncidentId) -> Vec<Reads> {
    let known = desk.status().await.ok();
    let open = known.and_then(|known| known.status.incidents.iter().find(|open| open.id == id.0).cloned());
    open.map_or_else(Vec::new, |open| open.readers)
}

/// What a link leads to, where it still does. Of a link that freshd never sent, nothing is told.
async fn followed(desk: &Arc<Desk>, token: &str) -> Result<(Notification, Incident), Trouble> {
    let unknown = || Trouble::unknown("link", "like this", std::iter::empty());
    let settings = desk.settings();
    let has_links = |web: &crate::model::Web| web.auth.is_some() && web.public_url.is_some();
    if !settings.web.as_ref().is_some_and(has_links) {
        return Err(unknown());
    }
    let (id, signature) = ack_token_parts(token).ok_or_else(unknown)?;
    let found = desk.read(move |reader| {
        let Some((notification, _)) = reader.notification(id)? else {
            return Ok(None);
        };
        let Some(incident) = notification.incident else {
            return Ok(None);
        };
        Ok(reader.incident(incident)?.map(|incident| (notification, incident)))
    });
    let found = found.await?;
    let is_ours = |notification: &Notification| desk.login_state().key.is_ack_of(notification, signature);
    let (notification, incident) = found
        .filter(|(notification, _)| is_ours(notification))
        .ok_or_else(unknown)?;
    match spent(&notification, &incident, Timestamp::now(), &settings.timezone) {
        Some(why) => Err(Trouble::Gone(why)),
        None => Ok((notification, incident)),
    }
}

/// Why a link of ours works no more.
fn spent(notification: &Notification, incident: &Incident, now: Timestamp, zone: &TimeZone) -> Option<String> {
    if let Some(at) = incident.resolved_at {
        let at = format_time(at, zone);
        let title = notification.message.title();
        return Some(format!("{title} is over since {at}, and nothing is left to take on"));
    }
    if let Some(until) = notification.link_until().filter(|until| *until <= now) {
        let until = format_time(until, zone);
        return Some(format!(
            "this link worked until {until}; the last reminder has a newer one"
        ));
    }
    if incident.has_used(notification.id) {
        let by = incident.ack.as_ref().map(|ack| format!(" by {}", ack.by));
        return Some(format!(
            "this link has done its work: the incident was taken on{}, or has changed, since its message was sent; the next message has a link of its own",
            by.unwrap_or_default()
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{
        ACK_LINK_LIFE, AckOffer, Address, Message, NotificationId, NotificationState, ack_command, later,
        plain_incident, plain_message,
    };
    use crate::store::SigningKey;

    fn at() -> Timestamp {
        "2026-11-27T22:15:00Z".parse().unwrap()
    }

    fn sent(commands: Vec<String>) -> Notification {
        let message = Message {
            commands,
            ..plain_message(at())
        };
        Notification {
            id: NotificationId(5),
            incident: Some(IncidentId(1)),
            address: Address {
                channel: "mail".into(),
                to: None,
            },
            message: Arc::new(message),
            state: NotificationState::Delivered,
            tries: 1,
            next_try_at: at(),
            created_at: at(),
            ended_at: None,
            last_error: None,
            digest: None,
            receipt: None,
        }
    }

    #[test]
    fn a_link_works_for_a_week_until_its_incident_is_over_or_taken_on() {
        let (zone, notification) = (TimeZone::UTC, sent(vec![ack_command(IncidentId(1))]));
        let mut incident = plain_incident("j", at());
        let works = |incident: &Incident, now| spent(&notification, incident, now, &zone).is_none();
        let end = later(at(), ACK_LINK_LIFE);
        assert!(works(&incident, at()));
        assert!(works(&incident, end - jiff::SignedDuration::from_secs(1)));
        assert!(!works(&incident, end));
        for (used, expected) in [(4, true), (5, false), (6, false)] {
            incident.links_used = Some(NotificationId(used));
            assert_eq!(works(&incident, at()), expected, "{used}");
        }
        incident.links_used = None;
        incident.resolved_at = Some(at());
        assert!(!works(&incident, at()));
    }

    #[test]
    fn a_link_that_was_received_goes_on_to_work_when_an_operator_confirms_the_clock() {
        let key = SigningKey::fleeting().unwrap();
        let mut notification = sent(vec![ack_command(IncidentId(1))]);
        let token = key.ack_token(&AckOffer::of(&notification).unwrap());
        let (_, signature) = ack_token_parts(token.reveal()).unwrap();
        // It waited for another try, and was dated again.
        notification.created_at = later(at(), std::time::Duration::from_hours(1));
        assert!(key.is_ack_of(&notification, signature), "it leads nowhere");
        let of_another = Notification {
            id: NotificationId(6),
            ..notification.clone()
        };
        assert!(!key.is_ack_of(&of_another, signature));
    }

    #[test]
    fn only_a_message_that_asks_to_take_its_incident_on_has_a_link() {
        assert!(sent(vec![ack_command(IncidentId(1))]).link_until().is_some());
        assert!(sent(vec![ack_command(IncidentId(11))]).link_until().is_none());
        assert!(sent(Vec::new()).link_until().is_none());
    }
}
