//! Passwords: hashed by argon2id for jobs.toml, and checked on threads that give way to everything else, few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use crate::model::PasswordHash;

/// Memory in KiB, passes and lanes of new hashes: what OWASP asks for at least, twice as much memory.
const MEMORY_KIB: u32 = 38 << 10;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Characters of a new password.
const CHARS_MIN: usize = 12;
/// Bytes of any password.
pub(super) const BYTES_MAX: usize = 1_024;

/// Tries of one lane that are checked or wait for that. A lane checks one at a time: what is due has the rest of the machine.
const WAITING_MAX: usize = 8;
/// A try from a browser that is not known, and that is not let in, is answered after so long: by then a lane has checked
/// all that may wait in it, and the time tells nothing of names.
const ANSWERED_AFTER: Duration = Duration::from_secs(1);
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

/// Where passwords are checked: lanes that do not wait for one another, so that a crowd that guesses keeps nobody out who
/// comes with a browser that has logged in before, or with a name that there is.
///
/// Nobody learns by that which names there are. Whoever is not let in is answered after the same time in either lane of the
/// unknown browsers, and in the same words: while as many try as fit into one lane, all of them are told that too many do,
/// whether their password was checked or not.
pub(super) struct Checking {
    known_browsers: Lane,
    names: Lane,
    made_up_names: Lane,
    /// Tries from browsers that are not known, in both of their lanes.
    unknown_browsers: Arc<()>,
}

/// Too many check at once.
#[derive(Debug)]
pub(super) struct Busy;

impl Checking {
    pub(super) fn new() -> Self {
        Self {
            known_browsers: Lane::new(),
            names: Lane::new(),
            made_up_names: Lane::new(),
            unknown_browsers: Arc::new(()),
        }
    }

    /// Checks a password against the hash of its user, who is on a browser that has logged in before.
    pub(super) async fn of_known_browser(&self, hash: &PasswordHash, given: String) -> Result<bool, Busy> {
        self.known_browsers.is_right(hash.clone(), given).await
    }

    /// Checks a password against the hash of its user, `None` where there is none of that name. Then it is checked against
    /// the hash that takes longest, and is wrong.
    pub(super) async fn of_unknown_browser(
        &self,
        hash: Option<&PasswordHash>,
        all: impl Iterator<Item = &PasswordHash>,
        given: String,
    ) -> Result<bool, Busy> {
        let answered_at = Instant::now() + ANSWERED_AFTER;
        let _one_more = self.unknown_browsers.clone();
        // All clones but its own.
        let is_crowded = Arc::strong_count(&self.unknown_browsers) - 1 > WAITING_MAX;
        let lane = if hash.is_some() {
            &self.names
        } else {
            &self.made_up_names
        };
        let checked = match hash.or_else(|| all.max_by_key(|hash| hash.cost())).cloned() {
            // A machine that is busy takes longer than that, and lets in whoever is right all the same.
            Some(hash) => lane.is_right(hash, given).await,
            None => Ok(false),
        };
        if matches!(checked, Ok(true)) && hash.is_some() {
            return Ok(true);
        }
        tokio::time::sleep_until(answered_at).await;
        match checked {
            Ok(_) if !is_crowded => Ok(false),
            _ => Err(Busy),
        }
    }
}

/// One check at a time, and a few that wait for it.
struct Lane {
    waiting: Semaphore,
    turn: Arc<Semaphore>,
}

impl Lane {
    fn new() -> Self {
        Self {
            waiting: Semaphore::new(WAITING_MAX),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    async fn is_right(&self, hash: PasswordHash, given: String) -> Result<bool, Busy> {
        let _place = self.waiting.try_acquire().map_err(|_| Busy)?;
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| Busy)?;
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("web-password".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // Of this thread alone. Where it may not, it is checked all the same.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                let _ = tell.send(is_right(&hash, &given));
                // Only now: whoever went away meanwhile has not ended the check.
                drop(turn);
            });
        if thread.is_err() {
            return Err(Busy);
        }
        Ok(told.await.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery staple";

    fn hash() -> PasswordHash {
        PasswordHash::read(&hash_password(PASSWORD).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_right_for_its_own_hash_and_nobodys_is_right_for_an_unknown_name() {
        let printed = hash_password(PASSWORD).unwrap();
        assert_ne!(printed, hash_password(PASSWORD).unwrap(), "two users, one salt");
        let hash = PasswordHash::read(&printed).unwrap();
        let checking = Checking::new();
        let check = async |known: Option<&PasswordHash>, given: &str| {
            checking
                .of_unknown_browser(known, [&hash].into_iter(), given.to_owned())
                .await
                .unwrap()
        };
        assert!(check(Some(&hash), PASSWORD).await);
        assert!(!check(Some(&hash), "correct horse battery staplE").await);
        assert!(!check(Some(&hash), "").await);
        // The very password of the hash that it is checked against instead.
        assert!(!check(None, PASSWORD).await);
        assert!(checking.of_known_browser(&hash, PASSWORD.to_owned()).await.unwrap());
        assert!(!checking.of_known_browser(&hash, "another".to_owned()).await.unwrap());
    }

    /// A crowd that guesses at names that there are not, as many as may.
    fn crowd(checking: &Arc<Checking>, hash: &PasswordHash) -> Vec<tokio::task::JoinHandle<Result<bool, Busy>>> {
        let one = |_| {
            let (checking, hash) = (checking.clone(), hash.clone());
            tokio::spawn(async move {
                let guess = "guess".to_owned();
                checking.of_unknown_browser(None, [&hash].into_iter(), guess).await
            })
        };
        (0..4 * WAITING_MAX).map(one).collect()
    }

    #[tokio::test]
    async fn a_crowd_with_made_up_names_keeps_out_neither_a_known_browser_nor_a_name_that_there_is() {
        let (checking, hash) = (Arc::new(Checking::new()), hash());
        let crowd = crowd(&checking, &hash);
        tokio::task::yield_now().await;
        assert!(
            checking.made_up_names.waiting.try_acquire().is_err(),
            "its lane is full"
        );
        assert!(checking.of_known_browser(&hash, PASSWORD.to_owned()).await.unwrap());
        let right = checking.of_unknown_browser(Some(&hash), [&hash].into_iter(), PASSWORD.to_owned());
        assert!(right.await.unwrap());
        for guess in crowd {
            assert!(matches!(guess.await.unwrap(), Ok(false) | Err(Busy)));
        }
    }

    #[tokio::test]
    async fn what_a_crowd_is_told_and_when_is_the_same_for_names_that_there_are_and_are_not() {
        let (checking, hash) = (Arc::new(Checking::new()), hash());
        for is_crowded in [false, true] {
            let _crowd = is_crowded.then(|| crowd(&checking, &hash));
            tokio::task::yield_now().await;
            let ask = async |known: Option<&PasswordHash>| {
                let begun = Instant::now();
                let answer = checking.of_unknown_browser(known, [&hash].into_iter(), "guess".to_owned());
                let is_busy = answer.await.is_err();
                (is_busy, begun.elapsed())
            };
            let ((there_is, after), (there_is_not, other_after)) = tokio::join!(ask(Some(&hash)), ask(None));
            assert_eq!((there_is, there_is_not), (is_crowded, is_crowded));
            assert!(
                after >= ANSWERED_AFTER && other_after >= ANSWERED_AFTER,
                "{after:?} {other_after:?}"
            );
        }
    }

    #[tokio::test]
    async fn whoever_goes_away_does_not_make_place_for_a_further_check_beside_the_one_that_goes_on() {
        let (lane, hash) = (Lane::new(), hash());
        let gone = lane.is_right(hash, PASSWORD.to_owned());
        let at_once = tokio::time::timeout(Duration::ZERO, gone).await;
        assert!(at_once.is_err(), "it was checked within no time");
        assert_eq!(lane.turn.available_permits(), 0);
        let _turn = lane.turn.acquire().await.unwrap();
    }

    #[test]
    fn a_password_that_is_easily_guessed_is_refused() {
        assert!(hash_password("eleven char").is_err());
        assert!(hash_password("twelve chars").is_ok());
        assert!(hash_password(&"x".repeat(BYTES_MAX + 1)).is_err());
    }
}
