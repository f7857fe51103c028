//! The shapes of what stands in several answers: datasets, jobs, incidents and runs, as they stand and with the evidence.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    AddressState, Attempt, ByHand, Expected, FailedBefore, Incident, IncidentId, Instant, Jump, Name, Observation,
    OpenWindow, Outcome, Released, Run, RunId, RunState, Silence, Slot, Trigger, Version, VersionNumber,
};

#[derive(Serialize, JsonSchema)]
pub(super) struct DaemonEntry {
    #[schemars(with = "Instant")]
    started_at: (),
    version: String,
    /// The digest of jobs.toml.
    settings: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct HeartbeatEntry {
    #[schemars(with = "Option<Instant>")]
    taken_at: (),
    error: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct UndeliveredEntry {
    id: u64,
    to: String,
    tries: u32,
    error: Option<String>,
    #[schemars(with = "Instant")]
    next_try_at: (),
    /// Further messages that wait for the same address.
    behind: u32,
}

/// A dataset as it stands.
#[derive(Serialize, JsonSchema)]
pub(super) struct DatasetEntry {
    name: Name,
    title: Option<String>,
    /// One of the states of the manual.
    state: String,
    /// Whether readers have what they were promised.
    fresh: bool,
    reason: String,
    #[schemars(with = "Option<Instant>")]
    as_of: (),
    #[schemars(with = "Option<Instant>")]
    effective_as_of: (),
    limited_by: Option<String>,
    #[schemars(with = "Option<Instant>")]
    arrived_at: (),
    #[schemars(with = "Option<Instant>")]
    deadline: (),
    /// The newest that was published.
    version: Option<VersionNumber>,
    /// The same where readers see it.
    served: Option<VersionNumber>,
    rows: Option<u64>,
    producer: Option<Name>,
    /// The datasets from which its system makes it.
    made_from: Vec<Name>,
    parts: Vec<Name>,
    part_of: Option<Name>,
    maintenance: Option<OpenWindow>,
    silence: Option<Silence>,
    owner: String,
    tells: Vec<String>,
    /// The title of the team that answers, if it has one.
    owner_title: Option<String>,
    by_hand: Option<ByHand>,
    as_expected: Option<Expected>,
    expected: Option<ExpectedEntry>,
    /// That a promise is broken because freshd did not run.
    broken_while_down: Option<BrokenWhileDown>,
}

/// What freshd did not do for a dataset while it was down.
#[derive(Serialize, JsonSchema)]
pub(super) struct BrokenWhileDown {
    /// Until when freshd surely ran before.
    #[schemars(with = "Instant")]
    from: (),
    /// Since when it runs again.
    #[schemars(with = "Instant")]
    until: (),
    /// When the run was due that was missed; null where nobody could say that it came.
    #[schemars(with = "Option<Instant>")]
    run_due_at: (),
    /// Since when a run makes up for it.
    #[schemars(with = "Option<Instant>")]
    caught_up_since: (),
}

/// The jump that a person expects.
#[derive(Serialize, JsonSchema)]
pub(super) struct ExpectedEntry {
    because: String,
    by: String,
    #[schemars(with = "Instant")]
    at: (),
    #[schemars(with = "Instant")]
    until: (),
    versions: u32,
    used: Vec<VersionNumber>,
}

/// A job as it stands.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobEntry {
    name: Name,
    title: Option<String>,
    state: JobWord,
    reason: Option<String>,
    paused: bool,
    last: Option<LastRun>,
    running: Vec<GoingRun>,
    #[schemars(with = "Option<Instant>")]
    next_due: (),
    schedule: Option<String>,
    produces: Option<Name>,
    maintenance: Option<OpenWindow>,
    silence: Option<Silence>,
    owner: String,
    tells: Vec<String>,
    /// The title of the team that answers, if it has one.
    owner_title: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum JobWord {
    Ok,
    Failing,
    NeverRan,
    Waiting,
    Running,
    BackingOff,
    Judging,
    Final,
    Paused,
    Disabled,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LastRun {
    run: RunId,
    outcome: Option<Outcome>,
    #[schemars(with = "Option<Instant>")]
    started_at: (),
    #[schemars(with = "Option<Instant>")]
    ended_at: (),
    reason: Option<String>,
    released: Option<Released>,
    exit_code: Option<i32>,
    /// The last line that it printed.
    printed: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct GoingRun {
    run: RunId,
    state: RunState,
    attempt: u32,
    #[schemars(with = "Option<Instant>")]
    started_at: (),
    #[schemars(with = "Option<Instant>")]
    retry_at: (),
    reason: Option<String>,
}

/// An incident, with whom it was decided to tell and what became of that.
#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentLine {
    #[serde(flatten)]
    incident: Incident,
    addresses: Vec<AddressState>,
    /// When its end is told at the latest, where the problem is gone and something that it broke is not well yet.
    #[schemars(with = "Option<Instant>")]
    ends_by: (),
}

/// An incident that is not over.
#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentEntry {
    #[serde(flatten)]
    line: IncidentLine,
    owner: String,
    /// What explains it, where it was told by itself before people were told of that.
    behind: Option<IncidentId>,
    maintenance: Option<OpenWindow>,
    silence: Option<Silence>,
    /// The first to read first.
    readers: Vec<ReaderOfIncident>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReaderOfIncident {
    who: String,
    team: Option<Name>,
    dataset: Name,
    #[schemars(with = "Option<Instant>")]
    at: (),
}

#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentOfName {
    #[serde(flatten)]
    entry: IncidentEntry,
    /// The incident that explains it.
    cause_in_words: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DatasetEvidence {
    #[serde(flatten)]
    entry: DatasetEntry,
    max_age: Option<String>,
    counted_in: Option<Name>,
    due: Option<Due>,
    slots: Option<Vec<Slot>>,
    current: Option<Version>,
    /// The newest that was refused, and where it lies.
    refused: Option<Version>,
    quarantine: Option<String>,
    observation: Option<Observation>,
    /// Runs of the job that makes it.
    under_way: Vec<GoingRun>,
    pinged: bool,
    /// With what the next version is compared.
    compared: Option<Vec<Compared>>,
    since: Option<Vec<Jump>>,
    columns_left_out: u32,
    left_out: Option<VersionNumber>,
    readers: Vec<ReaderOfDataset>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Due {
    at: String,
    grace: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Compared {
    of: String,
    needed: u32,
    versions: Vec<VersionNumber>,
    /// From how many days they are.
    days: u32,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReaderOfDataset {
    name: String,
    owner: String,
    reads: Name,
    reads_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct JobEvidence {
    #[serde(flatten)]
    entry: JobEntry,
    /// Up to when it is decided what was due.
    #[schemars(with = "Option<Instant>")]
    cursor: (),
    /// Why nothing of it is started just now.
    held: Option<String>,
    last_run: Option<Run>,
    last_attempt: Option<Attempt>,
}

/// A run as `freshd history --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunLine {
    run: RunId,
    job: Name,
    #[schemars(with = "Option<Instant>")]
    due_at: (),
    #[schemars(with = "Option<Instant>")]
    due_until: (),
    occurrences: u64,
    nominal: Vec<String>,
    trigger: Trigger,
    state: RunState,
    outcome: Option<Outcome>,
    attempts: u32,
    #[schemars(with = "Instant")]
    created_at: (),
    #[schemars(with = "Option<Instant>")]
    started_at: (),
    #[schemars(with = "Option<Instant>")]
    ended_at: (),
    exit_code: Option<i32>,
    signal: Option<i32>,
    reason: Option<String>,
    version: Option<VersionNumber>,
    by: Option<String>,
    released: Option<Released>,
    failed_before: Option<FailedBefore>,
    trace: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct WholeRun {
    #[serde(flatten)]
    line: RunLine,
    args: Vec<String>,
    inputs: Vec<String>,
    #[schemars(with = "Option<Instant>")]
    retry_at: (),
    /// The digest of jobs.toml.
    settings: String,
}
