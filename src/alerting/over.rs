//! The sentences of an end: what is over, and what of a team's own is not as promised all the same.

use std::collections::BTreeSet;

use super::acknowledged::taken_on_sentence;
use super::impact::reads_or_owns;
use super::made_from::share_of_made;
use super::readers::{is_source, own_of};
use super::sentences::{OTHERS_MAX, called_of, named};
use super::terms::state_words;
use super::titles::{data_called, job_called};
use super::words::{DataSide, Reading, Situation, is_about_disk, is_broken, is_own, owns, reads};
use crate::freshness::DataState;
use crate::model::{About, Incident, Name, ProblemKind, elapsed, format_age, format_time};

/// Datasets of a team that an end names as not as promised all the same.
const STILL_BROKEN_MAX: usize = 3;

/// That it is over, and who had taken it on; and before that, what of a team's own data is not as promised all the same.
pub(super) fn recovery_headline(is_impact: bool, team: &Name, situation: &Situation<'_>) -> String {
    let taken_on = taken_on_sentence(situation.incident, situation.zone);
    let over = match is_impact {
        true => over_sentence(None, situation) + &others_good_again(team, situation),
        false => over_sentence(mended(situation), situation) + &others_still_broken(team, situation),
    };
    let over = over + &taken_on;
    let broken = still_broken(team, situation);
    let Some(((reads, data), others)) = broken.split_first() else {
        return over;
    };
    let whose = reads_or_owns(*reads, situation);
    let goes_on = situation.goes_on_words(&data.dataset.name);
    let goes_on = goes_on.map_or_else(String::new, |words| format!("; {words}"));
    let others = numbered(situation, others, false);
    format!(
        "PARTLY OVER: {}, which {whose}, is still {}: {}{goes_on}.{} Only this is over: {over}",
        data_called(data.dataset),
        state_words(data.standing.state),
        data.standing.reason,
        named(" Not as promised either: ", &as_texts(&others), STILL_BROKEN_MAX - 1)
    )
}

/// The datasets of a team that are not as promised, and how it reads each: those that it reads first, then what it owns.
fn still_broken<'a>(team: &Name, situation: &'a Situation<'_>) -> Vec<(Option<&'a Reading>, &'a DataSide<'a>)> {
    let broken = situation.data.iter().filter(|data| is_broken(data));
    let broken = broken.map(|data| (reads(team, data, situation), data));
    let mut own: Vec<_> = broken
        .filter(|(reader, data)| reader.is_some() || owns(team, data))
        .collect();
    own.sort_by_key(|(reader, _)| reader.is_none());
    own
}

/// What else of a team's own is as promised, where the end is told by the first.
fn others_good_again(team: &Name, situation: &Situation<'_>) -> String {
    let others = situation.data.iter().skip(1);
    let good: Vec<&DataSide<'_>> = others
        .filter(|data| !is_broken(data) && is_own(team, data, situation))
        .collect();
    let names: BTreeSet<&Name> = good.iter().map(|data| &data.dataset.name).collect();
    match own_of(team, &names, situation).filter(|_| good.len() > OTHERS_MAX) {
        Some((own, _)) => format!(" As promised, too: {own}."),
        None => named(" As promised, too: ", &called_of(good.into_iter()), OTHERS_MAX),
    }
}

/// What was told with it and is as promised again, and whether that is more than one, for whoever answers for the cause.
fn mended(situation: &Situation<'_>) -> Option<(String, bool)> {
    let mended = situation.mended.iter().filter(|(name, _)| !is_source(name, situation));
    let (_, first) = mended.clone().next()?;
    let count = mended.count();
    Some((share_of_made(count, first, situation), count > 1))
}

/// What of others' that is made from it is not as promised all the same, each with the incident by which people are told of it.
fn others_still_broken(team: &Name, situation: &Situation<'_>) -> String {
    let is_theirs = |data: &&DataSide<'_>| {
        let name = &data.dataset.name;
        let goes_on = is_broken(data) && situation.goes_on.contains_key(name);
        goes_on && !is_own(team, data, situation) && !is_source(name, situation)
    };
    let here = situation.data.iter().filter(is_theirs);
    let here = here.map(|data| situation.numbered(data.dataset, false));
    let apart = situation.told_apart.values();
    let apart = apart.filter_map(|apart| Some(format!("{} (#{})", apart.called, apart.incident?)));
    let names: Vec<String> = apart.chain(here).collect();
    named(
        " Made from it and not as promised: ",
        &as_texts(&names),
        STILL_BROKEN_MAX,
    )
}

/// What of a team's own data is not as promised at the end, by title and name.
pub(super) fn still_broken_words(team: &Name, situation: &Situation<'_>) -> Option<String> {
    let names = numbered(situation, &still_broken(team, situation), true);
    let words = named("", &as_texts(&names), STILL_BROKEN_MAX);
    (!names.is_empty()).then(|| words.trim_end_matches('.').to_owned())
}

/// What is broken all the same, each with the incident by which it goes on, and in a line with its name.
fn numbered(situation: &Situation<'_>, broken: &[(Option<&Reading>, &DataSide<'_>)], with_name: bool) -> Vec<String> {
    let broken = broken
        .iter()
        .map(|(_, data)| situation.numbered(data.dataset, with_name));
    broken.collect()
}

fn as_texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Whether what would keep the promise of a dataset has failed, and the promise was kept all the while.
fn was_as_promised(incident: &Incident) -> bool {
    incident.about == About::Dataset && incident.kind == ProblemKind::Failed && incident.first_kind.is_none()
}

/// That it is over, and with it what was `mended`: in the same words where those are of data.
fn over_sentence(mended: Option<(String, bool)>, situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    let lasted = format_age(elapsed(incident.began(), incident.resolved_at.unwrap_or(situation.now)));
    if let Some(closed_by) = incident.closed_by() {
        // Nothing is known to be mended: it is only no longer watched, or nobody's problem.
        let unwatched = if situation.is_configured {
            ""
        } else {
            ", so freshd no longer watches it"
        };
        return format!("CLOSED after {lasted}: {} {closed_by}{unwatched}.", incident.subject);
    }
    let data = situation
        .data
        .first()
        .filter(|data| data.standing.state.keeps_promise());
    let by_hand = incident
        .resolution
        .as_ref()
        .map_or_else(String::new, |words| format!(", {words}"));
    let by_hand = match &incident.flapping {
        Some(flapping) => format!("{by_hand}, after it had come and gone {} times", flapping.times),
        None => by_hand,
    };
    let again = |mended: Option<(String, bool)>| {
        mended.map_or_else(String::new, |(mended, _)| format!(" As promised again: {mended}."))
    };
    match (data, &situation.job) {
        (Some(data), _) if data.current.is_some() || !data.dataset.parts.is_empty() => {
            let as_of = data.standing.effective_as_of.unwrap_or(situation.now);
            let state = state_words(data.standing.state);
            let is_so = match was_as_promised(incident) {
                true => "has arrived".to_owned(),
                false => format!("is {state} again"),
            };
            let is_alike = by_hand.is_empty() && !was_as_promised(incident) && state == state_words(DataState::Fresh);
            let (so, again) = match mended {
                Some((mended, are_many)) if is_alike => (
                    format!(", and so {} {mended}", if are_many { "are" } else { "is" }),
                    String::new(),
                ),
                mended => (String::new(), again(mended)),
            };
            format!(
                "RESOLVED after {lasted}: {} {is_so}, as of {}{so}{by_hand}.{again}",
                data_called(data.dataset),
                format_time(as_of, situation.zone)
            )
        }
        (_, Some(side)) if incident.resolution.is_some() => {
            format!(
                "RESOLVED after {lasted}: {}{by_hand}.{}",
                job_called(side.job),
                again(mended)
            )
        }
        (_, Some(side)) => format!(
            "RESOLVED after {lasted}: {} works again{by_hand}.{}",
            job_called(side.job),
            again(mended)
        ),
        _ if incident.kind == ProblemKind::ChannelBroken => {
            format!("RESOLVED after {lasted}: messages reach {} again.", incident.subject)
        }
        _ if is_about_disk(incident) => format!(
            "RESOLVED after {lasted}: the disk has room again. Jobs start again; what came due meanwhile is made up for as `catch_up` says."
        ),
        _ if !situation.is_configured => {
            format!(
                "RESOLVED after {lasted}: {} was well again, and is no longer in jobs.toml{by_hand}.",
                incident.subject
            )
        }
        _ => format!("RESOLVED after {lasted}: {}.", incident.subject),
    }
}
