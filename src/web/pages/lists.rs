//! Lists: every dataset, every job, the newest runs. Those that need an eye come first.

use maud::{Markup, html};

use super::words::{
    self, Tone, View, counted, dataset_link, dataset_tone, distance, due_time, job_link, job_tone, job_word, owner,
    run_state, state, text, time, time_with_seconds,
};
use super::{Place, whole};
use crate::model::{DatasetState, JobState, Name, Outcome, Run, Status, elapsed, format_age, natural, rounded, took};
use crate::store::HistoryFilter;

/// Rows of one list; those that need an eye come first.
pub(super) const ROWS_MAX: usize = 500;

/// `/datasets`.
pub(in crate::web) fn datasets(view: &View, status: &Status) -> Markup {
    let body = html! {
        h1 { "Datasets" }
        (dataset_table(view, &status.datasets.iter().collect::<Vec<_>>(), ROWS_MAX))
    };
    whole(Some(view), Place::Datasets, "Datasets", &body)
}

/// `/jobs`.
pub(in crate::web) fn jobs(view: &View, status: &Status) -> Markup {
    let body = html! {
        h1 { "Jobs" }
        (job_table(view, &status.jobs.iter().collect::<Vec<_>>(), ROWS_MAX))
    };
    whole(Some(view), Place::Jobs, "Jobs", &body)
}

/// How runs end, as the list can be narrowed to it.
const OUTCOMES: [Outcome; 10] = [
    Outcome::Succeeded,
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::Killed,
    Outcome::Rejected,
    Outcome::SpawnFailed,
    Outcome::Lost,
    Outcome::Missed,
    Outcome::Skipped,
    Outcome::Cancelled,
];
/// Rows that are offered, step by step.
const STEPS: [u32; 3] = [50, 200, 1_000];

/// `/runs`: those that fit the filter.
pub(in crate::web) fn runs(view: &View, runs: &[Run], wanted: &HistoryFilter) -> Markup {
    let job = wanted.job.as_ref().map(Name::as_str);
    let more = STEPS.into_iter().find(|step| *step > wanted.limit);
    let body = html! {
        h1 { "Runs" @if let Some(job) = job { " of " (text(job)) } }
        @if job.is_some() { p { a href="/runs" { "of all jobs" } } }
        p.legend {
            @if wanted.outcome.is_some() { a href=(runs_at(wanted, None, STEPS[0])) { "however they ended" } } @else { b { "however they ended" } }
            @for outcome in OUTCOMES {
                @let word = outcome.as_str().replace('_', " ");
                @if wanted.outcome == Some(outcome) { b { (word) } } @else { a href=(runs_at(wanted, Some(outcome), STEPS[0])) { (word) } }
            }
        }
        (run_table(view, runs, job.is_none()))
        @if let Some(last) = runs.last().filter(|_| runs.len() > 1) {
            p.dim {
                "The newest " (runs.len()) ", back to " (time(view, last.created_at)) ". "
                @if runs.len() >= wanted.limit as usize {
                    @if let Some(more) = more { a href=(runs_at(wanted, wanted.outcome, more)) { "The newest " (more) } " · " }
                    code { "freshd history --limit 100000" } " lists more."
                }
            }
        }
    };
    whole(Some(view), Place::Runs, "Runs", &body)
}

/// The address of the list with the same job.
fn runs_at(wanted: &HistoryFilter, outcome: Option<Outcome>, limit: u32) -> String {
    let mut address = format!("/runs?limit={limit}");
    if let Some(job) = &wanted.job {
        address.push_str(&format!("&job={}", words::piece(job.as_str())));
    }
    if let Some(outcome) = outcome {
        address.push_str(&format!("&outcome={}", outcome.as_str()));
    }
    if let Some(since) = wanted.since {
        address.push_str(&format!("&since={since}"));
    }
    address
}

/// Datasets as rows: state, age and promise of each, and who answers for it.
pub(super) fn dataset_table(view: &View, datasets: &[&DatasetState], rows_max: usize) -> Markup {
    let mut datasets = datasets.to_vec();
    datasets.sort_by(|a, b| {
        let by_state = dataset_tone(&a.state).cmp(&dataset_tone(&b.state));
        by_state.then_with(|| natural(&a.name, &b.name))
    });
    if datasets.is_empty() {
        return html! { p.dim { "jobs.toml names no dataset." } };
    }
    html! {
        div.wide { table {
            thead { tr { th scope="col" { "State" } th scope="col" { "Dataset" } th.spare scope="col" { "As of" } th.num scope="col" { "Age" } th scope="col" { "Due by" } th scope="col" { "Answers" } } }
            tbody {
                @for dataset in datasets.iter().take(rows_max) {
                    tr {
                        td { (state(dataset_tone(&dataset.state), &dataset.state)) }
                        td { (dataset_link(&dataset.name)) @if let Some(title) = &dataset.title { span.title { (text(title)) } } }
                        td.spare { @if let Some(at) = dataset.effective_as_of { (time(view, at)) } @else if let Some(first) = dataset.first_run { span.dim { (first.words(view.now, &view.zone)) } } @else { span.dim { "never seen" } } }
                        td.num { @if let Some(at) = dataset.effective_as_of { (format_age(rounded(elapsed(at, view.now)))) } }
                        td { @if let Some(at) = dataset.deadline { (time(view, at)) } @else if dataset.keeps_promise() { span.dim { "no promise" } } @else { "broken" } }
                        td { (owner(view, &dataset.owner)) }
                    }
                }
            }
        } }
        (left_out(datasets.len(), rows_max, "dataset"))
    }
}

/// Jobs as rows: what each does now, how the last run went, when it is next due.
pub(super) fn job_table(view: &View, jobs: &[&JobState], rows_max: usize) -> Markup {
    let mut jobs = jobs.to_vec();
    jobs.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| natural(&a.name, &b.name)));
    if jobs.is_empty() {
        return html! { p.dim { "jobs.toml names no job." } };
    }
    html! {
        div.wide { table {
            thead { tr { th scope="col" { "State" } th scope="col" { "Job" } th.spare scope="col" { "Last run" } th scope="col" { "Next" } th scope="col" { "Answers" } } }
            tbody {
                @for job in jobs.iter().take(rows_max) {
                    tr {
                        td { (job_state(job)) }
                        td { (job_link(&job.name)) @if let Some(title) = &job.title { span.title { (text(title)) } } }
                        td.spare { (last_run(view, job)) }
                        td { (next_due(view, job)) }
                        td { (owner(view, &job.owner)) }
                    }
                }
            }
        } }
        (left_out(jobs.len(), rows_max, "job"))
    }
}

/// A job's state with its word.
pub(super) fn job_state(job: &JobState) -> Markup {
    state(job_tone(&job.state), job_word(&job.state))
}

fn rank(job: &JobState) -> Tone {
    if job.is_failing() {
        Tone::Bad
    } else {
        job_tone(&job.state)
    }
}

fn last_run(view: &View, job: &JobState) -> Markup {
    let Some(last) = &job.last else {
        return html! { span.dim { "none yet" } };
    };
    let word = last
        .outcome
        .map_or("going on", |outcome| outcome.as_str())
        .replace('_', " ");
    html! {
        a href={ "/runs/" (last.run) } { (word) }
        @if let Some(at) = last.ended_at { " " span.dim { (distance(view, at)) } }
    }
}

/// When a job is next due, or what else starts it.
pub(super) fn next_due(view: &View, job: &JobState) -> Markup {
    html! {
        @match (job.state.as_str(), job.next_due, &job.schedule) {
            ("disabled", _, _) => span.dim { "disabled" },
            (_, Some(at), _) if job.paused => { s { (due_time(view, at)) } " " span.dim { "skipped while paused" } },
            (_, Some(at), _) => { (due_time(view, at)) " " span.dim { "(" (distance(view, at)) ")" } },
            (_, None, Some(rule)) => span.dim { (text(rule)) },
            (_, None, None) => span.dim { "by hand" },
        }
    }
}

/// Runs as rows, the newest first.
pub(super) fn run_table(view: &View, runs: &[Run], with_job: bool) -> Markup {
    if runs.is_empty() {
        return html! { p.dim { "Nothing of that kind is recorded." } };
    }
    html! {
        div.wide { table {
            thead { tr { th.num scope="col" { "Run" } @if with_job { th scope="col" { "Job" } } th scope="col" { "Outcome" } th scope="col" { "When" } th.num scope="col" { "Took" } th scope="col" { "Why it began" } th scope="col" { "Remark" } } }
            tbody {
                @for run in runs {
                    tr {
                        td.num { a href={ "/runs/" (run.id) } { (run.id) } }
                        @if with_job { td { (job_link(run.job.as_str())) } }
                        td { (run_state(run.state, run.outcome)) }
                        td { (time_with_seconds(view, run.started_at.or(run.due_at).unwrap_or(run.created_at))) }
                        td.num { @if let Some((from, to)) = run.started_at.zip(run.ended_at) { (took(from, to)) } }
                        td { (run.trigger.as_str()) @if run.attempts > 1 { ", " (counted(run.attempts as usize, "attempt")) } }
                        td.remark { (words::text(&run.remark())) }
                    }
                }
            }
        } }
    }
}

fn left_out(all: usize, rows_max: usize, what: &str) -> Markup {
    let more = all.saturating_sub(rows_max);
    html! {
        @if more > 0 { p.dim { "and " (counted(more, what)) " more; " a href={ "/" (what) "s" } { "more of them" } ", and all by " code { "freshd status --json" } "." } }
    }
}
