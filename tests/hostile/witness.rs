//! What the machine takes from whoever wants to start a process in time, freshd or not.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one try to the next.
const PACE: Duration = Duration::from_millis(100);

/// Starts a process of its own again and again, each at an instant laid down before, behind a write that is synced.
pub(crate) struct Witness {
    thread: JoinHandle<Duration>,
    /// Tells it to stop by being dropped.
    goes_on: Sender<()>,
}

impl Witness {
    /// Begins, and writes to this file.
    pub(crate) fn begin(file: &Path) -> Self {
        let (goes_on, is_stopped) = mpsc::channel::<()>();
        let file = file.to_owned();
        let thread = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            let mut due = Instant::now() + PACE;
            while let Err(RecvTimeoutError::Timeout) = is_stopped.recv_timeout(due - Instant::now().min(due)) {
                start(&file);
                longest = longest.max(due.elapsed());
                due = Instant::now() + PACE;
            }
            longest
        });
        Self { thread, goes_on }
    }

    /// The longest time from the instant of a start until that process had ended.
    pub(crate) fn longest(self) -> Duration {
        drop(self.goes_on);
        self.thread.join().expect("the witness")
    }
}

fn start(file: &PathBuf) {
    let mut written = File::create(file).expect("a file");
    written.write_all(b"started").expect("written");
    written.sync_data().expect("synced");
    assert!(Command::new("/bin/true").status().expect("a process").success());
}
