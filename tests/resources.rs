//! What freshd takes of the machine, and what it leaves to jobs.

mod freshd_process;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use freshd::daemon::Ask;
use freshd::model::{Name, Reply, Request};
use freshd_process::House;
use freshd_process::daemon::Daemon;

/// Most jobs of one configuration.
const JOBS: usize = 10_000;

/// A file of a configuration may have 1 MiB.
const JOBS_PER_FILE: usize = 2_000;

/// What the daemon may hold for that many jobs, beside its program.
const DAEMON_KIB_MAX: u64 = 20 << 10;

/// What a keeper that has nothing to do may hold, beside its program.
const KEEPER_KIB_MAX: u64 = 1 << 10;

/// An unoptimised build reads them slowly; reached only by a test that fails.
const START_PATIENCE: Duration = Duration::from_mins(2);

const ROOT: &str = "run_as_root = true\ninclude = [\"jobs.d/*.toml\"]\n[fallback]\nnotify = [\"out\"]\n\
                    [channels.out]\ntype = \"file\"\ndir = \"out\"\n[teams.ops]\nnotify = [\"out\"]\n";

#[test]
fn ten_thousand_jobs_that_wait_take_little_memory() {
    let house = House::with(ROOT);
    for first in (0..JOBS).step_by(JOBS_PER_FILE) {
        let mut text = String::new();
        for job in first..first + JOBS_PER_FILE {
            let (minute, hour) = (job % 60, job / 60 % 24);
            writeln!(
                text,
                "[jobs.transfer-{job}]\nowner = \"ops\"\ncommand = [\"/bin/sh\", \"-c\", \"exit 0\", \"number {job}\"]\n\
                 schedule = \"{minute} {hour} 29 2 *\""
            )
            .unwrap();
        }
        house.write(&format!("jobs.d/{first}.toml"), &text);
    }
    let mut daemon = Daemon::spawn(house.serve(), &house);
    assert!(daemon.tells("READY=1", START_PATIENCE), "{}", daemon.log());
    until_it_is_planned(&daemon, "transfer-9999");
    let daemon_kib = own_memory_kib(daemon.pid());
    assert!(daemon_kib < DAEMON_KIB_MAX, "{daemon_kib} KiB");
    let keeper = u32::try_from(house.keepers()[0]).unwrap();
    let keeper_kib = own_memory_kib(keeper);
    assert!(keeper_kib < KEEPER_KIB_MAX, "{keeper_kib} KiB");
}

/// Asks until the job's next due time is known. Jobs are taken on by name: with the last one all that a start has to do is done.
fn until_it_is_planned(daemon: &Daemon, job: &str) {
    let until = Instant::now() + START_PATIENCE;
    loop {
        let name = Some(Name::from(job));
        let Reply::Done(status) = daemon.ask(&Ask::Engine(Request::Status { name })) else {
            panic!("there is a job {job}");
        };
        if status["jobs"][0]["next_due"].is_string() {
            return;
        }
        assert!(Instant::now() < until, "{job} is not planned: {status}");
    }
}

#[test]
fn freshd_raises_its_limit_of_open_files_and_jobs_get_the_one_it_was_given() {
    let house = House::with(&format!(
        "{ROOT}[jobs.tell]\nowner = \"ops\"\ncommand = \"ulimit -Sn\"\n"
    ));
    let serve = house.serve();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -Sn 123 && exec \"$0\" \"$@\""]);
    limited.arg(serve.get_program()).args(serve.get_args());
    limited
        .env_clear()
        .envs(serve.get_envs().filter_map(|(key, value)| Some((key, value?))));
    limited
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let daemon = Daemon::start(limited, &house);
    let keeper = u32::try_from(house.keepers()[0]).unwrap();
    for process in [daemon.pid(), keeper] {
        let (soft, hard) = open_files_of(process);
        assert_eq!(soft, hard, "process {process}");
    }
    let run = daemon.run("tell");
    house.until_all_final();
    assert_eq!(house.run(run).1[0].output.tail, "123\n");
}

/// Resident memory that a process has asked for, in KiB: not the pages of its program and libraries, which come and go
/// with the page cache.
fn own_memory_kib(process: u32) -> u64 {
    let maps = std::fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let (mut is_own, mut kib) = (false, 0);
    for line in maps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Rss:", resident, "kB"] if is_own => kib += resident.parse::<u64>().unwrap(),
            [key, ..] if key.ends_with(':') => {}
            // The first line of a mapping: range, rights, offset, device, inode, and what it maps.
            [_, _, _, _, _] => is_own = true,
            [_, _, _, _, _, name, ..] => is_own = name == "[heap]",
            _ => {}
        }
    }
    kib
}

/// The soft and the hard limit.
fn open_files_of(process: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut words = line.unwrap().split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}
