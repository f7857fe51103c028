//! The sentences of a message: the problem, what it breaks, who is hit, and that it is over.

use std::time::Duration;

use jiff::Timestamp;

use super::acknowledged::{taken_on_now, taken_on_sentence};
use super::impact::{good_by_now, impact_sentence, reads_or_owns};
use super::readers::first_readers;
use super::terms::{breach_words, state_words};
use super::titles::{called, data_called, job_called};
use super::words::{DataSide, JobSide, Reading, Situation, is_about_disk, is_broken, is_own, owns, reads};
use crate::freshness::DataState;
use crate::model::{
    About, Name, Outcome, ProblemKind, Purpose, Severity, Silence, elapsed, format_age, format_time, natural,
};

/// A reminder and an update say for so long that a silence has ended.
const SILENCE_IS_NEWS_FOR: Duration = Duration::from_hours(1);

/// Further datasets of a team that one sentence names.
pub(super) const OTHERS_MAX: usize = 5;

/// Datasets of a team that an end names as not as promised all the same.
const STILL_BROKEN_MAX: usize = 3;

/// One or two sentences that say it all.
pub(super) fn headline(purpose: Purpose, is_impact: bool, team: &Name, situation: &Situation<'_>) -> String {
    // Time passes between what broke it and who is told in somebody's stead, or by an edit of jobs.toml.
    if let Some(good) = good_by_now(team, situation).filter(|_| purpose == Purpose::Impact) {
        return good;
    }
    let body = match purpose {
        Purpose::Recovery => return recovery_headline(team, situation),
        Purpose::Impact => impact_sentence(team, situation),
        _ if is_impact => impact_sentence(team, situation),
        Purpose::Update if situation.data.iter().any(is_broken) => broken_sentence(situation),
        Purpose::Opening
        | Purpose::Update
        | Purpose::Reminder
        | Purpose::Escalation
        | Purpose::Digest
        | Purpose::Weekly
        | Purpose::Canary
        | Purpose::Test => problem_sentence(purpose, situation),
    };
    let body = body + &why_only_now(purpose, situation) + &taken_on_now(situation);
    if let Some(well_since) = situation.incident.well_since() {
        return well_for_now(well_since, &body, situation);
    }
    let body = body + &flapping_sentence(purpose, situation);
    let since = format_age(elapsed(situation.incident.since, situation.now));
    let unanswered = format_age(situation.incident.unanswered_for(situation.now));
    let severity = severity_word(situation.incident.severity);
    match purpose {
        Purpose::Reminder => format!("{severity}, still open after {since}: {body}"),
        Purpose::Escalation => match &situation.unheard {
            None => format!("{severity}, nobody has answered for {unanswered}: {body}"),
            Some(said) => {
                let said = match said.as_str() {
                    "" => String::new(),
                    said => format!(" ({said})"),
                };
                format!(
                    "{severity}, {} could not be told for {unanswered}{said}: {body}",
                    situation.owner
                )
            }
        },
        _ => format!("{severity}: {body}"),
    }
}

/// What a sentence begins with, for who sees no more than that.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
    }
}

/// That it comes and goes, behind what is wrong: of its next turn nobody is told, so it says as of when that is. Those who
/// were told so before read it once.
fn flapping_sentence(purpose: Purpose, situation: &Situation<'_>) -> String {
    let Some(turns) = turns(situation) else {
        return String::new();
    };
    let rest = match purpose {
        Purpose::Reminder | Purpose::Update => "",
        _ => UNTOLD_TURNS,
    };
    let now = format_time(situation.now, situation.zone);
    format!(
        " Flapping, wrong at {now}: {} has been {turns}.{rest}",
        called(situation)
    )
}

/// Whoever is told of it while it is well reads that first.
fn well_for_now(since: Timestamp, body: &str, situation: &Situation<'_>) -> String {
    let (since, now) = (
        format_time(since, situation.zone),
        format_time(situation.now, situation.zone),
    );
    let turns = turns(situation).unwrap_or_default();
    format!(
        "FLAPPING, well at {now}: {} has been well since {since}, after it was {turns}.{UNTOLD_TURNS} Before that: {body}",
        called(situation)
    )
}

/// Reminders, escalations and what gets worse are told as ever, so nothing is said of how often one hears of it.
const UNTOLD_TURNS: &str = " Nobody hears of further turns until it has been well for an hour.";

/// How often it has come and gone.
fn turns(situation: &Situation<'_>) -> Option<String> {
    let flapping = situation.incident.flapping.as_ref()?;
    let since = format_time(flapping.since, situation.zone);
    let times = flapping.times;
    Some(format!("wrong {times} times since {since}"))
}

/// That a silence kept people from being told, where it has just ended.
fn why_only_now(purpose: Purpose, situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    let own = situation
        .silenced
        .iter()
        .find(|silence| silence.subject == incident.subject);
    let over = own.filter(|silence| silence.over_at() <= situation.now);
    let is_news = |silence: &&&Silence| match purpose {
        Purpose::Opening => true,
        Purpose::Reminder | Purpose::Update => elapsed(silence.over_at(), situation.now) < SILENCE_IS_NEWS_FOR,
        _ => false,
    };
    over.filter(is_news).map_or_else(String::new, |silence| {
        format!(
            " It was silenced until {} by {}: {}.",
            format_time(silence.over_at(), situation.zone),
            silence.by,
            silence.because.trim_end_matches('.')
        )
    })
}

fn problem_sentence(purpose: Purpose, situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    // For how long it has been so stands before these.
    let since = match purpose {
        Purpose::Reminder | Purpose::Escalation => String::new(),
        _ => format!(
            ", {}",
            format_time(incident.kind_since.unwrap_or(incident.since), situation.zone)
        ),
    };
    match &situation.job {
        Some(side) if incident.about == About::Job && incident.subject == side.job.name => {
            let mut text = format!(
                "{} {}{}{since}: {}.",
                job_called(side.job),
                failed_word(incident.kind, side),
                after_tries(side),
                situation.why
            );
            text.push_str(&consequence(situation));
            text
        }
        _ => broken_sentence(situation),
    }
}

/// How often it was tried, where that was more than once.
fn after_tries(side: &JobSide<'_>) -> String {
    match side.run.map_or(1, |run| run.attempts) {
        0 | 1 => String::new(),
        tries => format!(" after {tries} attempts"),
    }
}

/// What a job did, by the problem that is told of: a later run may have ended in another way since.
fn failed_word(kind: ProblemKind, side: &JobSide<'_>) -> &'static str {
    match (kind, side.run.and_then(|run| run.outcome)) {
        (ProblemKind::Rejected, _) => "delivered data that the checks refused",
        (ProblemKind::Lost, _) => "ended without a trace",
        (ProblemKind::Suspect, _) => "is suspect",
        (ProblemKind::Stuck, _) => "is stuck",
        (_, Some(Outcome::TimedOut)) => "did not end in time",
        (_, Some(Outcome::SpawnFailed)) => "could not be started",
        _ => "failed",
    }
}

/// What will break, and who notices first.
fn consequence(situation: &Situation<'_>) -> String {
    let Some(data) = situation.data.first() else {
        return String::new();
    };
    let mut text = String::new();
    if is_broken(data) {
        text.push_str(&format!(
            " {} is {}.",
            data_called(data.dataset),
            state_words(data.standing.state)
        ));
    } else if let Some(deadline) = data.standing.deadline {
        text.push_str(&format!(
            " {} {} {}.",
            data_called(data.dataset),
            breach_words(data),
            format_time(deadline, situation.zone)
        ));
    }
    text + &first_readers(data, situation)
}

pub(super) fn broken_sentence(situation: &Situation<'_>) -> String {
    let Some(data) = most_broken(situation) else {
        let incident = situation.incident;
        return if is_about_disk(incident) {
            format!("{}.", situation.why)
        } else if incident.kind == ProblemKind::ChannelBroken {
            let of = situation.of_address.as_ref();
            let of = of.map_or_else(String::new, |team| format!(" of {team}"));
            format!("no message reaches {}{of}: {}.", incident.subject, situation.why)
        } else {
            format!("{}: {}.", incident.subject, situation.why)
        };
    };
    let (title, reason) = (data_called(data.dataset), &data.standing.reason);
    let mut text = match is_broken(data) {
        true => format!("{title} is {}: {reason}.", state_words(data.standing.state)),
        // It is as promised, and something is the matter all the same.
        false => format!("{title}: {reason}."),
    };
    let of_job = situation.incident.about == About::Job;
    if let Some(side) = situation
        .job
        .filter(|side| of_job && side.job.name == situation.incident.subject)
    {
        text.push_str(&format!(
            " The cause: {} {}.",
            job_called(side.job),
            failed_word(situation.incident.kind, &side)
        ));
    }
    if let Some((failure, side)) = situation.failure.zip(situation.job) {
        text.push_str(&format!(
            " The cause: {} {}{}: {}.",
            job_called(side.job),
            failed_word(failure.kind, &side),
            after_tries(&side),
            situation.quoted(&failure.reason)
        ));
    }
    text + &first_readers(data, situation)
}

/// By what an incident is told: of what a job breaks, a promise that is broken for certain before one of which nobody can
/// tell; else the first that is broken.
fn most_broken<'a>(situation: &'a Situation<'_>) -> Option<&'a DataSide<'a>> {
    let broken = || situation.data.iter().filter(|data| is_broken(data));
    let is_known = |data: &&DataSide<'_>| data.standing.state != DataState::Unknown;
    let of_job = situation.incident.about == About::Job;
    let known = broken().find(|data| of_job && is_known(data));
    known.or_else(|| broken().next()).or(situation.data.first())
}

/// Datasets, in a sentence.
pub(super) fn called_of<'a>(data: impl Iterator<Item = &'a DataSide<'a>>) -> Vec<&'a str> {
    data.map(|data| data_called(data.dataset)).collect()
}

/// A sentence that names the first so many, in the order of their names, and counts the rest; nothing of nothing.
pub(super) fn named(lead: &str, names: &[&str], most: usize) -> String {
    let mut names = names.to_vec();
    names.sort_by(|a, b| natural(a, b));
    match names.len() {
        0 => String::new(),
        count if count <= most => format!("{lead}{}.", names.join(", ")),
        count => format!("{lead}{} and {} more.", names[..most].join(", "), count - most),
    }
}

/// That it is over, and who had taken it on; and before that, what of a team's own data is not as promised all the same.
fn recovery_headline(team: &Name, situation: &Situation<'_>) -> String {
    let taken_on = taken_on_sentence(situation.incident, situation.zone);
    let over = over_sentence(situation) + &others_good_again(team, situation) + &taken_on;
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
    let good = others.filter(|data| !is_broken(data) && is_own(team, data, situation));
    named(" As promised, too: ", &called_of(good), OTHERS_MAX)
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

fn over_sentence(situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    let lasted = format_age(elapsed(incident.since, incident.resolved_at.unwrap_or(situation.now)));
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
    match (data, &situation.job) {
        (Some(data), _) if data.current.is_some() || !data.dataset.parts.is_empty() => {
            let as_of = data.standing.effective_as_of.unwrap_or(situation.now);
            format!(
                "RESOLVED after {lasted}: {} is {} again, as of {}{by_hand}.",
                data_called(data.dataset),
                state_words(data.standing.state),
                format_time(as_of, situation.zone)
            )
        }
        (_, Some(side)) if incident.resolution.is_some() => {
            format!("RESOLVED after {lasted}: {}{by_hand}.", job_called(side.job))
        }
        (_, Some(side)) => format!(
            "RESOLVED after {lasted}: {} works again{by_hand}.",
            job_called(side.job)
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
