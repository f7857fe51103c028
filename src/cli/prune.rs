//! `freshd prune`: removes what is beyond `[history]` now instead of within the hour, or says what would go.

use jiff::Timestamp;
use serde_json::json;

use super::check::counted;
use super::client::Client;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use crate::config::{self, Environment};
use crate::daemon::{self, Ask};
use crate::model::{Pruned, Reply, Settings, format_bytes};

/// What `prune` is told.
#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// Remove nothing; say what would go under the configuration as it is written now
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &PruneArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let pruned = if args.dry_run {
        let settings = configured(global)?;
        daemon::would_prune(&global.state_dir()?, &settings, Timestamp::now())?
    } else {
        // Millions of rows take minutes, and the daemon goes on meanwhile.
        match Client::connect(global)?.ask(&Ask::Prune, None)? {
            Reply::Done(facts) => serde_json::from_value(facts)
                .map_err(|error| Failure::not_fine(format!("the daemon's answer cannot be read: {error}")))?,
            Reply::Refused(why) => return Err(Failure::not_fine(why)),
        }
    };
    if out.json {
        let mut facts = json!(pruned);
        facts["dry_run"] = json!(args.dry_run);
        out.document(&facts)?;
    } else {
        out.line(in_words(&pruned, args.dry_run))?;
    }
    Ok(Exit::Fine)
}

fn configured(global: &Global) -> Result<Settings, Failure> {
    let loaded = config::load(&global.config, &Environment::of_process());
    let counted = counted(&global.config, &loaded.problems);
    let file = global.config.display();
    loaded
        .settings
        .ok_or_else(|| Failure::usage(format!("{counted}; `freshd check {file}` shows where")))
}

fn in_words(pruned: &Pruned, is_dry: bool) -> String {
    let rows = [
        (pruned.runs, "run", "runs"),
        (pruned.attempts, "attempt", "attempts"),
        (pruned.versions, "version", "versions"),
        (pruned.slots, "delivery", "deliveries"),
        (pruned.incidents, "incident", "incidents"),
        (pruned.files, "file", "files"),
    ];
    let mut rows: Vec<String> = rows
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
    if let Some(files) = rows.last_mut().filter(|_| pruned.files > 0) {
        *files = format!("{files} of {}", format_bytes(pruned.bytes));
    }
    match (rows.is_empty(), is_dry) {
        (true, true) => "nothing is beyond [history]: nothing would go".to_owned(),
        (true, false) => "nothing was beyond [history]".to_owned(),
        (false, true) => format!("would go: {}", rows.join(", ")),
        (false, false) => format!("removed: {}", rows.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_is_named() {
        let pruned = Pruned {
            runs: 2,
            attempts: 1,
            slots: 2,
            files: 3,
            bytes: 3 << 20,
            ..Pruned::default()
        };
        assert_eq!(
            in_words(&pruned, true),
            "would go: 2 runs, 1 attempt, 2 deliveries, 3 files of 3.0 MiB"
        );
        assert_eq!(in_words(&Pruned::default(), false), "nothing was beyond [history]");
    }
}
