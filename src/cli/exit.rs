//! How freshd ends: the exit codes that scripts rely on, and failures with their words.

use std::io;
use std::process::ExitCode;

use crate::store::ReadError;

/// The exit codes of freshd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and all is well.
    Fine = 0,
    /// Something is not as it should be: data is stale, a run failed, a request was refused.
    NotFine = 1,
    /// Wrong usage or configuration. clap uses it too.
    Usage = 2,
    /// freshd is not reachable: it does not run there, or may not be spoken with.
    Unreachable = 3,
    /// A dataset is not fresh: `EX_TEMPFAIL`, so that whoever is guarded by a gate tries again later.
    NotFresh = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb could not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The code to end with.
    pub(super) exit: Exit,
    /// What went wrong and what to do; empty when there is nobody left to read it.
    pub(super) message: String,
}

impl Failure {
    /// Something is not as it should be.
    pub(super) fn not_fine(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::NotFine,
            message: message.into(),
        }
    }

    /// The caller should have asked differently.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    /// freshd cannot be asked.
    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Unreachable,
            message: message.into(),
        }
    }
}

/// Failures to print. Whoever closes the pipe early, as `head` does, has read enough.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                exit: Exit::Fine,
                message: String::new(),
            };
        }
        Self::not_fine(format!("cannot write the answer: {error}"))
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let message = error.to_string();
        match error {
            ReadError::NoDatabase { .. } | ReadError::NotReadable { .. } => Self::unreachable(message),
            ReadError::NotADatabase { .. } | ReadError::OtherLayout { .. } => Self::usage(message),
            ReadError::Damaged(_) | ReadError::Sqlite(_) => Self::not_fine(message),
        }
    }
}
