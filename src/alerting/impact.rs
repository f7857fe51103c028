//! The sentences for those who do not answer for what is broken: what it is to them, and that it is good by now.

use super::sentences::{OTHERS_MAX, broken_sentence, named, names_of};
use super::titles::{called, data_called};
use super::words::{
    OwnerReach, Situation, concerns, is_broken, is_for_its_job, is_own, owns, reads, state_words, what_words, when,
};
use crate::model::{Name, Severity};

/// That what a team reads or owns is as promised by the time that it is told, if so: before anybody takes it for bad. The
/// cause may go on. Of a warning nothing was broken yet.
pub(super) fn good_by_now(team: &Name, situation: &Situation<'_>) -> Option<String> {
    let incident = situation.incident;
    let mut own = situation.data.iter().filter(|data| is_own(team, data, situation));
    if incident.severity < Severity::Critical || is_for_its_job(team, situation) || own.clone().any(is_broken) {
        return None;
    }
    let data = own.next()?;
    let whose = match reads(team, data, situation) {
        Some(reader) => format!("which {} reads", reader.who),
        None => "which you own".to_owned(),
    };
    let goes_on = match incident.ends_by() {
        Some(_) => String::new(),
        None => format!(" This is not over: {} {}.", called(situation), what_words(incident)),
    };
    Some(format!(
        "GOOD BY NOW: {}, {whose}, is {}: {}.{goes_on}",
        data_called(data.dataset),
        state_words(data.standing.state),
        data.standing.reason
    ))
}

pub(super) fn impact_sentence(team: &Name, situation: &Situation<'_>) -> String {
    let (reads, Some(data)) = concerns(team, situation) else {
        return broken_sentence(situation);
    };
    if is_for_its_job(team, situation) || reads.is_none() && !owns(team, data) {
        return broken_sentence(situation);
    }
    let mut text = format!(
        "{}, which {} {}, is {}: {}.",
        data_called(data.dataset),
        reads.map_or("you", |reader| reader.who.as_str()),
        if reads.is_some() { "reads" } else { "own" },
        state_words(data.standing.state),
        data.standing.reason
    );
    text.push_str(&others_broken(team, situation, &data.dataset.name));
    if let Some(reader) = reads.filter(|reader| reader.at.is_some()) {
        text.push_str(&format!(" {} reads it next {}.", reader.who, when(reader, situation)));
    }
    let known = match situation.owner_reach {
        OwnerReach::Told => " and has been told",
        OwnerReach::NotYet => " and is being told",
        OwnerReach::Nobody => "",
    };
    text.push_str(&format!(" {} answers for it{known}.", situation.owner));
    text
}

/// What else a team reads or owns that is not as promised.
fn others_broken(team: &Name, situation: &Situation<'_>, but: &Name) -> String {
    let others = situation
        .data
        .iter()
        .filter(|data| is_broken(data) && data.dataset.name != *but && is_own(team, data, situation));
    named(" Not as promised either: ", &names_of(others), OTHERS_MAX)
}
