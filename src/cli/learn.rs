//! `freshd learn`: proposes checks for a dataset from files that are known to be good.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use crate::checks::{self, ProposeError};
use crate::model::Dataset;

/// What `learn` is told.
#[derive(Debug, clap::Args)]
pub(super) struct LearnArgs {
    /// The dataset, which need not be in jobs.toml yet
    dataset: String,

    /// Files that are known to be good, oldest first; eight of them tell a lot more than one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &LearnArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    for file in &args.files {
        let found = file
            .canonicalize()
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
        files.push(found);
    }
    let known = known(&args.dataset, global)?;
    let known = known.as_ref().map(|dataset| &dataset.checks);
    let checks = checks::propose(&files, known, &global.zone()).map_err(|error| match error {
        ProposeError::Unlike { .. } => Failure::not_fine(format!("{error}; take only files that are good and alike")),
        ProposeError::Measure(error) => Failure::usage(error.to_string()),
    })?;
    if out.json {
        out.document(&json!({ "dataset": args.dataset, "files": args.files, "checks": checks }))?;
        return Ok(Exit::Fine);
    }
    let count = args.files.len();
    let files = if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    };
    out.line(tone(
        Tone::Dim,
        format!("# Proposed from {files} that are said to be good. Read it before it decides."),
    ))?;
    out.line(format!("[datasets.{}.checks]", clean(&args.dataset)))?;
    for check in &checks {
        out.line(tone(Tone::Dim, format!("# {}", clean(&check.evidence))))?;
        out.line(clean(&check.line))?;
    }
    Ok(Exit::Fine)
}

/// The dataset, where jobs.toml names it: its files are read as it says. A jobs.toml that is not there yet says nothing.
fn known(name: &str, global: &Global) -> Result<Option<Arc<Dataset>>, Failure> {
    if !global.config.exists() {
        return Ok(None);
    }
    Ok(configured::settings(global)?.datasets.get(name).cloned())
}
