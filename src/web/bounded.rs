//! A listener whose connections are few and short: whoever holds them open takes nothing from freshd or from others.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// Connections at the same time. Where one more comes, the oldest has had its time: every answer here is short.
const CONNECTIONS_MAX: usize = 64;
/// A connection ends after this long, whatever it is doing.
const CONNECTION_LIFE: Duration = Duration::from_secs(10);
/// Wait after a failed accept: the machine is out of descriptors, and asking again at once does not help.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// Accepts every connection at once, and keeps the newest `CONNECTIONS_MAX`.
pub(super) struct Bounded {
    listener: TcpListener,
    /// Of each connection that goes on, the oldest first: what ends it when it is dropped.
    open: VecDeque<oneshot::Sender<()>>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            open: VecDeque::with_capacity(CONNECTIONS_MAX),
        }
    }

    /// Makes place for one more connection, which ends when what is returned says so.
    fn place(&mut self) -> oneshot::Receiver<()> {
        self.open.retain(|end| !end.is_closed());
        if self.open.len() == CONNECTIONS_MAX {
            self.open.pop_front();
        }
        let (end, ended) = oneshot::channel();
        self.open.push_back(end);
        ended
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Short;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Short, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let short = Short {
                        stream,
                        end: Box::pin(tokio::time::sleep(CONNECTION_LIFE)),
                        ended: self.place(),
                        is_over: false,
                    };
                    return (short, address);
                }
                Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends by itself, or for a newer one.
pub(super) struct Short {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    ended: oneshot::Receiver<()>,
    is_over: bool,
}

impl Short {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.is_over = self.is_over
            || self.end.as_mut().poll(context).is_ready()
            || Pin::new(&mut self.ended).poll(context).is_ready();
        self.is_over
    }
}

impl AsyncRead for Short {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Short {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn whoever_holds_every_connection_open_loses_the_oldest_to_the_next_who_asks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = axum::Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(axum::serve(Bounded::new(listener), routes).into_future());
        let mut held = Vec::new();
        for _ in 0..3 * CONNECTIONS_MAX {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let mut asking = TcpStream::connect(address).await.unwrap();
        let ask = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        asking.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = String::new();
        asking.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        // Far sooner than a connection's life: it was ended for a newer one.
        let ended = tokio::time::timeout(CONNECTION_LIFE / 2, held[0].read(&mut [0; 1])).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
    }
}
