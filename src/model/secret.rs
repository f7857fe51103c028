//! A value that must never be printed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a secret to sign with begins with when base64 follows.
const ENCODED_PREFIX: &str = "whsec_";

/// A password, token or secret URL: resolved from a file, the environment or a systemd credential.
///
/// `Debug` hides it and it cannot be serialized, so that it reaches no log and no database.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that was just read.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The bytes to sign with, as Standard Webhooks write them: base64 behind `whsec_`, else the text itself. `None` where
    /// nothing can be decoded.
    pub fn signing_key(&self) -> Option<Vec<u8>> {
        let key = match self.0.strip_prefix(ENCODED_PREFIX) {
            Some(encoded) => STANDARD.decode(encoded.trim()).ok()?,
            None => self.0.as_bytes().to_vec(),
        };
        (!key.is_empty()).then_some(key)
    }

    /// Whether somebody knows it. How long that takes tells nothing of how much of it is right.
    pub fn is(&self, given: &str) -> bool {
        let differs = self
            .0
            .bytes()
            .zip(given.bytes())
            .fold(0, |sum, (own, given)| sum | (own ^ given));
        self.0.len() == given.len() && differs == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
