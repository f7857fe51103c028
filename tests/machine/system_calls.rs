//! Daemon and keeper are killed at each system call of a start and of an end, one after the other.
//!
//! A job is overdue by the time the daemon starts, is started, fails, and its owner is told. strace kills whoever makes a
//! call for the n-th time before that call is done, for n = 1, 2, 3 ... until nobody makes so many. Each time another
//! daemon takes up what is left, and the job's own evidence says what really happened. Nothing is sampled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freshd::model::{AttemptState, Outcome, RunState};
use freshd::store::Reader;
use jiff::{SignedDuration, Timestamp};

use crate::freshd_process::daemon::Daemon;
use crate::freshd_process::{EXE, House, PATIENCE, process};

/// More calls of one kind than anybody makes here.
const CALLS_MAX: usize = 400;
/// Points at a time: they wait for disks more than they work.
const AT_ONCE: usize = 4;
/// Long enough for a daemon to start and stop.
const UNTIL_DUE: SignedDuration = SignedDuration::from_secs(4);
/// The code that the job ends with.
const CODE: i32 = 7;

/// Calls by which the daemon changes something that outlives it or that somebody hears; and, for those that its threads
/// share, the file of which this is counted.
const OF_DAEMON: [(&str, Option<&str>); 13] = [
    ("pwrite64", Some("state/freshd.db-wal")),
    ("pwrite64", Some("state/freshd.db")),
    ("pwrite64", None),
    ("fsync", None),
    ("fdatasync", None),
    ("ftruncate", None),
    ("write", None),
    ("sendto", None),
    ("unlink", None),
    ("mkdir", None),
    ("rename", None),
    ("clone", None),
    ("clone3", None),
];

/// The same for the keeper, which has one thread while little is started.
const OF_KEEPER: [(&str, Option<&str>); 11] = [
    ("pwrite64", None),
    ("fdatasync", None),
    ("write", None),
    ("sendto", None),
    ("unlink", None),
    ("mkdir", None),
    ("rename", None),
    ("openat", None),
    ("clone", None),
    ("epoll_ctl", None),
    ("waitid", None),
];

/// Writes down that it begins and how it will end, in the house whose state directory it was started from.
const EVIDENCE: &str = r#"
house=${FRESHD_REPORT%/state/*}
echo "start $FRESHD_DUE $FRESHD_ATTEMPT" >> "$house/evidence"
echo "end $FRESHD_DUE $FRESHD_ATTEMPT 7" >> "$house/evidence"
exit 7
"#;

/// A house in which a job is overdue, and nobody there to start it.
fn overdue() -> House {
    let house = House::new();
    house.script("jobs/evidence.sh", EVIDENCE);
    let due = Timestamp::from_second((Timestamp::now() + UNTIL_DUE).as_second()).expect("an instant");
    house.configure(&format!(
        r#"
        timezone = "UTC"
        run_as_root = true
        [alerts]
        group_wait = "0s"
        [fallback]
        notify = ["outbox"]
        [channels.outbox]
        type = "file"
        dir = "outbox"
        [teams.it]
        notify = ["outbox"]
        [jobs.evidence]
        owner = "it"
        command = "HOUSE/jobs/evidence.sh"
        every = "12h"
        anchor = "{due}"
        "#
    ));
    assert!(house.daemon().terminate().success(), "it knows the job");
    for keeper in house.keepers() {
        process::kill(keeper);
    }
    while Timestamp::now() <= due {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(house.read("evidence"), "", "it stopped before the job was due");
    house
}

/// The same house again. The job's command is that of the first.
fn copy(of: &House) -> House {
    let house = House::new();
    let copied = Command::new("cp")
        .arg("-a")
        .args([of.path("jobs.toml"), of.path("state")])
        .arg(house.path("."))
        .status();
    assert!(copied.expect("cp").success());
    house
}

/// strace that kills whoever makes this call for the n-th time, and writes down who that was.
fn killer(house: &House, (call, file): (&str, Option<&str>), which: usize, follow: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-q"]).args(follow);
    strace.arg("-o").arg(house.path("trace"));
    if let Some(file) = file {
        strace.arg("-P").arg(house.path(file));
    }
    strace.args(["-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={which}")]);
    strace
}

fn has_killed(house: &House) -> bool {
    house.read("trace").contains("+++ killed by SIGKILL +++")
}

/// Everything is decided, ended, stored and told.
fn is_all_over(reader: &Reader) -> bool {
    let snapshot = reader.snapshot().expect("the store can be read");
    let are_final = snapshot.runs.iter().all(|run| run.state == RunState::Final);
    let have_ended = snapshot
        .attempts
        .iter()
        .all(|attempt| attempt.state == AttemptState::Ended);
    !snapshot.runs.is_empty() && are_final && have_ended && snapshot.notifications.is_empty()
}

/// A daemon goes on until all is over, or until it dies. Returns whether it died.
fn dies(daemon: &Daemon, house: &House) -> bool {
    let pid = i32::try_from(daemon.pid()).expect("a process id");
    let (process, until) = (process::open(pid), Instant::now() + PATIENCE);
    let reader = house.reader();
    while process
        .as_ref()
        .is_some_and(|process| !process::ends_within(process, Duration::from_millis(10)))
    {
        if is_all_over(&reader) {
            return false;
        }
        assert!(Instant::now() < until, "neither over nor dead:\n{}", daemon.log());
    }
    true
}

/// Lets a killer loose on the daemon and whatever it starts. Returns whether anybody was killed.
fn kill_daemon(house: &House, call: (&str, Option<&str>), which: usize) -> bool {
    let command = house.serve_under(killer(house, call, which, &["-f"]));
    let daemon = Daemon::spawn(command, house);
    // Before it is dropped, which kills it too.
    dies(&daemon, house) || has_killed(house)
}

/// Lets a killer loose on a keeper that waits for the daemon.
fn kill_keeper(house: &House, call: (&str, Option<&str>), which: usize) -> bool {
    let state = house.state_dir();
    fs::create_dir_all(state.join("keeper")).expect("a directory");
    // Behind those of the daemon before, whose numbers are taken.
    fs::write(state.join("keeper/9.lock"), "").expect("a lock");
    let mut keeper = killer(house, call, which, &[])
        .args([Path::new(EXE), Path::new("keeper"), Path::new("--state"), &state])
        .args(["--number", "9", "--lonely-seconds", "60"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace");
    // It says that it is ready, or dies before.
    let mut ready = [0];
    let mut said = keeper.stdout.take().expect("its word");
    let _ = std::io::Read::read(&mut said, &mut ready);
    assert!(
        !dies(&Daemon::spawn(house.serve(), house), house),
        "nobody kills the daemon"
    );
    let killed = has_killed(house);
    let _ = keeper.kill();
    let _ = keeper.wait();
    killed
}

/// Another daemon brings everything to its end, and what is told of the job is what the job says.
fn judge(house: &House, point: &str) -> Outcome {
    let mut daemon = house.daemon();
    house.until_stored("all is over", is_all_over);
    assert!(daemon.terminate().success(), "{point}: {}", daemon.log());
    let runs = house.runs();
    assert_eq!(runs.len(), 1, "{point}: one occurrence, one decision: {runs:?}");
    let (run, attempts) = house.run(runs[0].id);
    assert_eq!(attempts.len(), 1, "{point}: {attempts:?}");
    let evidence = house.read("evidence");
    let count = |word: &str| evidence.lines().filter(|line| line.starts_with(word)).count();
    let (starts, ends) = (count("start"), count("end"));
    assert!(starts <= 1, "{point}: started {starts} times:\n{evidence}");
    let outcome = run.outcome.expect("it is final");
    let is_true = match outcome {
        Outcome::Failed => ends == 1 && attempts[0].exit_code == Some(CODE),
        // The killer follows whatever the daemon starts.
        Outcome::Killed => ends == 0 && attempts[0].signal == Some(9),
        Outcome::Lost | Outcome::SpawnFailed => true,
        _ => false,
    };
    assert!(is_true, "{point}: told as {attempts:?}, and the job says:\n{evidence}");
    let told = fs::read_dir(house.path("outbox")).map_or(0, Iterator::count);
    assert!(told > 0, "{point}: {outcome:?}, and nobody is told");
    outcome
}

/// Kills at each call of these kinds. Returns the number of points and what became of the job.
fn kill_at_each(
    overdue: &House,
    calls: &[(&str, Option<&str>)],
    kill: impl Fn(&House, (&str, Option<&str>), usize) -> bool + Sync,
) -> (usize, BTreeMap<&'static str, usize>) {
    let (points, outcomes) = (AtomicUsize::new(0), std::sync::Mutex::new(BTreeMap::new()));
    for call in calls {
        let (next, is_over) = (AtomicUsize::new(1), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let which = next.fetch_add(1, Ordering::Relaxed);
                        assert!(which < CALLS_MAX, "{call:?} has no end");
                        let house = copy(overdue);
                        if kill(&house, *call, which) {
                            points.fetch_add(1, Ordering::Relaxed);
                        } else {
                            is_over.store(true, Ordering::Relaxed);
                        }
                        let outcome = judge(&house, &format!("{call:?} number {which}"));
                        *outcomes.lock().expect("a count").entry(outcome.as_str()).or_default() += 1;
                    }
                });
            }
        });
    }
    (points.into_inner(), outcomes.into_inner().expect("the counts"))
}

#[test]
fn a_daemon_killed_at_any_system_call_starts_nothing_twice_and_tells_the_truth() {
    let overdue = overdue();
    let (points, outcomes) = kill_at_each(&overdue, &OF_DAEMON, kill_daemon);
    println!("killed at {points} system calls of the daemon and what it starts: {outcomes:?}");
    assert!(points > 100, "only {points}");
}

#[test]
fn a_keeper_killed_at_any_system_call_starts_nothing_twice_and_tells_the_truth() {
    let overdue = overdue();
    let (points, outcomes) = kill_at_each(&overdue, &OF_KEEPER, kill_keeper);
    println!("killed at {points} system calls of the keeper: {outcomes:?}");
    assert!(points > 20, "only {points}");
}
