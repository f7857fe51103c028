//! The real configuration, engine and store in virtual time: processes and messages are events on a queue.
#![allow(dead_code, reason = "each test program uses its own part of it")]

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freshd::config::{self, Environment};
use freshd::engine::Engine;
use freshd::model::{
    AcceptedSettings, Action, AttemptId, AttemptSpec, DeliveryOutcome, Event, Exit, ExitStatus, Fact, Host, Judgement,
    Measurement, Notification, Now, Output, Reply, Request, Settings, StopReason, Usage, VersionRef, later,
};
use freshd::store::{Store, Writer};
use jiff::Timestamp;

/// What a process will do.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) takes: Duration,
    pub(crate) status: ExitStatus,
    pub(crate) tail: &'static str,
    /// What it wrote: a digest and the newest business time inside.
    pub(crate) wrote: Option<(String, Timestamp)>,
}

impl Play {
    pub(crate) fn succeeds() -> Self {
        Self {
            takes: Duration::from_secs(5),
            status: ExitStatus::Code(0),
            tail: "",
            wrote: None,
        }
    }

    pub(crate) fn fails(code: i32, tail: &'static str) -> Self {
        Self {
            status: ExitStatus::Code(code),
            tail,
            ..Self::succeeds()
        }
    }

    pub(crate) fn writes(digest: &str, as_of: Timestamp) -> Self {
        Self {
            wrote: Some((digest.to_owned(), as_of)),
            ..Self::succeeds()
        }
    }

    pub(crate) fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }
}

type Script = Box<dyn FnMut(&AttemptSpec, Timestamp) -> Play>;

/// freshd in virtual time.
pub(crate) struct World {
    pub(crate) settings: Arc<Settings>,
    engine: Option<Engine>,
    writer: Option<Writer>,
    now: Now,
    queue: BTreeMap<(Timestamp, u64), Event>,
    sequence: u64,
    scripts: HashMap<String, Script>,
    running: HashMap<AttemptId, Play>,
    wrote: HashMap<AttemptId, (String, Timestamp)>,
    /// Every process that was started: job, attempt, when.
    pub(crate) started: Vec<(String, AttemptId, Timestamp)>,
    /// Every message that went out, and when.
    pub(crate) sent: Vec<(Timestamp, Notification)>,
    /// Every fact committed.
    pub(crate) facts: Vec<Fact>,
    /// The answers of channels that do not accept at once.
    pub(crate) refusals: Vec<DeliveryOutcome>,
    pub(crate) replies: Vec<Reply>,
    dir: tempfile::TempDir,
}

impl World {
    /// Reads `jobs_toml` and starts at `from`.
    pub(crate) fn start(jobs_toml: &str, from: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let wall = at(from);
        let settings = settings(&dir.path().join("jobs.toml"), jobs_toml, wall);
        let now = Now {
            wall,
            boot: Duration::from_secs(1_000),
        };
        let mut world = Self {
            settings,
            engine: None,
            writer: None,
            now,
            queue: BTreeMap::new(),
            sequence: 0,
            scripts: HashMap::new(),
            running: HashMap::new(),
            wrote: HashMap::new(),
            started: Vec::new(),
            sent: Vec::new(),
            facts: Vec::new(),
            refusals: Vec::new(),
            replies: Vec::new(),
            dir,
        };
        world.restart();
        world
    }

    /// What the processes of a job do; others succeed and write a file as fresh as its time.
    pub(crate) fn script(&mut self, job: &str, script: impl FnMut(&AttemptSpec, Timestamp) -> Play + 'static) {
        self.scripts.insert(job.to_owned(), Box::new(script));
    }

    /// The daemon is gone from one instant to the next; processes and the queue go on.
    pub(crate) fn crash(&mut self) {
        self.engine = None;
        self.writer = None;
    }

    /// The daemon starts on what is stored.
    pub(crate) fn restart(&mut self) {
        let store = Store::open(&self.state_dir()).expect("the store opens");
        let mut snapshot = store.load().expect("the store loads");
        // Drawn at random for each directory; worlds that are compared must draw alike.
        snapshot.seed = 7;
        self.writer = Some(store.into_writer().expect("a writer"));
        let host = Host {
            boot_id: "boot".to_owned(),
            state_dir: self.state_dir(),
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
            hostname: "test".to_owned(),
        };
        self.engine = Some(Engine::new(self.settings.clone(), host, snapshot, self.now));
        let accepted = self.accepted();
        self.handle(Event::Started { accepted });
        // The keeper outlives the daemon and knows what it started; what it does not know never ran.
        let unfinished = self.engine.as_ref().map(Engine::unfinished).unwrap_or_default();
        for attempt in unfinished {
            if !self.started.iter().any(|(_, started, _)| *started == attempt.id) {
                self.handle(Event::AttemptNeverStarted(attempt.id));
            }
        }
    }

    /// Takes a new configuration.
    pub(crate) fn reload(&mut self, jobs_toml: &str) {
        self.settings = settings(&self.dir.path().join("jobs.toml"), jobs_toml, self.now.wall);
        let (settings, accepted) = (self.settings.clone(), self.accepted());
        self.handle(Event::Reloaded { settings, accepted });
    }

    /// A person asks.
    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        self.sequence += 1;
        let id = self.sequence;
        self.handle(Event::Requested {
            id,
            by: "anna".to_owned(),
            request,
        });
        self.replies.pop().expect("an answer")
    }

    /// Lets time pass.
    pub(crate) fn run_until(&mut self, until: &str) {
        let until = at(until);
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
                // Told to a daemon that is not there: the keeper tells it again after the start.
                if self.engine.is_some() {
                    self.handle(event)
                } else {
                    self.later(Duration::from_secs(30), event)
                }
            } else {
                self.handle(Event::Tick);
            }
        }
        self.pass_to(until);
    }

    /// The wall clock is set; the boot clock does not notice.
    pub(crate) fn set_clock(&mut self, to: &str) {
        let to = at(to);
        let by_ms = to.as_millisecond() - self.now.wall.as_millisecond();
        self.now.wall = to;
        self.handle(Event::ClockStepped { by_ms });
    }

    fn pass_to(&mut self, to: Timestamp) {
        self.now.boot += freshd::model::elapsed(self.now.wall, to);
        self.now.wall = to;
    }

    fn handle(&mut self, event: Event) {
        let engine = self.engine.as_mut().expect("the daemon runs");
        let step = engine.handle(self.now, event);
        if !step.facts.is_empty() {
            self.facts.extend(step.facts.iter().cloned());
            let writer = self.writer.as_ref().expect("the daemon runs");
            writer.commit_blocking(step.facts).expect("the facts are stored");
        }
        for action in step.actions {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Start(spec) => self.start_process(&spec),
            Action::Stop { id, reason } => self.stop_process(id, reason),
            Action::Judge(judging) => {
                let (sha256, as_of) = self.wrote.get(&judging.id).cloned().expect("it wrote something");
                let measurement = Measurement {
                    bytes: 100,
                    rows: Some(80),
                    sha256,
                    as_of: Some(as_of),
                };
                let judgement = Judgement {
                    measurement,
                    checks: Vec::new(),
                };
                self.later(
                    Duration::ZERO,
                    Event::Judged {
                        id: judging.id,
                        judgement,
                    },
                );
            }
            Action::Publish(publishing) => {
                let version = VersionRef {
                    dataset: publishing.version.dataset.clone(),
                    number: publishing.version.number,
                };
                self.later(
                    Duration::ZERO,
                    Event::Published {
                        version,
                        result: Ok(()),
                    },
                );
            }
            Action::Send(notification) => {
                let outcome = self.refusals.pop().unwrap_or(DeliveryOutcome::Accepted);
                if outcome == DeliveryOutcome::Accepted {
                    self.sent.push((self.now.wall, (*notification).clone()));
                }
                self.later(
                    Duration::ZERO,
                    Event::Delivered {
                        id: notification.id,
                        outcome,
                    },
                );
            }
            Action::Reply { reply, .. } => self.replies.push(reply),
            Action::Acknowledge(_) | Action::Quarantine(_) | Action::Clean { .. } | Action::Probe(_) => {}
        }
    }

    fn start_process(&mut self, spec: &AttemptSpec) {
        let now = self.now.wall;
        self.started.push((spec.job.to_string(), spec.id, now));
        let play = match self.scripts.get_mut(spec.job.as_str()) {
            Some(script) => script(spec, now),
            None => Play::writes(&now.to_string(), now),
        };
        self.later(
            Duration::ZERO,
            Event::AttemptStarted {
                id: spec.id,
                pid: 4_711,
                at: now,
            },
        );
        if let Some(wrote) = &play.wrote {
            self.wrote.insert(spec.id, wrote.clone());
        }
        let takes = spec.timeout.map_or(play.takes, |timeout| play.takes.min(timeout));
        let stop = spec
            .timeout
            .filter(|timeout| play.takes > *timeout)
            .map(|_| StopReason::Timeout);
        let exit = exit(spec.id, &play, now, later(now, takes), stop);
        self.running.insert(spec.id, play);
        self.later(takes, Event::AttemptEnded(exit));
    }

    fn stop_process(&mut self, id: AttemptId, reason: StopReason) {
        let Some(play) = self.running.get(&id).cloned() else {
            return;
        };
        self.queue
            .retain(|_, event| !matches!(event, Event::AttemptEnded(exit) if exit.id == id));
        let started = self
            .started
            .iter()
            .find(|(_, started, _)| *started == id)
            .map_or(self.now.wall, |found| found.2);
        let play = Play {
            status: ExitStatus::Signal(15),
            ..play
        };
        let exit = exit(id, &play, started, self.now.wall, Some(reason));
        self.later(Duration::ZERO, Event::AttemptEnded(exit));
    }

    fn later(&mut self, after: Duration, event: Event) {
        self.sequence += 1;
        self.queue.insert((later(self.now.wall, after), self.sequence), event);
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn accepted(&self) -> AcceptedSettings {
        AcceptedSettings {
            digest: self.settings.digest.clone(),
            files: Vec::new(),
            at: self.now.wall,
            by: "test".to_owned(),
        }
    }
}

fn exit(id: AttemptId, play: &Play, started_at: Timestamp, ended_at: Timestamp, stop: Option<StopReason>) -> Exit {
    Exit {
        id,
        status: play.status.clone(),
        stop,
        started_at,
        ended_at,
        pid: 4_711,
        usage: Usage::default(),
        output: Output {
            bytes: play.tail.len() as u64,
            dropped_bytes: 0,
            tail: play.tail.to_owned(),
        },
        report: String::new(),
    }
}

fn settings(file: &std::path::Path, text: &str, now: Timestamp) -> Arc<Settings> {
    std::fs::write(file, text).expect("jobs.toml is written");
    let environment = Environment {
        now,
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
