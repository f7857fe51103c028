//! A mail server that keeps what it is given, and misbehaves as a test tells it to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::smtp_session::Session;
use super::wait_until;

/// How a mail server behaves.
#[derive(Clone, Default)]
pub(crate) struct SmtpRules {
    /// Its certificate; without one it offers no TLS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// TLS from the first byte instead of STARTTLS.
    pub(crate) implicit_tls: bool,
    /// The only user and password that it lets send; `None`: anybody.
    pub(crate) login: Option<(&'static str, &'static str)>,
    /// The ways of logging in that it offers; empty: `PLAIN LOGIN`.
    pub(crate) mechanisms: &'static str,
    /// What goes wrong on the first, second ... connection; later ones behave.
    pub(crate) faults: VecDeque<SmtpFault>,
}

/// What goes wrong on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpFault {
    /// Nothing.
    Behaves,
    /// Says this instead of its greeting, and closes.
    Greets(&'static str),
    /// Accepts the connection and never says a word.
    SilentGreeting,
    /// Never stops greeting.
    FloodedGreeting,
    /// Answers this command (`MAIL`, `DATA`, `.` ...) with this reply.
    Refuses(&'static str, &'static str),
    /// Reads nothing and says nothing after `354`.
    HangsInData,
    /// Says nothing after the final dot, though it has kept the mail.
    HangsAfterDot,
    /// Closes after the final dot, though it has kept the mail.
    ClosesAfterDot,
    /// Has a certificate, but does not offer STARTTLS.
    HidesStartTls,
    /// Adds replies in the clear behind its go-ahead for TLS, as somebody on the line would.
    SpeaksBehindStartTls,
    /// Accepts the mail and never says goodbye.
    HangsAtQuit,
}

/// A mail that was accepted, or kept although its sender was not told so.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedMail {
    /// The envelope's sender.
    pub(crate) from: String,
    /// The envelope's recipients.
    pub(crate) to: Vec<String>,
    /// The mail itself.
    pub(crate) data: Vec<u8>,
    /// When its final dot came.
    pub(crate) at: SystemTime,
    /// Who had logged in.
    pub(crate) user: Option<String>,
    /// Whether it came through TLS.
    pub(crate) protected: bool,
}

/// Everything that happened at a mail server.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmtpRecord {
    /// In the order in which they came.
    pub(crate) mails: Vec<ReceivedMail>,
    /// All commands, those under TLS with `+` in front.
    pub(crate) commands: Vec<String>,
    /// Connections accepted.
    pub(crate) connections: usize,
    /// Connections that ended.
    pub(crate) ended: usize,
}

/// A running mail server; it ends with the test's runtime.
pub(crate) struct SmtpSink {
    address: SocketAddr,
    record: Arc<watch::Sender<SmtpRecord>>,
}

impl SmtpSink {
    /// Starts on a free port of 127.0.0.1.
    pub(crate) async fn start(rules: SmtpRules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(watch::Sender::new(SmtpRecord::default()));
        let faults = Mutex::new(rules.faults.clone());
        let recording = Arc::clone(&record);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let fault = faults.lock().unwrap().pop_front();
                let fault = fault.unwrap_or(SmtpFault::Behaves);
                recording.send_modify(|record| record.connections += 1);
                let session = Session::new(rules.clone(), fault, Arc::clone(&recording));
                let recording = Arc::clone(&recording);
                tokio::spawn(async move {
                    // An error is a client that went away, which is for the client's test to judge.
                    let _ = session.run(socket).await;
                    recording.send_modify(|record| record.ended += 1);
                });
            }
        });
        Self { address, record }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What has happened so far.
    pub(crate) fn record(&self) -> SmtpRecord {
        self.record.borrow().clone()
    }

    /// Waits until so many mails are there.
    pub(crate) async fn mails(&self, count: usize) -> Vec<ReceivedMail> {
        self.until("mails", |record| record.mails.len() >= count).await.mails
    }

    /// Waits until the record is as wanted.
    pub(crate) async fn until(&self, what: &str, holds: impl FnMut(&SmtpRecord) -> bool) -> SmtpRecord {
        wait_until(&self.record, what, holds).await
    }
}
