//! How little space is left, once it is too little for freshd to go on starting anything.

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format_bytes;

/// What the incident about a full disk is about.
pub const DISK: &str = "disk";

/// Too little is left where freshd records what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    /// The state directory, on the file system that is full.
    pub dir: PathBuf,
    /// Since when, as far as it was noticed.
    #[schemars(with = "super::Instant")]
    pub since: Timestamp,
    /// What is lacking.
    pub lack: Lack,
    /// How much of it is left for freshd: bytes, or files that can still be made.
    pub left: u64,
    /// How much must be left before anything is started again, in the same unit.
    pub needed: u64,
}

/// What a file system can run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Room for data, on the disk or by a quota.
    Bytes,
    /// Inodes.
    Files,
}

impl Shortage {
    /// What is lacking and where, in words.
    pub fn in_words(&self) -> String {
        let dir = self.dir.display();
        match self.lack {
            Lack::Bytes => format!(
                "the disk is full: {} are left at {dir}, and freshd needs {}",
                format_bytes(self.left),
                format_bytes(self.needed)
            ),
            Lack::Files => format!(
                "the disk is full: {} more files can be made at {dir}, and freshd needs {}",
                self.left, self.needed
            ),
        }
    }
}
