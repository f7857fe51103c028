//! What was due and never started, many at once, as one log line for each job: the history has each of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::{info, warn};

use crate::model::{Fact, Name, Outcome, Run, RunId, RunState, Trigger, format_time};

/// Most different reasons in one line.
const REASONS_MAX: usize = 3;

/// What one commit says of one job: how many of its due times had the same outcome without a run.
#[derive(Debug, Default)]
struct Several<'a> {
    rows: u64,
    occurrences: u64,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// How many for each reason.
    reasons: BTreeMap<&'a str, u64>,
}

/// All of it that is more than one row, by job and outcome.
#[derive(Debug, Default)]
pub(super) struct NeverStarted<'a> {
    several: BTreeMap<(&'a Name, &'a str), Several<'a>>,
    /// The runs that make up for what a job has missed.
    catch_ups: BTreeMap<&'a Name, BTreeSet<RunId>>,
}

/// The word of a row about a due time at which nothing was started.
fn word(run: &Run) -> Option<&'static str> {
    let outcome = run
        .outcome
        .filter(|_| run.state == RunState::Final && run.attempts == 0)?;
    let is_told_so = matches!(outcome, Outcome::Missed | Outcome::Skipped) && run.due_at.is_some();
    is_told_so.then(|| outcome.as_str())
}

impl<'a> NeverStarted<'a> {
    /// Counts what a commit has of it. Whatever of a job is decided in one go is in one commit.
    pub(super) fn of(facts: &'a [Fact]) -> Self {
        let mut all = Self::default();
        let runs = facts.iter().filter_map(|fact| match fact {
            Fact::Run(run) => Some(run),
            _ => None,
        });
        for run in runs {
            if run.trigger == Trigger::CatchUp && run.state != RunState::Final {
                all.catch_ups.entry(&run.job).or_default().insert(run.id);
            }
            let Some((word, due_at)) = word(run).zip(run.due_at) else {
                continue;
            };
            let several = all.several.entry((&run.job, word)).or_default();
            let until = run.due_until.unwrap_or(due_at);
            several.rows += 1;
            several.occurrences += run.occurrences;
            several.from = Some(several.from.map_or(due_at, |from| from.min(due_at)));
            several.until = several.until.max(Some(until));
            *several
                .reasons
                .entry(run.reason.as_deref().unwrap_or_default())
                .or_default() += run.occurrences;
        }
        all.several.retain(|_, several| several.rows > 1);
        all
    }

    /// Whether a run is told of by the line of its job.
    pub(super) fn tells_of(&self, run: &Run) -> bool {
        word(run).is_some_and(|word| self.several.contains_key(&(&run.job, word)))
    }

    /// Tells the log.
    pub(super) fn narrate(&self, zone: &TimeZone) {
        for (job, word, line) in self.lines(zone) {
            if word == Outcome::Missed.as_str() {
                warn!(%job, "{line}");
            } else {
                info!(%job, "{line}");
            }
        }
    }

    /// Each job with the word and the line of it.
    fn lines(&self, zone: &TimeZone) -> Vec<(&'a Name, &'a str, String)> {
        let lines = self.several.iter().filter_map(|((job, word), several)| {
            let (from, until) = (format_time(several.from?, zone), format_time(several.until?, zone));
            let mut line = format!(
                "{word} {} times, due from {from} to {until}: {}",
                several.occurrences,
                several.why()
            );
            if let Some(runs) = self.catch_ups.get(job).filter(|_| *word == Outcome::Missed.as_str()) {
                line.push_str(&made_up_for_words(runs));
            }
            Some((*job, *word, line))
        });
        lines.collect()
    }
}

impl Several<'_> {
    /// Why, the most frequent reason first; how often, where there is more than one.
    fn why(&self) -> String {
        let mut reasons: Vec<(&str, u64)> = self.reasons.iter().map(|(reason, count)| (*reason, *count)).collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if let [(reason, _)] = reasons[..] {
            return reason.to_owned();
        }
        let left_out = reasons.len().saturating_sub(REASONS_MAX);
        let named = reasons
            .iter()
            .take(REASONS_MAX)
            .map(|(reason, count)| format!("{reason} ({count})"));
        let more = (left_out > 0).then(|| format!("{left_out} more reasons"));
        named.chain(more).collect::<Vec<_>>().join("; ")
    }
}

fn made_up_for_words(runs: &BTreeSet<RunId>) -> String {
    match (runs.first(), runs.len()) {
        (Some(run), 1) => format!("; made up for by run {run}"),
        (Some(first), count) => format!("; made up for by {count} runs from {first} on"),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plain_run;

    fn at(minute: i64) -> Timestamp {
        let ten: Timestamp = "2026-11-27T10:00:00Z".parse().expect("a timestamp");
        ten + jiff::SignedDuration::from_mins(minute)
    }

    fn run(number: u64, job: &str, outcome: Option<Outcome>, reason: &str) -> Run {
        Run {
            id: RunId(number),
            job: job.into(),
            trigger: if outcome.is_some() {
                Trigger::Schedule
            } else {
                Trigger::CatchUp
            },
            due_at: Some(at(i64::try_from(number).expect("a minute"))),
            due_until: None,
            occurrences: 1,
            state: if outcome.is_some() {
                RunState::Final
            } else {
                RunState::Running
            },
            outcome,
            reason: Some(reason.to_owned()),
            attempts: u32::from(outcome.is_none()),
            ..plain_run(job, at(0))
        }
    }

    #[test]
    fn what_a_job_has_missed_is_one_line_with_how_often_when_why_and_what_became_of_it() {
        let missed = |number, reason| run(number, "export", Some(Outcome::Missed), reason);
        let mut facts: Vec<Fact> = (1..=9)
            .map(|number| Fact::Run(missed(number, "a newer one runs")))
            .collect();
        facts.push(Fact::Run(missed(10, "too old")));
        facts.push(Fact::Run(run(11, "export", None, "")));
        // The same row again says nothing new of which run it is.
        facts.push(Fact::Run(run(11, "export", None, "")));
        facts.push(Fact::Run(run(12, "single", Some(Outcome::Missed), "a newer one runs")));
        facts.push(Fact::Run(run(13, "paused", Some(Outcome::Skipped), "paused: moving")));
        facts.push(Fact::Run(run(14, "paused", Some(Outcome::Skipped), "paused: moving")));
        let all = NeverStarted::of(&facts);
        let lines: Vec<(&str, String)> = all
            .lines(&TimeZone::UTC)
            .into_iter()
            .map(|(job, _, line)| (job.as_str(), line))
            .collect();
        let missed = "missed 10 times, due from Fri 2026-11-27 10:01 to Fri 2026-11-27 10:10: \
                      a newer one runs (9); too old (1); made up for by run 11";
        let skipped = "skipped 2 times, due from Fri 2026-11-27 10:13 to Fri 2026-11-27 10:14: paused: moving";
        assert_eq!(lines, [("export", missed.to_owned()), ("paused", skipped.to_owned())]);
        let by_itself = facts.iter().filter(|fact| match fact {
            Fact::Run(run) => !all.tells_of(run),
            _ => true,
        });
        assert_eq!(
            by_itself.count(),
            3,
            "the runs that began, and what is the only one of its job"
        );
    }
}
