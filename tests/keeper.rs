//! The keeper with real processes, through the real binary.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freshd::model::{
    Attempt, AttemptId, AttemptSpec, AttemptState, Event, Exit, ExitStatus, Name, Output, RunId, StopReason, Usage,
};
use freshd::runner::{Keepers, LineKind, read_log, recover};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::sync::mpsc;

const EXE: &str = env!("CARGO_BIN_EXE_freshd");

/// Longest any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A state directory with its keepers, which end with it.
struct House {
    dir: PathBuf,
    keepers: Option<Keepers>,
    events: mpsc::Receiver<Event>,
    started: HashMap<AttemptId, u32>,
    _temporary: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let mut house = Self::empty();
        house.open(&[]).await;
        house
    }

    fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self {
            dir: temporary.path().to_owned(),
            keepers: None,
            events: mpsc::channel(1).1,
            started: HashMap::new(),
            _temporary: temporary,
        }
    }

    /// A daemon begins, with these attempts stored as unfinished.
    async fn open(&mut self, unfinished: &[Attempt]) {
        let (events, inbox) = mpsc::channel(10_000);
        self.events = inbox;
        let keepers = recover(&self.dir, Path::new(EXE), unfinished, events).await.unwrap();
        self.keepers = Some(keepers);
    }

    /// The daemon is gone without a word.
    fn drop_daemon(&mut self) {
        self.keepers = None;
    }

    fn keepers(&self) -> &Keepers {
        self.keepers.as_ref().unwrap()
    }

    fn spec(&self, run: u64, argv: &[&str]) -> Box<AttemptSpec> {
        let run_dir = self.dir.join(format!("runs/{run}.1"));
        let report = run_dir.join("report");
        let env = [
            ("PATH", "/usr/bin:/bin"),
            ("FRESHD_RUN_ID", &run.to_string()),
            ("FRESHD_ATTEMPT", "1"),
            ("FRESHD_REPORT", report.to_str().unwrap()),
            ("HOUSE", self.dir.to_str().unwrap()),
        ];
        Box::new(AttemptSpec {
            id: id(run),
            job: Name::from("test"),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: env.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
            workdir: self.dir.clone(),
            output_dir: None,
            run_dir,
            log: self.dir.join(format!("logs/{run}.1.log")),
            log_limit_bytes: 64 << 10,
            report,
            timeout: Some(Duration::from_mins(1)),
            kill_after: Duration::from_secs(5),
            keep_leftovers: false,
        })
    }

    fn shell(&self, run: u64, text: &str) -> Box<AttemptSpec> {
        self.spec(run, &["/bin/sh", "-c", text])
    }

    /// A named pipe in the house: who opens it waits for the other side.
    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        path
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("no event came")
            .expect("the events ended")
    }

    /// The next end; starts are noted on the way.
    async fn exit(&mut self) -> Exit {
        loop {
            match self.event().await {
                Event::AttemptStarted { id, pid, .. } => {
                    self.started.insert(id, pid);
                }
                Event::AttemptEnded(exit) => return exit,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The pid of an attempt, once it has started.
    async fn pid(&mut self, run: u64) -> u32 {
        while !self.started.contains_key(&id(run)) {
            match self.event().await {
                Event::AttemptStarted { id, pid, .. } => {
                    self.started.insert(id, pid);
                }
                other => panic!("{other:?}"),
            }
        }
        self.started[&id(run)]
    }

    async fn run(&mut self, spec: Box<AttemptSpec>) -> Exit {
        let id = spec.id;
        self.keepers().start(spec);
        let exit = self.exit().await;
        assert_eq!(exit.id, id);
        self.keepers().acknowledge(id);
        exit
    }

    /// What an attempt printed, as lines.
    fn printed(&self, run: u64) -> Vec<String> {
        let mut reader = read_log(&self.dir.join(format!("logs/{run}.1.log"))).unwrap();
        let mut lines: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        lines.extend(reader.finish());
        lines
            .into_iter()
            .map(|line| String::from_utf8_lossy(&line.text).into_owned())
            .collect()
    }

    /// A keeper that no daemon started, after a shell has done something.
    fn keeper_by_hand(&self, before: &str) -> std::process::Child {
        fs::create_dir_all(self.dir.join("keeper")).unwrap();
        fs::write(self.dir.join("keeper/1.lock"), "").unwrap();
        let script = format!("{before}; exec \"$0\" \"$@\"");
        let mut keeper = std::process::Command::new("/bin/sh")
            .args(["-c", &script, EXE, "keeper", "--state", self.dir.to_str().unwrap()])
            .args(["--number", "1"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0];
        keeper.stdout.take().unwrap().read_exact(&mut ready).unwrap();
        keeper
    }

    fn keeper_pids(&self) -> Vec<i32> {
        let state = format!("--state\0{}\0", self.dir.display());
        pids_where(|pid| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&state))
        })
    }

    /// Processes of this house's jobs, also those with a clean environment: their working directory is the house.
    fn job_pids(&self) -> Vec<i32> {
        pids_where(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.dir))
    }

    fn kill_keepers(&self) {
        for pid in self.keeper_pids() {
            kill(pid);
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill_keepers();
        for pid in self.job_pids() {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

/// Kills a process and waits until it is gone.
fn kill(pid: i32) {
    let pid = Pid::from_raw(pid).unwrap();
    if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
        let _ = kill_process(pid, Signal::KILL);
        wait_for(&pidfd);
    }
}

fn wait_for(pidfd: &std::os::fd::OwnedFd) {
    let patience = rustix::event::Timespec { tv_sec: 30, tv_nsec: 0 };
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&patience)), Ok(1), "it still lives");
}

fn pids_where(is_one: impl Fn(i32) -> bool) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own && is_one(*pid))
        .collect()
}

fn id(run: u64) -> AttemptId {
    AttemptId {
        run: RunId(run),
        number: 1,
    }
}

fn stored(run: u64, state: AttemptState) -> Attempt {
    Attempt {
        id: id(run),
        job: Name::from("test"),
        state,
        claimed_at: Timestamp::now(),
        boot_id: String::new(),
        started_at: None,
        ended_at: None,
        pid: None,
        outcome: None,
        exit_code: None,
        signal: None,
        reason: None,
        usage: Usage::default(),
        output: Output::default(),
        report: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_signals_are_told_as_the_kernel_says_them() {
    let mut house = House::new().await;
    let cases = [
        ("true", ExitStatus::Code(0)),
        ("exit 7", ExitStatus::Code(7)),
        ("exit 255", ExitStatus::Code(255)),
        ("kill -KILL $$", ExitStatus::Signal(9)),
        ("kill -SEGV $$", ExitStatus::Signal(11)),
    ];
    for (run, (text, status)) in (1..).zip(cases) {
        let exit = house.run(house.shell(run, text)).await;
        assert_eq!(exit.status, status, "{text}");
        assert_eq!(exit.stop, None);
        assert_eq!(house.started.get(&id(run)), Some(&exit.pid));
        assert!(exit.started_at <= exit.ended_at);
        assert!(exit.usage.max_rss_kib > 0);
        assert!(!house.dir.join(format!("logs/{run}.1.log")).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_started_says_why_and_what_to_do() {
    let mut house = House::new().await;
    let file = |name: &str, text: &str, mode: u32| {
        let path = house.dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain", "#!/bin/sh\n", 0o644);
    let no_header = file("no-header", "echo hello\n", 0o755);
    let no_interpreter = file("no-interpreter", "#!/no/such/perl -w\n", 0o755);
    let cases = [
        ("/no/such/program", "/no/such/program does not exist; correct"),
        (
            "no-such-program",
            "no-such-program is not in PATH (/usr/bin:/bin); write",
        ),
        (&plain, "may not be executed"),
        (&no_header, "begin it with a line such as #!/bin/sh"),
        (&no_interpreter, "asks for the interpreter /no/such/perl"),
        ("/bin", "/bin is a directory"),
        ("", "the command is empty"),
    ];
    for (run, (program, sentence)) in (1..).zip(cases) {
        let exit = house.run(house.spec(run, &[program])).await;
        let ExitStatus::NotStarted(why) = &exit.status else {
            panic!("{program}: {exit:?}")
        };
        assert!(why.contains(sentence), "{why}");
        assert_eq!((exit.pid, exit.started_at), (0, exit.ended_at));
    }
    let mut spec = house.shell(20, "true");
    spec.workdir = PathBuf::from("/no/such/dir");
    let exit = house.run(spec).await;
    let why =
        "workdir /no/such/dir cannot be entered: No such file or directory (os error 2); make it, or correct workdir";
    assert_eq!(exit.status, ExitStatus::NotStarted(why.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_looked_for_in_the_path_of_its_job() {
    let mut house = House::new().await;
    fs::create_dir(house.dir.join("tools")).unwrap();
    symlink("/bin/sh", house.dir.join("tools/my-shell")).unwrap();
    let mut spec = house.spec(1, &["my-shell", "-c", "exit 4"]);
    spec.env[0].1 = "/bin:tools".to_owned();
    assert_eq!(house.run(spec).await.status, ExitStatus::Code(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_gets_its_environment_three_descriptors_and_nothing_else() {
    let mut house = House::new().await;
    let spec = house.spec(1, &["/usr/bin/env"]);
    let expected: Vec<_> = spec.env.iter().map(|(key, value)| format!("{key}={value}")).collect();
    house.run(spec).await;
    assert_eq!(house.printed(1), expected);

    house
        .run(house.shell(
            2,
            "ls -m /proc/$$/fd; readlink /proc/$$/fd/0; pwd; ulimit -Sn; grep -E '^Sig(Blk|Ign)' /proc/self/status; ps -o sid= -p $$ | tr -d ' '; echo $$",
        ))
        .await;
    let printed = house.printed(2);
    let pid = printed.last().unwrap();
    assert_eq!(printed[0], "0, 1, 2");
    assert_eq!(printed[1], "/dev/null");
    assert_eq!(printed[2], house.dir.to_str().unwrap());
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    assert_eq!(printed[3], limit.unwrap().to_string());
    assert_eq!(printed[4], "SigBlk:\t0000000000000000");
    let ignored = printed[5].strip_prefix("SigIgn:\t").unwrap();
    // Signals 32 and 33 are the C library's own.
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0);
    assert_eq!(&printed[6], pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keeper_keeps_nothing_of_the_environment_it_was_started_with() {
    let house = House::new().await;
    let keeper = house.keeper_pids()[0];
    assert_eq!(fs::read(format!("/proc/{keeper}/environ")).unwrap(), b"");
    for (name, mode) in [("", 0o700), ("1.sock", 0o600), ("1.journal", 0o600), ("1.log", 0o600)] {
        let file = fs::metadata(house.dir.join("keeper").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_streams_are_kept_in_the_order_in_which_they_were_written() {
    let mut house = House::new().await;
    let text =
        "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; printf 'no newline'; echo rows=3 >> $FRESHD_REPORT";
    let exit = house.run(house.shell(1, text)).await;
    let mut expected: Vec<_> = (1..=5).flat_map(|i| [format!("out {i}"), format!("err {i}")]).collect();
    expected.push("no newline".to_owned());
    assert_eq!(house.printed(1), expected);
    assert_eq!(exit.output.tail, expected.join("\n"));
    assert_eq!(exit.output.bytes, exit.output.tail.len() as u64);
    assert_eq!(exit.output.dropped_bytes, 0);
    assert_eq!(exit.report, "rows=3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_no_plain_file_is_not_followed() {
    let mut house = House::new().await;
    let exit = house.run(house.shell(1, "ln -s /etc/passwd $FRESHD_REPORT")).await;
    assert_eq!(exit.report, "");
    let exit = house
        .run(house.shell(2, "head -c 200000 /dev/zero | tr '\\0' x > $FRESHD_REPORT"))
        .await;
    assert_eq!(exit.report.len() as u64, freshd::runner::REPORT_BYTES_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_fills_neither_memory_nor_disk_and_delays_nobody() {
    let mut house = House::new().await;
    // The first attempt grows the keeper to what it needs anyway.
    house.run(house.shell(1, "head -c 1000000 /dev/zero")).await;
    let keeper = house.keeper_pids()[0];
    let before_kib = memory_kib(keeper);
    let mut spec = house.shell(
        2,
        "yes | head -c 25000000; head -c 25000000 /dev/zero; printf '\\377end'",
    );
    spec.log_limit_bytes = 1 << 20;
    let log = spec.log.clone();
    house.keepers().start(spec);
    house.pid(2).await;
    let quick = house.run(house.shell(3, "true")).await;
    assert_eq!(quick.status, ExitStatus::Code(0));
    let exit = house.exit().await;
    assert_eq!(exit.output.bytes, 50_000_004);
    assert!(exit.output.dropped_bytes > 47_000_000);
    assert!(exit.output.tail.ends_with("\u{fffd}end"));
    assert!(exit.output.tail.len() <= freshd::runner::TAIL_BYTES_MAX);
    let on_disk: u64 = fs::read_dir(log.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_str().unwrap().starts_with("2.1.log"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(on_disk <= 2 << 20, "{on_disk}");
    let mut gaps = 0;
    let mut kept = 0;
    for line in read_log(&log).unwrap() {
        let line = line.unwrap();
        match line.kind {
            LineKind::Gap => gaps += 1,
            LineKind::Whole => kept += line.text.len() as u64 + 1,
            LineKind::Piece => kept += line.text.len() as u64,
        }
    }
    assert_eq!(gaps, 1);
    assert!(kept <= exit.output.bytes - exit.output.dropped_bytes);
    let grown_kib = memory_kib(keeper).saturating_sub(before_kib);
    assert!(grown_kib <= 1_024, "grew by {grown_kib} KiB");
}

/// Largest resident size so far.
fn memory_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_a_job_that_ignores_sigterm_with_all_its_processes() {
    let mut house = House::new().await;
    // One ignores SIGTERM in the group, one left the session, one hides its environment as well.
    let mut spec = house.shell(
        1,
        "trap '' TERM; sleep 1000 & setsid sleep 1001 & setsid env -i sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &); wait; wait; sleep 1005",
    );
    spec.timeout = Some(Duration::from_millis(300));
    spec.kill_after = Duration::from_millis(200);
    let begun = Instant::now();
    let exit = house.run(spec).await;
    assert_eq!(exit.status, ExitStatus::Signal(9));
    assert_eq!(exit.stop, Some(StopReason::Timeout));
    assert!(begun.elapsed() < Duration::from_millis(2_500));
    assert_eq!(house.job_pids(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_heeds_sigterm_says_so_with_its_own_exit_code() {
    let mut house = House::new().await;
    let ready = house.fifo("ready");
    let text = "trap 'echo cleaning; exit 9' TERM; echo > ready; while :; do sleep 0.05; done";
    house.keepers().start(house.shell(1, text));
    fs::read(ready).unwrap();
    house.keepers().stop(id(1), StopReason::Cancelled);
    let exit = house.exit().await;
    assert_eq!(exit.status, ExitStatus::Code(9));
    assert_eq!(exit.stop, Some(StopReason::Cancelled));
    assert!(exit.output.tail.ends_with("cleaning\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grandchild_that_holds_the_pipe_delays_the_end_by_two_seconds_at_most() {
    let mut house = House::new().await;
    let begun = Instant::now();
    let exit = house
        .run(house.shell(1, "(sleep 0.2; echo late; sleep 1000) & exit 3"))
        .await;
    let took = begun.elapsed();
    assert_eq!(exit.status, ExitStatus::Code(3));
    assert_eq!(exit.output.tail, "late\n");
    assert!(exit.usage.leftovers_killed >= 1);
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_secs(3),
        "{took:?}"
    );
    assert!(exit.ended_at.duration_since(exit.started_at).as_secs_f64() < 1.0);
    assert_eq!(house.job_pids(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_escaped_into_a_session_of_its_own_is_killed_when_the_job_ends() {
    let mut house = House::new().await;
    let _ready = house.fifo("ready");
    let escapes = [
        "setsid sh -c 'echo > ready; exec sleep 1000' >/dev/null 2>&1 &",
        "setsid env -i /bin/sh -c 'echo > ready; exec sleep 1000' >/dev/null 2>&1 &",
        "setsid sh -c 'setsid sleep 1000 & setsid sleep 1001 & echo > ready; sleep 1002' >/dev/null 2>&1 &",
    ];
    for (run, escape) in (1..).zip(escapes) {
        let begun = Instant::now();
        let text = format!("({escape}); read x < ready; exit 0");
        let exit = house.run(house.shell(run, &text)).await;
        assert_eq!(exit.status, ExitStatus::Code(0), "{escape}");
        assert!(begun.elapsed() < Duration::from_secs(2));
        // One without a name is killed as soon as no attempt runs that could own it: now.
        for pid in house.job_pids() {
            let pidfd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty());
            if let Ok(pidfd) = pidfd {
                wait_for(&pidfd);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_kept_where_the_job_says_so() {
    let mut house = House::new().await;
    let mut spec = house.shell(1, "sleep 1000 >/dev/null 2>&1 & echo $!");
    spec.keep_leftovers = true;
    let exit = house.run(spec).await;
    assert_eq!(exit.usage.leftovers_killed, 0);
    let kept: i32 = exit.output.tail.trim().parse().unwrap();
    // The end of another attempt is no reason either.
    house.run(house.shell(2, "true")).await;
    assert_eq!(house.job_pids(), [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_sent_again_is_not_started_again() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    let spec = house.shell(1, "echo started >> evidence; read x < hold; exit 5");
    for _ in 0..3 {
        house.keepers().start(spec.clone());
    }
    house.pid(1).await;
    house.drop_daemon();
    house.open(&[stored(1, AttemptState::Claimed)]).await;
    house.keepers().start(spec.clone());
    house.pid(1).await;
    fs::write(hold, "go\n").unwrap();
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    house.keepers().start(spec);
    house.keepers().acknowledge(id(1));
    house.run(house.shell(2, "true")).await;
    let evidence = fs::read_to_string(house.dir.join("evidence")).unwrap();
    assert_eq!(evidence, "started\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_while_the_daemon_is_dead_keeps_its_exit_status() {
    let mut house = House::new().await;
    let ready = house.fifo("ready");
    let hold = house.fifo("hold");
    let text = "echo > ready; read x < hold; echo out; exit 42";
    house.keepers().start(house.shell(1, text));
    fs::read(ready).unwrap();
    let pid = i32::try_from(house.pid(1).await).unwrap();
    let pidfd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    house.drop_daemon();
    fs::write(hold, "go\n").unwrap();
    wait_for(&pidfd);
    let keeper = house.keeper_pids();
    house
        .open(&[stored(1, AttemptState::Started), stored(2, AttemptState::Claimed)])
        .await;
    let mut told = BTreeMap::new();
    while told.len() < 2 {
        match house.event().await {
            Event::AttemptEnded(exit) => {
                assert_eq!((exit.status, exit.output.tail), (ExitStatus::Code(42), "out\n".into()));
                told.insert("ended", exit.id);
            }
            Event::AttemptNeverStarted(id) => {
                told.insert("never", id);
            }
            // The keeper may see the end only now.
            Event::AttemptStarted { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, BTreeMap::from([("ended", id(1)), ("never", id(2))]));
    assert_eq!(house.keeper_pids(), keeper, "the living keeper goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_keeper_is_killed_its_jobs_live_on_and_new_ones_get_a_new_keeper() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house
        .keepers()
        .start(house.shell(1, "(setsid sleep 1000 &); read x < hold; exit 6"));
    let pid = house.pid(1).await;
    house.kill_keepers();
    let exit = house.run(house.shell(2, "exit 7")).await;
    assert_eq!(exit.status, ExitStatus::Code(7));
    assert!(fs::metadata(format!("/proc/{pid}")).is_ok());
    fs::write(hold, "go\n").unwrap();
    let exit = house.exit().await;
    // This process is the subreaper, so the status came here. Elsewhere it would be unknown, never guessed.
    assert_eq!((exit.id, exit.status), (id(1), ExitStatus::Code(6)));
    assert_eq!(exit.pid, pid);
    assert!(exit.usage.leftovers_killed >= 1);
    assert_eq!(house.job_pids(), [0; 0]);
    let journal = house.dir.join("keeper/1.journal");
    assert!(journal.exists(), "the end is not stored yet");
    house.keepers().acknowledge(id(1));
    house.run(house.shell(3, "true")).await;
    assert!(!journal.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_keepers_journal_answers_for_what_it_started_and_for_what_it_did_not() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house.keepers().start(house.shell(1, "exit 8"));
    assert_eq!(house.exit().await.status, ExitStatus::Code(8));
    let mut spec = house.shell(2, "read x < hold; exit 9");
    spec.timeout = Some(Duration::from_millis(400));
    house.keepers().start(spec);
    house.pid(2).await;
    house.drop_daemon();
    house.kill_keepers();
    // A record that was being written when the machine stopped.
    let journal = house.dir.join("keeper/1.journal");
    let torn = frame(&started_elsewhere(3));
    let mut bytes = fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes.truncate(end);
    bytes.extend_from_slice(&torn[..torn.len() - 3]);
    fs::write(&journal, bytes).unwrap();
    house
        .open(&[1, 2, 3].map(|run| stored(run, AttemptState::Claimed)))
        .await;
    let mut exits = BTreeMap::new();
    let mut never = Vec::new();
    while exits.len() < 2 || never.is_empty() {
        match house.event().await {
            Event::AttemptStarted { id: started, .. } => assert_eq!(started, id(2)),
            Event::AttemptEnded(exit) => {
                exits.insert(exit.id, (exit.status, exit.stop));
            }
            Event::AttemptNeverStarted(id) => never.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(exits[&id(1)], (ExitStatus::Code(8), None));
    // Its timeout passed while no keeper was there.
    assert_eq!(exits[&id(2)], (ExitStatus::Signal(15), Some(StopReason::Timeout)));
    assert_eq!(never, [id(3)]);
    drop(hold);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_before_a_reboot_is_lost_and_what_a_damaged_journal_hides_is_not_guessed() {
    let mut house = House::empty();
    let dir = house.dir.join("keeper");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("4.journal"), frame(&started_elsewhere(1))).unwrap();
    house.open(&[stored(1, AttemptState::Claimed)]).await;
    let exit = house.exit().await;
    let ExitStatus::Unknown(why) = exit.status else {
        panic!("{:?}", exit.status)
    };
    assert_eq!(why, "the machine was rebooted while it ran");
    house.drop_daemon();
    house.kill_keepers();

    let mut house = House::empty();
    let dir = house.dir.join("keeper");
    fs::create_dir(&dir).unwrap();
    let mut bytes = frame(&started_elsewhere(2));
    bytes[20] ^= 1;
    bytes.extend(frame(&started_elsewhere(3)));
    fs::write(dir.join("4.journal"), bytes).unwrap();
    house.open(&[stored(2, AttemptState::Claimed)]).await;
    let exit = house.exit().await;
    assert!(matches!(exit.status, ExitStatus::Unknown(_)), "{exit:?}");
    house.drop_daemon();

    let mut house = House::empty();
    house.open(&[stored(9, AttemptState::Started)]).await;
    let exit = house.exit().await;
    assert!(matches!(exit.status, ExitStatus::Unknown(_)), "{exit:?}");
}

fn started_elsewhere(run: u64) -> serde_json::Value {
    serde_json::json!({"started": {
        "id": {"run": run, "number": 1}, "at": "2026-01-01T00:00:00Z", "boot_id": "another boot",
        "timeout_boot_ms": null, "kill_after_ms": 100, "keep_leftovers": false, "report": "/no/such/report"
    }})
}

fn frame(record: &serde_json::Value) -> Vec<u8> {
    let json = serde_json::to_vec(record).unwrap();
    let mut bytes = u32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(crc32fast::hash(&json).to_le_bytes());
    bytes.extend(json);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_started_and_all_is_well_when_there_is_space_again() {
    let mut house = House::empty();
    fs::create_dir(house.dir.join("keeper")).unwrap();
    let journal = house.dir.join("keeper/1.journal");
    symlink("/dev/full", &journal).unwrap();
    let mut keeper = house.keeper_by_hand("true");
    house.open(&[]).await;
    let begun = Instant::now();
    let exit = house.run(house.shell(1, "exit 3")).await;
    assert_eq!(exit.status, ExitStatus::Code(3));
    // Refused at first; the keeper mends its journal within a second, the daemon tries again after two.
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(!fs::symlink_metadata(&journal).unwrap().is_symlink());
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_jobs_at_once_each_run_once() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    let gate = fs::OpenOptions::new().read(true).write(true).open(&hold).unwrap();
    for run in 1..=300 {
        let text = format!("echo {run} >> evidence; read x < hold; exit {}", run % 200);
        house.keepers().start(house.shell(run, &text));
    }
    for run in 1..=300 {
        house.pid(run).await;
    }
    (&gate).write_all(&b"\n".repeat(300)).unwrap();
    let mut exits = BTreeMap::new();
    for _ in 0..300 {
        let exit = house.exit().await;
        exits.insert(exit.id, exit.status);
    }
    for run in 1..=300 {
        let code = i32::try_from(run % 200).unwrap();
        assert_eq!(exits[&id(run)], ExitStatus::Code(code), "run {run}");
    }
    let evidence = fs::read_to_string(house.dir.join("evidence")).unwrap();
    let mut runs: Vec<u64> = evidence.lines().map(|line| line.parse().unwrap()).collect();
    runs.sort_unstable();
    assert_eq!(runs, (1..=300).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_needs_more_open_files_than_its_jobs_are_given() {
    let mut house = House::empty();
    let hold = house.fifo("hold");
    let gate = fs::OpenOptions::new().read(true).write(true).open(hold).unwrap();
    let mut keeper = house.keeper_by_hand("ulimit -Sn 64");
    house.open(&[]).await;
    for run in 1..=100 {
        let text = "ulimit -Sn; read x < hold; ulimit -Sn";
        house.keepers().start(house.shell(run, text));
    }
    for run in 1..=100 {
        house.pid(run).await;
    }
    (&gate).write_all(&b"\n".repeat(100)).unwrap();
    for _ in 1..=100 {
        let exit = house.exit().await;
        assert_eq!(
            (exit.status, exit.output.tail),
            (ExitStatus::Code(0), "64\n64\n".into())
        );
    }
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_keeper_leaves_when_its_last_attempt_has_ended_and_nothing_of_it_stays() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house.keepers().start(house.shell(1, "read x < hold; exit 2"));
    house.pid(1).await;
    house.keepers.take().unwrap().close().await;
    let old = house.keeper_pids()[0];
    let pidfd = pidfd_open(Pid::from_raw(old).unwrap(), PidfdFlags::empty()).unwrap();
    house.open(&[stored(1, AttemptState::Started)]).await;
    // New attempts go to a new keeper.
    house.run(house.shell(2, "true")).await;
    assert_eq!(house.keeper_pids().len(), 2);
    fs::write(hold, "go\n").unwrap();
    assert_eq!(house.exit().await.status, ExitStatus::Code(2));
    house.keepers().acknowledge(id(1));
    wait_for(&pidfd);
    let names: Vec<_> = fs::read_dir(house.dir.join("keeper"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("1."))
        .collect();
    assert_eq!(names, [""; 0]);
}
