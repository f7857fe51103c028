//! The real configuration, engine and store in virtual time: processes, checks, probes and messages are events on a queue.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part of it")]

mod addresses;
mod asking;
mod clocks;
mod digests;
mod ledger;
mod losing;
mod outside;
mod overtaking;
mod play;
mod reading;
mod space;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freshd::config::{self, Environment};
use freshd::engine::{Engine, STEP_FACTS_MAX, Step};
use freshd::model::{
    AcceptedSettings, Action, AttemptId, AttemptSpec, Event, Fact, Found, Host, Measurement, Notification,
    NotificationId, Now, Reply, Request, Settings, Shortage, Trace, later,
};
use freshd::store::{Store, Writer};
use jiff::Timestamp;

pub(crate) use ledger::Ledger;
pub(crate) use outside::{Outside, file};
pub(crate) use play::Play;
pub(crate) use reading::{clock, local, with_ops};

/// On which side of a commit the daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// Without the facts, and without the actions.
    Before,
    /// With the facts, without the actions.
    After,
    /// With both, and before it hears what came of the actions.
    Acted,
}

/// freshd in virtual time.
pub(crate) struct World {
    pub(crate) settings: Arc<Settings>,
    pub(crate) engine: Option<Engine>,
    writer: Option<Writer>,
    pub(crate) now: Now,
    boot: u32,
    queue: BTreeMap<(Timestamp, u64), Event>,
    sequence: u64,
    /// What is not freshd, and how it behaves.
    pub(crate) outside: Outside,
    /// What lacks where freshd records what happens.
    pub(crate) shortage: Option<Shortage>,
    /// Every process that was started: job, attempt, when.
    pub(crate) started: Vec<(String, AttemptId, Timestamp)>,
    /// The specification of each.
    pub(crate) specs: HashMap<AttemptId, AttemptSpec>,
    /// Processes that live now: attempt and job.
    pub(crate) alive: BTreeMap<AttemptId, String>,
    /// Every message that was accepted, and when.
    pub(crate) sent: Vec<(Timestamp, Notification)>,
    /// Of each of them, what the other side calls the message that it was sent to follow.
    pub(crate) followed: Vec<(NotificationId, Option<String>)>,
    /// Every try at sending, and when.
    pub(crate) tries: Vec<(Timestamp, Notification)>,
    /// Every fact committed.
    pub(crate) facts: Vec<Fact>,
    /// What was asked for besides starts and messages.
    pub(crate) asked: Vec<Action>,
    /// What whoever asked was answered.
    pub(crate) replies: Vec<Reply>,
    pub(crate) ledger: Ledger,
    /// Rows of one piece of removal.
    pub(crate) piece_rows: u32,
    /// Commits so far, and the one at which the daemon dies.
    pub(crate) commits: u64,
    pub(crate) crash_at: Option<(u64, Crash)>,
    /// What the clock says when the daemon starts next, where somebody sets it meanwhile.
    clock_at_restart: Option<Timestamp>,
    /// What is found beside a database whose records were lost, and of what only logs are left.
    pub(crate) found: Found,
    pub(crate) traces: Vec<Trace>,
    lives: u32,
    life_began_at: Timestamp,
    dir: tempfile::TempDir,
}

impl World {
    /// Reads `jobs_toml` and starts at `from`.
    pub(crate) fn start(jobs_toml: &str, from: &str) -> Self {
        let mut world = Self::prepare(jobs_toml, from);
        world.restart();
        world
    }

    /// The world before freshd is started in it.
    pub(crate) fn prepare(jobs_toml: &str, from: &str) -> Self {
        // In memory where there is such a place: a sync that is really made proves nothing here.
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let (dir, wall) = (dir.expect("a temporary directory"), at(from));
        let settings = settings(&dir.path().join("jobs.toml"), jobs_toml, wall);
        Self {
            settings,
            engine: None,
            writer: None,
            now: Now {
                wall,
                boot: Duration::from_secs(1_000),
            },
            boot: 1,
            queue: BTreeMap::new(),
            sequence: 0,
            outside: Outside::default(),
            shortage: None,
            started: Vec::new(),
            specs: HashMap::new(),
            alive: BTreeMap::new(),
            sent: Vec::new(),
            followed: Vec::new(),
            tries: Vec::new(),
            facts: Vec::new(),
            asked: Vec::new(),
            replies: Vec::new(),
            ledger: Ledger::default(),
            piece_rows: 7,
            commits: 0,
            crash_at: None,
            clock_at_restart: None,
            found: Found::default(),
            traces: Vec::new(),
            lives: 0,
            life_began_at: wall,
            dir,
        }
    }

    /// The daemon is gone from one instant to the next, and with it what only it knew; processes go on.
    pub(crate) fn crash(&mut self) {
        self.note_that_it_lived();
        self.engine = None;
        self.writer = None;
        self.queue.retain(|_, event| is_of_keeper(event));
    }

    /// The daemon starts on what is stored.
    pub(crate) fn restart(&mut self) {
        if let Some(wall) = self.clock_at_restart.take() {
            self.shift(wall.as_millisecond() - self.now.wall.as_millisecond());
        }
        let store = Store::open(&self.state_dir()).expect("the store opens");
        let mut snapshot = store.load().expect("the store loads");
        // Drawn at random for each directory; worlds that are compared must draw alike.
        snapshot.seed = 7;
        self.writer = Some(store.into_writer().expect("a writer"));
        let mut engine = Engine::new(self.settings.clone(), self.host(), snapshot, self.now);
        for digest in engine.started_under() {
            let stored = self.reader().settings_text(&digest).expect("the store is read");
            let stored = stored.expect("its text is stored");
            let recalled = config::recall(&self.jobs_toml(), &stored.files, &Environment::of_process());
            engine.recall(&recalled.expect("it was accepted"));
        }
        let unfinished = engine.unfinished();
        self.engine = Some(engine);
        self.ledger.new_life(&self.settings);
        self.lives += 1;
        self.life_began_at = self.now.wall;
        let life = self.lives;
        self.take_up_lost_time(&unfinished);
        if self.lives != life {
            return;
        }
        let accepted = self.accepted();
        let shortage = self.shortage.clone();
        self.handle(Event::Started { accepted, shortage });
        self.tell_of_forgotten(&unfinished);
        // The keeper outlives the daemon and knows what it started; what it does not know never ran.
        let unfinished = self.engine.as_ref().map(Engine::unfinished).unwrap_or_default();
        for attempt in unfinished {
            if !self.specs.contains_key(&attempt.id) {
                self.handle(Event::AttemptNeverStarted(attempt.id));
            }
        }
    }

    /// The machine starts anew: processes are gone and nobody can tell how they ended.
    pub(crate) fn reboot(&mut self) {
        self.crash();
        self.boot += 1;
        self.now.boot = Duration::from_secs(30);
        self.lose_processes();
        self.restart();
    }

    /// Takes a new configuration.
    pub(crate) fn reload(&mut self, jobs_toml: &str) {
        self.settings = settings(&self.dir.path().join("jobs.toml"), jobs_toml, self.now.wall);
        let (settings, accepted) = (self.settings.clone(), self.accepted());
        self.ledger.reloaded_to(&settings);
        self.handle(Event::Reloaded { settings, accepted });
    }

    /// Leaves a new configuration for the next start.
    pub(crate) fn edit(&mut self, jobs_toml: &str) {
        self.settings = settings(&self.dir.path().join("jobs.toml"), jobs_toml, self.now.wall);
        self.ledger.reloaded();
    }

    /// Lets time pass.
    pub(crate) fn run_until(&mut self, until: &str) {
        self.run_until_instant(at(until));
    }

    pub(crate) fn run_until_instant(&mut self, until: Timestamp) {
        loop {
            let queued = self.queue.keys().next().map(|(at, _)| *at);
            let wake = self.engine.as_ref().and_then(|engine| engine.next_wake(self.now));
            let next = [queued, wake].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else {
                break;
            };
            self.pass_to(next.max(self.now.wall));
            if queued == Some(next) {
                let (_, event) = self.queue.pop_first().expect("queued");
                self.before(&event);
                // Told to a daemon that is not there: the keeper tells it again after the start.
                if self.engine.is_some() {
                    self.handle(event);
                } else {
                    self.later(Duration::from_secs(30), event);
                }
            } else {
                self.handle(Event::Tick);
            }
        }
        self.pass_to(until);
        self.ledger.forgets_addresses(self.engine.as_ref());
    }

    /// Tells the engine; commits, then performs, unless the daemon is to die at this very commit.
    pub(crate) fn handle(&mut self, event: Event) {
        let retold = is_of_keeper(&event).then(|| event.clone());
        let is_look = matches!(event, Event::Tick);
        let engine = self.engine.as_mut().expect("the daemon runs");
        let Step { facts, actions } = engine.handle(self.now, event);
        // What is due after a full step is decided by the next.
        let looked = is_look && facts.len() < STEP_FACTS_MAX / 2;
        let next = engine.next_wake(self.now).filter(|_| looked);
        assert!(
            next.is_none_or(|next| next >= self.now.wall),
            "due {next:?} and left behind at {:?}",
            self.now.wall
        );
        if !facts.is_empty() {
            self.commits += 1;
        }
        let here = |(commit, _): &(u64, Crash)| *commit == self.commits && !facts.is_empty();
        let dies = self.crash_at.filter(here).map(|(_, side)| side);
        if dies == Some(Crash::Before) {
            self.crash();
            if let Some(event) = retold {
                self.later(Duration::ZERO, event);
            }
            self.crash_at = None;
            self.restart();
            return;
        }
        if !facts.is_empty() {
            self.ledger.note(&self.settings, &facts, &actions);
            self.facts.extend(facts.iter().cloned());
            self.writer
                .as_ref()
                .expect("the daemon runs")
                .commit_blocking(facts)
                .expect("the facts are stored");
        }
        if dies == Some(Crash::After) {
            self.crash();
            self.crash_at = None;
            self.restart();
            return;
        }
        for action in actions {
            self.perform(action);
        }
        if dies == Some(Crash::Acted) {
            self.crash();
            self.crash_at = None;
            self.restart();
        }
    }

    /// Stores facts of which nothing is performed.
    pub(crate) fn commit_only(&mut self, facts: Vec<Fact>) {
        self.ledger.note(&self.settings, &facts, &[]);
        self.facts.extend(facts.iter().cloned());
        self.writer
            .as_ref()
            .expect("the daemon runs")
            .commit_blocking(facts)
            .expect("the facts are stored");
    }

    fn later(&mut self, after: Duration, event: Event) {
        self.sequence += 1;
        self.queue.insert((later(self.now.wall, after), self.sequence), event);
    }

    pub(crate) fn host(&self) -> Host {
        Host {
            boot_id: format!("boot-{}", self.boot),
            state_dir: self.state_dir(),
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
            hostname: "test".to_owned(),
        }
    }

    fn jobs_toml(&self) -> PathBuf {
        self.dir.path().join("jobs.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.jobs_toml()).expect("jobs.toml is read")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn accepted(&self) -> AcceptedSettings {
        AcceptedSettings {
            digest: self.settings.digest.clone(),
            files: vec![(self.jobs_toml().display().to_string(), self.text())],
            at: self.now.wall,
            by: "test".to_owned(),
        }
    }
}

/// What the keeper knows survives the daemon; verdicts, publications, looks and answers die with it.
fn is_of_keeper(event: &Event) -> bool {
    matches!(event, Event::AttemptStarted { .. } | Event::AttemptEnded(_))
}

pub(crate) fn settings(file: &std::path::Path, text: &str, now: Timestamp) -> Arc<Settings> {
    std::fs::write(file, text).expect("jobs.toml is written");
    let environment = Environment {
        now,
        root: false,
        ..Environment::of_process()
    };
    let loaded = config::load(file, &environment);
    let problems = config::render(&loaded.problems, false);
    Arc::new(
        loaded
            .settings
            .unwrap_or_else(|| panic!("the configuration is fine:\n{problems}")),
    )
}

/// A time: RFC 3339, or local time in Oslo.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|_| {
        let local: jiff::civil::DateTime = text.parse().expect("a local time");
        local.in_tz("Europe/Oslo").expect("a zone").timestamp()
    })
}
