//! Where a version comes from, beside its run and its inputs: the trace, the script, the configuration, and what a person
//! decided about it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::VersionRef;

/// What made a version what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The file that a job's command names first, as it was when the attempt began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its content in hex; none when it was changed since the attempt began.
    pub sha256: Option<String>,
}

/// What a person decided about a version, on the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// What was decided.
    pub kind: HandKind,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
    /// When.
    pub at: Timestamp,
}

/// What a person can decide about a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            HandKind::Released => format!("released from quarantine by {by}: {because}"),
            HandKind::Restored(from) => format!("restored from {from} by {by}: {because}"),
        }
    }
}
