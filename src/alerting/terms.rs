//! What jobs, datasets and their states are called in a message.

use super::words::DataSide;
use crate::freshness::DataState;
use crate::model::{Dataset, Job, Name};

/// The state of a dataset, behind `is`. Of what is late nobody knows that it is too old, and the other way round.
pub(super) fn state_words(state: DataState) -> &'static str {
    match state {
        DataState::Fresh | DataState::Paused | DataState::DueSoon => "fresh",
        DataState::Late => "late",
        DataState::Stale => "stale",
        DataState::Changed => "not what was published",
        DataState::Suspect => "suspect",
        DataState::Held => "held back",
        DataState::Unknown => "unknown",
    }
}

/// What becomes of a dataset whose promise holds, when the next one breaks.
pub(super) fn breach_words(data: &DataSide<'_>) -> &'static str {
    match data.standing.breaks_as {
        DataState::Late => "becomes late",
        _ => "goes stale",
    }
}

/// The same as the label of a line.
pub(super) fn breach_label(data: &DataSide<'_>) -> &'static str {
    match data.standing.breaks_as {
        DataState::Late => "Becomes late",
        _ => "Goes stale",
    }
}

pub(super) fn job_title(job: &Job) -> String {
    titled(job.title.as_deref(), &job.name)
}

pub(super) fn data_title(dataset: &Dataset) -> String {
    titled(dataset.title.as_deref(), &dataset.name)
}

fn titled(title: Option<&str>, name: &Name) -> String {
    match title {
        Some(title) => format!("{title} ({name})"),
        None => name.to_string(),
    }
}
