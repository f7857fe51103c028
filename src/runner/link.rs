//! The daemon's connection to one keeper: reconnects while the keeper lives, and says when it is dead.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::files::KeeperFiles;
use super::launch::Ended;
use super::wire::{FrameReader, ToDaemon};

/// Waits between tries to reach a keeper that is alive but does not answer: it is just starting, or stopped.
const RETRY_FIRST: Duration = Duration::from_millis(10);
const RETRY_LAST: Duration = Duration::from_secs(1);

/// Frames joined into one write.
const FRAMES_PER_WRITE_MAX: usize = 256;

/// Bytes that may be on their way to a keeper: while it starts what it knows of, the rest comes. A thousand small messages
/// take more room there than by themselves.
const SEND_BUFFER_BYTES: usize = 2 << 20;

/// What a link has to say to its owner.
pub(super) enum News {
    /// A connection is there; frames put in here are sent to the keeper, until it is lost.
    Connected(mpsc::UnboundedSender<Vec<u8>>),
    /// The keeper said something.
    Message(Box<ToDaemon>),
    /// The connection is lost.
    Lost,
    /// The keeper is dead, and never acts again while this lock is held; how it ended, in words that follow its name, where
    /// that is known. The last news.
    Dead(File, Option<String>),
}

/// How long the kernel may take to say how a process ended whose lock is free already.
const HOW_WITHIN: Duration = Duration::from_secs(1);

/// Serves one keeper until it is dead, or until nobody listens to the news any more. `ended` is there for one that this
/// daemon started.
pub(super) async fn serve(files: KeeperFiles, ended: Option<Ended>, news: mpsc::Sender<(u32, News)>) {
    let number = files.number;
    let mut delay = RETRY_FIRST;
    loop {
        match connect(&files).await {
            Ok(stream) => {
                let (outgoing, frames) = mpsc::unbounded_channel();
                if news.send((number, News::Connected(outgoing))).await.is_err() {
                    return;
                }
                match talk(stream, frames, number, &news).await {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::debug!(keeper = number, %error, "lost the connection to a keeper");
                    }
                }
                delay = RETRY_FIRST;
                if news.send((number, News::Lost)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(keeper = number, %error, "cannot reach a keeper");
            }
        }
        // Only the lock tells a dead keeper from a silent one.
        match files.try_lock() {
            Ok(Some(lock)) => {
                // Here, where it keeps no other keeper waiting.
                let how = match ended {
                    Some(ended) => tokio::time::timeout(HOW_WITHIN, ended).await.ok().and_then(Result::ok),
                    None => None,
                };
                let _ = news.send((number, News::Dead(lock, how))).await;
                return;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(keeper = number, %error, "cannot try a keeper's lock"),
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RETRY_LAST);
        if news.is_closed() {
            return;
        }
    }
}

/// The path goes through the directory's descriptor, as in the keeper.
async fn connect(files: &KeeperFiles) -> io::Result<UnixStream> {
    let dir = File::open(&files.dir)?;
    let short = format!("/proc/self/fd/{}/{}.sock", dir.as_raw_fd(), files.number);
    let stream = UnixStream::connect(short).await?;
    // The system may allow less, and that is well too.
    let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES);
    Ok(stream)
}

/// Carries frames out and messages in. `Ok` when the owner is done with it and all its frames are written.
async fn talk(
    mut stream: UnixStream,
    mut frames: mpsc::UnboundedReceiver<Vec<u8>>,
    number: u32,
    news: &mpsc::Sender<(u32, News)>,
) -> io::Result<()> {
    let (mut from, mut to) = stream.split();
    let outgoing = async {
        let mut batch = Vec::new();
        let mut bytes = Vec::new();
        while frames.recv_many(&mut batch, FRAMES_PER_WRITE_MAX).await > 0 {
            bytes.clear();
            for frame in batch.drain(..) {
                bytes.extend_from_slice(&frame);
            }
            to.write_all(&bytes).await?;
        }
        Ok(())
    };
    let incoming = async {
        let mut reader = FrameReader::default();
        let mut buffer = vec![0; 32 << 10];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            reader.push(&buffer[..read]);
            while let Some(message) = reader.take()? {
                let message = News::Message(Box::new(message));
                if news.send((number, message)).await.is_err() {
                    // Nobody listens any more; what is to be sent is sent by the other half.
                    return std::future::pending().await;
                }
            }
        }
    };
    tokio::select! {
        sent = outgoing => sent,
        received = incoming => received,
    }
}
