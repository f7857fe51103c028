//! Tries at sending a message, and how each ended.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NotificationId;

/// How one try at sending ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeliveryOutcome {
    /// The other side accepted it.
    Accepted,
    /// Try again later; `retry_after` in seconds where the other side said when.
    Temporary {
        /// What went wrong.
        error: String,
        /// Seconds to wait, as told by the other side.
        retry_after_seconds: Option<u64>,
    },
    /// Try again later, or as soon as its server answers anybody: this time it did not, so that nothing is known of the
    /// message or its address.
    Unreachable {
        /// What went wrong.
        error: String,
    },
    /// The other side will never accept it as it is.
    Permanent {
        /// What went wrong.
        error: String,
    },
    /// It cannot be sent as it is: nothing left this machine, so that nothing is known of the other side.
    Unsent {
        /// What went wrong.
        error: String,
    },
}

impl DeliveryOutcome {
    /// How long the other side asked to be left alone.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Temporary {
                retry_after_seconds, ..
            } => Duration::from_secs(retry_after_seconds.unwrap_or(0)),
            Self::Accepted | Self::Unreachable { .. } | Self::Permanent { .. } | Self::Unsent { .. } => Duration::ZERO,
        }
    }

    /// Whether its server did not answer at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether its server said anything, whatever that was.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Accepted | Self::Temporary { .. } | Self::Permanent { .. } => true,
            Self::Unreachable { .. } | Self::Unsent { .. } => false,
        }
    }

    /// What went wrong, unless it was accepted.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Accepted => None,
            Self::Temporary { error, .. }
            | Self::Unreachable { error }
            | Self::Permanent { error }
            | Self::Unsent { error } => Some(error),
        }
    }
}

/// One try at sending a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// The notification.
    pub notification: NotificationId,
    /// Which try, from 1.
    pub number: u32,
    /// When it ended.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// How.
    pub outcome: DeliveryOutcome,
}
