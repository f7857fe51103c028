//! What is done about each occurrence between a job's cursor and now.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{CatchUpMode, Job, Occurrence, Outcome, Overlap, Run, Schedule, earlier, elapsed, later};
use crate::schedule;

/// A start up to this late is an ordinary one; later ones were missed.
pub const ORDINARY_LATENESS: Duration = Duration::from_mins(1);
/// More missed occurrences than this are recorded as one range.
pub const RANGE_MIN: usize = 1_000;
/// Most occurrences of one job counted in one step; of a longer gap only the beginning and the end are looked at.
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

/// What is known of a job when its occurrences are decided about.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The latest occurrence about which something was decided.
    pub cursor: Timestamp,
    /// The reason when a person paused it.
    pub paused: Option<&'a str>,
    /// How many runs of it that make up for earlier occurrences still wait, which count towards its limit.
    pub making_up: usize,
    /// When nothing could be started because the disk was full: from, until. What was missed otherwise was missed
    /// because freshd was down.
    pub was_full: Option<(Timestamp, Timestamp)>,
}

impl Known<'_> {
    fn was_full_at(&self, at: Timestamp) -> bool {
        self.was_full.is_some_and(|(from, until)| (from..=until).contains(&at))
    }
}

/// Decides about every occurrence later than the cursor whose start has come by `now`.
///
/// Returns the decisions in order of time, the new cursor and the next occurrence still to come.
pub fn decide(job: &Job, known: &Known<'_>, now: Timestamp) -> (Vec<Decided>, Timestamp, Option<Occurrence>) {
    let cursor = known.cursor;
    let Some(rule) = &job.schedule else {
        return (Vec::new(), cursor, None);
    };
    let mut due = Vec::new();
    let mut latest = cursor;
    let mut coming = schedule::next(rule, cursor);
    let mut is_counted = true;
    while let Some(occurrence) = coming.take_if(|next| start_of(job, next.at) <= now) {
        if due.len() == ENUMERATED_MAX {
            // Of a gap this long the beginning and the end are looked at; what is between is part of a range.
            is_counted = false;
            let end = newest(job, rule, latest, now);
            latest = end.last().map_or(earlier(now, job.start_offset), |newest| newest.at);
            due.extend(end);
            coming = schedule::next(rule, latest);
            break;
        }
        latest = occurrence.at;
        due.push(occurrence);
        coming = schedule::next(rule, latest);
    }
    let decided = match known.paused {
        Some(because) => record_all(due, Outcome::Skipped, |_| paused_words(because)),
        None => decide_open(job, due, known, is_counted, now),
    };
    (decided, latest, coming)
}

/// What is written before the reason of a pause.
const PAUSED: &str = "paused: ";

/// Why a paused job does not run, in words.
pub fn paused_words(because: &str) -> String {
    format!("{PAUSED}{because}")
}

/// How many occurrences a range stands for up to `until`, and the last of them.
///
/// `None` when the job, as it is configured now, has none of them.
pub fn count_range(job: &Job, range: &Run, until: Timestamp) -> Option<(u64, Timestamp)> {
    let rule = job.schedule.as_ref()?;
    let is_paused = range.reason.as_ref().is_some_and(|reason| reason.starts_with(PAUSED));
    let belongs = |occurrence: &Occurrence| match range.outcome {
        Some(Outcome::Missed) => occurrence.skip.is_none(),
        _ => is_paused || occurrence.skip.is_some(),
    };
    let mut counted = None;
    let mut after = earlier(range.due_at?, Duration::from_micros(1));
    for _ in 0..ENUMERATED_MAX {
        let Some(occurrence) = schedule::next(rule, after).filter(|next| next.at <= until) else {
            break;
        };
        after = occurrence.at;
        if belongs(&occurrence) {
            counted = Some((counted.map_or(0, |(count, _)| count) + 1, occurrence.at));
        }
    }
    counted
}

/// The newest occurrences after `after` whose start has come: all ordinary ones, and as many as may be made up for.
fn newest(job: &Job, rule: &Schedule, after: Timestamp, now: Timestamp) -> Vec<Occurrence> {
    let mut found = Vec::new();
    let mut missed = 0;
    let mut before = later(earlier(now, job.start_offset), Duration::from_micros(1));
    while let Some(occurrence) = schedule::previous(rule, before).filter(|found| found.at > after) {
        missed += u32::from(!is_ordinary(job, occurrence.at, now));
        if missed > job.policy.catch_up.limit {
            break;
        }
        before = occurrence.at;
        found.push(occurrence);
    }
    found.reverse();
    found
}

fn is_ordinary(job: &Job, at: Timestamp, now: Timestamp) -> bool {
    elapsed(start_of(job, at), now) <= ORDINARY_LATENESS
}

fn decide_open(job: &Job, due: Vec<Occurrence>, known: &Known<'_>, is_counted: bool, now: Timestamp) -> Vec<Decided> {
    let (skipped, open): (Vec<_>, Vec<_>) = due.into_iter().partition(|occurrence| occurrence.skip.is_some());
    let mut decided = record_all(skipped, Outcome::Skipped, why_skipped);
    // What the disk held is decided in one go. Of several occurrences that are not too late the newest one starts:
    // the others would only be in its way.
    let newest = open.last().map(|occurrence| occurrence.at);
    let is_in_the_way = |at: Timestamp| {
        job.policy.overlap != Overlap::Allow && newest != Some(at) && known.was_full_at(start_of(job, at))
    };
    let (ordinary, mut missed): (Vec<_>, Vec<_>) = open
        .into_iter()
        .partition(|occurrence| is_ordinary(job, occurrence.at, now) && !is_in_the_way(occurrence.at));
    let worth_running = |occurrence: &Occurrence| elapsed(occurrence.at, now) <= job.policy.catch_up.within;
    let made_up_for = match job.policy.catch_up.mode {
        CatchUpMode::None => 0,
        // An ordinary start that is due right now is the newest one already.
        CatchUpMode::Latest => usize::from(ordinary.is_empty() && missed.last().is_some_and(worth_running)),
        CatchUpMode::All => missed
            .iter()
            .rev()
            .take((job.policy.catch_up.limit as usize).saturating_sub(known.making_up))
            .take_while(|occurrence| worth_running(occurrence))
            .count(),
    };
    let catch_ups = missed.split_off(missed.len() - made_up_for);
    decided.extend(record_all(missed, Outcome::Missed, |occurrence| match occurrence {
        occurrence if is_counted => missed_words(job, occurrence, known, now),
        _ => "freshd was down or asleep, for too long to count them all".to_owned(),
    }));
    let catch_ups = catch_ups.into_iter().map(|occurrence| (occurrence, Decision::CatchUp));
    let starts = ordinary.into_iter().map(|occurrence| (occurrence, Decision::Start));
    for (occurrence, decision) in catch_ups.chain(starts) {
        decided.push(Decided {
            occurrence,
            range: None,
            decision,
        });
    }
    decided.sort_by_key(|decided| decided.occurrence.at);
    decided
}

/// One record each; one for all of them when they are too many.
pub(super) fn record_all(
    occurrences: Vec<Occurrence>,
    outcome: Outcome,
    because: impl Fn(&Occurrence) -> String,
) -> Vec<Decided> {
    let count = occurrences.len();
    if let (Some(first), Some(last)) = (occurrences.first(), occurrences.last())
        && count > RANGE_MIN
    {
        let decision = Decision::Record(outcome, because(first));
        return vec![Decided {
            occurrence: first.clone(),
            range: Some((last.at, count as u64)),
            decision,
        }];
    }
    let record = |occurrence: Occurrence| {
        let decision = Decision::Record(outcome, because(&occurrence));
        Decided {
            occurrence,
            range: None,
            decision,
        }
    };
    occurrences.into_iter().map(record).collect()
}

fn missed_words(job: &Job, occurrence: &Occurrence, known: &Known<'_>, now: Timestamp) -> String {
    let too_old = elapsed(occurrence.at, now) > job.policy.catch_up.within;
    let why = match job.policy.catch_up.mode {
        CatchUpMode::None => "and catch_up is \"none\"",
        _ if too_old => "and it is older than catch_up_within",
        CatchUpMode::Latest => "and a newer occurrence runs instead",
        CatchUpMode::All => "and catch_up_limit is reached",
    };
    let what = if known.was_full_at(start_of(job, occurrence.at)) {
        "the disk was full"
    } else {
        "freshd was down or asleep"
    };
    format!("{what} at the due time, {why}")
}

/// Why the schedule itself gives an occurrence no run.
pub(super) fn why_skipped(occurrence: &Occurrence) -> String {
    occurrence.note.clone().unwrap_or_default()
}

/// When the run of an occurrence starts: its due time, spread by `jitter`.
pub fn start_of(job: &Job, at: Timestamp) -> Timestamp {
    later(at, job.start_offset)
}
