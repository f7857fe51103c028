//! What hides the secrets of jobs.toml from whoever reads along: for verbs that read the outputs of jobs themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;

use super::check;
use super::global::Global;
use crate::config::{self, Environment};
use crate::daemon;
use crate::model::Redactor;

/// What hides the secrets that jobs.toml names as it is now. Says on stderr when some may not be known.
pub(super) fn redactor(global: &Global, state_dir: &Path) -> Redactor {
    let mut environment = Environment::of_process().with_state_dir(state_dir);
    if let Some(variables) = variables_of_daemon(state_dir) {
        environment.credentials_dir = variables.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        environment.variables = variables;
    }
    let (redactor, mistakes) = config::redactor(&global.config, &environment);
    if !mistakes.is_empty() {
        eprintln!(
            "freshd: {} as it is read here, so a secret that a job has printed may be shown; `freshd check {}` shows where",
            check::counted(&global.config, &mistakes),
            global.config.display()
        );
    }
    redactor
}

/// The environment of the freshd that runs on the directory, in which `{ env }` and `{ credential }` have their values.
/// `None` when none runs, or it is not ours to look at.
fn variables_of_daemon(state_dir: &Path) -> Option<BTreeMap<String, String>> {
    let daemon = daemon::connect(state_dir).ok()?;
    let pid = socket_peercred(&daemon).ok()?.pid;
    let variables = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()?;
    Some(variables_in(&variables))
}

fn variables_in(environ: &[u8]) -> BTreeMap<String, String> {
    let variables = environ.split(|byte| *byte == 0).filter_map(|variable| {
        let (name, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    variables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_process_are_read_as_the_kernel_tells_them() {
        let variables = variables_in(b"A=b=c\0\0NONE\0BAD=\xff\0B=\0");
        let known = [("A", "b=c"), ("B", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables, BTreeMap::from(known));
    }
}
