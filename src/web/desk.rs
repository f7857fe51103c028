//! What answers are made from: the daemon's status, at most a second old, the configuration, and readers of the store.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::answer::Trouble;
use super::flow::Flow;
use super::lineage_events::ToldOf;
use super::login_state::LoginState;
use super::status_text::StatusText;
use super::streams::Streams;
use super::successes::Successes;
use super::threads::{Threads, Work};
use super::watching::Watching;
use super::{Ask, Outlook, Planner, Resend};
use crate::lineage::Lineage;
use crate::model::{AttemptId, Name, NotificationId, Plan, Reply, Request, Settings, Status};
use crate::store::{ReadError, Reader};

/// How long the daemon may take to answer before it counts as hanging.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// A status is shown to everybody for so long: however many look, the main loop tells it once a second.
const STATUS_LIFE: Duration = Duration::from_secs(1);
/// Questions about one name that may wait for the main loop at the same time.
const ASKING_MAX: usize = 4;
/// Pings that may wait to be stored at the same time.
const TELLING_MAX: usize = 64;
/// Actions that may wait to be stored at the same time.
const ACTING_MAX: usize = 16;
/// In whose name the window itself asks.
const WINDOW: &str = "web";

/// What is computed from a configuration alone, and of which it is.
type Of<T> = Option<(Arc<Settings>, Arc<T>)>;

/// Keeps it as long as that configuration is in force.
struct PerSettings<T>(Arc<tokio::sync::Mutex<Of<T>>>);

impl<T> Default for PerSettings<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// The state of everything, as the daemon said it.
pub(super) struct Known {
    /// The document of `freshd status --json`.
    pub(super) document: StatusText,
    /// The same, read.
    pub(super) status: Status,
}

/// What every route works with.
pub(super) struct Desk {
    ask: Ask,
    resend: Resend,
    settings: watch::Receiver<Arc<Settings>>,
    changes: watch::Receiver<u64>,
    state_dir: PathBuf,
    planner: Planner,
    known: tokio::sync::Mutex<Option<(Instant, Arc<Known>)>>,
    asking: Semaphore,
    threads: Threads,
    telling: Semaphore,
    acting: Semaphore,
    readers: Mutex<Vec<Reader>>,
    unreadable: Mutex<HashSet<AttemptId>>,
    lineage: PerSettings<Lineage>,
    flow: PerSettings<Flow>,
    told_of: PerSettings<ToldOf>,
    streams: Streams,
    watching: Watching,
    successes: Successes,
    logins: LoginState,
}

impl Desk {
    pub(super) fn new(outlook: Outlook, logins: LoginState) -> Self {
        Self {
            ask: outlook.ask,
            resend: outlook.resend,
            settings: outlook.settings,
            changes: outlook.changes,
            state_dir: outlook.state_dir,
            planner: outlook.plan,
            known: tokio::sync::Mutex::new(None),
            asking: Semaphore::new(ASKING_MAX),
            threads: Threads::new(),
            telling: Semaphore::new(TELLING_MAX),
            acting: Semaphore::new(ACTING_MAX),
            readers: Mutex::new(Vec::new()),
            unreadable: Mutex::default(),
            lineage: PerSettings::default(),
            flow: PerSettings::default(),
            told_of: PerSettings::default(),
            streams: Streams::default(),
            watching: Watching::default(),
            successes: Successes::default(),
            logins,
        }
    }

    /// What logins need to remember.
    pub(super) fn login_state(&self) -> &LoginState {
        &self.logins
    }

    /// The configuration in force.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// The configuration in force, and each that comes after it.
    pub(super) fn settings_to_come(&self) -> watch::Receiver<Arc<Settings>> {
        self.settings.clone()
    }

    /// Who feeds whom in the configuration in force; built once for each, on a thread that computes.
    pub(super) async fn lineage(&self) -> Result<Arc<Lineage>, Trouble> {
        self.of_settings(&self.lineage, Lineage::new).await
    }

    /// The map of the configuration in force; laid out once for each, on a thread that computes.
    pub(super) async fn flow(&self) -> Result<Arc<Flow>, Trouble> {
        self.of_settings(&self.flow, Flow::of).await
    }

    /// The datasets of which events of `OpenLineage` tell; gathered once for each configuration, on a thread that computes.
    pub(super) async fn told_of(&self) -> Result<Arc<ToldOf>, Trouble> {
        self.of_settings(&self.told_of, ToldOf::new).await
    }

    async fn of_settings<T: Send + Sync + 'static>(
        &self,
        kept: &PerSettings<T>,
        make: fn(&Settings) -> T,
    ) -> Result<Arc<T>, Trouble> {
        let settings = self.settings();
        let mut known = kept.0.clone().lock_owned().await;
        if let Some((of, made)) = &*known
            && Arc::ptr_eq(of, &settings)
        {
            return Ok(made.clone());
        }
        // Kept even if nobody waits for it any more: whoever comes again finds it, and it is never made twice at once.
        self.compute(move || {
            let made = Arc::new(make(&settings));
            *known = Some((settings, made.clone()));
            made
        })
        .await
    }

    /// Moves on whenever something was stored.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Places for those who are told of changes.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Outputs that are watched.
    pub(super) fn watching(&self) -> &Watching {
        &self.watching
    }

    /// When jobs last succeeded.
    pub(super) fn successes(&self) -> &Successes {
        &self.successes
    }

    /// Where outputs lie.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.state_dir.clone()
    }

    /// The state of everything. Whoever asks meanwhile waits for the same answer.
    pub(super) async fn status(&self) -> Result<Arc<Known>, Trouble> {
        let mut known = self.known.lock().await;
        if let Some((at, known)) = &*known
            && at.elapsed() < STATUS_LIFE
        {
            return Ok(known.clone());
        }
        *known = None;
        let document = self.asked(Request::Status { name: None }).await?;
        let read = self.compute(move || {
            let status = Status::read(&document)?;
            let document = StatusText::of(&document);
            Ok(Arc::new(Known { document, status }))
        });
        let fresh = read.await?.map_err(Trouble::Silent)?;
        *known = Some((Instant::now(), fresh.clone()));
        Ok(fresh)
    }

    /// The document of `freshd why NAME --json`, for a name that is configured.
    pub(super) async fn why(&self, name: &Name) -> Result<Value, Trouble> {
        let closed = |_| Trouble::Silent("freshd is stopping".to_owned());
        let _turn = self.asking.acquire().await.map_err(closed)?;
        self.asked(Request::Why { name: name.clone() }).await
    }

    /// Tells the daemon something; `Ok` when that is stored. So many others may tell it something at the same time that
    /// whoever waits longer than for an answer is better told to come again.
    pub(super) async fn tell(&self, request: Request) -> Result<Value, Trouble> {
        let Ok(_turn) = self.telling.try_acquire() else {
            return Err(Trouble::Silent("too many pings at once; ping again".to_owned()));
        };
        self.asked(request).await
    }

    /// Asks for something in somebody's name; `Ok` when that is stored. What is shown next is newer than that.
    pub(super) async fn act(&self, request: Request, by: String) -> Result<Value, Trouble> {
        self.done((self.ask)(request, by)).await
    }

    /// Asks for a message to be sent again, alike.
    pub(super) async fn resend(&self, message: NotificationId, by: String) -> Result<Value, Trouble> {
        self.done((self.resend)(message, by)).await
    }

    async fn done(&self, answer: impl Future<Output = Reply>) -> Result<Value, Trouble> {
        let Ok(_turn) = self.acting.try_acquire() else {
            return Err(Trouble::Silent("too much is asked for at once; try again".to_owned()));
        };
        let answer = tokio::time::timeout(ANSWER_WAIT, answer).await;
        *self.known.lock().await = None;
        match answer {
            Ok(Reply::Done(document)) => Ok(document),
            Ok(Reply::Refused(why)) => Err(Trouble::Refused(why)),
            Err(_elapsed) => Err(Trouble::Silent(
                "freshd does not answer; what was asked for may still be done once it does".to_owned(),
            )),
        }
    }

    async fn asked(&self, request: Request) -> Result<Value, Trouble> {
        match tokio::time::timeout(ANSWER_WAIT, (self.ask)(request, WINDOW.to_owned())).await {
            Ok(Reply::Done(document)) => Ok(document),
            Ok(Reply::Refused(why)) => Err(Trouble::Silent(why)),
            Err(_elapsed) => Err(Trouble::Silent("freshd does not answer".to_owned())),
        }
    }

    /// Asks the store, on a thread that reads.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let desk = self.clone();
        let read = self.compute(move || {
            let kept = || desk.readers.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = kept().pop();
            let reader = match idle {
                Some(reader) => reader,
                None => Reader::open(&desk.state_dir)?,
            };
            let found = question(&reader)?;
            kept().push(reader);
            Ok(found)
        });
        read.await?
    }

    /// Whether an output was not found unreadable before: an open page comes back to it again and again.
    pub(super) fn is_first_unreadable(&self, attempt: AttemptId) -> bool {
        let mut known = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(attempt)
    }

    /// Looks through outputs on one of the same threads, one search after the other.
    pub(super) async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        self.threads.on_one(Work::Searching, work).await
    }

    /// What an edit of jobs.toml would change, one after the other.
    pub(super) async fn plan(&self) -> Result<Plan, Trouble> {
        let planner = self.planner.clone();
        let planned = self.threads.on_one(Work::Planning, move || planner()).await?;
        planned.map_err(|error| Trouble::unreadable(&error))
    }

    /// Computes or reads files on one of the same threads.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        self.threads.on_one(Work::Reading, work).await
    }
}
