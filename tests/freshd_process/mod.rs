//! freshd's own binary in a directory of its own, with everything it started ended when a test ends.
#![allow(dead_code, reason = "each test program uses its own part of it")]

pub(crate) mod daemon;
pub(crate) mod pipe;
pub(crate) mod process;

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use freshd::model::{Attempt, AttemptState, Run, RunId, RunState};
use freshd::store::{HistoryFilter, Reader};

use daemon::Daemon;
use pipe::Pipe;

/// The binary.
pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_freshd");

/// How long a test waits for something that must happen; reached only by a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// More runs than any test makes.
const RUNS_MAX: u32 = 1_000_000;

/// A temporary directory with jobs.toml, the state directory and whatever jobs write. When it is dropped, no process
/// that belongs to it lives on, whatever became of the test.
pub(crate) struct House {
    dir: PathBuf,
    /// The state directory's name in it.
    state: String,
    _temporary: tempfile::TempDir,
}

impl House {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let dir = temporary.path().canonicalize().expect("its path");
        Self {
            dir,
            state: "state".to_owned(),
            _temporary: temporary,
        }
    }

    /// One with this jobs.toml.
    pub(crate) fn with(jobs_toml: &str) -> Self {
        let house = Self::new();
        house.configure(jobs_toml);
        house
    }

    /// The same with a state directory of this name.
    pub(crate) fn keeping_state_in(mut self, name: String) -> Self {
        self.state = name;
        self
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The state directory.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path(&self.state)
    }

    /// Writes jobs.toml; `HOUSE` in it becomes the path of the directory.
    pub(crate) fn configure(&self, jobs_toml: &str) {
        self.write(
            "jobs.toml",
            &jobs_toml.replace("HOUSE", &self.dir.display().to_string()),
        );
    }

    /// Writes a file that its owner alone may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        self.write_with(name, text, 0o600)
    }

    /// Writes a shell script.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        self.write_with(name, &format!("#!/bin/sh\n{}", self.filled(text)), 0o700)
    }

    /// A text with the path of the directory in place of `HOUSE`.
    pub(crate) fn filled(&self, text: &str) -> String {
        text.replace("HOUSE", &self.dir.display().to_string())
    }

    fn write_with(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a directory");
        }
        let mut file = std::fs::OpenOptions::new();
        let file = file
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&path)
            .expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
        std::io::Write::write_all(&mut &file, text.as_bytes()).expect("its text");
        path
    }

    /// What a file holds; nothing while it does not exist.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A named pipe between a job and the test.
    pub(crate) fn pipe(&self, name: &str) -> Pipe {
        Pipe::make(&self.path(name))
    }

    /// `freshd serve` on this jobs.toml and this state directory, with a short and known environment.
    pub(crate) fn serve(&self) -> Command {
        serve_on(&self.path("jobs.toml"), &self.state_dir())
    }

    /// The same under another program, which is given freshd's command line as the end of its own.
    pub(crate) fn serve_under(&self, mut program: Command) -> Command {
        let serve = self.serve();
        program.arg(serve.get_program()).args(serve.get_args()).env_clear();
        program.envs(serve.get_envs().filter_map(|(key, value)| Some((key, value?))));
        program
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        program
    }

    /// The same with mounts of its own, which the shell words `mount` make; nobody else sees them.
    pub(crate) fn serve_behind(&self, mount: &str) -> Command {
        let mut unshare = Command::new("unshare");
        // Root of a namespace of users may mount in it, whoever that is outside.
        let namespaces = if rustix::process::geteuid().is_root() {
            "--mount"
        } else {
            "-Urm"
        };
        unshare.args([namespaces, "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]);
        self.serve_under(unshare)
    }

    /// Another verb of freshd: its exit code and what it printed.
    #[track_caller]
    pub(crate) fn freshd(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = verb(&self.path("jobs.toml"), &self.state_dir(), words)
            .output()
            .expect("freshd runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "", "freshd {words:?}");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// The same for a verb that may speak to standard error: exit code, standard output, standard error.
    pub(crate) fn freshd_says(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let output = verb(&self.path("jobs.toml"), &self.state_dir(), words)
            .output()
            .expect("freshd runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// A daemon that says it is ready.
    pub(crate) fn daemon(&self) -> Daemon {
        Daemon::start(self.serve(), self)
    }

    /// Every process that belongs to this directory.
    pub(crate) fn processes(&self) -> Vec<i32> {
        process::of_directory(&self.dir)
    }

    /// The keepers of the state directory that live.
    pub(crate) fn keepers(&self) -> Vec<i32> {
        process::keepers_of(&self.state_dir())
    }

    /// What is recorded.
    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.state_dir()).expect("the store can be read")
    }

    /// Every run that is recorded, the oldest first.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let filter = HistoryFilter {
            limit: RUNS_MAX,
            ..HistoryFilter::default()
        };
        let mut runs = self.reader().history(&filter).expect("the history");
        runs.reverse();
        runs
    }

    /// The record of one run.
    pub(crate) fn run(&self, id: RunId) -> (Run, Vec<Attempt>) {
        self.reader()
            .run(id)
            .expect("the store can be read")
            .expect("the run is recorded")
    }

    /// Looks at the store until it is as wanted, every 20 ms for at most 20 s: the one place where tests of the binary
    /// ask again and again, for what nothing outside tells.
    pub(crate) fn until_stored(&self, what: &str, holds: impl Fn(&Reader) -> bool) {
        self.until_stored_within(PATIENCE, what, holds);
    }

    /// The same for what takes freshd longer.
    pub(crate) fn until_stored_within(&self, patience: Duration, what: &str, holds: impl Fn(&Reader) -> bool) {
        let until = Instant::now() + patience;
        let reader = self.reader();
        while !holds(&reader) {
            assert!(Instant::now() < until, "not stored within {patience:?}: {what}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits until every run is final.
    pub(crate) fn until_all_final(&self) {
        self.until_stored("every run is final", |reader| {
            let snapshot = reader.snapshot().expect("the store can be read");
            snapshot.runs.iter().all(|run| run.state == RunState::Final)
                && snapshot
                    .attempts
                    .iter()
                    .all(|attempt| attempt.state == AttemptState::Ended)
        });
    }
}

/// `freshd serve` on any configuration and state directory.
pub(crate) fn serve_on(config: &Path, state_dir: &Path) -> Command {
    let mut command = verb(config, state_dir, &["serve"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn verb(config: &Path, state_dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(EXE);
    command
        .arg("--config")
        .arg(config)
        .arg("--state")
        .arg(state_dir)
        .args(words);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("NO_COLOR", "1");
    command.current_dir("/").stdin(Stdio::null());
    command
}

impl Drop for House {
    fn drop(&mut self) {
        process::end_all(|| self.processes());
    }
}
