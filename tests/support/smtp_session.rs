//! One connection at the mail server for tests.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::smtp::{ReceivedMail, SmtpFault, SmtpRecord, SmtpRules};

/// A socket, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What the server knows of one client.
pub(super) struct Session {
    rules: SmtpRules,
    fault: SmtpFault,
    record: Arc<watch::Sender<SmtpRecord>>,
    protected: bool,
    user: Option<String>,
    from: String,
    to: Vec<String>,
}

/// A stream, and what was read from it but not yet used.
struct Line {
    stream: Box<dyn Stream>,
    heard: Vec<u8>,
}

impl Session {
    pub(super) fn new(rules: SmtpRules, fault: SmtpFault, record: Arc<watch::Sender<SmtpRecord>>) -> Self {
        Self {
            rules,
            fault,
            record,
            protected: false,
            user: None,
            from: String::new(),
            to: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, socket: TcpStream) -> io::Result<()> {
        let mut line = Line::new(Box::new(socket));
        match self.fault {
            SmtpFault::SilentGreeting => return line.hang().await,
            SmtpFault::Greets(words) => return line.say(words).await,
            SmtpFault::FloodedGreeting => loop {
                line.stream.write_all(&[b'x'; 4096]).await?;
            },
            _ => {}
        }
        if self.rules.implicit_tls {
            line = self.protect(line).await?;
        }
        line.say("220 mail.test ESMTP").await?;
        while let Some(command) = line.read().await? {
            self.note(&command);
            let verb = command.split(' ').next().unwrap_or_default().to_uppercase();
            if let Some(reply) = self.refusal(&verb) {
                line.say(reply).await?;
                continue;
            }
            match verb.as_str() {
                "EHLO" => line.say(&self.offers()).await?,
                "STARTTLS" => {
                    if self.fault == SmtpFault::SpeaksBehindStartTls {
                        line.say("220 go ahead\r\n250 AUTH PLAIN\r\n235 ok").await?;
                    } else {
                        line.say("220 go ahead").await?;
                    }
                    line = self.protect(line).await?;
                }
                "AUTH" => self.log_in(&mut line, &command).await?,
                "MAIL" if self.rules.login.is_some() && self.user.is_none() => {
                    line.say("530 5.7.0 authentication required").await?;
                }
                "MAIL" => {
                    self.from = address(&command);
                    line.say("250 2.1.0 ok").await?;
                }
                "RCPT" => {
                    self.to.push(address(&command));
                    line.say("250 2.1.5 ok").await?;
                }
                "DATA" => {
                    line.say("354 go on").await?;
                    match self.fault {
                        SmtpFault::HangsInData => return line.hang().await,
                        _ => self.take(&mut line).await?,
                    }
                    match self.fault {
                        SmtpFault::HangsAfterDot => return line.hang().await,
                        SmtpFault::ClosesAfterDot => return Ok(()),
                        _ => match self.refusal(".") {
                            Some(reply) => line.say(reply).await?,
                            None => line.say("250 2.0.0 queued").await?,
                        },
                    }
                }
                "QUIT" if self.fault == SmtpFault::HangsAtQuit => return line.hang().await,
                "QUIT" => return line.say("221 2.0.0 bye").await,
                "RSET" | "NOOP" => line.say("250 2.0.0 ok").await?,
                _ => line.say("502 5.5.1 not known here").await?,
            }
        }
        Ok(())
    }

    async fn protect(&mut self, line: Line) -> io::Result<Line> {
        let config = self.rules.tls.clone().expect("a certificate for TLS");
        let stream = TlsAcceptor::from(config).accept(line.stream).await?;
        self.protected = true;
        Ok(Line::new(Box::new(stream)))
    }

    fn note(&self, command: &str) {
        let lead = if self.protected { "+" } else { "" };
        let command = format!("{lead}{command}");
        self.record.send_modify(|record| record.commands.push(command));
    }

    fn refusal(&self, verb: &str) -> Option<&'static str> {
        match self.fault {
            SmtpFault::Refuses(refused, reply) if refused == verb => Some(reply),
            _ => None,
        }
    }

    fn offers(&self) -> String {
        let mut offers = vec!["mail.test".to_owned(), "8BITMIME".to_owned()];
        let hidden = self.fault == SmtpFault::HidesStartTls;
        if self.rules.tls.is_some() && !self.protected && !hidden {
            offers.push("STARTTLS".into());
        } else if self.rules.login.is_some() {
            let mechanisms = match self.rules.mechanisms {
                "" => "PLAIN LOGIN",
                named => named,
            };
            offers.push(format!("AUTH {mechanisms}"));
        }
        let last = offers.len() - 1;
        let mut reply = offers[..last].join("\r\n250-");
        reply.insert_str(0, "250-");
        reply.push_str("\r\n250 ");
        reply.push_str(&offers[last]);
        reply
    }

    async fn log_in(&mut self, line: &mut Line, command: &str) -> io::Result<()> {
        let words: Vec<&str> = command.split(' ').collect();
        let given = match words.as_slice() {
            [_, "PLAIN", initial] => {
                let decoded = decoded(initial);
                let mut parts = decoded.split('\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            [_, "LOGIN"] => {
                line.say("334 VXNlcm5hbWU6").await?;
                let user = line.read().await?.unwrap_or_default();
                line.say("334 UGFzc3dvcmQ6").await?;
                let password = line.read().await?.unwrap_or_default();
                Some((decoded(&user), decoded(&password)))
            }
            _ => None,
        };
        let expected = self
            .rules
            .login
            .map(|(user, password)| (user.to_owned(), password.to_owned()));
        if given.is_some() && given == expected {
            self.user = given.map(|(user, _)| user);
            line.say("235 2.7.0 welcome").await
        } else {
            // Some servers repeat what they were given; a client must not pass it on.
            let (user, password) = given.unwrap_or_default();
            line.say(&format!(
                "535 5.7.8 no such user or password: {user} {password} {}",
                words.last().unwrap_or(&"")
            ))
            .await
        }
    }

    async fn take(&mut self, line: &mut Line) -> io::Result<()> {
        let mut data = Vec::new();
        while let Some(text) = line.read_bytes().await? {
            if text == b"." {
                let mail = ReceivedMail {
                    from: std::mem::take(&mut self.from),
                    to: std::mem::take(&mut self.to),
                    data,
                    at: SystemTime::now(),
                    user: self.user.clone(),
                    protected: self.protected,
                };
                self.record.send_modify(|record| record.mails.push(mail));
                return Ok(());
            }
            data.extend_from_slice(text.strip_prefix(b".").unwrap_or(&text));
            data.extend_from_slice(b"\r\n");
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl Line {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            heard: Vec::new(),
        }
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn read(&mut self) -> io::Result<Option<String>> {
        let line = self.read_bytes().await?;
        Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned()))
    }

    async fn read_bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.heard[..end].to_vec();
                self.heard.drain(..end + 2);
                return Ok(Some(line));
            }
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Says nothing more, and returns when the client has gone.
    async fn hang(mut self) -> io::Result<()> {
        let mut ignored = [0; 4096];
        while self.stream.read(&mut ignored).await? > 0 {}
        Ok(())
    }
}

fn address(command: &str) -> String {
    let inside = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}

fn decoded(text: &str) -> String {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
