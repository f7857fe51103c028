//! The lines about a dataset that comes in parts: which part is bad, and as of when the whole is.

use super::terms::state_words;
use super::titles::data_called_and_named;
use super::words::{DataSide, PartSide, Situation};
use crate::freshness::DataState;
use crate::model::{Name, format_time};

/// Parts that are named of those which stand alike.
const NAMED_MAX: usize = 20;

/// As of when it is, what readers see, and how each part stands.
pub(super) fn parts_facts(data: &DataSide<'_>, situation: &Situation<'_>, say: &mut impl FnMut(&str, String)) {
    let parts = situation.parts.get(&data.dataset.name).map_or(&[][..], Vec::as_slice);
    let name = data_called_and_named(data.dataset);
    let dated = parts.iter().filter_map(|part| Some((part.as_of?, &part.name)));
    if let Some((as_of, oldest)) = dated.min_by_key(|(as_of, _)| *as_of) {
        let as_of = format_time(as_of, situation.zone);
        say(
            "Data as of",
            format!("{as_of}, that of its oldest part, {oldest}: {name}"),
        );
    }
    let is_served = data.standing.is_served;
    let seen = match data.standing.arrived_at.map(|at| format_time(at, situation.zone)) {
        None => format!("no version of any part of {name} yet"),
        Some(arrived) if is_served => format!("the last version of each part of {name}, the newest arrived {arrived}"),
        Some(arrived) => format!("not the last version of each part of {name}, of which the newest arrived {arrived}"),
    };
    say("Readers see", seen);
    let text = match parts.is_empty() {
        true => listed(&data.dataset.parts.iter().collect::<Vec<_>>()),
        false => in_groups(parts),
    };
    say("Parts", text);
}

/// `bergen stale; alesund, tromso fresh`: what is not as promised comes first.
fn in_groups(parts: &[PartSide]) -> String {
    let mut groups: Vec<(DataState, Vec<&Name>)> = Vec::new();
    for part in parts {
        let is_alike = |state: DataState| state_words(state) == state_words(part.state);
        match groups.iter_mut().find(|(state, _)| is_alike(*state)) {
            Some((_, names)) => names.push(&part.name),
            None => groups.push((part.state, vec![&part.name])),
        }
    }
    groups.sort_by_key(|(state, _)| state.keeps_promise());
    let groups = groups.iter();
    let said = groups.map(|(state, names)| format!("{} {}", listed(names), state_words(*state)));
    said.collect::<Vec<_>>().join("; ")
}

fn listed(names: &[&Name]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).map(|name| name.as_str()).collect();
    let more = names.len() - shown.len();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &more
}
