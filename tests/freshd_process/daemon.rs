//! One running daemon: started, asked, heard, ended.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use freshd::daemon::{Ask, connect};
use freshd::model::{Attempt, Name, Reply, Request, Run, RunId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use super::process::{self, ends_within, readable_within, wait_for_end};
use super::{House, PATIENCE};

/// A daemon; killed when it is dropped. Its keepers are the house's to end.
pub(crate) struct Daemon {
    child: Child,
    process: OwnedFd,
    log: Arc<Log>,
    /// What it tells the service manager.
    pub(crate) manager: Manager,
    state_dir: std::path::PathBuf,
}

/// Its log, as far as it was read.
#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    grown: Condvar,
}

/// The service manager's end of `NOTIFY_SOCKET`.
pub(crate) struct Manager {
    socket: UnixDatagram,
    /// Everything that was said, in order.
    pub(crate) heard: Vec<String>,
}

impl Daemon {
    /// Starts one and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(command: Command, house: &House) -> Self {
        let mut daemon = Self::spawn(command, house);
        let ready = daemon.tells("READY=1", PATIENCE);
        assert!(ready, "the daemon is not ready: {}", daemon.log());
        daemon
    }

    /// Starts one.
    pub(crate) fn spawn(mut command: Command, house: &House) -> Self {
        let path = house.path("notify.sock");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let mut child = command.env("NOTIFY_SOCKET", &path).spawn().expect("freshd starts");
        let process = process::open(i32::try_from(child.id()).expect("a process id")).expect("it is ours");
        let log = Arc::<Log>::default();
        let written = BufReader::new(child.stderr.take().expect("its log"));
        let reading = log.clone();
        std::thread::spawn(move || {
            for line in written.lines().map_while(Result::ok) {
                reading.lines.lock().expect("the log").0.push(line);
                reading.grown.notify_all();
            }
            reading.lines.lock().expect("the log").1 = true;
            reading.grown.notify_all();
        });
        let manager = Manager {
            socket,
            heard: Vec::new(),
        };
        Self {
            child,
            process,
            log,
            manager,
            state_dir: house.state_dir(),
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has logged, its last words too when it has ended.
    pub(crate) fn log(&self) -> String {
        let mut lines = self.log.lines.lock().expect("the log");
        if ends_within(&self.process, Duration::ZERO) {
            // What inherited its stderr may keep the log open: nobody does.
            lines = self
                .log
                .grown
                .wait_timeout_while(lines, PATIENCE, |lines| !lines.1)
                .expect("the log")
                .0;
        }
        lines.0.join("\n")
    }

    /// Waits for a line of the log that holds all these words, from line `from` on; returns the number behind it.
    #[track_caller]
    pub(crate) fn logs_from(&self, from: usize, words: &[&str]) -> usize {
        let found = |lines: &[String]| {
            let holds = |line: &String| words.iter().all(|word| line.contains(word));
            lines.iter().skip(from).position(holds).map(|at| from + at + 1)
        };
        let lines = self.log.lines.lock().expect("the log");
        let waits = |lines: &mut (Vec<String>, bool)| found(&lines.0).is_none() && !lines.1;
        let lines = self
            .log
            .grown
            .wait_timeout_while(lines, PATIENCE, waits)
            .expect("the log")
            .0;
        let (found, log) = (found(&lines.0), lines.0.join("\n"));
        // Not held in a panic: the thread that reads goes on.
        drop(lines);
        found.unwrap_or_else(|| panic!("no line of the log holds {words:?}:\n{log}"))
    }

    /// Waits for a line of the log that holds all these words.
    #[track_caller]
    pub(crate) fn logs(&self, words: &[&str]) -> usize {
        self.logs_from(0, words)
    }

    /// Waits until the service manager is told this; `false` when the daemon ends or the time passes before.
    pub(crate) fn tells(&mut self, wanted: &str, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let is_wanted = |said: &String| said.lines().any(|line| line == wanted);
        loop {
            let heard = self.manager.heard.len();
            let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).expect("a short time");
            let mut files = [
                PollFd::new(&self.manager.socket, PollFlags::IN),
                PollFd::new(&self.process, PollFlags::IN),
            ];
            let some = poll(&mut files, Some(&left)).expect("poll");
            let (has_said, has_ended) = (!files[0].revents().is_empty(), !files[1].revents().is_empty());
            if has_said {
                self.manager.listen();
                if self.manager.heard[heard..].iter().any(is_wanted) {
                    return true;
                }
            } else if some == 0 || has_ended {
                return false;
            }
        }
    }

    /// Asks over the control socket.
    #[track_caller]
    pub(crate) fn ask(&self, ask: &Ask) -> Reply {
        let mut stream = connect(&self.state_dir).expect("the control socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
        let mut line = serde_json::to_vec(ask).expect("a request");
        line.push(b'\n');
        stream.write_all(&line).expect("the daemon listens");
        let mut answer = String::new();
        BufReader::new(stream)
            .read_line(&mut answer)
            .expect("the daemon answers");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}\n{}", self.log()))
    }

    /// Begins a run by hand.
    #[track_caller]
    pub(crate) fn run(&self, job: &str) -> RunId {
        let request = Request::Run {
            job: Name::from(job),
            args: Vec::new(),
        };
        match self.ask(&Ask::Engine(request)) {
            Reply::Done(begun) => RunId(begun["run"].as_u64().expect("a run's number")),
            Reply::Refused(why) => panic!("{why}"),
        }
    }

    /// The record of a run, once it is final.
    #[track_caller]
    pub(crate) fn finished(&self, run: RunId, house: &House) -> (Run, Vec<Attempt>) {
        // Refused when it is final already.
        let _ = self.ask(&Ask::Engine(Request::Wait { run }));
        let (run, attempts) = house.run(run);
        assert!(run.outcome.is_some(), "not final: {run:?}");
        (run, attempts)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.process, signal).expect("the daemon lives");
    }

    /// Lets it live for so long; it must not end by itself.
    #[track_caller]
    pub(crate) fn lives_for(&self, time: Duration) {
        assert!(
            !ends_within(&self.process, time),
            "the daemon ended by itself:\n{}",
            self.log()
        );
    }

    /// kill -9, as by the kernel when memory is short.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the daemon lives");
        self.child.wait().expect("the daemon ended");
    }

    /// Tells it to end, and waits for that.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for_end(&self.process, "the daemon");
        self.child.wait().expect("the daemon ended")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Manager {
    /// Whether this was said, or lies there unread.
    pub(crate) fn hears(&mut self, wanted: &str) -> bool {
        self.drain();
        self.heard.iter().any(|said| said.lines().any(|line| line == wanted))
    }

    /// Hears what lies there unread.
    pub(crate) fn drain(&mut self) {
        while readable_within(&self.socket, Duration::ZERO) {
            self.listen();
        }
    }

    fn listen(&mut self) {
        let mut message = [0; 4096];
        let count = self.socket.recv(&mut message).expect("a message");
        self.heard.push(String::from_utf8_lossy(&message[..count]).into_owned());
    }
}
