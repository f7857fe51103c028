//! What a user gets wrong: one clear message that says where, what and what to do, the right exit code, nothing left.

mod freshd_process;

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use freshd::daemon::Ask;
use freshd::model::{Outcome, Reply, Request};
use freshd_process::{House, PATIENCE, process};
use rustix::process::Signal;

/// Exit codes of FACE: wrong configuration, and anything else.
const CONFIGURATION: i32 = 2;
const OTHERWISE: i32 = 1;

/// How soon a user is told, on a busy machine too.
const PROMPT: Duration = Duration::from_secs(5);

const GOOD: &str = r#"timezone = "UTC"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[jobs.export]
owner = "it"
command = "true"
schedule = "0 2 * * *"
"#;

/// Runs freshd to its end; its exit code and what it wrote.
#[track_caller]
fn ends(house: &House, mut command: Command) -> (Option<i32>, String) {
    let begun = Instant::now();
    let child = command.spawn().expect("freshd starts");
    let process = process::open(i32::try_from(child.id()).expect("a process id")).expect("it is ours");
    process::wait_for_end(&process, "freshd");
    assert!(begun.elapsed() < PROMPT, "it took {:?}", begun.elapsed());
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(house.processes(), [0; 0], "it left something behind: {said}");
    (output.status.code(), said)
}

#[track_caller]
fn refused(house: &House, command: Command, code: i32, words: &[&str]) {
    let (ended, said) = ends(house, command);
    assert_eq!(ended, Some(code), "{said}");
    for word in words {
        let word = house.filled(word);
        assert!(said.contains(&word), "no {word:?} in {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
}

/// A daemon without work is told to end, and takes its keeper with it.
#[track_caller]
fn run_once(house: &House) {
    let mut daemon = house.daemon();
    let keepers: Vec<_> = house.keepers().into_iter().filter_map(process::open).collect();
    assert!(daemon.terminate().success(), "{}", daemon.log());
    for keeper in keepers {
        process::wait_for_end(&keeper, "the keeper");
    }
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_line_and_what_to_write() {
    let cases: [(&str, &str, &[&str]); 7] = [
        (
            "schedule =",
            "shedule =",
            &["jobs.toml:16:1", "unknown key", "shedule", "did you mean `schedule`?"],
        ),
        (
            "owner = \"it\"",
            "owner = \"ti\"",
            &["jobs.toml:14:9", "ti", "did you mean `it`?"],
        ),
        (
            "[teams.it]\nnotify = [\"outbox\"]",
            "[teams.it]",
            &["jobs.toml:10:", "team `it` has no channel", "write notify = "],
        ),
        (
            "\"UTC\"",
            "\"Europe/Olso\"",
            &["jobs.toml:1:12", "unknown time zone", "did you mean \"Europe/Oslo\"?"],
        ),
        (
            "\"true\"",
            "\"no-such-program --all\"",
            &["jobs.toml:15:12", "no-such-program", "not found", "/usr/bin"],
        ),
        (
            "\"true\"",
            "[\"HOUSE/none.sh\"]",
            &["jobs.toml:15:", "HOUSE/none.sh` does not exist", "create HOUSE/none.sh"],
        ),
        (
            "0 2 * * *",
            "0 2 31 2 *",
            &["jobs.toml:16:12", "never fires", "choose a date that exists"],
        ),
    ];
    for (right, wrong, words) in cases {
        assert!(GOOD.contains(right), "{right}");
        let house = House::with(&GOOD.replace(right, wrong));
        refused(&house, house.serve(), CONFIGURATION, words);
        assert!(!house.state_dir().exists(), "nothing is begun");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let house = House::with(
        &GOOD
            .replace("\"UTC\"", "\"Mars/Base\"")
            .replace("true", "/no/such/file")
            .replace("0 2", "61 2"),
    );
    refused(
        &house,
        house.serve(),
        CONFIGURATION,
        &["jobs.toml:1:12", "jobs.toml:15:12", "jobs.toml:16:13"],
    );
}

#[test]
fn a_missing_file_is_named() {
    let house = House::new();
    refused(
        &house,
        house.serve(),
        CONFIGURATION,
        &["HOUSE/jobs.toml", "does not exist", "create it, or correct the path"],
    );
}

#[test]
fn a_state_directory_that_cannot_be_written_is_named() {
    let house = House::with(GOOD);
    house.write("plain", "a file");
    let below_a_file = freshd_process::serve_on(&house.path("jobs.toml"), &house.path("plain/state"));
    refused(
        &house,
        below_a_file,
        OTHERWISE,
        &["state directory HOUSE/plain/state", "Not a directory", "--state"],
    );
}

#[test]
fn a_state_directory_on_a_read_only_file_system_is_named() {
    let house = House::with(GOOD);
    run_once(&house);
    let state = house.state_dir().display().to_string();
    let command = house.serve_behind(&format!(
        "mount --bind {state} {state} && mount -o remount,ro,bind {state}"
    ));
    refused(
        &house,
        command,
        OTHERWISE,
        &["HOUSE/state", "read-only file system", "--state"],
    );
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let house = House::with(&format!("{GOOD}\n[web]\nlisten = \"{address}\"\n"));
    refused(
        &house,
        house.serve(),
        OTHERWISE,
        &[&address, "in use", "[web]", "HOUSE/jobs.toml"],
    );
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let house = House::with(GOOD);
    let mut first = house.daemon();
    let belongings = house.processes();
    let mut command = house.serve();
    let begun = Instant::now();
    let second = command
        .spawn()
        .expect("freshd starts")
        .wait_with_output()
        .expect("its end");
    assert!(begun.elapsed() < PROMPT);
    let said = String::from_utf8(second.stderr).expect("UTF-8");
    assert_eq!(second.status.code(), Some(OTHERWISE), "{said}");
    let expected = format!(
        "another freshd (pid {}) already runs on {}",
        first.pid(),
        house.state_dir().display()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(house.processes(), belongings);
    let (run, _) = first.finished(first.run("export"), &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert!(first.terminate().success());
}

#[test]
fn a_database_of_a_newer_freshd_is_left_alone() {
    let house = House::with(GOOD);
    run_once(&house);
    let file = house.state_dir().join("freshd.db");
    let database = rusqlite::Connection::open(&file).expect("the database");
    database.pragma_update(None, "user_version", 99).expect("a layout");
    drop(database);
    let words = [
        "HOUSE/state/freshd.db",
        "newer freshd",
        "its layout is 99",
        "start the newer freshd, or restore a backup",
    ];
    refused(&house, house.serve(), OTHERWISE, &words);
    let database = rusqlite::Connection::open(&file).expect("the database");
    let layout: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("a layout");
    assert_eq!(layout, 99);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let house = House::with(GOOD);
    house.write("state/freshd.db", &"not a database ".repeat(100));
    let words = [
        "HOUSE/state/freshd.db",
        "not a freshd database",
        "move it away",
        "--state",
    ];
    refused(&house, house.serve(), OTHERWISE, &words);
    assert!(house.read("state/freshd.db").starts_with("not a database"));
}

#[test]
fn a_reload_takes_the_whole_new_configuration_or_keeps_the_old_one_and_says_why() {
    let house = House::with(GOOD);
    let mut daemon = house.daemon();
    let jobs = |status: Reply| -> Vec<String> {
        let Reply::Done(status) = status else {
            panic!("a status")
        };
        let jobs = status["jobs"].as_array().expect("jobs").iter();
        jobs.map(|job| format!("{} {}", job["name"].as_str().expect("a name"), job["schedule"]))
            .collect()
    };
    let status = Ask::Engine(Request::Status { name: None });

    // One half is right: none of it is taken.
    house.configure(&GOOD.replace("0 2", "0 3").replace("owner = \"it\"", "owner = \"ti\""));
    daemon.signal(Signal::HUP);
    let behind = daemon.logs(&["ERROR", "not reloaded"]);
    daemon.logs_from(behind, &["jobs.toml:14:9"]);
    assert!(daemon.tells("READY=1", PATIENCE));
    assert_eq!(jobs(daemon.ask(&status)), ["export \"0 2 * * *\""]);
    let Reply::Refused(why) = daemon.ask(&Ask::Reload) else {
        panic!("refused by hand as well")
    };
    assert!(
        why.contains("jobs.toml:14:9") && why.contains("did you mean `it`?"),
        "{why}"
    );

    std::fs::remove_file(house.path("jobs.toml")).expect("gone");
    daemon.signal(Signal::HUP);
    daemon.logs_from(behind, &["jobs.toml", "does not exist"]);
    assert!(daemon.tells("READY=1", PATIENCE));
    let (run, _) = daemon.finished(daemon.run("export"), &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "the old one stays in force");

    house.configure(&GOOD.replace("0 2", "0 3").replace("[jobs.export]", "[jobs.orders]"));
    daemon.signal(Signal::HUP);
    assert!(daemon.tells("READY=1", PATIENCE));
    assert_eq!(jobs(daemon.ask(&status)), ["orders \"0 3 * * *\""]);
    assert!(daemon.terminate().success(), "{}", daemon.log());
}
