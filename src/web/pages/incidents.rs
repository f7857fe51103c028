//! `/incidents` and one of them: what went wrong, who was told what and when.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use maud::{Markup, html};

use super::run::{output, output_notes};
use super::words::{
    Tone, View, counted, incident_tone, job_link, owner, state, subject_link, text, time, time_and_distance,
    time_with_seconds,
};
use super::{Place, act, dead, now, timeline, whole};
use crate::model::{
    About, AddressState, DeadMessage, Delivery, Flapping, IN_STEAD_OF, Incident, IncidentId, Notification,
    NotificationState, Reach, Reads, Shown, Silence, drill_words, took,
};
use crate::web::output::Printed;

/// What an incident explains that is shown unfolded.
const EFFECTS_UNFOLDED: usize = 12;

/// How often what comes and goes has, and since when it is well if it is.
pub(super) fn turns(view: &View, flapping: &Flapping) -> Markup {
    html! {
        "flapping, " (flapping.times) " times since " (time(view, flapping.since))
        @if let Some(well) = flapping.well_since { ", well since " (time(view, well)) }
    }
}

/// The newest of some incidents, or of those before one number.
pub(in crate::web) struct IncidentList {
    pub(in crate::web) incidents: Vec<Incident>,
    /// How many there are in all.
    pub(in crate::web) all: usize,
    /// There are more before these.
    pub(in crate::web) has_more: bool,
    pub(in crate::web) before: Option<u64>,
}

/// All that ever went wrong, in lists that have an end.
pub(in crate::web) struct IncidentsPage {
    pub(in crate::web) causes: IncidentList,
    /// What is open and told with one of those.
    pub(in crate::web) explained: IncidentList,
    pub(in crate::web) over: IncidentList,
    /// What explains most of what is open, and how much: the newest need not be what all hangs on.
    pub(in crate::web) explains_most: Option<(IncidentId, usize)>,
    pub(in crate::web) silences: Vec<Silence>,
    /// Messages that nobody has got and nobody has sent again.
    pub(in crate::web) dead: Vec<DeadMessage>,
}

/// `/incidents`: first what is open and stands for itself, then what that explains, then what is over; the newest first.
pub(in crate::web) fn incidents(view: &View, page: &IncidentsPage) -> Markup {
    let IncidentsPage {
        causes,
        explained,
        over,
        explains_most,
        silences,
        dead,
    } = page;
    let is_all_well = causes.all + explained.all == 0;
    let body = html! {
        h1 { "Incidents" }
        p.lead {
            @if is_all_well { (state(Tone::Good, "none is open")) } @else {
                (state(Tone::Bad, &format!("{} open", causes.all)))
                @if explained.all > 0 { ". " (explained_by(explained.all, *explains_most)) }
            }
        }
        @if !causes.incidents.is_empty() { (table(view, &causes.incidents)) }
        (turn(causes, "open_before"))
        @if !explained.incidents.is_empty() {
            details.rest {
                summary { (counted(explained.all, "incident")) " that others explain" }
                (table(view, &explained.incidents))
                @if explained.has_more { p.dim { "The newest " (explained.incidents.len()) "; the page of what explains them names more." } }
            }
        }
        (dead::given_up(view, dead))
        @if !silences.is_empty() {
            h2 id="silenced" { "Silenced" }
            ul.plain { @for silence in silences { li { (text(silence.subject.as_str())) " " (text(&silence.words(view.now, &view.zone))) (act::on_name(view, silence.subject.as_str(), true)) } } }
        }
        h2 id="over" { "Over" }
        @if over.incidents.is_empty() { p.dim { @if over.before.is_some() { "None is on record before that." } @else if is_all_well { "Nothing ever went wrong." } @else { "None is over yet." } } } @else { (table(view, &over.incidents)) }
        (turn(over, "before"))
    };
    whole(Some(view), Place::Incidents, "Incidents", &body)
}

/// How many are told with the one that explains them, and which one explains all or the most of them.
fn explained_by(all: usize, most: Option<(IncidentId, usize)>) -> Markup {
    let (are, them) = if all == 1 { ("is", "it") } else { ("are", "them") };
    let link = |cause: IncidentId| html! { a href={ "/incidents/" (cause) } { "incident " (cause) } };
    html! {
        (all) " more " (are) " told with "
        @match most {
            Some((cause, effects)) if effects < all => {
                "what explains " (them) "; " (link(cause)) " explains " (effects) " of them, the most."
            }
            Some((cause, _)) => { (link(cause)) ", which explains " (them) "." }
            None => { "what explains " (them) "." }
        }
    }
}

/// The way to those before, and back to the newest.
fn turn(list: &IncidentList, key: &str) -> Markup {
    let last = list.incidents.last().filter(|_| list.has_more);
    html! {
        @if list.before.is_some() || last.is_some() {
            p {
                (list.incidents.len()) " of " (list.all) ". "
                @if let Some(last) = last { a href={ "/incidents?" (key) "=" (last.id) @if key == "before" { "#over" } } { "Those before" } }
                @if last.is_some() && list.before.is_some() { " · " }
                @if list.before.is_some() { a href="/incidents" { "the newest" } }
            }
        }
    }
}

fn table(view: &View, incidents: &[Incident]) -> Markup {
    html! {
        div.wide { table.cards {
            thead { tr { th.num scope="col" { "Id" } th scope="col" { "State" } th scope="col" { "What and why" } th scope="col" { "Since" } th scope="col" { "Over" } th scope="col" { "Taken on" } } }
            tbody {
                @for incident in incidents {
                    tr {
                        td.num { a href={ "/incidents/" (incident.id) } { (incident.id) } }
                        td { (state(incident_tone(incident.state), incident.state_word())) }
                        td.row {
                            (what(incident)) @if let Some(well) = shown(incident).well() { " since " (time(view, well)) }
                            span.note { (text(&shown(incident).why)) @if let Some(cause) = incident.cause { " (explained by " a href={ "/incidents/" (cause) } { "incident " (cause) } ")" } }
                        }
                        td data-label="Since" { (time(view, incident.since)) }
                        td data-label="Over" { @if let Some(at) = incident.resolved_at { (time(view, at)) ", after " (took(incident.since, at)) @if let Some(resolution) = &incident.resolution { ": " (text(resolution)) } } }
                        td data-label="Taken on" { @if let Some(ack) = &incident.ack { "by " (text(&ack.by)) @if incident.resolved_at.is_none() { ", until " (time(view, ack.until)) } } @else if incident.resolved_at.is_none() { span.dim { "by nobody" } } }
                    }
                }
            }
        } }
    }
}

/// An incident with the one that explains it.
pub(in crate::web) type Explained = (Incident, Option<Incident>);

/// What a page about something says of its incidents: which, since when, why, and who has taken it on.
pub(super) fn explained(view: &View, incidents: &[Explained]) -> Markup {
    html! {
        @for (incident, cause) in incidents {
            p.alarm {
                (state(incident_tone(incident.state), incident.state_word())) " "
                a href={ "/incidents/" (incident.id) } { "incident " (incident.id) }
                @match shown(incident).well() {
                    Some(well) => { ", comes and goes, well since " (time_and_distance(view, well)) "; when wrong: " (text(&shown(incident).why)) }
                    None => { ", since " (time_and_distance(view, incident.since)) ": " (text(&incident.reason)) }
                }
                @if let Some(cause) = cause { "; explained by " (what(cause)) ", " (text(&cause.reason)) ", " a href={ "/incidents/" (cause.id) } { "incident " (cause.id) } }
                @if let Some(ack) = incident.ack.as_ref().filter(|_| incident.resolved_at.is_none()) { "; taken on by " (text(&ack.who())) }
            }
        }
    }
}

pub(super) fn what(incident: &Incident) -> Markup {
    html! { (thing(incident)) " " (shown(incident).how) }
}

/// How it is shown: what comes and goes may be well just now.
fn shown(incident: &Incident) -> Shown {
    incident.shown(incident.kind.words().to_owned())
}

/// What it is about.
pub(super) fn thing(incident: &Incident) -> Markup {
    html! {
        @if incident.about != About::Freshd { (incident.about.as_str()) " " }
        (subject_link(incident.about.as_str(), incident.subject.as_str()))
    }
}

/// One incident, with all that was told about it.
pub(in crate::web) struct IncidentPage {
    pub(in crate::web) incident: Incident,
    pub(in crate::web) addresses: Vec<AddressState>,
    pub(in crate::web) messages: Vec<(Notification, Vec<Delivery>)>,
    /// Nobody is told of its subject just now.
    pub(in crate::web) is_silenced: bool,
    /// Silences of its subject that held at some time since it began.
    pub(in crate::web) silences: Vec<Silence>,
    /// What it explains, the first of it.
    pub(in crate::web) effects: Vec<Incident>,
    /// How many it explains beyond those.
    pub(in crate::web) effects_more: usize,
    /// What explains it.
    pub(in crate::web) cause: Option<Incident>,
    /// The team that answers, or `nobody`; empty for what is not configured any more and for freshd itself.
    pub(in crate::web) owner: String,
    /// Who reads what is wrong, while it goes on.
    pub(in crate::web) readers: Vec<Reads>,
    /// What the run printed by which it, or its cause, began.
    pub(in crate::web) printed: Option<Printed>,
}

/// `/incidents/ID`.
pub(in crate::web) fn incident(view: &View, page: &IncidentPage) -> Markup {
    let incident = &page.incident;
    let title = format!("Incident {}", incident.id);
    let shown = shown(incident);
    let body = html! {
        p.crumbs { a href="/incidents" { "Incidents" } " / " (incident.id) }
        h1 { (thing(incident)) " " (now::how(view, &shown)) }
        p.lead { (state(incident_tone(incident.state), incident.state_word())) " · " @if shown.is_well { "when wrong " } (incident.severity.as_str()) }
        (now::why(&shown))
        dl {
            @if !page.owner.is_empty() { dt { "Answers" } dd { (owner(view, &page.owner)) } }
            dt { "Since" } dd { (time_and_distance(view, incident.since)) @if let Some(at) = incident.kind_since { " (" (incident.kind.as_str()) " since " (time(view, at)) ")" } }
            @if incident.resolved_at.is_none() && incident.cause.is_none() {
                dt { "Taken on" } dd {
                    @if let Some(ack) = &incident.ack { "by " (text(&ack.who())) " " (time(view, ack.at)) ", quiet until " (time_and_distance(view, ack.until)) @if ack.until <= view.now { ", which is over" } }
                    @else { "by nobody" }
                }
            }
            @if let Some(at) = incident.ends_by() { dt { "Over" } dd { (ending(view, at)) } }
            @if let Some(at) = incident.resolved_at { dt { "Over" } dd { (time_and_distance(view, at)) ", after " (took(incident.since, at)) @if let Some(resolution) = &incident.resolution { ": " (text(resolution)) } } }
            @if incident.drill.is_some() { dt { "Drill" } dd { (text(&drill_words(incident))) } }
            @if let Some(flapping) = &incident.flapping { dt { "Turns" } dd { (turns(view, flapping)) } }
            @if let Some(cause) = &page.cause {
                dt { "Explained by" } dd { a href={ "/incidents/" (cause.id) } { "incident " (cause.id) } ": " (what(cause)) ", " (text(&cause.reason)) }
            } @else if let Some(cause) = incident.cause { dt { "Explained by" } dd { a href={ "/incidents/" (cause) } { "incident " (cause) } } }
            @if !page.effects.is_empty() { dt { "Explains" } dd { (effects(&page.effects, page.effects_more)) } }
            @if !page.readers.is_empty() { dt { "Reads it" } dd { (now::readers(view, &page.readers, incident.subject.as_str())) } }
            @if let Some(at) = incident.remind_at.filter(|_| incident.resolved_at.is_none()) { dt { "Reminder" } dd { (time_and_distance(view, at)) } }
            dt { "Told" } dd { (who_knows(view, &page.addresses, incident.notify_at)) }
        }
        (act::on_incident(view, incident))
        @if incident.about != About::Freshd && incident.resolved_at.is_none() { (act::on_name(view, incident.subject.as_str(), page.is_silenced)) }
        @if let Some(printed) = &page.printed {
            section aria-labelledby="output" {
                h2 id="output" { "Last output" }
                @if let Some((run, _)) = &printed.of { p { "Of " a href={ "/runs/" (run.id) } { "run " (run.id) } " of " (job_link(run.job.as_str())) "." } }
                (output_notes(printed)) (output(view, printed, printed.attempt()))
            }
        }
        section aria-labelledby="timeline" { h2 id="timeline" { "Timeline" } (timeline::timeline(view, page)) }
        section aria-labelledby="messages" {
            h2 id="messages" { "Messages" }
            @if page.messages.is_empty() { p.dim { "None." } } @else { (messages(view, incident.id, &page.messages)) }
        }
    };
    whole(Some(view), Place::Incidents, &title, &body)
}

/// That it is over but for its end.
pub(super) fn ending(view: &View, latest: Timestamp) -> Markup {
    html! { "it is mended; the end is told when what it broke is well, " (time(view, latest)) " at the latest" }
}

/// The first of them, and the rest folded.
fn effects(effects: &[Incident], more: usize) -> Markup {
    let (shown, rest) = effects.split_at(effects.len().min(EFFECTS_UNFOLDED));
    let list = |effects: &[Incident]| {
        html! {
            ul.plain {
                @for effect in effects {
                    li { (what(effect)) ", " a href={ "/incidents/" (effect.id) } { "incident " (effect.id) } @if effect.resolved_at.is_some() { span.dim { " over" } } }
                }
            }
        }
    };
    html! {
        (list(shown))
        @if !rest.is_empty() {
            details {
                summary { "and " (rest.len() + more) " more" }
                (list(rest))
                @if more > 0 { p.dim { "and " (more) " more that are not listed here." } }
            }
        }
    }
}

/// What told of a message that was never sent itself: its digest, or a later one to the same address.
pub(super) fn told_by(message: &Notification, messages: &[(Notification, Vec<Delivery>)]) -> Option<String> {
    if let Some(digest) = message.digest {
        return Some(format!("in digest {}", digest.0));
    }
    if message.state != NotificationState::Collapsed {
        return None;
    }
    let later = messages.iter().map(|(later, _)| later).find(|later| {
        later.id > message.id && later.address == message.address && later.state != NotificationState::Collapsed
    });
    Some(match later {
        Some(later) => format!("into the {} after it", later.message.purpose.as_str()),
        None => "for want of anything to end: this address had heard of none of it".to_owned(),
    })
}

fn messages(view: &View, incident: IncidentId, messages: &[(Notification, Vec<Delivery>)]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="the messages" { table {
            thead { tr { th.num scope="col" { "Number" } th scope="col" { "Decided" } th scope="col" { "Message" } th scope="col" { "Team" } th scope="col" { "To" } th scope="col" { "State" } th scope="col" { "Remark" } } }
            tbody {
                @for (message, tries) in messages {
                    tr id={ "m" (message.id) } {
                        td.num { (message.id) }
                        td { (time_with_seconds(view, message.created_at)) }
                        td { (message.message.purpose.as_str()) }
                        td { (owner(view, message.message.team.as_str())) }
                        td { (text(&message.address.to_string())) }
                        td { (state(message_tone(message.state), message.state.as_str())) @if tries.len() > 1 { " after " (tries.len()) " tries" } @if let Some(by) = told_by(message, messages) { " " (by) } }
                        td.remark { (text(error(tries).unwrap_or_default())) @if let Some(at) = held_until(view, message) { @if error(tries).is_some() { "; again at " } @else { "waits for " (text(&message.address.to_string())) ", next at " } (time(view, at)) } @if message.state == NotificationState::Dead { (act::on_message(view, incident, message.id)) } }
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

/// Until when a message waits for its address, if that is known.
fn held_until(view: &View, message: &Notification) -> Option<Timestamp> {
    let is_held_up = message.state == NotificationState::Pending && message.next_try_at > view.now;
    is_held_up.then_some(message.next_try_at)
}

/// What the other side last said, if it did not accept.
fn error(tries: &[Delivery]) -> Option<&str> {
    tries.iter().rev().find_map(|delivery| delivery.outcome.error())
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
                    " " @if one.in_stead { (IN_STEAD_OF) } (owner(view, one.team.as_str())) " by " (text(&one.to))
                    @if let Some(at) = one.at { " " (time(view, at)) }
                    @if one.tries > 1 { ", tried " (one.tries) " times" }
                    @if let Some(at) = one.next_try_at.filter(|at| *at > view.now) { ", next at " (time(view, at)) }
                    @if let Some(error) = &one.error { ": " (text(error)) }
                }
            }
        }
    }
}
