//! From a file name to a running daemon: read the configuration, open the store, recover, begin.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use super::alive::{self, Alive};
use super::board::{Board, Boards};
use super::care::Care;
use super::chores::Chores;
use super::clock::{self, Timer};
use super::control;
use super::evidence;
use super::files::Desk;
use super::host;
use super::looks::Looks;
use super::packing::Packing;
use super::perform::Performer;
use super::reloading::Reloads;
use super::rounds::Rounds;
use super::rush::ComingRush;
use super::shell::{Shell, Stop};
use super::signals::Starting;
use super::space::{self, Space};
use super::window::{self, Outlook, Window};
use crate::config::{self, Environment, Level, Problem};
use crate::delivery::{Delivery, SEND_TIMEOUT};
use crate::engine::Engine;
use crate::model::{AcceptedSettings, Event, Settings, Shortage, Snapshot};
use crate::runner::{self, Records, Unfinished};
use crate::store::{OpenError, Reader, Store};

/// Threads of the async runtime: decisions are one thread's work, the other keeps sockets going meanwhile.
const RUNTIME_THREADS: usize = 2;
/// How long file work may take when freshd ends; it is done again at the next start.
const FILE_WORK_WAIT: Duration = Duration::from_secs(5);
/// Threads for file work, at most.
const BLOCKING_THREADS_MAX: usize = 64;
/// What the keepers told that is not yet decided about; more waits with the keepers.
const ATTEMPT_EVENTS_MAX: usize = 4_096;
/// Questions that wait for the main loop, at most.
const ASKED_MAX: usize = 256;

/// What to serve.
#[derive(Clone)]
pub struct Serve {
    /// jobs.toml.
    pub config: PathBuf,
    /// The state directory.
    pub state_dir: PathBuf,
    /// What is done besides, once the state directory is this daemon's alone.
    pub once_alone: Arc<dyn Fn() + Send + Sync>,
    /// How the status looks on a terminal.
    pub board: Board,
    /// Opens the window over HTTP, where `[web]` asks for one.
    pub window: Window,
}

/// Why the daemon did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration has errors.
    #[error("the configuration has errors")]
    Config(Vec<Problem>),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The dashboard's address is taken.
    #[error(
        "cannot listen on {address}: {error}; end the program that listens there, or change `listen` in [web] of {file}"
    )]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's word.
        error: std::io::Error,
        /// Where to change it.
        file: String,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Reads jobs.toml, at start and at each reload, in the same way.
#[derive(Clone, Debug)]
pub(super) struct Loader {
    config: PathBuf,
    state_dir: PathBuf,
}

/// A configuration that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) settings: Arc<Settings>,
    pub(super) accepted: AcceptedSettings,
}

/// A configuration that was not.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Vec<Problem>);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&config::render(&self.0, false))
    }
}

impl Loader {
    pub(super) fn load(&self, by: &str) -> Result<Loaded, Refused> {
        let loaded = self.read();
        let Some(settings) = loaded.settings else {
            let errors = loaded
                .problems
                .into_iter()
                .filter(|problem| problem.level == Level::Error);
            return Err(Refused(errors.collect()));
        };
        let accepted = AcceptedSettings {
            digest: settings.digest.clone(),
            files: loaded.files,
            at: clock::now().wall,
            by: by.to_owned(),
        };
        Ok(Loaded {
            settings: Arc::new(settings),
            accepted,
        })
    }
}

impl Loader {
    fn read(&self) -> config::Loaded {
        let environment = Environment::of_process().with_state_dir(&self.state_dir);
        config::load(&self.config, &environment)
    }

    /// Logs what `check` would say today about the configuration in force.
    pub(super) fn look_ahead(&self) {
        let loaded = self.read();
        for problem in loaded.problems.iter().filter(|problem| problem.level != Level::Note) {
            warn!(file = problem.file, line = problem.line, "{}", problem.message);
        }
    }
}

/// Supervises until told to stop.
///
/// # Errors
/// Says why it could not start, or what ended it.
pub fn serve(serve: &Serve) -> Result<(), ServeError> {
    // First of all: whoever stops freshd while it starts need not wait, and is no accident.
    let starting = Starting::begin().context("take signals")?;
    runner::raise_open_files();
    let loader = Loader {
        config: serve.config.clone(),
        state_dir: serve.state_dir.clone(),
    };
    let by = std::env::var("USER").unwrap_or_else(|_| "start".to_owned());
    let loaded = loader
        .load(&by)
        .map_err(|Refused(problems)| ServeError::Config(problems))?;
    let (store, snapshot) = alive::asking_for_patience(|| space::open_store(&serve.state_dir))?;
    (serve.once_alone)();
    // Not before: reading takes and frees large blocks, which the kernel would have to clear again and again.
    runner::keep_memory_small();
    let listener = window::listen(&loaded.settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let ended = runtime.block_on(begin(serve, starting, loader, loaded, (store, snapshot), listener));
    // File work that hangs, on a share that is gone, must not keep freshd from ending.
    runtime.shutdown_timeout(FILE_WORK_WAIT);
    ended
}

/// Runs that go on keep the configuration that they were started with, by its text in the store.
fn recall(engine: &mut Engine, serve: &Serve) {
    for digest in engine.started_under() {
        match recalled(serve, &digest) {
            Ok(settings) => engine.recall(&settings),
            Err(error) => warn!(
                settings = digest,
                "what running jobs were started with cannot be read again; they go on with what is configured now: {error:#}"
            ),
        }
    }
}

fn recalled(serve: &Serve, digest: &str) -> anyhow::Result<Settings> {
    let stored = Reader::open(&serve.state_dir)?.settings_text(digest)?;
    let stored = stored.context("its text is not stored")?;
    config::recall(&serve.config, &stored.files, &Environment::of_process())
        .map_err(|problems| anyhow::anyhow!("{}", config::render(&problems, false)))
}

/// What a start decides about, in order: what keepers know of a time whose records were lost, what else is left of it,
/// the start itself, and what keepers tell.
async fn put_in_order(
    told: Vec<Event>,
    (accepted, shortage): (AcceptedSettings, Option<Shortage>),
    engine: &Engine,
    settings: &Settings,
    state_dir: &Path,
) -> io::Result<Vec<Event>> {
    let (mut found, told): (Vec<_>, Vec<_>) = told
        .into_iter()
        .partition(|event| matches!(event, Event::AttemptFound(_)));
    let id_of = |event: &Event| match event {
        Event::AttemptFound(found) => Some(found.id),
        _ => None,
    };
    found.sort_by_key(id_of);
    let known: Vec<_> = found.iter().filter_map(id_of).collect();
    found.extend(evidence::left_behind(engine, settings, state_dir, &known).await?);
    found.push(Event::Started { accepted, shortage });
    found.extend(told);
    Ok(found)
}

async fn begin(
    serve: &Serve,
    starting: Starting,
    loader: Loader,
    loaded: Loaded,
    (store, snapshot): (Store, Snapshot),
    listener: Option<TcpListener>,
) -> Result<(), ServeError> {
    let Loaded { settings, accepted } = loaded;
    let state_dir: &Path = &serve.state_dir;
    let writer = store.into_writer()?;
    let now = clock::now();
    let mut engine = Engine::new(settings.clone(), host::host(state_dir), snapshot, now);
    for warning in engine.left_behind(&settings) {
        warn!("{warning}");
    }
    recall(&mut engine, serve);
    let (events, received) = mpsc::unbounded_channel();
    let (space, shortage) = Space::find(state_dir, events.clone());
    let (woken, wakes) = mpsc::unbounded_channel();
    let (asks, asked) = mpsc::channel(ASKED_MAX);
    let timer = Timer::start(now, woken)?;
    // Before the keepers: a start that is asked for twice must find the directory's socket taken.
    let (asker, resender) = (control::asker(asks.clone()), control::resender(asks.clone()));
    control::listen(state_dir, asks)
        .map_err(|error| anyhow::anyhow!("cannot listen on the control socket: {error}"))?;
    let exe = std::env::current_exe().context("find this program's own file")?;
    let (attempts, mut attempts_received) = mpsc::channel(ATTEMPT_EVENTS_MAX);
    let unfinished = engine.unfinished().into_iter().map(|attempt| Unfinished {
        spec: engine.spec_of(attempt.id).map(Box::new),
        attempt,
    });
    let unfinished: Vec<_> = unfinished.collect();
    let records = match engine.lost_records() {
        Some(restoration) => {
            error!("the records go on from a backup: {}", restoration.because);
            Records::Lost
        }
        None => Records::Whole,
    };
    let recovery = runner::recover(state_dir, &exe, &unfinished, records, attempts);
    tokio::pin!(recovery);
    // What the keepers tell is heard from the first moment: there may be more of it than the channel holds.
    let mut told = Vec::new();
    let keepers = loop {
        tokio::select! {
            keepers = &mut recovery => break keepers.context("take up running jobs")?,
            Some(event) = attempts_received.recv() => told.push(event),
        }
    };
    // What had been told by then may still lie in the channel.
    while let Ok(event) = attempts_received.try_recv() {
        told.push(event);
    }
    let mut first = put_in_order(told, (accepted, shortage), &engine, &settings, state_dir)
        .await
        .context("look for what is left of the lost records")?;
    let (signals, was_hung_up) = starting.end().map_err(anyhow::Error::from)?;
    let in_force = watch::Sender::new(settings.clone());
    let port = window::with_key(listener, state_dir).context("draw a key for links")?;
    let mut delivery = Delivery::new(SEND_TIMEOUT);
    if let Some((_, key)) = &port {
        delivery = delivery
            .with_ack_links(window::ack_links(key.clone(), in_force.subscribe()))
            .with_page_links(window::page_links(in_force.subscribe()));
    }
    let performer = Performer {
        settings: in_force,
        state_dir: serve.state_dir.clone(),
        keepers,
        delivery: Arc::new(delivery),
        events,
        replies: std::collections::HashMap::new(),
        looks: Looks::default(),
        desk: Desk::default(),
        sends: std::collections::HashMap::new(),
        changes: std::collections::HashMap::new(),
        repeats: std::collections::HashMap::new(),
        pace: super::history::Pace::default(),
    };
    let mut shell = Shell {
        engine,
        writer,
        performer,
        timer,
        rush: ComingRush::default(),
        events: received,
        attempts: attempts_received,
        woken: wakes,
        asked,
        signals,
        alive: Alive::new(),
        chores: Chores::start()?,
        care: Care::new(state_dir),
        packing: Packing::start(state_dir)?,
        rounds: Rounds::new(),
        boards: Boards::new(serve.board.clone()),
        reloads: Reloads::new(loader.clone()),
        loader,
        state_dir: state_dir.to_owned(),
        requests: 0,
        has_told_everything: false,
        quiet_minutes: 0,
        is_taking_on: true,
        stop: Stop::NotTold,
        reload_asked: None,
        space,
        changes: watch::Sender::new(0),
    };
    if let Some((listener, key)) = port {
        let address = listener.local_addr().map_err(anyhow::Error::from)?;
        info!("pages at http://{address}/");
        let outlook = Outlook {
            ask: asker,
            resend: resender,
            settings: shell.performer.settings.subscribe(),
            changes: shell.changes.subscribe(),
            state_dir: serve.state_dir.clone(),
            key,
        };
        (serve.window)(listener, outlook).context("open the window of [web]")?;
    }
    info!(
        jobs = settings.jobs.len(),
        datasets = settings.datasets.len(),
        systems = settings.systems.len(),
        state = %state_dir.display(),
        "supervising {}",
        settings.file.display()
    );
    shell.space.watch();
    shell.decide(&mut first).await?;
    if shell.stop == Stop::NotTold {
        alive::ready();
        if was_hung_up {
            shell.reload_by_signal();
        }
    }
    shell.show_board();
    Box::pin(shell.run()).await?;
    Ok(())
}
