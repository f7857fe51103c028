//! Attempts in cgroups of their own, of another user, whose daemon, keeper and journal are gone: the cgroup tells.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use freshd::daemon::Ask;
use freshd::model::{Name, Outcome, Reply, Request};

use super::delegated::Delegated;
use super::freshd_process::House;
use super::freshd_process::daemon::Daemon;
use super::freshd_process::process::{self, wait_for_end};

const JOBS: &str = r#"
timezone = "UTC"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[jobs.hiding]
owner = "it"
user = "nobody"
command = "setsid env -i /bin/sh -c 'echo $$ > HOUSE/hidden; exec sleep 1000' < /dev/null > /dev/null 2>&1 & read x < HOUSE/go"
"#;

fn daemon_in(delegated: &Delegated, house: &House) -> Daemon {
    let mut inside = Command::new("/bin/sh");
    let enter = format!(
        "echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"",
        delegated.dir.display()
    );
    inside.args(["-c", &enter]);
    Daemon::start(house.serve_under(inside), house)
}

#[test]
fn what_hid_in_its_cgroup_belongs_to_its_job_and_ends_with_it_also_without_a_journal() {
    let Some(delegated) = Delegated::new() else { return };
    let house = House::with(JOBS);
    let (mut hidden, mut go) = (house.pipe("hidden"), house.pipe("go"));
    for pipe in ["hidden", "go"] {
        fs::set_permissions(house.path(pipe), Permissions::from_mode(0o666)).expect("its mode");
    }
    let daemon = daemon_in(&delegated, &house);
    let run = daemon.run("hiding");
    let left = hidden.line().parse().expect("a process id");
    let left = process::open(left).expect("it lives");
    house.until_stored("the job is known to run", |reader| {
        let stored = reader.run(run).expect("the store can be read");
        stored.is_some_and(|(_, attempts)| attempts.iter().any(|attempt| attempt.pid.is_some()))
    });
    daemon.kill();
    for keeper in house.keepers() {
        process::kill(keeper);
    }
    fs::remove_file(house.state_dir().join("keeper/1.journal")).expect("the journal");

    let mut daemon = daemon_in(&delegated, &house);
    let again = Ask::Engine(Request::Run {
        job: Name::from("hiding"),
        args: Vec::new(),
    });
    let Reply::Refused(why) = daemon.ask(&again) else {
        panic!("it runs beside itself")
    };
    assert!(why.contains("is going on"), "{why}");
    go.say("go");
    let (ended, attempts) = daemon.finished(run, &house);
    assert_eq!((ended.outcome, attempts.len()), (Some(Outcome::Lost), 1), "{ended:?}");
    wait_for_end(&left, "what had hidden");
    delegated.until_no_leaf();
    assert!(daemon.terminate().success(), "{}", daemon.log());
}
