//! Command: a program that is given the message, bounded in time and output, and ended with all that it started.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::failure::Failure;
use super::links::Links;
use super::{clean, webhook};
use crate::model::{Command, CommandChannel, HIDDEN, Message, Notification, format_duration};

/// `EX_TEMPFAIL` of sysexits.h: try again later.
const EXIT_TEMPORARY: i32 = 75;

/// What the shell answers when there is no such program.
const EXIT_NOT_FOUND: i32 = 127;

/// How much of the end of the output is kept.
const OUTPUT_BYTES_MAX: usize = 4096;

/// Lines of it that are told.
const OUTPUT_LINES_MAX: usize = 3;

/// Longest of these, in characters.
const OUTPUT_LINE_CHARS_MAX: usize = 150;

/// Longest variable, in characters.
const VARIABLE_CHARS_MAX: usize = 1000;

/// One try; comes back soon after `channel.timeout` whatever the program does.
pub(super) async fn run(
    channel: &CommandChannel,
    notification: &Notification,
    links: Links<'_>,
) -> Result<(), Failure> {
    let to = notification.address.to.as_deref();
    let body = webhook::body(&notification.message, to, links)?;
    let command = prepared(channel, notification, links)?;
    let limit = channel.timeout;
    let token = links.ack.and_then(|link| link.rsplit('/').next()).map(str::to_owned);
    let running = tokio::task::spawn_blocking(move || attempt(command, body.as_bytes(), limit, token.as_deref()));
    running
        .await
        .unwrap_or_else(|error| Err(Failure::temporary(format!("the command's watcher stopped: {error}"))))
}

fn prepared(
    channel: &CommandChannel,
    notification: &Notification,
    links: Links<'_>,
) -> Result<std::process::Command, Failure> {
    let words: Vec<&str> = match &channel.command {
        Command::Argv(words) => words.iter().map(|word| &**word).collect(),
        Command::Shell(text) => vec!["/bin/sh", "-c", text],
    };
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::permanent("the command is empty; write a program"));
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    command
        .env_clear()
        .envs(channel.env.iter().map(|(name, value)| (name, value)))
        .envs(variables(notification, links))
        .current_dir("/")
        .process_group(0);
    if let Some(user) = &channel.run_as {
        // Root's own groups are dropped with that.
        command.uid(user.uid).gid(user.gid);
    }
    Ok(command)
}

/// What a script asks for most, without a parser for JSON.
fn variables(notification: &Notification, links: Links<'_>) -> Vec<(&'static str, String)> {
    let message: &Message = &notification.message;
    let shown = |text: &str| clean::line(text, VARIABLE_CHARS_MAX);
    vec![
        ("FRESHD_ID", clean::identifier(&message.id)),
        ("FRESHD_PURPOSE", message.purpose.as_str().to_owned()),
        ("FRESHD_KIND", message.kind.map_or("", |kind| kind.as_str()).to_owned()),
        (
            "FRESHD_ABOUT",
            message.about.map_or("", |about| about.as_str()).to_owned(),
        ),
        ("FRESHD_SUBJECT", shown(message.subject_name.as_str())),
        ("FRESHD_SEVERITY", message.severity.as_str().to_owned()),
        (
            "FRESHD_INCIDENT",
            message
                .incident
                .map_or_else(String::new, |incident| incident.to_string()),
        ),
        ("FRESHD_THREAD", clean::identifier(&message.thread)),
        ("FRESHD_TEAM", shown(message.team.as_str())),
        (
            "FRESHD_TO",
            shown(notification.address.to.as_deref().unwrap_or_default()),
        ),
        ("FRESHD_TITLE", shown(&message.marked_subject())),
        ("FRESHD_TEXT", shown(&message.headline)),
        ("FRESHD_INCIDENT_URL", links.page.unwrap_or_default().to_owned()),
        ("FRESHD_ACK_URL", links.ack.unwrap_or_default().to_owned()),
        ("FRESHD_ATTEMPT", notification.tries.saturating_add(1).to_string()),
    ]
}

/// How a program came to its end.
enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It was ended when its time was over.
    TimedOut,
}

/// `token` is what its last words must not tell.
fn attempt(
    mut command: std::process::Command,
    body: &[u8],
    limit: Duration,
    token: Option<&str>,
) -> Result<(), Failure> {
    let shown = command.get_program().to_owned();
    let broken = |error: &io::Error| Failure::temporary(format!("the command cannot be watched: {error}"));
    let (output, both) = io::pipe().map_err(|error| broken(&error))?;
    let again = both.try_clone().map_err(|error| broken(&error))?;
    command.stdin(Stdio::piped()).stdout(both).stderr(again);
    let mut child = command.spawn().map_err(|error| not_started(&shown, &error))?;
    // Its ends of the pipe are the child's alone from now on.
    drop(command);
    let mut talk = Talk {
        input: child.stdin.take().map(OwnedFd::from),
        left: body,
        output: Some(OwnedFd::from(output)),
        said: VecDeque::new(),
    };
    let watched = watch(&child, &mut talk, limit);
    // While it has not been waited for, its number, which is that of the group, can be nobody else's.
    if let Some(group) = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    // It may have left its group.
    let _ = child.kill();
    let status = child.wait().map_err(|error| broken(&error))?;
    let end = match watched.map_err(|error| broken(&error))? {
        Watched::Ended => End::Exited(status),
        Watched::Over => End::TimedOut,
    };
    judge(&end, limit, &talk.words(token))
}

/// Whether it ended before its time was over.
enum Watched {
    Ended,
    Over,
}

/// Gives it the message and takes what it says, until it ends or its time is over.
fn watch(child: &Child, talk: &mut Talk<'_>, limit: Duration) -> io::Result<Watched> {
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?)
        .ok_or_else(|| io::Error::other("it has no number"))?;
    let life = pidfd_open(pid, PidfdFlags::empty())?;
    talk.prepare()?;
    let begun = Instant::now();
    loop {
        let Some(left) = limit.checked_sub(begun.elapsed()) else {
            return Ok(Watched::Over);
        };
        let has_ended = {
            let mut waiting = vec![PollFd::new(&life, PollFlags::IN)];
            waiting.extend(talk.output.as_ref().map(|output| PollFd::new(output, PollFlags::IN)));
            waiting.extend(talk.input.as_ref().map(|input| PollFd::new(input, PollFlags::OUT)));
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut waiting, Some(&left)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            !waiting[0].revents().is_empty()
        };
        talk.listen();
        talk.tell();
        if has_ended {
            return Ok(Watched::Ended);
        }
    }
}

/// Both directions of what is said between freshd and the program.
struct Talk<'a> {
    /// Closed when all is said, or when nobody listens.
    input: Option<OwnedFd>,
    left: &'a [u8],
    /// Closed when nobody can say anything any more.
    output: Option<OwnedFd>,
    said: VecDeque<u8>,
}

impl Talk<'_> {
    /// Lets neither direction wait for the other.
    fn prepare(&self) -> io::Result<()> {
        for end in [&self.input, &self.output].into_iter().flatten() {
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    /// Says as much as the program takes now. A program need not listen: one that sends a word on only has no use for it.
    fn tell(&mut self) {
        while let Some(input) = self.input.as_ref().filter(|_| !self.left.is_empty()) {
            match rustix::io::write(input, self.left) {
                Ok(count) => self.left = &self.left[count..],
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => break,
            }
        }
        self.input = None;
    }

    /// Takes as much as the program has said, at most one pipe full at a time: one that never stops must not keep its limit
    /// from being looked at.
    fn listen(&mut self) {
        const PIPE_BYTES: usize = 64 * 1024;
        let mut taken = 0;
        let mut chunk = [0; 8192];
        while let Some(output) = self.output.as_ref().filter(|_| taken < PIPE_BYTES) {
            match rustix::io::read(output, &mut chunk) {
                Ok(0) => self.output = None,
                Ok(count) => {
                    taken += count;
                    self.said.extend(&chunk[..count]);
                    let beyond = self.said.len().saturating_sub(OUTPUT_BYTES_MAX);
                    self.said.drain(..beyond);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => self.output = None,
            }
        }
    }

    /// Its last words, without the secret part of the link that it was given. It is looked for here, since the lines are cut
    /// below: half of it would not be recognised later.
    fn words(mut self, token: Option<&str>) -> String {
        let is_cut = self.said.len() == OUTPUT_BYTES_MAX;
        let mut text = String::from_utf8_lossy(self.said.make_contiguous()).into_owned();
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            let halves = (0..token.len()).filter_map(|from| token.get(from..));
            let half = halves.filter(|_| is_cut).find(|half| text.starts_with(half));
            text.drain(..half.map_or(0, str::len));
            text = text.replace(token, HIDDEN);
        }
        let lines = text.lines().map(|line| clean::line(line, OUTPUT_LINE_CHARS_MAX));
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(OUTPUT_LINES_MAX)..].join(" / ")
    }
}

fn judge(end: &End, limit: Duration, words: &str) -> Result<(), Failure> {
    let said = match words {
        "" => String::new(),
        words => format!(": {words}"),
    };
    let status = match end {
        End::TimedOut => {
            let limit = format_duration(limit);
            return Err(Failure::temporary(format!(
                "the command did not end within {limit}{said}"
            )));
        }
        End::Exited(status) => status,
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(EXIT_TEMPORARY), _) => Err(Failure::temporary(format!(
            "the command asks for another try (exit code {EXIT_TEMPORARY}){said}"
        ))),
        (Some(EXIT_NOT_FOUND), _) => Err(Failure::permanent(format!(
            "the command was not found (exit code {EXIT_NOT_FOUND}){said}"
        ))),
        (Some(code), _) => Err(Failure::permanent(format!(
            "the command ended with exit code {code}{said}"
        ))),
        (None, signal) => Err(Failure::temporary(format!(
            "the command was killed by signal {}{said}",
            signal.unwrap_or_default()
        ))),
    }
}

fn not_started(program: &OsString, error: &io::Error) -> Failure {
    let program = program.to_string_lossy();
    let told = format!("{program} could not be started: {error}");
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Failure::permanent(told),
        _ => Failure::temporary(told),
    }
}
