//! `/search`: jobs, datasets, systems and teams by what they are called, runs and incidents by their number, and what jobs
//! have printed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Trouble;
use super::desk::Desk;
use super::door::Who;
use super::pages::{self, Called, FindPage, PrintedLines};
use super::reading::query;
use super::search::{Bounds, look};
use super::visits::{Page, Shown, view};
use crate::model::{IncidentId, Name, RunId, Settings};
use crate::runner::LogSearch;

/// Names of one kind that are shown.
const NAMES_MAX: usize = 50;
/// Jobs whose outputs are looked through in one search, and what is looked at of each.
const JOBS_MAX: usize = 200;
const OF_EACH: Bounds = Bounds {
    lines: 5,
    looked_at_bytes: 8 << 20,
    answer_bytes: 16 << 10,
};
/// Bytes of outputs that one search looks at, about, and lines that it shows.
const LOOKED_AT_BYTES_MAX: u64 = 64 << 20;
const LINES_MAX: usize = 100;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    q: Option<String>,
    /// The job in whose outputs is looked; all of them when it is missing.
    job: Option<String>,
}

pub(super) async fn page(State(desk): State<Arc<Desk>>, who: Who, uri: Uri) -> Shown {
    let wanted = query::<Wanted>(&uri)?;
    let text = wanted.q.unwrap_or_default().trim().to_owned();
    let settings = desk.settings();
    let mut page = FindPage {
        called: called(&settings, &text),
        text: text.clone(),
        ..FindPage::default()
    };
    if let Some((kind, number)) = numbered(&text) {
        let found = desk.read(move |reader| {
            let run = match kind {
                Numbered::Incident => None,
                Numbered::Any | Numbered::Run => reader.run(RunId(number))?.map(|(run, _)| run),
            };
            let incident = match kind {
                Numbered::Run => None,
                Numbered::Any | Numbered::Incident => reader.incident(IncidentId(number))?,
            };
            Ok((run, incident))
        });
        (page.run, page.incident) = found.await?;
    }
    if !text.is_empty() {
        let jobs: Vec<Name> = match &wanted.job {
            Some(job) => settings
                .jobs
                .keys()
                .filter(|name| name.as_str() == job)
                .cloned()
                .collect(),
            None => settings.jobs.keys().take(JOBS_MAX).cloned().collect(),
        };
        let is_cut = wanted.job.is_none() && settings.jobs.len() > jobs.len();
        page.printed = printed(&desk, jobs, &text).await?;
        page.printed.is_cut |= is_cut;
    }
    Ok(Page::of(pages::find(&view(&desk, who), &page)))
}

/// What is called so, or has it in its title.
fn called(settings: &Settings, text: &str) -> Vec<Called> {
    if text.is_empty() {
        return Vec::new();
    }
    let text = text.to_lowercase();
    let fits = |name: &Name, title: Option<&str>| {
        name.as_str().to_lowercase().contains(&text) || title.is_some_and(|title| title.to_lowercase().contains(&text))
    };
    let of = |kind: &'static str, named: &[(&Name, Option<&str>)]| -> Vec<Called> {
        let fitting = named.iter().filter(|(name, title)| fits(name, *title));
        let shown = fitting.take(NAMES_MAX).map(|(name, title)| Called {
            kind,
            name: name.to_string(),
            title: title.map(ToOwned::to_owned),
        });
        shown.collect()
    };
    let jobs = settings.jobs.iter().map(|(name, job)| (name, job.title.as_deref()));
    let datasets = settings
        .datasets
        .iter()
        .map(|(name, dataset)| (name, dataset.title.as_deref()));
    let systems = settings
        .systems
        .iter()
        .map(|(name, system)| (name, system.title.as_deref()));
    let teams = settings.teams.iter().map(|(name, team)| (name, team.title.as_deref()));
    [
        of("dataset", &datasets.collect::<Vec<_>>()),
        of("job", &jobs.collect::<Vec<_>>()),
        of("system", &systems.collect::<Vec<_>>()),
        of("team", &teams.collect::<Vec<_>>()),
    ]
    .concat()
}

/// What a number in a search is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbered {
    Any,
    Run,
    Incident,
}

/// `976`, `#2`, `run 976`, `incident #2`: what is meant by a number, as people write it.
fn numbered(text: &str) -> Option<(Numbered, u64)> {
    let text = text.to_lowercase();
    let (kind, rest) = if let Some(rest) = text.strip_prefix("run ") {
        (Numbered::Run, rest)
    } else if let Some(rest) = text.strip_prefix("incident ") {
        (Numbered::Incident, rest)
    } else {
        (Numbered::Any, text.as_str())
    };
    let digits = rest.trim().trim_start_matches('#');
    Some((kind, digits.parse().ok()?))
}

/// What these jobs have printed with the text in it, the newest of each first.
async fn printed(desk: &Desk, jobs: Vec<Name>, text: &str) -> Result<PrintedLines, Trouble> {
    let search = LogSearch::new(text, true).map_err(Trouble::Query)?;
    let search = search.hiding(desk.settings().redactor.clone());
    let state_dir = desk.state_dir();
    desk.search(move || {
        let mut found = PrintedLines::default();
        for job in jobs {
            if found.lines.len() >= LINES_MAX || found.bytes >= LOOKED_AT_BYTES_MAX {
                found.is_cut = true;
                break;
            }
            // One that cannot be looked through hides no other.
            let Ok(of_job) = look(&state_dir, &job, &search, None, OF_EACH) else {
                found.is_cut = true;
                continue;
            };
            found.bytes += of_job.bytes;
            found.is_cut |= of_job.next.is_some() || !of_job.unreadable.is_empty();
            let lines = of_job.lines.into_iter().map(|(id, line)| (job.clone(), id.run, line));
            found.lines.extend(lines);
        }
        found
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_as_people_write_it() {
        assert_eq!(numbered("976"), Some((Numbered::Any, 976)));
        assert_eq!(numbered("#2"), Some((Numbered::Any, 2)));
        assert_eq!(numbered("Incident #2"), Some((Numbered::Incident, 2)));
        assert_eq!(numbered("run 976"), Some((Numbered::Run, 976)));
        assert_eq!(numbered("run away"), None);
        assert_eq!(numbered("stock"), None);
    }
}
