//! Actions: what a step asks to be done, after its facts are committed. Each is idempotent.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::{
    AttemptId, AttemptSpec, Comparison, Dataset, HistoryLimits, Leftovers, Message, Name, Notification, SearchFrom,
    StopReason, ThreadRoot, Version, VersionNumber,
};

/// What a step asks to be done. Doing one twice does no harm: after a crash it is asked for again.
#[derive(Clone, Debug)]
pub enum Action {
    /// Hand an attempt to the keeper, which starts it at most once.
    Start(Box<AttemptSpec>),
    /// Tell an attempt to end.
    Stop {
        /// Which.
        id: AttemptId,
        /// Why.
        reason: StopReason,
    },
    /// The end of an attempt is stored: the keeper may forget it.
    Acknowledge(AttemptId),
    /// Measure and judge a candidate; answered by `Event::Judged`.
    Judge(Box<Judging>),
    /// Put an accepted version in place; answered by `Event::Published`.
    Publish(Box<Publishing>),
    /// Move a candidate that was refused, or could not be judged or put in place, to quarantine.
    Quarantine(Box<Publishing>),
    /// Remove the directory and staged output of an attempt that needs neither any more.
    Clean {
        /// Which.
        id: AttemptId,
        /// Its own directory.
        run_dir: PathBuf,
        /// Its staged output, if it had any.
        staged: Option<PathBuf>,
    },
    /// Look at a dataset; answered by `Event::Probed`.
    Probe(Arc<Dataset>),
    /// Try to send; answered by `Event::Delivered`.
    Send {
        /// What.
        notification: Box<Notification>,
        /// The message whose thread it belongs to, where there is one.
        follows: Option<Box<ThreadRoot>>,
    },
    /// Tell a channel that forgets ([`ChannelKind::forgets`](super::ChannelKind::forgets)) all that it should know. Nobody
    /// waits for an answer: the next repetition makes up for one that fails.
    Repeat {
        /// The channel.
        channel: Name,
        /// What is open, and what is over since a short time ago. Each was sent before.
        messages: Vec<Message>,
    },
    /// Have the first message of a thread say how it is by now, where nothing is sent behind it. Nobody waits for an answer:
    /// the next message of the thread changes the first one again.
    Change {
        /// The channel.
        channel: Name,
        /// The first message, with what it is to offer by now: nothing once somebody has its incident.
        root: Box<ThreadRoot>,
        /// What it is to say.
        newest: Box<Message>,
    },
    /// Read what happened in a week; answered by `Event::LookedBack`.
    LookBack {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// Find a piece of what is beyond the limits; answered by `Event::Aged`.
    Search {
        /// The limits.
        limits: Arc<HistoryLimits>,
        /// Where to go on.
        from: SearchFrom,
    },
    /// Remove files of what is forgotten; answered by `Event::Removed`.
    Remove(Box<Leftovers>),
    /// Remove files in the state directory that no row names; answered by `Event::Removed`.
    Sweep,
    /// Answer a person.
    Reply {
        /// The request's number.
        id: u64,
        /// The answer.
        reply: Reply,
    },
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done, or found: the facts as JSON.
    Done(serde_json::Value),
    /// Not done; why, and what to do.
    Refused(String),
}

/// A candidate to be judged.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The attempt that made it.
    pub id: AttemptId,
    /// What it is a candidate for.
    pub dataset: Arc<Dataset>,
    /// Where it lies.
    pub staged: PathBuf,
    /// When the attempt started.
    pub started_at: Timestamp,
    /// The file that its command names, for the record of what made the version.
    pub script: Option<PathBuf>,
    /// The datasets whose columns its checks compare with.
    pub compared_with: Vec<Arc<Dataset>>,
    /// The accepted versions that it is compared with.
    pub comparison: Comparison,
    /// The rows of the versions that the run was given, where they are known.
    pub inputs: Vec<(Name, Option<u64>)>,
    /// `as_of`, `rows` and so on from the job's report.
    pub report: Vec<(String, String)>,
}

/// A version to be put in place, or into quarantine.
#[derive(Clone, Debug)]
pub struct Publishing {
    /// The version.
    pub version: Version,
    /// Its dataset.
    pub dataset: Arc<Dataset>,
    /// Where the candidate lies.
    pub staged: PathBuf,
    /// It stays there: a kept version or one in quarantine, of which a copy is published.
    pub is_kept: bool,
    /// Earlier versions that stay, however many are kept: unfinished runs were given them, or may be until then.
    pub spared: Vec<VersionNumber>,
    /// Where earlier versions are kept: `versions/` of the state directory.
    pub versions_dir: PathBuf,
    /// Where refused candidates are kept: `quarantine/` of the state directory.
    pub quarantine_dir: PathBuf,
}
