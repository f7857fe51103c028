//! The labelled lines of a message, below its sentences.

use std::collections::BTreeSet;

use super::acknowledged::{escalations, taken_on, taken_on_words};
use super::at_first::{was_and_at_first, what_and_at_first};
use super::digest::{CAUSE, TOLD_LATE, down_words};
use super::made_from::{made_from_it, named};
use super::over::still_broken_words;
use super::parts::parts_facts;
use super::quiet_cause::told_cause_words;
use super::readers::read_by;
use super::terms::{breach_label, state_words};
use super::titles::{called_and_named, data_called_and_named};
use super::words::{DataSide, JobSide, Situation, is_broken, is_reader, was_words};
use crate::freshness::DataState;
use crate::model::{
    About, CLOSED_BY, MessageFact, Name, ProblemKind, Purpose, RUNBOOK, Run, STILL_BROKEN, TAKEN_ON, Version, WHAT,
    WHY, format_time,
};

/// Datasets of which everything is said in one message: those next to the cause.
const DATASETS_MAX: usize = 3;
/// Characters of names in one line.
const NAMES_CHARS_MAX: usize = 400;
/// What, since when, why and who answers; then data as of when, what was tried, who reads it next and when.
///
/// A reader sees the first of them without scrolling, and where something has to be left out it is the last.
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
    if let Some(names) = still_broken_words(team, situation).filter(|_| purpose == Purpose::Recovery) {
        say(STILL_BROKEN, names);
    }
    // Whoever was told of something else is not to take this for how it is now.
    let is_other = purpose == Purpose::Recovery && incident.kind_since > Some(incident.since);
    let what = match purpose {
        Purpose::Recovery if is_other && incident.first_kind.is_none() => {
            format!("{}, after something else was wrong with it", was_words(incident))
        }
        Purpose::Recovery => was_and_at_first(incident),
        _ => what_and_at_first(incident),
    };
    say(WHAT, format!("{} {what}", called_and_named(situation)));
    // Whose data it is asks since when that is wrong, and not when what broke it began.
    match is_reader(purpose, team, situation) {
        true => say("Since", format_time(incident.began(), zone)),
        false => say("Since", incident.since_words(|at| format_time(at, zone))),
    }
    // Also where what has failed since is told with what broke meanwhile.
    let begun = situation.data.iter().filter(|data| is_broken(data));
    let begun = begun.filter_map(|data| data.standing.reason_since);
    let begun = begun.chain([incident.since]).min();
    let was_down = situation.was_down.filter(|(_, until)| begun <= Some(*until));
    if let Some((from, until)) = was_down.filter(|_| purpose != Purpose::Recovery) {
        say(TOLD_LATE, down_words(from, until, zone));
    }
    if let Some(ended) = incident.resolved_at {
        say("Until", format_time(ended, zone));
    }
    say(WHY, situation.why.clone());
    for (label, rule) in broken_rules(purpose, team, situation) {
        say(label, rule);
    }
    if let Some((side, run)) = situation.job.and_then(|side| Some((side, side.going?)))
        && purpose != Purpose::Recovery
    {
        let state = run.state.as_str().replace('_', " ");
        let since = run.started_at.map(|at| format!(" since {}", format_time(at, zone)));
        let since = since.unwrap_or_default();
        say(
            "Under way",
            format!("run {} of {}, {state}{since}", run.id, side.job.name),
        );
    }
    if let Some(flapping) = &incident.flapping {
        let since = format_time(flapping.since, zone);
        let well = flapping
            .well_since
            .map(|at| format!(", well since {}", format_time(at, zone)));
        let well = well.unwrap_or_default();
        say("Flapping", format!("{} times since {since}{well}", flapping.times));
    }
    let told_cause = || situation.told_cause.map(told_cause_words);
    let cause = situation.quiet_cause.clone().or_else(told_cause);
    if let Some(cause) = cause.filter(|_| purpose != Purpose::Recovery) {
        say(CAUSE, cause);
    }
    for silence in &situation.silenced {
        say("Silenced", format!("{}, {}", silence.subject, silence.span_words(zone)));
    }
    if let Some(planned) = situation.planned.as_ref() {
        say("Planned work", planned.span_words(zone));
    }
    match (incident.closed_by(), &incident.resolution) {
        (Some(edit), _) => say(CLOSED_BY, format!("an edit of jobs.toml: {} {edit}", incident.subject)),
        (None, Some(resolution)) => say("Ended by", resolution.clone()),
        (None, None) => {}
    }
    if purpose == Purpose::Recovery {
        for taken_on in taken_on(incident, zone) {
            say(&taken_on.label, taken_on.text);
        }
    } else if let Some(ack) = incident.taken_on(situation.now) {
        say(TAKEN_ON, taken_on_words(incident, ack, zone));
    }
    let is_of_owner = !matches!(purpose, Purpose::Opening | Purpose::Impact) && situation.told_as_reader != Some(true);
    for escalated in escalations(incident.escalated_by_now(), zone).filter(|_| is_of_owner) {
        say(&escalated.label, escalated.text);
    }
    say("Owner", owner_words(purpose, team, situation));
    let runbook = situation
        .job
        .and_then(|side| side.job.runbook.as_deref())
        .or_else(|| situation.data.iter().find_map(|data| data.dataset.runbook.as_deref()));
    if let Some(runbook) = runbook {
        say(RUNBOOK, runbook.to_owned());
    }
    let whole = &situation.data[..situation.data.len().min(DATASETS_MAX)];
    for data in whole {
        data_facts(purpose, data, situation, &mut say);
    }
    if let Some((data, later)) = situation.breaks_next.as_ref().filter(|_| purpose != Purpose::Recovery)
        && let Some(deadline) = data.standing.deadline
    {
        let later = match later {
            0 => String::new(),
            later => format!(", the first of {} that concern {}", later + 1, situation.team_called),
        };
        let (name, at) = (data_called_and_named(data.dataset), format_time(deadline, zone));
        say(breach_label(data), format!("{name}, {at}{later}"));
    }
    let by_name = named(purpose == Purpose::Recovery, situation, whole);
    let by_name: BTreeSet<&Name> = by_name.into_iter().collect();
    let more = situation.data[whole.len()..]
        .iter()
        .filter(|data| is_broken(data) && by_name.contains(&data.dataset.name))
        .count();
    if more > 0 {
        say("Broken", format!("and {more} more, by name below"));
    }
    for (label, names) in made_from_it(purpose, team, situation, whole) {
        say(&label, names);
    }
    if let Some(side) = &situation.job
        && let Some(run) = side.run
    {
        say("Tried", tried(side, run, situation));
        if let Some(refused) = situation
            .refused
            .as_ref()
            .filter(|_| !is_reader(purpose, team, situation))
        {
            let (version, lies) = (&refused.version, refused.lies.display());
            say(
                "In quarantine",
                format!("{version}, {lies} of the state directory; `freshd release` publishes it all the same"),
            );
        }
        if let Some(message) = side
            .attempt
            .and_then(|attempt| attempt.report.iter().find(|(key, _)| key == "message"))
        {
            say("Job says", message.1.clone());
        }
    }
    for (label, text) in read_by(purpose, team, situation) {
        say(label, text);
    }
    facts
}

/// Who answers for it; to whom that is handed over, also since when, and who did before; and who is told of what nobody
/// answers for.
fn owner_words(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    let owner = match situation.is_owned {
        true => situation.owner.clone(),
        false if incident.told_to_answer() != Some(team) => "nobody (the fallback is told)".to_owned(),
        false => "nobody (you are the fallback)".to_owned(),
    };
    let handed_over = incident.handed_over.as_ref().filter(|_| purpose == Purpose::Opening);
    match handed_over.and_then(|it| Some((it.at, it.from.as_ref()?))) {
        Some((at, before)) => {
            let at = format_time(at, situation.zone);
            format!("{owner} (since an edit of jobs.toml at {at}; before: {before})")
        }
        None => owner,
    }
}

/// The rules that refuse data, for those who are to mend it.
fn broken_rules(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> Vec<(&'static str, String)> {
    let told = [Some(situation.incident), situation.failure].into_iter().flatten();
    let is_told = told
        .map(|incident| incident.kind)
        .any(|kind| kind == ProblemKind::Rejected);
    match &situation.refused {
        Some(refused) if is_told && purpose != Purpose::Recovery && !is_reader(purpose, team, situation) => {
            refused.rules()
        }
        _ => Vec::new(),
    }
}

/// One dataset in full: as of when its data is, what readers see, and whether its promise holds. Why not is said once.
fn data_facts(purpose: Purpose, data: &DataSide<'_>, situation: &Situation<'_>, say: &mut impl FnMut(&str, String)) {
    let zone = situation.zone;
    let name = data_called_and_named(data.dataset);
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
        None if !data.dataset.parts.is_empty() => parts_facts(data, situation, say),
        None => say("Readers see", format!("no version of {name} yet")),
    }
    if let Some(goes_on) = situation.goes_on_words(&data.dataset.name) {
        let (state, reason) = (state_words(data.standing.state), &data.standing.reason);
        say("Goes on", format!("{name} is {state}: {reason}; {goes_on}"));
        return;
    }
    let incident = situation.incident;
    let is_it = incident.about == About::Dataset && incident.subject == data.dataset.name;
    match (is_broken(data), data.standing.deadline) {
        // What it is about, and why, stands above.
        (true, _) if is_it && data.standing.reason == situation.why => {}
        (true, _) if data.standing.reason == situation.why => {
            say("Broken", format!("{name} is {}", state_words(data.standing.state)));
        }
        (true, _) => say(
            "Broken",
            format!(
                "{name} is {}: {}",
                state_words(data.standing.state),
                data.standing.reason
            ),
        ),
        (false, Some(deadline)) if purpose != Purpose::Recovery => {
            say(breach_label(data), format!("{name}, {}", format_time(deadline, zone)));
        }
        (false, _) => say("State", format!("{name} is {}", state_words(data.standing.state))),
    }
}

/// Names in lines that are short enough to be shown whole; what is beyond the last is counted.
pub(super) fn in_lines(names: impl ExactSizeIterator<Item = String>, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let count = names.len();
    for (number, name) in names.enumerate() {
        let is_full = lines.len() == lines_max;
        match lines.last_mut() {
            Some(line) if line.chars().count() + name.chars().count() < NAMES_CHARS_MAX => {
                line.push_str(", ");
                line.push_str(&name);
            }
            _ if is_full => {
                lines.push(format!("and {} more", count - number));
                break;
            }
            _ => lines.push(name),
        }
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

fn tried(side: &JobSide<'_>, run: &Run, situation: &Situation<'_>) -> String {
    let zone = situation.zone;
    let times = match run.attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let span = match (run.started_at, run.ended_at) {
        (Some(from), Some(to)) => {
            let (began, ended) = (zone.to_datetime(from), zone.to_datetime(to));
            let ended = match began.date() == ended.date() {
                true => ended.strftime("%H:%M").to_string(),
                false => format_time(to, zone),
            };
            format!(", {} to {ended}", format_time(from, zone))
        }
        // It goes on, and what has failed so far says why it takes longer.
        (Some(from), None) => {
            let said = side.attempt.and_then(|attempt| attempt.reason.as_deref());
            let said = said.map_or_else(String::new, |said| format!(", so far: {}", situation.quoted(said)));
            format!(", since {}{said}", format_time(from, zone))
        }
        _ => String::new(),
    };
    let in_a_row = run.failed_before.as_ref().map_or_else(String::new, |before| {
        let (runs, since) = (before.runs.saturating_add(1), format_time(before.since, zone));
        format!("; {runs} runs in a row have failed, since {since}")
    });
    format!("{times} of {}, run {}{span}{in_a_row}", side.job.name, run.id)
}
