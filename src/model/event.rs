//! Events: everything that may wake a decision.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AcceptedSettings, Aged, Ahead, AttemptId, DeliveryOutcome, Exit, Found, FoundAttempt, IncidentId, Judgement,
    LineageWord, Name, Notification, NotificationId, Observation, PingWord, RunId, Setback, Settings, Shortage,
    Sighting, Stamp, Trace, Version, VersionRef, Week,
};

/// What happened. The engine answers each with a step.
#[derive(Clone, Debug)]
pub enum Event {
    /// The daemon is up; attempts the keepers still know have been or will be told by the events below.
    Started {
        /// The configuration it starts with.
        accepted: AcceptedSettings,
        /// What lacks for recording what happens, if anything does.
        shortage: Option<Shortage>,
    },
    /// The timer fired, or it is time to look again.
    Tick,
    /// The wall clock was set by this many milliseconds.
    ClockStepped {
        /// Negative is backward.
        by_ms: i64,
    },
    /// Space for recording what happens has become short, or is there again.
    Space(Option<Shortage>),
    /// The daemon is still alive; recorded now and then, so that downtime can be told.
    Alive,
    /// The daemon ends in order; running attempts go on.
    Stopping,
    /// A keeper started the process of an attempt.
    AttemptStarted {
        /// Which.
        id: AttemptId,
        /// Its main process.
        pid: u32,
        /// When.
        at: Timestamp,
    },
    /// An attempt ended.
    AttemptEnded(Exit),
    /// No keeper knows this claimed attempt, and none can start it any more: it never ran.
    AttemptNeverStarted(AttemptId),
    /// A keeper cannot start this claimed attempt just now. It is tried again and again, and that is not told again.
    AttemptRefused {
        /// Which one.
        id: AttemptId,
        /// Why, in words.
        why: String,
    },
    /// A keeper that lives does not answer what it is asked.
    KeeperSilent {
        /// Its number.
        keeper: u32,
        /// Since when it has said nothing.
        since: Timestamp,
        /// The attempts that it has, or may have.
        attempts: Vec<AttemptId>,
        /// Their time limits are kept from outside.
        guarded: bool,
    },
    /// The same keeper answers again, or is dead.
    KeeperAnswers(u32),
    /// Journals of keepers do not say any more what they once said.
    JournalDamaged {
        /// What is wrong with each, in words; none when they merely do not know an attempt that is recorded.
        damages: Vec<String>,
        /// The attempts that are doubtful for that: they are watched as long as anything of them lives, or ended as lost.
        attempts: Vec<AttemptId>,
    },
    /// The records were lost, and a keeper knows an attempt that is not in what they go on from.
    AttemptFound(FoundAttempt),
    /// The records were lost, and these attempts left a log.
    Traced(Vec<Trace>),
    /// The records were lost, and this is what else was found. Comes before `Started`, after what keepers know.
    Restored(Box<Found>),
    /// The database was to be copied, or read through, by freshd itself.
    Backup {
        /// Why it was not, in words.
        result: Result<(), String>,
    },
    /// A candidate was measured and judged, or could not be.
    Judged {
        /// The attempt that made it.
        id: AttemptId,
        /// What the checks say; a setback is no verdict.
        result: Result<Judgement, Setback>,
    },
    /// An accepted version is in place, or could not be put there.
    Published {
        /// Which.
        version: VersionRef,
        /// By what its file is known again, where that was looked at; or why it is not in place.
        result: Result<Option<Stamp>, Setback>,
    },
    /// A probe looked.
    Probed(Observation),
    /// A published file was looked at, and is not as it was known to be.
    Sighted(Sighting),
    /// A try at sending ended.
    Delivered {
        /// Which notification.
        id: NotificationId,
        /// How.
        outcome: DeliveryOutcome,
        /// What the other side calls it, if it was taken by a kind of channel where others can follow it.
        receipt: Option<String>,
    },
    /// A new configuration was checked and is to be taken whole.
    Reloaded {
        /// What it says.
        settings: Arc<Settings>,
        /// Its text, and who asked.
        accepted: AcceptedSettings,
    },
    /// An operator says that the clock is right, although later times are recorded.
    ClockConfirmed {
        /// To find the asker again.
        id: u64,
        /// Who says so.
        by: String,
        /// Why.
        because: String,
        /// What the store knows of times around now.
        ahead: Ahead,
    },
    /// A person decides about a version.
    Decided {
        /// To find the asker again.
        id: u64,
        /// Who.
        by: String,
        /// Why.
        because: String,
        /// What.
        decision: Decision,
        /// A released version is what later ones are compared with, as if it had never been refused.
        learn: bool,
        /// The version, as it is on record; or why there is none, for the asker.
        version: Result<Box<Version>, String>,
    },
    /// A person asks for a message to be sent again.
    ResendAsked {
        /// To find the asker again.
        id: u64,
        /// Who.
        by: String,
        /// The message, as it is on record, with what else went to its address about the same incident; or why there is
        /// none, for the asker.
        found: Result<(Box<Notification>, Vec<Notification>), String>,
    },
    /// It is time to forget what is beyond `[history]`.
    Prune {
        /// Also output, and files that no row names: much to look at, so not each time.
        files: bool,
        /// Who asked for it, to be answered when it is done.
        asked: Option<u64>,
    },
    /// A search for what is beyond the limits has found a piece, or failed.
    Aged(Result<Box<Aged>, String>),
    /// What happened in a week was read, or could not be.
    LookedBack {
        /// The end of the week.
        until: Timestamp,
        /// What the records say; or why they say nothing.
        week: Result<Box<Week>, String>,
    },
    /// Files that were no longer needed are gone.
    Removed {
        /// How many.
        files: u64,
        /// What they held.
        bytes: u64,
    },
    /// A person asks for something. The reply is an action of the step, so it follows the commit.
    Requested {
        /// To find the asker again.
        id: u64,
        /// Who asks.
        by: String,
        /// What.
        request: Request,
    },
}

/// What a person can decide about a version; the wire form on the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// An earlier version is to be what readers see once more.
    Restore,
    /// A candidate in quarantine is to be published after all.
    Release,
}

/// What a person may ask for; the wire form on the control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum Request {
    /// Run a job now.
    Run {
        /// Which.
        job: Name,
        /// Appended to its command.
        #[serde(default)]
        args: Vec<String>,
    },
    /// End a run.
    Cancel {
        /// Which.
        run: RunId,
    },
    /// Answer when a run is final.
    Wait {
        /// Which.
        run: RunId,
    },
    /// Stop scheduling a job.
    Pause {
        /// Which.
        job: Name,
        /// Why.
        because: String,
    },
    /// Schedule it again.
    Resume {
        /// Which.
        job: Name,
    },
    /// Accept a jump of a dataset's next versions.
    Expect {
        /// The dataset.
        dataset: Name,
        /// Why it will be otherwise.
        because: String,
        /// For how many accepted versions; 0 takes back what stands.
        versions: u32,
        /// How long it stands, in seconds.
        for_s: u64,
        /// Who says so, where that is not who asks.
        #[serde(default)]
        by: Option<String>,
    },
    /// A script that runs elsewhere says something of the dataset whose key it knows.
    Ping {
        /// The key.
        key: String,
        /// What it says.
        word: PingWord,
        /// By what it tells its runs apart.
        rid: Option<String>,
        /// What else it says.
        text: String,
    },
    /// A system elsewhere says in an event of `OpenLineage` what became of a run.
    Lineage(LineageWord),
    /// Tell nobody of a job or dataset for a while.
    Silence {
        /// Which; both where they share the name.
        name: Name,
        /// Why.
        because: String,
        /// For how long, in seconds.
        for_s: u64,
    },
    /// Tell people of it again.
    Unsilence {
        /// Which.
        name: Name,
    },
    /// Rehearse with the owner of a job or dataset.
    Drill {
        /// Which; of what is both, the dataset.
        name: Name,
        /// How long it lasts if nobody answers, in seconds.
        for_s: u64,
    },
    /// Answer when a rehearsal is over.
    WaitForDrill {
        /// Its incident.
        incident: IncidentId,
    },
    /// Take an incident on.
    Ack {
        /// Which.
        incident: IncidentId,
        /// What whoever takes it on has to say.
        #[serde(default)]
        note: Option<String>,
        /// By a link out of this message, which works once.
        #[serde(default)]
        link: Option<NotificationId>,
    },
    /// Send a message through a team's or a channel's addresses.
    NotifyTest {
        /// A team, or none.
        team: Option<Name>,
        /// A channel, or none.
        channel: Option<Name>,
    },
    /// The state of everything, or of one name.
    Status {
        /// A job or dataset, or all.
        name: Option<Name>,
    },
    /// The clock, the newest record, and what is held.
    Clock,
    /// The addresses that somebody may be told at.
    Addresses,
    /// The evidence and rule behind a state.
    Why {
        /// A job or dataset.
        name: Name,
    },
}
