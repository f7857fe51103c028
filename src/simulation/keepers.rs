//! Keepers and the processes below them: what they write down, what survives their death, and what a daemon learns.
//!
//! As in `runner`: `started` is synced before the process begins, `running` is written after it and not synced, `exited`
//! is synced before anybody hears of it. Whoever recovers asks every living keeper and reads the journal of every dead one.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Moment, Play};
use crate::model::{Attempt, AttemptId, AttemptSpec, AttemptState, Event, Exit, ExitStatus, Output, StopReason, Usage};

/// How long a process takes to end once it is told to.
const STOP_TAKES: Duration = Duration::from_millis(200);

/// All keepers of a state directory, and all processes of the machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Keepers {
    all: Vec<Keeper>,
    pub(super) processes: BTreeMap<AttemptId, Process>,
    last_number: u32,
}

#[derive(Clone, Debug)]
struct Keeper {
    number: u32,
    lives: bool,
    /// The life of the daemon that started it: that one inherits its processes.
    started_by: u64,
    journal: BTreeMap<AttemptId, Record>,
}

/// What a journal says of one attempt.
#[derive(Clone, Debug)]
struct Record {
    /// The `started` record is on the disk.
    is_synced: bool,
    /// There is a `running` record.
    is_running: bool,
    started_at: Timestamp,
    exit: Option<Exit>,
}

/// A process that lives.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) spec: AttemptSpec,
    pub(super) play: Play,
    keeper: u32,
    began: Timestamp,
    /// When it ends, as time of the world; a later word makes it earlier.
    pub(super) ends_at: Duration,
    pub(super) stop: Option<StopReason>,
    /// Its timeout passed while nobody was there to end it.
    is_overdue: bool,
}

/// How a process ended, and who is to hear of it.
pub(super) struct Ending {
    pub(super) status: ExitStatus,
    pub(super) stop: Option<StopReason>,
    /// For the daemon, when there is one that could see it.
    pub(super) told: Option<Exit>,
}

/// What became of an attempt that was handed over.
pub(super) enum Handed {
    /// A keeper knows it: nothing starts. Its end is told again, if it has one.
    Known(Option<Exit>),
    /// Its command could not be started.
    NotStarted(Exit),
    /// Its keeper is about to start it: `started` is written down.
    Begins,
}

impl Keepers {
    /// The number of the keeper that takes new attempts; one is started if there is none.
    pub(super) fn current(&mut self, life: u64) -> u32 {
        if let Some(keeper) = self.all.iter().find(|keeper| keeper.lives) {
            return keeper.number;
        }
        self.last_number += 1;
        self.all.push(Keeper {
            number: self.last_number,
            lives: true,
            started_by: life,
            journal: BTreeMap::new(),
        });
        self.last_number
    }

    fn keeper(&mut self, number: u32) -> Option<&mut Keeper> {
        self.all.iter_mut().find(|keeper| keeper.number == number)
    }

    fn record(&mut self, id: AttemptId) -> Option<&mut Record> {
        self.all.iter_mut().find_map(|keeper| keeper.journal.get_mut(&id))
    }

    /// Whether a keeper lives.
    pub(super) fn lives(&self, number: u32) -> bool {
        self.all.iter().any(|keeper| keeper.number == number && keeper.lives)
    }

    /// Whether any journal names an attempt.
    pub(super) fn knows(&self, id: AttemptId) -> bool {
        self.all.iter().any(|keeper| keeper.journal.contains_key(&id))
    }

    /// A keeper reads that it is to start an attempt.
    pub(super) fn hand_over(&mut self, number: u32, spec: &AttemptSpec, play: &Play, at: Moment) -> Handed {
        if let Some(record) = self.record(spec.id) {
            return Handed::Known(record.exit.clone());
        }
        let Some(keeper) = self.keeper(number) else {
            return Handed::Known(None);
        };
        let started_at = at.now.wall;
        let mut record = Record {
            is_synced: true,
            is_running: false,
            started_at,
            exit: None,
        };
        if matches!(play.status, ExitStatus::NotStarted(_)) {
            let exit = play.exit(spec.id, started_at, started_at, None);
            record.exit = Some(exit.clone());
            keeper.journal.insert(spec.id, record);
            return Handed::NotStarted(exit);
        }
        keeper.journal.insert(spec.id, record);
        Handed::Begins
    }

    /// The process begins; when it will end by itself or by its timeout.
    pub(super) fn begin(&mut self, number: u32, spec: AttemptSpec, play: Play, at: Moment) -> Duration {
        let takes = spec.timeout.map_or(play.takes, |timeout| play.takes.min(timeout));
        let stop = spec
            .timeout
            .filter(|timeout| play.takes > *timeout)
            .map(|_| StopReason::Timeout);
        let ends_at = at.elapsed + takes;
        if let Some(record) = self.record(spec.id) {
            record.is_running = true;
        }
        let process = Process {
            keeper: number,
            began: at.now.wall,
            ends_at,
            stop,
            is_overdue: false,
            play,
            spec,
        };
        self.processes.insert(process.spec.id, process);
        ends_at
    }

    /// A process is told to end; when it will.
    pub(super) fn stop(&mut self, id: AttemptId, reason: StopReason, at: Moment) -> Option<Duration> {
        let process = self.processes.get_mut(&id)?;
        let ends_at = at.elapsed + STOP_TAKES;
        if ends_at < process.ends_at {
            process.ends_at = ends_at;
            process.stop = Some(reason);
        }
        Some(process.ends_at)
    }

    /// A process ends, if it is its time. `life` is the daemon that lives now.
    pub(super) fn end(&mut self, id: AttemptId, life: Option<u64>, at: Moment) -> Option<Ending> {
        let process = self
            .processes
            .get(&id)
            .filter(|process| process.ends_at <= at.elapsed)?;
        let keeper = self.all.iter().find(|keeper| keeper.number == process.keeper);
        let (is_kept, started_by) = keeper.map_or((false, 0), |keeper| (keeper.lives, keeper.started_by));
        if process.stop.is_some() && !is_kept && life.is_none() {
            if let Some(process) = self.processes.get_mut(&id) {
                process.is_overdue = true;
            }
            return None;
        }
        let process = self.processes.remove(&id)?;
        let status = match process.stop {
            Some(_) => ExitStatus::Signal(15),
            None => process.play.status.clone(),
        };
        // Whoever is not its parent sees that it ended, and not how.
        let seen = match (is_kept, life) {
            (true, _) => Some(status.clone()),
            (false, Some(life)) if life == started_by => Some(status.clone()),
            (false, Some(_)) => Some(ExitStatus::Unknown(
                "its keeper died, and its end was not seen".to_owned(),
            )),
            (false, None) => None,
        };
        let exit = seen.map(|seen| Exit {
            status: seen,
            ..process.play.exit(id, process.began, at.now.wall, process.stop)
        });
        if let (Some(record), Some(exit)) = (self.record(id), &exit) {
            record.exit = Some(exit.clone());
        }
        Some(Ending {
            status,
            stop: process.stop,
            told: exit,
        })
    }

    /// The keeper that takes new attempts is killed, and the processes that cannot live without it end.
    pub(super) fn kill(&mut self, life: Option<u64>, at: Moment) -> Vec<(AttemptId, ExitStatus, Option<Exit>)> {
        let Some(keeper) = self.all.iter_mut().find(|keeper| keeper.lives) else {
            return Vec::new();
        };
        keeper.lives = false;
        let (number, started_by) = (keeper.number, keeper.started_by);
        let mut ended = Vec::new();
        let dying = self
            .processes
            .values()
            .filter(|process| process.keeper == number && process.play.dies_with_keeper)
            .map(|process| process.spec.id)
            .collect::<Vec<_>>();
        for id in dying {
            let Some(process) = self.processes.remove(&id) else {
                continue;
            };
            let status = ExitStatus::Signal(9);
            let seen = life.map(|life| match life == started_by {
                true => status.clone(),
                false => ExitStatus::Unknown("its keeper died, and it ended before anybody could see how".to_owned()),
            });
            let exit = seen.map(|seen| Exit {
                status: seen,
                ..process.play.exit(id, process.began, at.now.wall, None)
            });
            if let (Some(record), Some(exit)) = (self.record(id), &exit) {
                record.exit = Some(exit.clone());
            }
            ended.push((id, status, exit));
        }
        // What it had written down without having started it: nobody can tell that it did not.
        if life.is_some() {
            let (keeper, processes) = (
                self.all.iter_mut().find(|keeper| keeper.number == number),
                &self.processes,
            );
            for (id, record) in keeper.into_iter().flat_map(|keeper| &mut keeper.journal) {
                if record.exit.is_none() && !processes.contains_key(id) {
                    let exit = unknown(*id, record.started_at, at.now.wall);
                    record.exit = Some(exit.clone());
                    ended.push((*id, exit.status.clone(), Some(exit)));
                }
            }
        }
        ended
    }

    /// The machine stops: every keeper and every process is gone, and with them what was not synced.
    pub(super) fn lose_power(&mut self) -> Vec<AttemptId> {
        for keeper in &mut self.all {
            keeper.lives = false;
            keeper.journal.retain(|_, record| record.is_synced);
        }
        std::mem::take(&mut self.processes).into_keys().collect()
    }

    /// The end of an attempt is stored: its keeper may forget it.
    pub(super) fn acknowledge(&mut self, id: AttemptId) {
        for keeper in &mut self.all {
            keeper.journal.remove(&id);
        }
        self.all.retain(|keeper| keeper.lives || !keeper.journal.is_empty());
    }

    /// What a daemon that starts learns of the attempts it stored as unfinished, and the processes that are overdue.
    pub(super) fn recover(&mut self, unfinished: &[Attempt], at: Moment) -> (Vec<Event>, Vec<AttemptId>) {
        let open = unfinished.iter().filter(|attempt| attempt.state != AttemptState::Ended);
        let mut undecided: BTreeMap<AttemptId, bool> = open
            .map(|attempt| (attempt.id, attempt.state == AttemptState::Started))
            .collect();
        let mut events = Vec::new();
        for keeper in &mut self.all {
            let lives = keeper.lives;
            keeper.journal.retain(|id, record| {
                if undecided.remove(id).is_none() {
                    // Stored before; only the acknowledgement got lost.
                    return record.exit.is_none() && lives;
                }
                let process = self.processes.get(id);
                if record.exit.is_none() && process.is_none() && !lives {
                    record.exit = Some(unknown(*id, record.started_at, at.now.wall));
                }
                match &record.exit {
                    Some(exit) => events.push(Event::AttemptEnded(exit.clone())),
                    None if record.is_running => events.push(Event::AttemptStarted {
                        id: *id,
                        pid: 1,
                        at: record.started_at,
                    }),
                    None => {}
                }
                true
            });
        }
        self.all.retain(|keeper| keeper.lives || !keeper.journal.is_empty());
        for (id, was_started) in undecided {
            events.push(match was_started {
                true => Event::AttemptEnded(unknown(id, at.now.wall, at.now.wall)),
                false => Event::AttemptNeverStarted(id),
            });
        }
        let overdue = self.processes.values().filter(|process| process.is_overdue);
        (events, overdue.map(|process| process.spec.id).collect())
    }

    /// The machine sleeps: nothing in it goes on meanwhile.
    pub(super) fn sleep(&mut self, by: Duration) {
        for process in self.processes.values_mut() {
            process.ends_at += by;
        }
    }
}

fn unknown(id: AttemptId, from: Timestamp, to: Timestamp) -> Exit {
    Exit {
        id,
        status: ExitStatus::Unknown("nobody is left who could tell how it ended".to_owned()),
        stop: None,
        started_at: from,
        ended_at: to,
        pid: 0,
        usage: Usage::default(),
        output: Output::default(),
        out_of_memory: None,
        report: String::new(),
    }
}
