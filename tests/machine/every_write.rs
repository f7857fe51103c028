//! No space at each single write of the daemon and of a keeper, one after the other, with strace: once, and from then on.
//!
//! The evidence is what the job wrote elsewhere: it ran once or not at all, and its end is told truly.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freshd::daemon::{Ask, connect};
use freshd::model::{ExitStatus, Name, Outcome, Reply, Request, RunId};
use rustix::process::Signal;

use super::freshd_process::House;
use super::freshd_process::daemon::Daemon;
use super::keeper_house;

/// Scenarios played at the same time: they wait more than they work.
const AT_A_TIME: usize = 8;

/// What a refused request must have become possible within.
const HEALED_WITHIN: Duration = Duration::from_secs(30);

/// How long a daemon may take to end when it is told to.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What is asked of the disk, and can find it full.
const CALLS: &str = "pwrite64,write,ftruncate,fallocate";

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"

[fallback]
notify = ["files:it@seafood.example"]

[channels.files]
type = "file"
dir = "outbox"

[jobs.once]
owner = "nobody"
command = "echo $FRESHD_RUN_ID.$FRESHD_ATTEMPT >> HOUSE/ran; exit 7"
"#;

/// Only what concerns these files is counted and disturbed: not what goes to sockets and logs.
fn strace(files: &[PathBuf], words: &[&str]) -> Command {
    let version = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    version.expect("this test needs strace (Debian: strace)");
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq"]).args(words);
    for file in files {
        strace.arg("-P").arg(file);
    }
    strace
}

/// How often one thread made the call that one made most often.
fn most_calls(trace: &Path) -> usize {
    let trace = fs::read_to_string(trace).expect("a trace");
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for line in trace.lines() {
        let mut words = line.split_whitespace();
        if let (Some(thread), Some((call, _))) = (words.next(), words.next().and_then(|call| call.split_once('('))) {
            *counts.entry((thread, call)).or_default() += 1;
        }
    }
    counts.into_values().max().expect("something was written")
}

/// Plays a scenario for each number from 1 to `last`, several at a time; a panic in one is a panic of all.
fn for_each(last: usize, play: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(1);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > last {
                        return;
                    }
                    play(number);
                }
            });
        }
    });
}

/// `freshd serve` under strace.
fn serve_under(house: &House, words: &[&str]) -> Command {
    let names = [
        "freshd.db",
        "freshd.db-wal",
        "freshd.db-shm",
        "freshd.db-journal",
        "freshd.lock",
        "reserve",
        ".quota",
    ];
    let files: Vec<PathBuf> = names.iter().map(|name| house.state_dir().join(name)).collect();
    house.serve_under(strace(&files, words))
}

/// One run by hand, from its wish to its end; the wish is repeated while it is refused for want of space.
fn run_once(daemon: &Daemon, house: &House, place: &str) {
    let until = Instant::now() + HEALED_WITHIN;
    let run = loop {
        let request = Request::Run {
            job: Name::from("once"),
            args: Vec::new(),
        };
        match daemon.ask(&Ask::Engine(request)) {
            Reply::Done(begun) => break RunId(begun["run"].as_u64().expect("a run's number")),
            Reply::Refused(why) => {
                // The run that was asked for before may go on still.
                let is_known = ["disk is full", "overlap"].iter().any(|word| why.contains(word));
                assert!(is_known, "{place}: {why}");
                assert!(Instant::now() < until, "{place}: not within {HEALED_WITHIN:?}: {why}");
            }
        }
        daemon.lives_for(Duration::from_millis(100));
    };
    let (ended, _) = daemon.finished(run, house);
    assert_eq!(
        (ended.outcome, ended.exit_code),
        (Some(Outcome::Failed), Some(7)),
        "{place}"
    );
}

/// What is recorded is what ran, each attempt once.
fn judge(house: &House, place: &str) {
    house.until_all_final();
    let mut recorded: Vec<String> = Vec::new();
    for run in house.runs() {
        let (run, attempts) = house.run(run.id);
        assert_eq!(
            (run.outcome, run.exit_code),
            (Some(Outcome::Failed), Some(7)),
            "{place}: {run:?}"
        );
        recorded.extend(
            attempts
                .iter()
                .map(|attempt| format!("{}.{}", attempt.id.run, attempt.id.number)),
        );
    }
    let mut ran: Vec<String> = house.read("ran").lines().map(ToOwned::to_owned).collect();
    ran.sort();
    recorded.sort();
    assert_eq!(ran, recorded, "{place}");
}

fn writes_of_the_daemon() -> usize {
    let house = House::with(JOBS);
    let trace = house.path("trace");
    let output = [
        "-o",
        trace.to_str().expect("a path"),
        "-e",
        "trace=pwrite64,write,ftruncate,fallocate",
    ];
    let mut daemon = Daemon::start(serve_under(&house, &output), &house);
    run_once(&daemon, &house, "undisturbed");
    assert!(daemon.terminate().success());
    drop(daemon);
    most_calls(&trace)
}

#[test]
fn a_write_of_the_daemon_that_finds_no_space_once_loses_nothing() {
    let last = writes_of_the_daemon();
    println!("{last} writes");
    assert!(last > 50, "only {last} writes");
    for_each(last, |number| {
        let place = format!("write {number}");
        let house = House::with(JOBS);
        let inject = format!("inject={CALLS}:error=ENOSPC:when={number}");
        let disturbed = || serve_under(&house, &["-o", "/dev/null", "-e", &inject]);
        let mut daemon = Daemon::spawn(disturbed(), &house);
        if !daemon.tells("READY=1", HEALED_WITHIN) {
            // Before there is a reserve, a start can only say so.
            let status = daemon.ended();
            let log = daemon.log();
            assert!(!status.success() && log.contains("no space is left"), "{place}: {log}");
            daemon = house.daemon();
        }
        run_once(&daemon, &house, &place);
        assert!(daemon.terminate().success(), "{place}: {}", daemon.log());
        // With one, a start needs nothing else.
        let mut daemon = Daemon::spawn(disturbed(), &house);
        assert!(daemon.tells("READY=1", HEALED_WITHIN), "{place}: {}", daemon.log());
        run_once(&daemon, &house, &place);
        assert!(daemon.terminate().success(), "{place}: {}", daemon.log());
        judge(&house, &place);
    });
}

/// From some write on nothing is written any more, as strace is told, and the daemon is told to end. Then there is space.
fn never_again(place: &str, inject: &[&str]) {
    let house = House::with(JOBS);
    let mut words = vec!["-o", "/dev/null"];
    words.extend(inject.iter().flat_map(|inject| ["-e", inject]));
    let mut daemon = Daemon::spawn(serve_under(&house, &words), &house);
    let is_ready = daemon.tells("READY=1", Duration::from_secs(1));
    if is_ready || connect(&house.state_dir()).is_ok() {
        let asked = Instant::now();
        let status = daemon.ask(&Ask::Engine(Request::Status { name: None }));
        assert!(matches!(status, Reply::Done(_)), "{place}: {status:?}");
        let run = Request::Run {
            job: Name::from("once"),
            args: Vec::new(),
        };
        // Done or refused, but said.
        let _ = daemon.ask(&Ask::Engine(run));
        assert!(asked.elapsed() < ENDS_WITHIN, "{place}: {:?}", asked.elapsed());
        let told = Instant::now();
        daemon.signal(Signal::TERM);
        assert!(daemon.ended().success(), "{place}: {}", daemon.log());
        assert!(told.elapsed() < ENDS_WITHIN, "{place}: {:?}", told.elapsed());
    } else {
        assert!(!daemon.ended().success(), "{place}");
        assert!(daemon.log().contains("no space is left"), "{place}: {}", daemon.log());
    }
    drop(daemon);
    let mut daemon = house.daemon();
    run_once(&daemon, &house, place);
    judge(&house, place);
    assert!(daemon.terminate().success(), "{place}");
}

#[test]
fn a_daemon_that_finds_no_space_from_some_write_on_answers_ends_and_is_right_afterwards() {
    for_each(writes_of_the_daemon(), |number| {
        let inject = format!("inject={CALLS}:error=ENOSPC:when={number}+");
        never_again(&format!("no space from write {number} on"), &[&inject]);
    });
}

#[test]
fn a_quota_that_is_used_up_is_a_full_disk() {
    for_each(writes_of_the_daemon(), |number| {
        // strace counts each call for itself. What only looks whether there is a quota meets it always.
        let pages = format!("inject=pwrite64:error=EDQUOT:when={number}+");
        let others = "inject=write,fallocate:error=EDQUOT";
        never_again(&format!("a quota from write {number} on"), &[&pages, others]);
    });
}

/// A keeper under strace, with the files that it writes.
fn keeper_under(house: &keeper_house::House, words: &str) -> std::process::Child {
    let names = [
        "keeper/1.journal",
        "keeper/1.journal.new",
        "run",
        "runs/1.1",
        "runs/2.1",
        "logs",
        "logs/1.1.log",
        "logs/2.1.log",
        "logs/2.1.log.tail0",
        "logs/2.1.log.tail1",
    ];
    let files: Vec<String> = names
        .iter()
        .map(|name| format!("-P {}", house.dir.join(name).display()))
        .collect();
    let log = house.dir.join("keeper/1.log");
    let under = format!(
        "exec 2>{}; exec strace -D -f -qq {words} {}",
        log.display(),
        files.join(" ")
    );
    house.keeper_under(&under, 300)
}

/// Two attempts: one that ends with 5, and one that prints more than is kept and ends with 6.
async fn two_attempts(house: &mut keeper_house::House, place: &str) {
    house.open(&[]).await;
    let exit = house
        .run(house.shell(1, "echo 1 >> evidence; echo hello; exit 5"))
        .await;
    assert_eq!(exit.status, ExitStatus::Code(5), "{place}");
    let printing = "echo 2 >> evidence; head -c 300000 /dev/zero | tr '\\0' x; exit 6";
    let exit = house.run(house.shell(2, printing)).await;
    assert_eq!(exit.status, ExitStatus::Code(6), "{place}");
    assert_eq!(exit.output.bytes, 300_000, "{place}: all that was printed is counted");
    let evidence = fs::read_to_string(house.dir.join("evidence")).expect("they ran");
    assert_eq!(evidence, "1\n2\n", "{place}");
}

const KEEPER_CALLS: &str = "pwrite64,write,ftruncate,fdatasync,mkdir,rename";

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// The scenario with a keeper of which strace makes a call fail, or counts all.
fn with_a_keeper(words: &str, place: &str) -> keeper_house::House {
    let mut house = keeper_house::House::empty();
    fs::create_dir(house.dir.join("keeper")).expect("a directory");
    let words = words.replace("HOUSE", house.dir.to_str().expect("a path"));
    let mut keeper = keeper_under(&house, &words);
    runtime().block_on(async { two_attempts(&mut house, place).await });
    house.kill_keepers();
    keeper.wait().expect("it ended");
    house
}

#[test]
fn a_call_of_a_keeper_that_finds_no_space_once_loses_no_start_and_no_end() {
    let house = with_a_keeper(&format!("-o HOUSE/trace -e trace={KEEPER_CALLS}"), "undisturbed");
    let last = most_calls(&house.dir.join("trace"));
    println!("{last} calls of one kind");
    for call in KEEPER_CALLS.split(',') {
        for_each(last, |number| {
            let words = format!("-o /dev/null -e inject={call}:error=ENOSPC:when={number}");
            with_a_keeper(&words, &format!("{call} {number}"));
        });
    }
}
