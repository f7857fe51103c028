//! `/datasets/NAME`: deliveries day by day, sizes version by version, what was refused, where it came from, who is hit.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};

use super::incidents::{Explained, explained};
use super::run::version_link;
use super::words::{
    Tone, View, dataset_link, dataset_tone, grouped, job_link, owner, slot_tone, state, text, time, time_and_distance,
    version_tone,
};
use super::{Place, act, ages, chart, checks, sizes, whole};
use crate::lineage::{Lineage, ReaderKind};
use crate::model::{
    ByHand, Dataset, DatasetState, Name, Slot, SlotState, Verdict, Version, VersionState, format_bytes, format_duration,
};
use crate::schedule;

/// Versions and slots in the lists below the pictures.
const LISTED: usize = 12;
/// Refused candidates shown with their checks.
const REFUSED_LISTED: usize = 5;

/// What the page is made from.
pub(in crate::web) struct DatasetPage {
    pub(in crate::web) dataset: Arc<Dataset>,
    pub(in crate::web) state: DatasetState,
    pub(in crate::web) lineage: Arc<Lineage>,
    /// The newest versions, the newest first.
    pub(in crate::web) versions: Vec<Version>,
    /// Where its age is promised: when each accepted version arrived and the business time it is worth, the first first.
    pub(in crate::web) arrivals: Vec<(Timestamp, Timestamp)>,
    /// Promised deliveries, the latest due first.
    pub(in crate::web) slots: Vec<Slot>,
    /// The current version and what it was made from, hop by hop; the number is how far away it is.
    pub(in crate::web) trace: Vec<(usize, Version)>,
    /// What is wrong with it.
    pub(in crate::web) incidents: Vec<Explained>,
}

/// `/datasets/NAME`.
pub(in crate::web) fn dataset(view: &View, page: &DatasetPage) -> Markup {
    let (dataset, name) = (&page.dataset, page.dataset.name.as_str());
    let is_fine = page.state.state == "fresh";
    let body = html! {
        p.crumbs { a href="/datasets" { "Datasets" } " / " (text(name)) }
        h1 { (text(name)) }
        p.lead { (state(dataset_tone(&page.state.state), &page.state.state)) @if let Some(title) = &dataset.title { " · " (text(title)) } }
        @if !is_fine && !page.state.reason.is_empty() { p.reason { (text(&page.state.reason)) } }
        (explained(view, &page.incidents))
        (act::on_name(view, name, page.state.silence.is_some()))
        dl {
            dt { "As of" } dd { @if let Some(at) = page.state.effective_as_of { (time_and_distance(view, at)) @if let Some(limit) = &page.state.limited_by { ", limited by " (text(limit)) } } @else if let Some(first) = page.state.first_run { (first.words(view.now, &view.zone)) } @else { "never seen" } }
            @if let Some(at) = page.state.arrived_at { dt { "Arrived" } dd { (time_and_distance(view, at)) } }
            dt { "Promised" } dd { (promise(dataset)) @if let Some(at) = page.state.deadline { "; due by " (time_and_distance(view, at)) } }
            @if let Some(window) = &page.state.maintenance { dt { "Maintenance" } dd { (text(&window.words(view.now, &view.zone))) } }
            @if let Some(silence) = &page.state.silence { dt { "Silenced" } dd { (text(&silence.words(view.now, &view.zone))) } }
            dt { "Answers" } dd { (owner(view, dataset.owner.as_str())) @if !page.state.tells.is_empty() { span.dim { " told by " (text(&page.state.tells.join(", "))) } } }
            @if !dataset.parts.is_empty() { dt { "Parts" } dd { @for (place, (_, part)) in dataset.part_names().enumerate() { @if place > 0 { ", " } (dataset_link(part.as_str())) } } }
            @if let Some(whole) = &dataset.part_of { dt { "Part of" } dd { (dataset_link(whole.as_str())) } }
            dt { "Made by" } dd { @match page.lineage.producer_of(name) { Some(job) => (job_link(job.as_str())), None => { @match &dataset.system { Some(system) => { "system " (view.named(system.as_str())) } None => "nobody here; it is looked at where it lies" } } } }
            @if !dataset.made_from.is_empty() { dt { "Made from" } dd { (listed(&dataset.made_from)) ", by " @match &dataset.system { Some(system) => { (view.named(system.as_str())) } None => "its system" } } }
            @let made = page.lineage.made_by_systems_of(name);
            @if !made.is_empty() { dt { "Goes into" } dd { (made_by_systems(view, made)) } }
            @if let Some(by_hand) = &page.state.by_hand { dt { "By hand" } dd { (text(&by_hand.words())) " " (time_and_distance(view, by_hand.at)) } }
            @if let Some(passed) = &page.state.as_expected { dt { "As expected" } dd { (text(&passed.words())) } }
            @if let Some(expected) = &page.state.expected { dt { "Expected" } dd { (text(&expected.words())) ", until " (time_and_distance(view, expected.until)) } }
            @if let Some(description) = &dataset.description { dt { "What" } dd { (text(description)) } }
            @if let Some(runbook) = &dataset.runbook { dt { "Runbook" } dd { (super::words::address(runbook)) } }
        }
        @if !page.slots.is_empty() {
            section aria-labelledby="deliveries" {
                h2 id="deliveries" { "Deliveries" }
                div.wide.endless tabindex="0" role="region" aria-label="deliveries as a calendar" { (chart::calendar(view, &page.slots)) }
                (slots(view, page))
            }
        }
        (ages::ages(view, dataset, &page.arrivals))
        section aria-labelledby="versions" {
            h2 id="versions" { "Versions" }
            @if page.versions.is_empty() { p.dim { "None yet." } } @else {
                div.wide.endless tabindex="0" role="region" aria-label="sizes as a picture" { (sizes::sizes(view, &page.versions)) }
                @if page.versions.len() > 1 {
                    p.dim { "How large each version was, the newest to the right" @if sizes::are_expected(&page.versions) { "; what was learned to expect lies behind it" } "." }
                }
                (versions(view, page))
            }
        }
        (checks::checks(view, page))
        (quarantine(view, page))
        div.cols {
            section aria-labelledby="trace" { h2 id="trace" { "Where it came from" } (trace(view, page)) }
            section aria-labelledby="impact" { h2 id="impact" { "Who reads it" } (impact(view, page)) }
        }
    };
    whole(Some(view), Place::Datasets, name, &body)
}

fn promise(dataset: &Dataset) -> Markup {
    html! {
        @if let Some(due) = &dataset.due { "by " code { (text(&due.schedule.text)) } @if !due.grace.is_zero() { " and " (format_duration(due.grace)) " grace" } }
        @if dataset.due.is_some() && dataset.max_age.is_some() { ", " }
        @if let Some(age) = dataset.max_age { "never older than " (format_duration(age)) @if let Some(days) = &dataset.counted_in { (days.words()) } }
        @if !dataset.parts.is_empty() { "of each part what stands there" }
        @else if dataset.due.is_none() && dataset.max_age.is_none() { "nothing" }
    }
}

fn slots(view: &View, page: &DatasetPage) -> Markup {
    let word = |slot: &Slot| match slot.state {
        SlotState::Recovered => "came late".to_owned(),
        other => other.as_str().to_owned(),
    };
    html! {
        div.wide tabindex="0" role="region" aria-label="the deliveries" { table {
            thead { tr { th scope="col" { "Due" } th scope="col" { "State" } th scope="col" { "Deadline" } th scope="col" { "Decided" } th.num scope="col" { "Version" } th scope="col" { "Remark" } } }
            tbody {
                @for slot in page.slots.iter().take(LISTED) {
                    tr {
                        td { (time(view, slot.due_at)) }
                        td { (state(slot_tone(slot.state), &word(slot))) }
                        td { (time(view, slot.deadline)) }
                        td { @if let Some(at) = slot.decided_at { (time(view, at)) } }
                        td.num { @if let Some(version) = slot.version { (version) } }
                        td.remark { (text(slot.reason.as_deref().unwrap_or_default())) }
                    }
                }
            }
        } }
    }
}

fn versions(view: &View, page: &DatasetPage) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th.num scope="col" { "Version" } th scope="col" { "State" } th scope="col" { "Arrived" } th scope="col" { "As of" } th.num scope="col" { "Rows" } th.num scope="col" { "Size" } th scope="col" { "Run" } th scope="col" { "Remark" } } }
            tbody {
                @for version in page.versions.iter().take(LISTED) {
                    tr id={ "v" (version.number) } {
                        td.num { (version.number) }
                        td { (state(version_tone(version.state), version.state.as_str())) }
                        td { (time(view, version.arrived_at)) }
                        td { (time(view, version.effective_as_of)) @if let Some(limit) = &version.limited_by { " by " (version_link(limit)) } }
                        td.num { @if let Some(rows) = version.rows { (grouped(rows)) } }
                        td.num { (format_bytes(version.bytes)) }
                        td { @if let Some(run) = version.run { a href={ "/runs/" (run) } { "run " (run) } } }
                        td.remark { @if version.unchanged { "unchanged " } @if let Some(expected) = version.passed_as_expected() { "as expected: " (text(&expected.words())) " " } (text(&remark(version))) }
                    }
                }
            }
        } }
    }
}

/// Why it was refused, and what a person decided about it.
fn remark(version: &Version) -> String {
    let by_hand = version.provenance.by_hand.as_ref().map(ByHand::words);
    let parts: Vec<String> = version.reason.clone().into_iter().chain(by_hand).collect();
    parts.join("; ")
}

fn quarantine(view: &View, page: &DatasetPage) -> Markup {
    let refused: Vec<&Version> = page
        .versions
        .iter()
        .filter(|version| version.state == VersionState::Quarantined)
        .collect();
    html! {
        @if !refused.is_empty() {
            section aria-labelledby="quarantine" {
                h2 id="quarantine" { "Quarantine" }
                @for version in refused.iter().take(REFUSED_LISTED) {
                    h3 { "Version " (version.number) ", " (time(view, version.arrived_at)) }
                    @if let Some(reason) = &version.reason { p.reason { (text(reason)) } }
                    ul.plain {
                        @for check in version.checks.iter().filter(|check| check.verdict != Verdict::Pass).take(50) {
                            li { (state(if check.verdict == Verdict::Hold { Tone::Bad } else { Tone::Warn }, &check.name)) " " (text(&check.message)) span.dim { " expected " (text(&check.expected)) ", found " (text(&check.actual)) } }
                        }
                    }
                }
            }
        }
    }
}

fn trace(view: &View, page: &DatasetPage) -> Markup {
    html! {
        @if page.trace.is_empty() { p.dim { "Nothing was published yet." } }
        ol.plain.trace {
            @for (depth, version) in &page.trace {
                li class={ "depth" (depth.min(&6)) } {
                    a.name href={ "/datasets/" (super::words::piece(version.dataset.as_str())) } { (text(version.dataset.as_str())) "@" (version.number) }
                    " as of " (time(view, version.as_of))
                    @if let Some(run) = version.run { ", " a href={ "/runs/" (run) } { "run " (run) } }
                }
            }
        }
    }
}

/// What systems make from a dataset by themselves, each with the system.
fn made_by_systems(view: &View, made: &[Name]) -> Markup {
    let datasets = view.settings.as_deref().map(|settings| &settings.datasets);
    let system_of = |name: &Name| datasets.and_then(|datasets| datasets.get(name)?.system.as_ref());
    html! {
        @for (place, name) in made.iter().enumerate() {
            @if place > 0 { ", " }
            (dataset_link(name.as_str())) ", by "
            @match system_of(name) { Some(system) => { (view.named(system.as_str())) } None => "its system" }
        }
    }
}

fn listed(datasets: &[Name]) -> Markup {
    html! { @for (place, name) in datasets.iter().enumerate() { @if place > 0 { ", " } (dataset_link(name.as_str())) } }
}

fn impact(view: &View, page: &DatasetPage) -> Markup {
    let readers = page.lineage.impact(page.dataset.name.as_str());
    let mut readers: Vec<_> = readers
        .iter()
        .map(|reader| {
            let next = reader
                .reads_at
                .and_then(|rule| schedule::next(rule, view.now))
                .map(|next| next.at);
            (next.is_none(), next, reader)
        })
        .collect();
    readers.sort_by(|a, b| (a.0, a.1, a.2.distance, &a.2.consumer).cmp(&(b.0, b.1, b.2.distance, &b.2.consumer)));
    html! {
        @if readers.is_empty() { p { (state(Tone::Warn, "nobody reads it")) } }
        ol.plain {
            @for (_, next, reader) in readers.iter().take(100) {
                li {
                    @match reader.kind {
                        ReaderKind::Job => (job_link(reader.consumer.as_str())),
                        ReaderKind::System => { "system " (view.named(reader.consumer.as_str())) }
                        ReaderKind::Team => { "team " (view.named(reader.consumer.as_str())) }
                    }
                    @if reader.dataset != page.dataset.name { span.dim { " by way of " } (dataset_link(reader.dataset.as_str())) }
                    @if let Some(at) = next { ", next " (time_and_distance(view, *at)) }
                    span.dim { " · " } (owner(view, reader.owner.as_str()))
                }
            }
        }
    }
}
