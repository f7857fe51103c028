//! Pings: what a script that runs elsewhere says of a dataset that freshd only watches.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Name;

/// Characters of what came with a ping that are kept: the last ones, since the end says why something failed.
pub const PING_TEXT_MAX: usize = 10_000;

/// Where an observation says that it comes from, when nobody looked but a script has spoken.
pub const PINGED: &str = "ping";

/// Characters of the name by which a script tells its runs apart.
pub const PING_RUN_MAX: usize = 64;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PingKind {
    /// It has begun. Nothing has arrived yet.
    Start,
    /// It has ended well: a version has arrived.
    Success,
    /// It has failed.
    Fail,
    /// A note, for the record only.
    Log,
}

impl PingKind {
    /// The word in JSON, SQL and addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Success => "success",
            Self::Fail => "fail",
            Self::Log => "log",
        }
    }
}

/// What stands behind a key: nothing, `start`, `fail`, `log`, or the exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingWord {
    /// What is said.
    pub kind: PingKind,
    /// The exit status, where that is how it was said.
    pub exit_status: Option<u8>,
}

impl PingWord {
    /// Reads it; `None` when it is none of these.
    pub fn read(word: &str) -> Option<Self> {
        let kind = match word {
            "" | "success" => PingKind::Success,
            "start" => PingKind::Start,
            "fail" => PingKind::Fail,
            "log" => PingKind::Log,
            number => {
                let exit_status: u8 = number.parse().ok()?;
                let kind = if exit_status == 0 {
                    PingKind::Success
                } else {
                    PingKind::Fail
                };
                let exit_status = Some(exit_status);
                return Some(Self { kind, exit_status });
            }
        };
        let exit_status = None;
        Some(Self { kind, exit_status })
    }
}

/// One ping, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The dataset whose key it was.
    pub dataset: Name,
    /// When it came.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub word: PingWord,
    /// By what its sender tells its runs apart, where it does.
    pub rid: Option<String>,
    /// What came with it, at most `PING_TEXT_MAX` characters.
    pub text: String,
}

/// What an event of `OpenLineage` says of datasets that a run elsewhere makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageWord {
    /// What became of the run.
    pub kind: PingKind,
    /// The run, as its own system calls it.
    pub run: String,
    /// When it was so, by the clock of that system.
    pub at: Timestamp,
    /// Names of datasets that it makes.
    pub makes: Vec<Name>,
    /// Names of datasets that it has read.
    pub reads: Vec<Name>,
    /// Which job it was, and what it says of its failure.
    pub text: String,
}

/// Whether this can tell runs apart: letters, digits and hyphens, as in a UUID.
pub fn is_ping_run(rid: &str) -> bool {
    (1..=PING_RUN_MAX).contains(&rid.len()) && rid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_status_says_how_it_ended() {
        let said = |word| PingWord::read(word).map(|read| (read.kind, read.exit_status));
        assert_eq!(said(""), Some((PingKind::Success, None)));
        assert_eq!(said("0"), Some((PingKind::Success, Some(0))));
        assert_eq!(said("3"), Some((PingKind::Fail, Some(3))));
        assert_eq!(said("fail"), Some((PingKind::Fail, None)));
        for nonsense in ["256", "-1", "Start", "start/", "1e1"] {
            assert_eq!(said(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn runs_are_told_apart_by_what_cannot_be_anything_else() {
        assert!(is_ping_run("123e4567-e89b-12d3-a456-426614174000"));
        for bad in ["", "a b", "<b>", &"x".repeat(65)] {
            assert!(!is_ping_run(bad), "{bad}");
        }
    }
}
