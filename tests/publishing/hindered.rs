//! The real daemon, short of open files while it judges: a moment's trouble, and none of the job's.

use freshd::model::Outcome;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::freshd_process::House;

const JOBS: &str = r#"
timezone = "UTC"

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
