//! A state directory with its keepers, which end with it.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use freshd::model::{
    Attempt, AttemptId, AttemptSpec, AttemptState, Conditions, Event, Exit, Name, Output, RunId, Trigger, Usage,
};
use freshd::runner::{Keepers, Records, Unfinished, read_log, recover};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::sync::mpsc;

pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_freshd");

/// Longest any test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A state directory with its keepers, which end with it.
pub(crate) struct House {
    pub(crate) dir: PathBuf,
    pub(crate) keepers: Option<Keepers>,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) started: HashMap<AttemptId, u32>,
    /// What was told of journals.
    pub(crate) damages: Vec<String>,
    /// Keepers that were said to be silent, and whether their attempts' time limits are kept.
    pub(crate) silent: Vec<(u32, bool)>,
    /// Attempts that could not be started at once, and why.
    pub(crate) refused: Vec<(AttemptId, String)>,
    pub(crate) _temporary: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let mut house = Self::empty();
        house.open(&[]).await;
        house
    }

    pub(crate) fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self {
            dir: temporary.path().to_owned(),
            keepers: None,
            events: mpsc::channel(1).1,
            started: HashMap::new(),
            damages: Vec::new(),
            silent: Vec::new(),
            refused: Vec::new(),
            _temporary: temporary,
        }
    }

    /// A daemon begins, with these attempts stored as unfinished.
    pub(crate) async fn open(&mut self, unfinished: &[Attempt]) {
        self.open_with(unfinished, Records::Whole).await;
    }

    /// The same with records that may have been lost.
    pub(crate) async fn open_with(&mut self, unfinished: &[Attempt], records: Records) {
        let (events, inbox) = mpsc::channel(10_000);
        self.events = inbox;
        let unfinished = unfinished.iter().map(|attempt| Unfinished {
            attempt: attempt.clone(),
            spec: None,
        });
        let unfinished: Vec<_> = unfinished.collect();
        let keepers = recover(&self.dir, Path::new(EXE), &unfinished, records, events)
            .await
            .unwrap();
        self.keepers = Some(keepers);
    }

    /// The daemon is gone without a word.
    pub(crate) fn drop_daemon(&mut self) {
        self.keepers = None;
    }

    pub(crate) fn keepers(&self) -> &Keepers {
        self.keepers.as_ref().unwrap()
    }

    pub(crate) fn spec(&self, run: u64, argv: &[&str]) -> Box<AttemptSpec> {
        let run_dir = self.dir.join(format!("run/{run}.1"));
        let report = run_dir.join("report");
        let env = [
            ("PATH", "/usr/bin:/bin"),
            ("FRESHD_RUN_ID", &run.to_string()),
            ("FRESHD_ATTEMPT", "1"),
            ("FRESHD_REPORT", report.to_str().unwrap()),
            ("HOUSE", self.dir.to_str().unwrap()),
        ];
        Box::new(AttemptSpec {
            id: id(run),
            job: Name::from("test"),
            due_at: None,
            trigger: Trigger::Manual,
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: env.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
            workdir: self.dir.clone(),
            output_dir: None,
            run_dir,
            log: self.dir.join(format!("logs/{run}.1.log")),
            log_limit_bytes: 64 << 10,
            report,
            timeout: Some(Duration::from_mins(1)),
            kill_after: Duration::from_secs(5),
            keep_leftovers: false,
            conditions: Conditions::default(),
        })
    }

    pub(crate) fn shell(&self, run: u64, text: &str) -> Box<AttemptSpec> {
        self.spec(run, &["/bin/sh", "-c", text])
    }

    /// A named pipe in the house: who opens it waits for the other side.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        path
    }

    pub(crate) async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("no event came")
            .expect("the events ended")
    }

    /// The next end; starts are noted on the way.
    pub(crate) async fn exit(&mut self) -> Exit {
        loop {
            match self.event().await {
                Event::AttemptStarted { id, pid, .. } => {
                    self.started.insert(id, pid);
                }
                Event::AttemptEnded(exit) => return exit,
                Event::JournalDamaged { damages, .. } => self.damages.extend(damages),
                Event::KeeperSilent { keeper, guarded, .. } => self.silent.push((keeper, guarded)),
                Event::KeeperAnswers(_) => {}
                Event::AttemptRefused { id, why } => self.refused.push((id, why)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The pid of an attempt, once it has started.
    pub(crate) async fn pid(&mut self, run: u64) -> u32 {
        while !self.started.contains_key(&id(run)) {
            match self.event().await {
                Event::AttemptStarted { id, pid, .. } => {
                    self.started.insert(id, pid);
                }
                Event::JournalDamaged { damages, .. } => self.damages.extend(damages),
                Event::KeeperSilent { keeper, guarded, .. } => self.silent.push((keeper, guarded)),
                Event::KeeperAnswers(_) => {}
                Event::AttemptRefused { id, why } => self.refused.push((id, why)),
                other => panic!("{other:?}"),
            }
        }
        self.started[&id(run)]
    }

    pub(crate) async fn run(&mut self, spec: Box<AttemptSpec>) -> Exit {
        let id = spec.id;
        self.keepers().start(spec);
        let exit = self.exit().await;
        assert_eq!(exit.id, id);
        self.keepers().acknowledge(id);
        exit
    }

    /// What an attempt printed, as lines.
    pub(crate) fn printed(&self, run: u64) -> Vec<String> {
        let mut reader = read_log(&self.dir.join(format!("logs/{run}.1.log"))).unwrap();
        let mut lines: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        lines.extend(reader.finish());
        lines
            .into_iter()
            .map(|line| String::from_utf8_lossy(&line.text).into_owned())
            .collect()
    }

    /// A keeper that no daemon started, after a shell has done something.
    pub(crate) fn keeper_by_hand(&self, before: &str) -> std::process::Child {
        self.keeper_under(&format!("{before}; exec"), 300)
    }

    /// A keeper that the shell words `under` start, and that bears to be alone for so long.
    pub(crate) fn keeper_under(&self, under: &str, lonely_seconds: u64) -> std::process::Child {
        fs::create_dir_all(self.dir.join("keeper")).unwrap();
        fs::write(self.dir.join("keeper/1.lock"), "").unwrap();
        let script = format!("{under} \"$0\" \"$@\"");
        let mut keeper = std::process::Command::new("/bin/sh")
            .args(["-c", &script, EXE, "keeper", "--state", self.dir.to_str().unwrap()])
            .args(["--number", "1", "--lonely-seconds", &lonely_seconds.to_string()])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0];
        keeper.stdout.take().unwrap().read_exact(&mut ready).unwrap();
        keeper
    }

    pub(crate) fn keeper_pids(&self) -> Vec<i32> {
        let state = format!("--state\0{}\0", self.dir.display());
        pids_where(|pid| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&state))
        })
    }

    /// Processes of this house's jobs, also those with a clean environment: their working directory is the house.
    pub(crate) fn job_pids(&self) -> Vec<i32> {
        pids_where(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.dir))
    }

    pub(crate) fn kill_keepers(&self) {
        for pid in self.keeper_pids() {
            kill(pid);
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill_keepers();
        for pid in self.job_pids() {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

/// A named pipe, open at both ends: neither side waits for the other to open it.
pub(crate) fn both_ends(fifo: &Path) -> fs::File {
    fs::OpenOptions::new().read(true).write(true).open(fifo).unwrap()
}

/// Waits for a byte of a job.
pub(crate) fn hear(mut pipe: &fs::File) {
    let patience = rustix::event::Timespec { tv_sec: 30, tv_nsec: 0 };
    let mut fds = [PollFd::new(pipe, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&patience)), Ok(1), "the job says nothing");
    pipe.read_exact(&mut [0]).unwrap();
}

/// Kills a process and waits until it is gone.
pub(crate) fn kill(pid: i32) {
    let pid = Pid::from_raw(pid).unwrap();
    if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
        let _ = kill_process(pid, Signal::KILL);
        wait_for(&pidfd);
    }
}

#[track_caller]
pub(crate) fn until(holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("that never became so");
}

pub(crate) fn wait_for(pidfd: &std::os::fd::OwnedFd) {
    let patience = rustix::event::Timespec { tv_sec: 30, tv_nsec: 0 };
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&patience)), Ok(1), "it still lives");
}

/// Waits for the end of a child.
pub(crate) fn wait_for_child(child: &mut std::process::Child) -> std::process::ExitStatus {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    wait_for(&pidfd_open(pid, PidfdFlags::empty()).unwrap());
    child.wait().unwrap()
}

pub(crate) fn pids_where(is_one: impl Fn(i32) -> bool) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own && is_one(*pid))
        .collect()
}

pub(crate) fn id(run: u64) -> AttemptId {
    AttemptId {
        run: RunId(run),
        number: 1,
    }
}

pub(crate) fn stored(run: u64, state: AttemptState) -> Attempt {
    Attempt {
        id: id(run),
        job: Name::from("test"),
        state,
        claimed_at: Timestamp::now(),
        boot_id: String::new(),
        started_at: None,
        ended_at: None,
        pid: None,
        outcome: None,
        exit_code: None,
        signal: None,
        reason: None,
        usage: Usage::default(),
        output: Output::default(),
        report: Vec::new(),
    }
}
