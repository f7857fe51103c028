//! `freshd keeper`, hidden: the parent of attempts, started by the daemon.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use super::exit::{Exit, Failure};
use crate::runner;

/// What the daemon tells a keeper that it starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeeperArgs {
    state_dir: PathBuf,
    /// Which keeper of the state directory.
    number: u32,
    /// How long it stays without a daemon and without anything to do.
    lonely_max: Duration,
    /// The limit of open files of its attempts.
    open_files: Option<u64>,
}

/// Unless the daemon says otherwise: one from before an update may start this binary.
const LONELY_MAX_DEFAULT: Duration = Duration::from_mins(5);

impl KeeperArgs {
    /// Reads `keeper --state DIR --number N [--lonely-seconds N] [--open-files N]`; `None` for whatever else a command
    /// line says.
    ///
    /// Not by the parser for people: a keeper is one more process that stays, and would keep what that parser takes.
    pub(super) fn of(mut words: impl Iterator<Item = OsString>) -> Option<Self> {
        if words.next()? != "keeper" {
            return None;
        }
        let (mut state_dir, mut number, mut open_files) = (None, None, None);
        let mut lonely_max = LONELY_MAX_DEFAULT;
        while let Some(option) = words.next() {
            let value = words.next()?;
            match option.to_str()? {
                "--state" => state_dir = Some(PathBuf::from(value)),
                "--number" => number = Some(whole(&value)?.try_into().ok()?),
                "--lonely-seconds" => lonely_max = Duration::from_secs(whole(&value)?),
                "--open-files" => open_files = Some(whole(&value)?),
                _ => return None,
            }
        }
        Some(Self {
            state_dir: state_dir?,
            number: number?,
            lonely_max,
            open_files,
        })
    }
}

fn whole(value: &OsStr) -> Option<u64> {
    value.to_str()?.parse().ok()
}

pub(super) fn run(args: &KeeperArgs) -> Result<Exit, Failure> {
    runner::keeper_main(&args.state_dir, args.number, args.lonely_max, args.open_files)
        .map_err(|error| Failure::not_fine(format!("{error:#}")))?;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<KeeperArgs> {
        KeeperArgs::of(line.split(' ').map(OsString::from))
    }

    #[test]
    fn only_what_the_daemon_says_to_a_keeper_makes_one() {
        let made = |lonely_seconds, open_files| {
            Some(KeeperArgs {
                state_dir: PathBuf::from("/s"),
                number: 3,
                lonely_max: Duration::from_secs(lonely_seconds),
                open_files,
            })
        };
        assert_eq!(of("keeper --state /s --number 3"), made(300, None));
        assert_eq!(
            of("keeper --state /s --number 3 --open-files 1024 --lonely-seconds 7"),
            made(7, Some(1_024))
        );
        for line in [
            "serve --state /s --number 3",
            "keeper",
            "keeper --state /s",
            "keeper --number 3",
            "keeper --state /s --number",
            "keeper --state /s --number three",
            "keeper --state /s --number 4294967296",
            "keeper --state /s --number 3 --json",
            "keeper --state /s --number 3 --other 4",
            "",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
