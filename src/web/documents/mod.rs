//! The shapes of answers that are put together where they are known, for `/api/v1/openapi.json`. What is answered as it is stored
//! has its shape from its own type.
//!
//! Nothing here is ever made: `tests/web/described.rs` holds each answer of a running freshd against its shape, in which no key may
//! lack and none may be unknown.
#![expect(dead_code, reason = "shapes, not values")]

mod entries;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use self::entries::{
    DaemonEntry, DatasetEntry, DatasetEvidence, HeartbeatEntry, IncidentEntry, IncidentLine, IncidentOfName, JobEntry,
    JobEvidence, RunLine, UndeliveredEntry, WholeRun,
};
use crate::model::{
    Ack, Attempt, ChannelOff, DeadMessage, Delivery, IncidentId, Instant, Name, Notification, NotificationId,
    OpenWindow, OwnDowntime, RunId, Shortage, Silence, Version,
};

/// What `freshd status --json` prints.
#[derive(Serialize, JsonSchema)]
pub(super) struct StatusAnswer {
    /// When it was so.
    #[schemars(with = "Instant")]
    at: (),
    /// The zone of jobs.toml.
    timezone: Option<String>,
    datasets: Vec<DatasetEntry>,
    jobs: Vec<JobEntry>,
    /// Those that are not over.
    incidents: Vec<IncidentEntry>,
    /// Rehearsals that go on.
    drills: Vec<IncidentEntry>,
    /// Addresses that take nothing, and messages that were refused where others are taken.
    undelivered: Vec<UndeliveredEntry>,
    #[schemars(with = "Option<Instant>")]
    clock_held_since: (),
    #[schemars(with = "Option<Instant>")]
    clock_held_until: (),
    /// The last downtime of freshd itself.
    down: Option<OwnDowntime>,
    #[schemars(with = "Option<Instant>")]
    disk_full_since: (),
    disk_full: Option<Shortage>,
    /// Since when not even decisions can be stored; only there while it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    unstored_since: Option<()>,
    /// Windows of planned work that are open.
    maintenance: Vec<OpenWindow>,
    /// Silences that stand.
    silences: Vec<Silence>,
    daemon: DaemonEntry,
    /// What keeps freshd from doing what it is for.
    self_test: Vec<String>,
    heartbeat: Option<HeartbeatEntry>,
    /// Channels whose receivers have asked to be left alone.
    channels_off: Vec<ChannelOff>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct JobsAnswer {
    jobs: Vec<JobEntry>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DatasetsAnswer {
    datasets: Vec<DatasetEntry>,
}

/// What `freshd why NAME --json` prints.
#[derive(Serialize, JsonSchema)]
pub(super) struct WhyAnswer {
    name: Name,
    dataset: Option<DatasetEvidence>,
    job: Option<JobEvidence>,
    incidents: Vec<IncidentOfName>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RunsAnswer {
    runs: Vec<RunLine>,
}

/// What `freshd show ID --json` prints.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunAnswer {
    run: WholeRun,
    attempts: Vec<Attempt>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct VersionsAnswer {
    versions: Vec<Version>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LogsAnswer {
    lines: Vec<LineOfLog>,
    searched: Searched,
    /// Attempts of which the output is damaged.
    unreadable: Vec<String>,
    /// Where to go on; null when all was looked at.
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Searched {
    outputs: u64,
    bytes: u64,
}

#[derive(Serialize, JsonSchema)]
struct LineOfLog {
    run: Option<RunId>,
    attempt: Option<u32>,
    #[schemars(with = "Instant")]
    at: (),
    /// `stdout` or `stderr`; null for a gap.
    stream: Option<String>,
    kind: LineWord,
    text: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LineWord {
    Line,
    Piece,
    Gap,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentsAnswer {
    incidents: Vec<IncidentLine>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentAnswer {
    incident: IncidentLine,
    messages: Vec<MessageEntry>,
}

#[derive(Serialize, JsonSchema)]
struct MessageEntry {
    notification: Notification,
    deliveries: Vec<Delivery>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DeadMessagesAnswer {
    messages: Vec<DeadMessage>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SentAgain {
    /// The new message, which waits for its turn.
    message: NotificationId,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SilencesAnswer {
    silences: Vec<Silence>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FlowAnswer {
    nodes: Vec<NodeEntry>,
    edges: Vec<EdgeEntry>,
    without_owner: Vec<String>,
    unread: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct NodeEntry {
    id: String,
    kind: NodeWord,
    name: Name,
    title: Option<String>,
    owner: String,
    state: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NodeWord {
    Source,
    Job,
    Dataset,
    Reader,
    Team,
}

#[derive(Serialize, JsonSchema)]
struct EdgeEntry {
    from: String,
    to: String,
    /// A system makes one dataset from the other, in a way that freshd does not see.
    unseen: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct OccurrencesAnswer {
    occurrences: Vec<OccurrenceEntry>,
}

#[derive(Serialize, JsonSchema)]
struct OccurrenceEntry {
    job: Option<Name>,
    #[schemars(with = "Instant")]
    at: (),
    #[schemars(with = "Option<Instant>")]
    starts_at: (),
    nominal: Vec<String>,
    skip: Option<SkipWord>,
    note: Option<String>,
}

/// Why it is not started: the calendar, the zone, or a person says so.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SkipWord {
    Holiday,
    CalendarGap,
    Paused,
}

/// This description.
#[derive(Serialize, JsonSchema)]
pub(super) struct OpenApiAnswer {
    openapi: String,
    info: Map<String, Value>,
    paths: Map<String, Value>,
    components: Map<String, Value>,
}

/// What became of an event of `OpenLineage`.
#[derive(Serialize, JsonSchema)]
pub(super) struct LineageTaken {
    /// The run of which it tells, where anything is said of one.
    run: Option<String>,
    /// Datasets of jobs.toml of which that is on record now.
    datasets: Vec<Name>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RunBegun {
    run: RunId,
    job: Name,
    /// Why it waits.
    waits: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PausedOrNot {
    job: Name,
    paused: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct CancelledRun {
    run: RunId,
    cancelled: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct TakenOn {
    incident: IncidentId,
    acknowledged_by: String,
    /// Reminders rest until then; null in a rehearsal.
    #[schemars(with = "Option<Instant>")]
    until: (),
    drill: Option<String>,
    /// Who had it until then, if somebody else did.
    taken_over_from: Option<Ack>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Silenced {
    #[serde(flatten)]
    silence: Silence,
    /// `job`, `dataset`, or both.
    concerns: Vec<String>,
    replaces: Option<Silence>,
    /// What stands next to it and is told as ever.
    still_told: Vec<StillTold>,
}

#[derive(Serialize, JsonSchema)]
struct StillTold {
    is: String,
    name: Name,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Unsilenced {
    #[serde(flatten)]
    silence: Silence,
    /// Those that are told of now.
    incidents: Vec<IncidentId>,
}
