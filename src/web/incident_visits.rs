//! `/incidents` and one of them: reads what the page shows, and hands it to the view.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use jiff::{SignedDuration, Timestamp};

use super::api::{no_number, number};
use super::desk::Desk;
use super::door::Who;
use super::output;
use super::pages::{self, IncidentList, IncidentPage, IncidentsPage};
use super::reading::query;
use super::visits::{Page, Shown, view};
use crate::model::{About, Incident, IncidentId, Name, Outcome, Run, Settings};
use crate::store::{HistoryFilter, Part, ReadError, Reader};

/// Incidents of each list.
const INCIDENTS_SHOWN: u32 = 100;
/// Messages that were given up, and as many are sent again at once.
pub(super) const DEAD_SHOWN: u32 = 100;
/// What one incident explains.
const EFFECTS_SHOWN: u32 = 200;
/// Silences of its subject.
const SILENCES_SHOWN: u32 = 50;
/// The newest incidents about one name, among which those that are meant are looked for.
const INCIDENTS_READ: u32 = 50;
/// Runs among which the one that failed is looked for.
const RUNS_READ: u32 = 200;
/// An incident begins when its run ends, or when that is known.
const NEAR: SignedDuration = SignedDuration::from_secs(5);
/// Bytes of that run's output.
const OUTPUT_BYTES: usize = 4 << 10;

#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Of those that are open, those before this number.
    open_before: Option<u64>,
    /// Of those that are over, those before this number.
    before: Option<u64>,
}

pub(super) async fn incidents(State(desk): State<Arc<Desk>>, who: Who, uri: Uri) -> Shown {
    let wanted = query::<Wanted>(&uri)?;
    let view = view(&desk, who);
    let (now, settings) = (view.now, desk.settings());
    let read = desk.read(move |reader| {
        let list = |part, before: Option<u64>| {
            let incidents = reader.incidents_of(part, before.map(IncidentId), INCIDENTS_SHOWN)?;
            let more = match incidents.last() {
                Some(last) => !reader.incidents_of(part, Some(last.id), 1)?.is_empty(),
                None => false,
            };
            Ok::<_, ReadError>(IncidentList {
                all: reader.incidents_counted(part)?.max(incidents.len()),
                incidents,
                has_more: more,
                before,
            })
        };
        Ok(IncidentsPage {
            causes: list(Part::Causes, wanted.open_before)?,
            explained: list(Part::Explained, None)?,
            over: list(Part::Over, wanted.before)?,
            explains_most: reader.explains_most()?,
            silences: reader.silences_standing(None, now, INCIDENTS_SHOWN)?,
            dead: reader.dead_messages(false, DEAD_SHOWN, &|address| settings.is_in_use(address))?,
        })
    });
    let page = read.await?;
    Ok(Page::of(pages::incidents(&view, &page)))
}

pub(super) async fn incident(State(desk): State<Arc<Desk>>, who: Who, Path(id): Path<String>) -> Shown {
    let id = number(&id, "incident")?;
    let read = desk.read(move |reader| {
        let Some(incident) = reader.incident(IncidentId(id))? else {
            return Ok(None);
        };
        let standing = reader.silences_standing(Some(&incident.subject), Timestamp::now(), 1)?;
        let mut silences = reader.silences(Some(&incident.subject), SILENCES_SHOWN)?;
        silences.retain(|silence| silence.over_at() > incident.since);
        let cause = match incident.cause {
            Some(cause) => reader.incident(cause)?,
            None => None,
        };
        let messages = reader.notifications_of(incident.id)?;
        let addresses = reader.addresses_by(&incident, &messages)?;
        let effects = reader.effects_of(incident.id, EFFECTS_SHOWN)?;
        let page = IncidentPage {
            is_silenced: !standing.is_empty(),
            addresses,
            messages,
            silences,
            // Some may be pruned between the two questions.
            effects_more: reader.effects_counted(incident.id)?.saturating_sub(effects.len()),
            effects,
            cause,
            owner: String::new(),
            readers: Vec::new(),
            printed: None,
            incident,
        };
        let run = failed_run(reader, page.cause.as_ref().unwrap_or(&page.incident))?;
        Ok(Some((page, run)))
    });
    let (mut page, run) = read.await?.ok_or_else(|| no_number("incident", id))?;
    if let Some(run) = run {
        page.printed = Some(output::of_run(&desk, run.id, OUTPUT_BYTES).await?);
    }
    page.owner = owner(&desk.settings(), &page.incident);
    // Who reads next is known of what goes on; a page about what is over has no need of it.
    let known = desk.status().await?;
    if let Some(open) = known.status.incidents.iter().find(|open| open.id == id) {
        page.owner.clone_from(&open.owner);
        page.readers.clone_from(&open.readers);
    }
    Ok(Page::of(pages::incident(&view(&desk, who), &page)))
}

/// Incidents about a job or dataset, each with what explains it: those that go on, or those that were not over at an instant.
pub(super) fn told_of(
    reader: &Reader,
    about: About,
    name: &Name,
    at: Option<Timestamp>,
) -> Result<Vec<(Incident, Option<Incident>)>, ReadError> {
    let is_meant = |incident: &Incident| match at {
        None => incident.resolved_at.is_none(),
        Some(at) => incident.since.duration_since(at) <= NEAR && incident.resolved_at.is_none_or(|over| over >= at),
    };
    let all = reader.incidents_about(about, name, INCIDENTS_READ)?;
    let mut told = Vec::new();
    for incident in all.into_iter().filter(is_meant) {
        let cause = match incident.cause {
            Some(cause) => reader.incident(cause)?,
            None => None,
        };
        told.push((incident, cause));
    }
    Ok(told)
}

/// Whether a run that ended so may have an incident.
pub(super) fn is_bad_end(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Succeeded | Outcome::Skipped | Outcome::Cancelled)
}

/// The run by whose end a job's incident began or went on: the newest bad one in its time.
fn failed_run(reader: &Reader, incident: &Incident) -> Result<Option<Run>, ReadError> {
    if incident.about != About::Job || incident.drill.is_some() {
        return Ok(None);
    }
    let runs = reader.history(&HistoryFilter {
        job: Some(incident.subject.clone()),
        limit: RUNS_READ,
        ..HistoryFilter::default()
    })?;
    let is_in_its_time = |at: Timestamp| {
        at.duration_since(incident.since) >= -NEAR && incident.resolved_at.is_none_or(|over| at <= over)
    };
    Ok(runs.into_iter().find(|run| {
        run.outcome.is_some_and(is_bad_end) && run.attempts > 0 && run.ended_at.is_some_and(is_in_its_time)
    }))
}

/// Who answers for the subject as it is configured now; nobody in particular where it is gone.
fn owner(settings: &Settings, incident: &Incident) -> String {
    let name = &incident.subject;
    let owner = match incident.about {
        About::Job => settings.jobs.get(name).map(|job| job.owner.as_str().to_owned()),
        About::Dataset => settings
            .datasets
            .get(name)
            .map(|dataset| dataset.owner.as_str().to_owned()),
        About::Freshd => None,
    };
    owner.unwrap_or_default()
}
