//! The lines of a digest: one for each incident, in the order and the words in which they are read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::at_first::{before_it_changed, behind_what};
use super::concern::{Concern, Own};
use super::digest::ToGather;
use super::titles::in_subject;
use super::words::{IS_FLAPPING, IS_FULL, NOT_AS_PROMISED, past, what_words};
use crate::model::{
    About, DRILL_MARK, DigestLine, Incident, IncidentId, Message, Name, Notification, ProblemKind, Purpose, WHAT,
    both_ends, format_time, is_proof,
};

/// Most teams that a line names in whose stead it comes.
const TEAMS_MAX: usize = 3;

/// Most addresses for each of which a digest says how to try it out.
const PROOFS_MAX: usize = 5;

/// Characters of why an address cannot be reached, or something comes and goes.
const WHY_CHARS_MAX: usize = 200;

/// What a line is made from: the oldest message about an incident, the newest, and the incident unless that is over.
pub(super) struct Entry<'a> {
    id: IncidentId,
    first: &'a Notification,
    last: &'a Notification,
    incident: Option<&'a Incident>,
    /// In whose stead it comes.
    instead_of: BTreeSet<&'a Name>,
    /// What each message about it is for.
    purposes: Vec<Purpose>,
    /// Whether a person has asked for one of them once more.
    is_resent: bool,
}

/// One entry for each incident: what is open before what is over, what is wrong before what is rehearsed, the worst first,
/// then the oldest.
pub(super) fn in_order<'a>(gather: &ToGather<'a>) -> Vec<Entry<'a>> {
    let mut entries: BTreeMap<IncidentId, Entry<'a>> = BTreeMap::new();
    for (notification, incident) in gather.waiting {
        let Some(id) = notification.incident else { continue };
        let entry = entries.entry(id).or_insert(Entry {
            id,
            first: notification,
            last: notification,
            incident: *incident,
            instead_of: BTreeSet::new(),
            purposes: Vec::new(),
            is_resent: false,
        });
        entry.last = notification;
        entry.purposes.push(notification.message.purpose);
        entry.is_resent |= notification.message.resent_at.is_some();
        entry.instead_of.extend(&notification.message.stands_in_for);
    }
    let mut entries: Vec<Entry<'a>> = entries.into_values().collect();
    entries.sort_by_key(|entry| {
        let open = entry.incident.map(|incident| (incident.severity, incident.since));
        let (severity, since) = (open.map(|(severity, _)| severity), open.map(|(_, since)| since));
        let is_drill = entry.last.message.is_drill();
        (open.is_none(), is_drill, std::cmp::Reverse(severity), since, entry.id)
    });
    entries
}

/// What a digest has room for.
#[derive(Default)]
pub(super) struct Fitting {
    /// The first lines, at least one.
    pub lines: Vec<DigestLine>,
    /// What is wrong, or was, of each of them: `Price base failed`.
    pub names: Vec<String>,
    /// What to type about the first of them that its reader is to mend.
    pub first_commands: Vec<String>,
}

/// The first lines that fit, at least one.
pub(super) fn fitting(entries: Vec<Entry<'_>>, gather: &ToGather<'_>) -> Fitting {
    let mut chars = 0;
    let mut fitting = Fitting::default();
    for entry in entries {
        let (line, name, commands) = line(&entry, gather);
        chars += room(&line.text);
        if chars > gather.chars_max && !fitting.lines.is_empty() {
            break;
        }
        fitting.lines.push(line);
        fitting.names.push(name);
        if fitting.first_commands.is_empty() {
            fitting.first_commands = commands;
        } else {
            try_out_too(&mut fitting.first_commands, commands);
        }
    }
    fitting
}

/// Of further addresses that cannot be reached the digest says how to try each out, behind the first.
fn try_out_too(first: &mut Vec<String>, others: Vec<String>) {
    let is_proof = |command: &String| is_proof(command);
    for proof in others.into_iter().filter(is_proof) {
        let last = first.iter().rposition(is_proof);
        if !first.contains(&proof) && first.iter().filter(|command| is_proof(command)).count() < PROOFS_MAX {
            first.insert(last.map_or(first.len(), |last| last + 1), proof);
        }
    }
}

/// The first of what is open, or of all where nothing is; of a rehearsal nothing is wrong. Nothing where there is none.
pub(super) fn first_named(fitting: &Fitting, named_max: usize) -> Option<String> {
    let of_problems = || {
        fitting
            .lines
            .iter()
            .zip(&fitting.names)
            .filter(|(line, _)| !line.is_drill())
    };
    let is_any_open = of_problems().any(|(line, _)| !line.is_over);
    let named = of_problems().filter(|(line, _)| !(is_any_open && line.is_over));
    // What came and went several times is named once.
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for (_, name) in named {
        match counted.iter_mut().find(|(known, _)| known == name) {
            Some((_, times)) => *times += 1,
            None => counted.push((name, 1)),
        }
    }
    counted.truncate(named_max);
    let left_out = of_problems().count() - counted.iter().map(|(_, times)| times).sum::<usize>();
    let names = counted.into_iter().map(|(name, times)| match times {
        1 => name.to_owned(),
        2 => format!("{name} twice"),
        times => format!("{name} {times} times"),
    });
    let mut names: Vec<String> = names.collect();
    names.extend((left_out > 0).then(|| format!("and {left_out} more")));
    (left_out < of_problems().count()).then(|| names.join("; "))
}

fn line(entry: &Entry<'_>, gather: &ToGather<'_>) -> (DigestLine, String, Vec<String>) {
    let id = entry.id;
    let resent = if entry.is_resent { "sent again: " } else { "" };
    let Some(incident) = entry.incident else {
        let message = &entry.last.message;
        let line = DigestLine {
            incident: id,
            is_over: true,
            severity: message.severity,
            kind: message.kind,
            subject_name: message.subject_name.clone(),
            since: None,
            text: format!(
                "#{id} {resent}{}{}",
                instead_words(&entry.instead_of, gather),
                over_words(message, &format_time(gather.now, gather.zone))
            ),
        };
        return (line, title_over(message), Vec::new());
    };
    let concern = (gather.concern_of)(entry.first, incident);
    let line = DigestLine {
        incident: id,
        is_over: false,
        severity: incident.severity,
        kind: Some(incident.kind),
        subject_name: incident.subject.clone(),
        since: Some(incident.since),
        text: format!(
            "#{id} {resent}{}{}{}",
            instead_words(&entry.instead_of, gather),
            known_words(entry, incident, &concern, gather.now),
            open_words(incident, &concern, gather)
        ),
    };
    (line, name_open(incident, &concern), concern.commands)
}

/// What is wrong with what the reader knows, and how much of it, in a few words.
fn name_open(incident: &Incident, concern: &Concern) -> String {
    match &concern.own {
        Some(own) => own.with_others.as_ref().unwrap_or(&own.words).clone(),
        None => {
            let called = concern.called.as_deref().unwrap_or(incident.subject.as_str());
            format!("{} {}", in_subject(called), what_words(incident))
        }
    }
}

/// What was wrong, as its reader knows it: by the title of the thread.
fn title_over(message: &Message) -> String {
    let number = message.incident.map_or_else(String::new, |id| format!(" (#{id})"));
    let title = message.title();
    let title = title.strip_suffix(number.as_str()).unwrap_or(title);
    let kind = message.kind.map(ProblemKind::words);
    let words = [IS_FLAPPING, IS_FULL].into_iter().chain(kind);
    let mut in_past = words.filter_map(|words| Some(format!("{}{}", title.strip_suffix(words)?, past(words))));
    in_past.next().unwrap_or_else(|| title.to_owned())
}

/// That its reader is told of it once more. Nothing stands before the mark of a rehearsal.
fn known_words(entry: &Entry<'_>, incident: &Incident, concern: &Concern, now: Timestamp) -> String {
    let known = known(entry.purposes.iter().copied()).filter(|_| incident.drill.is_none());
    match known {
        Some(Purpose::Escalation) if incident.taken_on(now).is_none() => match &concern.untold {
            Some(owner) => format!("{owner} could not be told: "),
            None => "nobody has answered: ".to_owned(),
        },
        Some(_) => "still open: ".to_owned(),
        None => String::new(),
    }
}

/// Whose a line is, where its reader stands in for them: `instead of Warehouse and ops: `.
fn instead_words(teams: &BTreeSet<&Name>, gather: &ToGather<'_>) -> String {
    let left_out = teams.len().saturating_sub(TEAMS_MAX);
    let titles = teams.iter().take(TEAMS_MAX).map(|team| (gather.title_of)(team));
    let more = (left_out > 0).then(|| format!("{left_out} more"));
    let mut named: Vec<String> = titles.chain(more).collect();
    let last = named.pop();
    match last {
        None => String::new(),
        Some(one) if named.is_empty() => format!("instead of {one}: "),
        Some(last) => format!("instead of {} and {last}: ", named.join(", ")),
    }
}

/// What was wrong, as its reader knows it: by the title of the thread; why, if that is something else; and from when until
/// when, where its end is told.
fn over_words(message: &Message, now: &str) -> String {
    let title = title_over(message);
    let title = title.as_str();
    // By its name, or as the line below calls it by its title.
    let what = message
        .facts
        .iter()
        .find(|fact| fact.label == WHAT)
        .map(|fact| &*fact.text);
    let called = title.strip_suffix(NOT_AS_PROMISED).map(str::trim_end);
    let begins_with = |text: &str, called: &str| text.strip_prefix(called).is_some_and(|rest| rest.starts_with(' '));
    let is_of_it = begins_with(title, message.subject_name.as_str())
        || what.zip(called).is_some_and(|(what, called)| begins_with(what, called));
    let because = match message.kind {
        Some(kind) if message.is_impact() && !is_of_it => {
            // By its title, where the line below names it by that and by its name.
            let named = format!(" ({}) ", message.subject_name);
            let title = what.and_then(|what| Some(what.split_once(&named)?.0));
            let cause = title.unwrap_or(message.subject_name.as_str());
            format!(", because {cause} {}", past(kind.words()))
        }
        _ => String::new(),
    };
    let closed = if message.is_closed() {
        ", closed by an edit of jobs.toml"
    } else {
        ""
    };
    format!("{title}{because}{}{closed}", span_words(message, now))
}

/// From when until when it was, as its end says that: `, 22:10 to 22:40`, with the day where that is not today's.
fn span_words(message: &Message, now: &str) -> String {
    let said = |label: &str| {
        let fact = message.facts.iter().find(|fact| fact.label == label)?;
        // What follows the time is of what kind it was then.
        Some(fact.text.split(" (").next().unwrap_or(&fact.text))
    };
    let (Some(since), Some(until)) = (said("Since"), said("Until")) else {
        return String::new();
    };
    let day = |time: &str| time.rsplit_once(' ').map(|(day, _)| day.to_owned());
    let but_day = |time: &'_ str, of: &str| match time.rsplit_once(' ') {
        Some((day_of_it, clock)) if Some(day_of_it) == day(of).as_deref() => clock.to_owned(),
        _ => time.to_owned(),
    };
    // The second stands on the day of the first.
    format!(", {} to {}", but_day(since, now), but_day(until, since))
}

/// What is wrong with what the reader knows, how bad it is and since when; why, if that is something else; what else is
/// affected; who reads it next; and whether somebody has taken it on.
fn open_words(incident: &Incident, concern: &Concern, gather: &ToGather<'_>) -> String {
    let time = |at| format_time(at, gather.zone);
    let severity = incident.severity.as_str();
    let called = concern.called.as_deref().unwrap_or(incident.subject.as_str());
    let what = format!("{called} {}", what_words(incident));
    // How its reader's data is may be how it is itself, in other words.
    let is_itself = |own: &Own| (own.about, &own.name) == (incident.about, &incident.subject);
    let mut words = match &concern.own {
        _ if incident.drill.is_some() => {
            let (about, since) = (incident.about.as_str(), time(incident.since));
            return format!(
                "{DRILL_MARK} rehearsal with {about} {}, since {since}: nothing is wrong",
                incident.subject
            );
        }
        Some(own) if !is_itself(own) => {
            let (words, since) = (&own.words, time(own.since));
            format!("{words}, {severity}, since {since}, because {what}")
        }
        // Whoever reads it is told of the same beginning as whoever answers for it.
        _ => format!(
            "{what}{}, {severity}, since {}",
            behind_what(incident),
            incident.since_words(time)
        ),
    };
    let why = concern.why.as_ref().map(|why| both_ends(why, WHY_CHARS_MAX));
    if let Some(why) = why.as_ref().filter(|_| incident.about == About::Freshd) {
        words.push_str(&format!(": {why}"));
    }
    if incident.flapping.is_some() {
        let (turn, wrong) = match incident.well_since() {
            Some(well_since) => (format!("; well since {}", time(well_since)), "when wrong, it"),
            None => (format!("; wrong at {}", time(gather.now)), "it"),
        };
        words.push_str(&turn);
        if let Some(why) = why {
            words.push_str(&format!(": {wrong} {}: {why}", incident.kind.words()));
        }
    }
    if let Some(extent) = &concern.extent {
        words.push_str(&format!("; {extent}"));
    }
    if let Some(while_down) = &concern.while_down {
        words.push_str(&format!("; {while_down}"));
    }
    if let Some((reads, at)) = &concern.next {
        words.push_str(&format!("; {reads} {}", time(*at)));
    }
    if let Some(quiet) = &concern.quiet {
        words.push_str(&format!("; {quiet}"));
    }
    if let Some(ack) = incident.taken_on(gather.now) {
        words.push_str(&format!(
            "; taken on by {} until {}{}",
            ack.by,
            time(ack.until),
            before_it_changed(incident, ack)
        ));
    }
    words
}

/// Characters that a line takes with what stands around it, where `&`, `<` and `>` are written out.
fn room(text: &str) -> usize {
    let room_of = |character| match character {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    };
    text.chars().map(room_of).sum::<usize>() + 2
}

/// Of an incident that was told before, the messages that wait are a reminder, or an escalation; of any other there is news
/// among them.
pub(super) fn known(purposes: impl Iterator<Item = Purpose>) -> Option<Purpose> {
    let mut known = None;
    for purpose in purposes {
        match purpose {
            Purpose::Escalation => known = Some(purpose),
            Purpose::Reminder => known = known.or(Some(purpose)),
            _ => return None,
        }
    }
    known
}
