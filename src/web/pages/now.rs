//! `/`: what is wrong now, since when, who answers, who reads it next; then what runs and what is next.

#[cfg(test)]
mod tests;

use maud::{Markup, html};

use super::incidents::{ending, turns, who_knows};
use super::lists::{dataset_table, job_state, job_table};
use super::words::{
    Tone, View, counted, dataset_link, dataset_tone, distance, due_time, job_link, mark, owner, piece, state,
    subject_link, text, time, time_and_distance,
};
use super::{Place, ansi, whole};
use crate::model::{DatasetState, JobState, OpenIncident, ProblemKind, Reads, Severity, Shown, Status, natural};

/// Incidents of the page, and rows of each of its lists.
const SHOWN_MAX: usize = 50;
/// Incidents, and rows of what has none, that are shown unfolded.
const UNFOLDED: usize = 8;
/// What an incident explains that is named with it.
const EFFECTS_SHOWN: usize = 12;
/// Readers of what is wrong that are shown unfolded.
const READERS_UNFOLDED: usize = 8;
/// Jobs that are due next.
const NEXT_SHOWN: usize = 8;

/// The first page.
pub(in crate::web) fn now(view: &View, status: &Status) -> Markup {
    let body = html! {
        (verdict(view, status))
        (freshd_itself(view, status))
        (incidents(view, status))
        div.cols {
            section aria-labelledby="running" { h2 id="running" { "Running" } (running(view, status)) }
            section aria-labelledby="next" { h2 id="next" { "Next" } (next(view, status)) }
        }
        section aria-labelledby="datasets" {
            h2 id="datasets" { "Datasets" }
            (dataset_table(view, &status.datasets.iter().collect::<Vec<_>>(), SHOWN_MAX))
        }
        section aria-labelledby="jobs" {
            h2 id="jobs" { "Jobs" }
            (job_table(view, &status.jobs.iter().collect::<Vec<_>>(), SHOWN_MAX))
        }
    };
    whole(Some(view), Place::Now, &headline(status).1, &body)
}

/// All of it in a few words.
fn headline(status: &Status) -> (Tone, String) {
    if status.is_fine() {
        return (Tone::Good, "Everything is as promised".to_owned());
    }
    let parts = status.trouble_in_words();
    if parts.is_empty() {
        return (Tone::Bad, "Nothing starts".to_owned());
    }
    let tone = if status.is_young() { Tone::Unknown } else { Tone::Bad };
    let not_yet = status.not_yet_words(&status.zone());
    let not_yet = not_yet.map_or_else(String::new, |words| format!(": {words}"));
    (tone, text(&parts.join(", ")) + &not_yet)
}

fn verdict(view: &View, status: &Status) -> Markup {
    let (tone, words) = headline(status);
    let oldest = status
        .datasets
        .iter()
        .filter(|dataset| dataset.deadline.is_some() || !dataset.keeps_promise());
    let oldest = oldest
        .filter_map(|dataset| Some((dataset.effective_as_of?, dataset)))
        .min_by_key(|(at, _)| *at);
    html! {
        div class={ "verdict " (tone.class()) } {
            h1 { (mark(tone)) span { (words) } }
            p.lead {
                @if let Some((at, dataset)) = oldest {
                    "The oldest promised data: " (dataset_link(&dataset.name)) ", as of " (time_and_distance(view, at)) "."
                } @else {
                    (counted(status.jobs.len(), "job")) " and " (counted(status.datasets.len(), "dataset")) " are supervised."
                }
            }
        }
    }
}

/// What freshd itself suffers from.
fn freshd_itself(view: &View, status: &Status) -> Markup {
    html! {
        @if let Some(until) = status.clock_held_until {
            p.alarm { (mark(Tone::Bad)) "The clock is earlier than what is already recorded: nothing starts before " (time_and_distance(view, until)) ". " code { "freshd clock" } " shows what is held." }
        }
        @if let Some((shortage, since)) = status.disk_full.as_ref().zip(status.disk_full_since) {
            p.alarm { (mark(Tone::Bad)) (text(&shortage.in_words())) "; nothing starts since " (time_and_distance(view, since)) ", until there is room." }
        }
        @if let Some(since) = status.unstored_since {
            p.alarm { (mark(Tone::Bad)) "Nothing can be stored since " (time_and_distance(view, since)) ", for want of space: what was decided since then is not begun, and nobody is told." }
        }
        @for found in &status.self_test {
            p.alarm { (mark(Tone::Bad)) "freshd's test of itself: " (text(found)) }
        }
        @if let Some(error) = status.heartbeat.as_ref().and_then(|heartbeat| heartbeat.error.as_deref()) {
            p.alarm { (mark(Tone::Bad)) "No heartbeat: " (text(error)) }
        }
        @for off in &status.channels_off {
            p.alarm { (mark(Tone::Warn)) (text(&off.answer)) "; " (text(&off.until())) }
        }
        @if let Some(words) = status.down.and_then(|down| down.news(view.now, &view.zone)) {
            p.alarm.calm { (mark(Tone::Quiet)) (text(&words)) }
        }
        @for window in &status.maintenance {
            p.alarm.calm { (mark(Tone::Quiet)) "Maintenance " (text(&window.words(view.now, &view.zone))) }
        }
        @for drill in status.drills.iter().take(SHOWN_MAX) {
            p.alarm.calm { (mark(Tone::Quiet)) "A drill goes on with " (text(&drill.subject)) ": nothing is wrong. " code { "freshd ack " (drill.id) } " answers it." }
        }
        @for silence in status.silences.iter().take(SHOWN_MAX) {
            p.alarm.calm { (mark(Tone::Quiet)) (text(silence.subject.as_str())) " is silenced " (text(&silence.words(view.now, &view.zone))) }
        }
        @for undelivered in status.undelivered.iter().take(SHOWN_MAX) {
            p.alarm {
                (mark(Tone::Warn)) (text(&undelivered.to)) " could not be told yet (" (counted(undelivered.tries as usize, "try").replace("trys", "tries"))
                @if undelivered.behind > 0 { ", " (undelivered.behind) " more wait" } ", again "
                (distance(view, undelivered.next_try_at)) "): " (text(undelivered.error.as_deref().unwrap_or("no answer")))
            }
        }
        @if status.undelivered.len() > SHOWN_MAX {
            p.alarm { (mark(Tone::Warn)) "And " (status.undelivered.len() - SHOWN_MAX) " more could not be told yet." }
        }
    }
}

fn incidents(view: &View, status: &Status) -> Markup {
    let mut causes: Vec<&OpenIncident> = status.causes().collect();
    causes.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.since, incident.id));
    let left_out = causes.len().saturating_sub(SHOWN_MAX);
    html! {
        @for incident in causes.iter().take(UNFOLDED) { (one(view, incident, status)) }
        @if causes.len() > UNFOLDED {
            details.rest {
                summary { "and " (counted(causes.len() - UNFOLDED, "incident")) " more" }
                @for incident in causes.iter().take(SHOWN_MAX).skip(UNFOLDED) { (one(view, incident, status)) }
                @if left_out > 0 { p { "and " (counted(left_out, "incident")) " more: " a href="/incidents" { "all of them" } "." } }
            }
        }
        (without_incident(status))
    }
}

/// One incident: what, since when, why, who answers, who reads it next, and what else it explains.
fn one(view: &View, incident: &OpenIncident, status: &Status) -> Markup {
    let shown = incident.shown(kind(&incident.kind));
    let tone = match shown.is_well {
        true => Tone::Warn,
        false => severity_tone(incident.severity),
    };
    let mut effects: Vec<&OpenIncident> = status
        .incidents
        .iter()
        .filter(|effect| effect.cause == Some(incident.id))
        .collect();
    effects.sort_by(|a, b| natural(&a.subject, &b.subject));
    html! {
        article class={ "incident " (tone.class()) } {
            h2 {
                (mark(tone)) span {
                    @if incident.about != "freshd" { (text(&incident.about)) " " }
                    (subject_link(&incident.about, &incident.subject)) " "
                    (how(view, &shown))
                }
                a.number href={ "/incidents/" (incident.id) } { "incident " (incident.id) }
            }
            (why(&shown))
            @if let Some(printed) = printed(status, incident) { p.printed { code { (ansi::line(printed.as_bytes())) } } }
            dl {
                @if let Some(flapping) = &incident.flapping { dt { "Turns" } dd { (turns(view, flapping)) } }
                @if let Some(at) = incident.ends_by { dt { "Over" } dd { (ending(view, at)) } }
                @if let Some(cause) = incident.behind { dt { "Explained by" } dd { a href={ "/incidents/" (cause) } { "incident " (cause) } } }
                dt { "Since" } dd { (time_and_distance(view, incident.since)) @if let Some(at) = incident.kind_since { " (" (text(&incident.kind)) " since " (time(view, at)) ")" } }
                dt { "Answers" } dd {
                    (owner(view, &incident.owner))
                    @if let Some(ack) = incident.ack.as_ref().filter(|ack| ack.until > view.now) { "; taken on by " (text(&ack.who())) " " (time(view, ack.at)) ", until " (time(view, ack.until)) }
                }
                dt { "Told" } dd { (who_knows(view, &incident.addresses, incident.notify_at)) }
                @if let Some(silence) = &incident.silence { dt { "Silenced" } dd { (text(&silence.words(view.now, &view.zone))) } }
                @if !incident.readers.is_empty() { dt { "Reads it" } dd { (readers(view, &incident.readers, &incident.subject)) } }
                @if !effects.is_empty() {
                    dt { "Explains" } dd {
                        @for (place, effect) in effects.iter().take(EFFECTS_SHOWN).enumerate() {
                            @if place > 0 { ", " }
                            (subject_link(&effect.about, &effect.subject)) " " (kind(&effect.kind))
                        }
                        @let more = effects.len().saturating_sub(EFFECTS_SHOWN);
                        @if more > 0 { " and " a href={ "/incidents/" (incident.id) } { (more) " more" } }
                    }
                }
                @if incident.about != "freshd" { dt { "More" } dd { (more(status, incident)) } }
            }
        }
    }
}

/// How it is, behind its name.
pub(super) fn how(view: &View, shown: &Shown) -> Markup {
    html! { (shown.how) @if shown.is_well { " since " (time(view, shown.since)) } }
}

/// Why it is wrong, or what is wrong with it when it is.
pub(super) fn why(shown: &Shown) -> Markup {
    html! { p.reason { @if shown.is_well { "when wrong: " } (text(&shown.why)) } }
}

/// The last line that a failed job printed.
fn printed<'a>(status: &'a Status, incident: &OpenIncident) -> Option<&'a str> {
    let job = status
        .jobs
        .iter()
        .find(|job| incident.about == "job" && job.name == incident.subject)?;
    job.last.as_ref().filter(|_| job.is_failing())?.printed.as_deref()
}

/// Where the rest of it stands: the output, the map.
fn more(status: &Status, incident: &OpenIncident) -> Markup {
    let job = status
        .jobs
        .iter()
        .find(|job| incident.about == "job" && job.name == incident.subject);
    html! {
        @if let Some(last) = job.and_then(|job| job.last.as_ref()) { a href={ "/runs/" (last.run) } { "output of run " (last.run) } ", " }
        a href={ "/flow?of=" (piece(&incident.subject)) "#map" } { "on the map" }
    }
}

/// Who reads what is wrong, whoever reads first first.
pub(super) fn readers(view: &View, readers: &[Reads], subject: &str) -> Markup {
    let (first, rest) = readers.split_at(readers.len().min(READERS_UNFOLDED));
    html! {
        ul.plain { @for reading in first { (reader(view, reading, subject)) } }
        @if !rest.is_empty() {
            details {
                summary { "and " (rest.len()) " more" }
                ul.plain {
                    @for reading in rest.iter().take(SHOWN_MAX) { (reader(view, reading, subject)) }
                    @let more = rest.len().saturating_sub(SHOWN_MAX);
                    @if more > 0 { li { "and " (more) " more" } }
                }
            }
        }
    }
}

fn reader(view: &View, reading: &Reads, subject: &str) -> Markup {
    html! {
        li {
            (view.named(&reading.who))
            @if let Some(at) = reading.at { " " (time_and_distance(view, at)) }
            @if !reading.dataset.is_empty() && reading.dataset != subject { span.dim { " by way of " (dataset_link(&reading.dataset)) } }
        }
    }
}

/// What is not as promised although no incident is open about it.
fn without_incident(status: &Status) -> Markup {
    let datasets: Vec<&DatasetState> = status
        .datasets
        .iter()
        .filter(|dataset| !dataset.keeps_promise() && !status.is_told("dataset", &dataset.name))
        .take(SHOWN_MAX)
        .collect();
    let jobs: Vec<&JobState> = status
        .jobs
        .iter()
        .filter(|job| job.is_failing() && !status.is_told("job", &job.name))
        .take(SHOWN_MAX)
        .collect();
    let datasets = datasets.into_iter().map(|dataset| {
        html! { li { (state(dataset_tone(&dataset.state), &dataset.state)) " " (dataset_link(&dataset.name)) ": " (text(&dataset.reason)) } }
    });
    let jobs = jobs.into_iter().map(|job| {
        html! {
            li { (state(Tone::Bad, "failing")) " " (job_link(&job.name))
                @if let Some(reason) = job.last.as_ref().and_then(|last| last.reason.as_deref()) { ": " (text(reason)) } }
        }
    });
    // A job that fails says more than what nobody has seen yet.
    let rows: Vec<Markup> = jobs.chain(datasets).collect();
    html! {
        @if !rows.is_empty() { ul.plain { @for row in rows.iter().take(UNFOLDED) { (row) } } }
        @if rows.len() > UNFOLDED {
            details.unseen {
                summary { "and " (rows.len() - UNFOLDED) " more that no incident tells of" }
                ul.plain { @for row in &rows[UNFOLDED..] { (row) } }
            }
        }
    }
}

fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warn,
    }
}

/// What is wrong, in words.
pub(super) fn kind(kind: &str) -> String {
    ProblemKind::read(kind).map_or_else(|| text(kind), |kind| kind.words().to_owned())
}

fn running(view: &View, status: &Status) -> Markup {
    let jobs: Vec<&JobState> = status.jobs.iter().filter(|job| !job.running.is_empty()).collect();
    html! {
        @if jobs.is_empty() { p.dim { "Nothing runs just now." } }
        ul.plain {
            @for job in jobs.iter().take(SHOWN_MAX) {
                @for run in job.running.iter().take(1) {
                    li {
                        (job_state(job)) " " (job_link(&job.name)) " "
                        a href={ "/runs/" (run.run) } { "run " (run.run) }
                        @if let Some(at) = run.started_at { ", begun " (distance(view, at)) }
                        @if run.attempt > 1 { ", attempt " (run.attempt) }
                        @if let Some(reason) = &job.reason { ": " (text(reason)) }
                    }
                }
            }
        }
    }
}

fn next(view: &View, status: &Status) -> Markup {
    let mut due: Vec<(jiff::Timestamp, &JobState)> = status
        .jobs
        .iter()
        .filter(|job| job.state != "disabled")
        .filter_map(|job| Some((job.next_due?, job)))
        .collect();
    due.sort_by_key(|(at, job)| (*at, &job.name));
    html! {
        @if due.is_empty() { p.dim { "Nothing is due by the clock." } }
        ol.plain {
            @for (at, job) in due.iter().take(NEXT_SHOWN) {
                li {
                    @if job.paused { s { (due_time(view, *at)) } " " (job_link(&job.name)) " " span.dim { "skipped while paused" } }
                    @else { (due_time(view, *at)) " " (job_link(&job.name)) " " span.dim { (distance(view, *at)) } }
                }
            }
        }
    }
}
