//! The sentences of a message: the problem, what it breaks, and who is hit.

use std::time::Duration;

use jiff::Timestamp;

use super::acknowledged::taken_on_now;
use super::at_first::at_first_sentence;
use super::impact::{broken_beside, broken_with_made, good_by_now, impact_sentence};
use super::over::recovery_headline;
use super::quiet_cause::quiet_words;
use super::readers::first_readers;
use super::terms::{breach_words, ended, state_words};
use super::titles::{called, data_called, job_called};
use super::words::{DataSide, JobSide, Situation, is_about_disk, is_broken};
use crate::freshness::DataState;
use crate::model::{
    About, Name, Outcome, ProblemKind, Purpose, Quiet, Severity, Silence, elapsed, format_age, format_time, natural,
};

/// A reminder and an update say for so long that a silence has ended.
const QUIET_IS_NEWS_FOR: Duration = Duration::from_hours(1);

/// Further datasets of a team that one sentence names.
pub(super) const OTHERS_MAX: usize = 5;

/// One or two sentences that say it all.
pub(super) fn headline(purpose: Purpose, is_impact: bool, team: &Name, situation: &Situation<'_>) -> String {
    // Time passes between what broke it and who is told in somebody's stead, or by an edit of jobs.toml.
    if let Some(good) = good_by_now(team, situation).filter(|_| purpose == Purpose::Impact) {
        return good;
    }
    let body = match purpose {
        Purpose::Recovery => return recovery_headline(is_impact, team, situation),
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
    let body = body + &quiet_cause(situation) + &why_only_now(purpose, situation) + &taken_on_now(situation);
    if let Some(well_since) = situation.incident.well_since() {
        return well_for_now(well_since, &body, situation);
    }
    let body = body + &flapping_sentence(purpose, situation);
    let since = format_age(elapsed(situation.incident.began(), situation.now));
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

/// What explains it, where nobody is told of that: on a locked phone too it is to be seen that people know.
fn quiet_cause(situation: &Situation<'_>) -> String {
    let cause = situation.quiet_cause.as_ref();
    cause.map_or_else(String::new, |cause| {
        format!(" The cause: {}.", cause.trim_end_matches('.'))
    })
}

/// That a silence or planned work kept people from being told, where that has just ended: of both what ended last.
fn why_only_now(purpose: Purpose, situation: &Situation<'_>) -> String {
    let is_own = |silence: &&&Silence| silence.subject == situation.incident.subject;
    let silence = situation.silenced.iter().find(is_own);
    let silence = silence.map(|silence| Quiet::Silence(Box::new(Silence::clone(silence))));
    let planned = situation.planned.clone().map(Quiet::Window);
    let over = silence.into_iter().chain(planned);
    let over = over.filter(|quiet| quiet.until() <= situation.now);
    let is_news = |quiet: &Quiet| match purpose {
        Purpose::Opening => true,
        Purpose::Reminder | Purpose::Update => elapsed(quiet.until(), situation.now) < QUIET_IS_NEWS_FOR,
        _ => false,
    };
    let last = over.max_by_key(Quiet::until).filter(is_news);
    last.map_or_else(String::new, |quiet| {
        format!(" It was {}.", quiet_words(&quiet, situation.zone).trim_end_matches('.'))
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
                "{} {}{}{since}: {}",
                job_called(side.job),
                failed_word(incident.kind, side),
                after_tries(side),
                ended(&situation.why)
            );
            text.push_str(&at_first_sentence(incident));
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
        text.push_str(&format!(" {}", broken_with_made(data, situation)));
    } else if let Some(deadline) = data.standing.deadline {
        text.push_str(&format!(
            " {} {} {}.",
            data_called(data.dataset),
            breach_words(data),
            format_time(deadline, situation.zone)
        ));
        // By that it may be graver than what it is about.
        let others = situation.data.iter().filter(|data| is_broken(data));
        text.push_str(&named(" Not as promised already: ", &called_of(others), OTHERS_MAX));
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
    let (title, reason) = (data_called(data.dataset), ended(&data.standing.reason));
    let mut text = match is_broken(data) {
        true => format!("{title} is {}: {reason}", state_words(data.standing.state)),
        // It is as promised, and something is the matter all the same.
        false => format!("{title}: {reason}"),
    };
    text.push_str(&broken_beside(data, situation));
    let of_job = situation.incident.about == About::Job;
    if let Some(side) = situation
        .job
        .filter(|side| of_job && side.job.name == situation.incident.subject)
    {
        // Whoever was told of another failure is to see that this is none of that.
        let first = at_first_sentence(situation.incident);
        let why = match first.as_str() {
            "" => ".".to_owned(),
            _ => format!(": {}", ended(&situation.why)),
        };
        text.push_str(&format!(
            " The cause: {} {}{why}{first}",
            job_called(side.job),
            failed_word(situation.incident.kind, &side)
        ));
    }
    if let Some((failure, side)) = situation.failure.zip(situation.job) {
        text.push_str(&format!(
            " The cause: {} {}{}: {}",
            job_called(side.job),
            failed_word(failure.kind, &side),
            after_tries(&side),
            ended(&situation.quoted(&failure.reason))
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
