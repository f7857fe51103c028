//! Whether readers see what they should: files that others changed, names that changed, failures elsewhere.

use std::path::Path;

use jiff::Timestamp;

use super::standing::{DataState, Judged, View};
use crate::model::{Dataset, Name, Observation, PINGED, Version};

/// What the script that runs elsewhere has last said of its failure, and when. What it brought before is still there.
pub(super) fn failed_elsewhere<'a>(dataset: &Dataset, view: View<'a>) -> Option<(&'a str, Timestamp)> {
    let said = view.observation.filter(|_| dataset.is_told_of())?;
    // What a look found before the dataset was told of is not for its script to answer.
    let said = Some(said).filter(|said| said.path.as_deref() == Some(Path::new(PINGED)))?;
    Some((said.found.as_ref().err()?, said.at))
}

/// Why readers do not see the newest version of a dataset that is published here; `None` while they do.
pub(super) fn sight(dataset: &Dataset, view: View<'_>) -> Option<Judged> {
    let current = view.current.filter(|current| current.run.is_some())?;
    let file = dataset.file.as_deref().filter(|_| dataset.probe.is_none())?;
    // Whatever was seen elsewhere says nothing of this place.
    let seen = view.observation.filter(|seen| seen.path.as_deref() == Some(file));
    if let Some(left_at) = current.left_at(dataset) {
        return Some(renamed(current, (left_at, file), seen, view.producer));
    }
    let seen = seen?;
    let (file, number) = (file.display(), current.number);
    let (state, reason) = match &seen.found {
        Ok(Some(found)) if found.sha256 == current.sha256 => return None,
        Ok(Some(_)) => {
            let reason =
                format!("{file} was written over by somebody else: version {number} is no longer what readers see");
            (DataState::Changed, reason)
        }
        Ok(None) => {
            let reason = format!("{file} was removed by somebody else: nothing is served, where version {number} was");
            (DataState::Changed, reason)
        }
        Err(why) => {
            let reason = format!("nobody can tell whether readers still see version {number}: {why}");
            (DataState::Unknown, reason)
        }
    };
    Some((state, reason, Some(seen.at), true))
}

/// What it means that a dataset's file got another name, and nothing was published under it yet.
fn renamed(
    current: &Version,
    (left_at, file): (&Path, &Path),
    seen: Option<&Observation>,
    producer: Option<&Name>,
) -> Judged {
    let (number, shown) = (current.number, current.reference());
    let (left_at, file) = (left_at.display(), file.display());
    let (state, there) = match seen.map(|seen| &seen.found) {
        // Whoever renamed it may have moved the file along: a look tells within seconds.
        None => (
            DataState::Unknown,
            format!("nobody has looked yet at what lies at {file}"),
        ),
        Some(Ok(None)) => (DataState::Changed, format!("nothing at {file}")),
        Some(Ok(Some(_))) => {
            let there = format!("something that freshd did not publish lies at {file}");
            (DataState::Changed, there)
        }
        Some(Err(why)) => (
            DataState::Unknown,
            format!("nobody can tell what lies at {file}: {why}"),
        ),
    };
    let by_running = producer.map(|job| format!("`freshd run {job}` puts a new version there"));
    let by_hand = current
        .kept_as
        .as_ref()
        .map(|_| format!("`freshd restore {shown} --because TEXT` this one"));
    let remedies: Vec<String> = by_running.into_iter().chain(by_hand).collect();
    let remedy = match remedies.is_empty() {
        true => String::new(),
        false => format!("; {}", remedies.join(", ")),
    };
    let reason = format!("version {number} lies at {left_at}, {there}{remedy}");
    (state, reason, seen.map(|seen| seen.at), seen.is_some())
}
