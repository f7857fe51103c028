//! Attempts of which no keeper and no journal says enough: the kernel is asked before any of them is called over.
//!
//! A journal may be damaged, gone, or silent about an attempt that is recorded as going on. Its processes say who they are:
//! `FRESHD_REPORT` in their environment lies in this state directory, so that no other freshd's are taken for them. What
//! changed its environment is known by its number and the time of its start, within one boot. What lives is watched to its
//! end, like every attempt without a keeper: nothing of its job starts beside it. Where attempts have cgroups of their own,
//! those are asked first: what lives in one belongs to its attempt, whoever it says it is and as whom it runs.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::deaths::UNSEEN;
use super::{KeeperSet, Records};
use crate::model::{
    Attempt, AttemptId, AttemptSpec, AttemptState, Event, Exit, ExitStatus, Output, StopReason, Usage, report_path,
};
use crate::runner::client::Unfinished;
use crate::runner::files::boot_id;
use crate::runner::journal::{LogPlace, Running, Started};
use crate::runner::living::{Living, attempts_alive};
use crate::runner::orphan::Orphan;
use crate::runner::output_pipe;
use crate::runner::process::{find_by_time, read_process};

/// Between SIGTERM and SIGKILL for an attempt of which nobody knows what was configured.
const KILL_AFTER: Duration = Duration::from_secs(10);

/// What is known of an attempt beside what its keeper says, until its end is stored.
pub(super) struct Terms {
    claimed_at: Timestamp,
    /// The number of its main process and when it began, as recorded in this boot.
    process: Option<(u32, Timestamp)>,
    timeout: Option<Duration>,
    kill_after: Duration,
    keep_leftovers: bool,
    log: Option<LogPlace>,
}

impl Terms {
    pub(super) fn of_spec(spec: &AttemptSpec) -> Self {
        Self {
            claimed_at: Timestamp::now(),
            process: None,
            timeout: spec.timeout,
            kill_after: spec.kill_after,
            keep_leftovers: spec.keep_leftovers,
            log: Some(LogPlace {
                path: spec.log.clone(),
                limit_bytes: spec.log_limit_bytes,
            }),
        }
    }

    /// Without a specification nothing is known that would end it, or what it leaves behind.
    pub(super) fn of_unfinished(unfinished: &Unfinished) -> Self {
        let attempt: &Attempt = &unfinished.attempt;
        let of_this_boot = attempt.state == AttemptState::Started && attempt.boot_id == boot_id();
        let known = unfinished.spec.as_deref().map(Self::of_spec);
        let known = known.unwrap_or(Self {
            claimed_at: attempt.claimed_at,
            process: None,
            timeout: None,
            kill_after: KILL_AFTER,
            keep_leftovers: true,
            log: None,
        });
        Self {
            claimed_at: attempt.claimed_at,
            process: attempt.pid.zip(attempt.started_at).filter(|_| of_this_boot),
            ..known
        }
    }
}

/// What journals do not say, and what helps then.
#[derive(Default)]
pub(super) struct Doubts {
    /// A keeper of an earlier life, or one that died, has a damaged journal.
    pub(super) any_damaged: bool,
    /// What is the matter with journals, in words, and the attempts that are doubtful for that: not told yet.
    pub(super) damages: Vec<String>,
    doubted: BTreeSet<AttemptId>,
    /// What damaged journals still say of processes.
    pub(super) last_words: HashMap<AttemptId, Running>,
    /// What is known of attempts beside what their keepers say.
    pub(super) terms: HashMap<AttemptId, Terms>,
}

impl Doubts {
    pub(super) fn of(unfinished: &[Unfinished]) -> Self {
        let terms = unfinished.iter();
        let terms = terms.map(|unfinished| (unfinished.attempt.id, Terms::of_unfinished(unfinished)));
        Self {
            terms: terms.collect(),
            ..Self::default()
        }
    }
}

/// An attempt that nobody can tell of.
pub(super) struct Doubt {
    pub(super) id: AttemptId,
    /// What a journal still says of its process.
    pub(super) running: Option<Running>,
    /// It was told to end.
    pub(super) stop: Option<StopReason>,
    /// What its end is called if nothing of it lives.
    pub(super) why: String,
}

impl KeeperSet {
    /// What no keeper knows: it lives, or it may have started and is over, or it has certainly never started.
    pub(super) async fn decide_doubtful(&mut self) {
        let undecided = std::mem::take(&mut self.undecided);
        let mut early = std::mem::take(&mut self.early);
        // What never began need not be told to end.
        let early_stops = std::mem::take(&mut self.early_stops);
        let doubts = undecided.iter().map(|(id, was_started)| Doubt {
            id: *id,
            running: self.doubts.last_words.remove(id),
            stop: early
                .get(id)
                .and_then(|wanted| wanted.stop)
                .or(early_stops.get(id).copied()),
            why: if *was_started {
                "it had started, and no keeper's journal knows more".to_owned()
            } else {
                "a keeper's journal is damaged, so it may have started".to_owned()
            },
        });
        let doubts = doubts.collect();
        self.doubts.last_words.clear();
        let mut over = Vec::new();
        for Doubt { id, why, .. } in self.ask_kernel(doubts).await {
            if undecided.get(&id) == Some(&true) || self.doubts.any_damaged {
                over.push((id, why));
            } else if let Some(wanted) = early.remove(&id) {
                self.waiting.push(wanted);
            } else {
                self.tell(Event::AttemptNeverStarted(id)).await;
            }
        }
        // That records were lost is told, and then journals may have forgotten what the store has not.
        if self.records == Records::Whole || self.doubts.any_damaged {
            self.doubts.doubted.extend(over.iter().map(|(id, _)| *id));
        }
        self.tell_of_damage().await;
        for (id, why) in over {
            self.tell(Event::AttemptEnded(unknown(id, why))).await;
        }
    }

    /// Watches what lives of these attempts to its end. Returns those of which nothing lives.
    pub(super) async fn ask_kernel(&mut self, doubts: Vec<Doubt>) -> Vec<Doubt> {
        if doubts.is_empty() {
            return doubts;
        }
        let state_dir = self.state_dir.clone();
        let looked = tokio::task::spawn_blocking(move || attempts_alive(&state_dir)).await;
        let alive = looked.unwrap_or_default();
        let mut gone = Vec::new();
        for doubt in doubts {
            let Some(living) = self.find(&doubt, &alive) else {
                gone.push(doubt);
                continue;
            };
            let id = doubt.id;
            let pid = living.main.pid;
            tracing::warn!(attempt = %id, pid, "no journal tells of an attempt that lives; it is watched to its end");
            let (started, running) = self.as_journalled(id, living);
            self.doubts.doubted.insert(id);
            let orphan = Orphan {
                started,
                running: Some(running),
            };
            self.watch(orphan, UNSEEN.into(), doubt.stop).await;
        }
        gone
    }

    /// The same; of those of which nothing lives it is not known how they ended.
    pub(super) async fn ask_kernel_or_end(&mut self, doubts: Vec<Doubt>) {
        if doubts.is_empty() {
            return;
        }
        let gone = self.ask_kernel(doubts).await;
        self.doubts.doubted.extend(gone.iter().map(|doubt| doubt.id));
        // Before their ends: then it is still known whom they concern.
        self.tell_of_damage().await;
        for Doubt { id, why, .. } in gone {
            tracing::error!(attempt = %id, why);
            self.tell(Event::AttemptEnded(unknown(id, why))).await;
        }
    }

    fn find(&self, doubt: &Doubt, alive: &HashMap<AttemptId, Living>) -> Option<Living> {
        let by_journal = || {
            let running = doubt.running.as_ref()?;
            let process = read_process(i32::try_from(running.pid).ok()?)?;
            (process.start_time == running.start_time && !process.is_zombie).then_some(process)
        };
        let by_record = || {
            let (pid, at) = self.doubts.terms.get(&doubt.id)?.process?;
            find_by_time(pid, at)
        };
        let by_number = || {
            let main = by_journal().or_else(by_record)?;
            Some(Living { main, cgroup: None })
        };
        alive.get(&doubt.id).cloned().or_else(by_number)
    }

    /// What its keeper would have written down.
    fn as_journalled(&self, id: AttemptId, living: Living) -> (Started, Running) {
        let process = living.main;
        let terms = self.doubts.terms.get(&id);
        let at = terms.map_or_else(Timestamp::now, |terms| {
            terms.process.map_or(terms.claimed_at, |(_, at)| at)
        });
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let started = Started {
            id,
            at,
            boot_id: boot_id(),
            timeout_ms: terms.and_then(|terms| terms.timeout).map(millis),
            kill_after_ms: millis(terms.map_or(KILL_AFTER, |terms| terms.kill_after)),
            keep_leftovers: terms.is_none_or(|terms| terms.keep_leftovers),
            report: report_path(&self.state_dir, id),
            log: terms.and_then(|terms| terms.log.clone()),
            origin: None,
            cgroup: living.cgroup,
        };
        let pipes = output_pipe::of_new_process(process.pid);
        let running = Running {
            id,
            pid: process.pid.unsigned_abs(),
            start_time: process.start_time,
            at,
            pipe: pipes.stdout,
            stderr_pipe: pipes.stderr,
        };
        (started, running)
    }

    /// People hear of journals that do not tell what they once said, and whom that concerns.
    pub(super) async fn tell_of_damage(&mut self) {
        let damages = std::mem::take(&mut self.doubts.damages);
        let attempts: Vec<_> = std::mem::take(&mut self.doubts.doubted).into_iter().collect();
        if !damages.is_empty() || !attempts.is_empty() {
            self.tell(Event::JournalDamaged { damages, attempts }).await;
        }
    }
}

pub(super) fn never_ran(id: AttemptId, why: String, stop: Option<StopReason>) -> Exit {
    Exit {
        stop,
        status: ExitStatus::NotStarted(why.clone()),
        ..unknown(id, why)
    }
}

pub(super) fn unknown(id: AttemptId, why: String) -> Exit {
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
        out_of_memory: None,
        report: String::new(),
    }
}
