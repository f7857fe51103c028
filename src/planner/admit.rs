//! Whether a run may start now, beside what else is going on for its job.

use crate::model::{Overlap, RunId, RunState, Trigger};

/// Another run of the same job that is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Going {
    /// Which.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// Why it began.
    pub trigger: Trigger,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes, once these runs that only wait for their next attempt are given up.
    Start {
        /// Runs that back off: the new one takes their place.
        give_up: Vec<RunId>,
    },
    /// When the run named has ended.
    Wait {
        /// The run before it.
        behind: RunId,
        /// Running ones that are told to end first.
        stop: Vec<RunId>,
        /// Waiting ones that the new one replaces.
        drop: Vec<RunId>,
    },
    /// No: the run named is going on.
    No {
        /// The run that is in the way.
        because_of: RunId,
    },
}

/// Decides by the job's `overlap`; retries, catch-ups and manual runs obey it too.
///
/// A run that backs off gives way: its next attempt would do the same work. Catch-ups wait for each
/// other whatever the policy is, and what comes due meanwhile queues behind them: otherwise
/// making up for the past would cost the present.
pub fn admit(overlap: Overlap, trigger: Trigger, going: &[Going]) -> Admission {
    let of_state = |wanted: &[RunState]| -> Vec<Going> {
        going
            .iter()
            .filter(|going| wanted.contains(&going.state))
            .copied()
            .collect()
    };
    let active = of_state(&[RunState::Running, RunState::Judging]);
    let waiting = of_state(&[RunState::Waiting]);
    let give_up: Vec<RunId> = of_state(&[RunState::BackingOff])
        .iter()
        .map(|going| going.run)
        .collect();
    let Some(last) = waiting.last().or(active.last()).map(|going| going.run) else {
        return Admission::Start { give_up };
    };
    let behind = || Admission::Wait {
        behind: last,
        stop: Vec::new(),
        drop: Vec::new(),
    };
    let catching_up = going.iter().any(|going| going.trigger == Trigger::CatchUp);
    match overlap {
        Overlap::Allow if trigger != Trigger::CatchUp => Admission::Start { give_up },
        Overlap::Allow => behind(),
        _ if catching_up && trigger == Trigger::CatchUp => behind(),
        Overlap::Replace => Admission::Wait {
            behind: last,
            stop: active.iter().map(|going| going.run).collect(),
            drop: waiting.iter().map(|going| going.run).collect(),
        },
        _ if catching_up
            && trigger == Trigger::Schedule
            && waiting.iter().all(|going| going.trigger == Trigger::CatchUp) =>
        {
            behind()
        }
        Overlap::Queue if waiting.is_empty() => behind(),
        Overlap::Queue | Overlap::Skip => Admission::No { because_of: last },
    }
}
