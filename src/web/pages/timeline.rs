//! The life of an incident in order: what happened to it, and what people did and heard, as far as that is on record.

use jiff::Timestamp;
use maud::{Markup, html};

use super::incidents::{IncidentPage, told_by, what};
use super::words::{View, text, time, time_with_seconds};
use crate::model::{Delivery, Notification, NotificationState, Purpose};

/// Entries that are shown, the newest.
const SHOWN_MAX: usize = 200;

/// What it explains that has an entry of its own.
const EFFECTS_MAX: usize = 12;

/// All of it as a list, the first first.
pub(super) fn timeline(view: &View, page: &IncidentPage) -> Markup {
    let mut entries = entries(view, page);
    entries.sort_by_key(|(at, _)| *at);
    let left_out = entries.len().saturating_sub(SHOWN_MAX);
    html! {
        @if left_out > 0 { p.dim { (left_out) " before are left out here." } }
        ol.plain.timeline {
            @for (at, words) in &entries[left_out..] { li { (time_with_seconds(view, *at)) " " (words) } }
        }
    }
}

fn entries(view: &View, page: &IncidentPage) -> Vec<(Timestamp, Markup)> {
    let incident = &page.incident;
    let mut entries = vec![(incident.since, html! { "The problem began." })];
    if let Some(flapping) = &incident.flapping {
        for spell in &flapping.spells {
            entries.push((spell.from, html! { "All was well for a while." }));
            entries.push((spell.to, html! { "The problem was back." }));
        }
    }
    if let Some(cause) = incident.cause {
        let words =
            html! { "Explained by " a href={ "/incidents/" (cause) } { "incident " (cause) } ", which tells of it." };
        entries.push((incident.notify_at.max(incident.since), words));
    }
    if let Some(at) = incident.opened_at {
        entries.push((at, html! { "The incident opened." }));
    }
    for (message, _) in &page.messages {
        entries.push((message.created_at, sent(view, message, &page.messages)));
        if let Some(at) = message.ended_at.filter(|_| is_worth_a_line(message)) {
            entries.push((at, ended(message)));
        }
    }
    for ack in incident.all_acks() {
        entries.push((
            ack.at,
            html! { "Taken on by " (text(&ack.who())) ", until " (time(view, ack.until)) "." },
        ));
    }
    for effect in page.effects.iter().take(EFFECTS_MAX) {
        let words = html! { (what(effect)) ": explained by this as " a href={ "/incidents/" (effect.id) } { "incident " (effect.id) } "." };
        entries.push((effect.since.max(incident.since), words));
    }
    if let Some(next) = page.effects.get(EFFECTS_MAX) {
        let words = html! { "From then on " (page.effects.len() - EFFECTS_MAX + page.effects_more) " more were explained by this." };
        entries.push((next.since.max(incident.since), words));
    }
    for silence in page
        .silences
        .iter()
        .filter(|silence| incident.resolved_at.is_none_or(|over| silence.from <= over))
    {
        let words = html! { "Silenced by " (text(&silence.by)) " until " (time(view, silence.until)) ": " (text(&silence.because)) "." };
        entries.push((silence.from, words));
        if let Some(ended) = &silence.ended {
            entries.push((ended.at, html! { "The silence ended: " (text(&ended.how)) "." }));
        }
    }
    if let Some(at) = incident.resolved_at {
        let how = incident
            .resolution
            .as_deref()
            .map_or_else(String::new, |how| format!(": {}", text(how)));
        entries.push((at, html! { "It was over" (how) "." }));
    }
    entries
}

/// Most messages are taken at once; one that was not is told of again.
fn is_worth_a_line(message: &Notification) -> bool {
    match message.state {
        NotificationState::Dead => true,
        NotificationState::Delivered => message.tries > 1,
        NotificationState::Pending | NotificationState::Collapsed => false,
    }
}

fn sent(view: &View, message: &Notification, messages: &[(Notification, Vec<Delivery>)]) -> Markup {
    let team = text(view.team(message.message.team.as_str()));
    let address = text(&message.address.to_string());
    let purpose = match message.message.purpose {
        Purpose::Escalation => "Escalated".to_owned(),
        Purpose::Impact => "Told as a reader".to_owned(),
        Purpose::Recovery => "Told that it is over".to_owned(),
        Purpose::Opening => "Told".to_owned(),
        other => format!("Told ({})", other.as_str()),
    };
    let state = match message.state {
        NotificationState::Delivered if message.tries <= 1 => "",
        NotificationState::Delivered => "; it was not taken at once",
        NotificationState::Pending => "; it is not taken yet",
        NotificationState::Dead => "; it was never taken",
        NotificationState::Collapsed => "; not sent",
    };
    html! { (purpose) ": " (team) " by " (address) (state) @if let Some(by) = told_by(message, messages) { ", " (by) } "." }
}

fn ended(message: &Notification) -> Markup {
    let address = text(&message.address.to_string());
    match (message.state, &message.last_error) {
        (NotificationState::Dead, Some(error)) => {
            html! { "Given up: the " (message.message.purpose.as_str()) " to " (address) ": " (text(error)) "." }
        }
        (NotificationState::Dead, None) => {
            html! { "Given up: the " (message.message.purpose.as_str()) " to " (address) "." }
        }
        _ => html! { (address) " took the " (message.message.purpose.as_str()) " after " (message.tries) " tries." },
    }
}
