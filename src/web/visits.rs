//! One function for each page: reads what the page shows, and hands it to the view.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::Markup;
use schemars::JsonSchema;
use serde_json::Value;

use super::answer::Trouble;
use super::api::{Wanted, known_dataset, known_job, no_number, number};
use super::desk::Desk;
use super::door::Who;
pub(super) use super::incident_visits::{incident, incidents};
use super::incident_visits::{is_bad_end, told_of};
use super::output;
use super::pages::{self, DatasetPage, JobPage, RunPage, View, Visitor};
use super::reading::query;
use crate::model::{About, DatasetState, JobState, RunId, Version};
use crate::schedule;
use crate::store::{HistoryFilter, ReadError, Reader};

/// Runs, versions and slots that a page's pictures and lists are made from.
const ROWS_READ: u32 = 200;
/// Arrivals that a calendar of ages is made from, at most: eighteen weeks of one each ten minutes.
const ARRIVALS_READ: u32 = 20_000;
/// Occurrences to come.
const COMING_SHOWN: usize = 8;
/// Bytes of an output on a job's page, and on a run's.
const OUTPUT_SHORT: usize = 8 << 10;
const OUTPUT_LONG: usize = 256 << 10;
/// Lines of an output that goes on.
const LINES_LIVE_MAX: usize = 500;
/// Versions of a trace.
const TRACE_MAX: usize = 40;

type Asks = State<Arc<Desk>>;
pub(super) type Shown = Result<Page, Missing>;

/// A page as an answer.
pub(super) struct Page(pub(super) Markup);

impl Page {
    pub(super) fn of(markup: Markup) -> Self {
        Self(markup)
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        (kind, self.0.into_string()).into_response()
    }
}

/// Trouble as a page.
pub(super) struct Missing(Trouble);

impl From<Trouble> for Missing {
    fn from(trouble: Trouble) -> Self {
        Self(trouble)
    }
}

impl IntoResponse for Missing {
    fn into_response(self) -> Response {
        let page = Page(pages::trouble(&self.0, None));
        let mut response = (self.0.status(), self.0.retry_after(), page).into_response();
        response.extensions_mut().insert(Missed(Arc::new(self.0)));
        response
    }
}

/// Goes with a page of trouble to the door, which knows whose page it is.
#[derive(Clone)]
struct Missed(Arc<Trouble>);

/// Puts who is logged in at the head of a page of trouble, as on every other page.
pub(super) fn head_trouble(mut response: Response, who: Who) -> Response {
    if let Some(Missed(trouble)) = response.extensions_mut().remove::<Missed>() {
        let page = pages::trouble(&trouble, Some(&visitor(who))).into_string();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = page.into();
    }
    response
}

/// For nobody in particular.
pub(super) fn view_of(desk: &Desk) -> View {
    View {
        now: Timestamp::now(),
        zone: desk.settings().timezone.clone(),
        settings: Some(desk.settings()),
        visitor: Visitor::default(),
    }
}

/// For whoever is at the door.
pub(super) fn view(desk: &Desk, who: Who) -> View {
    View {
        visitor: visitor(who),
        ..view_of(desk)
    }
}

pub(super) fn visitor(who: Who) -> Visitor {
    Visitor {
        user: who.user().map(ToString::to_string),
        may_operate: who.may_operate(),
        said: who.said,
    }
}

pub(super) async fn now(State(desk): Asks, who: Who) -> Shown {
    let (known, view) = (desk.status().await?, view(&desk, who));
    written(&desk, move || pages::now(&view, &known.status)).await
}

#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Chosen {
    of: Option<String>,
}

pub(super) async fn flow(State(desk): Asks, who: Who, uri: Uri) -> Shown {
    let chosen = query::<Chosen>(&uri)?.of;
    let (flow, lineage, known) = (desk.flow().await?, desk.lineage().await?, desk.status().await?);
    let places = match &chosen {
        Some(called) => flow.places_of(called),
        None => Vec::new(),
    };
    if let Some(called) = chosen.filter(|_| places.is_empty()) {
        return Err(Trouble::unknown("node", &called, std::iter::empty()).into());
    }
    let view = view(&desk, who);
    written(&desk, move || {
        // Of a large map what is chosen is drawn alone.
        let is_part = flow.is_large() && !places.is_empty();
        let part = is_part.then(|| flow.part(&flow.lit_by(&places)));
        pages::flow(&view, &flow, part.as_ref(), &lineage, &known.status, &places)
    })
    .await
}

/// A page of everything, written on a thread that computes: it is long where there is much, and others wait for less.
async fn written(desk: &Desk, page: impl FnOnce() -> Markup + Send + 'static) -> Shown {
    Ok(Page(desk.compute(page).await?))
}

pub(super) async fn datasets(State(desk): Asks, who: Who) -> Shown {
    let (known, view) = (desk.status().await?, view(&desk, who));
    written(&desk, move || pages::datasets(&view, &known.status)).await
}

pub(super) async fn jobs(State(desk): Asks, who: Who) -> Shown {
    let (known, view) = (desk.status().await?, view(&desk, who));
    written(&desk, move || pages::jobs(&view, &known.status)).await
}

pub(super) async fn runs(State(desk): Asks, who: Who, uri: Uri) -> Shown {
    let filter = query::<Wanted>(&uri)?.filter();
    let wanted = filter.clone();
    let runs = desk.read(move |reader| reader.history(&filter)).await?;
    Ok(Page(pages::runs(&view(&desk, who), &runs, &wanted)))
}

pub(super) async fn job(State(desk): Asks, who: Who, Path(name): Path<String>) -> Shown {
    let job = known_job(&desk, &name)?;
    let state: JobState = read_part(&desk.why(&job.name).await?["job"])?;
    let filter = HistoryFilter {
        job: Some(job.name.clone()),
        limit: ROWS_READ,
        ..HistoryFilter::default()
    };
    let name = job.name.clone();
    let read = desk.read(move |reader| Ok((reader.history(&filter)?, told_of(reader, About::Job, &name, None)?)));
    let (runs, incidents) = read.await?;
    let printed = match runs.iter().find(|run| run.attempts > 0) {
        Some(last) => Some(output::of_run(&desk, last.id, OUTPUT_SHORT).await?),
        None => None,
    };
    let scheduled = job.clone();
    let settings = desk.settings();
    let coming = desk.compute(move || {
        let schedule = scheduled.schedule.as_deref();
        let mut coming = schedule.map_or_else(Vec::new, |schedule| {
            schedule::coming(schedule, Timestamp::now(), COMING_SHOWN)
        });
        for occurrence in &mut coming {
            schedule::note_window(occurrence, settings.maintenances_of(About::Job, &scheduled.name));
        }
        coming
    });
    let page = JobPage {
        job,
        state,
        runs,
        coming: coming.await?,
        printed,
        incidents,
    };
    Ok(Page(pages::job(&view(&desk, who), &page)))
}

pub(super) async fn run(State(desk): Asks, who: Who, Path(id): Path<String>) -> Shown {
    let id = number(&id, "run")?;
    let mut printed = output::of_run(&desk, RunId(id), OUTPUT_LONG).await?;
    // An open page fetches itself again while more is printed.
    if printed.of.as_ref().is_some_and(|(run, _)| run.outcome.is_none()) {
        printed.cut(LINES_LIVE_MAX);
    }
    let (run, attempts) = printed.of.take().ok_or_else(|| no_number("run", id))?;
    let settings = desk.settings();
    let produces = settings.jobs.get(&run.job).and_then(|job| job.produces.as_ref());
    let bad_end = run.ended_at.filter(|_| run.outcome.is_some_and(is_bad_end));
    let job = run.job.clone();
    let incidents = match bad_end {
        Some(at) => {
            desk.read(move |reader| told_of(reader, About::Job, &job, Some(at)))
                .await?
        }
        None => Vec::new(),
    };
    let page = RunPage {
        incidents,
        produces: produces.map(ToString::to_string),
        run,
        attempts,
        printed,
    };
    Ok(Page(pages::run(&view(&desk, who), &page)))
}

#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WantedLog {
    attempt: Option<u32>,
}

/// What an attempt printed, the last where none is meant, byte for byte, as text and nothing else; the end of it where it is
/// long.
pub(super) async fn log(State(desk): Asks, Path(id): Path<String>, uri: Uri) -> Result<Response, Missing> {
    let id = number(&id, "run")?;
    let attempt = query::<WantedLog>(&uri)?.attempt;
    let printed = output::of_attempt(&desk, RunId(id), attempt, output::BYTES_MAX)
        .await?
        .readable()?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, output::plain(&printed)).into_response())
}

pub(super) async fn dataset(State(desk): Asks, who: Who, Path(name): Path<String>) -> Shown {
    let name = known_dataset(&desk, &name)?;
    let settings = desk.settings();
    let dataset = settings.datasets.get(&name).cloned();
    let dataset = dataset.ok_or_else(|| Trouble::unknown("dataset", name.as_str(), std::iter::empty()))?;
    let state: DatasetState = read_part(&desk.why(&name).await?["dataset"])?;
    let current = state.version;
    let age_since = dataset
        .max_age
        .is_some()
        .then(|| pages::days_shown(&desk.settings().timezone, Timestamp::now()));
    let read = desk.read(move |reader| {
        let mut arrivals = match age_since {
            Some(since) => reader.arrivals_since(&name, since, ARRIVALS_READ)?,
            None => Vec::new(),
        };
        arrivals.reverse();
        let versions = reader.versions_of(&name, ROWS_READ)?;
        let slots = reader.slots_of(&name, ROWS_READ)?;
        let current = versions.iter().find(|version| Some(version.number.0) == current);
        let trace = match current {
            Some(current) => trace(reader, current)?,
            None => Vec::new(),
        };
        let incidents = told_of(reader, About::Dataset, &name, None)?;
        Ok((versions, arrivals, slots, trace, incidents))
    });
    let (versions, arrivals, slots, trace, incidents) = read.await?;
    let page = DatasetPage {
        dataset,
        state,
        lineage: desk.lineage().await?,
        versions,
        arrivals,
        slots,
        trace,
        incidents,
    };
    Ok(Page(pages::dataset(&view(&desk, who), &page)))
}

/// A version and what it was made from, depth first, each version once.
fn trace(reader: &Reader, version: &Version) -> Result<Vec<(usize, Version)>, ReadError> {
    let mut found: Vec<(usize, Version)> = Vec::new();
    let mut ahead = vec![(0, version.clone())];
    while let Some((depth, version)) = ahead.pop() {
        let is_known =
            |(_, known): &(usize, Version)| known.dataset == version.dataset && known.number == version.number;
        if found.len() == TRACE_MAX || found.iter().any(is_known) {
            continue;
        }
        for input in version.inputs.iter().rev() {
            ahead.extend(reader.bare_version(input)?.map(|input| (depth + 1, input)));
        }
        found.push((depth, version));
    }
    Ok(found)
}

/// What no route answers: to programs as JSON.
pub(super) async fn nothing(uri: Uri) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") {
        return Trouble::unknown("route", path, std::iter::empty()).into_response();
    }
    Missing(Trouble::unknown("page", path, std::iter::empty())).into_response()
}

/// A part of what the daemon said.
fn read_part<T: serde::de::DeserializeOwned>(part: &Value) -> Result<T, Trouble> {
    T::deserialize(part).map_err(|error| Trouble::Silent(format!("the daemon speaks another language: {error}")))
}
