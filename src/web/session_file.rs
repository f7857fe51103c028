//! The sessions of a state directory, so that a restart of freshd logs nobody out. It holds digests only; whoever reads it can
//! be nobody by it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::warn;

use super::sessions::{ByDigest, Session};

const FILE: &str = "sessions.json";
const BYTES_MAX: u64 = 4 << 20;

/// Where sessions are kept. A thread of its own writes: however slow the disk is, requests go on.
pub(super) struct SessionFile {
    place: Place,
    newest: Arc<Newest>,
    written: watch::Receiver<u64>,
}

/// The file, and of which start of the machine it is.
#[derive(Clone)]
struct Place {
    path: PathBuf,
    /// The times of sessions count from when the machine was started: those of another start mean nothing. Nothing is kept
    /// where the machine does not say which one this is.
    boot: Option<String>,
}

/// What is to be written next. Only the newest matters: what nobody has written yet gives way to it.
#[derive(Default)]
struct Newest {
    next: Mutex<Next>,
    changed: Condvar,
}

#[derive(Default)]
struct Next {
    /// How many there were.
    number: u64,
    text: Option<io::Result<Vec<u8>>>,
    is_over: bool,
}

impl Newest {
    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to write; `None` when nothing will come any more.
    fn take(&self) -> Option<(u64, io::Result<Vec<u8>>)> {
        let waits = |next: &mut Next| next.text.is_none() && !next.is_over;
        let mut next = self
            .changed
            .wait_while(self.next(), waits)
            .unwrap_or_else(PoisonError::into_inner);
        next.text.take().map(|text| (next.number, text))
    }
}

/// Tells when something has been written, or could not be.
pub(super) struct Written {
    number: u64,
    written: Option<watch::Receiver<u64>>,
}

impl Written {
    /// Nothing is to be written.
    pub(super) fn at_once() -> Self {
        Self {
            number: 0,
            written: None,
        }
    }

    pub(super) async fn wait(self) {
        if let Some(mut written) = self.written {
            // Without its thread nothing is written any more.
            let _ = written.wait_for(|number| *number >= self.number).await;
        }
    }
}

#[derive(Deserialize)]
struct Read {
    boot: String,
    sessions: Vec<([u8; 32], Session)>,
}

#[derive(Serialize)]
struct Text<'a> {
    boot: &'a str,
    sessions: Vec<(&'a [u8; 32], &'a Session)>,
}

impl SessionFile {
    /// # Errors
    /// Fails when no thread can be started.
    pub(super) fn of(state_dir: &Path) -> io::Result<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let boot = boot.ok().filter(|boot| !boot.trim().is_empty());
        let path = state_dir.join(FILE);
        Self::at(Place { path, boot })
    }

    fn at(place: Place) -> io::Result<Self> {
        let newest = Arc::new(Newest::default());
        let (tell, written) = watch::channel(0);
        let (to_write, at) = (newest.clone(), place.clone());
        std::thread::Builder::new()
            .name("web-sessions".to_owned())
            .spawn(move || {
                while let Some((number, text)) = to_write.take() {
                    at.keep(text);
                    tell.send_replace(number);
                }
            })?;
        Ok(Self { place, newest, written })
    }

    /// What it holds of this start of the machine. A file that is not understood costs its sessions, and nothing else.
    pub(super) fn read(&self) -> ByDigest {
        let Place { path, boot } = &self.place;
        let is_small = std::fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() <= BYTES_MAX);
        let text = is_small.then(|| std::fs::read(path).ok()).flatten();
        let read = text.and_then(|text| serde_json::from_slice::<Read>(&text).ok());
        match (read, boot) {
            (Some(read), Some(boot)) if read.boot == *boot => read.sessions.into_iter().collect(),
            _ => ByDigest::new(),
        }
    }

    /// Has these written soon, unless others come before that.
    pub(super) fn write(&self, sessions: &ByDigest) {
        let text = self.place.text(sessions);
        let mut next = self.newest.next();
        next.number += 1;
        next.text = Some(text);
        self.newest.changed.notify_one();
    }

    /// Tells when all that was to be written until now is.
    pub(super) fn written(&self) -> Written {
        Written {
            number: self.newest.next().number,
            written: Some(self.written.clone()),
        }
    }
}

impl Drop for SessionFile {
    fn drop(&mut self) {
        self.newest.next().is_over = true;
        self.newest.changed.notify_one();
    }
}

impl Place {
    fn text(&self, sessions: &ByDigest) -> io::Result<Vec<u8>> {
        let unknown = || io::Error::other("the machine does not say which start of it this is (boot_id)");
        let text = Text {
            boot: self.boot.as_deref().ok_or_else(unknown)?,
            sessions: sessions.iter().collect(),
        };
        Ok(serde_json::to_vec(&text)?)
    }

    /// Writes it. Where that fails the file goes: what it holds may have ended since.
    fn keep(&self, text: io::Result<Vec<u8>>) {
        let path = self.path.display();
        let Err(error) = text.and_then(|text| self.replace(&text)) else {
            return;
        };
        warn!(file = %path, %error, "sessions are not kept; the next restart logs people out");
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(file = %path, %error, "remove it before the next restart: sessions in it may have ended");
            }
            _ => {}
        }
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&fresh)?;
        file.write_all(text)?;
        std::fs::rename(&fresh, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a file of that start of the machine, with one session.
    fn text(boot: &str) -> String {
        let zeros = vec!["0"; 32].join(",");
        let session = format!(
            r#"{{"user":"kari","password":[{zeros}],"begun":{{"secs":1,"nanos":0}},"used":{{"secs":1,"nanos":0}}}}"#
        );
        format!(
            r#"{{"boot":{},"sessions":[[[{zeros}],{session}]]}}"#,
            serde_json::json!(boot)
        )
    }

    #[tokio::test]
    async fn sessions_of_another_start_of_the_machine_and_nonsense_are_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let file = SessionFile::of(dir.path()).unwrap();
        let boot = file.place.boot.clone().unwrap();
        let path = dir.path().join(FILE);
        for (text, known) in [
            (text(&boot), 1),
            (text("before"), 0),
            (text(""), 0),
            ("{".to_owned(), 0),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(file.read().len(), known);
        }
        std::fs::write(&path, text(&boot)).unwrap();
        let known = file.read();
        file.write(&known);
        file.written().wait().await;
        assert_eq!(file.read().len(), 1);
    }

    #[tokio::test]
    async fn a_machine_that_does_not_say_which_start_this_is_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, text("")).unwrap();
        let place = Place {
            path: path.clone(),
            boot: None,
        };
        let file = SessionFile::at(place).unwrap();
        assert_eq!(file.read().len(), 0, "of a start that is as unknown as this one");
        file.write(&ByDigest::new());
        file.written().wait().await;
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_cannot_be_written_leaves_no_file_in_which_ended_sessions_live_on() {
        let dir = tempfile::tempdir().unwrap();
        let file = SessionFile::of(dir.path()).unwrap();
        std::fs::write(dir.path().join(FILE), text(file.place.boot.as_ref().unwrap())).unwrap();
        assert_eq!(file.read().len(), 1);
        std::fs::create_dir(dir.path().join("sessions.new")).unwrap();
        file.write(&ByDigest::new());
        file.written().wait().await;
        assert_eq!(file.read().len(), 0);
        assert!(!dir.path().join(FILE).exists());
    }

    #[tokio::test]
    async fn of_many_that_are_to_be_written_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = SessionFile::of(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(&path, text(file.place.boot.as_ref().unwrap())).unwrap();
        let one = file.read();
        for _ in 0..100 {
            file.write(&one);
            file.write(&ByDigest::new());
        }
        file.written().wait().await;
        assert_eq!(file.read().len(), 0);
        for _ in 0..100 {
            file.write(&ByDigest::new());
            file.write(&one);
        }
        file.written().wait().await;
        assert_eq!(file.read().len(), 1);
    }
}
