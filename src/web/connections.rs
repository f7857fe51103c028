//! Connections that are few and short: whoever holds them open takes nothing from freshd or from others.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::Service as _;

use super::origin::customer;

/// Connections at the same time, beside those that are streams (`streams.rs` bounds them). Where one more comes, the oldest
/// of whoever has most has had its time: every answer here is short, and whoever opens thousands ends only their own.
const CONNECTIONS_MAX: usize = 64;
/// A connection ends after this long, whatever it is doing.
const CONNECTION_LIFE: Duration = Duration::from_secs(10);
/// One that tells of events ends after this long, and the browser opens another.
const STREAM_LIFE: Duration = Duration::from_mins(10);
/// Bytes of a request's line and headers.
const HEADER_BYTES_MAX: usize = 16 << 10;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// Wait after a failed accept: the machine is out of descriptors, and asking again at once does not help.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// Lets one connection live on as a stream of events. A request carries that of its connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Stay(Arc<AtomicBool>);

impl Stay {
    /// The connection is a stream from now on: neither short nor ended for a newer one.
    pub(super) fn as_stream(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_stream(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The other end of a connection. A request carries that of its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Accepts every connection at once, and keeps `CONNECTIONS_MAX` of them, and the streams.
pub(super) async fn serve(listener: TcpListener, routes: Router) {
    let mut open = Open::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let stay = Stay::default();
                let ended = open.place(peer.ip(), stay.clone());
                tokio::spawn(one((stream, Peer(peer.ip())), routes.clone(), stay, ended));
            }
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
}

/// The connections that go on, the oldest first: what ends each when it is dropped.
#[derive(Default)]
struct Open(VecDeque<OpenOne>);

/// A connection that goes on.
struct OpenOne {
    end: oneshot::Sender<()>,
    stay: Stay,
    from: u64,
}

impl Open {
    /// Makes place for one more connection, which ends when what is returned says so.
    fn place(&mut self, from: IpAddr, stay: Stay) -> oneshot::Receiver<()> {
        let from = customer(from);
        self.0.retain(|one| !one.end.is_closed());
        if self.short().count() >= CONNECTIONS_MAX {
            self.0.remove(self.superfluous(from));
        }
        let (end, ended) = oneshot::channel();
        self.0.push_back(OpenOne { end, stay, from });
        ended
    }

    /// Those that are no streams, with their places, the oldest first.
    fn short(&self) -> impl Iterator<Item = (usize, &OpenOne)> {
        self.0.iter().enumerate().filter(|(_, one)| !one.stay.is_stream())
    }

    /// Which one ends for one more from there: the oldest of whoever has most, streams apart.
    fn superfluous(&self, from: u64) -> usize {
        let mut counts = HashMap::from([(from, 1)]);
        for (_, one) in self.short() {
            *counts.entry(one.from).or_insert(0) += 1;
        }
        let most = self.short().map(|(_, one)| counts[&one.from]).max();
        let oldest = self.short().find(|(_, one)| Some(counts[&one.from]) == most);
        oldest.map_or(0, |(place, _)| place)
    }
}

/// Serves one connection until it ends by itself, for a newer one, or because its time is over.
async fn one((stream, peer): (TcpStream, Peer), routes: Router, stay: Stay, ended: oneshot::Receiver<()>) {
    let requests = stay.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(requests.clone());
        request.extensions_mut().insert(peer);
        let mut routes = routes.clone();
        async move { Ok::<_, Infallible>(infallible(routes.call(request.map(Body::new)).await)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_LIFE)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What went wrong on the way is the other side's to see.
        _ = connection => {}
        _ = ended => {}
        () = life(&stay) => {}
    }
}

async fn life(stay: &Stay) {
    tokio::time::sleep(CONNECTION_LIFE).await;
    if stay.is_stream() {
        tokio::time::sleep(STREAM_LIFE).await;
    }
}

fn infallible<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn served() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stays = |request: axum::extract::Request| async move {
            request.extensions().get::<Stay>().unwrap().as_stream();
            "a stream"
        };
        let routes = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/stream", get(stays));
        tokio::spawn(serve(listener, routes));
        address
    }

    async fn ask(connection: &mut TcpStream, path: &str, headers: &str) {
        let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        connection.write_all(text.as_bytes()).await.unwrap();
    }

    async fn answer(mut connection: TcpStream) -> String {
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn whoever_holds_every_connection_open_loses_the_oldest_to_the_next_who_asks() {
        let address = served().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream, "/stream", "").await;
        let read = stream.read(&mut [0; 4_096]).await.unwrap();
        assert!(read > 0);
        let mut held = Vec::new();
        for _ in 0..3 * CONNECTIONS_MAX {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let mut asking = TcpStream::connect(address).await.unwrap();
        ask(&mut asking, "/", "Connection: close\r\n").await;
        let answer = answer(asking).await;
        assert!(answer.ends_with("here"), "{answer}");
        // Far sooner than a connection's life: it was ended for a newer one.
        let ended = tokio::time::timeout(CONNECTION_LIFE / 2, held[0].read(&mut [0; 1])).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
        // A stream was not, although it is older than all of them.
        ask(&mut stream, "/", "Connection: close\r\n").await;
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert!(rest.ends_with("here"), "{rest}");
    }

    #[test]
    fn whoever_has_most_connections_ends_only_their_own() {
        let mut open = Open::default();
        let from = |last: u8| IpAddr::from([10, 0, 0, last]);
        let mut one = open.place(from(1), Stay::default());
        let crowd: Vec<_> = (0..10 * CONNECTIONS_MAX)
            .map(|number| open.place(from([2, 3, 4, 5, 6, 7, 8, 9, 10][number % 9]), Stay::default()))
            .collect();
        assert!(
            one.try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
        );
        let lives = crowd.into_iter().filter_map(|mut ended| {
            let told = ended.try_recv();
            told.is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
                .then_some(ended)
        });
        assert_eq!(lives.count(), CONNECTIONS_MAX - 1);
    }

    #[tokio::test]
    async fn long_headers_are_refused() {
        let address = served().await;
        let mut asking = TcpStream::connect(address).await.unwrap();
        let long = format!("X-Long: {}\r\n", "x".repeat(HEADER_BYTES_MAX));
        ask(&mut asking, "/", &long).await;
        let mut first = vec![0; 64];
        let read = asking.read(&mut first).await.unwrap();
        let said = String::from_utf8_lossy(&first[..read]).into_owned();
        assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    }
}
