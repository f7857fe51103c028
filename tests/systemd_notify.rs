//! What freshd and a service manager say to each other, and what of it never reaches a job.

mod freshd_process;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use freshd::model::{Name, Outcome};
use freshd_process::daemon::Daemon;
use freshd_process::{House, PATIENCE, process};
use rustix::fs::{CWD, FileType, mknodat};
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};

/// systemd's patience in these tests; freshd gives its sign at half of it.
const WATCHDOG: Duration = Duration::from_secs(1);
/// Two signs would have come by then.
const SILENCE: Duration = Duration::from_millis(1_300);
/// Less than twice the store of a new state directory.
const SMALL_DISK: &str = "size=2m,mode=700";

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[jobs.waits]
owner = "it"
command = "echo begun > HOUSE/begun; read -r word < HOUSE/go"

[jobs.environment]
owner = "it"
command = "env -0 > HOUSE/environment; ls -l /proc/self/fd > HOUSE/descriptors"
env = { PLACE = "Tromsø" }
timezone = "Europe/Oslo"
"#;

/// What the manager heard, without signs of life and words for people.
fn news(daemon: &Daemon) -> Vec<String> {
    let lines = daemon.manager.heard.iter().flat_map(|message| message.lines());
    let news = lines.filter(|line| !line.starts_with("STATUS=") && *line != "WATCHDOG=1");
    news.map(str::to_owned).collect()
}

fn monotonic_microseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[test]
fn the_manager_hears_of_the_start_each_reload_and_the_end_and_a_job_goes_on() {
    let house = House::with(JOBS);
    let (mut begun, mut go) = (house.pipe("begun"), house.pipe("go"));
    let mut daemon = house.daemon();
    assert_eq!(news(&daemon), ["READY=1"]);
    let run = daemon.run("waits");
    assert_eq!(begun.line(), "begun");

    let before = monotonic_microseconds();
    house.configure(&JOBS.replace("[jobs.environment]", "[jobs.surroundings]"));
    daemon.signal(Signal::HUP);
    assert!(daemon.tells("READY=1", PATIENCE), "{}", daemon.log());
    let known = |job: &str| {
        house
            .reader()
            .job(&Name::from(job))
            .expect("the store can be read")
            .is_some()
    };
    assert!(
        known("surroundings"),
        "the new configuration is in force when the reload is over"
    );
    let heard = news(&daemon);
    assert_eq!(heard[1], "RELOADING=1");
    let at: i64 = heard[2]
        .strip_prefix("MONOTONIC_USEC=")
        .expect("when")
        .parse()
        .expect("a number");
    assert!(
        (before..=monotonic_microseconds()).contains(&at),
        "{at} is not between {before} and now"
    );
    assert_eq!(heard[3..], ["READY=1"]);

    assert_eq!(daemon.terminate().code(), Some(0), "{}", daemon.log());
    assert!(daemon.manager.hears("STOPPING=1"), "{:?}", daemon.manager.heard);
    assert_eq!(house.run(run).0.outcome, None, "the job goes on");
    let mut daemon = house.daemon();
    go.say("go");
    assert_eq!(daemon.finished(run, &house).0.outcome, Some(Outcome::Succeeded));
    assert!(daemon.terminate().success());
}

#[test]
fn signs_of_life_come_in_time_and_stop_while_the_daemon_hangs() {
    let house = House::with(JOBS);
    let mut daemon = with_watchdog(house.serve(), &house);
    for _ in 0..3 {
        assert!(daemon.tells("WATCHDOG=1", WATCHDOG), "{}", daemon.log());
    }
    daemon.signal(Signal::STOP);
    daemon.manager.drain();
    assert!(!daemon.tells("WATCHDOG=1", SILENCE), "a stopped daemon gives no sign");
    daemon.signal(Signal::CONT);
    assert!(daemon.tells("WATCHDOG=1", PATIENCE));
    assert!(daemon.terminate().success());
}

#[test]
fn a_full_disk_withholds_no_sign_of_life_since_no_restart_makes_room() {
    let house = House::with(JOBS);
    std::fs::create_dir(house.state_dir()).expect("a directory");
    let mount = format!("mount -t tmpfs -o {SMALL_DISK} tmpfs {}", house.state_dir().display());
    let mut daemon = with_watchdog(house.serve_behind(&mount), &house);
    // The disk is too small for the reserve: with that told, nothing more is to be stored.
    daemon.logs(&["told: [freshd] disk is full"]);
    // The way into the daemon's own mounts.
    let filler = format!("/proc/{}/root{}/filler", daemon.pid(), house.state_dir().display());
    fill(Path::new(&filler));
    daemon.manager.drain();
    for _ in 0..2 {
        assert!(daemon.tells("WATCHDOG=1", WATCHDOG), "{}", daemon.log());
    }
    house.configure(&JOBS.replace("[jobs.environment]", "[jobs.surroundings]"));
    daemon.signal(Signal::HUP);
    let waits = daemon.logs(&["could not store what was decided"]);
    daemon.manager.drain();
    for _ in 0..2 {
        assert!(
            daemon.tells("WATCHDOG=1", WATCHDOG),
            "it stands still: {}",
            daemon.log()
        );
    }
    std::fs::remove_file(&filler).expect("space again");
    daemon.logs_from(waits, &["stored again"]);
    assert!(daemon.tells("WATCHDOG=1", PATIENCE), "{}", daemon.log());
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn what_waits_for_space_is_stored_when_the_end_comes_just_after_the_space() {
    let house = House::with(JOBS);
    std::fs::create_dir(house.state_dir()).expect("a directory");
    let mount = format!("mount -t tmpfs -o {SMALL_DISK} tmpfs {}", house.state_dir().display());
    let mut daemon = Daemon::start(house.serve_behind(&mount), &house);
    // Else that would be what waits.
    daemon.logs(&["told: [freshd] disk is full"]);
    let filler = format!("/proc/{}/root{}/filler", daemon.pid(), house.state_dir().display());
    fill(Path::new(&filler));
    house.configure(&JOBS.replace("[jobs.environment]", "[jobs.surroundings]"));
    daemon.signal(Signal::HUP);
    let waits = daemon.logs(&["could not store what was decided"]);
    std::fs::remove_file(&filler).expect("space again");
    assert_eq!(daemon.terminate().code(), Some(0), "{}", daemon.log());
    daemon.logs_from(waits, &["stored again"]);
    daemon.logs_from(waits, &["jobs.toml reloaded"]);
}

#[test]
fn no_sign_of_life_is_given_while_the_writer_is_stuck() {
    let house = House::with(JOBS);
    let mut daemon = with_watchdog(house.serve(), &house);
    assert!(daemon.tells("WATCHDOG=1", WATCHDOG), "{}", daemon.log());

    let other = rusqlite::Connection::open(house.state_dir().join("freshd.db")).expect("the store");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes just now");
    daemon.manager.drain();
    // One sign may have been on its way.
    daemon.tells("WATCHDOG=1", WATCHDOG / 2);
    assert!(
        !daemon.tells("WATCHDOG=1", SILENCE),
        "the loop turns, but nothing can be recorded"
    );
    other.execute_batch("ROLLBACK").expect("the store again");
    assert!(daemon.tells("WATCHDOG=1", PATIENCE), "{}", daemon.log());
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn an_outage_of_mail_withholds_no_sign_of_life() {
    let fails = "[alerts]\ngroup_wait = \"0s\"\n\n[jobs.fails]\nowner = \"it\"\ncommand = \"exit 3\"\n";
    // Nobody listens there.
    let mail = "type = \"email\"\nserver = \"smtp://localhost:1\"\nfrom = \"freshd@seafood.example\"";
    let jobs = JOBS
        .replace("type = \"file\"\ndir = \"outbox\"", mail)
        .replace("notify = [\"outbox\"]", "notify = [\"outbox:it@seafood.example\"]");
    let house = House::with(&format!("{jobs}\n{fails}"));
    let mut daemon = with_watchdog(house.serve(), &house);
    daemon.run("fails");
    daemon.logs(&["could not tell"]);
    daemon.manager.drain();
    for _ in 0..3 {
        assert!(daemon.tells("WATCHDOG=1", PATIENCE), "{}", daemon.log());
    }
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

fn with_watchdog(mut command: std::process::Command, house: &House) -> Daemon {
    command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    Daemon::start(command, house)
}

/// Leaves no byte free.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("a file");
    for size in [64 << 10, 4 << 10, 1] {
        loop {
            match file.write(&vec![0; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_job_gets_nothing_of_the_daemons_environment_but_what_is_promised() {
    let house = House::with(JOBS);
    let mut command = house.serve();
    command.envs([
        ("CREDENTIALS_DIRECTORY", "/run/credentials/freshd.service"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_PID", "1"),
        ("WATCHDOG_USEC", "30000000"),
        ("INVOCATION_ID", "0123456789abcdef"),
        ("SMTP_PASSWORD", "correct horse"),
        ("LANG", "nb_NO.UTF-8"),
        ("HOME", "/srv/freshd"),
    ]);
    let mut daemon = Daemon::start(command, &house);
    let (run, _) = daemon.finished(daemon.run("environment"), &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{run:?}");

    let text = house.read("environment");
    let variables: BTreeMap<_, _> = text
        .split_terminator('\0')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let mut names: Vec<_> = variables.keys().copied().collect();
    // The shell's own.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    let promised = [
        "FRESHD_ATTEMPT",
        "FRESHD_BIN",
        "FRESHD_JOB",
        "FRESHD_REPORT",
        "FRESHD_RUN_ID",
        "FRESHD_TRIGGER",
        "HOME",
        "LANG",
        "LOGNAME",
        "PATH",
        "PLACE",
        "SHELL",
        "TRACEPARENT",
        "TZ",
        "USER",
    ];
    assert_eq!(names, promised);
    let wanted = [
        ("TZ", "Europe/Oslo"),
        ("PLACE", "Tromsø"),
        ("LANG", "nb_NO.UTF-8"),
        ("HOME", "/srv/freshd"),
    ];
    for (name, value) in wanted {
        assert_eq!(variables[name], value);
    }
    // 0, 1, 2, and the one by which `ls` reads the directory.
    let open = house
        .read("descriptors")
        .lines()
        .filter(|line| line.contains(" -> "))
        .count();
    assert_eq!(open, 4, "{}", house.read("descriptors"));
    assert!(daemon.terminate().success());
    process::end_all(|| house.processes());
}

/// A daemon that has read jobs.toml, and starts no further before the end of what is returned with it: nothing has been
/// written yet to the file of that name.
fn held_at_its_start(house: &House) -> (Daemon, PathBuf, File) {
    assert!(house.daemon().terminate().success());
    // Read at each start.
    let note = house.state_dir().join("freshd.seen");
    std::fs::remove_file(&note).expect("it was written");
    mknodat(CWD, &note, FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let daemon = Daemon::spawn(house.serve(), house);
    let held = OpenOptions::new().write(true).open(&note).expect("it is being read");
    (daemon, note, held)
}

#[test]
fn an_edit_that_is_told_while_freshd_starts_is_in_force_once_that_is_over() {
    let house = House::with(JOBS);
    let (mut daemon, note, held) = held_at_its_start(&house);
    house.configure(&JOBS.replace("[jobs.environment]", "[jobs.surroundings]"));
    daemon.signal(Signal::HUP);
    std::fs::remove_file(&note).expect("the pipe");
    drop(held);
    while !news(&daemon).ends_with(&["READY=1".to_owned()]) || !news(&daemon).contains(&"RELOADING=1".to_owned()) {
        assert!(daemon.tells("READY=1", PATIENCE), "{}", daemon.log());
    }
    let job = house.reader().job(&Name::from("surroundings"));
    assert!(job.expect("the store can be read").is_some(), "{}", daemon.log());
    assert!(daemon.terminate().success());
}

#[test]
fn whoever_stops_freshd_while_it_starts_ends_it_in_order_and_at_once() {
    for stop in [Signal::TERM, Signal::INT] {
        let house = House::with(JOBS);
        let (mut daemon, note, _held) = held_at_its_start(&house);
        daemon.signal(Signal::HUP);
        daemon.signal(stop);
        assert_eq!(daemon.ended().code(), Some(0), "{}", daemon.log());
        daemon.manager.drain();
        assert!(!daemon.manager.heard.iter().any(|word| word.contains("READY")));
        std::fs::remove_file(&note).expect("the pipe");
        assert!(
            house.daemon().terminate().success(),
            "the next start finds all in order"
        );
    }
}
