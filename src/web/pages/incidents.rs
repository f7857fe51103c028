//! `/incidents` and one of them: what went wrong, who was told what and when.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words::{Tone, View, incident_tone, state, subject_link, text, time, time_and_distance, time_with_seconds};
use super::{Place, act, whole};
use crate::model::{
    About, AddressState, Delivery, DeliveryOutcome, Incident, Notification, NotificationState, Reach, Silence,
    drill_words, took,
};

/// `/incidents`: the open ones first, each set the newest first.
pub(in crate::web) fn incidents(view: &View, incidents: &[Incident], silences: &[Silence], shown_max: usize) -> Markup {
    let (over, open): (Vec<&Incident>, Vec<&Incident>) =
        incidents.iter().partition(|incident| incident.resolved_at.is_some());
    let body = html! {
        h1 { "Incidents" }
        @if open.is_empty() { p.lead { (state(Tone::Good, "none is open")) } } @else { (table(view, &open)) }
        @if !silences.is_empty() {
            h2 id="silenced" { "Silenced" }
            ul.plain { @for silence in silences { li { (text(silence.subject.as_str())) " " (text(&silence.words(view.now, &view.zone))) (act::on_name(view, silence.subject.as_str(), true)) } } }
        }
        h2 { "Over" }
        @if over.is_empty() { p.dim { "Nothing ever went wrong." } } @else { (table(view, &over)) }
        @if incidents.len() >= shown_max { p.dim { "The newest " (incidents.len()) "; " code { "freshd incidents --all --limit 1000" } " lists more." } }
    };
    whole(Some(view), Place::Incidents, "Incidents", &body)
}

fn table(view: &View, incidents: &[&Incident]) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th.num scope="col" { "Id" } th scope="col" { "State" } th scope="col" { "What" } th scope="col" { "Since" } th scope="col" { "Over" } th scope="col" { "Why" } } }
            tbody {
                @for incident in incidents {
                    tr {
                        td.num { a href={ "/incidents/" (incident.id) } { (incident.id) } }
                        td { (state(incident_tone(incident.state), incident.state.as_str())) }
                        td { (what(incident)) }
                        td { (time(view, incident.since)) }
                        td { @if let Some(at) = incident.resolved_at { (time(view, at)) ", after " (took(incident.since, at)) @if let Some(resolution) = &incident.resolution { ": " (text(resolution)) } } }
                        td.remark { (text(&incident.reason)) @if let Some(cause) = incident.cause { " (explained by " a href={ "/incidents/" (cause) } { "incident " (cause) } ")" } @if let Some(ack) = incident.taken_on(view.now) { "; taken on by " (text(&ack.by)) " until " (time(view, ack.until)) } }
                    }
                }
            }
        } }
    }
}

pub(super) fn what(incident: &Incident) -> Markup {
    html! {
        @if incident.about != About::Freshd { (incident.about.as_str()) " " }
        (subject_link(incident.about.as_str(), incident.subject.as_str())) " " (incident.kind.words())
    }
}

/// One incident, with all that was told about it.
pub(in crate::web) struct IncidentPage {
    pub(in crate::web) incident: Incident,
    pub(in crate::web) addresses: Vec<AddressState>,
    pub(in crate::web) messages: Vec<(Notification, Vec<Delivery>)>,
    /// Nobody is told of its subject just now.
    pub(in crate::web) is_silenced: bool,
}

/// `/incidents/ID`.
pub(in crate::web) fn incident(view: &View, page: &IncidentPage) -> Markup {
    let incident = &page.incident;
    let title = format!("Incident {}", incident.id);
    let body = html! {
        p.crumbs { a href="/incidents" { "Incidents" } " / " (incident.id) }
        h1 { (what(incident)) }
        p.lead { (state(incident_tone(incident.state), incident.state.as_str())) " · " (incident.severity.as_str()) }
        p.reason { (text(&incident.reason)) }
        dl {
            dt { "Since" } dd { (time_and_distance(view, incident.since)) }
            @if incident.drill.is_some() { dt { "Drill" } dd { (text(&drill_words(incident))) } }
            @if let Some(flapping) = &incident.flapping { dt { "Turns" } dd { (text(&flapping.words())) " since " (time(view, flapping.since)) } }
            @if let Some(cause) = incident.cause { dt { "Explained by" } dd { a href={ "/incidents/" (cause) } { "incident " (cause) } } }
            @if let Some(at) = incident.opened_at { dt { "Opened" } dd { (time_and_distance(view, at)) } }
            @if let Some(ack) = &incident.ack { dt { "Taken on" } dd { "by " (text(&ack.who())) " " (time(view, ack.at)) @if incident.resolved_at.is_none() { ", until " (time(view, ack.until)) } } }
            @if let Some(at) = incident.remind_at.filter(|_| incident.resolved_at.is_none()) { dt { "Reminder" } dd { (time_and_distance(view, at)) } }
            @if let Some(at) = incident.resolved_at { dt { "Over" } dd { (time_and_distance(view, at)) ", after " (took(incident.since, at)) } }
            dt { "Told" } dd { (who_knows(view, &page.addresses, incident.notify_at)) }
        }
        (act::on_incident(view, incident))
        @if incident.about != About::Freshd && incident.resolved_at.is_none() { (act::on_name(view, incident.subject.as_str(), page.is_silenced)) }
        h2 { "Messages" }
        @if page.messages.is_empty() { p.dim { "None." } } @else { (messages(view, &page.messages)) }
    };
    whole(Some(view), Place::Incidents, &title, &body)
}

fn messages(view: &View, messages: &[(Notification, Vec<Delivery>)]) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th scope="col" { "Decided" } th scope="col" { "Message" } th scope="col" { "Team" } th scope="col" { "To" } th scope="col" { "State" } th scope="col" { "Remark" } } }
            tbody {
                @for (message, tries) in messages {
                    tr {
                        td { (time_with_seconds(view, message.created_at)) }
                        td { (message.message.purpose.as_str()) }
                        td { (text(message.message.team.as_str())) }
                        td { (text(&message.address.to_string())) }
                        td { (state(message_tone(message.state), message.state.as_str())) @if tries.len() > 1 { " after " (tries.len()) " tries" } @if let Some(digest) = message.digest { " in digest " (digest.0) } }
                        td.remark { (text(error(tries).unwrap_or_default())) }
                    }
                }
            }
        } }
    }
}

fn message_tone(state: NotificationState) -> Tone {
    match state {
        NotificationState::Delivered => Tone::Good,
        NotificationState::Pending => Tone::Warn,
        NotificationState::Dead => Tone::Bad,
        NotificationState::Collapsed => Tone::Quiet,
    }
}

/// What the other side last said, if it did not accept.
fn error(tries: &[Delivery]) -> Option<&str> {
    tries.iter().rev().find_map(|delivery| match &delivery.outcome {
        DeliveryOutcome::Accepted => None,
        DeliveryOutcome::Temporary { error, .. } | DeliveryOutcome::Permanent { error } => Some(error.as_str()),
    })
}

/// Who knows of an incident, who does not yet, and who cannot be reached.
pub(super) fn who_knows(view: &View, addresses: &[AddressState], notify_at: Timestamp) -> Markup {
    if addresses.is_empty() {
        return html! {
            @if notify_at > view.now { "nobody before " (time(view, notify_at)) } @else { "nobody" }
        };
    }
    html! {
        ul.plain {
            @for one in addresses {
                li {
                    @match one.state {
                        Reach::Told => (state(Tone::Good, "told")),
                        Reach::NotYet => (state(Tone::Warn, "not yet")),
                        Reach::GivenUp => (state(Tone::Bad, "given up")),
                    }
                    " " (text(one.team.as_str())) " by " (text(&one.to))
                    @if let Some(at) = one.at { " " (time(view, at)) }
                    @if let Some(error) = &one.error { ": " (text(error)) }
                }
            }
        }
    }
}
