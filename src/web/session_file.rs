//! The sessions of a state directory, so that a restart of freshd logs nobody out. It holds digests only; whoever reads it can
//! be nobody by it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::sessions::{ByDigest, Session};

const FILE: &str = "sessions.json";
const BYTES_MAX: u64 = 4 << 20;

/// Where sessions are kept.
pub(super) struct SessionFile {
    path: PathBuf,
    /// Their times count from when the machine was started: those of another start mean nothing.
    boot: String,
}

#[derive(Deserialize)]
struct Read {
    boot: String,
    sessions: Vec<([u8; 32], Session)>,
}

#[derive(Serialize)]
struct Written<'a> {
    boot: &'a str,
    sessions: Vec<(&'a [u8; 32], &'a Session)>,
}

impl SessionFile {
    pub(super) fn of(state_dir: &Path) -> Self {
        Self {
            path: state_dir.join(FILE),
            boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        }
    }

    /// What it holds of this start of the machine. A file that is not understood costs its sessions, and nothing else.
    pub(super) fn read(&self) -> ByDigest {
        let is_small =
            std::fs::symlink_metadata(&self.path).is_ok_and(|file| file.is_file() && file.len() <= BYTES_MAX);
        let text = is_small.then(|| std::fs::read(&self.path).ok()).flatten();
        let read = text.and_then(|text| serde_json::from_slice::<Read>(&text).ok());
        match read {
            Some(read) if read.boot == self.boot => read.sessions.into_iter().collect(),
            _ => ByDigest::new(),
        }
    }

    pub(super) fn write(&self, sessions: &ByDigest) {
        if let Err(error) = self.replace(sessions) {
            warn!(file = %self.path.display(), %error, "sessions are not kept; the next restart logs people out");
        }
    }

    fn replace(&self, sessions: &ByDigest) -> io::Result<()> {
        let written = Written {
            boot: &self.boot,
            sessions: sessions.iter().collect(),
        };
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&fresh)?;
        file.write_all(&serde_json::to_vec(&written)?)?;
        std::fs::rename(&fresh, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_another_start_of_the_machine_and_nonsense_are_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let file = SessionFile::of(dir.path());
        let session = r#"{"user":"kari","password":[PW],"begun":{"secs":1,"nanos":0},"used":{"secs":1,"nanos":0}}"#;
        let zeros = vec!["0"; 32].join(",");
        let session = session.replace("PW", &zeros);
        let text = |boot: &str| {
            format!(
                r#"{{"boot":{},"sessions":[[[{zeros}],{session}]]}}"#,
                serde_json::json!(boot)
            )
        };
        let path = dir.path().join(FILE);
        for (text, known) in [(text(&file.boot), 1), (text("before"), 0), ("{".to_owned(), 0)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(file.read().len(), known);
        }
        std::fs::write(&path, text(&file.boot)).unwrap();
        let known = file.read();
        file.write(&known);
        assert_eq!(file.read().len(), 1);
    }
}
