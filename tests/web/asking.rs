//! A client that sends what it is told and takes apart what comes: no browser would ask some of this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;

use crate::freshd_process::PATIENCE;
use crate::freshd_process::daemon::Daemon;

/// Where a daemon shows its pages.
pub(crate) struct Site {
    address: String,
}

/// What came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// An answer that goes on.
pub(crate) struct Stream(BufReader<TcpStream>);

impl Site {
    /// The address that the daemon has logged.
    #[track_caller]
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let begins = "pages at http://";
        daemon.logs(&[begins]);
        let log = daemon.log();
        let (_, behind) = log.split_once(begins).expect("it is logged");
        let (address, _) = behind.split_once('/').expect("an address");
        Self {
            address: address.to_owned(),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Asks again and again until the answer says what it must.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, holds: impl Fn(&str) -> bool) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.get(path);
            if holds(&answer.body) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{path}: {}", answer.body);
        }
    }

    /// With further header lines.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.ask_host(method, path, &self.address, headers)
    }

    /// By another name than its own.
    #[track_caller]
    pub(crate) fn ask_host(&self, method: &str, path: &str, host: &str, headers: &str) -> Answer {
        let mut reader = self.asked(method, path, host, headers);
        let (status, headers) = head(&mut reader);
        let mut answer = Answer {
            status,
            headers,
            body: String::new(),
        };
        // The body of a stream has no end.
        if answer.header("content-type") != "text/event-stream" {
            let mut body = Vec::new();
            // A refusal may come before all was sent: then the end is abrupt.
            let _ = reader.read_to_end(&mut body);
            answer.body = String::from_utf8(body).expect("UTF-8");
        }
        answer
    }

    /// An answer that is read while it comes.
    #[track_caller]
    pub(crate) fn stream(&self, path: &str) -> Stream {
        self.stream_of(path, "")
    }

    /// The same, with further header lines.
    #[track_caller]
    pub(crate) fn stream_of(&self, path: &str, headers: &str) -> Stream {
        let mut reader = self.asked("GET", path, &self.address, headers);
        let (status, _) = head(&mut reader);
        assert_eq!(status, 200, "{path}");
        Stream(reader)
    }

    /// Asks until the status is as wanted, since nothing tells that a place is free.
    pub(crate) fn until_status(&self, path: &str, status: u16) -> bool {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.get(path).status == status {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    #[track_caller]
    fn asked(&self, method: &str, path: &str, host: &str, headers: &str) -> BufReader<TcpStream> {
        let mut connection = TcpStream::connect(&self.address).expect("it listens");
        connection.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
        connection.write_all(text.as_bytes()).expect("it reads");
        BufReader::new(connection)
    }
}

/// The status and the headers.
#[track_caller]
fn head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut lines = reader.lines().map(|line| {
        line.unwrap_or_else(|error| panic!("whoever asked was cut off before the answer was there: {error}"))
    });
    let first = lines.next().expect("whoever asked was sent away without an answer");
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(": ").expect("a header");
        (name.to_ascii_lowercase(), value.to_owned())
    });
    (status.expect("a status"), headers.collect())
}

impl Answer {
    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Stream {
    /// Reads until it ends; `false` when it still goes on after the patience of a test.
    pub(crate) fn ends(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut line = String::new();
        while Instant::now() < until {
            line.clear();
            match self.0.read_line(&mut line) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Reads until a line begins so; `false` when the stream ends or nothing comes.
    pub(crate) fn until(&mut self, beginning: &str) -> bool {
        let mut line = String::new();
        loop {
            line.clear();
            match self.0.read_line(&mut line) {
                Ok(0) | Err(_) => return false,
                Ok(_) if line.starts_with(beginning) => return true,
                Ok(_) => {}
            }
        }
    }
}
