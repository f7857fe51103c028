//! The control socket: one request a line, one answer a line, for whoever may operate this freshd.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::deciding::Decide;
use crate::model::{NotificationId, Reply, Request};

/// Longest request accepted, in bytes.
const REQUEST_BYTES_MAX: u64 = 1 << 20;

/// What may be asked over the socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Something the engine decides.
    Engine(Request),
    /// Read jobs.toml again and take it whole, or say what is wrong with it.
    Reload,
    /// Remove what is beyond `[history]`; answered when it is gone.
    Prune,
    /// Publish what is in quarantine after all, or an earlier version once more; answered when it is in place.
    Decide(Decide),
    /// Send a message again that was given up.
    Resend {
        /// Its number.
        message: NotificationId,
    },
    /// Take the clock as right, although later times are recorded.
    ConfirmClock {
        /// Why.
        because: String,
    },
}

/// A question with its asker, on the way to the main loop.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    pub(super) by: String,
    pub(super) answer: oneshot::Sender<Reply>,
}

/// Asks the main loop something on behalf of whoever uses a window, by name, and waits for the answer.
pub type Asker = Arc<dyn Fn(Request, String) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// Asks the main loop to send a message again that was given up, in somebody's name, and waits for the answer.
pub type Resender = Arc<dyn Fn(NotificationId, String) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// The way from a window to the main loop.
pub(super) fn asker(asked: mpsc::Sender<Asked>) -> Asker {
    Arc::new(move |request, by| Box::pin(put(asked.clone(), Ask::Engine(request), by)))
}

/// The same for messages that were given up.
pub(super) fn resender(asked: mpsc::Sender<Asked>) -> Resender {
    Arc::new(move |message, by| Box::pin(put(asked.clone(), Ask::Resend { message }, by)))
}

async fn put(asked: mpsc::Sender<Asked>, ask: Ask, by: String) -> Reply {
    let (answer, answered) = oneshot::channel();
    let stopping = || Reply::Refused("freshd is stopping".to_owned());
    if asked.send(Asked { ask, by, answer }).await.is_err() {
        return stopping();
    }
    answered.await.unwrap_or_else(|_| stopping())
}

/// The socket's name in the state directory.
const SOCKET: &str = "control.sock";

/// Connects to the daemon of a state directory.
///
/// # Errors
/// `NotFound` and `ConnectionRefused` say that none runs there, `PermissionDenied` that it is another user's.
pub fn connect(state_dir: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let dir = opened(state_dir)?;
    std::os::unix::net::UnixStream::connect(short_path(&dir))
}

/// Listens until the daemon ends. The directory is locked by now, so that a left-over socket is nobody's.
pub(super) fn listen(state_dir: &Path, asked: mpsc::Sender<Asked>) -> io::Result<()> {
    let path = state_dir.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let dir = opened(state_dir)?;
    let listener = UnixListener::bind(short_path(&dir))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve(stream, asked.clone()));
                }
                Err(error) => {
                    warn!(%error, "could not accept on the control socket");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    });
    Ok(())
}

/// A directory by which a name in it is reached; it need not be readable for that.
fn opened(dir: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(dir, flags, Mode::empty())?)
}

/// The socket's path through the directory's descriptor: a socket's own path may not be longer than 107 bytes, and a
/// state directory's may.
fn short_path(dir: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd()))
}

/// Answers one connection: the same user or root, checked by the kernel's word.
async fn serve(mut stream: UnixStream, asked: mpsc::Sender<Asked>) {
    let own = rustix::process::geteuid().as_raw();
    let by = match stream.peer_cred() {
        Ok(peer) if peer.uid() == own || peer.uid() == 0 => user_name(peer.uid()),
        Ok(peer) => {
            let refusal = Reply::Refused(format!("uid {} may not operate this freshd", peer.uid()));
            let _ = stream.write_all(&line(&refusal)).await;
            return;
        }
        Err(_) => return,
    };
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut text = String::new();
        match (&mut reader).take(REQUEST_BYTES_MAX).read_line(&mut text).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let reply = match serde_json::from_str::<Ask>(&text) {
            Ok(ask) => {
                let (answer, answered) = oneshot::channel();
                if asked
                    .send(Asked {
                        ask,
                        by: by.clone(),
                        answer,
                    })
                    .await
                    .is_err()
                {
                    return;
                }
                match answered.await {
                    Ok(reply) => reply,
                    Err(_) => Reply::Refused("freshd is stopping".to_owned()),
                }
            }
            Err(error) => Reply::Refused(format!("the daemon does not understand this request: {error}")),
        };
        if writer.write_all(&line(&reply)).await.is_err() {
            return;
        }
    }
}

fn line(reply: &Reply) -> Vec<u8> {
    let mut line = serde_json::to_vec(reply).unwrap_or_else(|_| b"{\"refused\":\"no answer\"}".to_vec());
    line.push(b'\n');
    line
}

/// The user's name by /etc/passwd, for the record; the number where that does not know it.
fn user_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let known = entry
        .into_iter()
        .find(|fields| fields.get(2).is_some_and(|known| *known == uid.to_string()));
    known
        .and_then(|fields| fields.first().map(ToString::to_string))
        .unwrap_or_else(|| format!("uid {uid}"))
}
