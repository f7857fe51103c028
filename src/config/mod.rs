//! jobs.toml to model: every mistake with its line, secrets, includes, static findings.

mod calendars;
mod changes;
mod checks;
mod channels;
mod commands;
mod conditions;
mod context;
mod datasets;
mod documents;
mod environment;
mod excerpt;
mod files;
mod findings;
mod general;
mod heartbeat;
mod history;
mod jobs;
mod load;
mod logins;
mod maintenance;
mod measures;
mod neighbours;
mod parts;
mod policy;
mod problem;
mod published;
mod reader;
mod report;
mod retry;
mod schedules;
mod secrets;
mod sources;
mod syntax;
mod teams;
#[cfg(test)]
mod tests;
mod texts;
mod timing;
mod trust;
mod value;
mod web;

pub use changes::changes;
pub use environment::Environment;
pub use problem::{Level, Problem, render};

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Address, Channel, Name, Redactor, Settings};
use report::Report;

/// What came of loading a configuration.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration; `None` when any problem is an error.
    pub settings: Option<Settings>,
    /// Everything found, by file and line.
    pub problems: Vec<Problem>,
    /// Each file that was read and its text, the root file first.
    pub files: Vec<(String, String)>,
}

/// Reads a configuration with its includes and finds every mistake in it.
///
/// `check`, start and reload all call this one function: what the one accepts, the others do.
pub fn load(file: &Path, environment: &Environment) -> Loaded {
    load_draft(file, file, environment)
}

/// Reads a draft of the configuration that stands at `stands_at`, to be put there: what is relative in it, secrets and
/// includes too, is looked for from there.
pub fn load_draft(draft: &Path, stands_at: &Path, environment: &Environment) -> Loaded {
    let mut report = Report::default();
    sources::read(&mut report, draft, stands_at, environment);
    let settings = load::settings(&report, stands_at, environment);
    let settings = (report.errors() == 0).then_some(settings);
    let (problems, files) = report.finish();
    Loaded {
        settings,
        problems,
        files,
    }
}

/// Who is told when nobody else can be, and how they are reached.
#[derive(Clone, Debug)]
pub struct LastResort {
    /// Whom to tell.
    pub fallback: Vec<Address>,
    /// Those channels that are written as they must be, by name.
    pub channels: BTreeMap<Name, Channel>,
    /// The other ones, each with what is wrong and where.
    pub unusable: BTreeMap<Name, String>,
    /// What is wrong with the rest.
    pub mistakes: Vec<Problem>,
    /// The zone of the file, unless something is wrong with that.
    pub timezone: Option<jiff::tz::TimeZone>,
}

/// Reads of a configuration only whom to tell that freshd does not run, even where the rest of it was refused.
pub fn last_resort(file: &Path, environment: &Environment) -> LastResort {
    let mut report = Report::default();
    sources::read(&mut report, file, file, environment);
    let settings = load::settings(&report, file, environment);
    let unusable = report.unusable_channels();
    let (mut mistakes, _) = report.finish();
    mistakes.retain(|problem| problem.level == Level::Error);
    LastResort {
        fallback: settings.fallback,
        channels: settings.channels,
        unusable,
        timezone: mistakes.is_empty().then_some(settings.timezone),
        mistakes,
    }
}

/// What hides the secrets of a configuration, even where some of it was refused; with the mistakes, for which it may not
/// know all of them.
pub fn redactor(file: &Path, environment: &Environment) -> (Redactor, Vec<Problem>) {
    let mut report = Report::default();
    sources::read(&mut report, file, file, environment);
    let redactor = load::settings(&report, file, environment).redactor;
    let (mut mistakes, _) = report.finish();
    mistakes.retain(|problem| problem.level == Level::Error);
    (redactor, mistakes)
}

/// Reads the texts of a configuration that was accepted before, for what its jobs and datasets said then.
///
/// The same code as [`load()`], but nothing outside of the texts is looked at: a secret, a calendar, a directory or a
/// program may be gone by now, and a job that was started does not depend on them any more. So there are no channels
/// and no teams in the settings, and of a calendar only what stands in the texts. `file` is the root file as it is called now,
/// `files` are those of [`Loaded::files`].
///
/// # Errors
/// Says what this freshd does not understand of it.
pub fn recall(file: &Path, files: &[(String, String)], environment: &Environment) -> Result<Settings, Vec<Problem>> {
    let mut report = Report::of_what_was_accepted();
    sources::remember(&mut report, file, files);
    let settings = load::settings(&report, file, environment);
    if report.errors() == 0 {
        Ok(settings)
    } else {
        let (mut problems, _) = report.finish();
        problems.retain(|problem| problem.level == Level::Error);
        Err(problems)
    }
}

impl Loaded {
    /// The answer of `check --json`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "ok": self.settings.is_some(), "problems": self.problems })
    }
}
