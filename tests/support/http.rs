//! An HTTP receiver that keeps what it is sent, and answers as a test tells it to.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::wait_until;

/// What one request is answered with.
#[derive(Clone, Debug)]
pub(crate) enum HttpAnswer {
    /// A status, further headers, a body.
    Says(u16, &'static [(&'static str, &'static str)], String),
    /// Nothing, until the client goes away.
    Hangs,
    /// A status, and then a body that never ends.
    HangsInBody(u16),
    /// The connection is reset.
    Resets,
    /// One byte of the answer every 20 ms.
    Drips,
    /// A status, and a body of so many bytes.
    Floods(u16, usize),
}

impl HttpAnswer {
    /// A status and a body.
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Says(status, &[], body.to_owned())
    }
}

/// One request, as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpRequest {
    /// `POST`.
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    /// As text.
    pub(crate) body: String,
}

impl HttpRequest {
    /// A header's value, else nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("a body of JSON")
    }
}

/// Everything that happened at a receiver.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpRecord {
    /// In the order in which they came.
    pub(crate) requests: Vec<HttpRequest>,
    /// Connections that ended.
    pub(crate) ended: usize,
    /// Bytes of bodies that clients took before they went away.
    pub(crate) bytes_taken: usize,
}

/// A running receiver; it ends with the test's runtime.
pub(crate) struct HttpSink {
    address: SocketAddr,
    scheme: &'static str,
    record: Arc<watch::Sender<HttpRecord>>,
}

impl HttpSink {
    /// Starts on a free port of 127.0.0.1; answers as listed, and then `200 ok`.
    pub(crate) async fn start(answers: Vec<HttpAnswer>) -> Self {
        Self::start_with(answers, None).await
    }

    /// As `start`, over TLS.
    pub(crate) async fn start_tls(answers: Vec<HttpAnswer>, tls: Arc<ServerConfig>) -> Self {
        Self::start_with(answers, Some(tls)).await
    }

    async fn start_with(answers: Vec<HttpAnswer>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            scheme: if tls.is_some() { "https" } else { "http" },
            record: Arc::new(watch::Sender::new(HttpRecord::default())),
        };
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let record = Arc::clone(&sink.record);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (record, answers) = (Arc::clone(&record), Arc::clone(&answers));
                let tls = tls.clone();
                tokio::spawn(async move {
                    // An error is a client that went away, which is for the client's test to judge.
                    let _ = match tls {
                        Some(tls) => match TlsAcceptor::from(tls).accept(socket).await {
                            Ok(stream) => serve(stream, &answers, &record).await,
                            Err(error) => Err(error),
                        },
                        None => serve_socket(socket, &answers, &record).await,
                    };
                    record.send_modify(|record| record.ended += 1);
                });
            }
        });
        sink
    }

    /// The URL of a path here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    /// What has happened so far.
    pub(crate) fn record(&self) -> HttpRecord {
        self.record.borrow().clone()
    }

    /// Waits until so many requests are there.
    pub(crate) async fn requests(&self, count: usize) -> Vec<HttpRequest> {
        self.until("requests", |record| record.requests.len() >= count)
            .await
            .requests
    }

    /// Waits until the record is as wanted.
    pub(crate) async fn until(&self, what: &str, holds: impl FnMut(&HttpRecord) -> bool) -> HttpRecord {
        wait_until(&self.record, what, holds).await
    }
}

type Answers = Mutex<VecDeque<HttpAnswer>>;

async fn serve_socket(socket: TcpStream, answers: &Answers, record: &watch::Sender<HttpRecord>) -> io::Result<()> {
    let resets = matches!(answers.lock().unwrap().front(), Some(HttpAnswer::Resets));
    if resets {
        answers.lock().unwrap().pop_front();
        socket.set_zero_linger()?;
        return Ok(());
    }
    serve(socket, answers, record).await
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answers: &Answers,
    record: &watch::Sender<HttpRecord>,
) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    record.send_modify(|record| record.requests.push(request));
    let answer = answers.lock().unwrap().pop_front();
    match answer.unwrap_or_else(|| HttpAnswer::status(200, "ok")) {
        HttpAnswer::Says(status, headers, body) => {
            let head = head(status, headers, body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.shutdown().await
        }
        HttpAnswer::Hangs | HttpAnswer::Resets => until_gone(&mut stream).await,
        HttpAnswer::HangsInBody(status) => {
            stream.write_all(head(status, &[], 1_000_000).as_bytes()).await?;
            stream.flush().await?;
            until_gone(&mut stream).await
        }
        HttpAnswer::Drips => {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            for byte in head(200, &[("x-filler", "very slow")], 0).into_bytes() {
                ticks.tick().await;
                stream.write_all(&[byte]).await?;
            }
            stream.shutdown().await
        }
        HttpAnswer::Floods(status, bytes) => {
            stream.write_all(head(status, &[], bytes).as_bytes()).await?;
            for _ in 0..bytes / 4096 {
                stream.write_all(&[b'x'; 4096]).await?;
                record.send_modify(|record| record.bytes_taken += 4096);
            }
            stream.shutdown().await
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<HttpRequest> {
    let mut heard = Vec::new();
    let end = loop {
        if let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut heard).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&heard[..end]).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut request = HttpRequest {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        ..HttpRequest::default()
    };
    request.headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = request.header("content-length").parse().unwrap_or(0);
    let mut body = heard.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(request)
}

fn head(status: u16, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("HTTP/1.1 {status} Test\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head + "connection: close\r\n\r\n"
}

async fn until_gone<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
