//! A dataset that comes in parts: it stands as the worst of them does, and names those that are missing.

use super::{Breach, DataState, Standing};
use crate::model::Name;

/// Parts that are named in one sentence.
const NAMED_MAX: usize = 12;

/// States of parts, the worst first, with what is said of those that are in it.
const WORST_FIRST: [(DataState, &str); 9] = [
    (DataState::Changed, "changed"),
    (DataState::Late, "missing"),
    (DataState::Stale, "stale"),
    (DataState::Suspect, "suspect"),
    (DataState::Unknown, "unknown"),
    (DataState::Held, "held back"),
    (DataState::DueSoon, "due soon"),
    (DataState::Paused, "paused"),
    (DataState::Fresh, "fresh"),
];

/// How a dataset stands of which these are the parts, each by its short name; there is at least one.
pub fn of_parts(parts: &[(Name, Standing)]) -> Standing {
    let in_state = |state| parts.iter().filter(move |(_, part)| part.state == state);
    let state = WORST_FIRST.iter().map(|(state, _)| *state);
    let state = state
        .clone()
        .find(|state| in_state(*state).next().is_some())
        .unwrap_or(DataState::Unknown);
    let standings = || parts.iter().map(|(_, part)| part);
    // As old as the oldest part that there is.
    let oldest = standings().filter(|part| part.effective_as_of.is_some());
    let oldest = oldest.min_by_key(|part| part.effective_as_of);
    let breaks_first = standings().filter(|part| part.deadline.is_some());
    let breaks_first = breaks_first.min_by_key(|part| part.deadline);
    let problems = || in_state(state).filter(|(_, part)| part.is_problem);
    Standing {
        state,
        reason: reason(parts),
        as_of: standings().filter_map(|part| part.as_of).min(),
        effective_as_of: oldest.and_then(|part| part.effective_as_of),
        limited_by: oldest.and_then(|part| part.limited_by.clone()),
        arrived_at: standings().filter_map(|part| part.arrived_at).max(),
        is_served: standings().all(|part| part.is_served),
        deadline: breaks_first.and_then(|part| part.deadline),
        breaks_as: breaks_first.map_or(Breach::Stale, |part| part.breaks_as),
        since: problems().filter_map(|(_, part)| part.since).min(),
        state_since: problems().filter_map(|(_, part)| part.state_since).min(),
        reason_since: problems().filter_map(|(_, part)| part.reason_since).min(),
        is_problem: problems().next().is_some(),
        // It is looked at whenever one of them is.
        next_change: None,
    }
}

/// `2 of 5 parts are missing: alesund, tromso (alesund: the delivery due ... has not come)`; of one, `1 of 5 parts is missing:
/// alesund, the delivery due ... has not come`.
fn reason(parts: &[(Name, Standing)]) -> String {
    let all = parts.len();
    let mut said = Vec::new();
    for (state, word) in WORST_FIRST.iter().filter(|(state, _)| *state != DataState::Fresh) {
        let alike: Vec<&(Name, Standing)> = parts.iter().filter(|(_, part)| part.state == *state).collect();
        let Some((first, standing)) = alike.first() else {
            continue;
        };
        let mut names: Vec<&str> = alike.iter().take(NAMED_MAX).map(|(name, _)| name.as_str()).collect();
        let more = format!("{} more", alike.len().saturating_sub(NAMED_MAX));
        if alike.len() > NAMED_MAX {
            names.push(&more);
        }
        let reason = &standing.reason;
        said.push(match alike.len() {
            1 => format!("1 of {all} parts is {word}: {first}, {reason}"),
            count => {
                let names = names.join(", ");
                format!("{count} of {all} parts are {word}: {names} ({first}: {reason})")
            }
        });
    }
    match (said.is_empty(), all, parts.first()) {
        (true, 1, Some((_, only))) => only.reason.clone(),
        (true, ..) => format!("all {all} parts are as promised"),
        (false, ..) => said.join("; "),
    }
}
