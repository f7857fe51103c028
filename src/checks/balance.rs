//! What the source says it gave, against what came: the last line of a file, and the job's report.

use super::columns::Tally;
use super::learned::shown;
use crate::model::{BalanceRows, CheckResult, Judging, Verdict, report_value};
use crate::probe::{self, Survey};

/// The answers of `trailer` and `balance`.
pub(super) fn answers(judging: &Judging, survey: &Survey, tally: &Tally<'_>) -> Vec<CheckResult> {
    let mut answers = Vec::new();
    let checks = &judging.dataset.checks;
    let rows = survey.measurement.rows;
    if let (Some(trailer), Some(rows)) = (&checks.trailer, rows) {
        let line = survey.trailer.as_deref().unwrap_or_default();
        let level = trailer.level.of_fact().verdict();
        let pattern = trailer.pattern.0.as_str();
        let told = trailer.pattern.0.captures(line).and_then(|found| found.name("rows"));
        let told = told.map(|told| told.as_str());
        answers.push(match told.map(|told| (told, told.trim().parse::<u64>())) {
            None => {
                let message = format!(
                    "the last line must be like `{pattern}`, but it is `{}`; the file may be cut off",
                    probe::shortened(line)
                );
                answer("trailer", None, level, pattern, line, message)
            }
            Some((told, Ok(number))) if number == rows => {
                let message = format!("the last line says {told} rows, and so many came");
                answer("trailer", None, Verdict::Pass, told, told, message)
            }
            Some((told, Ok(_))) => {
                let message = format!("the last line says {told} rows, but {rows} came: some are lost or doubled");
                answer("trailer", None, level, told, &rows.to_string(), message)
            }
            Some((told, Err(_))) => {
                let message = format!("the last line says `{told}` rows, which is not a whole number");
                answer("trailer", None, level, "a number of rows", told, message)
            }
        });
    }
    if let Some(balance) = &checks.balance {
        let level = balance.level.of_fact().verdict();
        let part = balance.tolerance.part;
        let sides = balance.rows.as_ref().map(|source| source_rows(judging, source));
        if let Some((source, whose)) = sides {
            answers.push(sides_of("rows", None, level, part, source, &whose, rows.map(count)));
        }
        for column in &balance.sums {
            let key = format!("source_sum.{column}");
            let source = report_value(&judging.report, &key).and_then(|text| text.trim().parse().ok());
            let source = source.filter(|source: &f64| source.is_finite());
            let whose = format!("the job reported as {key}");
            let came = survey.columns.contains(column).then(|| tally.sum(column)).flatten();
            answers.push(sides_of("sum", Some(column), level, part, source, &whose, came));
        }
    }
    answers
}

fn source_rows(judging: &Judging, source: &BalanceRows) -> (Option<f64>, String) {
    match source {
        BalanceRows::Reported => {
            let text = report_value(&judging.report, "source_rows");
            let rows = text.and_then(|text| text.trim().parse::<u64>().ok()).map(count);
            (rows, "the job reported as source_rows".to_owned())
        }
        BalanceRows::Input(dataset) => {
            let input = judging.inputs.iter().find(|(name, _)| name == dataset);
            let rows = input.and_then(|(_, rows)| *rows).map(count);
            (rows, format!("the version of {dataset} has that it was made from"))
        }
    }
}

/// Two numbers that must be the same, but for a part of them. A side that cannot be told does not balance.
fn sides_of(
    what: &str,
    column: Option<&str>,
    level: Verdict,
    tolerance: f64,
    source: Option<f64>,
    whose: &str,
    came: Option<f64>,
) -> CheckResult {
    let name = format!("balance.{what}");
    let subject = match column {
        Some(column) => format!("a sum of column `{column}`"),
        None => "a number of rows".to_owned(),
    };
    let (Some(source), Some(came)) = (source, came) else {
        let lacking = match source {
            None => format!("{subject} is not known that {whose}"),
            Some(_) => format!("{subject} could not be told of what came"),
        };
        let message = format!("it cannot be told whether it balances: {lacking}");
        return answer(&name, column, level, "both sides", "one side", message);
    };
    let (expected, actual) = (shown(source), shown(came));
    let hair = 1e-9 * source.abs().max(came.abs());
    if (came - source).abs() <= tolerance * source.abs() + hair {
        let message = format!("{subject} balances: {expected} that {whose}, and {actual} came");
        return answer(&name, column, Verdict::Pass, &expected, &actual, message);
    }
    let difference = came - source;
    let which = if difference < 0.0 { "missing" } else { "too much" };
    let message = format!(
        "{subject} does not balance: {expected} that {whose}, but {actual} came: {} {which}",
        shown(difference.abs())
    );
    answer(&name, column, level, &expected, &actual, message)
}

#[expect(clippy::cast_precision_loss, reason = "no file has more rows than fit into 53 bits")]
fn count(rows: u64) -> f64 {
    rows as f64
}

fn answer(
    name: &str,
    column: Option<&str>,
    verdict: Verdict,
    expected: &str,
    actual: &str,
    message: String,
) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        column: column.map(str::to_owned),
        verdict,
        expected: expected.to_owned(),
        actual: probe::shortened(actual),
        message,
    }
}
