//! `freshd history`: what ran, what was missed or left out, and how it ended.

mod pings;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::numbers;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, grid};
use super::times;
use crate::model::{Name, Outcome, Released, Run, run_line};
use crate::store::{HistoryFilter, Reader};

/// Most runs of one answer.
const LIMIT_MAX: i64 = 100_000;

/// What `history` is told.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// Only this job's, or what pings said of this dataset
    job: Option<String>,

    /// Only since then: 2026-11-27, 2026-11-27T12:00, RFC 3339, or how long ago as in 2d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only those that ended so: succeeded, failed, `timed_out`, missed, skipped ...
    #[arg(long, value_name = "OUTCOME", value_parser = parse_outcome)]
    outcome: Option<Outcome>,

    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = |text: &str| numbers::count(text, LIMIT_MAX))]
    limit: u32,
}

const OUTCOMES: [Outcome; 10] = [
    Outcome::Succeeded,
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::Killed,
    Outcome::Cancelled,
    Outcome::Rejected,
    Outcome::SpawnFailed,
    Outcome::Lost,
    Outcome::Missed,
    Outcome::Skipped,
];

pub(super) fn run(args: &HistoryArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let (now, zone) = (Timestamp::now(), global.zone());
    let since = args.since.as_deref().map(|since| times::parse_since(since, now, &zone));
    let since = since
        .transpose()
        .map_err(|error| Failure::usage(format!("--since: {error}")))?;
    let reader = global.reader()?;
    let job = args.job.as_deref().map(Name::from);
    let filter = HistoryFilter {
        job: job.clone(),
        since,
        outcome: args.outcome,
        limit: args.limit,
    };
    let runs = reader.history(&filter)?;
    if let Some(job) = job.filter(|_| runs.is_empty()) {
        let pinged = reader.pings_of(&job, args.limit)?;
        if !pinged.is_empty() {
            return pings::tell(&pinged, (now, &zone), out);
        }
        known_job(&reader, &job)?;
    }
    if out.json {
        for run in &runs {
            out.document(&run_line(run))?;
        }
        return Ok(Exit::Fine);
    }
    if runs.is_empty() {
        out.line("nothing of that kind is recorded")?;
        tell_of_gone(&reader, &filter, (now, &zone), out)?;
        return Ok(Exit::Fine);
    }
    let columns = [
        Column::whole("run"),
        Column::cut("job", 20),
        Column::whole("when"),
        Column::whole("outcome"),
        Column::whole("took"),
        Column::whole("tries").spare(2),
        Column::whole("trigger").spare(1),
        Column::cut("reason", 20),
    ];
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let when = run.started_at.or(run.due_at).unwrap_or(run.created_at);
            let took = run.started_at.zip(run.ended_at).map(|(from, to)| times::took(from, to));
            Ok(vec![
                run.id.to_string(),
                clean(run.job.as_str()),
                times::moment_with_seconds(when, now, &zone),
                outcome_words(run),
                took.unwrap_or_default(),
                if run.attempts > 1 {
                    run.attempts.to_string()
                } else {
                    String::new()
                },
                run.trigger.as_str().to_owned(),
                clean(&run.remark()),
            ])
        })
        .collect::<Result<_, Failure>>()?;
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    if runs.len() == args.limit as usize {
        out.line(tone(
            Tone::Dim,
            format!("the newest {}; --limit asks for more", runs.len()),
        ))?;
    } else {
        tell_of_gone(&reader, &filter, (now, &zone), out)?;
    }
    Ok(Exit::Fine)
}

/// Who released what a run made, although it was refused.
pub(super) fn released(run: &Run) -> Option<String> {
    run.released.as_deref().map(Released::words)
}

/// Says at the end of what is known that there was more before, unless nobody asked as far back as that.
fn tell_of_gone(
    reader: &Reader,
    filter: &HistoryFilter,
    (now, zone): (Timestamp, &TimeZone),
    out: &mut Out,
) -> Result<(), Failure> {
    let gone = match &filter.job {
        Some(job) => reader.gone_of(job)?.runs,
        None => reader.gone()?,
    };
    let Some((until, limit)) = gone.filter(|(until, _)| filter.since.is_none_or(|since| since <= *until)) else {
        return Ok(());
    };
    let until = times::moment(until, now, zone);
    let what = match filter.job {
        Some(_) => "runs until",
        None => "of some jobs, runs until",
    };
    let words = format!("{what} {until} were removed: [history] {}", limit.as_str());
    out.line(tone(Tone::Dim, words))?;
    Ok(())
}

/// A run's outcome or state with its symbol, in its tone.
pub(super) fn outcome_words(run: &Run) -> String {
    let Some(outcome) = run.outcome else {
        return tone(Tone::Busy, format!("▸ {}", run.state.as_str().replace('_', " ")));
    };
    let (mark, tint) = match outcome {
        Outcome::Succeeded => ("✓", Tone::Good),
        Outcome::Cancelled | Outcome::Skipped => ("·", Tone::Dim),
        Outcome::Missed => ("!", Tone::Warn),
        _ => ("✗", Tone::Bad),
    };
    let many = if run.occurrences > 1 {
        format!(" ×{}", run.occurrences)
    } else {
        String::new()
    };
    tone(tint, format!("{mark} {}{many}", outcome.as_str().replace('_', " ")))
}

/// Fails when nothing was ever recorded of such a job.
pub(super) fn known_job(reader: &Reader, job: &Name) -> Result<(), Failure> {
    if reader.job(job)?.is_some() || reader.last_run_of(job)?.is_some() {
        return Ok(());
    }
    let snapshot = reader.snapshot()?;
    let known = snapshot.jobs.iter().map(|record| record.job.as_str());
    Err(names::unknown("job", job.as_str(), "what is recorded", known))
}

fn parse_outcome(text: &str) -> Result<Outcome, String> {
    let wanted = text.replace('-', "_");
    OUTCOMES
        .into_iter()
        .find(|outcome| outcome.as_str() == wanted)
        .ok_or_else(|| {
            let words: Vec<&str> = OUTCOMES.iter().map(|outcome| outcome.as_str()).collect();
            let near = names::nearest(&wanted, words.iter().copied());
            let hint = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
            format!("{hint}write one of {}", words.join(", "))
        })
}
