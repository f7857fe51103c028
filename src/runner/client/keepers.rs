//! The one task that knows which attempt is with which keeper.

mod doubt;
mod current;
mod deaths;
mod hearing;
mod silence;
mod strangers;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use self::doubt::{Doubts, Terms, never_ran};
use self::silence::Guard;
use self::strangers::Strangers;
use super::super::files::{KeeperFiles, build_of};
use super::super::journal::{Running, Started};
use super::super::launch::Ended;
use super::super::link::{self, News};
use super::super::process::{Process, all_processes, own_pid};
use super::super::sys;
use super::super::wire::ToKeeper;
use super::Unfinished;
use super::dead::DeadKeeper;
use super::link_state::{Link, Wanted};
use crate::model::{AttemptId, AttemptSpec, AttemptState, Event, Exit, StopReason};

pub use self::strangers::Records;

/// How long `recover` waits for keepers that live but do not answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A refused attempt is sent again after this.
const REFUSED_RETRY: Duration = Duration::from_millis(500);

/// Keepers that may die with an attempt in their hands before it is given up.
const DEATHS_MAX: u32 = 2;

/// Keepers that may fail to start before `recover` fails.
const FIRST_LAUNCHES_MAX: u32 = 3;

/// How often processes that came to the daemon when a keeper died are reaped.
const REAP_PACE: Duration = Duration::from_secs(30);

/// How often it is looked whether keepers answer, while they have anything in their hands or owe an answer. Otherwise the
/// daemon says when: one that has nothing to do is not to wake for this alone.
const LOOK_PACE: Duration = Duration::from_secs(10);

/// News that may wait before links stop reading from their keepers.
const NEWS_WAITING_MAX: usize = 256;

/// What the daemon asks for.
#[derive(Debug)]
pub(super) enum Command {
    Start(Box<AttemptSpec>),
    GetReady(usize),
    Stop { id: AttemptId, reason: StopReason },
    Acknowledge(AttemptId),
    Look,
    Close(oneshot::Sender<()>),
}

/// What the tasks of this one report.
enum Report {
    Launched(u32, std::io::Result<Ended>),
    OrphanEnded(Box<Exit>),
    /// An attempt of a silent keeper is told to end.
    EndedOutside(AttemptId, StopReason),
}

pub(super) struct KeeperSet {
    state_dir: PathBuf,
    exe: PathBuf,
    build: String,
    events: mpsc::Sender<Event>,
    news: mpsc::Sender<(u32, News)>,
    news_inbox: Option<mpsc::Receiver<(u32, News)>>,
    reports: mpsc::UnboundedSender<Report>,
    reports_inbox: Option<mpsc::UnboundedReceiver<Report>>,
    ready: Option<oneshot::Sender<Result<(), String>>>,
    records: Records,
    strangers: Strangers,
    /// Living keepers.
    links: BTreeMap<u32, Link>,
    /// What serves each living keeper; ends when its link does.
    serving: HashMap<u32, JoinHandle<()>>,
    /// Dead keepers with something in their journal that is not stored yet.
    dead: BTreeMap<u32, DeadKeeper>,
    /// Takes new attempts.
    current: Option<u32>,
    is_launching: bool,
    launch_failures: u32,
    launch_at: Option<Instant>,
    highest: u32,
    /// Attempts for which there is no keeper just now, or which a keeper could not take.
    waiting: Vec<Wanted>,
    /// Stored as unfinished, and not yet found with any keeper; with what the store knows.
    undecided: HashMap<AttemptId, bool>,
    /// Of these, what dead keepers started without seeing the end.
    dangling: HashMap<AttemptId, (Started, Option<Running>)>,
    /// Given to `start` while it is not decided whether they ran before.
    early: HashMap<AttemptId, Wanted>,
    /// Told to end before any keeper was found that has them.
    early_stops: HashMap<AttemptId, StopReason>,
    /// Keepers of earlier lives that have not answered.
    unanswered: BTreeSet<u32>,
    doubts: Doubts,
    /// Of silent keepers.
    guards: HashMap<u32, Guard>,
    /// What was told to end while its keeper was silent, and why: the keeper does not know that.
    ended_outside: HashMap<AttemptId, StopReason>,
    orphans: HashMap<AttemptId, mpsc::UnboundedSender<StopReason>>,
    /// Their tasks, which end with this one: two watchers of a process would take its status from each other.
    watchers: JoinSet<()>,
    any_died: bool,
    /// Seen at the last look, and nobody's.
    zombies: HashSet<Process>,
}

impl KeeperSet {
    pub(super) fn new(
        state_dir: PathBuf,
        exe: PathBuf,
        unfinished: &[Unfinished],
        records: Records,
        events: mpsc::Sender<Event>,
        ready: oneshot::Sender<Result<(), String>>,
    ) -> Self {
        let (news, news_inbox) = mpsc::channel(NEWS_WAITING_MAX);
        let (reports, reports_inbox) = mpsc::unbounded_channel();
        Self {
            build: build_of(&exe),
            state_dir,
            exe,
            events,
            news,
            news_inbox: Some(news_inbox),
            reports,
            reports_inbox: Some(reports_inbox),
            ready: Some(ready),
            records,
            strangers: Strangers::default(),
            links: BTreeMap::new(),
            serving: HashMap::new(),
            dead: BTreeMap::new(),
            current: None,
            is_launching: false,
            launch_failures: 0,
            launch_at: None,
            highest: 0,
            waiting: Vec::new(),
            undecided: unfinished
                .iter()
                .map(|unfinished| &unfinished.attempt)
                .filter(|attempt| attempt.state != AttemptState::Ended)
                .map(|attempt| (attempt.id, attempt.state == AttemptState::Started))
                .collect(),
            dangling: HashMap::new(),
            early: HashMap::new(),
            early_stops: HashMap::new(),
            unanswered: BTreeSet::new(),
            doubts: Doubts::of(unfinished),
            guards: HashMap::new(),
            ended_outside: HashMap::new(),
            orphans: HashMap::new(),
            watchers: JoinSet::new(),
            any_died: false,
            zombies: HashSet::new(),
        }
    }

    /// Serves until `Close`, or until the last handle is gone.
    pub(super) async fn run(mut self, numbers: Vec<u32>, highest: u32, mut commands: mpsc::UnboundedReceiver<Command>) {
        let (Some(mut news), Some(mut reports)) = (self.news_inbox.take(), self.reports_inbox.take()) else {
            return;
        };
        self.highest = highest;
        for number in numbers {
            self.unanswered.insert(number);
            self.serve(number, None);
        }
        let answer_until = Instant::now() + ANSWER_WITHIN;
        let mut reap = tokio::time::interval_at(Instant::now() + REAP_PACE, REAP_PACE);
        reap.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look_at = Some(Instant::now() + LOOK_PACE);
        self.decide().await;
        loop {
            self.advance();
            look_at = match self.has_work() || self.owes_answer() {
                true => look_at.or_else(|| Some(Instant::now() + LOOK_PACE)),
                false => None,
            };
            let retry = self
                .waiting
                .iter()
                .filter_map(|wanted| wanted.not_before)
                .chain(self.launch_at.filter(|_| !self.is_launching))
                .min();
            let is_waiting = self.ready.is_some() && !self.unanswered.is_empty();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Close(done)) => {
                        self.close().await;
                        let _ = done.send(());
                        return;
                    }
                    // With the pace of looks it is counted how long a keeper says nothing.
                    Some(Command::Look) if look_at.is_some() => {}
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                Some((number, news)) = news.recv() => self.hear(number, news).await,
                Some(report) = reports.recv() => self.note(report).await,
                () = until(retry) => {}
                () = tokio::time::sleep_until(answer_until), if is_waiting => {
                    tracing::error!(keepers = ?self.unanswered, "keepers of an earlier life do not answer; what they may know stays undecided");
                    for number in self.unanswered.clone() {
                        self.fell_silent(number).await;
                    }
                    self.begin();
                }
                () = until(look_at) => {
                    look_at = None;
                    self.look_for_silence().await;
                }
                _ = reap.tick(), if self.any_died => self.reap_strangers(),
            }
        }
    }

    /// Whether any attempt is in the hands of a keeper, or on its way there.
    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || self.links.values().any(Link::has_work)
    }

    /// Whether a keeper was asked for something, be it what it knows, and has said nothing since.
    fn owes_answer(&self) -> bool {
        !self.unanswered.is_empty() || self.links.values().any(Link::owes_answer)
    }

    /// `ended` is there for one that this daemon started.
    fn serve(&mut self, number: u32, ended: Option<Ended>) {
        self.links.insert(number, Link::default());
        let files = KeeperFiles::new(&self.state_dir, number);
        let served = tokio::spawn(link::serve(files, ended, self.news.clone()));
        self.serving.insert(number, served);
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Start(spec) => {
                let id = spec.id;
                self.doubts.terms.entry(id).or_insert_with(|| Terms::of_spec(&spec));
                let wanted = Wanted {
                    spec,
                    stop: None,
                    deaths: 0,
                    // Behind those that a keeper could not start yet: the first places are theirs.
                    not_before: self.waiting.iter().filter_map(|wanted| wanted.not_before).max(),
                    was_refused: false,
                };
                if self.undecided.contains_key(&id) {
                    self.early.insert(id, wanted);
                } else if !self.knows(id) {
                    self.waiting.push(wanted);
                }
            }
            Command::GetReady(attempts) => {
                if let Some(link) = self.current.and_then(|current| self.links.get_mut(&current)) {
                    link.get_ready(attempts);
                }
            }
            Command::Stop { id, reason } => self.stop(id, reason).await,
            Command::Acknowledge(id) => self.acknowledge(id),
            Command::Look => self.look_for_silence().await,
            Command::Close(_) => {}
        }
    }

    fn knows(&self, id: AttemptId) -> bool {
        self.links.values().any(|link| link.knows(id))
            || self.dead.values().any(|dead| dead.knows(id))
            || self.orphans.contains_key(&id)
            || self.waiting.iter().any(|wanted| wanted.spec.id == id)
    }

    pub(super) async fn stop(&mut self, id: AttemptId, reason: StopReason) {
        if let Some(place) = self.waiting.iter().position(|wanted| wanted.spec.id == id) {
            // No keeper has it.
            self.waiting.remove(place);
            let why = "told to end before it began".to_owned();
            self.tell(Event::AttemptEnded(never_ran(id, why, Some(reason)))).await;
        } else if let Some(orphan) = self.orphans.get(&id) {
            let _ = orphan.send(reason);
        } else if let Some(wanted) = self.early.get_mut(&id) {
            wanted.stop.get_or_insert(reason);
        } else {
            for guard in self.guards.values() {
                if let Some(stops) = guard.stops.get(&id) {
                    let _ = stops.send(reason);
                }
            }
            for link in self.links.values_mut() {
                if link.stop(id, reason) {
                    return;
                }
            }
            if self.undecided.contains_key(&id) {
                self.early_stops.entry(id).or_insert(reason);
            }
        }
    }

    fn acknowledge(&mut self, id: AttemptId) {
        self.ended_outside.remove(&id);
        self.doubts.terms.remove(&id);
        for link in self.links.values_mut() {
            if link.told.remove(&id) {
                // Should this get lost, the keeper tells the end again, and hears it again.
                let _ = link.send(&ToKeeper::Acknowledge(vec![id]));
            }
        }
        self.dead.retain(|_, dead| {
            dead.close(id);
            !dead.remove_if_done()
        });
    }

    async fn tell(&self, event: Event) {
        // Fails only while the daemon ends; then the next one is told.
        let _ = self.events.send(event).await;
    }

    /// Reaps what came to the daemon when a keeper died and is nobody's child process here: jobs live in sessions of
    /// their own, other children of the daemon in its own. Only at the second look: whoever wants the status of a
    /// process has taken it by then.
    fn reap_strangers(&mut self) {
        let own = own_pid();
        let processes = all_processes();
        let session = processes
            .iter()
            .find(|process| process.pid == own)
            .map(|process| process.session);
        let mut zombies: HashSet<Process> = processes.into_iter().collect();
        zombies.retain(|process| process.is_zombie && process.parent == own && Some(process.session) != session);
        for zombie in zombies.intersection(&self.zombies) {
            let _ = sys::reap(zombie.pid);
        }
        self.zombies = zombies;
    }

    async fn close(&mut self) {
        for link in self.links.values_mut() {
            link.retire();
        }
        let waited: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_ready)
            .filter_map(|(number, _)| self.serving.remove(number))
            .collect();
        // Without their senders the links write what is left, and end.
        self.links.clear();
        for served in waited {
            let _ = tokio::time::timeout(Duration::from_secs(1), served).await;
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
