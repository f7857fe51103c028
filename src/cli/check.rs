//! `freshd check`: every mistake of a configuration, with its line and remedy.

mod hindsight;

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, tone};
use crate::config::{self, Environment, Level, Problem};
use crate::model::Settings;
use crate::store::Reader;

/// What `check` is told.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The configuration to check, instead of --config
    file: Option<PathBuf>,
}

pub(super) fn run(args: &CheckArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let file = args.file.as_deref().unwrap_or(&global.config);
    let state_dir = global.state_dir()?;
    // Before the first start nothing is recorded, and what cannot be read is told by other verbs.
    let reader = Reader::open(&state_dir).ok();
    let published = reader.as_ref().and_then(|reader| reader.published_files().ok());
    let environment = Environment::of_process()
        .with_state_dir(&state_dir)
        .with_published(published.unwrap_or_default());
    let mut loaded = config::load(file, &environment);
    if let (Some(reader), Some(settings)) = (&reader, &loaded.settings) {
        let doubts = hindsight::doubts(settings, reader, &state_dir);
        if !doubts.is_empty() {
            // Told where they stand, among all that is found.
            loaded = config::load(file, &environment.with_doubts(doubts));
        }
    }
    let exit = if loaded.settings.is_some() {
        Exit::Fine
    } else {
        Exit::Usage
    };
    if out.json {
        out.document(&loaded.to_json())?;
        return Ok(exit);
    }
    if !loaded.problems.is_empty() {
        let rendered = config::render(&loaded.problems, out.color);
        out.raw(rendered.as_bytes())?;
        out.line("")?;
    }
    let line = match &loaded.settings {
        Some(settings) => tone(Tone::Good, format!("{} is fine", file.display())) + &found(settings, &loaded.problems),
        None => tone(Tone::Bad, counted(file, &loaded.problems)),
    };
    out.line(line)?;
    Ok(exit)
}

/// `jobs.toml has 2 errors and 1 warning`.
pub(super) fn counted(file: &Path, problems: &[Problem]) -> String {
    let parts: Vec<String> = [(Level::Error, "error"), (Level::Warning, "warning")]
        .into_iter()
        .filter_map(|(level, word)| {
            let count = problems.iter().filter(|problem| problem.level == level).count();
            (count > 0).then(|| plural(count, word))
        })
        .collect();
    format!("{} has {}", file.display(), parts.join(" and "))
}

fn found(settings: &Settings, problems: &[Problem]) -> String {
    let parts = [
        plural(settings.jobs.len(), "job"),
        plural(settings.datasets.len(), "dataset"),
        plural(settings.systems.len(), "system"),
    ];
    let warnings = problems
        .iter()
        .filter(|problem| problem.level == Level::Warning)
        .count();
    let warnings = if warnings > 0 {
        format!("; {}", plural(warnings, "warning"))
    } else {
        String::new()
    };
    format!(": {}{warnings}", parts.join(", "))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
