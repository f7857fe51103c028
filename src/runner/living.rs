//! What lives of the attempts of a state directory, for a daemon that no journal tells it.
//!
//! A cgroup made for an attempt holds all of it, whatever it has done to itself. Elsewhere its processes say who they are,
//! by their environment; that anybody can write, so it proves no more than its own process to belong there: the leader of
//! a session counts with it only if it says the same, or is of the same user. Nobody can so have another's process ended.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::cgroup::{self, Leaf};
use super::process::{Process, all_processes, attempt_in_environment, owner};
use crate::model::{AttemptId, report_path};

/// An attempt of which something lives.
#[derive(Clone, Debug)]
pub(super) struct Living {
    /// Its main process: the leader of its session, and where that is gone the oldest of what is left.
    pub(super) main: Process,
    /// The cgroup that it lives in, and nothing else does.
    pub(super) cgroup: Option<PathBuf>,
}

/// Every attempt of a state directory of which anything lives.
pub(super) fn attempts_alive(state_dir: &Path) -> HashMap<AttemptId, Living> {
    let mut found = by_environment(state_dir, &all_processes());
    let leaves = cgroup::find().map(|found| cgroup::leaves(&found, state_dir));
    for (id, leaf) in leaves.unwrap_or_default() {
        if let Some(main) = main_process(&leaf) {
            let cgroup = Some(leaf.path().to_owned());
            found.insert(id, Living { main, cgroup });
        }
    }
    found
}

/// The main process of what lives in a cgroup.
pub(super) fn main_process(leaf: &Leaf) -> Option<Process> {
    let living = leaf.members().into_iter().filter(|process| !process.is_zombie);
    living.min_by_key(rank)
}

/// Leaders of their session first, then by age.
fn rank(process: &Process) -> (bool, u64) {
    (process.pid != process.session, process.start_time)
}

fn by_environment(state_dir: &Path, all: &[Process]) -> HashMap<AttemptId, Living> {
    let named = |process: &Process| {
        let (id, report) = attempt_in_environment(process.pid)?;
        (report == report_path(state_dir, id).as_os_str().as_encoded_bytes()).then_some(id)
    };
    let mut found: HashMap<AttemptId, Living> = HashMap::new();
    for process in all.iter().filter(|process| !process.is_zombie) {
        let Some(id) = named(process) else { continue };
        let leader = all
            .iter()
            .find(|other| other.pid == process.session && !other.is_zombie)
            .filter(|leader| named(leader) == Some(id) || owner(leader.pid) == owner(process.pid));
        let main = *leader.unwrap_or(process);
        let known = found.entry(id).or_insert(Living { main, cgroup: None });
        if rank(&main) < rank(&known.main) {
            known.main = main;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::model::RunId;
    use crate::runner::process::read_process;

    /// A process of a user that says to be of attempt 7.1, in the session of the shell that started it.
    fn claiming(state_dir: &Path, uid: u32, shell_says_so: bool) -> Child {
        let id = AttemptId {
            run: RunId(7),
            number: 1,
        };
        let report = report_path(state_dir, id);
        let claim = [
            ("FRESHD_RUN_ID", "7".to_owned()),
            ("FRESHD_ATTEMPT", "1".to_owned()),
            ("FRESHD_REPORT", report.display().to_string()),
        ];
        let words = claim.each_ref().map(|(key, value)| format!("{key}={value}")).join(" ");
        let text =
            format!("exec 3<&0; env {words} setpriv --reuid={uid} --clear-groups sh -c 'echo up; read x' <&3; read x");
        let mut command = Command::new("setsid");
        command.args(["/bin/sh", "-c", &text]).env_clear();
        command.env("PATH", "/usr/bin:/bin");
        if shell_says_so {
            command.envs(claim);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = [0; 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        assert_eq!(&line, b"up\n");
        child
    }

    #[test]
    fn a_process_that_claims_an_attempt_does_not_drag_another_users_session_into_it() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        for (uid, shell_says_so, is_leader) in [(65_534, false, false), (65_534, true, true), (0, false, true)] {
            let dir = tempfile::tempdir().unwrap();
            let mut child = claiming(dir.path(), uid, shell_says_so);
            let found = by_environment(dir.path(), &all_processes());
            assert_eq!(found.len(), 1);
            let main = found.values().next().unwrap().main;
            let shell = read_process(main.session).unwrap();
            assert_eq!(main == shell, is_leader, "{uid} {shell_says_so}");
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}
