//! Who is logged in. What is kept of a session knows nobody by itself: digests, in memory and in a file that outlives a
//! restart of freshd and not one of the machine.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::session_file::{SessionFile, Written};
use crate::model::{Auth, Name, PasswordHash, User};

/// Sessions at the same time; where one more comes, the one that was not used for longest ends.
const SESSIONS_MAX: usize = 1_000;
/// The same of one user, who can then push out nobody else.
const OF_ONE_USER_MAX: usize = 20;

const ID_BYTES: usize = 32;

/// Says who carries a session: 256 bits of chance, and what the browser keeps.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SessionId(String);

impl SessionId {
    /// What a browser has sent; it may be anything.
    pub(super) fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// Only the digest is kept, and looked up: how long that takes tells nothing of an id.
    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// What an action has come to, for the page that is shown next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) words: String,
    pub(super) is_refusal: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Session {
    user: Name,
    /// Of that by which the password was known when it began: another one ends it.
    password: [u8; 32],
    begun: Duration,
    used: Duration,
    #[serde(skip)]
    said: Option<Said>,
}

/// Sessions by the digest of their id.
pub(super) type ByDigest = HashMap<[u8; 32], Session>;

fn digest_of(password: &PasswordHash) -> [u8; 32] {
    Sha256::digest(password.reveal().as_bytes()).into()
}

impl Session {
    /// Its user as configured now, unless it is over.
    fn user<'a>(&self, auth: &'a Auth, now: Duration) -> Option<&'a User> {
        let user = auth.users.get(&self.user)?;
        let is_over = now.saturating_sub(self.begun) >= auth.longest || now.saturating_sub(self.used) >= auth.idle;
        (!is_over && digest_of(&user.password) == self.password).then_some(user)
    }
}

/// How old the file's word on when a session was used may be.
const WRITTEN_EVERY: Duration = Duration::from_mins(5);

/// All sessions. Times count from when the machine was started.
#[derive(Default)]
pub(super) struct Sessions {
    all: ByDigest,
    file: Option<SessionFile>,
    written_at: Duration,
    /// Moves on when any has ended.
    ended: watch::Sender<()>,
}

impl Sessions {
    /// Those that the file still knows, and all that begin.
    pub(super) fn kept_in(file: SessionFile) -> Self {
        Self {
            all: file.read(),
            file: Some(file),
            ..Self::default()
        }
    }

    /// Moves on when one has ended before its time was over: whoever still tells its browser something looks again whether
    /// that is to be told.
    pub(super) fn ended(&self) -> watch::Receiver<()> {
        self.ended.subscribe()
    }

    /// Has what there is now written by another thread: nobody waits for a disk under the lock that every request takes.
    fn write(&mut self, now: Duration) {
        self.written_at = now;
        if let Some(file) = &self.file {
            file.write(&self.all);
        }
    }

    /// Tells when all that was changed until now is in the file.
    pub(super) fn written(&self) -> Written {
        self.file.as_ref().map_or_else(Written::at_once, SessionFile::written)
    }

    /// Begins one for a user whose password was just found right, in the stead of the one that the browser came with.
    pub(super) fn begin(
        &mut self,
        (user, password): (Name, PasswordHash),
        before: Option<&SessionId>,
        auth: &Auth,
        now: Duration,
    ) -> Result<SessionId, getrandom::Error> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes)?;
        let id = SessionId(URL_SAFE_NO_PAD.encode(bytes));
        if let Some(before) = before {
            self.all.remove(&before.digest());
        }
        self.all.retain(|_, session| session.user(auth, now).is_some());
        if self.all.values().filter(|session| session.user == user).count() >= OF_ONE_USER_MAX {
            self.end_oldest(|session| session.user == user);
        }
        if self.all.len() >= SESSIONS_MAX {
            self.end_oldest(|_| true);
        }
        let session = Session {
            user,
            password: digest_of(&password),
            begun: now,
            used: now,
            said: None,
        };
        self.all.insert(id.digest(), session);
        self.ended.send_replace(());
        self.write(now);
        Ok(id)
    }

    /// Whose it is, by the configuration of now. Only a visit by a person keeps it alive: an open page that fetches itself
    /// is none.
    pub(super) fn find<'a>(
        &mut self,
        id: &SessionId,
        auth: &'a Auth,
        now: Duration,
        is_visit: bool,
    ) -> Option<(Name, &'a User)> {
        let digest = id.digest();
        let session = self.all.get_mut(&digest)?;
        let Some(user) = session.user(auth, now) else {
            self.all.remove(&digest);
            self.ended.send_replace(());
            // Now, and not with the next one: it would be back after a restart, should its user get back what ended it.
            self.write(now);
            return None;
        };
        if is_visit {
            session.used = now;
        }
        let found = (session.user.clone(), user);
        if now.saturating_sub(self.written_at) >= WRITTEN_EVERY {
            self.write(now);
        }
        Some(found)
    }

    /// Ends, for good, those whose user is no more or has another password by the configuration of now; how many those
    /// were. Without this one that nobody uses meanwhile would come back with its user.
    pub(super) fn end_strangers(&mut self, auth: Option<&Auth>, now: Duration) -> usize {
        let before = self.all.len();
        self.all
            .retain(|_, session| auth.is_some_and(|auth| session.user(auth, now).is_some()));
        let ended = before - self.all.len();
        if ended > 0 {
            self.ended.send_replace(());
            self.write(now);
        }
        ended
    }

    pub(super) fn end(&mut self, id: &SessionId) {
        self.all.remove(&id.digest());
        self.ended.send_replace(());
        self.write(self.written_at);
    }

    /// Keeps what an action has come to until its page is shown.
    pub(super) fn say(&mut self, id: &SessionId, said: Said) {
        if let Some(session) = self.all.get_mut(&id.digest()) {
            session.said = Some(said);
        }
    }

    /// What was kept, once.
    pub(super) fn take_said(&mut self, id: &SessionId) -> Option<Said> {
        self.all.get_mut(&id.digest())?.said.take()
    }

    fn end_oldest(&mut self, of: impl Fn(&Session) -> bool) {
        let those = self.all.iter().filter(|(_, session)| of(session));
        let oldest = those.min_by_key(|(_, session)| session.used).map(|(digest, _)| *digest);
        if let Some(oldest) = oldest {
            self.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Scope;

    const HOUR: Duration = Duration::from_hours(1);

    fn password(salt: char) -> PasswordHash {
        let salt = salt.to_string().repeat(22);
        let hash = "A".repeat(43);
        PasswordHash::read(&format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}")).unwrap()
    }

    fn auth(salt: char) -> Auth {
        let user = || User {
            password: password(salt),
            scope: Scope::View,
        };
        Auth {
            users: BTreeMap::from([("kari".into(), user()), ("olav".into(), user())]),
            tokens: BTreeMap::new(),
            idle: 12 * HOUR,
            longest: 7 * 24 * HOUR,
        }
    }

    fn begin(sessions: &mut Sessions, user: &str, now: Duration) -> SessionId {
        let user = (user.into(), password('A'));
        sessions.begin(user, None, &auth('A'), now).unwrap()
    }

    fn lives(sessions: &mut Sessions, id: &SessionId, now: Duration) -> bool {
        sessions.find(id, &auth('A'), now, false).is_some()
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_when_it_has_lasted_long_enough() {
        let mut sessions = Sessions::default();
        let id = begin(&mut sessions, "kari", HOUR);
        assert!(lives(&mut sessions, &id, 12 * HOUR));
        assert!(
            !lives(&mut sessions, &id, 13 * HOUR),
            "looks of an open page kept it alive"
        );
        let id = begin(&mut sessions, "kari", Duration::ZERO);
        for hours in 0..7 * 24 {
            assert!(sessions.find(&id, &auth('A'), hours * HOUR, true).is_some(), "{hours}");
        }
        assert!(!lives(&mut sessions, &id, 7 * 24 * HOUR));
    }

    #[test]
    fn another_password_ends_all_sessions_of_a_user_and_so_does_a_user_that_is_gone() {
        let mut sessions = Sessions::default();
        let id = begin(&mut sessions, "kari", HOUR);
        assert!(sessions.find(&id, &auth('Q'), HOUR, true).is_none());
        let id = begin(&mut sessions, "kari", HOUR);
        let mut others = auth('A');
        others.users.remove("kari");
        assert!(sessions.find(&id, &others, HOUR, true).is_none());
        assert!(!lives(&mut sessions, &id, HOUR), "it came back with the user");
    }

    #[test]
    fn a_session_that_nobody_uses_meanwhile_does_not_come_back_with_its_user_or_password() {
        let mut sessions = Sessions::default();
        let mut others = auth('A');
        others.users.remove("kari");
        for between in [Some(auth('Q')), Some(others), None] {
            let id = begin(&mut sessions, "kari", HOUR);
            assert_eq!(sessions.end_strangers(Some(&auth('A')), HOUR), 0);
            assert_eq!(sessions.end_strangers(between.as_ref(), HOUR), 1);
            assert!(!lives(&mut sessions, &id, HOUR), "{between:?}");
        }
    }

    #[tokio::test]
    async fn a_session_that_ended_does_not_come_back_after_a_restart_however_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let restarted = || Sessions::kept_in(SessionFile::of(dir.path()).unwrap());
        let mut sessions = restarted();
        let (stays, logs_out, replaced, expires, changed) = (
            begin(&mut sessions, "olav", 12 * HOUR),
            begin(&mut sessions, "kari", 12 * HOUR),
            begin(&mut sessions, "kari", 12 * HOUR),
            begin(&mut sessions, "kari", HOUR),
            begin(&mut sessions, "kari", 12 * HOUR),
        );
        sessions.end(&logs_out);
        let user = ("kari".into(), password('A'));
        let next = sessions.begin(user, Some(&replaced), &auth('A'), 12 * HOUR).unwrap();
        sessions.written().wait().await;
        for (ends, auth) in [(&expires, auth('A')), (&changed, auth('Q'))] {
            assert!(sessions.find(ends, &auth, 13 * HOUR, true).is_none());
            sessions.written().wait().await;
        }
        let mut again = restarted();
        let patient = Auth {
            idle: 99 * HOUR,
            ..auth('A')
        };
        let mut lives = |id: &SessionId| again.find(id, &patient, 13 * HOUR, false).is_some();
        assert!(lives(&stays) && lives(&next));
        for ended in [logs_out, replaced, expires, changed] {
            assert!(!lives(&ended), "it came back");
        }
    }

    #[test]
    fn whoever_logs_in_again_and_again_pushes_out_nobody_else() {
        let mut sessions = Sessions::default();
        let other = begin(&mut sessions, "olav", Duration::ZERO);
        let first = begin(&mut sessions, "kari", Duration::ZERO);
        let last: Vec<_> = (1..=20)
            .map(|second| begin(&mut sessions, "kari", Duration::from_secs(second)))
            .collect();
        assert!(lives(&mut sessions, &other, HOUR));
        assert!(!lives(&mut sessions, &first, HOUR));
        assert!(last.iter().all(|id| lives(&mut sessions, id, HOUR)));
    }

    #[test]
    fn ids_differ_and_what_was_said_is_said_once() {
        let mut sessions = Sessions::default();
        let (one, other) = (begin(&mut sessions, "kari", HOUR), begin(&mut sessions, "kari", HOUR));
        assert!(one != other && one.reveal().len() == 43);
        assert!(!lives(&mut sessions, &SessionId::given("guess"), HOUR));
        let said = Said {
            words: "done".to_owned(),
            is_refusal: false,
        };
        sessions.say(&one, said.clone());
        assert_eq!(sessions.take_said(&other), None);
        assert_eq!(sessions.take_said(&one), Some(said));
        assert_eq!(sessions.take_said(&one), None);
        sessions.end(&one);
        assert!(!lives(&mut sessions, &one, HOUR) && lives(&mut sessions, &other, HOUR));
    }
}
