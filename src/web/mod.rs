//! A window: pages for people and JSON for programs, over HTTP, to look through and, for whoever is known, to act; and the
//! door for pings.
//!
//! It runs on threads of its own and only asks: whatever happens here, a due job starts in time.

mod acks;
mod actions;
mod answer;
mod api;
mod assets;
mod badge;
mod connections;
mod cookies;
mod dead;
mod desk;
mod documents;
mod door;
mod events;
mod find;
mod flow;
mod forms;
mod guard;
mod incident_visits;
mod lineage_events;
mod login;
mod login_state;
mod metrics;
mod origin;
mod openapi;
mod output;
mod pages;
mod passwords;
mod pings;
mod planned;
mod programs;
mod reading;
mod routes;
mod search;
mod session_file;
mod sessions;
mod status_text;
mod streams;
mod successes;
mod threads;
mod throttle;
mod typed;
mod visits;
mod watching;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use self::desk::Desk;
use self::login_state::LoginState;
use self::session_file::SessionFile;
use self::threads::READING_THREADS;
use crate::model::{NotificationId, Plan, Reply, Request, Settings};
use crate::store::SigningKey;

pub use self::passwords::hash_password;
pub use self::routes::{Needs, listed};

/// Asks the daemon something in somebody's name and waits for its answer.
pub type Ask = Arc<dyn Fn(Request, String) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// Asks the daemon to send a message again in somebody's name and waits for its answer.
pub type Resend = Arc<dyn Fn(NotificationId, String) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// Compares the edited configuration with the one in force; reads files and the store, so it is not asked on the loop.
pub type Planner = Arc<dyn Fn() -> Result<Plan, String> + Send + Sync>;

/// What is seen through the window.
pub struct Outlook {
    /// Asks the daemon.
    pub ask: Ask,
    /// Asks it to send a message again that was given up.
    pub resend: Resend,
    /// The configuration in force.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Moves on whenever something was stored.
    pub changes: watch::Receiver<u64>,
    /// The state directory, for readers.
    pub state_dir: PathBuf,
    /// What an edit would change.
    pub plan: Planner,
    /// By it links in messages are known again.
    pub key: SigningKey,
}

/// Serves until the process ends, on threads of its own: one that serves, those that read (`threads.rs`), one that writes
/// sessions (`session_file.rs`), and while somebody logs in one for each password that is checked (`passwords.rs`).
///
/// # Errors
/// Fails when the thread cannot be started or the listener cannot be used.
pub fn open(listener: TcpListener, outlook: Outlook) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let sessions = SessionFile::of(&outlook.state_dir)?;
    let logins = LoginState::new(
        outlook.key.clone(),
        !listener.local_addr()?.ip().is_loopback(),
        sessions,
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(READING_THREADS)
        .thread_name("web-reading")
        .enable_all()
        .build()?;
    let desk = Arc::new(Desk::new(outlook, logins));
    std::thread::Builder::new().name("web".to_owned()).spawn(move || {
        runtime.block_on(async move {
            tokio::spawn(login::end_strangers(desk.clone()));
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => connections::serve(listener, routes::routes(desk)).await,
                Err(error) => tracing::error!(%error, "the web window has closed"),
            }
        });
    })?;
    Ok(())
}
