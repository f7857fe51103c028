//! `/runs/ID`: attempts, what was read and made, and what was printed.

use maud::{Markup, html};

use super::incidents::{Explained, explained};
use super::words::{
    Tone, View, counted, exact, job_link, outcome_tone, piece, run_state, state, text, time_with_seconds,
};
use super::{Place, act, ansi, whole};
use crate::model::{Attempt, AttemptId, Outcome, Run, RunId, VersionRef, format_bytes, hint, took};
use crate::runner::{LineKind, Stream};
use crate::web::output::{Line, Printed};

/// Lines of an output on a page.
const LINES_MAX: usize = 2_000;
/// Bytes of one line on a page.
const LINE_BYTES_MAX: usize = 4_096;

/// What the page is made from.
pub(in crate::web) struct RunPage {
    pub(in crate::web) run: Run,
    pub(in crate::web) attempts: Vec<Attempt>,
    pub(in crate::web) printed: Printed,
    /// What was wrong by its end.
    pub(in crate::web) incidents: Vec<Explained>,
    /// What its job makes.
    pub(in crate::web) produces: Option<String>,
}

/// `/runs/ID`.
pub(in crate::web) fn run(view: &View, page: &RunPage) -> Markup {
    let run = &page.run;
    let title = format!("Run {} of {}", run.id, run.job);
    let told = |at| html! { (time_with_seconds(view, at)) " " span.dim { (hint(at, view.now)) } };
    let body = html! {
        p.crumbs { a href="/jobs" { "Jobs" } " / " (job_link(run.job.as_str())) " / " (run.id) }
        h1 { "Run " (run.id) " of " (job_link(run.job.as_str())) }
        p.lead { (run_state(run.state, run.outcome)) }
        @if let Some(reason) = &run.reason { p.reason { (text(reason)) } }
        @if let Some(released) = &run.released { p { (state(Tone::Good, &format!("released by {}", released.by))) " " (told(released.at)) ": " (text(&released.because)) } }
        (explained(view, &page.incidents))
        (act::on_run(view, run))
        dl {
            dt { "Began by" } dd { (run.trigger.as_str()) @if let Some(by) = &run.by { " of " (text(by)) } }
            @if !run.args.is_empty() { dt { "Arguments" } dd { (counted(run.args.len(), "argument")) } }
            @if let Some(at) = run.due_at { dt { "Due" } dd { (told(at)) @if let Some(until) = run.due_until { " until " (told(until)) ", " (run.occurrences) " occurrences" } } }
            @if !run.nominal.is_empty() { dt { "Stands for" } dd { (text(&run.nominal.join(", "))) } }
            @if let Some(at) = run.started_at { dt { "Began" } dd { (told(at)) } }
            @if let Some(at) = run.ended_at { dt { "Ended" } dd { (told(at)) @if let Some(from) = run.started_at { ", after " (took(from, at)) } } }
            @if let Some(at) = run.retry_at.filter(|_| run.outcome.is_none()) { dt { "Tries again" } dd { (told(at)) } }
            @if let Some(code) = run.exit_code { dt { "Exit code" } dd { (code) } }
            @if let Some(signal) = run.signal { dt { "Signal" } dd { (signal) } }
            dt { "Read" } dd { @if run.inputs.is_empty() { "nothing that freshd knows of" } @for (place, input) in run.inputs.iter().enumerate() { @if place > 0 { ", " } (version_link(input)) } }
            @if let Some(version) = run.version {
                dt { (made_word(run.outcome)) } dd { @if let Some(dataset) = &page.produces { a.name href={ "/datasets/" (piece(dataset)) "#v" (version) } { (text(dataset)) "@" (version) } } @else { "version " (version) } @if run.released.is_none() && matches!(run.outcome, Some(Outcome::Rejected | Outcome::Failed)) { ", in quarantine" } }
            }
        }
        section aria-labelledby="attempts" { h2 id="attempts" { "Attempts" } (attempts(view, run.id, &page.attempts)) }
        @if let Some(last) = page.attempts.last().filter(|last| !last.report.is_empty()) {
            section aria-labelledby="report" {
                h2 id="report" { "Reported" }
                dl { @for (key, value) in &last.report { dt { (text(key)) } dd { (text(value)) } } }
            }
        }
        section aria-labelledby="output" data-run=[run.outcome.is_none().then_some(run.id)] {
            h2 id="output" { "Output" @if page.attempts.len() > 1 { " of the last attempt" } }
            (output_notes(&page.printed)) (output(view, &page.printed, page.attempts.last().map(|last| last.id)))
            @if !page.printed.lines.is_empty() { p { a href={ "/runs/" (run.id) "/log" } { "as plain text" } } }
        }
    };
    whole(Some(view), Place::Runs, &title, &body)
}

fn made_word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Rejected) => "Refused",
        Some(Outcome::Failed) => "Kept aside",
        _ => "Made",
    }
}

/// A link to one version.
pub(super) fn version_link(version: &VersionRef) -> Markup {
    let dataset = version.dataset.as_str();
    html! { a.name href={ "/datasets/" (piece(dataset)) "#v" (version.number) } { (text(dataset)) "@" (version.number) } }
}

fn attempts(view: &View, run: RunId, attempts: &[Attempt]) -> Markup {
    if attempts.is_empty() {
        return html! { p.dim { "No process was started for it." } };
    }
    html! {
        div.wide tabindex="0" role="region" aria-label="the attempts" { table {
            thead { tr { th.num scope="col" { "Attempt" } th scope="col" { "Outcome" } th scope="col" { "Began" } th.num scope="col" { "Took" } th.num scope="col" { "CPU" } th.num scope="col" { "Memory" } th.num scope="col" { "Output" } th scope="col" { "Remark" } } }
            tbody {
                @for attempt in attempts {
                    @let ended = attempt.ended_at.is_some();
                    tr {
                        td.num { (attempt.id.number) }
                        td { @match attempt.outcome { Some(outcome) => (state(outcome_tone(outcome), outcome.as_str())), None => (state(Tone::Busy, attempt.state.as_str())) } }
                        td { @if let Some(at) = attempt.started_at { (time_with_seconds(view, at)) } }
                        td.num { @if let Some((from, to)) = attempt.started_at.zip(attempt.ended_at) { (took(from, to)) } }
                        td.num { @if ended { (attempt.usage.user_ms + attempt.usage.system_ms) "ms" } }
                        td.num { @if ended { (attempt.usage.max_rss_kib.div_ceil(1024)) " MiB" } }
                        td.num { @if ended && attempt.output.bytes > 0 { a href={ "/runs/" (run) "/log?attempt=" (attempt.id.number) } { (format_bytes(attempt.output.bytes)) } } @else if ended { "none" } }
                        td.remark { (text(attempt.reason.as_deref().unwrap_or_default())) }
                    }
                }
            }
        } }
    }
}

/// What is missing of an output.
pub(super) fn output_notes(printed: &Printed) -> Markup {
    let hidden = printed.left_out + printed.lines.len().saturating_sub(LINES_MAX) as u64;
    html! {
        @if let Some(what) = &printed.unreadable { p.reason { "The " (text(what)) @if !printed.lines.is_empty() { "; what comes before is here" } "." } }
        @else if printed.lines.is_empty() { p.dim { "Nothing is kept of it, or it printed nothing." } }
        @if hidden > 0 { p.dim { "The end of it; " (hidden) " lines before are left out here. " code { "freshd logs" } " prints all that is kept." } }
    }
}

fn is_error(line: &Line) -> bool {
    line.kind != LineKind::Gap && line.stream == Stream::Stderr
}

/// The lines of an output, each with its time, those of stderr with a mark.
/// An open page knows by the attempt whether the lines that it shows are the same that go on.
pub(super) fn output(view: &View, printed: &Printed, of: Option<AttemptId>) -> Markup {
    let hidden = printed.lines.len().saturating_sub(LINES_MAX);
    let shown = &printed.lines[hidden..];
    let before = printed.left_out + hidden as u64;
    html! {
        @if !shown.is_empty() {
            div.log data-id=[of] tabindex="0" role="region" aria-label="lines of the output" {
                @for (line, number) in shown.iter().zip(before..) {
                    @let bytes = &line.text[..line.text.len().min(LINE_BYTES_MAX)];
                    div.line data-line=(number) {
                        time datetime=(line.at.to_string()) title=(exact(view, line.at)) { (view.zone.to_datetime(line.at).strftime("%H:%M:%S").to_string()) }
                        @if is_error(line) { b role="img" aria-label="stderr" title="stderr" { "!" } }
                        @if line.kind == LineKind::Gap { em { (text(&String::from_utf8_lossy(bytes))) } }
                        @else { span { (ansi::line(bytes)) @if bytes.len() < line.text.len() { em { " … " (line.text.len() - bytes.len()) " bytes more" } } } }
                    }
                }
            }
        }
    }
}
