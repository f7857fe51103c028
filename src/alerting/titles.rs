//! How a message calls a thing: by its title, where jobs.toml gives it one; with its name, by which it is typed, in a line
//! below.

use super::words::Situation;
use crate::model::{About, Dataset, Job};

/// Characters of a title that a subject shows.
const IN_SUBJECT_CHARS_MAX: usize = 80;

/// A job, in a sentence.
pub(super) fn job_called(job: &Job) -> &str {
    job.title.as_deref().unwrap_or(job.name.as_str())
}

/// A dataset, in a sentence.
pub(super) fn data_called(dataset: &Dataset) -> &str {
    dataset.title.as_deref().unwrap_or(dataset.name.as_str())
}

/// What an incident is about, in a sentence.
pub(super) fn called<'a>(situation: &Situation<'a>) -> &'a str {
    title(situation).unwrap_or(situation.incident.subject.as_str())
}

/// The same, so that whoever has read the title learns the name.
pub(super) fn called_and_named(situation: &Situation<'_>) -> String {
    with_name(title(situation), situation.incident.subject.as_str())
}

/// A dataset, so that whoever has read its title learns the name.
pub(super) fn data_called_and_named(dataset: &Dataset) -> String {
    with_name(dataset.title.as_deref(), dataset.name.as_str())
}

/// As much of it as a subject has room for, so that what is the matter stands behind it all the same.
pub(super) fn in_subject(called: &str) -> String {
    match called.char_indices().nth(IN_SUBJECT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", called[..end].trim_end()),
        None => called.to_owned(),
    }
}

fn title<'a>(situation: &Situation<'a>) -> Option<&'a str> {
    let subject = &situation.incident.subject;
    match situation.incident.about {
        About::Job => {
            let job = situation.job.map(|side| side.job);
            job.filter(|job| job.name == *subject)?.title.as_deref()
        }
        About::Dataset => {
            let mut datasets = situation.data.iter().map(|side| side.dataset);
            datasets.find(|dataset| dataset.name == *subject)?.title.as_deref()
        }
        About::Freshd => None,
    }
}

/// A title, with the name behind it; the name alone where there is none.
pub(super) fn with_name(title: Option<&str>, name: &str) -> String {
    match title {
        Some(title) => format!("{title} ({name})"),
        None => name.to_owned(),
    }
}
