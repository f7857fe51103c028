//! The key of the state directory: by it freshd knows again what it once gave away, as the links in its messages.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::lock::FILE_MODE;
use crate::model::{AckOffer, Notification, NotificationId, Secret};

/// The key's file, within the state directory.
pub const KEY_FILE: &str = "freshd.key";

const KEY_BYTES: usize = 32;

/// Signs with HMAC-SHA-256 and 256 bits of chance, drawn once for each state directory.
///
/// It is no part of the database, so that a copy of the records can sign nothing. Without its file, another key is drawn:
/// then links that were sent before lead nowhere.
#[derive(Clone)]
pub struct SigningKey([u8; KEY_BYTES]);

impl SigningKey {
    /// Reads the key of a state directory, or draws one. Only the daemon that holds the directory's lock does so.
    ///
    /// # Errors
    /// Fails when the file cannot be read or written, or does not hold a key that only its owner can read.
    pub fn of(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(KEY_FILE);
        match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::draw(state_dir, &path),
            Err(error) => Err(error),
        }
    }

    fn read(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.mode() & 0o077 != 0 {
            return Err(io::Error::other("others can read it; remove it, and another is drawn"));
        }
        let mut key = Vec::with_capacity(KEY_BYTES);
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key)?;
        let key = key
            .try_into()
            .map_err(|_| io::Error::other("it holds no key; remove it, and another is drawn"))?;
        Ok(Self(key))
    }

    fn draw(state_dir: &Path, path: &Path) -> io::Result<Self> {
        let drawn = Self::fleeting()?;
        let fresh = path.with_extension("key.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&fresh)?;
        file.write_all(&drawn.0)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        File::open(state_dir)?.sync_all()?;
        Ok(drawn)
    }

    /// A key that nobody keeps.
    ///
    /// # Errors
    /// Fails when the machine gives no chance.
    pub fn fleeting() -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self(key))
    }

    /// A signature of these words, for this purpose and no other.
    pub fn sign(&self, purpose: &str, words: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, words).finalize().into_bytes())
    }

    /// Whether that is the signature of these words. How long that takes tells nothing of how much of it is right.
    pub fn has_signed(&self, purpose: &str, words: &[&str], signature: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(signature);
        given.is_ok_and(|given| self.mac(purpose, words).verify_slice(&given).is_ok())
    }

    /// What stands behind `/ack/` in the link by which a message offers its incident, and takes that on.
    pub fn ack_token(&self, offer: &AckOffer) -> Secret {
        let signature = self.sign(ACK, &Words::of(offer).each());
        Secret::new(format!("{}-{signature}", offer.message))
    }

    /// Whether this is the signature of that notification's link.
    pub fn is_ack_of(&self, notification: &Notification, signature: &str) -> bool {
        AckOffer::of(notification).is_some_and(|offer| self.has_signed(ACK, &Words::of(&offer).each(), signature))
    }

    /// Each word goes in with its length before it, so that no two lists of words look alike.
    fn mac(&self, purpose: &str, words: &[&str]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        for word in std::iter::once(&purpose).chain(words) {
            mac.update(&(word.len() as u64).to_be_bytes());
            mac.update(word.as_bytes());
        }
        mac
    }
}

/// The purpose of links out of messages.
const ACK: &str = "ack";

/// What such a link is about: this incident, told to this address by this message, written then. When a notification was
/// stored is no part of that: an operator who confirms the clock moves it, and a link that was received goes on to work.
struct Words([String; 4]);

impl Words {
    fn of(offer: &AckOffer) -> Self {
        Self([
            offer.message.to_string(),
            offer.incident.to_string(),
            offer.address.to_string(),
            offer.written_at.as_microsecond().to_string(),
        ])
    }

    fn each(&self) -> [&str; 4] {
        self.0.each_ref().map(String::as_str)
    }
}

/// Takes the token of a link apart: the notification it is of, and its signature.
pub fn ack_token_parts(token: &str) -> Option<(NotificationId, &str)> {
    let (written, signature) = token.split_once('-')?;
    let id: u64 = written.parse().ok()?;
    // One link has one spelling: `02`, `+2` and the like are none of ours.
    (id.to_string() == written).then_some((NotificationId(id), signature))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_drawn_once_for_each_directory_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = SigningKey::of(dir.path()).unwrap();
        let again = SigningKey::of(dir.path()).unwrap();
        assert_eq!(first.0, again.0);
        let path = dir.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let other = SigningKey::of(tempfile::tempdir().unwrap().path()).unwrap();
        assert_ne!(first.0, other.0);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(SigningKey::of(dir.path()).is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(SigningKey::of(dir.path()).is_err());
    }

    #[test]
    fn a_signature_holds_for_its_words_its_purpose_and_its_key_alone() {
        let key = SigningKey([7; KEY_BYTES]);
        let signature = key.sign("ack", &["1", "23"]);
        assert!(key.has_signed("ack", &["1", "23"], &signature));
        assert!(!key.has_signed("ack", &["12", "3"], &signature));
        assert!(!key.has_signed("device", &["1", "23"], &signature));
        assert!(!SigningKey([8; KEY_BYTES]).has_signed("ack", &["1", "23"], &signature));
        for at in 0..signature.len() {
            let mut tampered = signature.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            assert!(!key.has_signed("ack", &["1", "23"], &tampered), "{at}");
        }
        for short in ["", "A", &signature[..20]] {
            assert!(!key.has_signed("ack", &["1", "23"], short));
        }
    }
}
