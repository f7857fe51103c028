//! Passwords: hashed by argon2id for jobs.toml, and checked on threads that give way to everything else, few at a time.

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{Semaphore, oneshot};

use crate::model::PasswordHash;

/// Memory in KiB, passes and lanes of new hashes: what OWASP asks for at least, twice as much memory.
const MEMORY_KIB: u32 = 38 << 10;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Characters of a new password.
const CHARS_MIN: usize = 12;
/// Bytes of any password.
pub(super) const BYTES_MAX: usize = 1_024;

/// Passwords that are checked at the same time. What is due has the rest of the machine.
const CHECKS_MAX: usize = 2;
/// Passwords that are checked or wait for that.
const WAITING_MAX: usize = 16;
/// Checks give way to everything else, jobs included.
const NICENESS: i32 = 19;
/// A check needs little stack; its memory is on the heap.
const STACK_BYTES: usize = 256 << 10;

const SALT_BYTES: usize = 16;

/// The hash of a new password, for the file that `[web.auth.users.NAME]` names.
///
/// # Errors
/// Says what is wrong with the password, or that the machine gives no chance.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < CHARS_MIN {
        return Err(format!(
            "the password has fewer than {CHARS_MIN} characters; some words in a row are easy to type"
        ));
    }
    if password.len() > BYTES_MAX {
        return Err(format!("the password is longer than {BYTES_MAX} bytes"));
    }
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    let hash: Result<Phc, _> =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Whether a password is the one of a hash.
fn is_right(hash: &PasswordHash, given: &str) -> bool {
    // The parameters are those of the hash.
    Phc::new(hash.reveal()).is_ok_and(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok())
}

/// Places for checks.
pub(super) struct Checking {
    waiting: Semaphore,
    checks: Semaphore,
}

/// Too many check at once.
#[derive(Debug)]
pub(super) struct Busy;

impl Checking {
    pub(super) fn new() -> Self {
        Self {
            waiting: Semaphore::new(WAITING_MAX),
            checks: Semaphore::new(CHECKS_MAX),
        }
    }

    /// Checks a password against the hash of its user. Of a user that nobody knows it is checked against the hash that
    /// takes longest, and is wrong: how long the answer takes does not tell whether there is one.
    pub(super) async fn is_right(
        &self,
        known: Option<&PasswordHash>,
        all: impl Iterator<Item = &PasswordHash>,
        given: String,
    ) -> Result<bool, Busy> {
        let _place = self.waiting.try_acquire().map_err(|_| Busy)?;
        let Some(hash) = known.or_else(|| all.max_by_key(|hash| hash.cost())).cloned() else {
            return Ok(false);
        };
        let is_known = known.is_some();
        let _turn = self.checks.acquire().await.map_err(|_| Busy)?;
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("web-password".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // Of this thread alone. Where it may not, it is checked all the same.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                let _ = tell.send(is_right(&hash, &given));
            });
        if thread.is_err() {
            return Err(Busy);
        }
        Ok(told.await.unwrap_or(false) && is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery staple";

    #[tokio::test]
    async fn a_password_is_right_for_its_own_hash_and_nobodys_is_right_for_an_unknown_name() {
        let printed = hash_password(PASSWORD).unwrap();
        assert_ne!(printed, hash_password(PASSWORD).unwrap(), "two users, one salt");
        let hash = PasswordHash::read(&printed).unwrap();
        let checking = Checking::new();
        let check = async |known: Option<&PasswordHash>, given: &str| {
            checking
                .is_right(known, [&hash].into_iter(), given.to_owned())
                .await
                .unwrap()
        };
        assert!(check(Some(&hash), PASSWORD).await);
        assert!(!check(Some(&hash), "correct horse battery staplE").await);
        assert!(!check(Some(&hash), "").await);
        // The very password of the hash that it is checked against instead.
        assert!(!check(None, PASSWORD).await);
    }

    #[tokio::test]
    async fn only_so_many_wait_that_nobody_waits_long() {
        let checking = Checking::new();
        let places: Vec<_> = std::iter::from_fn(|| checking.waiting.try_acquire().ok()).collect();
        assert_eq!(places.len(), WAITING_MAX);
        assert!(
            checking
                .is_right(None, std::iter::empty(), String::new())
                .await
                .is_err()
        );
        drop(places);
        assert!(checking.is_right(None, std::iter::empty(), String::new()).await.is_ok());
    }

    #[test]
    fn a_password_that_is_easily_guessed_is_refused() {
        assert!(hash_password("eleven char").is_err());
        assert!(hash_password("twelve chars").is_ok());
        assert!(hash_password(&"x".repeat(BYTES_MAX + 1)).is_err());
    }
}
