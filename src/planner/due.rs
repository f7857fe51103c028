//! What is done about each occurrence between a job's cursor and now.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{CatchUpMode, Job, Occurrence, Outcome, Skip, earlier, elapsed, later};
use crate::schedule;

/// A start up to this late is an ordinary one; later ones were missed.
pub const ORDINARY_LATENESS: Duration = Duration::from_mins(1);
/// More missed occurrences than this are recorded as one range.
pub const RANGE_MIN: usize = 1_000;
/// Most occurrences of one job looked at in one step; a longer gap is closed by a range.
pub const ENUMERATED_MAX: usize = 100_000;

/// What is done about one occurrence, or a range of missed ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The occurrence; the first one of a range.
    pub occurrence: Occurrence,
    /// For a range: the last one, and how many there are.
    pub range: Option<(Timestamp, u64)>,
    /// What is done.
    pub decision: Decision,
}

/// What is done about an occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start it now, in its turn.
    Start,
    /// It was missed and is made up for, oldest first.
    CatchUp,
    /// It gets no run; `Missed` or `Skipped`, and why.
    Record(Outcome, String),
}

/// Decides about every occurrence later than `cursor` whose start has come by `now`.
///
/// Returns the decisions in order of time, the new cursor and the next occurrence still to come.
/// `paused` is the reason when a person paused the job.
pub fn decide(
    job: &Job,
    cursor: Timestamp,
    paused: Option<&str>,
    now: Timestamp,
) -> (Vec<Decided>, Timestamp, Option<Occurrence>) {
    let Some(rule) = &job.schedule else {
        return (Vec::new(), cursor, None);
    };
    let mut due = Vec::new();
    let mut latest = cursor;
    let mut coming = schedule::next(rule, cursor);
    let mut left_out = None;
    while let Some(occurrence) = coming.take_if(|next| start_of(job, next.at) <= now) {
        latest = occurrence.at;
        if due.len() == ENUMERATED_MAX {
            // A gap this long is closed by one range: its end is the newest occurrence before now.
            let newest = schedule::previous(rule, earlier(now, job.start_offset));
            latest = newest.map_or(latest, |newest| newest.at.max(latest));
            left_out = Some((occurrence, latest));
            coming = schedule::next(rule, latest);
            break;
        }
        due.push(occurrence);
        coming = schedule::next(rule, latest);
    }
    let mut decided = Vec::with_capacity(due.len().min(RANGE_MIN));
    if let Some(because) = paused {
        for occurrence in due {
            let reason = format!("paused: {because}");
            decided.push(record(occurrence, Outcome::Skipped, reason));
        }
    } else {
        decide_open(job, due, now, &mut decided);
    }
    if let Some((first, last)) = left_out {
        let mut range = record(
            first,
            Outcome::Missed,
            "freshd was down for too long to tell them apart".to_owned(),
        );
        range.range = Some((last, 1));
        decided.push(range);
    }
    (decided, latest, coming)
}

fn decide_open(job: &Job, due: Vec<Occurrence>, now: Timestamp, decided: &mut Vec<Decided>) {
    let is_ordinary = |at: Timestamp| elapsed(start_of(job, at), now) <= ORDINARY_LATENESS;
    let (skipped, open): (Vec<_>, Vec<_>) = due.into_iter().partition(|occurrence| occurrence.skip.is_some());
    for occurrence in skipped {
        let reason = occurrence
            .note
            .clone()
            .unwrap_or_else(|| skip_word(occurrence.skip).to_owned());
        decided.push(record(occurrence, Outcome::Skipped, reason));
    }
    let (ordinary, missed): (Vec<_>, Vec<_>) = open.into_iter().partition(|occurrence| is_ordinary(occurrence.at));
    let worth_running = |occurrence: &Occurrence| elapsed(occurrence.at, now) <= job.catch_up.within;
    let made_up_for = match job.catch_up.mode {
        CatchUpMode::None => 0,
        // An ordinary start that is due right now is the newest one already.
        CatchUpMode::Latest => usize::from(ordinary.is_empty() && missed.last().is_some_and(worth_running)),
        CatchUpMode::All => missed
            .iter()
            .rev()
            .take(job.catch_up.limit as usize)
            .take_while(|occurrence| worth_running(occurrence))
            .count(),
    };
    let catch_up_from = missed.len() - made_up_for;
    record_missed(
        job,
        &missed[..catch_up_from],
        made_up_for > 0 || !ordinary.is_empty(),
        now,
        decided,
    );
    let catch_ups = missed
        .into_iter()
        .skip(catch_up_from)
        .map(|occurrence| (occurrence, Decision::CatchUp));
    let starts = ordinary.into_iter().map(|occurrence| (occurrence, Decision::Start));
    for (occurrence, decision) in catch_ups.chain(starts) {
        decided.push(Decided {
            occurrence,
            range: None,
            decision,
        });
    }
    decided.sort_by_key(|decided| decided.occurrence.at);
}

fn record_missed(job: &Job, missed: &[Occurrence], newer_runs: bool, now: Timestamp, decided: &mut Vec<Decided>) {
    let (Some(first), Some(last)) = (missed.first(), missed.last()) else {
        return;
    };
    if missed.len() > RANGE_MIN {
        let mut range = record(first.clone(), Outcome::Missed, "freshd was down or asleep".to_owned());
        range.range = Some((last.at, missed.len() as u64));
        decided.push(range);
        return;
    }
    for occurrence in missed {
        let too_old = elapsed(occurrence.at, now) > job.catch_up.within;
        let why = match job.catch_up.mode {
            CatchUpMode::None => "and catch_up is \"none\"",
            _ if too_old => "and it is older than catch_up_within",
            CatchUpMode::Latest if newer_runs => "and a newer occurrence runs instead",
            CatchUpMode::Latest | CatchUpMode::All => "and catch_up_limit is reached",
        };
        let reason = format!("freshd was down or asleep at the due time, {why}");
        decided.push(record(occurrence.clone(), Outcome::Missed, reason));
    }
}

fn record(occurrence: Occurrence, outcome: Outcome, reason: String) -> Decided {
    Decided {
        occurrence,
        range: None,
        decision: Decision::Record(outcome, reason),
    }
}

fn skip_word(skip: Option<Skip>) -> &'static str {
    match skip {
        Some(Skip::Holiday) => "holiday",
        Some(Skip::CalendarGap) => "calendar_gap",
        Some(Skip::Overlap) => "overlap",
        Some(Skip::Paused) => "paused",
        Some(Skip::InputStale) => "input stale",
        None => "left out",
    }
}

/// When the run of an occurrence starts: its due time, spread by `jitter`.
pub fn start_of(job: &Job, at: Timestamp) -> Timestamp {
    later(at, job.start_offset)
}
