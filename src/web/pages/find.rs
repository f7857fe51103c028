//! `/search`: what is called so, and what has printed it.

use maud::{Markup, html};

use super::words::{
    View, counted, dataset_link, job_link, piece, run_state, subject_link, text, time_with_seconds, titled,
};
use super::{Place, ansi, whole};
use crate::model::{Incident, Name, Run, RunId, format_bytes};
use crate::runner::LogLine;

/// What the page is made from.
#[derive(Default)]
pub(in crate::web) struct FindPage {
    /// What is looked for.
    pub(in crate::web) text: String,
    /// What is called so.
    pub(in crate::web) called: Vec<Called>,
    /// The run of that number.
    pub(in crate::web) run: Option<Run>,
    /// The incident of that number.
    pub(in crate::web) incident: Option<Incident>,
    /// Who has printed it.
    pub(in crate::web) printed: PrintedLines,
}

/// Something that has a name.
#[derive(Clone)]
pub(in crate::web) struct Called {
    /// `dataset`, `job`, `system` or `team`.
    pub(in crate::web) kind: &'static str,
    pub(in crate::web) name: String,
    pub(in crate::web) title: Option<String>,
}

/// Lines of outputs.
#[derive(Default)]
pub(in crate::web) struct PrintedLines {
    /// Each with its job and run.
    pub(in crate::web) lines: Vec<(Name, RunId, LogLine)>,
    /// Bytes that were looked at.
    pub(in crate::web) bytes: u64,
    /// Not everything was looked at, or shown.
    pub(in crate::web) is_cut: bool,
}

/// `/search`.
pub(in crate::web) fn find(view: &View, page: &FindPage) -> Markup {
    let body = html! {
        h1 { "Search" }
        form.words role="search" aria-label="Search for" action="/search" {
            label { "Name, title, number, or what a job printed"
                input name="q" type="search" value=(page.text) required maxlength="200"; }
            button { "Search" }
        }
        @if !page.text.is_empty() {
            section aria-labelledby="called" {
                h2 id="called" { "Called so" }
                @if let Some(run) = &page.run { p { a href={ "/runs/" (run.id) } { "Run " (run.id) } " of " (job_link(run.job.as_str())) " " (run_state(run.state, run.outcome)) } }
                @if let Some(incident) = &page.incident {
                    p { a href={ "/incidents/" (incident.id) } { "Incident " (incident.id) } ": " (subject_link(incident.about.as_str(), incident.subject.as_str())) " " (incident.kind.words()) }
                }
                @if page.called.is_empty() && page.run.is_none() && page.incident.is_none() { p.dim { "Nothing is." } }
                ul { @for called in &page.called { li { (link(called)) } } }
            }
            section aria-labelledby="printed" {
                h2 id="printed" { "Printed by jobs" }
                (printed(view, &page.printed))
            }
        }
    };
    whole(Some(view), Place::Elsewhere, "Search", &body)
}

fn link(called: &Called) -> Markup {
    html! {
        (called.kind) " "
        @match called.kind {
            "dataset" => (dataset_link(&called.name)),
            "job" => (job_link(&called.name)),
            "system" => a href={ "/flow?of=" (piece(&called.name)) "#map" } { (titled(&called.name, called.title.as_deref())) },
            _ => (titled(&called.name, called.title.as_deref())),
        }
        @if let Some(title) = called.title.as_ref().filter(|_| matches!(called.kind, "dataset" | "job")) { span.title { (text(title)) } }
    }
}

fn printed(view: &View, found: &PrintedLines) -> Markup {
    html! {
        @if found.lines.is_empty() { p.dim { "No line of it." } }
        @else {
            div.wide { table {
                thead { tr { th scope="col" { "Job" } th.num scope="col" { "Run" } th scope="col" { "When" } th scope="col" { "Line" } } }
                tbody {
                    @for (job, run, line) in &found.lines {
                        tr {
                            td { (job_link(job.as_str())) }
                            td.num { a href={ "/runs/" (run) } { (run) } }
                            td { (time_with_seconds(view, line.at)) }
                            td.remark { (ansi::line(&line.text)) }
                        }
                    }
                }
            } }
        }
        p.dim {
            "The newest lines of each job; " (counted(found.lines.len(), "line")) " in " (format_bytes(found.bytes)) " of output"
            @if found.is_cut { ", and not all of it was looked at: " code { "freshd logs JOB --grep TEXT" } " looks through all" } "."
        }
    }
}
