//! The window over HTTP: its port, what it sees of the daemon, and the key that signs the links of messages.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tracing::error;

use super::control::{Asker, Resender};
use super::start::ServeError;
use crate::delivery::{AckLink, PageLink};
use crate::model::{Purpose, Secret, Settings};
use crate::store::{KEY_FILE, SigningKey};

/// Opens a window on an address that is already taken for it.
pub type Window = Arc<dyn Fn(TcpListener, Outlook) -> std::io::Result<()> + Send + Sync>;

/// What a window sees of the daemon. Whatever is done with it, the main loop waits for nobody.
#[derive(Clone)]
pub struct Outlook {
    /// Asks the main loop.
    pub ask: Asker,
    /// Asks it to send a message again.
    pub resend: Resender,
    /// The configuration in force.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Moves on whenever something was stored.
    pub changes: watch::Receiver<u64>,
    /// The state directory, for readers.
    pub state_dir: PathBuf,
    /// By it links in messages are known again.
    pub key: SigningKey,
}

/// A port that is taken is told before anything is started.
pub(super) fn listen(settings: &Settings) -> Result<Option<TcpListener>, ServeError> {
    let Some(web) = &settings.web else { return Ok(None) };
    match TcpListener::bind(web.listen) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => Err(ServeError::Listen {
            address: web.listen,
            error,
            file: settings.file.display().to_string(),
        }),
    }
}

/// The port with the key of the state directory. Where that cannot be had, jobs go on, and another serves for now.
pub(super) fn with_key(
    listener: Option<TcpListener>,
    state_dir: &Path,
) -> io::Result<Option<(TcpListener, SigningKey)>> {
    let Some(listener) = listener else { return Ok(None) };
    let key = SigningKey::of(state_dir).or_else(|trouble| {
        error!("{KEY_FILE}: {trouble}; links in messages work until the next restart only");
        SigningKey::fleeting()
    })?;
    Ok(Some((listener, key)))
}

/// Where the link of a message leads: nowhere unless people can reach the pages, and have to log in there.
pub(super) fn ack_links(key: SigningKey, settings: watch::Receiver<Arc<Settings>>) -> AckLink {
    Arc::new(move |offer| {
        let settings = settings.borrow().clone();
        let web = settings.web.as_ref().filter(|web| web.auth.is_some())?;
        let (url, token) = (web.public_url.as_ref()?, key.ack_token(offer));
        Some(Secret::new(format!("{}/ack/{}", url.origin(), token.reveal())))
    })
}

/// The page about what a message tells, where it is said by which address people reach the pages.
pub(super) fn page_links(settings: watch::Receiver<Arc<Settings>>) -> PageLink {
    Arc::new(move |message| {
        let settings = settings.borrow().clone();
        let url = settings.web.as_ref()?.public_url.as_ref()?.origin();
        match (message.incident, message.purpose) {
            (Some(incident), _) => Some(format!("{url}/incidents/{incident}")),
            (None, Purpose::Digest) => Some(format!("{url}/incidents")),
            (None, _) => None,
        }
    })
}
