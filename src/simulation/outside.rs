//! What lies outside of the machine: what processes do, what addresses answer, what probes find; and who watches.

use std::path::PathBuf;
use std::time::Duration;

use super::Play;
use crate::model::{
    Action, AttemptId, AttemptSpec, Dataset, DeliveryOutcome, ExitStatus, Fact, Measurement, Notification, Now,
    Setback, Settings, StopReason, VersionRef,
};

/// An instant of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Time since the world began, which nobody can set.
    pub elapsed: Duration,
    /// The two clocks of the machine.
    pub now: Now,
}

/// What a probe finds, and the file it looked at.
pub type Found = (Result<Option<Measurement>, String>, Option<PathBuf>);

/// What an address does with a message.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How long it takes to answer.
    pub after: Duration,
    /// Somebody will read the message.
    pub arrives: bool,
    /// What freshd is told; an address that takes a message may still time out.
    pub outcome: DeliveryOutcome,
}

/// Whatever is not the machine. Its answers may depend on nothing but what it is asked.
pub trait Outside {
    /// What the process of an attempt will do.
    fn play(&mut self, spec: &AttemptSpec, at: Moment) -> Play;

    /// What the probe of a dataset finds, and how long it takes.
    fn look(&mut self, dataset: &Dataset, at: Moment) -> (Duration, Found);

    /// What an address does with a message.
    fn answer(&mut self, notification: &Notification, at: Moment) -> Answer;

    /// Something happened.
    fn saw(&mut self, at: Moment, seen: &Seen<'_>);
}

/// What happens in a world, as somebody outside could see it.
#[derive(Clone, Debug)]
pub enum Seen<'a> {
    /// The daemon starts, and will decide by this configuration.
    Up {
        /// Counts up from 1.
        life: u64,
        /// The configuration.
        settings: &'a Settings,
    },
    /// The daemon is gone.
    Down {
        /// The whole machine is: its processes have ended, and nothing that was not synced is left.
        power: bool,
    },
    /// The daemon takes another configuration.
    Reloads(&'a Settings),
    /// The wall clock was set by this many milliseconds.
    ClockSet(i64),
    /// The machine slept until now.
    Slept,
    /// The daemon has decided. Nothing of it is stored yet.
    Decided {
        /// What is to be stored.
        facts: &'a [Fact],
        /// What is to be done then.
        actions: &'a [Action],
    },
    /// The facts decided last were written: they survive the daemon, but not the machine.
    Written,
    /// They are synced: they survive everything.
    Synced,
    /// The store refuses what contradicts its records.
    Contradiction(&'a str),
    /// The disk has become full, or has space again.
    DiskFull(bool),
    /// The daemon does what was decided.
    Performs(&'a Action),
    /// A process began.
    Began {
        /// Everything its keeper was told.
        spec: &'a AttemptSpec,
        /// What it will do.
        play: &'a Play,
    },
    /// A command could not be started.
    NotStarted(AttemptId),
    /// A process ended, whether or not anybody saw it.
    Ended {
        /// Which.
        id: AttemptId,
        /// How, in truth.
        status: &'a ExitStatus,
        /// Why it was told to end, if it was.
        stop: Option<StopReason>,
    },
    /// A keeper was killed. What it ran and did not write down may be lost.
    KeeperDied,
    /// A version is in place, or could not be put there.
    Published(&'a VersionRef, &'a Result<(), Setback>),
    /// A message was handed to its address.
    Tried(&'a Notification, &'a Answer),
}
