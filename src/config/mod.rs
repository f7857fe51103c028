//! jobs.toml to model: every mistake with its line, secrets, includes, static findings.

mod calendars;
mod channels;
mod commands;
mod context;
mod datasets;
mod environment;
mod excerpt;
mod files;
mod findings;
mod general;
mod jobs;
mod load;
mod measures;
mod problem;
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
mod value;

pub use environment::Environment;
pub use problem::{Level, Problem, render};

use std::path::Path;

use crate::model::Settings;
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
    let mut report = Report::default();
    sources::read(&mut report, file, environment);
    let settings = load::settings(&report, file, environment);
    let settings = (report.errors() == 0).then_some(settings);
    let (problems, files) = report.finish();
    Loaded {
        settings,
        problems,
        files,
    }
}

impl Loaded {
    /// The answer of `check --json`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "ok": self.settings.is_some(), "problems": self.problems })
    }
}
