//! The labelled lines of a message, below its sentences.

use jiff::tz::TimeZone;

use super::digest::down_words;
use super::words::{DataSide, Situation, data_title, is_broken, state_words, what_words, when};
use crate::freshness::DataState;
use crate::model::{Job, MessageFact, Name, Purpose, RUNBOOK, Run, Version, format_time};

/// Readers named in one message.
const READERS_MAX: usize = 12;

/// Datasets of which one message says how each stands; of the others it has the names.
const DETAILED_MAX: usize = 5;

/// Datasets named in one message.
const NAMED_MAX: usize = 200;

/// Characters of one line of names: less than the narrowest channel leaves of a line.
const NAMES_CHARS_MAX: usize = 900;

/// What, since when, data as of when, why, what was tried, who reads it next and when.
pub(super) fn facts(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> Vec<MessageFact> {
    let zone = situation.zone;
    let incident = situation.incident;
    let mut facts = Vec::new();
    let mut say = |label: &str, text: String| {
        facts.push(MessageFact {
            label: label.to_owned(),
            text,
        });
    };
    say("What", format!("{} {}", incident.subject, what_words(incident)));
    say("Since", format_time(incident.since, zone));
    let was_down = situation.was_down.filter(|(_, until)| incident.since <= *until);
    if let Some((from, until)) = was_down.filter(|_| purpose != Purpose::Recovery) {
        say("Told late", down_words(from, until, zone));
    }
    if let Some(ended) = incident.resolved_at {
        say("Until", format_time(ended, zone));
    }
    say("Why", incident.reason.clone());
    if let Some(flapping) = &incident.flapping {
        let since = format_time(flapping.since, zone);
        say("Flapping", format!("{} times since {since}", flapping.times));
    }
    for silence in &situation.silenced {
        say("Silenced", format!("{}, {}", silence.subject, silence.span_words(zone)));
    }
    if let Some(resolution) = &incident.resolution {
        say("Ended by", resolution.clone());
    }
    for names in named_only(purpose, situation) {
        say("Made from it", names);
    }
    for data in situation.data.iter().take(DETAILED_MAX) {
        let name = data_title(data.dataset);
        match data.current {
            Some(version) => {
                let limited = version
                    .limited_by
                    .as_ref()
                    .map_or_else(String::new, |by| format!(", limited by {by}"));
                let as_of = format_time(version.effective_as_of, zone);
                let arrived = format_time(version.arrived_at, zone);
                say("Data as of", format!("{as_of}{limited}: {name}"));
                say("Readers see", readers_see(data, version, &name, &arrived));
            }
            None if !data.dataset.parts.is_empty() => {
                let parts: Vec<&str> = data.dataset.parts.iter().map(Name::as_str).collect();
                say("Parts", parts.join(", "));
            }
            None => say("Readers see", format!("no version of {name} yet")),
        }
        match (is_broken(data), data.standing.deadline) {
            (true, _) => say(
                "Broken",
                format!(
                    "{name} is {}: {}",
                    state_words(data.standing.state),
                    data.standing.reason
                ),
            ),
            (false, Some(deadline)) if purpose != Purpose::Recovery => {
                say("Goes stale", format!("{name}, {}", format_time(deadline, zone)));
            }
            (false, _) => say("State", format!("{name} is {}", state_words(data.standing.state))),
        }
    }
    if let Some(side) = &situation.job
        && let Some(run) = side.run
    {
        say("Tried", tried(side.job, run, zone));
        if let Some((version, path)) = &situation.refused {
            say(
                "In quarantine",
                format!("{version}, {} of the state directory", path.display()),
            );
        }
        if let Some(message) = side
            .attempt
            .and_then(|attempt| attempt.report.iter().find(|(key, _)| key == "message"))
        {
            say("Job says", message.1.clone());
        }
    }
    for reader in situation.readers.iter().take(READERS_MAX) {
        let own = if reader.team == *team { " (you)" } else { "" };
        say(
            "Read by",
            format!("{}{own}, {}: {}", reader.who, when(reader, situation), reader.dataset),
        );
    }
    if situation.readers.len() > READERS_MAX {
        say("Read by", format!("and {} more", situation.readers.len() - READERS_MAX));
    }
    say("Owner", situation.owner.clone());
    let runbook = situation
        .job
        .and_then(|side| side.job.runbook.as_deref())
        .or_else(|| situation.data.iter().find_map(|data| data.dataset.runbook.as_deref()));
    if let Some(runbook) = runbook {
        say(RUNBOOK, runbook.to_owned());
    }
    facts
}

/// Every dataset that it concerns and that is not looked at in detail, by name, in lines that no channel cuts; which are
/// broken already is said behind each. What is over only concerns what was broken.
fn named_only(purpose: Purpose, situation: &Situation<'_>) -> Vec<String> {
    let stands = |name: &Name| situation.data.iter().find(|data| data.dataset.name == *name);
    let first = situation.data.first().map(|data| &data.dataset.name);
    let detailed = situation.data.iter().take(DETAILED_MAX);
    let detailed: Vec<&Name> = detailed.map(|data| &data.dataset.name).collect();
    let names: Vec<&Name> = match purpose {
        Purpose::Recovery => situation.data.iter().map(|data| &data.dataset.name).collect(),
        _ => situation
            .made_from_it
            .iter()
            .filter(|name| first != Some(*name))
            .collect(),
    };
    if names
        .iter()
        .all(|name| purpose == Purpose::Recovery && detailed.contains(name))
    {
        return Vec::new();
    }
    let mut lines = vec![match names.len() {
        1 => "1 dataset: ".to_owned(),
        count => format!("{count} datasets: "),
    }];
    for (place, name) in names.iter().enumerate() {
        if place == NAMED_MAX {
            let left_out = format!(
                "and {} more: freshd impact {}",
                names.len() - place,
                situation.incident.subject
            );
            lines.push(left_out);
            break;
        }
        let text = match stands(name)
            .map(|data| data.standing.state)
            .filter(|state| !state.keeps_promise())
        {
            Some(state) => format!("{name} ({})", state_words(state)),
            None => name.to_string(),
        };
        let is_last = place + 1 == names.len();
        let text = format!("{text}{}", if is_last { "" } else { ", " });
        match lines
            .last_mut()
            .filter(|line| line.chars().count() + text.chars().count() <= NAMES_CHARS_MAX)
        {
            Some(line) => line.push_str(&text),
            None => lines.push(text),
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// What lies where readers look: not the version that freshd put there, if others have changed that.
fn readers_see(data: &DataSide<'_>, version: &Version, name: &str, arrived: &str) -> String {
    let number = version.number;
    match data.standing.state {
        _ if version.left_at(data.dataset).is_some() => {
            format!("version {number} of {name}, arrived {arrived}, where it lay before its file was renamed")
        }
        _ if data.standing.is_served => format!("version {number} of {name}, arrived {arrived}"),
        DataState::Changed => format!("not version {number} of {name}, which arrived {arrived}"),
        _ => format!("version {number} of {name}, which arrived {arrived}, or something else: nobody can tell"),
    }
}

fn tried(job: &Job, run: &Run, zone: &TimeZone) -> String {
    let times = match run.attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let span = match (run.started_at, run.ended_at) {
        (Some(from), Some(to)) => format!(
            ", {} to {}",
            format_time(from, zone),
            zone.to_datetime(to).strftime("%H:%M")
        ),
        _ => String::new(),
    };
    format!("{times} of {}, run {}{span}", job.name, run.id)
}
