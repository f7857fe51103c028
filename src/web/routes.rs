//! The closed list of routes, each with what it needs. What is not in it is answered with 404.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler as _;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::actions::Nothing;
use super::desk::Desk;
use super::door::{Door, door};
use super::openapi::Told;
use super::reading::query;
use super::{acks, actions, api, assets, badge, events, find, guard, login, metrics, pings, planned, programs, visits};

/// What a route needs of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it tells nothing and changes nothing, or brings its own credential in the address or the form.
    Nothing,
    /// To be known, where logins are configured.
    View,
    /// To be known, and allowed to act.
    Operate,
}

/// One line of the list.
pub(super) struct Line {
    method: &'static str,
    path: &'static str,
    needs: Needs,
    by: MethodRouter<Arc<Desk>>,
    /// What programs are told of it; `None` for what is made for people.
    told: Option<Told>,
}

fn line(method: &'static str, path: &'static str, needs: Needs, by: MethodRouter<Arc<Desk>>) -> Line {
    Line {
        method,
        path,
        needs,
        by,
        told: None,
    }
}

/// A line for programs: what it answers to a question.
pub(super) fn answers(path: &'static str, by: MethodRouter<Arc<Desk>>, told: Told) -> Line {
    Line {
        told: Some(told),
        ..line("GET", path, Needs::View, by)
    }
}

/// A line for programs: what it does.
pub(super) fn does(path: &'static str, by: MethodRouter<Arc<Desk>>, told: Told) -> Line {
    Line {
        told: Some(told),
        ..line("POST", path, Needs::Operate, by)
    }
}

fn lines() -> Vec<Line> {
    let mut lines = for_people();
    lines.extend(programs::lines());
    lines
}

fn for_people() -> Vec<Line> {
    let shown = |path, by| line("GET", path, Needs::View, by);
    let open = |method, path, by| line(method, path, Needs::Nothing, by);
    let acts = |path, by| line("POST", path, Needs::Operate, by);
    vec![
        shown("/", get(visits::now)),
        shown("/flow", get(visits::flow)),
        shown("/datasets", get(visits::datasets)),
        shown("/datasets/{name}", get(visits::dataset)),
        shown("/jobs", get(visits::jobs)),
        shown("/jobs/{name}", get(visits::job)),
        shown("/runs", get(visits::runs)),
        shown("/runs/{id}", get(visits::run)),
        shown("/runs/{id}/log", get(visits::log)),
        shown("/incidents", get(visits::incidents)),
        shown("/incidents/{id}", get(visits::incident)),
        shown("/search", get(find::page)),
        shown("/plan", get(planned::page)),
        shown("/badge/{file}", get(badge::badge)),
        shown("/healthz", get(api::health)),
        shown("/metrics", get(metrics::metrics)),
        shown("/events", get(events::events)),
        acts("/jobs/{name}/run", post(actions::form_run)),
        acts("/jobs/{name}/pause", post(actions::form_pause)),
        acts("/jobs/{name}/resume", post(actions::form_resume)),
        acts("/runs/{id}/cancel", post(actions::form_cancel)),
        acts("/incidents/{id}/ack", post(actions::form_ack)),
        acts("/incidents/{id}/messages/{message}/resend", post(actions::form_resend)),
        acts("/messages/resend", post(actions::form_resend_all)),
        acts("/messages/{message}/resend", post(actions::form_resend_dead)),
        acts("/silences", post(actions::form_silence)),
        acts("/silences/{name}/end", post(actions::form_unsilence)),
        line("POST", "/logout", Needs::View, post(login::log_out)),
        open("GET", "/login", get(login::page)),
        open("POST", "/login", post(login::log_in)),
        open("GET", "/ack/{token}", get(acks::page)),
        open("POST", "/ack/{token}", post(acks::take_on)),
        open("GET", "/ping/{key}", get(pings::done)),
        open("POST", "/ping/{key}", post(pings::done)),
        open("GET", "/ping/{key}/{word}", get(pings::word)),
        open("POST", "/ping/{key}/{word}", post(pings::word)),
        open("GET", "/assets/{name}", get(assets::asset)),
        open("GET", "/favicon.ico", get(assets::favicon)),
    ]
}

/// Every route: its method (HEAD is answered wherever GET is), its path, and what it needs.
pub fn listed() -> Vec<(&'static str, &'static str, Needs)> {
    lines()
        .into_iter()
        .map(|line| (line.method, line.path, line.needs))
        .collect()
}

/// The methods that are answered at a path.
pub(super) fn methods_at(path: &str) -> Vec<&'static str> {
    let is_at = |line: &Line| {
        let (asked, listed) = (path.split('/'), line.path.split('/'));
        asked.clone().count() == listed.clone().count()
            && asked
                .zip(listed)
                .all(|(asked, listed)| listed.starts_with('{') || asked == listed)
    };
    let methods = lines().into_iter().filter(is_at).map(|line| line.method);
    let known = methods.flat_map(|method| {
        if method == "GET" {
            &["GET", "HEAD"][..]
        } else {
            &["POST"]
        }
    });
    known.copied().collect()
}

/// What programs may ask: method, path, what it needs, and what they are told of it.
pub(super) fn listed_for_programs() -> impl Iterator<Item = (&'static str, &'static str, Needs, Told)> {
    let lines = lines().into_iter();
    lines.filter_map(|line| Some((line.method, line.path, line.needs, line.told?)))
}

/// Behind `?` stands nothing where nothing is read: whoever writes something there means something by it.
async fn without_a_query(request: Request, next: Next) -> Response {
    match query::<Nothing>(request.uri()) {
        Ok(Nothing {}) => next.run(request).await,
        Err(trouble) => trouble.into_response(),
    }
}

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    let at_door = |needs| {
        let door_of = Door {
            desk: desk.clone(),
            needs,
        };
        from_fn_with_state(door_of, door)
    };
    let mut router = Router::new();
    for line in lines() {
        let asks_nothing = line.told.is_some_and(|told| told.query.is_none());
        let by = if asks_nothing {
            line.by.route_layer(from_fn(without_a_query))
        } else {
            line.by
        };
        router = router.route(line.path, by.route_layer(at_door(line.needs)));
    }
    router
        .fallback(visits::nothing.layer(at_door(Needs::View)))
        .with_state(desk.clone())
        .layer(from_fn_with_state(desk, guard::guard))
}
