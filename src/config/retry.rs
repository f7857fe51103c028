//! What follows a failed attempt and a missed occurrence: `retry`, `no_retry_on`, `give_up_after`, `catch_up`.

use super::reader::{Table, Value};
use crate::model::{CatchUp, CatchUpMode, Retry, RetryOn};

const ATTEMPTS_MAX: i64 = 1_000;
const FACTOR_MAX: f64 = 100.0;
const CATCH_UP_LIMIT_MAX: i64 = 1_000;
const EXIT_CODE_MAX: i64 = 255;

/// Reads `retry`, and `no_retry_on` and `give_up_after` beside it.
pub(super) fn retry(table: &Table<'_>) -> Retry {
    let mut retry = Retry::default();
    if let Some(inner) = table.table("retry") {
        if let Some(attempts) = inner.whole("attempts", (1, ATTEMPTS_MAX)) {
            retry.attempts = u32::try_from(attempts).unwrap_or(1);
        } else if !inner.has("attempts") {
            inner.missing(
                "attempts",
                "`retry` does not say how often",
                "add attempts = 4, the first one included",
            );
        }
        let delay = inner.duration("delay");
        retry.delay = delay.unwrap_or(retry.delay);
        if let Some(value) = inner.get("factor")
            && let Some(factor) = value.number()
        {
            if (1.0..=FACTOR_MAX).contains(&factor) {
                retry.factor = factor;
            } else {
                let message = format!("`factor` must be 1 to {FACTOR_MAX}");
                value.error(message, "write factor = 2 to double the delay each time");
            }
        }
        let max_delay = inner.get("max_delay");
        let longest = max_delay.and_then(Value::duration);
        match (longest, max_delay, delay) {
            (Some(longest), Some(value), Some(delay)) if longest < delay => {
                value.error("`max_delay` is shorter than `delay`", "write at least the first delay");
            }
            // A first delay beyond the default cap is meant as it is written.
            (None, ..) => retry.max_delay = retry.max_delay.max(retry.delay),
            (Some(longest), ..) => retry.max_delay = longest,
        }
        retry.on = inner.get("on").map(failures).unwrap_or_default();
        misplaced(&inner, &["no_retry_on", "give_up_after"]);
        inner.finish();
    }
    let never_on = table.get("no_retry_on");
    retry.never_on = never_on.map(failures).unwrap_or_default();
    let give_up_after = table.get("give_up_after");
    retry.give_up_after = give_up_after.and_then(Value::duration);
    if !table.has("retry") {
        for value in [never_on, give_up_after].into_iter().flatten() {
            value.error(
                format!("`{}` has no effect without `retry`", value.key),
                "add retry = { attempts = 4, delay = \"1m\" }",
            );
        }
    }
    retry
}

/// Reads `catch_up`, `catch_up_limit` and `catch_up_within`.
pub(super) fn catch_up(table: &Table<'_>) -> CatchUp {
    let mut catch_up = CatchUp::default();
    let modes = [
        ("latest", CatchUpMode::Latest),
        ("all", CatchUpMode::All),
        ("none", CatchUpMode::None),
    ];
    if let Some(mode) = table.choice("catch_up", &modes) {
        catch_up.mode = mode;
    }
    if let Some(limit) = table.whole("catch_up_limit", (1, CATCH_UP_LIMIT_MAX)) {
        catch_up.limit = u32::try_from(limit).unwrap_or(1);
    }
    if let Some(within) = table.duration("catch_up_within") {
        catch_up.within = within;
    }
    catch_up
}

/// A list of exit codes; `None` when absent.
pub(super) fn exit_codes(table: &Table<'_>, key: &'static str) -> Option<Vec<i32>> {
    let list = table.get(key)?.list()?;
    let codes = list
        .into_iter()
        .filter_map(|value| value.whole((0, EXIT_CODE_MAX)))
        .filter_map(|code| i32::try_from(code).ok());
    Some(codes.collect())
}

fn misplaced(table: &Table<'_>, keys: &[&'static str]) {
    for key in keys {
        if let Some(value) = table.get(key) {
            let spot = table.key_spot(key).unwrap_or(value.spot());
            value.report.error(
                spot,
                format!("`{key}` belongs beside `retry`, not into it"),
                format!("write {key} = ... on a line of its own"),
            );
        }
    }
}

/// `["timeout", 75, "1..=9"]`
fn failures(value: Value<'_>) -> Vec<RetryOn> {
    value
        .list()
        .unwrap_or_default()
        .into_iter()
        .filter_map(failure)
        .collect()
}

fn failure(value: Value<'_>) -> Option<RetryOn> {
    let help = "write \"timeout\", \"killed\", \"rejected\", \"spawn_failed\", an exit code, or a range as \"1..=9\"";
    if value.is_whole() {
        let code = i32::try_from(value.whole((0, EXIT_CODE_MAX))?).ok()?;
        return Some(RetryOn::Codes(code, code));
    }
    let text = value.text()?;
    let range = || {
        let (first, last) = text.text.split_once("..=")?;
        let code = |text: &str| text.trim().parse::<u8>().ok().map(i32::from);
        let (first, last) = (code(first)?, code(last)?);
        (first <= last).then_some(RetryOn::Codes(first, last))
    };
    let found = match text.text {
        "timeout" | "timed_out" => Some(RetryOn::TimedOut),
        "killed" => Some(RetryOn::Killed),
        "rejected" => Some(RetryOn::Rejected),
        "spawn_failed" => Some(RetryOn::SpawnFailed),
        _ => range(),
    };
    if found.is_none() {
        text.error(format!("`{}` is not a kind of failure", text.text), help);
    }
    found
}
