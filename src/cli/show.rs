//! `freshd show`: everything about one run and its attempts.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::history::{outcome_words, released};
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, facts, grid};
use super::times;
use crate::model::{Attempt, Outcome, Run, RunId, run_document};
use crate::store::{HistoryFilter, Reader};

/// Lines of the last attempt's output.
const OUTPUT_LINES_MAX: usize = 20;

/// What `show` is told.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The run's number, as `freshd history` shows it
    #[arg(value_parser = run_number)]
    run: u64,
}

/// Reads `41`, and `41.1` as the run of that attempt.
fn run_number(text: &str) -> Result<u64, String> {
    let run = text.split_once('.').map_or(text, |(run, _)| run);
    run.parse()
        .map_err(|_| format!("`{}` is no run's number; `freshd history` lists them", clean(text)))
}

pub(super) fn run(args: &ShowArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let reader = global.reader()?;
    let (run, attempts) = find(&reader, RunId(args.run))?;
    if out.json {
        out.document(&run_document(&run, &attempts))?;
        return Ok(Exit::Fine);
    }
    let (now, zone) = (Timestamp::now(), global.zone());
    out.line(format!(
        "run {} of {}: {}",
        run.id,
        tone(Tone::Strong, clean(run.job.as_str())),
        outcome_words(&run)
    ))?;
    let width = out::width();
    let mut lines = lines(&run, now, &zone);
    lines.extend(released(&run).map(|by_hand| ("by hand", clean(&by_hand))));
    out.text(&facts(&lines, 2, width))?;
    if attempts.is_empty() {
        return Ok(Exit::Fine);
    }
    out.line("")?;
    let columns = [
        Column::whole("attempt"),
        Column::whole("outcome"),
        Column::whole("began"),
        Column::whole("took"),
        Column::whole("cpu").spare(2),
        Column::whole("memory").spare(2),
        Column::whole("output").spare(1),
        Column::cut("reason", 20),
    ];
    let rows: Vec<Vec<String>> = attempts.iter().map(|attempt| row(attempt, now, &zone)).collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    if let Some(last) = attempts.last().filter(|last| !last.report.is_empty()) {
        out.line("")?;
        out.line(tone(Tone::Dim, "what it reported"))?;
        for (key, value) in &last.report {
            out.line(format!("  {}: {}", clean(key), clean(value)))?;
        }
    }
    if let Some(last) = attempts.last().filter(|last| !last.output.tail.is_empty()) {
        out.line("")?;
        out.line(tone(
            Tone::Dim,
            format!("the last lines it printed; all of them: freshd logs {}", run.id),
        ))?;
        for line in last.output.last_lines(OUTPUT_LINES_MAX) {
            out.line(format!("  {line}"))?;
        }
    }
    Ok(Exit::Fine)
}

/// The run of that number.
pub(super) fn find(reader: &Reader, id: RunId) -> Result<(Run, Vec<Attempt>), Failure> {
    if let Some(found) = reader.run(id)? {
        return Ok(found);
    }
    let newest = reader.history(&HistoryFilter {
        limit: 1,
        ..HistoryFilter::default()
    })?;
    let hint = match newest.first() {
        Some(newest) => format!("the newest is {}; `freshd history` lists them", newest.id),
        None => "nothing has run yet".to_owned(),
    };
    Err(Failure::usage(format!("there is no run {id}; {hint}")))
}

fn lines(run: &Run, now: Timestamp, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let told = |at: Timestamp| {
        format!(
            "{} ({})",
            times::moment_with_seconds(at, now, zone),
            times::hint(at, now)
        )
    };
    let mut lines = Vec::new();
    if let Some(reason) = &run.reason {
        lines.push(("because", clean(reason)));
    }
    let by = run
        .by
        .as_deref()
        .map(|by| format!(" by {}", clean(by)))
        .unwrap_or_default();
    lines.push(("trigger", format!("{}{by}", run.trigger.as_str())));
    if !run.args.is_empty() {
        lines.push(("arguments", clean(&run.args.join(" "))));
    }
    if let Some(due_at) = run.due_at {
        let until = run
            .due_until
            .map(|until| format!(" until {}", told(until)))
            .unwrap_or_default();
        lines.push(("due", told(due_at) + &until));
    }
    if !run.nominal.is_empty() {
        lines.push(("stands for", clean(&run.nominal.join(", "))));
    }
    let started_at = run.started_at;
    if let Some(at) = started_at {
        lines.push(("began", told(at)));
    }
    if let Some(at) = run.ended_at {
        let took = started_at
            .map(|from| format!(", after {}", times::took(from, at)))
            .unwrap_or_default();
        lines.push(("ended", told(at) + &took));
    }
    if let Some(at) = run.retry_at.filter(|_| run.outcome.is_none()) {
        lines.push(("tries again", told(at)));
    }
    if let Some(code) = run.exit_code.filter(|code| *code != 0) {
        lines.push(("exit code", code.to_string()));
    }
    if let Some(signal) = run.signal {
        lines.push(("signal", signal.to_string()));
    }
    if !run.inputs.is_empty() {
        let inputs: Vec<String> = run.inputs.iter().map(ToString::to_string).collect();
        lines.push(("read", clean(&inputs.join(", "))));
    }
    if run.attempts > 0 {
        lines.push(("trace", run.trace_id()));
    }
    match (run.version, run.outcome) {
        (Some(version), Some(Outcome::Rejected)) => {
            lines.push(("refused", format!("version {version}, in quarantine")));
        }
        (Some(version), Some(Outcome::Failed)) => {
            lines.push(("kept aside", format!("version {version}, in quarantine")));
        }
        (Some(version), _) => lines.push(("made", format!("version {version}"))),
        (None, _) => {}
    }
    lines
}

fn row(attempt: &Attempt, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let outcome = attempt
        .outcome
        .map_or(attempt.state.as_str(), |outcome| outcome.as_str())
        .replace('_', " ");
    let tint = match attempt.outcome {
        None => Tone::Busy,
        Some(outcome) if outcome.is_failure() => Tone::Bad,
        Some(_) => Tone::Good,
    };
    let took = attempt
        .started_at
        .zip(attempt.ended_at)
        .map(|(from, to)| times::took(from, to));
    let usage = attempt.usage;
    let ended = attempt.ended_at.is_some();
    vec![
        attempt.id.number.to_string(),
        tone(tint, outcome),
        attempt
            .started_at
            .map(|at| times::moment_with_seconds(at, now, zone))
            .unwrap_or_default(),
        took.unwrap_or_default(),
        if ended {
            format!("{}ms", usage.user_ms + usage.system_ms)
        } else {
            String::new()
        },
        if ended {
            format!("{} MiB", usage.max_rss_kib.div_ceil(1024))
        } else {
            String::new()
        },
        if ended {
            bytes(attempt.output.bytes)
        } else {
            String::new()
        },
        remark(attempt),
    ]
}

/// Why it ended so, and what had to be ended with it.
fn remark(attempt: &Attempt) -> String {
    let reason = attempt.reason.as_deref().map(clean);
    let left = match attempt.usage.leftovers_killed {
        0 => None,
        1 => Some("1 process outlived it and was killed".to_owned()),
        more => Some(format!("{more} processes outlived it and were killed")),
    };
    reason.into_iter().chain(left).collect::<Vec<_>>().join("; ")
}

/// A size for people.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes.div_ceil(1_024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}
