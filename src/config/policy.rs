//! How the runs of a job are started, watched and ended: the keys of `[jobs.NAME]` that thousands of jobs have alike.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::conditions;
use super::context::Context;
use super::context::Section;
use super::files;
use super::history;
use super::reader::{Table, Text};
use super::retry;
use super::trust;
use crate::model::{AlertWhen, OnStale, Overlap, RunPolicy};

const TIMEOUT_DEFAULT: Duration = Duration::from_hours(1);
const KILL_AFTER_DEFAULT: Duration = Duration::from_secs(10);
/// How long a run waits for its inputs to be fresh.
const HOLD_FOR_DEFAULT: Duration = Duration::from_hours(1);
const LOG_LIMIT_DEFAULT_BYTES: u64 = 8 << 20;
const LOG_LIMIT_MIN_BYTES: u64 = 1 << 10;
const LOG_LIMIT_MAX_BYTES: u64 = 1 << 30;

/// How many of the policies that were found last a further one is compared with.
const COMPARED_MAX: usize = 64;

/// Policies found so far: equal ones are shared.
#[derive(Debug, Default)]
pub(super) struct Policies(RefCell<Vec<Arc<RunPolicy>>>);

impl Policies {
    /// The copy that equal policies share.
    fn shared(&self, policy: RunPolicy) -> Arc<RunPolicy> {
        let mut found = self.0.borrow_mut();
        if let Some(known) = found.iter().rev().take(COMPARED_MAX).find(|known| ***known == policy) {
            return known.clone();
        }
        let policy = Arc::new(policy);
        found.push(policy.clone());
        policy
    }
}

/// Reads how the runs of a job are handled; `reads` when it reads any dataset.
pub(super) fn policy(context: &Context<'_>, table: &Table<'_>, reads: bool) -> Arc<RunPolicy> {
    let success_codes = retry::exit_codes(table, "success_codes").unwrap_or_else(|| vec![0]);
    let warn_codes = retry::exit_codes(table, "warn_codes").unwrap_or_default();
    if let Some(code) = warn_codes.iter().find(|code| success_codes.contains(code)) {
        context.report.error(
            table.key_spot("warn_codes").unwrap_or(table.spot),
            format!("exit code {code} is in `success_codes` and in `warn_codes`"),
            "keep it in one of the two",
        );
    }
    context.policies.shared(RunPolicy {
        on_stale: on_stale(table, reads),
        timeout: timeout(table),
        kill_after: table.duration("kill_after").unwrap_or(KILL_AFTER_DEFAULT),
        min_runtime: table.duration("min_runtime"),
        retry: retry::retry(table),
        pool: table.text("pool").and_then(|text| context.refer(Section::Pools, &text)),
        overlap: overlap(table, table.has("produces")),
        catch_up: retry::catch_up(table),
        success_codes,
        warn_codes,
        env: environment(context, table),
        workdir: table.text("workdir").map(|text| workdir(context, &text)),
        log_limit_bytes: log_limit(table),
        history: history::of_job(context, table),
        keep_leftovers: table
            .choice("leftovers", &[("keep", true), ("kill", false)])
            .unwrap_or(false),
        conditions: conditions::conditions(context, table),
        idempotent: table.flag("idempotent").unwrap_or(false),
        alert: table
            .choice(
                "alert",
                &[("failure", AlertWhen::Failure), ("breach", AlertWhen::Breach)],
            )
            .unwrap_or_default(),
    })
}

fn on_stale(table: &Table<'_>, reads: bool) -> OnStale {
    let choices = [
        ("run", OnStale::Run),
        ("last_good", OnStale::LastGood),
        ("hold", OnStale::Hold(HOLD_FOR_DEFAULT)),
    ];
    let chosen = table.choice("on_stale", &choices);
    let hold_for = table.duration("hold_for");
    if let Some(value) = table.get("on_stale").filter(|_| !reads) {
        value.error(
            "a job that reads no dataset has nothing to wait for",
            "name what it reads: needs = [\"stock\"]",
        );
    }
    match (chosen, hold_for) {
        (None | Some(OnStale::Hold(_)), Some(patience)) if reads => OnStale::Hold(patience),
        (chosen, None) => chosen.unwrap_or(OnStale::Hold(HOLD_FOR_DEFAULT)),
        (chosen, Some(patience)) => {
            if let Some(value) = table.get("hold_for") {
                value.error(
                    "`hold_for` says how long a run waits for its inputs, and it waits for none",
                    "take `hold_for` out, or name inputs and let on_stale be \"hold\"",
                );
            }
            chosen.unwrap_or(OnStale::Hold(patience))
        }
    }
}

fn overlap(table: &Table<'_>, produces: bool) -> Overlap {
    let choices = [
        ("skip", Overlap::Skip),
        ("queue", Overlap::Queue),
        ("replace", Overlap::Replace),
        ("allow", Overlap::Allow),
    ];
    let overlap = table.choice("overlap", &choices).unwrap_or_default();
    if overlap == Overlap::Allow
        && produces
        && let Some(value) = table.get("overlap")
    {
        value.error(
            "two runs at once would publish the same dataset in no order",
            "write \"queue\" to keep their order, or let a job without `produces` run beside itself",
        );
    }
    overlap
}

fn timeout(table: &Table<'_>) -> Option<Duration> {
    match table.get("timeout") {
        None => Some(TIMEOUT_DEFAULT),
        Some(value) if value.as_text() == Some("none") => None,
        Some(value) => {
            let timeout = value.duration()?;
            if timeout.is_zero() {
                value.error(
                    "`timeout` ends every run at once",
                    "write a duration, or \"none\" for no limit",
                );
            }
            Some(timeout)
        }
    }
}

fn log_limit(table: &Table<'_>) -> u64 {
    let Some(value) = table.get("log_limit") else {
        return LOG_LIMIT_DEFAULT_BYTES;
    };
    let bytes = value.size().unwrap_or(LOG_LIMIT_DEFAULT_BYTES);
    if !(LOG_LIMIT_MIN_BYTES..=LOG_LIMIT_MAX_BYTES).contains(&bytes) {
        value.error("`log_limit` must be 1 KiB to 1 GiB", "write log_limit = \"8 MiB\"");
    }
    bytes
}

fn workdir(context: &Context<'_>, text: &Text<'_>) -> PathBuf {
    let path = context.path(text);
    if !context.report.was_accepted() && !path.is_dir() {
        let message = if path.exists() {
            format!("`{}` is not a directory", text.text)
        } else {
            format!("the directory `{}` does not exist", text.text)
        };
        text.error(message, format!("mkdir -p {}, or correct the path", path.display()));
    }
    path
}

/// `env`, then what `env_file` adds to it.
fn environment(context: &Context<'_>, table: &Table<'_>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    // Else the schedule carries the job's zone; this is for jobs that nothing but a person starts.
    if let Some(zone) = table.text("timezone") {
        variables.push(("TZ".to_owned(), zone.text.to_owned()));
    }
    if let Some(inner) = table.table("env") {
        for (key, spot, value) in inner.entries() {
            if let Err(message) = check_name(key) {
                context
                    .report
                    .error(spot, message, "write letters, digits and underscores");
            }
            match value.as_text() {
                Some(text) if !text.contains('\0') => {
                    context.secrets.borrow_mut().add_open_variable(key, text);
                    variables.push((key.to_owned(), text.to_owned()));
                }
                _ => {
                    if value.as_text().is_some() {
                        value.error(format!("`{}` contains a NUL character", value.key), "take it out");
                    } else {
                        value.expected("a text", "put the value between quotes");
                    }
                }
            }
        }
    }
    let Some(file) = table.text("env_file").filter(|_| !context.report.was_accepted()) else {
        return variables;
    };
    let path = context.path(&file);
    let text = match files::read_text(&path, files::FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => {
            file.error(format!("`{}` {}", file.text, error.message), error.help);
            return variables;
        }
    };
    if context.environment.root
        && let Some(error) = trust::changeable_by_others(&path, None)
    {
        file.error(format!("`{}` {}", file.text, error.message), error.help);
    }
    for (number, line) in text.lines().enumerate() {
        match env_line(line) {
            Ok(None) => {}
            Ok(Some((key, value))) => {
                context.secrets.borrow_mut().add_variable(key, value);
                if !variables.iter().any(|(known, _)| known == key) {
                    variables.push((key.to_owned(), value.to_owned()));
                }
            }
            // The line may hold a secret: it is not shown.
            Err(message) => file.error(
                format!("line {} of `{}`: {message}", number + 1, file.text),
                "write KEY=VALUE on each line, and # before a comment",
            ),
        }
    }
    variables
}

/// Reads a line of an env file: `KEY=VALUE`, quotes around the value optional.
fn env_line(line: &str) -> Result<Option<(&str, &str)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (key, value) = line.split_once('=').ok_or_else(|| "not KEY=VALUE".to_owned())?;
    let key = key.trim();
    check_name(key).map_err(|_| "not the name of a variable before `=`".to_owned())?;
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    if unquoted.contains('\0') {
        return Err("a NUL character".to_owned());
    }
    Ok(Some((key, unquoted)))
}

fn check_name(name: &str) -> Result<(), String> {
    let shape = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !shape {
        return Err(format!("`{name}` is not the name of an environment variable"));
    }
    if name.starts_with("FRESHD_") {
        return Err(format!("`{name}` is set by freshd itself"));
    }
    Ok(())
}
