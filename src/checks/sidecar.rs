//! What stands beside a file: which version it is, and why it was accepted or refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{CheckResult, Dataset, Name, Provenance, RunId, Version, VersionNumber, VersionRef, VersionState};
use crate::schedule;

/// The sidecar of a published file, for programs; keys are only ever added.
#[derive(Serialize)]
struct Sidecar<'a> {
    dataset: &'a str,
    version: u64,
    as_of: Timestamp,
    effective_as_of: Timestamp,
    /// `items@12`, when that version limits `effective_as_of`.
    limited_by: Option<String>,
    arrived_at: Timestamp,
    /// When it becomes older than its dataset promises: a reader may refuse it from then on.
    stale_at: Option<Timestamp>,
    run: Option<u64>,
    attempt: Option<u32>,
    inputs: Vec<String>,
    rows: Option<u64>,
    bytes: u64,
    sha256: &'a str,
    /// The name of its copy in `versions/`.
    kept_as: Option<&'a str>,
    checks: &'a [CheckResult],
    #[serde(flatten)]
    provenance: &'a Provenance,
}

/// Why a candidate was refused.
#[derive(Serialize)]
struct Reasons<'a> {
    /// The name of the candidate beside this file, unless the job left none.
    file: Option<String>,
    reason: Option<&'a str>,
    #[serde(flatten)]
    sidecar: Sidecar<'a>,
}

/// What publishing needs to know of the sidecar that is there already.
#[derive(Deserialize)]
pub(super) struct Present {
    pub(super) version: u64,
    pub(super) arrived_at: Timestamp,
}

/// The text of a version's sidecar.
pub(super) fn sidecar(version: &Version, dataset: &Dataset) -> Vec<u8> {
    text(&of(version, dataset))
}

/// The text of `reasons.json`.
pub(super) fn reasons(version: &Version, dataset: &Dataset, file: Option<String>) -> Vec<u8> {
    text(&Reasons {
        file,
        reason: version.reason.as_deref(),
        sidecar: of(version, dataset),
    })
}

/// What the sidecar there says; `None` when it is not one of freshd's.
pub(super) fn present(text: &[u8]) -> Option<Present> {
    serde_json::from_slice(text).ok()
}

/// All that a sidecar says, for records that do not know its version any more.
#[derive(Deserialize)]
struct Told {
    dataset: Name,
    version: u64,
    as_of: Timestamp,
    effective_as_of: Timestamp,
    limited_by: Option<String>,
    arrived_at: Timestamp,
    run: Option<u64>,
    inputs: Vec<String>,
    rows: Option<u64>,
    bytes: u64,
    sha256: String,
    #[serde(default)]
    kept_as: Option<String>,
    checks: Vec<CheckResult>,
    #[serde(flatten)]
    provenance: Provenance,
}

/// The published version that a sidecar describes, wherever it lies; `None` when it is not one of freshd's.
pub(super) fn version(text: &[u8]) -> Option<Version> {
    let told: Told = serde_json::from_slice(text).ok()?;
    Some(Version {
        dataset: told.dataset,
        number: VersionNumber(told.version),
        state: VersionState::Published,
        arrived_at: told.arrived_at,
        as_of: told.as_of,
        effective_as_of: told.effective_as_of,
        limited_by: told.limited_by.as_deref().and_then(reference),
        run: told.run.map(RunId),
        attempt: None,
        inputs: told.inputs.iter().filter_map(|input| reference(input)).collect(),
        rows: told.rows,
        bytes: told.bytes,
        sha256: told.sha256,
        unchanged: false,
        checks: told.checks,
        reason: None,
        stamp: None,
        file: None,
        kept_as: told.kept_as,
        provenance: told.provenance,
        lesson: None,
    })
}

/// Reads `items@12`.
fn reference(text: &str) -> Option<VersionRef> {
    let (dataset, number) = text.rsplit_once('@')?;
    Some(VersionRef {
        dataset: Name::from(dataset),
        number: VersionNumber(number.parse().ok()?),
    })
}

fn of<'a>(version: &'a Version, dataset: &Dataset) -> Sidecar<'a> {
    Sidecar {
        dataset: version.dataset.as_str(),
        version: version.number.0,
        as_of: version.as_of,
        effective_as_of: version.effective_as_of,
        limited_by: version.limited_by.as_ref().map(ToString::to_string),
        arrived_at: version.arrived_at,
        stale_at: dataset
            .max_age
            .and_then(|age| schedule::older_at(dataset.counted_in.as_ref(), version.effective_as_of, age)),
        run: version.run.map(|run| run.0),
        attempt: version.attempt.map(|attempt| attempt.number),
        inputs: version.inputs.iter().map(ToString::to_string).collect(),
        rows: version.rows,
        bytes: version.bytes,
        sha256: &version.sha256,
        kept_as: version.kept_as.as_deref(),
        checks: &version.checks,
        provenance: &version.provenance,
    }
}

fn text(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain data becomes JSON");
    text.push(b'\n');
    text
}
