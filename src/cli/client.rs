//! Asks the running daemon over its control socket: one JSON line out, one back.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::exit::Failure;
use super::global::Global;
use super::names;
use crate::daemon::{self, Ask};
use crate::model::{Reply, Request};

/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// An answer that needs nobody but the daemon comes within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Which names a request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// No name.
    None,
    /// A job.
    Job(&'a str),
    /// A job or a dataset.
    Any(&'a str),
}

/// A connection to the daemon of one state directory.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<UnixStream>,
    state_dir: PathBuf,
}

impl Client {
    pub(super) fn connect(global: &Global) -> Result<Self, Failure> {
        let state_dir = global.state_dir()?;
        match daemon::connect(&state_dir) {
            Ok(stream) => Ok(Self::over(stream, state_dir)),
            Err(error) => Err(unreachable(&state_dir, global, &error)),
        }
    }

    /// The same; `None` where none runs.
    pub(super) fn connect_to_any(global: &Global) -> Result<Option<Self>, Failure> {
        let state_dir = global.state_dir()?;
        match daemon::connect(&state_dir) {
            Ok(stream) => Ok(Some(Self::over(stream, state_dir))),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(unreachable(&state_dir, global, &error)),
        }
    }

    fn over(stream: UnixStream, state_dir: PathBuf) -> Self {
        Self {
            stream: BufReader::new(stream),
            state_dir,
        }
    }

    /// Asks, and turns a refusal into a failure; an unknown name is told with the nearest known one.
    pub(super) fn facts(&mut self, request: Request, subject: Subject<'_>) -> Result<Value, Failure> {
        match self.ask(&Ask::Engine(request), Some(ANSWER_WITHIN))? {
            Reply::Done(facts) => Ok(facts),
            Reply::Refused(why) => Err(self.unknown(subject)?.unwrap_or_else(|| Failure::not_fine(why))),
        }
    }

    /// Asks, and waits for the answer as long as `patience` says.
    pub(super) fn ask(&mut self, ask: &Ask, patience: Option<Duration>) -> Result<Reply, Failure> {
        let mut line = serde_json::to_vec(ask).map_err(|error| Failure::not_fine(error.to_string()))?;
        line.push(b'\n');
        let lost = |error: &io::Error| lost(&self.state_dir, error);
        self.stream
            .get_ref()
            .set_read_timeout(patience)
            .map_err(|error| lost(&error))?;
        self.stream.get_mut().write_all(&line).map_err(|error| lost(&error))?;
        let mut answer = Vec::new();
        let read = (&mut self.stream).take(ANSWER_BYTES_MAX).read_until(b'\n', &mut answer);
        match read {
            Ok(_) if answer.ends_with(b"\n") => {}
            Ok(_) => return Err(lost(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(lost(&error)),
        }
        serde_json::from_slice(&answer).map_err(|error| {
            Failure::unreachable(format!(
                "the daemon's answer cannot be read ({error}); is it of another version? restart it"
            ))
        })
    }

    /// Whether a refusal is explained by a name that the daemon does not know.
    fn unknown(&mut self, subject: Subject<'_>) -> Result<Option<Failure>, Failure> {
        let (what, name) = match subject {
            Subject::None => return Ok(None),
            Subject::Job(name) => ("job", name),
            Subject::Any(name) => ("job or dataset", name),
        };
        let Reply::Done(status) = self.ask(&Ask::Engine(Request::Status { name: None }), Some(ANSWER_WITHIN))? else {
            return Ok(None);
        };
        let of = |list: &str| {
            let list = status[list].as_array().map_or(&[][..], Vec::as_slice);
            list.iter()
                .filter_map(|entry| entry["name"].as_str())
                .collect::<Vec<_>>()
        };
        let mut known = of("jobs");
        if let Subject::Any(_) = subject {
            known.extend(of("datasets"));
        }
        if known.contains(&name) {
            return Ok(None);
        }
        Ok(Some(names::unknown(what, name, "what freshd supervises", known)))
    }
}

/// Whether nobody can be asked because no freshd runs there.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn unreachable(state_dir: &Path, global: &Global, error: &io::Error) -> Failure {
    let dir = state_dir.display();
    Failure::unreachable(match error.kind() {
        _ if is_absence(error) => format!(
            "freshd is not running on {dir}; start it with `freshd --config {} serve`, or name the state directory of the one that runs with --state",
            global.config.display()
        ),
        io::ErrorKind::PermissionDenied => {
            format!("you may not speak with the freshd on {dir}; run this as the user freshd runs as, or as root")
        }
        _ => format!("cannot reach the freshd on {dir}: {error}"),
    })
}

fn lost(state_dir: &Path, error: &io::Error) -> Failure {
    let dir = state_dir.display();
    Failure::unreachable(match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!(
                "the freshd on {dir} does not answer; its log says why. What was asked for may still be done once it does"
            )
        }
        _ => format!("the freshd on {dir} went away before it answered; its log says why"),
    })
}
