//! The real daemon, hindered while it judges or publishes: trouble that is none of the job's.

use freshd::model::Outcome;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::freshd_process::House;

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

[datasets.stock]
owner = "it"
file = "exports/stock.csv"

[jobs.export]
owner = "it"
command = "echo begun > HOUSE/begun; read -r word < HOUSE/go; echo L1 > \"$FRESHD_OUTPUT\""
produces = "stock"
"#;

#[test]
fn a_daemon_that_cannot_open_the_output_just_now_judges_it_later() {
    let house = House::with(JOBS);
    let (mut begun, mut go) = (house.pipe("begun"), house.pipe("go"));
    let mut daemon = house.daemon();
    let run = daemon.run("export");
    assert_eq!(begun.line(), "begun");

    let pid = Pid::from_raw(i32::try_from(daemon.pid()).expect("a process id")).expect("a process");
    let before = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        maximum: before.maximum,
    };
    prlimit(Some(pid), Resource::Nofile, none).expect("its parent may");
    go.say("go");
    daemon.logs(&["could not judge an output", "Too many open files"]);
    prlimit(Some(pid), Resource::Nofile, before).expect("its parent may");

    let (run, _) = daemon.finished(run, &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{run:?}");
    assert_eq!(house.read("exports/stock.csv"), "L1\n");
    assert_eq!(run.version.map(|version| version.0), Some(1));
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn an_output_that_cannot_be_put_in_place_lies_in_quarantine_and_why_says_so() {
    let house = House::with(JOBS);
    let (mut begun, mut go) = (house.pipe("begun"), house.pipe("go"));
    let mut daemon = house.daemon();
    let run = daemon.run("export");
    assert_eq!(begun.line(), "begun");
    std::fs::create_dir_all(house.path("exports/stock.csv")).expect("a directory in its place");
    go.say("go");

    let (run, _) = daemon.finished(run, &house);
    assert_eq!(run.outcome, Some(Outcome::Failed));
    let reason = run.reason.expect("a reason");
    assert!(reason.starts_with("its output could not be put in place: "), "{reason}");
    let (_, why) = house.freshd(&["why", "stock"]);
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(why.contains("held back version 1") && why.contains(&reason), "{why}");
    let (_, shown) = house.freshd(&["show", &run.id.to_string()]);
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("kept aside version 1, in quarantine"), "{shown}");
    house.until_stored("the move", |_| {
        house.state_dir().join("quarantine/stock/1/stock.csv").exists()
    });
    let kept = std::fs::read_to_string(house.state_dir().join("quarantine/stock/1/stock.csv"));
    assert_eq!(kept.expect("the output"), "L1\n");
    assert!(daemon.terminate().success(), "{}", daemon.log());
}
