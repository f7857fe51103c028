//! `/api/v1`: what `--json` prints, for programs. Reads only.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Trouble, document};
use super::desk::Desk;
use super::flow::Node;
use super::output;
use super::pages::{States, node_state};
use super::reading::query;
use crate::model::{
    About, Delivery, Incident, IncidentId, Job, Name, Notification, Occurrence, Outcome, RunId, Schedule,
    incident_line, occurrence_line, run_document, run_line,
};
use crate::schedule;
use crate::store::HistoryFilter;

/// Rows of one answer.
const ROWS_MAX: u32 = 1_000;
/// Rows where nobody says how many.
const ROWS_USUAL: u32 = 50;

type Answer = Result<Response, Trouble>;
type Asks = State<Arc<Desk>>;

pub(super) async fn health(State(desk): Asks) -> Response {
    match desk.status().await {
        Ok(known) => match known.status.found_of_itself() {
            found if found.is_empty() => "ok\n".into_response(),
            found => {
                let found = found.join("\n");
                (axum::http::StatusCode::SERVICE_UNAVAILABLE, format!("{found}\n")).into_response()
            }
        },
        Err(trouble) => (trouble.status(), format!("{}\n", trouble.words())).into_response(),
    }
}

pub(super) async fn status(State(desk): Asks) -> Answer {
    Ok(desk.status().await?.document.whole())
}

pub(super) async fn jobs(State(desk): Asks) -> Answer {
    Ok(desk.status().await?.document.jobs())
}

pub(super) async fn datasets(State(desk): Asks) -> Answer {
    Ok(desk.status().await?.document.datasets())
}

pub(super) async fn job(State(desk): Asks, Path(name): Path<String>) -> Answer {
    Ok(document(&desk.why(&known_job(&desk, &name)?.name).await?))
}

pub(super) async fn dataset(State(desk): Asks, Path(name): Path<String>) -> Answer {
    Ok(document(&desk.why(&known_dataset(&desk, &name)?).await?))
}

/// The configured job of that name.
pub(super) fn known_job(desk: &Desk, name: &str) -> Result<Arc<Job>, Trouble> {
    let settings = desk.settings();
    let known = || settings.jobs.keys().map(Name::as_str);
    let job = settings.jobs.get(name).cloned();
    job.ok_or_else(|| Trouble::unknown("job", name, known()))
}

/// The configured dataset of that name.
pub(super) fn known_dataset(desk: &Desk, name: &str) -> Result<Name, Trouble> {
    let settings = desk.settings();
    let known = || settings.datasets.keys().map(Name::as_str);
    let dataset = settings.datasets.get(name).map(|dataset| dataset.name.clone());
    dataset.ok_or_else(|| Trouble::unknown("dataset", name, known()))
}

/// How many rows, and of what.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Of this job alone.
    job: Option<String>,
    /// That ended so.
    outcome: Option<Outcome>,
    /// Since this instant, in RFC 3339.
    #[schemars(with = "Option<crate::model::Instant>")]
    since: Option<Timestamp>,
    /// At most so many.
    limit: Option<Rows>,
}

impl Wanted {
    pub(super) fn filter(&self) -> HistoryFilter {
        HistoryFilter {
            job: self.job.as_deref().map(Name::from),
            since: self.since,
            outcome: self.outcome,
            limit: rows(self.limit),
        }
    }
}

/// How many rows are wanted: at least one, and no more than one answer may hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Rows(u32);

impl TryFrom<u32> for Rows {
    type Error = &'static str;

    fn try_from(wanted: u32) -> Result<Self, Self::Error> {
        let is_possible = (1..=ROWS_MAX).contains(&wanted);
        is_possible.then_some(Self(wanted)).ok_or("no answer has so many rows")
    }
}

impl JsonSchema for Rows {
    fn schema_name() -> Cow<'static, str> {
        "Rows".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "uint32", "minimum": 1, "maximum": ROWS_MAX })
    }
}

/// As many rows as are wanted.
pub(super) fn rows(wanted: Option<Rows>) -> u32 {
    wanted.map_or(ROWS_USUAL, |rows| rows.0)
}

pub(super) async fn runs(State(desk): Asks, uri: Uri) -> Answer {
    let filter = query::<Wanted>(&uri)?.filter();
    let runs = desk.read(move |reader| reader.history(&filter)).await?;
    let lines: Vec<Value> = runs.iter().map(run_line).collect();
    Ok(document(&json!({ "runs": lines })))
}

pub(super) async fn run(State(desk): Asks, Path(id): Path<String>) -> Answer {
    let id = number(&id, "run")?;
    let found = desk.read(move |reader| reader.run(RunId(id))).await?;
    let (run, attempts) = found.ok_or_else(|| no_number("run", id))?;
    Ok(document(&run_document(&run, &attempts)))
}

/// A number of a path.
pub(super) fn number(text: &str, what: &'static str) -> Result<u64, Trouble> {
    text.parse()
        .map_err(|_| Trouble::unknown(what, text, std::iter::empty()))
}

/// That nothing has this number.
pub(super) fn no_number(what: &'static str, id: u64) -> Trouble {
    Trouble::unknown(what, &id.to_string(), std::iter::empty())
}

/// The last attempt's output, as `freshd logs --json` prints it: the last of it where it is long.
pub(super) async fn log(State(desk): Asks, Path(id): Path<String>) -> Answer {
    let id = number(&id, "run")?;
    let found = output::of_run(&desk, RunId(id), output::BYTES_MAX).await?.readable()?;
    let attempt = found.attempt();
    let mut text = String::new();
    for line in &found.lines {
        text.push_str(&format!("{}\n", output::line_document(attempt, line)));
    }
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], text).into_response())
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limited {
    /// At most so many, the newest first.
    limit: Option<Rows>,
}

pub(super) async fn versions(State(desk): Asks, Path(name): Path<String>, uri: Uri) -> Answer {
    let name = known_dataset(&desk, &name)?;
    let limit = rows(query::<Limited>(&uri)?.limit);
    let versions = desk.read(move |reader| reader.versions_of(&name, limit)).await?;
    Ok(document(&json!({ "versions": versions })))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedIncidents {
    /// Those that are over, too.
    all: Option<bool>,
    /// At most so many.
    limit: Option<Rows>,
}

pub(super) async fn incidents(State(desk): Asks, uri: Uri) -> Answer {
    let wanted = query::<WantedIncidents>(&uri)?;
    let (open_only, limit) = (!wanted.all.unwrap_or(false), rows(wanted.limit));
    let lines = desk.read(move |reader| {
        let incidents = reader.incidents(open_only, limit)?;
        let line = |incident: &Incident| Ok(incident_line(incident, &reader.addresses_of(incident)?));
        incidents.iter().map(line).collect::<Result<Vec<_>, _>>()
    });
    Ok(document(&json!({ "incidents": lines.await? })))
}

pub(super) async fn incident(State(desk): Asks, Path(id): Path<String>) -> Answer {
    let id = number(&id, "incident")?;
    let found = desk.read(move |reader| {
        let Some(incident) = reader.incident(IncidentId(id))? else {
            return Ok(None);
        };
        let addresses = reader.addresses_of(&incident)?;
        let messages = reader.notifications_of(incident.id)?;
        Ok(Some((incident_line(&incident, &addresses), messages)))
    });
    let (incident, messages) = found.await?.ok_or_else(|| no_number("incident", id))?;
    let line = |(notification, deliveries): &(Notification, Vec<Delivery>)| json!({ "notification": notification, "deliveries": deliveries });
    let messages: Vec<Value> = messages.iter().map(line).collect();
    Ok(document(&json!({ "incident": incident, "messages": messages })))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedSilences {
    /// Of this name alone.
    name: Option<String>,
    /// Those that are over, too.
    all: Option<bool>,
    /// At most so many.
    limit: Option<Rows>,
}

pub(super) async fn silences(State(desk): Asks, uri: Uri) -> Answer {
    let wanted = query::<WantedSilences>(&uri)?;
    let (name, limit) = (wanted.name.as_deref().map(Name::from), rows(wanted.limit));
    let silences = desk.read(move |reader| match wanted.all {
        Some(true) => reader.silences(name.as_ref(), limit),
        Some(false) | None => reader.silences_standing(name.as_ref(), Timestamp::now(), limit),
    });
    Ok(document(&json!({ "silences": silences.await? })))
}

pub(super) async fn flow(State(desk): Asks) -> Answer {
    let (flow, known) = (desk.flow().await?, desk.status().await?);
    let states = States::of(&known.status);
    let state = |node: &Node| node_state(node, &states).map(|(_, word)| word);
    Ok(document(&flow.graph.to_json(state)))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedOccurrences {
    /// Of this job alone.
    job: Option<String>,
    /// At most so many.
    count: Option<Rows>,
}

pub(super) async fn occurrences(State(desk): Asks, uri: Uri) -> Answer {
    let wanted = query::<WantedOccurrences>(&uri)?;
    let count = rows(wanted.count) as usize;
    let jobs: Vec<Arc<Job>> = match &wanted.job {
        Some(name) => vec![known_job(&desk, name)?],
        None => {
            let settings = desk.settings();
            settings.jobs.values().filter(|job| job.enabled).cloned().collect()
        }
    };
    let settings = desk.settings();
    let known = desk.status().await?;
    let found = desk.compute(move || {
        let paused = known.status.jobs.iter().filter(|job| job.paused);
        let paused: HashSet<&str> = paused.map(|job| job.name.as_str()).collect();
        let scheduled: Vec<(&Job, &Schedule)> = jobs
            .iter()
            .filter_map(|job| Some((&**job, job.schedule.as_deref()?)))
            .collect();
        let schedules: Vec<&Schedule> = scheduled.iter().map(|(_, schedule)| *schedule).collect();
        let coming = schedule::merged(&schedules, Timestamp::now(), count);
        let line = |(index, mut occurrence): (usize, Occurrence)| {
            let job = scheduled[index].0;
            schedule::note_window(&mut occurrence, settings.maintenances_of(About::Job, &job.name));
            let mut line = occurrence_line(Some(&job.name), job.start_offset, &occurrence);
            if paused.contains(job.name.as_str()) {
                skipped_while_paused(&mut line);
            }
            line
        };
        coming.into_iter().map(line).collect::<Vec<Value>>()
    });
    Ok(document(&json!({ "occurrences": found.await? })))
}

/// Says of an occurrence that would be started that it is not, as long as its job is paused.
fn skipped_while_paused(line: &mut Value) {
    if !line["skip"].is_null() {
        return;
    }
    let words = "skipped while it is paused";
    let note = line["note"].as_str().map(|note| format!("{note}; {words}"));
    line["skip"] = "paused".into();
    line["starts_at"] = Value::Null;
    line["note"] = note.unwrap_or_else(|| words.to_owned()).into();
}
