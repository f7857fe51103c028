//! The whole daemon on a small disk that is full: what it says, what it keeps, and that it goes on by itself.
//!
//! What jobs did is read from what they wrote themselves, on another disk.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use freshd::daemon::Ask;
use freshd::model::{Name, Outcome, Reply, Request, Run};
use rustix::process::Signal;
use serde_json::Value;

use super::disk::Disk;
use super::freshd_process::House;
use super::freshd_process::daemon::Daemon;
use super::freshd_process::pipe::Pipe;

/// An answer that waits for nothing comes within this.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Space that is there again is used within this.
const HEALED_WITHIN: Duration = Duration::from_secs(30);

/// How long the service manager waits for a sign of life.
const WATCHDOG: Duration = Duration::from_secs(4);

/// A job each second, one that waits for a word and fails, and three addresses.
const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["files:it@seafood.example"]

[channels.files]
type = "file"
dir = "outbox"

[teams.warehouse]
notify = ["files:warehouse@seafood.example"]

[teams.sales]
notify = ["files:sales@seafood.example"]

[jobs.often]
owner = "warehouse"
command = "echo $FRESHD_DUE >> HOUSE/often"
schedule = "* * * * * *"
seconds = true

[jobs.waits]
owner = "sales"
command = "echo begun > HOUSE/begun; read -r word < HOUSE/go; echo ended >> HOUSE/waits; exit 7"

[jobs.hand]
owner = "sales"
command = "echo ran >> HOUSE/hand"
"#;

/// A house whose state directory lies on a small disk.
struct Small {
    disk: Disk,
    begun: Pipe,
    go: Pipe,
    house: House,
}

impl Small {
    fn new(options: &str) -> Self {
        let house = House::with(JOBS);
        let disk = Disk::mount_with(&house.state_dir(), options);
        let (begun, go) = (house.pipe("begun"), house.pipe("go"));
        Self { disk, begun, go, house }
    }

    /// Nothing is left, and nothing in reserve either.
    fn fill_to_the_last(&mut self) {
        fs::File::create(self.house.path("state/reserve")).expect("the reserve is taken");
        self.disk.fill();
    }

    /// Every due time of the job each second has one run or record, and what ran wrote it down, once.
    fn often_is_accounted_for(&self) {
        let runs = self.house.runs();
        let often: Vec<&Run> = runs.iter().filter(|run| run.job.as_str() == "often").collect();
        let due: Vec<i64> = often
            .iter()
            .map(|run| run.due_at.expect("it is scheduled").as_second())
            .collect();
        let all: Vec<i64> = (due[0]..due[0] + i64::try_from(due.len()).expect("few")).collect();
        let mut sorted = due.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, all, "an occurrence is forgotten, or decided twice");
        let wrote: Vec<String> = self.house.read("often").lines().map(ToOwned::to_owned).collect();
        let once: BTreeSet<&String> = wrote.iter().collect();
        assert_eq!(once.len(), wrote.len(), "an occurrence ran twice");
        for run in often {
            let due = run.due_at.expect("it is scheduled").as_second();
            let ran = wrote
                .iter()
                .any(|line| line.parse::<jiff::Timestamp>().expect("a time").as_second() == due);
            match run.outcome {
                Some(Outcome::Succeeded) => assert!(ran, "it did not run: {run:?}"),
                Some(Outcome::Missed | Outcome::Skipped) => {
                    assert!(!ran, "it ran: {run:?}");
                    assert!(run.reason.is_some(), "without a word: {run:?}");
                }
                // It goes on.
                None => {}
                other => panic!("{other:?}: {run:?}"),
            }
        }
    }

    /// The words of the mails to an address.
    fn mails_to(&self, address: &str) -> Vec<String> {
        let entries = fs::read_dir(self.house.path("outbox")).into_iter().flatten().flatten();
        let mails = entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "eml"));
        let texts = mails.map(|entry| fs::read_to_string(entry.path()).expect("a mail"));
        texts.filter(|text| text.contains(&format!("To: {address}"))).collect()
    }
}

/// Asks, and is answered at once.
#[track_caller]
fn ask(daemon: &Daemon, request: Request) -> Reply {
    let asked = Instant::now();
    let reply = daemon.ask(&Ask::Engine(request));
    assert!(
        asked.elapsed() < AT_ONCE,
        "answered after {:?}: {reply:?}",
        asked.elapsed()
    );
    reply
}

#[track_caller]
fn status(daemon: &Daemon) -> Value {
    match ask(daemon, Request::Status { name: None }) {
        Reply::Done(status) => status,
        Reply::Refused(why) => panic!("{why}"),
    }
}

fn run(job: &str) -> Request {
    Request::Run {
        job: Name::from(job),
        args: Vec::new(),
    }
}

#[track_caller]
fn refused(reply: Reply) -> String {
    match reply {
        Reply::Refused(why) => why,
        Reply::Done(facts) => panic!("done: {facts}"),
    }
}

#[test]
fn a_full_disk_holds_starts_says_so_to_everybody_and_keeps_what_ends() {
    let mut small = Small::new("size=64m");
    let daemon = small.house.daemon();
    let waits = daemon.run("waits");
    assert_eq!(small.begun.line(), "begun");
    small.disk.fill();
    daemon.logs(&["the disk is full", "Nothing is started"]);
    let status = status(&daemon);
    assert_eq!(status["disk_full"]["lack"], "bytes", "{status}");
    assert!(status["unstored_since"].is_null(), "the reserve has room: {status}");
    let why = refused(ask(&daemon, run("hand")));
    assert!(why.contains("nothing is started: the disk is full"), "{why}");
    let (code, board) = small.house.freshd(&["status"]);
    assert_eq!(code, Some(1));
    assert!(board.contains("the disk is full: "), "{board}");

    // What runs goes on, and its end is recorded while there is no space.
    small.go.say("go");
    let (ended, _) = daemon.finished(waits, &small.house);
    assert_eq!((ended.outcome, ended.exit_code), (Some(Outcome::Failed), Some(7)));
    small.house.until_all_final();
    let before = small.house.read("often").lines().count();
    daemon.lives_for(Duration::from_secs(3));
    assert_eq!(
        small.house.read("often").lines().count(),
        before,
        "something was started"
    );

    let freed = Instant::now();
    small.disk.free();
    daemon.logs(&["there is space again"]);
    small.house.until_stored("everybody knows that it is over", |_| {
        ["it@", "warehouse@", "sales@"]
            .iter()
            .all(|address| small.mails_to(address).len() == 2)
    });
    assert!(freed.elapsed() < HEALED_WITHIN);
    for address in ["it@", "warehouse@", "sales@"] {
        let mails = small.mails_to(address);
        let told = |words: &str| mails.iter().filter(|mail| mail.contains(words)).count();
        assert_eq!(
            (told("CRITICAL: the disk is full"), told("RESOLVED after")),
            (1, 1),
            "{address}: {mails:?}"
        );
    }
    let (by_hand, _) = daemon.finished(daemon.run("hand"), &small.house);
    assert_eq!(by_hand.outcome, Some(Outcome::Succeeded));
    assert_eq!(small.house.read("hand"), "ran\n", "what was refused was not done later");
    let mut daemon = daemon;
    daemon.terminate();
    small.often_is_accounted_for();
}

#[test]
fn with_the_reserve_used_up_it_answers_from_memory_and_ends_when_it_is_told_to() {
    let mut small = Small::new("size=64m");
    let mut watched = small.house.serve();
    watched.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    let mut daemon = Daemon::start(watched, &small.house);
    let waits = daemon.run("waits");
    assert_eq!(small.begun.line(), "begun");
    small.fill_to_the_last();
    daemon.logs(&["could not store what was decided"]);
    daemon.manager.drain();
    let is_alive = daemon.tells("WATCHDOG=1", WATCHDOG);
    assert!(is_alive, "no restart makes room: {}", daemon.log());
    let known = status(&daemon);
    assert!(known["unstored_since"].is_string(), "{known}");
    let (_, board) = small.house.freshd(&["status"]);
    assert!(board.contains("nothing can be stored since"), "{board}");
    let pause = Request::Pause {
        job: Name::from("often"),
        because: "no space".to_owned(),
    };
    let why = refused(ask(&daemon, pause));
    assert!(why.starts_with("not done: no space is left to record it"), "{why}");
    let asked = Instant::now();
    let why = refused(daemon.ask(&Ask::Reload));
    assert!(asked.elapsed() < AT_ONCE && why.contains("no space is left"), "{why}");

    small.go.say("go");
    small
        .house
        .until_stored("the job has ended", |_| small.house.read("waits") == "ended\n");
    let told = Instant::now();
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().success(), "{}", daemon.log());
    assert!(told.elapsed() < Duration::from_secs(5), "it took {:?}", told.elapsed());
    assert!(daemon.log().contains("nothing of it was begun"), "{}", daemon.log());

    small.disk.free();
    let mut daemon = small.house.daemon();
    let (ended, _) = daemon.finished(waits, &small.house);
    assert_eq!((ended.outcome, ended.exit_code), (Some(Outcome::Failed), Some(7)));
    small.house.until_stored("the job each second goes on", |reader| {
        let last = reader.snapshot().expect("the store can be read").runs;
        last.iter()
            .any(|run| run.job.as_str() == "often" && run.started_at.is_some_and(|at| at > ended.created_at))
    });
    daemon.terminate();
    small.often_is_accounted_for();
}

#[test]
fn a_step_that_waits_for_space_is_stored_and_performed_when_there_is_some() {
    let mut small = Small::new("size=64m");
    let mut daemon = small.house.daemon();
    small.fill_to_the_last();
    let line = daemon.logs(&["could not store what was decided"]);
    let freed = Instant::now();
    small.disk.free();
    daemon.logs_from(line, &["stored again"]);
    let (by_hand, _) = until_accepted(&daemon, &small.house);
    assert_eq!(by_hand.outcome, Some(Outcome::Succeeded));
    assert!(freed.elapsed() < HEALED_WITHIN);
    daemon.terminate();
    small.often_is_accounted_for();
}

/// Asks for a run by hand until it is accepted, which it must be soon; its record once it has ended.
fn until_accepted(daemon: &Daemon, house: &House) -> (Run, Vec<freshd::model::Attempt>) {
    let until = Instant::now() + HEALED_WITHIN;
    loop {
        match daemon.ask(&Ask::Engine(run("hand"))) {
            Reply::Done(begun) => {
                let run = freshd::model::RunId(begun["run"].as_u64().expect("a run's number"));
                return daemon.finished(run, house);
            }
            Reply::Refused(why) => assert!(Instant::now() < until, "not within {HEALED_WITHIN:?}: {why}"),
        }
        daemon.lives_for(Duration::from_millis(100));
    }
}

#[test]
fn a_daemon_that_is_killed_on_a_full_disk_starts_there_and_still_holds() {
    let mut small = Small::new("size=64m");
    let daemon = small.house.daemon();
    small.disk.fill();
    daemon.logs(&["the disk is full", "Nothing is started"]);
    // What had begun by then writes its line.
    small.house.until_all_final();
    let began = small.house.read("often").lines().count();
    daemon.kill();
    let mut daemon = small.house.daemon();
    assert!(status(&daemon)["disk_full"].is_object());
    daemon.logs(&["the disk is full", "nothing starts until there is room"]);
    // One that ended in order has to make its log anew, with what is left of the reserve.
    daemon.terminate();
    let mut daemon = small.house.daemon();
    assert!(status(&daemon)["disk_full"].is_object());
    assert_eq!(
        small.house.read("often").lines().count(),
        began,
        "something was started"
    );
    small.disk.free();
    daemon.logs(&["there is space again"]);
    let (by_hand, _) = until_accepted(&daemon, &small.house);
    assert_eq!(by_hand.outcome, Some(Outcome::Succeeded));
    daemon.terminate();
    small.often_is_accounted_for();
    for address in ["it@", "warehouse@", "sales@"] {
        let full = small
            .mails_to(address)
            .into_iter()
            .filter(|mail| mail.contains("CRITICAL: the disk is full"));
        assert_eq!(full.count(), 1, "{address} is told once, whatever starts and ends");
    }
}

#[test]
fn a_start_without_any_space_says_what_to_do_and_harms_nothing() {
    let mut small = Small::new("size=64m");
    let mut daemon = small.house.daemon();
    daemon.terminate();
    small.fill_to_the_last();
    let mut daemon = Daemon::spawn(small.house.serve(), &small.house);
    let ended = daemon.ended();
    assert_eq!(ended.code(), Some(1));
    let log = daemon.log();
    assert!(log.contains("no space is left for the state directory"), "{log}");
    small.disk.free();
    let mut daemon = small.house.daemon();
    assert!(status(&daemon)["disk_full"].is_null());
    daemon.terminate();
}

#[test]
fn a_disk_too_small_for_the_reserve_holds_starts_from_the_beginning() {
    let small = Small::new("size=16m");
    let mut daemon = small.house.daemon();
    let known = status(&daemon);
    assert_eq!(known["disk_full"]["needed"], 24 << 20, "{known}");
    let why = refused(ask(&daemon, run("hand")));
    assert!(why.contains("and freshd needs 24.0 MiB"), "{why}");
    daemon.terminate();
}

#[test]
fn a_file_system_without_inodes_is_full_too() {
    let small = Small::new("size=64m,nr_inodes=600");
    let mut daemon = small.house.daemon();
    let mut made = Vec::new();
    for number in 0.. {
        let path = small.house.path(&format!("state/file-{number}"));
        if fs::write(&path, "").is_err() {
            break;
        }
        made.push(path);
    }
    daemon.logs(&["the disk is full", "more files can be made"]);
    assert_eq!(status(&daemon)["disk_full"]["lack"], "files");
    for path in made {
        fs::remove_file(path).expect("it was made");
    }
    daemon.logs(&["there is space again"]);
    let (by_hand, _) = until_accepted(&daemon, &small.house);
    assert_eq!(by_hand.outcome, Some(Outcome::Succeeded));
    daemon.terminate();
    small.often_is_accounted_for();
}
