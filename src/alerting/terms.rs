//! What the states of datasets are called in a message.

use super::words::DataSide;
use crate::freshness::{Breach, DataState};

/// A reason at the end of a sentence; it may be one itself, and ask something.
pub(super) fn ended(words: &str) -> String {
    let stop = if words.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{words}{stop}")
}

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
        Breach::Late => "becomes late",
        Breach::Stale => "goes stale",
    }
}

/// The same as the label of a line.
pub(super) fn breach_label(data: &DataSide<'_>) -> &'static str {
    match data.standing.breaks_as {
        Breach::Late => "Becomes late",
        Breach::Stale => "Goes stale",
    }
}
