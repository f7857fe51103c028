//! The closed list of routes. What is not in it is answered with 404.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{any, get};

use super::desk::Desk;
use super::{api, assets, badge, events, guard, metrics, pings, planned, search, visits};

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    let programs = Router::new()
        .route("/status", get(api::status))
        .route("/jobs", get(api::jobs))
        .route("/jobs/{name}", get(api::job))
        .route("/jobs/{name}/logs", get(search::logs))
        .route("/runs", get(api::runs))
        .route("/runs/{id}", get(api::run))
        .route("/runs/{id}/log", get(api::log))
        .route("/datasets", get(api::datasets))
        .route("/datasets/{name}", get(api::dataset))
        .route("/datasets/{name}/versions", get(api::versions))
        .route("/incidents", get(api::incidents))
        .route("/incidents/{id}", get(api::incident))
        .route("/silences", get(api::silences))
        .route("/flow", get(api::flow))
        .route("/occurrences", get(api::occurrences))
        .route("/plan", get(planned::document))
        .fallback(api::nothing);
    Router::new()
        .route("/", get(visits::now))
        .route("/flow", get(visits::flow))
        .route("/datasets", get(visits::datasets))
        .route("/datasets/{name}", get(visits::dataset))
        .route("/jobs", get(visits::jobs))
        .route("/jobs/{name}", get(visits::job))
        .route("/runs", get(visits::runs))
        .route("/runs/{id}", get(visits::run))
        .route("/runs/{id}/log", get(visits::log))
        .route("/incidents", get(visits::incidents))
        .route("/incidents/{id}", get(visits::incident))
        .route("/plan", get(planned::page))
        .route("/badge/{file}", get(badge::badge))
        .route("/healthz", get(api::health))
        .route("/metrics", get(metrics::metrics))
        .route("/ping/{key}", any(pings::done))
        .route("/ping/{key}/{word}", any(pings::word))
        .route("/events", get(events::events))
        .route("/assets/{name}", get(assets::asset))
        .nest("/api/v1", programs)
        .fallback(visits::nothing)
        .with_state(desk)
        .layer(from_fn(guard::guard))
}
