//! Files of a year, made and removed by the engine's own decisions: they do not pile up, and none goes too early.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::{LOGS_DIR, found, outputs, sweep};
use crate::config::{self, Environment};
use crate::engine::Engine;
use crate::model::{
    AcceptedSettings, Action, AttemptSpec, Event, Exit, ExitStatus, Fact, Host, Now, Output, Restoration, Run, RunId,
    RunState, Settings, Usage, later, plain_run, plain_version,
};
use crate::store::{Store, Writer};

const JOBS: &str = "
timezone = \"UTC\"
run_as_root = true
[history]
keep = \"10d\"
runs = 20
[fallback]
notify = [\"outbox\"]
[channels.outbox]
type = \"file\"
dir = \"outbox\"
[teams.ops]
notify = [\"outbox\"]
[jobs.often]
owner = \"ops\"
command = \"true\"
schedule = \"0 */12 * * *\"
[jobs.fails]
owner = \"ops\"
command = \"false\"
schedule = \"0 5 * * *\"
retry = { attempts = 2, delay = \"1m\" }
";

/// A state directory with a daemon in it whose clock is ours. Everything it starts ends at once.
struct House {
    dir: tempfile::TempDir,
    settings: Arc<Settings>,
    engine: Engine,
    writer: Option<Writer>,
    now: Now,
    /// Actions that a crash takes before they are performed, counted down.
    lost: u32,
}

fn temporary() -> tempfile::TempDir {
    // In memory where there is such a place: a sync that is really made proves nothing here.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    dir.unwrap()
}

impl House {
    fn start() -> Self {
        let dir = temporary();
        let file = dir.path().join("jobs.toml");
        fs::write(&file, JOBS).unwrap();
        let loaded = config::load(&file, &Environment::of_process());
        let settings = Arc::new(loaded.settings.expect("the configuration is fine"));
        let now = Now {
            wall: Timestamp::now(),
            boot: Duration::from_secs(1_000),
        };
        let (engine, writer) = rise(&dir.path().join("state"), &settings, now);
        let mut house = Self {
            dir,
            settings,
            engine,
            writer: Some(writer),
            now,
            lost: 0,
        };
        house.started();
        house
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn started(&mut self) {
        let accepted = AcceptedSettings {
            digest: self.settings.digest.clone(),
            files: Vec::new(),
            at: self.now.wall,
            by: "test".to_owned(),
        };
        self.handle(Event::Started {
            accepted,
            shortage: None,
        });
    }

    /// The daemon dies and starts again; what it had not yet done is not done.
    fn crash(&mut self) {
        self.writer = None;
        let (engine, writer) = rise(&self.state_dir(), &self.settings, self.now);
        (self.engine, self.writer) = (engine, Some(writer));
        self.started();
    }

    fn pass_to(&mut self, until: Timestamp) {
        while let Some(next) = self.engine.next_wake(self.now).filter(|next| *next <= until) {
            self.set_clock(next);
            self.handle(Event::Tick);
        }
        self.set_clock(until);
        self.handle(Event::Alive);
    }

    fn set_clock(&mut self, wall: Timestamp) {
        let by = crate::model::elapsed(self.now.wall, wall);
        self.now.boot += by;
        self.now.wall = self.now.wall.max(wall);
    }

    /// An event with all that comes of it.
    fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let step = self.engine.handle(self.now, event);
            if !step.facts.is_empty() {
                self.writer.as_ref().unwrap().commit_blocking(step.facts).unwrap();
            }
            for action in step.actions {
                self.perform(action, &mut events);
            }
        }
    }

    fn perform(&mut self, action: Action, events: &mut VecDeque<Event>) {
        let state_dir = self.state_dir();
        let logs = state_dir.join(LOGS_DIR);
        match action {
            Action::Start(spec) => events.extend(self.play(&spec)),
            Action::Clean { .. } | Action::Remove(_) if self.lost > 0 => self.lost -= 1,
            Action::Clean { run_dir, .. } => fs::remove_dir_all(run_dir).unwrap(),
            Action::Search { limits, from } => {
                let found = found(&state_dir, &limits, from).map(Box::new);
                events.push_back(Event::Aged(found));
            }
            Action::Remove(leftovers) => {
                let gone = outputs::remove(&logs, &leftovers);
                let (files, bytes) = (gone.count, gone.bytes);
                events.push_back(Event::Removed { files, bytes });
            }
            Action::Sweep => {
                let gone = sweep::sweep(&state_dir, self.now.wall, true).unwrap();
                let (files, bytes) = (gone.count, gone.bytes);
                events.push_back(Event::Removed { files, bytes });
            }
            _ => {}
        }
    }

    /// What an attempt leaves: its output, its own directory, its end.
    fn play(&self, spec: &AttemptSpec) -> [Event; 2] {
        self.make(&spec.log, "printed");
        self.make(&spec.run_dir.join("report"), "rows=1");
        let (id, at) = (spec.id, self.now.wall);
        let code = u8::from(spec.job.as_str() == "fails");
        let exit = Exit {
            id,
            status: ExitStatus::Code(code.into()),
            stop: None,
            started_at: at,
            ended_at: at,
            pid: 4_711,
            usage: Usage::default(),
            output: Output::default(),
            out_of_memory: None,
            report: String::new(),
        };
        [Event::AttemptStarted { id, pid: 4_711, at }, Event::AttemptEnded(exit)]
    }

    /// Makes a file with its directory, both as of now.
    fn make(&self, path: &Path, text: &str) {
        let dir = path.parent().unwrap();
        fs::create_dir_all(dir).unwrap();
        fs::write(path, text).unwrap();
        let since_1970 = u64::try_from(self.now.wall.as_second()).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970);
        for path in [path, dir] {
            let opened = fs::File::open(path).unwrap();
            opened.set_modified(modified).unwrap();
        }
    }
}

fn rise(state_dir: &Path, settings: &Arc<Settings>, now: Now) -> (Engine, Writer) {
    let store = Store::open(state_dir).unwrap();
    let host = Host {
        boot_id: "boot".to_owned(),
        state_dir: state_dir.to_path_buf(),
        env: Vec::new(),
        hostname: "test".to_owned(),
    };
    let engine = Engine::new(settings.clone(), host, store.load().unwrap(), now);
    (engine, store.into_writer().unwrap())
}

/// Files and directories below one.
fn inodes(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| {
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        1 + if is_dir { inodes(&entry.path()) } else { 0 }
    };
    entries.map(of).sum()
}

#[test]
fn files_and_directories_do_not_pile_up_over_a_year_of_runs_and_crashes() {
    let mut house = House::start();
    let mut most = [0; 5];
    for day in 0..365_usize {
        let midnight = later(house.now.wall, Duration::from_hours(24));
        // On some days what is to be removed is not, since the daemon dies before.
        house.lost = if day % 7 == 0 { 4 } else { 0 };
        house.pass_to(midnight);
        if day % 5 == 0 {
            let gone = house.state_dir().join(LOGS_DIR).join(format!("gone-{day}"));
            house.make(&gone.join("1.1.log"), "of a job whose runs are forgotten");
        }
        house.handle(Event::Prune {
            files: true,
            asked: None,
        });
        if day % 7 == 0 {
            house.crash();
        }
        let here = inodes(&house.state_dir());
        most[day / 73] = here.max(most[day / 73]);
    }
    // Two jobs with twenty runs each, the second with two attempts, beside what a week leaves behind.
    assert!(most[0] > 40 && most[0] < 140, "{most:?}");
    assert!(most.iter().all(|most_then| *most_then <= most[0] + 10), "{most:?}");
}

#[test]
fn no_version_goes_that_a_run_of_lost_time_may_read() {
    let dir = temporary();
    let writer = Store::open(dir.path()).unwrap().into_writer().unwrap();
    let at = Timestamp::now();
    let restoration = Restoration {
        at,
        from: None,
        until: at,
        backup: None,
        because: "it was damaged".to_owned(),
        set_aside: None,
        seen: None,
        taken_up_at: Some(at),
        last_run: Some(RunId(5)),
    };
    let run = |id: u64, state: RunState| {
        let outcome = (state == RunState::Final).then_some(crate::model::Outcome::Succeeded);
        Fact::Run(Run {
            state,
            outcome,
            id: RunId(id),
            ..plain_run("export", at)
        })
    };
    writer
        .commit_blocking(vec![
            Fact::Restored(restoration),
            run(3, RunState::Running),
            run(6, RunState::Running),
            Fact::Version(Box::new(plain_version("stock", 9, at))),
        ])
        .unwrap();
    let old = dir.path().join("versions/stock/4");
    fs::create_dir_all(&old).unwrap();
    let in_two_days = later(at, Duration::from_hours(48));
    sweep::sweep(dir.path(), in_two_days, true).unwrap();
    assert!(old.exists());
    writer.commit_blocking(vec![run(3, RunState::Final)]).unwrap();
    sweep::sweep(dir.path(), in_two_days, true).unwrap();
    assert!(!old.exists());
}
