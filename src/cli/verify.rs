//! `freshd verify`: judges a file as the output of a job would be, and changes nothing.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;

use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use super::times;
use crate::checks;
use crate::model::{AttemptId, CheckResult, Comparison, Judgement, Judging, Name, RunId, Verdict};
use crate::probe::Progress;

/// What `verify` is told.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// The file to judge
    file: PathBuf,

    /// The dataset whose checks it must satisfy
    #[arg(long, value_name = "NAME")]
    dataset: String,
}

pub(super) fn run(args: &VerifyArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let config = global.config.display();
    let settings = configured::settings(global)?;
    let Some(dataset) = settings.datasets.get(args.dataset.as_str()) else {
        let known = settings.datasets.keys().map(Name::as_str);
        return Err(names::unknown("dataset", &args.dataset, &config.to_string(), known));
    };
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", args.file.display()));
    // A person may name a link; a job may not leave one.
    let file = args.file.canonicalize().map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Failure::usage(format!("{} is not a file", args.file.display())));
    }
    let compared_with = dataset.checks.compared_with().into_iter();
    let judging = Judging {
        id: AttemptId {
            run: RunId(0),
            number: 0,
        },
        compared_with: compared_with
            .filter_map(|name| settings.datasets.get(name).cloned())
            .collect(),
        dataset: dataset.clone(),
        staged: file,
        // It was made by nobody's attempt: only its last write says how new it can be.
        started_at: Timestamp::UNIX_EPOCH,
        script: None,
        comparison: Comparison::default(),
        inputs: Vec::new(),
        report: Vec::new(),
    };
    let judgement =
        checks::judge(&judging, &Progress::default()).map_err(|error| Failure::not_fine(error.to_string()))?;
    let verdict = judgement.verdict();
    if out.json {
        out.document(&json!({
            "verdict": verdict,
            "rows": judgement.measurement.rows,
            "as_of": judgement.measurement.as_of,
            "checks": judgement.checks,
        }))?;
    } else {
        // What matters stands next to the verdict.
        let mut checks: Vec<_> = judgement.checks.iter().collect();
        checks.sort_by_key(|check| match check.verdict {
            Verdict::Pass => 0,
            Verdict::Warn => 1,
            Verdict::Hold => 2,
        });
        for check in checks {
            out.line(line(check))?;
        }
        let facts = facts(&judgement, global);
        let name = clean(&args.file.display().to_string());
        let dataset = &args.dataset;
        out.line(match verdict {
            Verdict::Hold => tone(Tone::Bad, format!("{name} would be refused as {dataset}")) + &facts,
            Verdict::Warn => {
                tone(
                    Tone::Warn,
                    format!("{name} would be published as {dataset}, with warnings"),
                ) + &facts
            }
            Verdict::Pass => tone(Tone::Good, format!("{name} would be published as {dataset}")) + &facts,
        })?;
    }
    Ok(match verdict {
        Verdict::Hold => Exit::NotFine,
        Verdict::Warn | Verdict::Pass => Exit::Fine,
    })
}

/// One check with its answer, as a line.
fn line(check: &CheckResult) -> String {
    let word = match check.verdict {
        Verdict::Pass => tone(Tone::Good, "pass"),
        Verdict::Warn => tone(Tone::Warn, "warn"),
        Verdict::Hold => tone(Tone::Bad, "hold"),
    };
    format!("{word}  {}: {}", check.name, clean(&check.message))
}

/// `: 5200 rows, as of Fri 20 Nov 22:10`.
fn facts(judgement: &Judgement, global: &Global) -> String {
    let measurement = &judgement.measurement;
    let rows = measurement.rows.map(|rows| match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    });
    let as_of = measurement
        .as_of
        .map(|as_of| format!("as of {}", times::moment(as_of, Timestamp::now(), &global.zone())));
    let facts: Vec<String> = rows.into_iter().chain(as_of).collect();
    if facts.is_empty() {
        String::new()
    } else {
        format!(": {}", facts.join(", "))
    }
}
