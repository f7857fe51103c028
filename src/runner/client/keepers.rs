//! The one task that knows which attempt is with which keeper.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::super::files::{KeeperFiles, build_of};
use super::super::journal::{Running, Started};
use super::super::launch::launch;
use super::super::link::{self, News};
use super::super::orphan::Orphan;
use super::super::process::{all_processes, own_pid};
use super::super::sys;
use super::super::wire::{Known, KnownState, ToDaemon, ToKeeper};
use super::dead::{DeadKeeper, Testament};
use super::link_state::{Link, Wanted};
use crate::model::{Attempt, AttemptId, AttemptSpec, AttemptState, Event, Exit, ExitStatus, Output, StopReason, Usage};

/// How long `recover` waits for keepers that live but do not answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A refused attempt is sent again after this.
const REFUSED_RETRY: Duration = Duration::from_secs(2);

/// Keepers that may die with an attempt in their hands before it is given up.
const DEATHS_MAX: u32 = 2;

/// Waits before a keeper is started again: doubled after each failure.
const LAUNCH_RETRY_FIRST: Duration = Duration::from_millis(100);
const LAUNCH_RETRY_LAST: Duration = Duration::from_secs(10);

/// How often processes that came to the daemon when a keeper died are reaped.
const REAP_PACE: Duration = Duration::from_secs(30);

/// News that may wait before links stop reading from their keepers.
const NEWS_WAITING_MAX: usize = 256;

/// What the daemon asks for.
#[derive(Debug)]
pub(super) enum Command {
    Start(Box<AttemptSpec>),
    Stop { id: AttemptId, reason: StopReason },
    Acknowledge(AttemptId),
    Close(oneshot::Sender<()>),
}

/// What the tasks of this one report.
enum Report {
    Launched(u32, Result<(), String>),
    OrphanEnded(Box<Exit>),
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
    /// Living keepers.
    links: BTreeMap<u32, Link>,
    tasks: HashMap<u32, JoinHandle<()>>,
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
    /// Keepers of earlier lives that have not answered.
    unanswered: BTreeSet<u32>,
    any_damaged: bool,
    orphans: HashMap<AttemptId, mpsc::UnboundedSender<StopReason>>,
    any_died: bool,
}

impl KeeperSet {
    pub(super) fn new(
        state_dir: PathBuf,
        exe: PathBuf,
        unfinished: &[Attempt],
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
            links: BTreeMap::new(),
            tasks: HashMap::new(),
            dead: BTreeMap::new(),
            current: None,
            is_launching: false,
            launch_failures: 0,
            launch_at: None,
            highest: 0,
            waiting: Vec::new(),
            undecided: unfinished
                .iter()
                .filter(|attempt| attempt.state != AttemptState::Ended)
                .map(|attempt| (attempt.id, attempt.state == AttemptState::Started))
                .collect(),
            dangling: HashMap::new(),
            early: HashMap::new(),
            unanswered: BTreeSet::new(),
            any_damaged: false,
            orphans: HashMap::new(),
            any_died: false,
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
            self.serve(number);
        }
        let answer_until = Instant::now() + ANSWER_WITHIN;
        let mut reap = tokio::time::interval(REAP_PACE);
        reap.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.decide().await;
        loop {
            self.advance();
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
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                Some((number, news)) = news.recv() => self.hear(number, news).await,
                Some(report) = reports.recv() => self.note(report).await,
                () = until(retry) => {}
                () = tokio::time::sleep_until(answer_until), if is_waiting => {
                    tracing::error!(keepers = ?self.unanswered, "keepers of an earlier life do not answer; what they may know stays undecided");
                    self.begin();
                }
                _ = reap.tick(), if self.any_died => self.reap_strangers(),
            }
        }
    }

    fn serve(&mut self, number: u32) {
        self.links.insert(number, Link::default());
        let files = KeeperFiles::new(&self.state_dir, number);
        let task = tokio::spawn(link::serve(files, self.news.clone()));
        self.tasks.insert(number, task);
    }

    /// Earlier keepers are heard as far as they can be: the newest of our build goes on, the others leave.
    fn begin(&mut self) {
        if self.current.is_none() {
            let build = &self.build;
            self.current = self
                .links
                .iter()
                .rev()
                .find(|(_, link)| link.is_ready && !link.is_retired && link.build == *build)
                .map(|(number, _)| *number);
        }
        for (number, link) in &mut self.links {
            if Some(*number) != self.current {
                link.retire();
            }
        }
        if self.current.is_some() {
            if let Some(ready) = self.ready.take() {
                let _ = ready.send(Ok(()));
            }
        } else {
            self.launch();
        }
    }

    fn launch(&mut self) {
        if self.is_launching || self.launch_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        self.launch_at = None;
        self.is_launching = true;
        self.highest += 1;
        let (number, reports) = (self.highest, self.reports.clone());
        let (state_dir, exe) = (self.state_dir.clone(), self.exe.clone());
        tokio::spawn(async move {
            let launched = launch(&state_dir, &exe, number).await;
            let _ = reports.send(Report::Launched(number, launched));
        });
    }

    fn launch_failed(&mut self) {
        let delay = LAUNCH_RETRY_FIRST * 2_u32.pow(self.launch_failures.min(10));
        self.launch_failures += 1;
        self.launch_at = Some(Instant::now() + delay.min(LAUNCH_RETRY_LAST));
    }

    /// Gives what waits to the current keeper, or starts one.
    fn advance(&mut self) {
        let has_begun = self.ready.is_none() || self.unanswered.is_empty();
        if !has_begun {
            return;
        }
        let Some(link) = self.current.and_then(|current| self.links.get_mut(&current)) else {
            self.current = None;
            return self.launch();
        };
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|wanted| wanted.not_before.is_none_or(|at| at <= now));
        self.waiting = later;
        for wanted in due {
            if let Err((wanted, error)) = link.want(wanted) {
                let why = format!("it cannot be handed to the keeper: {error}; shorten its environment");
                let exit = never_ran(wanted.spec.id, why, wanted.stop);
                let _ = self.reports.send(Report::OrphanEnded(Box::new(exit)));
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Start(spec) => {
                let id = spec.id;
                let wanted = Wanted {
                    spec,
                    stop: None,
                    deaths: 0,
                    not_before: None,
                };
                if self.undecided.contains_key(&id) {
                    self.early.insert(id, wanted);
                } else if !self.knows(id) {
                    self.waiting.push(wanted);
                }
            }
            Command::Stop { id, reason } => self.stop(id, reason).await,
            Command::Acknowledge(id) => self.acknowledge(id),
            Command::Close(_) => {}
        }
    }

    fn knows(&self, id: AttemptId) -> bool {
        self.links.values().any(|link| link.knows(id))
            || self.dead.values().any(|dead| dead.knows(id))
            || self.orphans.contains_key(&id)
            || self.waiting.iter().any(|wanted| wanted.spec.id == id)
    }

    async fn stop(&mut self, id: AttemptId, reason: StopReason) {
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
            for link in self.links.values_mut() {
                if link.stop(id, reason) {
                    return;
                }
            }
        }
    }

    fn acknowledge(&mut self, id: AttemptId) {
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

    async fn hear(&mut self, number: u32, news: News) {
        match news {
            News::Connected(outgoing) => {
                if let Some(link) = self.links.get_mut(&number) {
                    link.connected(outgoing);
                }
            }
            News::Lost => {
                if let Some(link) = self.links.get_mut(&number) {
                    link.lost();
                }
            }
            News::Message(message) => self.read(number, *message).await,
            News::Dead(lock) => {
                let files = KeeperFiles::new(&self.state_dir, number);
                let (dead, testament) = DeadKeeper::open(files, lock);
                self.bury(number, dead, testament).await;
            }
        }
    }

    async fn read(&mut self, number: u32, message: ToDaemon) {
        match message {
            ToDaemon::Known(known) => self.learn(number, known).await,
            ToDaemon::Started { id, pid, at } => {
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                if link.started(id) {
                    self.tell(Event::AttemptStarted { id, pid, at }).await;
                }
            }
            ToDaemon::Exited(exit) => {
                let was_undecided = self.settle(exit.id);
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                if was_undecided {
                    link.held.insert(exit.id, true);
                }
                if link.ended(exit.id) {
                    self.tell(Event::AttemptEnded(*exit)).await;
                } else if !link.told.contains(&exit.id) {
                    // It was stored before; only the acknowledgement got lost.
                    let _ = link.send(&ToKeeper::Acknowledge(vec![exit.id]));
                }
            }
            ToDaemon::Refused { id, why, lasting } => {
                tracing::warn!(keeper = number, attempt = %id, why, "a keeper cannot start an attempt");
                let Some(link) = self.links.get_mut(&number) else {
                    return;
                };
                let refused = link.wanted.remove(&id);
                if lasting && self.current == Some(number) {
                    link.retire();
                    self.current = None;
                    self.launch_failed();
                }
                if let Some(mut wanted) = refused {
                    if let Some(reason) = wanted.stop {
                        let exit = never_ran(id, why, Some(reason));
                        return self.tell(Event::AttemptEnded(exit)).await;
                    }
                    wanted.not_before = (!lasting).then(|| Instant::now() + REFUSED_RETRY);
                    self.waiting.push(wanted);
                }
            }
        }
    }

    /// A part of the list of what a keeper knows.
    async fn learn(&mut self, number: u32, known: Known) {
        for attempt in known.attempts {
            let id = attempt.id;
            let was_undecided = self.settle(id);
            let Some(link) = self.links.get_mut(&number) else {
                return;
            };
            link.listed.insert(id);
            match attempt.state {
                KnownState::Pending => {
                    if !link.wanted.contains_key(&id) {
                        link.held.entry(id).or_insert(false);
                    }
                }
                KnownState::Running { pid, at } => {
                    if link.started(id) {
                        self.tell(Event::AttemptStarted { id, pid, at }).await;
                    }
                }
                KnownState::Ended => {
                    // The exit follows. If nobody asked, it is stored already.
                    if was_undecided || link.wanted.remove(&id).is_some() {
                        link.held.insert(id, true);
                    }
                }
            }
        }
        if !known.complete {
            return;
        }
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        link.build = known.build;
        link.is_retired |= known.retired;
        for id in link.list_complete() {
            let why = "its keeper does not know it any more".to_owned();
            tracing::error!(keeper = number, attempt = %id, why);
            self.tell(Event::AttemptEnded(unknown(id, why))).await;
        }
        self.answered(number).await;
    }

    /// The attempt is found: it needs no decision. Returns whether it waited for one.
    fn settle(&mut self, id: AttemptId) -> bool {
        let was_undecided = self.undecided.remove(&id).is_some();
        if was_undecided {
            self.early.remove(&id);
        }
        if self.dangling.remove(&id).is_some() {
            self.acknowledge(id);
        }
        was_undecided
    }

    /// A keeper is dead: what it leaves is passed on, watched, or given to another.
    async fn bury(&mut self, number: u32, mut dead: DeadKeeper, mut testament: Testament) {
        self.any_died = true;
        self.tasks.remove(&number);
        self.any_damaged |= testament.is_damaged;
        let link = self.links.remove(&number).unwrap_or_default();
        if self.current == Some(number) {
            tracing::error!(keeper = number, "the keeper died; what it ran is looked for");
            self.current = None;
            self.launch_failed();
        }
        for id in &link.told {
            dead.keep_open(*id);
        }
        let mut events = Vec::new();
        let mut ended = HashSet::new();
        for (id, exit) in testament.exits {
            ended.insert(id);
            testament.started.remove(&id);
            let was_undecided = self.settle(id);
            if was_undecided || link.wanted.contains_key(&id) || link.held.contains_key(&id) {
                dead.keep_open(id);
                events.push(Event::AttemptEnded(exit));
            }
        }
        let mut watch = Vec::new();
        for (id, mut wanted) in link.wanted {
            if ended.contains(&id) {
                continue;
            }
            wanted.deaths += 1;
            if let Some(started) = testament.started.remove(&id) {
                watch.push((started, testament.running.remove(&id), wanted.stop));
            } else if testament.is_damaged {
                let why = "its keeper died and its journal is damaged".to_owned();
                events.push(Event::AttemptEnded(unknown(id, why)));
            } else if wanted.deaths >= DEATHS_MAX || wanted.stop.is_some() {
                let why = format!("{} keepers died before they could start it", wanted.deaths);
                events.push(Event::AttemptEnded(never_ran(id, why, wanted.stop)));
            } else {
                self.waiting.push(wanted);
            }
        }
        for (id, has_started) in link.held {
            if ended.contains(&id) {
                continue;
            }
            if let Some(started) = testament.started.remove(&id) {
                watch.push((started, testament.running.remove(&id), None));
            } else if has_started || testament.is_damaged {
                let why = "its keeper died and its journal does not name it".to_owned();
                events.push(Event::AttemptEnded(unknown(id, why)));
            } else {
                events.push(Event::AttemptNeverStarted(id));
            }
        }
        for (id, started) in testament.started {
            if self.undecided.contains_key(&id) {
                dead.keep_open(id);
                self.dangling.insert(id, (started, testament.running.remove(&id)));
            }
        }
        for (started, _, _) in &watch {
            dead.keep_open(started.id);
        }
        if !dead.remove_if_done() {
            self.dead.insert(number, dead);
        }
        for event in events {
            self.tell(event).await;
        }
        for (started, running, stop) in watch {
            self.watch(started, running, stop).await;
        }
        self.answered(number).await;
    }

    /// Sees an attempt to its end that has no keeper any more.
    async fn watch(&mut self, started: Started, running: Option<Running>, stop: Option<StopReason>) {
        let id = started.id;
        let orphan = Orphan { started, running };
        if let (Some(running), Ok(_)) = (&orphan.running, orphan.find()) {
            let (pid, at) = (running.pid, running.at);
            self.tell(Event::AttemptStarted { id, pid, at }).await;
        }
        let (stops, stops_inbox) = mpsc::unbounded_channel();
        if let Some(reason) = stop {
            let _ = stops.send(reason);
        }
        self.orphans.insert(id, stops);
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let exit = orphan.watch(stops_inbox).await;
            let _ = reports.send(Report::OrphanEnded(Box::new(exit)));
        });
    }

    async fn note(&mut self, report: Report) {
        match report {
            Report::Launched(number, Ok(())) => {
                self.is_launching = false;
                self.serve(number);
                self.current = Some(number);
                if let Some(ready) = self.ready.take() {
                    let _ = ready.send(Ok(()));
                }
            }
            Report::Launched(number, Err(why)) => {
                self.is_launching = false;
                tracing::error!(keeper = number, why, "no keeper could be started");
                self.launch_failed();
                if let Some(ready) = self.ready.take() {
                    let _ = ready.send(Err(why));
                }
            }
            Report::OrphanEnded(exit) => {
                self.orphans.remove(&exit.id);
                for dead in self.dead.values_mut() {
                    if dead.knows(exit.id) {
                        dead.record(&exit);
                    }
                }
                self.tell(Event::AttemptEnded(*exit)).await;
            }
        }
    }

    /// A keeper of an earlier life was heard, or is dead.
    async fn answered(&mut self, number: u32) {
        if let Some(link) = self.links.get(&number)
            && link.is_ready
            && self.current == Some(number)
        {
            self.launch_failures = 0;
        }
        if self.unanswered.remove(&number) {
            self.decide().await;
        }
    }

    /// When every keeper was heard: what none of them has never started, unless there is reason to doubt.
    async fn decide(&mut self) {
        if !self.unanswered.is_empty() {
            return;
        }
        for (id, (started, running)) in std::mem::take(&mut self.dangling) {
            self.undecided.remove(&id);
            let stop = self.early.remove(&id).and_then(|wanted| wanted.stop);
            self.watch(started, running, stop).await;
        }
        for (id, was_started) in std::mem::take(&mut self.undecided) {
            let early = self.early.remove(&id);
            if was_started || self.any_damaged {
                let why = if was_started {
                    "it had started, and no keeper's journal knows more"
                } else {
                    "a keeper's journal is damaged, so it may have started"
                };
                self.tell(Event::AttemptEnded(unknown(id, why.to_owned()))).await;
            } else if let Some(wanted) = early {
                self.waiting.push(wanted);
            } else {
                self.tell(Event::AttemptNeverStarted(id)).await;
            }
        }
        self.begin();
    }

    async fn tell(&self, event: Event) {
        // Fails only while the daemon ends; then the next one is told.
        let _ = self.events.send(event).await;
    }

    /// Reaps what came to the daemon when a keeper died and is nobody's child process here: jobs live in sessions of
    /// their own, other children of the daemon in its own.
    fn reap_strangers(&self) {
        let own = own_pid();
        let processes = all_processes();
        let Some(session) = processes
            .iter()
            .find(|process| process.pid == own)
            .map(|process| process.session)
        else {
            return;
        };
        for process in processes {
            if process.is_zombie && process.parent == own && process.session != session && self.orphans.is_empty() {
                let _ = sys::reap(process.pid);
            }
        }
    }

    async fn close(&mut self) {
        for link in self.links.values_mut() {
            link.retire();
        }
        let waited: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_ready)
            .filter_map(|(number, _)| self.tasks.remove(number))
            .collect();
        // Without their senders the links write what is left, and end.
        self.links.clear();
        for task in waited {
            let _ = tokio::time::timeout(Duration::from_secs(1), task).await;
        }
    }
}

fn never_ran(id: AttemptId, why: String, stop: Option<StopReason>) -> Exit {
    Exit {
        stop,
        status: ExitStatus::NotStarted(why.clone()),
        ..unknown(id, why)
    }
}

fn unknown(id: AttemptId, why: String) -> Exit {
    let now = Timestamp::now();
    Exit {
        id,
        status: ExitStatus::Unknown(why),
        stop: None,
        started_at: now,
        ended_at: now,
        pid: 0,
        usage: Usage::default(),
        output: Output::default(),
        report: String::new(),
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
