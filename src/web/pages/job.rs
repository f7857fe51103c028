//! `/jobs/NAME`: how it went, how long it took, when it is next due and why at an odd time, what it last printed.

use std::sync::Arc;

use maud::{Markup, html};

use super::incidents::{Explained, explained};
use super::lists::{job_state, run_table};
use super::run::{output, output_notes};
use super::words::{View, dataset_link, distance, owner, text, time, time_with_seconds};
use super::{Place, act, chart, whole};
use crate::model::{Job, JobState, Occurrence, Run, format_duration};
use crate::web::output::Printed;

/// Runs in the list below the picture.
const RUNS_LISTED: usize = 12;

/// What the page is made from.
pub(in crate::web) struct JobPage {
    pub(in crate::web) job: Arc<Job>,
    pub(in crate::web) state: JobState,
    /// The newest runs, the newest first.
    pub(in crate::web) runs: Vec<Run>,
    /// The next occurrences.
    pub(in crate::web) coming: Vec<Occurrence>,
    /// Of the last run with a process.
    pub(in crate::web) printed: Option<Printed>,
    /// What is wrong with it.
    pub(in crate::web) incidents: Vec<Explained>,
}

/// `/jobs/NAME`.
pub(in crate::web) fn job(view: &View, page: &JobPage) -> Markup {
    let (job, name) = (&page.job, page.job.name.as_str());
    let body = html! {
        p.crumbs { a href="/jobs" { "Jobs" } " / " (text(name)) }
        h1 { (text(name)) }
        p.lead { (job_state(&page.state)) @if let Some(title) = &job.title { " · " (text(title)) } }
        @if let Some(reason) = page.state.reason.as_deref() { p.reason { (text(reason)) } }
        (explained(view, &page.incidents))
        (act::on_job(view, &page.state))
        (act::on_name(view, name, page.state.silence.is_some()))
        dl {
            @if let Some(window) = &page.state.maintenance { dt { "Maintenance" } dd { (text(&window.words(view.now, &view.zone))) } }
            @if let Some(silence) = &page.state.silence { dt { "Silenced" } dd { (text(&silence.words(view.now, &view.zone))) } }
            dt { "Answers" } dd { (owner(view, job.owner.as_str())) @if !page.state.tells.is_empty() { span.dim { " told by " (text(&page.state.tells.join(", "))) } } }
            @if let Some(from) = &job.from { dt { "From" } dd { (view.named(from.as_str())) } }
            @if !job.needs.is_empty() { dt { "Reads" } dd { @for (place, need) in job.needs.iter().enumerate() { @if place > 0 { ", " } (dataset_link(need.as_str())) } } }
            @if let Some(made) = &job.produces { dt { "Makes" } dd { (dataset_link(made.as_str())) } }
            @if let Some(schedule) = &job.schedule {
                dt { "Due" } dd { code { (text(&schedule.text)) } @if let Some(zone) = schedule.zone.iana_name() { span.dim { " " (zone) } } @if let Some(calendar) = &schedule.calendar { span.dim { ", calendar " (text(calendar.name.as_str())) } } }
            }
            dt { "Limits" } dd {
                @match job.policy.timeout { Some(timeout) => { "ends after " (format_duration(timeout)) } None => { "no time limit" } }
                @if job.policy.retry.attempts > 1 { ", up to " (job.policy.retry.attempts) " attempts" }
                @if let Some(pool) = &job.policy.pool { ", pool " (text(pool.as_str())) }
            }
            @if let Some(runbook) = &job.runbook { dt { "Runbook" } dd { (super::words::address(runbook)) } }
        }
        section aria-labelledby="history" {
            h2 id="history" { "History" }
            @if page.runs.is_empty() { p.dim { "It has not run yet." } } @else {
                div.wide.endless tabindex="0" role="region" aria-label="history as a picture" { (chart::history(view, &page.runs)) }
                (run_table(view, &page.runs[..page.runs.len().min(RUNS_LISTED)], false))
                p { a href={ "/runs?job=" (super::words::piece(name)) } { "more runs" } }
            }
        }
        section aria-labelledby="output" {
            h2 id="output" { "Last output" }
            @match &page.printed {
                Some(printed) => {
                    @if let Some((run, _)) = &printed.of { p { "Of " a href={ "/runs/" (run.id) } { "run " (run.id) } "." } }
                    (output_notes(printed)) (output(view, printed, printed.attempt()))
                }
                None => p.dim { "Nothing was started yet." },
            }
        }
        section aria-labelledby="next" { h2 id="next" { "Next" } (coming(view, page)) }
    };
    whole(Some(view), Place::Jobs, name, &body)
}

fn coming(view: &View, page: &JobPage) -> Markup {
    let job_offset = page.job.start_offset;
    // What is due several times a minute is told apart by its seconds.
    let with_seconds = page.coming.iter().any(|occurrence| occurrence.at.as_second() % 60 != 0);
    let told = |at| html! { @if with_seconds { (time_with_seconds(view, at)) } @else { (time(view, at)) } " " span.dim { "(" (distance(view, at)) ")" } };
    html! {
        @if page.coming.is_empty() {
            p.dim { @match &page.job.schedule { Some(schedule) => { "Due by " (text(&schedule.text)) ", not by the clock." } None => { "By hand: " code { "freshd run " (text(page.job.name.as_str())) } "." } } }
        }
        @if !page.job.enabled { p { "Disabled in jobs.toml: none of this is started." } }
        @else if page.state.paused && !page.coming.is_empty() { p { "Paused: none of this is started before it is resumed, and each is recorded as skipped." } }
        ol.plain {
            @for occurrence in &page.coming {
                li {
                    @if occurrence.skip.is_some() { s { (told(occurrence.at)) } " does not run" } @else if page.state.paused { s { (told(occurrence.at)) } " skipped while paused" } @else { (told(occurrence.at)) }
                    @if let Some(note) = &occurrence.note { span.note { (text(note)) } }
                    @if occurrence.skip.is_none() && !job_offset.is_zero() { span.note { "starts " (format_duration(job_offset)) " later (jitter)" } }
                }
            }
        }
    }
}
