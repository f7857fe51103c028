//! A connection to a mail server: protected as promised, bounded in what it reads.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::{Failure, explain};
use super::trust::CONNECT_TIMEOUT;
use crate::model::{MailSecurity, MailServer};

/// Most that a mail server may say in one session.
const SESSION_BYTES_MAX: usize = 256 * 1024;

/// Most that a mail server may say in one reply before TLS.
const REPLY_BYTES_MAX: usize = 8 * 1024;

/// What lettre expects first on a connection whose real greeting came before STARTTLS.
const GREETING: &[u8] = b"220 protected\r\n";

/// Connects, protects the connection as `server.security` says, and greets.
///
/// STARTTLS is spoken here rather than by lettre: what a stranger on the line added in the clear
/// behind the server's go-ahead would stay in lettre's buffer and count as answers under TLS.
pub(super) async fn open(server: &MailServer, tls: Arc<ClientConfig>) -> Result<AsyncSmtpConnection, Failure> {
    let hello = ClientId::default();
    let host = server.host.trim_matches(['[', ']']);
    let mut socket = dial(host, server).await?;
    let peer = socket.peer_addr().map_err(|error| lost(host, &error))?;
    let greeted = match server.security {
        MailSecurity::Plain => {
            let wire = Wire::new(socket, peer, b"");
            AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello).await
        }
        MailSecurity::Tls => {
            let stream = protect(host, socket, tls).await?;
            let wire = Wire::new(stream, peer, b"");
            AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello).await
        }
        MailSecurity::StartTls => {
            ask_for_tls(host, &mut socket, &hello).await?;
            let stream = protect(host, socket, tls).await?;
            let wire = Wire::new(stream, peer, GREETING);
            AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello).await
        }
    };
    greeted.map_err(|error| refused(host, "greeting", &error))
}

/// What a mail server's refusal means: 4xx and a broken connection may pass, 5xx will not.
pub(super) fn refused(host: &str, step: &str, error: &lettre::transport::smtp::Error) -> Failure {
    let said = explain(error);
    match error.status() {
        Some(code) => by_code(host, step, u16::from(code), &said),
        // Not an answer but something that lettre refuses to do, as sending an address with
        // letters beyond ASCII to a server that does not take them.
        None if error.is_client() => Failure::permanent(format!("mail server {host}, {step}: {said}")),
        None => Failure::unreachable(format!("mail server {host}, {step}: {said}")),
    }
}

fn by_code(host: &str, step: &str, code: u16, said: &str) -> Failure {
    let error = format!("mail server {host} refused the {step}: {code} {said}");
    if (500..600).contains(&code) {
        Failure::permanent(error)
    } else {
        Failure::temporary(error)
    }
}

fn lost(host: &str, error: &io::Error) -> Failure {
    Failure::unreachable(format!("mail server {host}: {}", explain(error)))
}

/// Connects to the first of the server's addresses that answers; unprotected only on this machine.
async fn dial(host: &str, server: &MailServer) -> Result<TcpStream, Failure> {
    let port = server.port;
    let dialing = async {
        let mut addresses: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
        if server.security == MailSecurity::Plain {
            addresses.retain(|address| address.ip().is_loopback());
            if addresses.is_empty() {
                return Ok(None);
            }
        }
        let socket = TcpStream::connect(&addresses[..]).await?;
        // The end of a message is a write of its own: held back until the message is acknowledged, it would arrive 40 ms later.
        socket.set_nodelay(true)?;
        io::Result::Ok(Some(socket))
    };
    match timeout(CONNECT_TIMEOUT, dialing).await {
        Ok(Ok(Some(socket))) => Ok(socket),
        Ok(Ok(None)) => Err(Failure::unsent(format!(
            "mail server {host} is not on this machine, and smtp:// is unprotected; write smtps:// or smtp+starttls://"
        ))),
        Ok(Err(error)) => Err(Failure::unreachable(format!(
            "cannot connect to mail server {host}:{port}: {}",
            explain(&error)
        ))),
        Err(_) => Err(Failure::unreachable(format!(
            "cannot connect to mail server {host}:{port} within {} s",
            CONNECT_TIMEOUT.as_secs()
        ))),
    }
}

async fn protect(host: &str, socket: TcpStream, tls: Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, Failure> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Failure::unsent(format!("mail server {host:?} is not a host name")))?;
    TlsConnector::from(tls).connect(name, socket).await.map_err(|error| {
        Failure::unreachable(format!(
            "cannot protect the connection to mail server {host}: {}",
            explain(&error)
        ))
    })
}

/// The part of the session in the clear: nothing but the wish for TLS.
async fn ask_for_tls(host: &str, socket: &mut TcpStream, hello: &ClientId) -> Result<(), Failure> {
    ask(host, socket, "greeting", "").await?;
    let offers = ask(host, socket, "EHLO", &format!("EHLO {hello}\r\n")).await?;
    if !offers.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
        return Err(Failure::temporary(format!(
            "mail server {host} does not offer STARTTLS, so nothing was sent; write smtps:// if it speaks TLS from the start"
        )));
    }
    ask(host, socket, "STARTTLS", "STARTTLS\r\n").await?;
    Ok(())
}

/// Sends a command and reads its reply, which must be the last thing that the server said.
async fn ask(host: &str, socket: &mut TcpStream, step: &str, command: &str) -> Result<Vec<String>, Failure> {
    let exchange = async {
        socket.write_all(command.as_bytes()).await?;
        let mut heard = Vec::new();
        loop {
            let mut chunk = [0; 1024];
            let count = socket.read(&mut chunk).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            heard.extend_from_slice(&chunk[..count]);
            if let Some(reply) = reply(&heard)? {
                return Ok(reply);
            }
            if heard.len() > REPLY_BYTES_MAX {
                return Err(io::Error::other("its reply is too long"));
            }
        }
    };
    match exchange.await {
        Ok((200..300, lines)) => Ok(lines),
        Ok((code, lines)) => Err(by_code(host, step, code, &lines.join(" "))),
        Err(error) => Err(Failure::unreachable(format!(
            "mail server {host}, {step}: {}",
            explain(&error)
        ))),
    }
}

/// The code and the texts of a reply, once its last line is there.
fn reply(heard: &[u8]) -> io::Result<Option<(u16, Vec<String>)>> {
    let heard = String::from_utf8_lossy(heard);
    let mut lines = Vec::new();
    let mut rest = heard.as_ref();
    while let Some((line, behind)) = rest.split_once('\n') {
        let line = line.trim_end_matches('\r');
        let code = line.get(..3).and_then(|code| code.parse().ok());
        let Some(code) = code else {
            return Err(io::Error::other("does not speak SMTP"));
        };
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        if line.as_bytes().get(3) != Some(&b'-') {
            if !behind.is_empty() {
                return Err(io::Error::other("spoke out of turn before TLS"));
            }
            return Ok(Some((code, lines)));
        }
        rest = behind;
    }
    Ok(None)
}

/// A stream that first says `greeting`, and then reads no more than a session may hold.
#[derive(Debug)]
struct Wire<S> {
    stream: S,
    peer: SocketAddr,
    greeting: &'static [u8],
    bytes_left: usize,
}

impl<S> Wire<S> {
    fn new(stream: S, peer: SocketAddr, greeting: &'static [u8]) -> Self {
        Self {
            stream,
            peer,
            greeting,
            bytes_left: SESSION_BYTES_MAX,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let count = self.greeting.len().min(buffer.remaining());
            let (now, later) = self.greeting.split_at(count);
            buffer.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        if self.bytes_left == 0 {
            return Poll::Ready(Err(io::Error::other("said too much in one session")));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.bytes_left = self.bytes_left.saturating_sub(read);
        // Whoever reads waits for an answer.
        if read == 0 && buffer.remaining() > 0 && matches!(polled, Poll::Ready(Ok(()))) {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for Wire<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_with_its_last_line() {
        assert!(reply(b"250-mail.example\r\n250-START").unwrap().is_none());
        let (code, lines) = reply(b"250-mail.example\r\n250 STARTTLS\r\n").unwrap().unwrap();
        assert_eq!((code, lines), (250, vec!["mail.example".into(), "STARTTLS".into()]));
        assert_eq!(reply(b"220\r\n").unwrap().unwrap().0, 220);
    }

    #[test]
    fn words_behind_the_go_ahead_are_refused() {
        assert!(reply(b"220 go ahead\r\n250 mail.example\r\n").is_err());
        assert!(reply(b"hello\r\n").is_err());
        assert!(reply("æøå\r\n".as_bytes()).is_err());
    }
}
