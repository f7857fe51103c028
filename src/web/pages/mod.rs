//! Pages: pure views of what was read. All escaping is `maud`'s; what it does not know of stands in `words`.

mod act;
mod ages;
mod ansi;
mod chart;
mod checks;
mod dataset;
mod dead;
mod find;
mod flow;
mod flow_overview;
mod flow_words;
mod incidents;
mod job;
mod lists;
mod login;
mod now;
mod plan;
mod run;
mod sizes;
mod timeline;
mod words;

use maud::{DOCTYPE, Markup, html};

use super::answer::Trouble;
use super::assets;
pub(super) use act::{FormOf, SentBack, sent_back};
pub(super) use ages::days_shown;
pub(super) use dataset::{DatasetPage, dataset};
pub(super) use find::{Called, FindPage, PrintedLines, find};
pub(super) use flow::{States, flow, node_state};
pub(super) use incidents::{IncidentList, IncidentPage, IncidentsPage, incident, incidents};
pub(super) use job::{JobPage, job};
pub(super) use lists::{datasets, jobs, runs};
pub(super) use login::{AckPage, LoginPage, ack, login};
pub(super) use now::now;
pub(super) use plan::plan;
pub(super) use run::{RunPage, run};
pub(super) use words::{Tone, View, Visitor, counted, dataset_tone, piece};

/// A place of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Now,
    Flow,
    Jobs,
    Datasets,
    Runs,
    Incidents,
    Plan,
    /// None of them.
    Elsewhere,
    /// Where nobody is known yet.
    Outside,
}

const PLACES: [(Place, &str, &str); 7] = [
    (Place::Now, "/", "Now"),
    (Place::Flow, "/flow", "Flow"),
    (Place::Datasets, "/datasets", "Datasets"),
    (Place::Jobs, "/jobs", "Jobs"),
    (Place::Runs, "/runs", "Runs"),
    (Place::Incidents, "/incidents", "Incidents"),
    (Place::Plan, "/plan", "Plan"),
];

/// A whole page. `view` is missing where nothing could be read.
fn whole(view: Option<&View>, place: Place, title: &str, body: &Markup) -> Markup {
    framed(view, view.map(|view| &view.visitor), place, title, body)
}

/// A whole page for a visitor, whether anything could be read or not.
fn framed(view: Option<&View>, visitor: Option<&Visitor>, place: Place, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (words::text(title)) " · freshd" }
                link rel="icon" type="image/svg+xml" href=(assets::sign());
                link rel="stylesheet" href=(assets::style());
                script type="module" src=(assets::script()) {}
            }
            body class=[(place == Place::Flow).then_some("broad")] {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" { "freshd" }
                    @if place != Place::Outside {
                        nav aria-label="Pages" {
                            @for (at, path, words) in PLACES {
                                a href=(path) aria-current=[(at == place).then_some("page")] { (words) }
                            }
                        }
                    }
                    @if place != Place::Outside {
                        form.find role="search" aria-label="The whole of freshd" action="/search" { input name="q" type="search" aria-label="Search" placeholder="Search" maxlength="200"; }
                    }
                    @if let Some(user) = visitor.and_then(|visitor| visitor.user.as_ref()) { (login::user(user)) }
                }
                @if let Some(said) = visitor.and_then(|visitor| visitor.said.as_ref()) {
                    p.said.refusal[said.is_refusal] role="status" { (words::text(&said.words)) }
                }
                main id="main" tabindex="-1" { (body) }
                footer {
                    @if let Some(view) = view {
                        p {
                            "As of " (words::time_with_seconds(view, view.now)) ", "
                            (view.zone.iana_name().unwrap_or("UTC")) ". "
                            @if place != Place::Outside { span id="live" role="status" { } }
                        }
                    }
                    @if place != Place::Outside { p { "For programs: " a href="/api/v1/status" { "/api/v1/status" } ", " a href="/metrics" { "/metrics" } ", " a href="/api/v1/openapi.json" { "OpenAPI" } "." } }
                }
            }
        }
    }
}

/// A page that says why there is none.
pub(super) fn trouble(trouble: &Trouble, visitor: Option<&Visitor>) -> Markup {
    let heading = match trouble {
        Trouble::Unknown { what, .. } => format!("No such {what}"),
        Trouble::Query(_) | Trouble::Field { .. } => "This question is not understood".to_owned(),
        Trouble::Silent(_) => "freshd does not answer".to_owned(),
        Trouble::Unreadable(_) => "The records cannot be read".to_owned(),
        Trouble::Refused(_) => "That was refused".to_owned(),
        Trouble::Forbidden(_) => "That is not allowed".to_owned(),
        Trouble::LogIn | Trouble::WrongPassword => "Who are you?".to_owned(),
        Trouble::TooMany { .. } => "Too many tries".to_owned(),
        Trouble::Gone(_) => "This link leads nowhere any more".to_owned(),
        Trouble::TooLarge { .. } => "That is too much".to_owned(),
    };
    let body = html! {
        h1 { (heading) }
        p.lead { (words::text(&trouble.words())) "." }
        @if let Trouble::Unknown { what, near, .. } = trouble {
            @if !near.is_empty() {
                p { "Did you mean "
                    @for (index, name) in near.iter().enumerate() {
                        @if index > 0 { " or " }
                        @match *what {
                            "job" => (words::job_link(name)),
                            "dataset" => (words::dataset_link(name)),
                            _ => (words::text(name)),
                        }
                    }
                "?" }
            }
            p {
                @match *what {
                    "job" => { a href="/jobs" { "All jobs" } ". What is no longer in jobs.toml may still have a history: " code { "freshd history NAME" } "." }
                    "dataset" => { a href="/datasets" { "All datasets" } "." }
                    "run" => { a href="/runs" { "The newest runs" } ". Old ones are forgotten as [history] in jobs.toml says." }
                    "node" => { a href="/flow" { "The whole flow" } "." }
                    "incident" => { a href="/incidents" { "All incidents" } "." }
                    "link" => { "It may be cut off: open it from the message itself. On this machine, " code { "freshd ack ID" } " takes an incident on." }
                    _ => { a href="/" { "What is wrong now" } "." }
                }
            }
        } @else if matches!(trouble, Trouble::LogIn) {
            p { a href="/login" { "Log in" } ", then do it once more: nothing was changed." }
        } @else if matches!(trouble, Trouble::Silent(_) | Trouble::Unreadable(_)) {
            p { "On this machine, " code { "freshd status" } " asks the same, and " code { "systemctl status freshd" } " says whether it runs." }
        }
    };
    let place = match trouble {
        Trouble::LogIn | Trouble::Gone(_) | Trouble::Unknown { what: "link", .. } => Place::Outside,
        _ => Place::Elsewhere,
    };
    framed(None, visitor, place, &heading, &body)
}
