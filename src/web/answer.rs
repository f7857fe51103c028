//! Why a question has no answer, said as a page to people and as JSON to programs.

use std::fmt::Display;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tracing::warn;

use crate::store::ReadError;

/// How alike a name must be to be offered instead.
const ALIKE_MIN: f64 = 0.75;
/// Names offered instead, at most.
const OFFERED_MAX: usize = 3;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no such thing.
    Unknown {
        /// `job`, `dataset`, `job or dataset`, `run`, `incident` or `page`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// Known names that look like it.
        near: Vec<String>,
    },
    /// The query makes no sense; what to write instead.
    Query(String),
    /// One field of what was sent makes no sense; what to write instead.
    Field {
        /// Its name.
        name: &'static str,
        /// In one sentence.
        words: String,
    },
    /// The daemon does not answer, or says why not.
    Silent(String),
    /// The store, or a file, cannot be read; why, in words that name no path: whoever may look need not know where things lie.
    Unreadable(String),
    /// What was asked for is understood, and is not done; why.
    Refused(String),
    /// Whoever asks may not.
    Forbidden(String),
    /// Nobody knows who asks.
    LogIn,
    /// Name and password do not belong together.
    WrongPassword,
    /// Too many tries.
    TooMany {
        /// When another is taken.
        wait_seconds: u64,
    },
    /// It was there, and is no more; why.
    Gone(String),
    /// More comes with it than is read.
    TooLarge {
        /// So much is.
        bytes_max: usize,
    },
}

impl Trouble {
    /// That nothing bears this name, with those of `known` that look like it.
    pub(super) fn unknown<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let mut near: Vec<(f64, &str)> = known
            .map(|known| (strsim::jaro_winkler(name, known), known))
            .filter(|(alike, _)| *alike >= ALIKE_MIN)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.truncate(OFFERED_MAX);
        Self::Unknown {
            what,
            name: name.to_owned(),
            near: near.into_iter().map(|(_, known)| known.to_owned()).collect(),
        }
    }

    /// That something cannot be read; the log has the whole of it, which may name paths.
    pub(super) fn unreadable(error: &dyn Display) -> Self {
        warn!(%error, "what is recorded could not be read for a page or a program");
        Self::Unreadable("the log of freshd says why".to_owned())
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unknown { .. } => StatusCode::NOT_FOUND,
            Self::Query(_) | Self::Field { .. } => StatusCode::BAD_REQUEST,
            Self::Silent(_) | Self::Unreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::LogIn | Self::WrongPassword => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Gone(_) => StatusCode::GONE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// In one sentence.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unknown { what, name, .. } => format!("there is no {what} {name}"),
            Self::Query(words)
            | Self::Field { words, .. }
            | Self::Silent(words)
            | Self::Refused(words)
            | Self::Forbidden(words)
            | Self::Gone(words) => words.clone(),
            Self::LogIn => "log in, or show a token of [web.auth] as `Authorization: Bearer TOKEN`".to_owned(),
            Self::WrongPassword => "name and password do not belong together".to_owned(),
            Self::TooMany { wait_seconds } => format!("too many tries; the next one is taken in {wait_seconds} s"),
            Self::TooLarge { bytes_max } => format!("what comes with it is longer than {bytes_max} bytes: send less"),
            Self::Unreadable(why) => format!("what is recorded could not be read: {why}"),
        }
    }
}

impl Trouble {
    /// The field that is wrong, where it is one.
    pub(super) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Field { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The header that says when to come again.
    pub(super) fn retry_after(&self) -> Option<[(HeaderName, String); 1]> {
        match self {
            Self::TooMany { wait_seconds } => Some([(header::RETRY_AFTER, wait_seconds.to_string())]),
            _ => None,
        }
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged(_) => Self::Unreadable(error.to_string()),
            _ => Self::unreadable(&error),
        }
    }
}

/// For programs: `{error, near}`.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let near = match &self {
            Self::Unknown { near, .. } => near.as_slice(),
            _ => &[],
        };
        let how = matches!(self, Self::LogIn).then_some([(header::WWW_AUTHENTICATE, "Bearer realm=\"freshd\"")]);
        (self.status(), how, refusal_document(&self.words(), near)).into_response()
    }
}

/// What programs are told of every refusal: why, and known names that look like what was asked for.
pub(super) fn refusal_document(words: &str, near: &[String]) -> Response {
    document(&json!({ "error": words, "near": near }))
}

/// One JSON document.
pub(super) fn document(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest_known_ones() {
        let known = ["stock", "stock-export", "orders", "items"];
        let Trouble::Unknown { near, .. } = Trouble::unknown("dataset", "stok", known.into_iter()) else {
            panic!("it is unknown");
        };
        assert_eq!(near.first().map(String::as_str), Some("stock"));
        assert!(!near.contains(&"items".to_owned()), "{near:?}");
    }
}
