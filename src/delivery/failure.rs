//! Why a try at sending failed, in words for the operator, and whether another try can help.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use crate::model::DeliveryOutcome;

/// A try that did not end in acceptance.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Another try may succeed.
    Temporary {
        /// What went wrong.
        error: String,
        /// Seconds to wait, as told by the other side.
        retry_after_seconds: Option<u64>,
    },
    /// Another try may succeed: this one met nobody who answered.
    Unreachable {
        /// What went wrong.
        error: String,
    },
    /// No other try will.
    Permanent {
        /// What went wrong.
        error: String,
    },
    /// No other try will, and nothing left this machine: that says nothing of the other side.
    Unsent {
        /// What went wrong.
        error: String,
    },
    /// No other try will, with this message or any other: the other side asks to be left alone.
    Gone {
        /// What went wrong.
        error: String,
    },
}

impl Failure {
    /// Worth another try.
    pub(super) fn temporary(error: impl Into<String>) -> Self {
        Self::temporary_until(error, None)
    }

    /// Worth another try, after the time that the other side asked for.
    pub(super) fn temporary_until(error: impl Into<String>, retry_after_seconds: Option<u64>) -> Self {
        Self::Temporary {
            error: error.into(),
            retry_after_seconds,
        }
    }

    /// Worth another try, as soon as the other side answers anybody.
    pub(super) fn unreachable(error: impl Into<String>) -> Self {
        Self::Unreachable { error: error.into() }
    }

    /// Not worth another try.
    pub(super) fn permanent(error: impl Into<String>) -> Self {
        Self::Permanent { error: error.into() }
    }

    /// Not worth another try: it cannot be sent as it is, and nothing left this machine.
    pub(super) fn unsent(error: impl Into<String>) -> Self {
        Self::Unsent { error: error.into() }
    }

    /// Not worth another try, nor is any other message.
    pub(super) fn gone(error: impl Into<String>) -> Self {
        Self::Gone { error: error.into() }
    }

    /// The same with what went wrong in other words.
    pub(super) fn reworded(mut self, reword: impl FnOnce(String) -> String) -> Self {
        let (Self::Temporary { error, .. }
        | Self::Unreachable { error }
        | Self::Permanent { error }
        | Self::Unsent { error }
        | Self::Gone { error }) = &mut self;
        *error = reword(std::mem::take(error));
        self
    }
}

impl From<Failure> for DeliveryOutcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Temporary {
                error,
                retry_after_seconds,
            } => Self::Temporary {
                error,
                retry_after_seconds,
            },
            Failure::Unreachable { error } => Self::Unreachable { error },
            Failure::Unsent { error } => Self::Unsent { error },
            Failure::Permanent { error } | Failure::Gone { error } => Self::Permanent { error },
        }
    }
}

/// The innermost cause of an error, which says most; trouble with certificates in plain words.
pub(super) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    loop {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return explain_tls(tls);
        }
        if let Some(error) = current.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::UnexpectedEof
        {
            return "it closed the connection before it had answered".to_owned();
        }
        match cause(current) {
            Some(inner) => current = inner,
            None => return current.to_string(),
        }
    }
}

/// As `source`, but sees what an `io::Error` wraps, which its own `source` passes over.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(wrapping) = error.downcast_ref::<io::Error>()
        && let Some(inner) = wrapping.get_ref()
    {
        return Some(inner);
    }
    error.source()
}

fn explain_tls(error: &rustls::Error) -> String {
    use CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return format!("TLS: {error}");
    };
    match certificate {
        Certificate::Expired | Certificate::ExpiredContext { .. } => "its certificate has expired".into(),
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check both clocks".into()
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "its certificate is made out to another name".into()
        }
        Certificate::UnknownIssuer => {
            "its certificate is signed by an authority that is not trusted here; name its PEM file with `ca`".into()
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_a_certificate_is_found_inside_an_io_error() {
        let inner = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let outer = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner));
        assert_eq!(explain(&outer), "its certificate has expired");
    }

    #[test]
    fn an_end_in_the_middle_is_told_in_plain_words() {
        let end = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "peer closed connection: https://docs.example",
        );
        assert_eq!(
            explain(&io::Error::other(end)),
            "it closed the connection before it had answered"
        );
    }
}
