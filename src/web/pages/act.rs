//! Forms by which a page acts. They work without scripts, and are shown to nobody who may not use them.

use maud::{Markup, html};

use super::words::{View, piece};
use crate::model::{Incident, JobState, NOTE_CHARS_MAX, Run};

/// Of a job: run, and pause or resume.
pub(super) fn on_job(view: &View, state: &JobState) -> Markup {
    let path = format!("/jobs/{}", piece(&state.name));
    html! {
        @if view.visitor.may_operate {
            div.acts {
                (button(&format!("{path}/run"), "Run now"))
                @if state.paused { (button(&format!("{path}/resume"), "Resume")) }
                @else { (with_words(&format!("{path}/pause"), "Pause", "because", "Why it should pause", true)) }
            }
        }
    }
}

/// Of a run that goes on: cancel.
pub(super) fn on_run(view: &View, run: &Run) -> Markup {
    html! {
        @if view.visitor.may_operate && run.outcome.is_none() {
            div.acts { (button(&format!("/runs/{}/cancel", run.id), "End this run")) }
        }
    }
}

/// Of a job or dataset: silence it, or tell of it again.
pub(super) fn on_name(view: &View, name: &str, is_silenced: bool) -> Markup {
    html! {
        @if view.visitor.may_operate {
            @if is_silenced {
                div.acts { (button(&format!("/silences/{}/end", piece(name)), "Tell of it again")) }
            } @else {
                details.acts {
                    summary { "Silence" }
                    form.words method="post" action="/silences" {
                        input type="hidden" name="name" value=(name);
                        label { "For how long" input name="for" required value="2h" maxlength="20" autocomplete="off"; }
                        label { "Why nobody should be told" input name="because" required maxlength=(NOTE_CHARS_MAX) autocomplete="off"; }
                        button { "Silence" }
                    }
                }
            }
        }
    }
}

/// Of an incident that is not over: take it on.
pub(super) fn on_incident(view: &View, incident: &Incident) -> Markup {
    let words = if incident.ack.is_some() {
        "Take it on again"
    } else {
        "Take it on"
    };
    html! {
        @if view.visitor.may_operate && incident.resolved_at.is_none() {
            div.acts { (with_words(&format!("/incidents/{}/ack", incident.id), words, "note", "Note", false)) }
        }
    }
}

fn button(path: &str, words: &str) -> Markup {
    html! { form method="post" action=(path) { button { (words) } } }
}

/// A button with a line to write on.
pub(super) fn with_words(path: &str, words: &str, name: &str, label: &str, is_needed: bool) -> Markup {
    html! {
        form.words method="post" action=(path) {
            label { (label) @if !is_needed { span.dim { " (may stay empty)" } }
                input name=(name) maxlength=(NOTE_CHARS_MAX) required[is_needed] autocomplete="off"; }
            button { (words) }
        }
    }
}
