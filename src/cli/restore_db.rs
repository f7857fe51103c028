//! `freshd restore-db`: lets freshd's records go on from a backup, by hand.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::times;
use crate::model::{Restoration, format_time};
use crate::store::{OpenError, Store};

/// What `restore-db` is told.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreDbArgs {
    /// The backup [default: the newest of backup/ in the state directory that can be relied on]
    file: Option<PathBuf>,

    /// Do not ask; needed where there is no terminal
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &RestoreDbArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let state_dir = global.state_dir()?;
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "nothing was changed: there is nobody to ask; say --yes if the records are to go on from a backup",
        ));
    }
    if !args.yes && !is_wanted(args)? {
        return Err(Failure::not_fine("nothing was changed"));
    }
    let by = std::env::var("USER").unwrap_or_else(|_| "an operator".to_owned());
    let because = format!("a backup was restored by hand, by {by}");
    let restored = Store::restore(&state_dir, args.file.as_deref(), &because).map_err(|error| match error {
        OpenError::AlreadyRunning { .. } => Failure::not_fine(format!(
            "{error}; stop it first, its records cannot be changed under it"
        )),
        OpenError::NoStateDirectory { .. }
        | OpenError::NotItsOwn { .. }
        | OpenError::NoBackup { .. }
        | OpenError::UnusableBackup { .. } => Failure::usage(error.to_string()),
        other => Failure::not_fine(other.to_string()),
    })?;
    if out.json {
        out.document(&json!({
            "restored_at": restored.at,
            "backup": restored.backup,
            "newest_record_at": restored.from,
            "set_aside": restored.set_aside,
        }))?;
    } else {
        out.text(&in_words(&restored, global))?;
    }
    Ok(Exit::Fine)
}

fn is_wanted(args: &RestoreDbArgs) -> Result<bool, Failure> {
    let what = args
        .file
        .as_ref()
        .map_or_else(|| "the newest backup".to_owned(), |file| file.display().to_string());
    let failed = |error: std::io::Error| Failure::not_fine(format!("cannot ask: {error}"));
    let mut stderr = std::io::stderr();
    write!(
        stderr,
        "freshd's records will go on from {what}; what was recorded since then will be set aside, and not known any \
         more.\nGo on? [y/N] "
    )
    .and_then(|()| stderr.flush())
    .map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn in_words(restored: &Restoration, global: &Global) -> String {
    let zone = global.zone();
    let moment = |at| format!("{} {}", format_time(at, &zone), times::zone_name(&zone));
    let newest = restored.from.map_or_else(|| "none".to_owned(), moment);
    let mut facts = vec![
        ("goes on from", restored.backup.clone().unwrap_or_default()),
        ("newest record", newest),
    ];
    if let Some(set_aside) = &restored.set_aside {
        facts.push(("set aside", set_aside.clone()));
    }
    facts.push((
        "next",
        "start freshd: what was due since then is recorded as missed and not repeated, and everybody is told"
            .to_owned(),
    ));
    super::table::facts(&facts, 0, super::out::width())
}
