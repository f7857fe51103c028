//! The closed list of routes, each with what it needs. What is not in it is answered with 404.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::desk::Desk;
use super::door::{Door, door};
use super::{acks, actions, api, assets, badge, events, guard, login, metrics, pings, planned, search, visits};

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
struct Line {
    method: &'static str,
    path: &'static str,
    needs: Needs,
    by: MethodRouter<Arc<Desk>>,
}

fn line(method: &'static str, path: &'static str, needs: Needs, by: MethodRouter<Arc<Desk>>) -> Line {
    Line {
        method,
        path,
        needs,
        by,
    }
}

fn lines() -> Vec<Line> {
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
        shown("/plan", get(planned::page)),
        shown("/badge/{file}", get(badge::badge)),
        shown("/healthz", get(api::health)),
        shown("/metrics", get(metrics::metrics)),
        shown("/events", get(events::events)),
        shown("/api/v1/status", get(api::status)),
        shown("/api/v1/jobs", get(api::jobs)),
        shown("/api/v1/jobs/{name}", get(api::job)),
        shown("/api/v1/jobs/{name}/logs", get(search::logs)),
        shown("/api/v1/runs", get(api::runs)),
        shown("/api/v1/runs/{id}", get(api::run)),
        shown("/api/v1/runs/{id}/log", get(api::log)),
        shown("/api/v1/datasets", get(api::datasets)),
        shown("/api/v1/datasets/{name}", get(api::dataset)),
        shown("/api/v1/datasets/{name}/versions", get(api::versions)),
        shown("/api/v1/incidents", get(api::incidents)),
        shown("/api/v1/incidents/{id}", get(api::incident)),
        shown("/api/v1/silences", get(api::silences)),
        shown("/api/v1/flow", get(api::flow)),
        shown("/api/v1/occurrences", get(api::occurrences)),
        shown("/api/v1/plan", get(planned::document)),
        acts("/api/v1/jobs/{name}/run", post(actions::run)),
        acts("/api/v1/jobs/{name}/pause", post(actions::pause)),
        acts("/api/v1/jobs/{name}/resume", post(actions::resume)),
        acts("/api/v1/runs/{id}/cancel", post(actions::cancel)),
        acts("/api/v1/incidents/{id}/ack", post(actions::ack)),
        acts("/jobs/{name}/run", post(actions::form_run)),
        acts("/jobs/{name}/pause", post(actions::form_pause)),
        acts("/jobs/{name}/resume", post(actions::form_resume)),
        acts("/runs/{id}/cancel", post(actions::form_cancel)),
        acts("/incidents/{id}/ack", post(actions::form_ack)),
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
    ]
}

/// Every route: its method (HEAD is answered wherever GET is), its path, and what it needs.
pub fn listed() -> Vec<(&'static str, &'static str, Needs)> {
    lines()
        .into_iter()
        .map(|line| (line.method, line.path, line.needs))
        .collect()
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
        router = router.route(line.path, line.by.route_layer(at_door(line.needs)));
    }
    router
        .fallback(visits::nothing.layer(at_door(Needs::View)))
        .with_state(desk.clone())
        .layer(from_fn_with_state(desk, guard::guard))
}
