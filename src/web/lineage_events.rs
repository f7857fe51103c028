//! `POST /api/v1/lineage`: events of `OpenLineage`, as Spark, Airflow, dbt and others send them. What they say of datasets that
//! jobs.toml knows by their names there is told to the daemon; all else is accepted, and nothing follows from it.
//!
//! The format: <https://openlineage.io/spec/2-0-2/OpenLineage.json>.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::{Request as Asked, State};
use axum::response::Response;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::actions::body_within;
use super::answer::{Trouble, document};
use super::desk::Desk;
use super::forms::is_kind;
use crate::model::{Instant, LineageWord, Name, PING_RUN_MAX, PingKind, Request, Settings, is_ping_run};

/// Bytes of an event: those of wide tables hold each column.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// Datasets of one event that are looked at, of what it reads and of what it makes.
const DATASETS_MAX: usize = 1_000;
/// Characters of what a run says of its failure.
const WORDS_MAX: usize = 2_000;

/// An event, as far as it is read; whatever else stands in it is left alone.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape, not a value")]
pub(super) struct LineageEvent {
    /// What became of the run. An event without one tells of no run, and nothing follows from it.
    #[schemars(rename = "eventType")]
    event_type: Option<EventType>,
    /// When it was so.
    #[schemars(rename = "eventTime", with = "Instant")]
    event_time: (),
    run: Option<RunOfEvent>,
    job: Option<Named>,
    inputs: Option<Vec<Named>>,
    outputs: Option<Vec<Named>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a shape, not a value")]
enum EventType {
    Start,
    Running,
    Complete,
    Abort,
    Fail,
    Other,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape, not a value")]
struct RunOfEvent {
    /// A UUID.
    #[schemars(rename = "runId", regex(pattern = r"^[0-9A-Za-z-]{1,64}$"))]
    run_id: String,
    /// Of these `errorMessage` is read.
    facets: Option<Map<String, Value>>,
}

/// A job or a dataset.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape, not a value")]
struct Named {
    namespace: String,
    name: String,
}

/// The datasets of which events tell, by their names there, `NAMESPACE/NAME`.
pub(super) struct ToldOf(HashMap<String, Vec<Name>>);

impl ToldOf {
    /// Those of a configuration.
    pub(super) fn new(settings: &Settings) -> Self {
        let mut told_of: HashMap<String, Vec<Name>> = HashMap::new();
        for dataset in settings.datasets.values() {
            if let Some(name) = dataset.lineage_name() {
                told_of.entry(name.to_owned()).or_default().push(dataset.name.clone());
            }
        }
        Self(told_of)
    }
}

pub(super) async fn lineage(State(desk): State<Arc<Desk>>, asked: Asked) -> Result<Response, Trouble> {
    let (parts, body) = asked.into_parts();
    let body = body_within(body, EVENT_BYTES_MAX).await?;
    if !is_kind(&parts.headers, "application/json") {
        return Err(Trouble::Query(
            "send JSON, with content-type: application/json".to_owned(),
        ));
    }
    let told_of = desk.told_of().await?;
    // Others wait for less than a long event.
    match desk.compute(move || read(&body, &told_of)).await?? {
        Some(word) if !word.makes.is_empty() => Ok(document(&desk.tell(Request::Lineage(word)).await?)),
        Some(word) => Ok(document(&json!({ "run": word.run, "datasets": [] }))),
        None => Ok(document(&json!({ "run": null, "datasets": [] }))),
    }
}

fn read(body: &[u8], told_of: &ToldOf) -> Result<Option<LineageWord>, Trouble> {
    let event: Value = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Trouble::Query(format!("the event is no JSON: see line {line}, column {column}"))
    })?;
    word(&event, told_of)
}

/// What an event says of a run; nothing where it tells of none.
fn word(event: &Value, told_of: &ToldOf) -> Result<Option<LineageWord>, Trouble> {
    if !event.is_object() {
        return Err(misfit("", "an object, one event for each request"));
    }
    let at = text(event, "/eventTime")?;
    let at: Timestamp = at
        .parse()
        .map_err(|_| misfit("/eventTime", "an instant such as 2026-11-27T22:00:00Z"))?;
    // What tells of a dataset or a job alone, once and for all, has neither.
    if event.get("run").is_none() && event.get("eventType").is_none() {
        return Ok(None);
    }
    let run = text(event, "/run/runId")?;
    if !is_ping_run(run) {
        let words = format!("a UUID, or up to {PING_RUN_MAX} letters, digits and hyphens");
        return Err(misfit("/run/runId", &words));
    }
    let job = format!("{}/{}", text(event, "/job/namespace")?, text(event, "/job/name")?);
    let kind = match event.get("eventType").and_then(Value::as_str) {
        Some("START") => PingKind::Start,
        Some("COMPLETE") => PingKind::Success,
        Some("FAIL" | "ABORT") => PingKind::Fail,
        // What goes on is nothing that anybody waits for.
        Some("RUNNING" | "OTHER") => return Ok(None),
        _ => {
            let words = "one of `START`, `RUNNING`, `COMPLETE`, `ABORT`, `FAIL`, `OTHER`";
            return Err(misfit("/eventType", words));
        }
    };
    let why = event
        .pointer("/run/facets/errorMessage/message")
        .and_then(Value::as_str);
    let said: String = match (kind, why) {
        (PingKind::Fail, Some(why)) => {
            // The first line says what happened; behind it lies the trace of a program.
            let first = why.lines().map(str::trim).find(|line| !line.is_empty());
            format!("{job}: {}", first.unwrap_or("it does not say why"))
        }
        _ => job,
    };
    Ok(Some(LineageWord {
        kind,
        run: run.to_owned(),
        at,
        makes: datasets(event, "outputs", told_of)?,
        reads: datasets(event, "inputs", told_of)?,
        text: said.chars().take(WORDS_MAX).collect(),
    }))
}

/// Those datasets of a list that jobs.toml knows, each once.
fn datasets(event: &Value, list: &str, told_of: &ToldOf) -> Result<Vec<Name>, Trouble> {
    let listed = match event.get(list) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(listed)) if listed.len() <= DATASETS_MAX => listed,
        Some(_) => {
            let words = format!("a list of at most {DATASETS_MAX} datasets");
            return Err(misfit(&format!("/{list}"), &words));
        }
    };
    let mut names: Vec<Name> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for place in 0..listed.len() {
        let part = |key| text(event, &format!("/{list}/{place}/{key}"));
        let (namespace, name) = (part("namespace")?, part("name")?);
        let called = format!("{}/{}", namespace.trim_end_matches('/'), name.trim_start_matches('/'));
        let datasets = told_of.0.get(&called).into_iter().flatten();
        if seen.insert(called) {
            names.extend(datasets.cloned());
        }
    }
    Ok(names)
}

fn text<'a>(event: &'a Value, place: &str) -> Result<&'a str, Trouble> {
    let found = event.pointer(place).and_then(Value::as_str);
    found.ok_or_else(|| misfit(place, "a text"))
}

fn misfit(place: &str, wanted: &str) -> Trouble {
    let place = if place.is_empty() { "the event" } else { place };
    Trouble::Query(format!(
        "{place} is {wanted}, as in https://openlineage.io/spec/2-0-2/OpenLineage.json"
    ))
}
