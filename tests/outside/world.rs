//! One freshd with its jobs, receivers and readers, from an empty state directory to the last judgement.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use freshd::model::RunId;
use jiff::Timestamp;
use rustix::process::Signal;

use super::chance::Chance;
use super::chaos::{Reach, rage};
use super::disk::Disk;
use super::fleet::{Configuration, DATASETS, jobs_toml};
use super::freshd_process::daemon::Daemon;
use super::freshd_process::{EXE, House, PATIENCE, process};
use super::judge::Window;
use super::reader::Reading;
use super::sinks::Sink;

/// What was done to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// kill -9 of a daemon or keeper.
    pub(crate) kills: usize,
    /// Of these, kills of keepers.
    pub(crate) keeper_kills: usize,
    /// Daemons that became ready.
    pub(crate) daemons: usize,
    /// Reloads that were told to be over.
    pub(crate) reloads: usize,
    /// Times at which the disk was filled.
    pub(crate) fills: usize,
}

/// A freshd, and everything around it.
pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) chance: Chance,
    pub(crate) tally: Tally,
    pub(crate) disk: Option<Disk>,
    /// What is written down in jobs.toml; always one that is accepted.
    pub(crate) configuration: Configuration,
    pub(crate) windows: Vec<Window>,
    pub(crate) mail: Sink,
    pub(crate) hook: Sink,
    pub(crate) reading: Reading,
    /// Runs by hand that freshd has said it begins.
    pub(crate) asked: Vec<RunId>,
    asking: Vec<Child>,
    daemon: Option<Daemon>,
    name: String,
}

impl World {
    /// An empty one. With a small disk only in a mount namespace of our own.
    pub(crate) fn new(seed: u64, has_small_disk: bool) -> Self {
        let mut chance = Chance::new(seed);
        let house = House::new();
        compile_witness(&house.path("witness"));
        std::fs::create_dir(house.path("published")).expect("a directory");
        Self {
            mail: Sink::mail(chance.split()),
            hook: Sink::hook(chance.split()),
            reading: Reading::of(&house.path("published"), DATASETS),
            disk: has_small_disk.then(|| Disk::mount(&house.state_dir())),
            configuration: Configuration::Off,
            windows: Vec::new(),
            asked: Vec::new(),
            asking: Vec::new(),
            daemon: None,
            tally: Tally::default(),
            name: format!("outside-{seed}"),
            house,
            chance,
        }
    }

    /// All jobs are switched on, things go wrong until so many processes were killed, and all becomes quiet again.
    pub(crate) fn live(&mut self, kills: usize, reach: Reach) {
        let before = self.tally;
        let on_from = Timestamp::now();
        self.configure(Configuration::First);
        self.ensure_daemon(PATIENCE);
        let on_by = Timestamp::now();
        for sink in [&self.mail, &self.hook] {
            sink.misbehave(true);
        }
        rage(self, kills, reach);
        self.free_disk();
        for sink in [&self.mail, &self.hook] {
            sink.misbehave(false);
        }
        let off_from = Timestamp::now();
        self.reload(Configuration::Off);
        self.windows.push(Window {
            on_from,
            on_by,
            off_from,
            off_by: Timestamp::now(),
            keeper_kills: self.tally.keeper_kills - before.keeper_kills,
            was_full: self.tally.fills > before.fills,
        });
        self.hear_answers();
        self.house.until_all_final();
    }

    /// Waits until every message is delivered or given up, as long as the last next try makes it take.
    pub(crate) fn until_all_told(&self) {
        let reader = self.house.reader();
        let begun = Instant::now();
        let mut longest = PATIENCE;
        loop {
            let pending = reader.snapshot().expect("the store can be read").notifications;
            let Some(last) = pending.iter().map(|pending| pending.next_try_at).max() else {
                return;
            };
            // What is overdue is not waited for any longer.
            if let Ok(wait) = Duration::try_from(last.duration_since(Timestamp::now())) {
                longest = longest.max(begun.elapsed() + wait + PATIENCE);
            }
            assert!(begun.elapsed() < longest, "never told: {:?}", pending.first());
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// The daemon ends in order: what it has recorded changes no more.
    pub(crate) fn rest(&mut self) {
        let mut daemon = self.daemon.take().expect("a daemon");
        let ended = daemon.terminate();
        assert!(ended.success(), "{ended}: {}", daemon.log());
    }

    /// Processes of jobs that live, in words.
    pub(crate) fn survivors(&self) -> Vec<String> {
        let keepers = self.house.keepers();
        let others = self.house.processes().into_iter().filter(|pid| !keepers.contains(pid));
        let words = |pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            // One that ended meanwhile has no words.
            (!line.is_empty()).then(|| format!("{pid} {line}"))
        };
        others.filter_map(words).collect()
    }

    pub(crate) fn configure(&mut self, configuration: Configuration) {
        let text = jobs_toml(configuration, self.mail.port(), self.hook.port());
        self.house.configure(&text);
        if configuration != Configuration::Broken {
            self.configuration = configuration;
        }
    }

    /// The other one of the two in which all jobs are on.
    pub(crate) fn other_configuration(&self) -> Configuration {
        match self.configuration {
            Configuration::First => Configuration::Second,
            _ => Configuration::First,
        }
    }

    /// Tells the daemon to take a configuration, and waits until it says that it has answered to that.
    pub(crate) fn reload(&mut self, configuration: Configuration) {
        self.ensure_daemon(PATIENCE);
        self.configure(configuration);
        let daemon = self.daemon.as_mut().expect("a daemon");
        daemon.manager.drain();
        daemon.signal(Signal::HUP);
        assert!(daemon.tells("READY=1", PATIENCE), "not reloaded: {}", daemon.log());
        self.tally.reloads += 1;
    }

    /// Lets it live; the daemon must not end by itself.
    pub(crate) fn lives_for(&self, time: Duration) {
        match &self.daemon {
            Some(daemon) if !self.disk_is_full() => daemon.lives_for(time),
            _ => waits_for(time),
        }
    }

    pub(crate) fn spawn_daemon(&mut self) {
        self.daemon = Some(Daemon::spawn(self.house.serve(), &self.house));
    }

    /// A daemon that is ready. With a full disk it may end or wait: then, after so long, there is space again.
    pub(crate) fn ensure_daemon(&mut self, full_wait: Duration) {
        if self.daemon.is_some() {
            return;
        }
        self.spawn_daemon();
        let patience = if self.disk_is_full() { full_wait } else { PATIENCE };
        let mut is_ready = self.becomes_ready(patience);
        if !is_ready && self.disk_is_full() {
            self.free_disk();
            is_ready = self.becomes_ready(PATIENCE);
            if !is_ready {
                self.spawn_daemon();
                is_ready = self.becomes_ready(PATIENCE);
            }
        }
        let log = || self.daemon.as_ref().map(Daemon::log);
        assert!(is_ready, "the daemon is not ready: {}", log().unwrap_or_default());
        self.tally.daemons += 1;
    }

    fn becomes_ready(&mut self, patience: Duration) -> bool {
        let daemon = self.daemon.as_mut().expect("a daemon");
        daemon.tells("READY=1", patience)
    }

    pub(crate) fn signal_daemon(&self, signal: Signal) {
        if let Some(daemon) = &self.daemon {
            daemon.signal(signal);
        }
    }

    pub(crate) fn kill_daemon(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.kill();
            self.tally.kills += 1;
        }
    }

    /// Keepers that live. A job that is just being started looks like the keeper that starts it until it has become
    /// another program: it is told by its parent.
    pub(crate) fn keepers(&self) -> Vec<i32> {
        let alike = self.house.keepers();
        let starts = |pid: &i32| parent_of(*pid).is_some_and(|parent| alike.contains(&parent));
        alike.iter().filter(|pid| !starts(pid)).copied().collect()
    }

    pub(crate) fn kill_keepers(&mut self) {
        for keeper in self.keepers() {
            process::kill(keeper);
            self.tally.kills += 1;
            self.tally.keeper_kills += 1;
        }
    }

    /// An orderly restart. A daemon that has just waited for space may end by saying so: it looks again after 2 s only.
    pub(crate) fn restart(&mut self) {
        let mut daemon = self.daemon.take().expect("a daemon");
        let ended = daemon.terminate();
        let is_well = ended.success() || daemon.log().contains("told to stop before there was space");
        assert!(is_well, "{ended}: {}", daemon.log());
        self.ensure_daemon(PATIENCE);
    }

    /// Asks for a run by `freshd run`; what it answers is heard later.
    pub(crate) fn run_by_hand(&mut self, number: u64) {
        let asking = Command::new(EXE)
            .arg("--config")
            .arg(self.house.path("jobs.toml"))
            .arg("--state")
            .arg(self.house.state_dir())
            .args(["--json", "run", &format!("by-hand.{number}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        self.asking.push(asking.expect("freshd starts"));
    }

    fn hear_answers(&mut self) {
        for asking in self.asking.drain(..) {
            let answer = asking.wait_with_output().expect("an answer");
            if answer.status.success() {
                let begun: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
                self.asked.push(RunId(begun["run"].as_u64().expect("a run")));
            }
        }
    }

    pub(crate) fn disk_is_full(&self) -> bool {
        self.disk.as_ref().is_some_and(Disk::is_full)
    }

    pub(crate) fn fill_disk(&mut self) {
        if let Some(disk) = self.disk.as_mut().filter(|disk| !disk.is_full()) {
            disk.fill();
            self.tally.fills += 1;
        }
    }

    pub(crate) fn free_disk(&mut self) {
        if let Some(disk) = &mut self.disk {
            disk.free();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&self.name);
            let copied = Command::new("cp")
                .arg("-a")
                .arg(self.house.path(""))
                .arg(&kept)
                .status();
            if copied.is_ok_and(|status| status.success()) {
                println!("everything it left is kept in {}", kept.display());
            }
        }
        self.daemon = None;
        process::end_all(|| self.house.processes());
        self.disk = None;
    }
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: the state and the parent.
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(1)?.parse().ok()
}

/// Lets time pass, whatever becomes of the daemon.
pub(crate) fn waits_for(time: Duration) {
    std::thread::park_timeout(time);
}

fn compile_witness(program: &Path) {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/outside/witness.c");
    let compiles = |flags: &[&str]| {
        let mut cc = Command::new("cc");
        cc.args(flags).arg("-O2").arg("-o").arg(program).arg(&source);
        cc.status().expect("cc").success()
    };
    // Linked statically it starts at half the cost; not every machine has a static libc.
    assert!(
        compiles(&["-static"]) || compiles(&[]),
        "cc refuses tests/outside/witness.c"
    );
}
