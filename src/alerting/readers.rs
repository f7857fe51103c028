//! Who reads what is concerned, and when: a sentence about the first of them, how much of it is one team's own, and a line
//! for each.

use std::collections::BTreeSet;

use super::impact::{READ_BY, YOU, YOU_OWN, others_own};
use super::lines::in_lines;
use super::made_from::IN_ONE_LINE_MAX;
use super::words::{DataSide, Reading, Situation};
use crate::model::{About, Name, Purpose, format_time};

/// Readers with a line of their own in one message.
const READERS_MAX: usize = 12;
/// Readers at no known time that stand in a message by name.
const ALSO_READ_BY_MAX: usize = 6;
/// Datasets named in such a line; of more the first alone.
const READ_MAX: usize = 6;
/// Lines of names of one kind.
const NAMES_LINES_MAX: usize = 8;

/// Who reads a dataset first, of those who do at a known time; and who, before that, reads something else that its cause
/// concerns.
pub(super) fn first_readers(data: &DataSide<'_>, situation: &Situation<'_>) -> String {
    let mut timed = situation.readers.iter().filter(|reader| reader.at.is_some());
    let Some(first) = timed.clone().next() else {
        return String::new();
    };
    let Some(of_it) = timed.find(|reader| reader.dataset == data.dataset.name) else {
        return format!(" {}.", reads_else(first, &data.dataset.name, "next", situation));
    };
    let before = match of_it.at == first.at {
        true => String::new(),
        false => format!("; {}", reads_else(first, &data.dataset.name, "already", situation)),
    };
    format!(" {} reads it first, {}{before}.", of_it.who, when(of_it, situation))
}

/// That somebody reads something else than what a sentence is about, and what that has to do with it.
pub(super) fn reads_else(reader: &Reading, of: &Name, how: &str, situation: &Situation<'_>) -> String {
    let is_made = situation.made_from_it.contains(&reader.dataset) && !is_source(&reader.dataset, situation);
    let made = match (is_made, is_source(of, situation)) {
        (true, true) => ", which is made from it",
        (true, false) => ", which is made from the same",
        (false, _) => "",
    };
    let (who, called) = (&reader.who, &reader.called);
    format!("{who} reads {called}{made}, {how} {}", when(reader, situation))
}

/// Whether everything else that is concerned is made from a dataset.
pub(super) fn is_source(name: &Name, situation: &Situation<'_>) -> bool {
    let incident = situation.incident;
    match incident.about {
        About::Dataset => incident.subject == *name,
        About::Job => situation.job.and_then(|side| side.job.produces.as_ref()) == Some(name),
        About::Freshd => false,
    }
}

/// How many of the datasets that are made from one a team owns, and how many its systems read: where there are too many to
/// see that below.
pub(super) fn own_behind(team: &Name, of: &Name, situation: &Situation<'_>) -> String {
    if situation.made_from_it.len() <= IN_ONE_LINE_MAX || !is_source(of, situation) {
        return String::new();
    }
    let made: BTreeSet<&Name> = situation.made_from_it.iter().filter(|name| *name != of).collect();
    own_of(team, &made, situation).map_or_else(String::new, |(own, is_one)| {
        format!(" {own} {} made from it.", if is_one { "is" } else { "are" })
    })
}

/// How many of some datasets a team owns, how many more its systems read, and whether that is one: `13 datasets which you own
/// and 27 more which Sales desk reads`. Each counts once.
pub(super) fn own_of(team: &Name, names: &BTreeSet<&Name>, situation: &Situation<'_>) -> Option<(String, bool)> {
    let owned: BTreeSet<&Name> = situation.owned.iter().filter(|name| names.contains(name)).collect();
    let is_counted = |name: &Name| names.contains(name) && !owned.contains(name);
    let readers = situation.readers.iter();
    let readers = readers.filter(|reader| reader.team == *team && !reader.is_job && is_counted(&reader.dataset));
    let read: BTreeSet<&Name> = readers.clone().map(|reader| &reader.dataset).collect();
    let mut who: Vec<&str> = Vec::new();
    for reader in readers {
        if !who.contains(&reader.who.as_str()) {
            who.push(&reader.who);
        }
    }
    let own = match situation.is_meant {
        true => YOU_OWN.to_owned(),
        false => others_own(&situation.team_called),
    };
    let reads = match who.as_slice() {
        [] => String::new(),
        [one] => format!("{one} reads"),
        [first, second] => format!("{first} and {second} read"),
        [first, others @ ..] => format!("{first} and {} others read", others.len()),
    };
    let datasets = |count: usize| match count {
        1 => "1 dataset".to_owned(),
        count => format!("{count} datasets"),
    };
    let subject = match (owned.len(), read.len()) {
        (0, 0) => return None,
        (owned, 0) => format!("{} which {own}", datasets(owned)),
        (0, read) => format!("{} which {reads}", datasets(read)),
        (owned, read) => format!("{} which {own} and {read} more which {reads}", datasets(owned)),
    };
    Some((subject, owned.len() + read.len() == 1))
}

pub(super) fn when(reader: &Reading, situation: &Situation<'_>) -> String {
    reader
        .at
        .map_or_else(|| "at no known time".to_owned(), |at| format_time(at, situation.zone))
}

/// Who reads it: a line for each that reads at a known time, the first of them first; then the others, by name where they
/// are few.
pub(super) fn read_by(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> Vec<(&'static str, String)> {
    let own = |reader: &Reading| reader.team == *team;
    let (timed, mut others): (Vec<_>, Vec<_>) = situation.readers.iter().partition(|reader| reader.at.is_some());
    let lines = each_of(&timed);
    let mut told: Vec<(&'static str, String)> = Vec::new();
    // Whoever stands in for them is not who is meant.
    let is_you = |reader: &Reading| situation.is_meant && own(reader);
    for (reader, datasets) in lines.iter().take(READERS_MAX) {
        let you = if is_you(reader) {
            format!(" {YOU})")
        } else {
            String::new()
        };
        told.push((
            READ_BY[0],
            format!("{}{you}, {}: {}", reader.who, when(reader, situation), few(datasets)),
        ));
    }
    if lines.len() > READERS_MAX {
        told.push((READ_BY[0], format!("and {} more", lines.len() - READERS_MAX)));
    }
    others.sort_by_key(|reader| !own(reader));
    let mut each = each_of(&others);
    let jobs = match each.len() > ALSO_READ_BY_MAX {
        true => {
            let (jobs, named): (Vec<_>, Vec<_>) = each.into_iter().partition(|(reader, _)| reader.is_job);
            each = named;
            jobs_counted(jobs.iter().map(|(reader, _)| is_you(reader)))
        }
        false => Vec::new(),
    };
    // Of who reads nothing but the only dataset that it is about, there is no doubt.
    let only = match situation.data.as_slice() {
        [] => None,
        [only] => Some(only.dataset.name.as_str()),
        _ => Some(""),
    };
    let is_plain = |datasets: &[&str]| only.is_none_or(|only| datasets == [only]);
    // Whoever reads it is told what concerns them, and not who else there is.
    let shown = match purpose {
        Purpose::Impact => each.len().min(ALSO_READ_BY_MAX),
        _ => each.len(),
    };
    let left_out = each.len() - shown;
    let each = each[..shown]
        .iter()
        .map(|(reader, datasets)| match (is_you(reader), is_plain(datasets)) {
            (false, true) => reader.who.clone(),
            (true, true) => format!("{} {YOU})", reader.who),
            (false, false) => format!("{} ({})", reader.who, few(datasets)),
            (true, false) => format!("{} {YOU}, {})", reader.who, few(datasets)),
        });
    let named: Vec<String> = jobs.into_iter().chain(each).collect();
    let lines = in_lines(named.into_iter(), NAMES_LINES_MAX).into_iter();
    told.extend(lines.map(|line| (READ_BY[1], line)));
    if let Some((_, line)) = told.last_mut().filter(|_| left_out > 0) {
        line.push_str(&format!(" and {left_out} more"));
    }
    told
}

/// Each reader once for each time at which it reads, with what it reads then.
fn each_of<'a>(readers: &[&'a Reading]) -> Vec<(&'a Reading, Vec<&'a str>)> {
    let mut each: Vec<(&Reading, Vec<&str>)> = Vec::new();
    for reader in readers {
        let is_same = |(known, _): &&mut (&Reading, _)| {
            known.who == reader.who && known.team == reader.team && known.at == reader.at
        };
        match each.iter_mut().find(is_same) {
            Some((_, datasets)) => datasets.push(reader.dataset.as_str()),
            None => each.push((reader, vec![reader.dataset.as_str()])),
        }
    }
    each
}

/// How many jobs there are, those of whoever reads the message apart: `13 jobs (you)`, `27 other jobs`.
fn jobs_counted(is_yours: impl Iterator<Item = bool>) -> Vec<String> {
    let (yours, others): (Vec<bool>, Vec<bool>) = is_yours.partition(|is_yours| *is_yours);
    let jobs = |count: usize, other: &str| match count {
        0 => None,
        1 => Some(format!("1 {other}job")),
        count => Some(format!("{count} {other}jobs")),
    };
    let other = if yours.is_empty() { "" } else { "other " };
    let yours = jobs(yours.len(), "").map(|jobs| format!("{jobs} {YOU})"));
    yours.into_iter().chain(jobs(others.len(), other)).collect()
}

/// What somebody reads, by name where that is little.
fn few(datasets: &[&str]) -> String {
    match datasets {
        [first, others @ ..] if datasets.len() > READ_MAX => format!("{first} and {} more", others.len()),
        _ => datasets.join(", "),
    }
}
