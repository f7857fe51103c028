//! Forms by which a page acts. They work without scripts, and are shown to nobody who may not use them.

use maud::{Markup, html};

use super::words::{View, Visitor, piece, text};
use super::{Place, framed};
use crate::model::{Incident, IncidentId, JobState, NOTE_CHARS_MAX, Name, NotificationId, Run};

/// Characters of a duration.
const DURATION_CHARS_MAX: usize = 20;

/// A form on which something is written, and for what.
pub(in crate::web) enum FormOf {
    /// Pauses a job.
    Pause { job: String },
    /// Takes an incident on.
    Ack { incident: u64 },
    /// Silences a job or dataset; where its page is.
    Silence { name: Name, page: String },
}

/// What came of a form that was refused.
pub(in crate::web) struct SentBack {
    /// What was typed, by the names of the fields.
    pub(in crate::web) typed: Vec<(String, String)>,
    /// The field that is wrong, where it is one.
    pub(in crate::web) wrong: Option<&'static str>,
    /// Why, in one sentence without its period.
    pub(in crate::web) why: String,
}

/// The page of a form that was refused. It does not renew itself: what is typed here stays.
pub(in crate::web) fn sent_back(visitor: &Visitor, form: &FormOf, back: &SentBack) -> Markup {
    let (heading, page) = match form {
        FormOf::Pause { job } => (format!("Pause {job}"), format!("/jobs/{}", piece(job))),
        FormOf::Ack { incident } => (format!("Take on incident {incident}"), format!("/incidents/{incident}")),
        FormOf::Silence { name, page } => (format!("Silence {name}"), page.clone()),
    };
    let body = html! {
        h1 { (text(&heading)) }
        div.acts {
            @match form {
                FormOf::Pause { .. } => (pause(&format!("{page}/pause"), Some(back))),
                FormOf::Ack { .. } => (take_on(&format!("{page}/ack"), "Take it on", Some(back))),
                FormOf::Silence { name, .. } => (silence(name.as_str(), Some(back))),
            }
        }
        p { "Or " a href=(page) { "leave it" } "." }
    };
    framed(
        None,
        Some(visitor),
        Place::Elsewhere,
        &format!("Refused: {heading}"),
        &body,
    )
}

/// Of a job: run, and pause or resume.
pub(super) fn on_job(view: &View, state: &JobState) -> Markup {
    let path = format!("/jobs/{}", piece(&state.name));
    html! {
        @if view.visitor.may_operate {
            div.acts {
                (button(&format!("{path}/run"), "Run now"))
                @if state.paused { (button(&format!("{path}/resume"), "Resume")) }
                @else { (pause(&format!("{path}/pause"), None)) }
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
                    (silence(name, None))
                }
            }
        }
    }
}

/// Of an incident that is not over: take it on, or what explains it.
pub(super) fn on_incident(view: &View, incident: &Incident) -> Markup {
    let words = if incident.ack.is_some() {
        "Take it on again"
    } else {
        "Take it on"
    };
    html! {
        @if view.visitor.may_operate && incident.resolved_at.is_none() {
            @if let Some(cause) = incident.cause {
                p { "Whoever mends it takes on what explains it: " a href={ "/incidents/" (cause) } { "incident " (cause) } "." }
            } @else {
                div.acts { (take_on(&format!("/incidents/{}/ack", incident.id), words, None)) }
            }
        }
    }
}

/// Of a message that was given up: send it again.
pub(super) fn on_message(view: &View, incident: IncidentId, message: NotificationId) -> Markup {
    html! {
        @if view.visitor.may_operate {
            (button(&format!("/incidents/{incident}/messages/{message}/resend"), "Send it again"))
        }
    }
}

/// Of a message in the list of those that were given up: the same.
pub(super) fn on_dead_message(view: &View, message: NotificationId) -> Markup {
    html! {
        @if view.visitor.may_operate { (button(&format!("/messages/{message}/resend"), "Send it again")) }
    }
}

/// Of all in that list.
pub(super) fn on_dead_messages(view: &View) -> Markup {
    html! {
        @if view.visitor.may_operate { div.acts { (button("/messages/resend", "Send all of them again")) } }
    }
}

fn button(path: &str, words: &str) -> Markup {
    html! { form method="post" action=(path) { button { (words) } } }
}

fn pause(path: &str, back: Option<&SentBack>) -> Markup {
    let why = Line {
        name: "because",
        label: "Why it should pause",
        is_needed: true,
        ..NOTE
    };
    with_words(path, "Pause", &[why], &html! {}, back)
}

/// Takes an incident on, with a note.
pub(super) fn take_on(path: &str, words: &str, back: Option<&SentBack>) -> Markup {
    with_words(path, words, &[NOTE], &html! {}, back)
}

fn silence(name: &str, back: Option<&SentBack>) -> Markup {
    let length = Line {
        name: "for",
        label: "For how long",
        is_needed: true,
        chars_max: DURATION_CHARS_MAX,
        first: "2h",
    };
    let why = Line {
        name: "because",
        label: "Why nobody should be told",
        is_needed: true,
        ..NOTE
    };
    let of = html! { input type="hidden" name="name" value=(name); };
    with_words("/silences", "Silence", &[length, why], &of, back)
}

/// A line to write on.
struct Line {
    name: &'static str,
    label: &'static str,
    is_needed: bool,
    chars_max: usize,
    /// What stands on it before anybody has written.
    first: &'static str,
}

const NOTE: Line = Line {
    name: "note",
    label: "Note",
    is_needed: false,
    chars_max: NOTE_CHARS_MAX,
    first: "",
};

/// A button with lines to write on; where it was refused, with what was written and what is wrong.
fn with_words(path: &str, words: &str, lines: &[Line], hidden: &Markup, back: Option<&SentBack>) -> Markup {
    let wrong = back.and_then(|back| lines.iter().find(|line| back.wrong == Some(line.name)));
    html! {
        @if let (Some(back), None) = (back, wrong) { p.said.refusal role="alert" { "Refused: " (text(&back.why)) "." } }
        form.words method="post" action=(path) {
            (hidden)
            @for line in lines { (written(line, back)) }
            button { (words) }
        }
    }
}

fn written(line: &Line, back: Option<&SentBack>) -> Markup {
    let typed = back.and_then(|back| back.typed.iter().find(|(name, _)| name == line.name));
    let typed = typed.map_or(line.first, |(_, text)| text.as_str());
    let wrong = back.filter(|back| back.wrong == Some(line.name));
    let about = wrong.map(|_| format!("wrong-{}", line.name));
    html! {
        label { (line.label) @if !line.is_needed { span.dim { " (may stay empty)" } }
            input name=(line.name) value=[(!typed.is_empty()).then_some(typed)] maxlength=(line.chars_max) required[line.is_needed] autocomplete="off"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[about.as_ref()] autofocus[wrong.is_some()]; }
        @if let Some(back) = wrong { p.error id=[about.as_ref()] { "Refused: " (text(&back.why)) "." } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plain_incident;
    use crate::web::pages::words::test_view;

    #[test]
    fn what_is_explained_by_something_else_is_not_taken_on_by_itself() {
        let mut view = test_view();
        view.visitor.may_operate = true;
        let mut incident = plain_incident("export", view.now);
        let offered = |incident: &Incident| on_incident(&view, incident).into_string();
        assert!(offered(&incident).contains("<form"), "{}", offered(&incident));
        incident.cause = Some(IncidentId(7));
        let said = offered(&incident);
        assert!(
            !said.contains("<form") && said.contains("href=\"/incidents/7\""),
            "{said}"
        );
    }
}
