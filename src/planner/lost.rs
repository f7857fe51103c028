//! What is recorded of occurrences of which nobody knows any more whether they ran.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::due::{Decided, ENUMERATED_MAX, record_all, start_of, why_skipped};
use crate::model::{Job, Occurrence, Outcome, earlier, later};
use crate::schedule;

/// Decides about every occurrence later than `cursor` whose start had come by `until`: none of them is started, since
/// each may have been. `known` are those that have a run all the same.
///
/// Returns the decisions in order of time, and the new cursor.
pub fn decide_lost(
    job: &Job,
    cursor: Timestamp,
    until: Timestamp,
    known: &BTreeSet<Timestamp>,
    reason: &str,
) -> (Vec<Decided>, Timestamp) {
    let end = earlier(until, job.start_offset).max(cursor);
    let Some(rule) = &job.schedule else {
        return (Vec::new(), end);
    };
    let mut due: Vec<Occurrence> = Vec::new();
    let mut coming = schedule::next(rule, cursor);
    while let Some(occurrence) = coming.take_if(|next| start_of(job, next.at) <= until) {
        if due.len() == ENUMERATED_MAX {
            // They are recorded as one, which ends with the last of them.
            due.extend(schedule::previous(rule, later(end, Duration::from_micros(1))));
            break;
        }
        coming = schedule::next(rule, occurrence.at);
        due.push(occurrence);
    }
    due.retain(|occurrence| !known.contains(&occurrence.at));
    let (skipped, open): (Vec<_>, Vec<_>) = due.into_iter().partition(|occurrence| occurrence.skip.is_some());
    let mut decided = record_all(skipped, Outcome::Skipped, why_skipped);
    decided.extend(record_all(open, Outcome::Missed, |_| reason.to_owned()));
    decided.sort_by_key(|decided| decided.occurrence.at);
    (decided, end)
}
