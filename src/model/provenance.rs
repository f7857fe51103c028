//! Where a version comes from, beside its run and its inputs: the trace, the script, the configuration, and what a person
//! decided about it.

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, SPREAD_STEP, VersionRef, spread};

/// What made a version what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Provenance {
    /// W3C trace id: 32 hex digits that all runs of one chain share; none for probed data.
    pub trace: Option<String>,
    /// Digest of the configuration that its run was started under.
    pub settings: Option<String>,
    /// The script that wrote it.
    pub script: Option<Script>,
    /// What a person decided about it.
    pub by_hand: Option<ByHand>,
    /// A person expected it to be otherwise than those before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

/// The file that a job's command names first, as it was when the attempt began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Script {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its content in hex; none when it was changed since the attempt began.
    pub sha256: Option<String>,
}

/// What a person decided about a version, on the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByHand {
    /// What was decided.
    pub kind: HandKind,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
    /// When.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
}

/// What a person can decide about a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandKind {
    /// It was in quarantine, and is published after all.
    Released,
    /// It is the content of an earlier version once more.
    Restored(VersionRef),
}

impl ByHand {
    /// `restored from stock@41 by olav: the new one lacks a plant`.
    pub fn words(&self) -> String {
        let Self { by, because, .. } = self;
        match &self.kind {
            HandKind::Released => format!("released by {by}: {because}"),
            HandKind::Restored(from) => format!("restored from {from} by {by}: {because}"),
        }
    }
}

/// The W3C trace id of the chain that the run of this seed begins: 32 hex digits, the same each time.
pub fn trace_id(seed: u64) -> String {
    // An all-zero id is invalid by the standard; the mix of a fixed odd number makes that practically impossible.
    format!("{:016x}{:016x}", mix(seed, 1 << 32), mix(seed, 1 << 33))
}

/// W3C `traceparent` of an attempt: a span of its own, derived from its run's seed, in the chain's trace.
pub fn trace_parent(trace_id: &str, seed: u64, attempt: u32) -> String {
    format!("00-{trace_id}-{:016x}-01", mix(seed, (1 << 34) + u64::from(attempt)))
}

fn mix(seed: u64, number: u64) -> u64 {
    spread(seed ^ number.wrapping_add(1).wrapping_mul(SPREAD_STEP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attempts_of_a_run_are_spans_of_one_trace() {
        let parts = |seed, attempt| -> Vec<String> {
            let parent = trace_parent(&trace_id(seed), seed, attempt);
            parent.split('-').map(str::to_owned).collect()
        };
        let (first, second, other) = (parts(7, 1), parts(7, 2), parts(8, 1));
        let lengths: Vec<usize> = first.iter().map(String::len).collect();
        assert_eq!(lengths, [2, 32, 16, 2]);
        assert_eq!((first[0].as_str(), first[3].as_str()), ("00", "01"));
        let hex = |part: &String| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(first.iter().all(hex), "{first:?}");
        assert_eq!(first[1], second[1]);
        assert_ne!(first[2], second[2]);
        assert_ne!(first[1], other[1]);
        assert_ne!(first[1][..16], first[1][16..]);
    }
}
