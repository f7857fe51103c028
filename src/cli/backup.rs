//! `freshd backup`: a whole copy of freshd's records, proven by reading it, with or without a running freshd.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::table;
use super::times;
use crate::model::format_time;
use crate::store::{BACKUP_DIR, Backup, BackupError, DAILY_KEPT};

/// What `backup` is told.
#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// Where to [default: backup/ of the state directory, beside the daily ones]
    file: Option<PathBuf>,

    /// Let a file that is there go, once the copy is whole
    #[arg(long, requires = "file")]
    replace: bool,
}

pub(super) fn run(args: &BackupArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let state_dir = global.state_dir()?;
    let reader = global.reader()?;
    let taken = match &args.file {
        Some(file) => reader.backup_to(&absolute(file)?, args.replace),
        None => reader.backup_daily(&state_dir, Timestamp::now()),
    };
    let backup = taken.map_err(|error| failure(error, &state_dir))?;
    if out.json {
        out.document(&json!({
            "file": backup.file,
            "bytes": backup.bytes,
            "runs": backup.runs,
            "newest_record_at": backup.newest_record_at,
        }))?;
    } else {
        out.text(&in_words(&backup, global, args.file.is_none()))?;
    }
    Ok(Exit::Fine)
}

fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

fn failure(error: BackupError, state_dir: &Path) -> Failure {
    let message = format!("no backup was taken: {error}");
    match error {
        BackupError::Exists { .. } | BackupError::IsADirectory { .. } => Failure::usage(message),
        BackupError::Read(error) => error.into(),
        BackupError::Damaged(_) => Failure::not_fine(format!(
            "{message}; a restart of freshd on {} sets it aside and goes on from the newest backup",
            state_dir.display()
        )),
        _ => Failure::not_fine(message),
    }
}

fn in_words(backup: &Backup, global: &Global, is_daily: bool) -> String {
    let zone = global.zone();
    let newest = backup.newest_record_at.map_or_else(
        || "none yet".to_owned(),
        |at| format!("{} {}", format_time(at, &zone), times::zone_name(&zone)),
    );
    let mut facts = vec![
        ("backup", backup.file.display().to_string()),
        ("size", format!("{} bytes", backup.bytes)),
        ("runs", backup.runs.to_string()),
        ("newest record", newest),
        ("proven", "read through, and loaded as a start does".to_owned()),
    ];
    if is_daily {
        let kept = format!("the newest {DAILY_KEPT} of {BACKUP_DIR}/, those before an update apart");
        facts.push(("kept", kept));
    }
    table::facts(&facts, 0, super::out::width())
}
