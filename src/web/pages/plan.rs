//! `/plan`: what an edited jobs.toml would change, before it is taken on.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words::{
    Tone, View, dataset_link, job_link, owner, state, text, time, time_and_distance, time_with_seconds,
};
use super::{Place, whole};
use crate::model::{ChangeKind, ChangedKey, Kept, NextDue, Plan, PlannedChange, PlannedPromise};

/// `/plan`.
pub(in crate::web) fn plan(view: &View, plan: &Plan) -> Markup {
    let body = html! {
        h1 { "Plan" }
        @if !plan.mistakes.is_empty() {
            p.lead { (state(Tone::Bad, "refused")) " " (text(&plan.file)) " has mistakes; what is in force stays in force." }
            ul { @for mistake in &plan.mistakes { li.remark { (text(mistake)) } } }
        } @else if plan.changes.is_empty() && plan.promises.is_empty() {
            p.lead { (state(Tone::Good, "in force")) " " (text(&plan.file)) " says what is in force" (since(view, plan)) "." }
        } @else {
            p.lead { (state(Tone::Warn, "not in force")) " " (text(&plan.file)) " was edited. What differs from what is in force" (since(view, plan)) ":" }
            @for change in &plan.changes { (entry(view, change)) }
            (promises(view, plan))
            p { "Nothing of it is in force before " code { "freshd reload" } ", or " code { "systemctl reload freshd" } "." }
        }
    };
    whole(Some(view), Place::Plan, "Plan", &body)
}

fn since(view: &View, plan: &Plan) -> Markup {
    html! {
        @if let Some(running) = &plan.running { " since " (time_with_seconds(view, running.at)) ", by " (text(&running.by)) }
    }
}

fn entry(view: &View, planned: &PlannedChange) -> Markup {
    let change = &planned.change;
    let (tone, word) = match change.kind {
        ChangeKind::Added => (Tone::Good, "new"),
        ChangeKind::Removed => (Tone::Bad, "removed"),
        ChangeKind::Changed => (Tone::Warn, "changed"),
    };
    html! {
        section.planned {
            h2 { (what(planned)) " " (state(tone, word)) }
            @if !planned.teams.is_empty() {
                p { "For " @for (index, team) in planned.teams.iter().enumerate() { @if index > 0 { ", " } (owner(view, team)) } "." }
            }
            @if !change.keys.is_empty() {
                div.wide tabindex="0" role="region" aria-label="the changed keys" { table {
                    thead { tr { th scope="col" { "Key" } th scope="col" { "In force" } th scope="col" { "Planned" } } }
                    tbody { @for key in &change.keys { (said(key)) } }
                } }
            }
            @if let Some(NextDue { before, after }) = planned.next_due {
                p { "Next due " (due(view, after)) @if change.kind == ChangeKind::Changed { ", instead of " (due(view, before)) } "." }
            }
            @for note in &planned.notes { p.dim { (text(note)) "." } }
        }
    }
}

fn what(planned: &PlannedChange) -> Markup {
    let change = &planned.change;
    let is_gone = change.kind != ChangeKind::Changed;
    html! {
        @match (change.section.as_str(), change.name.as_deref()) {
            ("jobs", Some(name)) if !is_gone => { "Job " (job_link(name)) },
            ("datasets", Some(name)) if !is_gone => { "Dataset " (dataset_link(name)) },
            (section, Some(name)) => { (text(section)) "." (text(name)) },
            (section, None) => (text(section)),
        }
    }
}

fn said(key: &ChangedKey) -> Markup {
    let value = |value: &Option<String>| html! { @if let Some(value) = value { code { (text(value)) } } @else { span.dim { "not written" } } };
    html! {
        tr {
            td { @if key.key.is_empty() { "the value" } @else { code { (text(&key.key)) } } }
            td.remark { (value(&key.before)) }
            td.remark { (value(&key.after)) }
        }
    }
}

fn due(view: &View, at: Option<Timestamp>) -> Markup {
    html! { @if let Some(at) = at { (time_and_distance(view, at)) } @else { "never" } }
}

fn promises(view: &View, plan: &Plan) -> Markup {
    html! {
        @if !plan.promises.is_empty() {
            h2 { "The last 30 days with these promises" }
            p { "What was delivered, held against the promises as they are and as they are planned." }
            div.wide tabindex="0" role="region" aria-label="the promises" { table {
                thead { tr { th scope="col" { "Dataset" } th scope="col" { "Would tell" } th scope="col" { "In force" } th scope="col" { "Planned" } th scope="col" { "Last broken, as planned" } } }
                tbody { @for promise in &plan.promises { (replayed(view, promise)) } }
            } }
            @if plan.promises_left_out > 0 { p.dim { "and " (plan.promises_left_out) " more, which were not looked at." } }
        }
    }
}

fn replayed(view: &View, promise: &PlannedPromise) -> Markup {
    html! {
        tr {
            td { (dataset_link(&promise.dataset)) }
            td { (owner(view, &promise.owner)) }
            td { @if let Some(before) = &promise.before { (kept(before)) } @else { span.dim { "not promised" } } }
            td { (kept(&promise.after)) }
            td { @if let Some(at) = promise.after.broken_at.first() { (time(view, *at)) } @else { span.dim { "never" } } }
        }
    }
}

fn kept(kept: &Kept) -> Markup {
    html! {
        @if kept.due > 0 || kept.stale == 0 { (kept.due) " due, " (kept.late) " late" }
        @if kept.due > 0 && kept.stale > 0 { ", " }
        @if kept.stale > 0 { (kept.stale) " times too old" }
    }
}
