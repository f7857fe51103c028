//! How attempts end: timeouts, stops, what is left behind, and what is recorded of it.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Signal, kill_process_group};

use super::super::cgroup::{self, Leaf};
use super::super::log::Stream;
use super::super::patience::{DRAIN, SWEEP, SWEEP_PACE, UNKILLABLE_AFTER};
use super::super::process::{Process, all_processes, family, signal};
use super::adopted::Mains;
use super::attempt::{Phase, PipeState, RunningAttempt, read_report};
use super::{Keeper, State, unwatch};
use crate::model::{Exit, ExitStatus, StopReason, Usage};

/// Ends that are settled in one turn, and with one sync: what is to be started meanwhile waits for all of them.
const ENDS_PER_TURN_MAX: usize = 128;

/// Between two looks at what was told to end, and at what should not be there.
const STOP_PACE: Duration = Duration::from_millis(50);

impl Keeper {
    fn attempt(&mut self, slot: usize) -> Option<&mut RunningAttempt> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    fn set_deadline(&mut self, slot: usize, deadline: Option<Duration>) {
        let Some(attempt) = self.slots.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        if let Some(former) = std::mem::replace(&mut attempt.deadline, deadline) {
            self.deadlines.remove(&(former, slot));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, slot));
        }
    }

    /// The main process of an attempt ended. It stays a zombie until all is settled: so its number, and that of its
    /// group, cannot be taken by a stranger.
    pub(super) fn main_ended(&mut self, slot: usize, now: Duration) {
        let Some(Some(attempt)) = self.slots.get_mut(slot) else {
            return;
        };
        if attempt.ended.is_none() {
            attempt.ended = Some((Timestamp::now(), now));
            if let Some(pidfd) = attempt.pidfd.take() {
                unwatch(&self.epoll, pidfd);
            }
            self.to_settle.push(slot);
        }
    }

    /// Does what is due.
    pub(super) fn meet_deadlines(&mut self, now: Duration) {
        let mut processes = None;
        while let Some((deadline, slot)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.set_deadline(slot, None);
            let Some(attempt) = self.attempt(slot) else {
                continue;
            };
            if attempt.ended.is_some() {
                self.to_settle.push(slot);
                continue;
            }
            match attempt.phase {
                Phase::Free => {
                    let processes = processes.get_or_insert_with(all_processes);
                    self.terminate(slot, StopReason::Timeout, now, processes);
                }
                Phase::Terminating => {
                    let give_up_at = now + UNKILLABLE_AFTER;
                    attempt.phase = Phase::Killing { give_up_at };
                    self.kill(slot, processes.get_or_insert_with(all_processes));
                    self.set_deadline(slot, Some(now + STOP_PACE));
                }
                Phase::Killing { give_up_at } if now < give_up_at => {
                    self.kill(slot, processes.get_or_insert_with(all_processes));
                    self.set_deadline(slot, Some(give_up_at.min(now + STOP_PACE)));
                }
                Phase::Killing { .. } => self.give_up(slot),
            }
        }
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep_at = None;
            self.look_at_children();
            self.end_outlaws(now);
        }
    }

    /// Tells an attempt to end, unless it was told already.
    pub(super) fn stop(&mut self, slot: usize, reason: StopReason, now: Duration) {
        if let Some(attempt) = self.attempt(slot)
            && attempt.phase == Phase::Free
            && attempt.ended.is_none()
        {
            self.terminate(slot, reason, now, &all_processes());
        }
    }

    fn terminate(&mut self, slot: usize, reason: StopReason, now: Duration, all: &[Process]) {
        let members = self.members(slot, all);
        let Some(attempt) = self.attempt(slot) else {
            return;
        };
        attempt.stop = Some(reason);
        attempt.phase = Phase::Terminating;
        let kill_at = now + Duration::from_millis(attempt.started.kill_after_ms);
        attempt.kill_at = Some(kill_at);
        let group = attempt.pid;
        for kind in [Signal::TERM, Signal::CONT] {
            let _ = kill_process_group(group, kind);
            for process in &members {
                if process.group != group.as_raw_nonzero().get() {
                    signal(process, kind);
                }
            }
        }
        self.set_deadline(slot, Some(kill_at));
    }

    fn kill(&mut self, slot: usize, all: &[Process]) {
        let members = self.members(slot, all);
        if let Some(attempt) = self.attempt(slot) {
            if let Some(leaf) = &attempt.leaf {
                leaf.kill();
            }
            // Its main process is not reaped, so the group is still its own.
            let _ = kill_process_group(attempt.pid, Signal::KILL);
        }
        for process in &members {
            signal(process, Signal::KILL);
        }
    }

    /// Everything that belongs to an attempt, its main process included.
    fn members(&mut self, slot: usize, all: &[Process]) -> Vec<Process> {
        self.look_at_children();
        let Some(attempt) = self.slots.get(slot).and_then(Option::as_ref) else {
            return Vec::new();
        };
        let main = attempt.pid.as_raw_nonzero().get();
        let mut roots = self.adopted.of(attempt.started.id);
        roots.insert(main);
        let mut members = family(all, &roots, &HashSet::from([main]));
        add_leaf(&mut members, attempt);
        members
    }

    /// Some child ended. Main processes are seen by their pidfd; others have to be reaped here.
    pub(super) fn child_ended(&mut self, now: Duration) {
        let mut signals = [0_u8; 1_024];
        while rustix::io::read(&self.child_signals, &mut signals).is_ok_and(|read| read > 0) {}
        if self.to_settle.is_empty() {
            self.look_at_children();
            self.end_outlaws(now);
        }
        self.remove_leaves();
    }

    /// Removes the cgroups of ended attempts, as far as nothing lives in them any more.
    pub(super) fn remove_leaves(&mut self) {
        self.leaves_left.retain(|leaf| !cgroup::remove(leaf));
    }

    fn look_at_children(&mut self) {
        let keeps = |attempt: &RunningAttempt| attempt.started.keep_leftovers;
        self.adopted.look(&Mains {
            by_pid: &self.mains,
            newest: self.sequence,
            any_keeps: self.slots.iter().flatten().any(|attempt| keeps(attempt)),
            state_dir: &self.house.state_dir,
        });
    }

    /// Goes through the attempts whose main process ended, and finishes those of which nothing is left to wait for.
    pub(super) fn settle_ended(&mut self, now: Duration) {
        if self.to_settle.is_empty() {
            return;
        }
        let mut slots = std::mem::take(&mut self.to_settle);
        slots.sort_unstable();
        slots.dedup();
        self.to_settle = slots.split_off(slots.len().min(ENDS_PER_TURN_MAX));
        slots.retain(|slot| self.is_drained(*slot, now));
        // One look at the children answers for all that ended in this turn.
        if !slots.is_empty() {
            self.look_at_children();
        }
        let mut processes = None;
        for slot in slots {
            if self.is_swept(slot, now, &mut processes) {
                self.finish(slot);
            }
        }
        self.end_outlaws(now);
    }

    /// Reads the last output. Waits, for a while, for whoever still holds one of the pipes.
    fn is_drained(&mut self, slot: usize, now: Duration) -> bool {
        let Some(Some(attempt)) = self.slots.get_mut(slot) else {
            return false;
        };
        let Some((_, ended)) = attempt.ended else {
            return false;
        };
        for stream in Stream::BOTH {
            if attempt.read_last_output(stream, &mut self.buffers) == PipeState::Closed
                && let Some(pipe) = attempt.pipes[stream.index()].take()
            {
                unwatch(&self.epoll, pipe);
            }
        }
        if attempt.pipes.iter().all(Option::is_none) {
            return true;
        }
        let was_killed = matches!(attempt.phase, Phase::Killing { .. });
        let until = ended + DRAIN;
        if was_killed || now >= until {
            return true;
        }
        self.set_deadline(slot, Some(until));
        false
    }

    /// Whether nothing is left of an attempt that should not be. Kills what is.
    fn is_swept(&mut self, slot: usize, now: Duration, processes: &mut Option<Vec<Process>>) -> bool {
        let Some(attempt) = self.slots.get(slot).and_then(Option::as_ref) else {
            return false;
        };
        let is_populated = attempt.leaf.as_ref().is_some_and(Leaf::is_populated);
        if self.adopted.is_empty() && !is_populated {
            return true;
        }
        let id = attempt.started.id;
        let main = attempt.pid.as_raw_nonzero().get();
        let all = processes.get_or_insert_with(all_processes);
        let mut left = family(all, &self.adopted.of(id), &HashSet::from([main]));
        add_leaf(&mut left, attempt);
        left.retain(|process| process.pid != main);
        if left.is_empty() && !is_populated {
            return true;
        }
        if attempt.started.keep_leftovers && attempt.stop.is_none() {
            self.adopted.keep(id);
            return true;
        }
        let ended = attempt.ended.map_or(now, |(_, ended)| ended);
        if let (Phase::Terminating, Some(kill_at)) = (attempt.phase, attempt.kill_at) {
            // They got SIGTERM with the main process, and may be cleaning up.
            let until = kill_at.min(ended + DRAIN);
            if now < until {
                self.set_deadline(slot, Some(until.min(now + STOP_PACE)));
                return false;
            }
        }
        let Some(attempt) = self.attempt(slot) else {
            return false;
        };
        for process in &left {
            let name = (process.pid, process.start_time);
            if signal(process, Signal::KILL) && !attempt.killed.contains(&name) {
                attempt.killed.push(name);
            }
        }
        // By name above, to know how many; here all of it, whatever was born meanwhile.
        if let Some(leaf) = &attempt.leaf {
            leaf.kill();
        }
        let until = *attempt.sweep_until.get_or_insert(now + SWEEP);
        if now < until {
            self.set_deadline(slot, Some(now + SWEEP_PACE));
            return false;
        }
        true
    }

    /// Kills what belongs to no attempt any more, and looks again soon.
    fn end_outlaws(&mut self, now: Duration) {
        if self.adopted.is_empty() {
            return;
        }
        let oldest = self.slots.iter().flatten().map(|attempt| attempt.sequence).min();
        let states = &self.states;
        let is_running = |id| matches!(states.get(&id), Some(State::Running(_)));
        let outlaws = self.adopted.outlaws(is_running, oldest);
        if outlaws.is_empty() {
            return;
        }
        for process in family(&all_processes(), &outlaws, &HashSet::new()) {
            signal(&process, Signal::KILL);
        }
        let next = now + STOP_PACE;
        self.sweep_at = Some(self.sweep_at.map_or(next, |at| at.min(next)));
    }

    /// Nothing is left but the main process, a zombie: records the end.
    fn finish(&mut self, slot: usize) {
        let Some(attempt) = self.remove(slot) else {
            return;
        };
        let (status, usage) = attempt.exit();
        self.unreaped.push(attempt.pid.as_raw_nonzero().get());
        let ended_at = attempt.ended.map_or_else(Timestamp::now, |(wall, _)| wall);
        let is_alone = self.adopted.is_empty() && attempt.killed.is_empty() && !attempt.started.keep_leftovers;
        let run_dir = attempt.started.report.parent().filter(|_| is_alone).map(Path::to_owned);
        self.record_end(*attempt, status, usage, ended_at);
        if let Some(run_dir) = run_dir {
            self.run_dirs.take_back(&run_dir);
        }
    }

    /// The kernel does not let the process die: it waits for a device or a file server. The attempt ends all the
    /// same; the process is reaped whenever it does.
    fn give_up(&mut self, slot: usize) {
        let Some(attempt) = self.remove(slot) else {
            return;
        };
        if let Some(pidfd) = &attempt.pidfd {
            unwatch(&self.epoll, pidfd);
        }
        self.mains.remove(&attempt.pid.as_raw_nonzero().get());
        let status = ExitStatus::Unknown(format!(
            "unkillable: process {} still lives {} s after SIGKILL; it waits for a device or a file server, look at /proc/{}/stack",
            attempt.pid,
            UNKILLABLE_AFTER.as_secs(),
            attempt.pid
        ));
        self.record_end(*attempt, status, Usage::default(), Timestamp::now());
    }

    fn remove(&mut self, slot: usize) -> Option<Box<RunningAttempt>> {
        self.set_deadline(slot, None);
        let mut attempt = self.slots.get_mut(slot)?.take()?;
        for pipe in attempt.pipes.iter_mut().filter_map(Option::take) {
            unwatch(&self.epoll, pipe);
        }
        self.freed_slots.push(slot);
        Some(attempt)
    }

    fn record_end(&mut self, attempt: RunningAttempt, status: ExitStatus, mut usage: Usage, ended_at: Timestamp) {
        let leftovers_killed = u32::try_from(attempt.killed.len()).unwrap_or(u32::MAX);
        let mut out_of_memory = None;
        if let Some(leaf) = &attempt.leaf {
            leaf.add_to(&mut usage);
            out_of_memory = attempt.memory_max_bytes.filter(|_| leaf.ran_out_of_memory());
            if !leaf.remove() {
                self.leaves_left.push(leaf.path().to_owned());
            }
        }
        self.record_exit(Exit {
            id: attempt.started.id,
            status,
            stop: attempt.stop,
            started_at: attempt.running.at,
            ended_at,
            pid: attempt.running.pid,
            usage: Usage {
                leftovers_killed,
                ..usage
            },
            output: attempt.output.finish(),
            out_of_memory,
            report: read_report(&attempt.started.report),
        });
    }
}

/// Adds what lives in the cgroup of an attempt to what was found of it by descent.
fn add_leaf(found: &mut Vec<Process>, attempt: &RunningAttempt) {
    let inside = attempt.leaf.as_ref().map(Leaf::members).unwrap_or_default();
    for process in inside {
        if !process.is_zombie && !found.iter().any(|known| known.pid == process.pid) {
            found.push(process);
        }
    }
}
