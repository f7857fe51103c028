//! How far something reaches: the sentences for those who do not answer for what is broken, what it is to them, and that it is
//! good by now; and how much is affected, where only a few words say so.

use super::made_from::{is_of_made, share_of_made};
use super::readers::{is_source, own_behind, reads_else, when};
use super::sentences::{OTHERS_MAX, broken_sentence, called_of, named};
use super::terms::{ended, state_words};
use super::titles::{called, data_called};
use super::words::{
    DataSide, OwnerReach, Reading, Situation, concerns, is_broken, is_for_its_job, is_own, owns, reads, what_words,
};
use crate::model::{About, Message, Name, Purpose, Severity};

/// Stands behind the name of whoever reads a message, before it ends or goes on with what they read.
pub(super) const YOU: &str = "(you";

/// The labels of lines that have it.
pub(super) const READ_BY: [&str; 2] = ["Read by", "Also read by"];

pub(super) const YOU_OWN: &str = "you own";

/// Behind how many they are.
const YOUR_JOBS_READ: &str = "of your jobs read";

/// A situation with the dataset in front by which it concerns a team that does not answer for it, and then what else is its
/// own; at the end, what of that is good again.
pub(super) fn as_read_by<'a>(purpose: Purpose, team: &Name, situation: &Situation<'a>) -> Situation<'a> {
    let mut seen = situation.clone();
    let is_others = |data: &DataSide<'_>| !is_own(team, data, situation);
    if purpose == Purpose::Recovery {
        let is_unread = |data: &DataSide<'_>| reads(team, data, situation).is_none();
        seen.data
            .sort_by_key(|data| (is_broken(data), is_unread(data), is_others(data)));
    } else {
        let first = concerns(team, situation).1.map(|data| &data.dataset.name);
        seen.data
            .sort_by_key(|data| (Some(&data.dataset.name) != first, is_others(data), !is_broken(data)));
    }
    seen
}

/// By what a dataset concerns a team: `trucks reads`, or `you own` where they read it who are the team.
pub(super) fn reads_or_owns(reads: Option<&Reading>, situation: &Situation<'_>) -> String {
    match reads {
        Some(reader) => match jobs_reading(reader, situation) {
            0 | 1 => format!("{} reads", reader.who),
            jobs => {
                let whose = match situation.is_meant {
                    true => YOUR_JOBS_READ.to_owned(),
                    false => others_jobs_read(&situation.team_called),
                };
                let first = if reader.at.is_some() { "first" } else { "among them" };
                format!("{jobs} {whose}, {} {first}", reader.who)
            }
        },
        None if situation.is_meant => YOU_OWN.to_owned(),
        None => others_own(&situation.team_called),
    }
}

/// How many jobs of a team read a dataset, where one of them stands for it.
fn jobs_reading(reader: &Reading, situation: &Situation<'_>) -> usize {
    let readers = situation.readers.iter().filter(|other| reader.is_job && other.is_job);
    readers
        .filter(|other| other.team == reader.team && other.dataset == reader.dataset)
        .count()
}

fn others_jobs_read(team: &str) -> String {
    format!("jobs of {team} read")
}

pub(super) fn others_own(team: &str) -> String {
    format!("{team} owns")
}

/// Makes words that were written to a team, which people call so, into words for somebody who reads them in its stead.
pub fn to_others(message: &mut Message, team: &str) {
    message.headline = message
        .headline
        .replace(&format!("which {YOU_OWN}"), &format!("which {}", others_own(team)))
        .replace(&format!(" {YOUR_JOBS_READ},"), &format!(" {},", others_jobs_read(team)));
    for fact in message
        .facts
        .iter_mut()
        .filter(|fact| READ_BY.contains(&fact.label.as_str()))
    {
        let text = fact.text.replace(&format!(" {YOU})"), "");
        fact.text = text.replace(&format!("{YOU}, "), "(");
    }
    for fact in message.facts.iter_mut().filter(|fact| is_of_made(&fact.label)) {
        let text = fact.text.replace(&format!(" ({YOU_OWN})"), "");
        fact.text = text.replace(&format!(", {YOU_OWN})"), ")");
    }
}

/// That what a team reads or owns is as promised by the time that it is told, if so: before anybody takes it for bad. The
/// cause may go on. Of a warning nothing was broken yet.
pub(super) fn good_by_now(team: &Name, situation: &Situation<'_>) -> Option<String> {
    let incident = situation.incident;
    let mut own = situation.data.iter().filter(|data| is_own(team, data, situation));
    if incident.severity < Severity::Critical || is_for_its_job(team, situation) || own.clone().any(is_broken) {
        return None;
    }
    let data = own.next()?;
    let whose = reads_or_owns(reads(team, data, situation), situation);
    let goes_on = match incident.ends_by() {
        Some(_) => String::new(),
        None => format!(" This is not over: {} {}.", called(situation), what_words(incident)),
    };
    Some(format!(
        "GOOD BY NOW: {}, which {whose}, is {}: {}.{goes_on}",
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
        "{}, which {}, is {}: {}",
        data_called(data.dataset),
        reads_or_owns(reads, situation),
        state_words(data.standing.state),
        ended(&data.standing.reason)
    );
    let name = &data.dataset.name;
    text.push_str(&own_behind(team, name, situation));
    if let Some(reader) = reads.filter(|reader| reader.at.is_some()) {
        text.push_str(&format!(" {} reads it next {}.", reader.who, when(reader, situation)));
    } else if let Some(reader) = first_behind(team, name, situation) {
        text.push_str(&format!(" {}.", reads_else(reader, name, "next", situation)));
    }
    let known = match situation.owner_reach {
        OwnerReach::Told => " and has been told",
        OwnerReach::NotYet => " and is being told",
        OwnerReach::Refused => " and could not be told: the fallback stands in",
        OwnerReach::Nobody => "",
    };
    text.push_str(&match situation.is_owned {
        true => format!(" {} answers for it{known}.", situation.owner),
        false => " Nobody answers for it: the fallback is told.".to_owned(),
    });
    // Behind what is said of the first, or nobody knew which of them is meant.
    text.push_str(&others_broken(team, situation, name));
    text
}

/// Who of a team is the first to read what is made from what it is told of.
fn first_behind<'a>(team: &Name, of: &Name, situation: &'a Situation<'_>) -> Option<&'a Reading> {
    let is_behind = |reader: &&Reading| reader.dataset != *of && situation.made_from_it.contains(&reader.dataset);
    let own = situation
        .readers
        .iter()
        .filter(|reader| reader.team == *team && reader.at.is_some());
    own.clone().find(is_behind)
}

/// That what an incident is about is broken, and so much of what is made from it: `Price base and 3 of the 40 datasets made
/// from it are stale.`
pub(super) fn broken_with_made(data: &DataSide<'_>, situation: &Situation<'_>) -> String {
    let (called, state) = (data_called(data.dataset), state_words(data.standing.state));
    match broken_made(data, situation) {
        Some(made) if made.is_alike => {
            let comma = if made.is_one { "," } else { "" };
            format!("{called} and {}{comma} are {state}.", made.words)
        }
        made => format!(
            "{called} is {state}.{}",
            made.as_ref().map_or_else(String::new, BrokenMade::either)
        ),
    }
}

/// The same of what is made from it, behind how that is which it is made from; of what is made from something else, what
/// else is broken.
pub(super) fn broken_beside(data: &DataSide<'_>, situation: &Situation<'_>) -> String {
    if !is_source(&data.dataset.name, situation) {
        let others = situation.data.iter();
        let others = others.filter(|other| is_broken(other) && other.dataset.name != data.dataset.name);
        return named(EITHER, &called_of(others), OTHERS_MAX);
    }
    match broken_made(data, situation) {
        Some(made) if made.is_alike => format!(" So {} {}.", if made.is_one { "is" } else { "are" }, made.words),
        made => made.as_ref().map_or_else(String::new, BrokenMade::either),
    }
}

/// What else is broken, in whatever way.
const EITHER: &str = " Not as promised either: ";

/// What is broken of that which is made from a dataset.
struct BrokenMade {
    /// How much of it.
    words: String,
    is_one: bool,
    /// Whether all of it is as that is.
    is_alike: bool,
}

impl BrokenMade {
    fn either(&self) -> String {
        format!("{EITHER}{}.", self.words)
    }
}

fn broken_made(data: &DataSide<'_>, situation: &Situation<'_>) -> Option<BrokenMade> {
    let is_made = |name: &Name| situation.made_from_it.contains(name) && !is_source(name, situation);
    let broken = situation.data.iter().filter(|other| is_broken(other));
    let broken: Vec<_> = broken.filter(|other| is_made(&other.dataset.name)).collect();
    let first = broken.first().filter(|_| is_source(&data.dataset.name, situation))?;
    let words = state_words(data.standing.state);
    Some(BrokenMade {
        words: share_of_made(broken.len(), data_called(first.dataset), situation),
        is_one: broken.len() == 1,
        is_alike: is_broken(data) && broken.iter().all(|other| state_words(other.standing.state) == words),
    })
}

/// What else a team reads or owns that is not as promised.
fn others_broken(team: &Name, situation: &Situation<'_>, but: &Name) -> String {
    let others = situation
        .data
        .iter()
        .filter(|data| is_broken(data) && data.dataset.name != *but && is_own(team, data, situation));
    named(EITHER, &called_of(others), OTHERS_MAX)
}

/// How much a cause affects beside what it is about: what of that is not as promised, by the first, and how much more is made from
/// it.
pub(super) fn extent_of_cause(situation: &Situation<'_>) -> Option<String> {
    let incident = situation.incident;
    let is_subject = |name: &Name| incident.about == About::Dataset && incident.subject == *name;
    let broken: Vec<&DataSide<'_>> = situation
        .data
        .iter()
        .filter(|data| is_broken(data) && !is_subject(&data.dataset.name))
        .collect();
    // What a job makes is not what is made from that.
    let product = situation.data.first().map(|data| &data.dataset.name);
    let is_counted =
        |name: &Name| is_subject(name) || Some(name) == product || broken.iter().any(|data| data.dataset.name == *name);
    let others = situation.made_from_it.iter().filter(|name| !is_counted(name)).count();
    let (are, datasets) = match others {
        1 => ("is", "dataset"),
        _ => ("are", "datasets"),
    };
    match (broken_words(&broken), others) {
        (broken, 0) => broken,
        (None, _) => Some(format!("{others} {datasets} {are} made from it")),
        (Some(broken), _) => Some(format!("{broken}, {others} more {are} made from it")),
    }
}

/// What else of that which a team reads or owns is not as promised.
pub(super) fn extent_of_own(team: &Name, but: &Name, situation: &Situation<'_>) -> Option<String> {
    let incident = situation.incident;
    // What it is about is named as the cause of the rest.
    let is_cause = |data: &DataSide<'_>| incident.about == About::Dataset && incident.subject == data.dataset.name;
    let mut others = others_of_own(team, but, situation);
    others.retain(|data| !is_cause(data));
    broken_words(&others)
}

/// How much of that which a team reads or owns is not as promised, by one of them.
pub(super) fn own_with_others(team: &Name, data: &DataSide<'_>, situation: &Situation<'_>) -> Option<String> {
    let mut broken = others_of_own(team, &data.dataset.name, situation);
    broken.insert(0, data);
    broken_words(&broken)
}

fn others_of_own<'a>(team: &Name, but: &Name, situation: &'a Situation<'_>) -> Vec<&'a DataSide<'a>> {
    let others = situation.data.iter();
    let others = others.filter(|data| is_broken(data) && data.dataset.name != *but && is_own(team, data, situation));
    others.collect()
}

/// `forecast and 39 more are stale`; nothing of nothing.
fn broken_words(broken: &[&DataSide<'_>]) -> Option<String> {
    let (first, others) = broken.split_first()?;
    let words = state_words(first.standing.state);
    let is_alike = others.iter().all(|data| state_words(data.standing.state) == words);
    let state = if is_alike { words } else { "not as promised" };
    let name = data_called(first.dataset);
    Some(match others.len() {
        0 => format!("{name} is {state}"),
        more => format!("{name} and {more} more are {state}"),
    })
}
