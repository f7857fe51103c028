//! `/login`, and the page behind the link of a message: for whoever is not known yet.

use jiff::Timestamp;
use maud::{Markup, html};

use super::act::{SentBack, take_on};
use super::incidents::{thing, turns};
use super::words::{View, text, time_and_distance};
use super::{Place, now, whole};
use crate::model::{Ack, Incident, Reads};

/// What `/login` is made from.
pub(in crate::web) struct LoginPage {
    /// Who is logged in already.
    pub(in crate::web) user: Option<String>,
    /// Where it goes on to.
    pub(in crate::web) next: String,
    /// What was typed as the name before.
    pub(in crate::web) name: String,
    /// Why the last try was refused.
    pub(in crate::web) trouble: Option<String>,
}

/// `/login`.
pub(in crate::web) fn login(page: &LoginPage) -> Markup {
    let body = html! {
        h1 { "Log in" }
        @if let Some(trouble) = &page.trouble { p.said.refusal role="alert" { "Refused: " (text(trouble)) "." } }
        @if let Some(name) = &page.user { p.lead { "You are " (text(name)) ". " a href=(page.next) { "Go on" } "." } }
        form.login method="post" action="/login" {
            input type="hidden" name="next" value=(page.next);
            label { "Name" input name="name" value=(page.name) required autocomplete="username" autocapitalize="none" spellcheck="false" autofocus[page.name.is_empty()]; }
            label { "Password" input name="password" type="password" required autocomplete="current-password" autofocus[!page.name.is_empty()]; }
            button { "Log in" }
        }
        p.dim { "Who may is said in jobs.toml, by whoever operates this freshd." }
    };
    whole(None, Place::Outside, "Log in", &body)
}

/// Who is logged in, at the head of each page, and the way out.
pub(super) fn user(name: &str) -> Markup {
    html! {
        form.user method="post" action="/logout" {
            span { (text(name)) }
            button.plain { "Log out" }
        }
    }
}

/// What the page behind a link is made from.
pub(in crate::web) struct AckPage {
    pub(in crate::web) incident: Incident,
    /// Who reads what is wrong, the first to read first.
    pub(in crate::web) readers: Vec<Reads>,
    /// Where its button leads.
    pub(in crate::web) path: String,
    /// It was pressed.
    pub(in crate::web) is_done: bool,
    /// Who had it until then, if somebody did.
    pub(in crate::web) taken_over: Option<Ack>,
    /// Reminders rest until then; `None` where there are none, as in a rehearsal.
    pub(in crate::web) until: Option<Timestamp>,
    /// It was pressed, and refused.
    pub(in crate::web) back: Option<SentBack>,
}

/// `/ack/TOKEN`.
pub(in crate::web) fn ack(view: &View, page: &AckPage) -> Markup {
    let incident = &page.incident;
    let kind = incident.kind.words().to_owned();
    let shown = incident.shown(kind);
    let body = html! {
        h1 { (thing(incident)) " " (now::how(view, &shown)) }
        p.lead { @if shown.is_well { "when wrong " } (incident.severity.as_str()) }
        (now::why(&shown))
        dl {
            @if let Some(flapping) = &incident.flapping { dt { "Turns" } dd { (turns(view, flapping)) } }
            dt { "Since" } dd { (time_and_distance(view, incident.since)) }
            @if !page.readers.is_empty() { dt { "Reads it" } dd { (now::readers(view, &page.readers, incident.subject.as_str())) } }
        }
        @if let Some(until) = page.until {
            p.said role="status" { "It is yours: reminders rest until " (time_and_distance(view, until)) ", and everyone told will hear when it is over." }
            @if let Some(before) = &page.taken_over { p { "It is taken over from " (text(&before.who())) ", who had it since " (time_and_distance(view, before.at)) "." } }
        } @else if page.is_done {
            p.said role="status" { "You have answered, and the rehearsal is over." }
        } @else {
            @if let Some(ack) = &incident.ack { p { "Taken on by " (text(&ack.who())) " " (time_and_distance(view, ack.at)) "." } }
            p { "Whoever takes it on says that they look after it. Nothing is changed until you press the button." }
            div.acts { (take_on(&page.path, "Take it on", page.back.as_ref())) }
        }
    };
    whole(Some(view), Place::Outside, "Take it on", &body)
}

#[cfg(test)]
mod tests {
    use super::super::words::test_view;
    use super::*;
    use crate::model::{Severity, plain_incident, well_for_now};

    #[test]
    fn whoever_is_asked_to_take_it_on_sees_how_grave_it_is_and_who_reads_it() {
        let view = test_view();
        let page = AckPage {
            incident: Incident {
                severity: Severity::Critical,
                ..plain_incident("export", view.now)
            },
            readers: vec![Reads {
                who: "trucks".to_owned(),
                dataset: "stock".to_owned(),
                at: Some(view.now),
            }],
            path: "/ack/x".to_owned(),
            is_done: false,
            taken_over: None,
            until: None,
            back: None,
        };
        let shown = ack(&view, &page).into_string();
        for part in ["critical", "trucks", "stock"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("comes and goes"), "{shown}");
    }

    #[test]
    fn whoever_is_asked_to_take_on_what_comes_and_goes_sees_that_it_is_well() {
        let view = test_view();
        let mut incident = plain_incident("export", view.now);
        incident.flapping = Some(well_for_now(view.now));
        let page = AckPage {
            incident,
            readers: Vec::new(),
            path: "/ack/x".to_owned(),
            is_done: false,
            taken_over: None,
            until: Some(view.now),
            back: None,
        };
        let shown = ack(&view, &page).into_string();
        let (title, rest) = shown.split_once("</h1>").expect("a title");
        let title = title.rsplit_once("<h1>").expect("its begin").1;
        assert!(
            title.contains("comes and goes, well since") && !title.contains("failed"),
            "{title}"
        );
        for part in [
            "when wrong warning",
            "when wrong: failed: exit code 1",
            "flapping, 4 times",
        ] {
            assert!(rest.contains(part), "{part}: {rest}");
        }
    }
}
