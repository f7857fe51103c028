//! Another build in the place of the one that runs: what runs goes on with its keeper, and what is new gets a new one.

mod freshd_process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use freshd::model::{Outcome, RunId};
use freshd_process::daemon::Daemon;
use freshd_process::pipe::Pipe;
use freshd_process::process::{self, wait_for_end};
use freshd_process::{EXE, House};

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

[jobs.old]
owner = "it"
command = "jobs/waits.sh 7"

[jobs.young]
owner = "it"
command = "jobs/waits.sh 9"

[jobs.newest]
owner = "it"
command = "jobs/waits.sh 11"
"#;

const WAITS: &str = r#"
echo "began $FRESHD_JOB $FRESHD_ATTEMPT" >> HOUSE/evidence
echo before
echo begun > HOUSE/begun
while read -r word; do
    test "$word" = end && break
    echo "$word" >&2
done < "HOUSE/go-$FRESHD_JOB"
echo after
echo "ended $FRESHD_JOB $FRESHD_ATTEMPT" >> HOUSE/evidence
exit "$1"
"#;

/// Puts a build in place as an installer does: a new file under the old name. The same program counts as another build.
fn install(house: &House) -> PathBuf {
    let (program, fresh) = (house.path("freshd"), house.path("freshd.new"));
    fs::copy(EXE, &fresh).expect("a copy");
    fs::rename(&fresh, &program).expect("in place");
    program
}

fn serve(house: &House, program: &Path) -> Daemon {
    let usual = house.serve();
    let mut command = Command::new(program);
    command.args(usual.get_args()).env_clear();
    command.envs(usual.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Daemon::start(command, house)
}

struct Job {
    run: RunId,
    go: Pipe,
}

fn begin(house: &House, daemon: &Daemon, job: &str, begun: &mut Pipe) -> Job {
    let go = house.pipe(&format!("go-{job}"));
    let run = daemon.run(job);
    assert_eq!(begun.line(), "begun");
    Job { run, go }
}

#[track_caller]
fn ends_with(house: &House, daemon: &Daemon, mut job: Job, code: i32, printed: &str) {
    job.go.say("end");
    let (run, attempts) = daemon.finished(job.run, house);
    assert_eq!(
        (run.outcome, run.exit_code),
        (Some(Outcome::Failed), Some(code)),
        "{run:?}"
    );
    assert_eq!((attempts.len(), attempts[0].output.tail.as_str()), (1, printed));
    let (_, log) = house.freshd(&["logs", &job.run.to_string(), "--json"]);
    assert_eq!(log.lines().count(), printed.lines().count(), "{log}");
}

#[test]
fn a_job_outlives_an_upgrade_under_its_old_keeper_which_leaves_when_it_has_ended() {
    let house = House::with(JOBS);
    house.script("jobs/waits.sh", WAITS);
    let mut begun = house.pipe("begun");
    let mut daemon = serve(&house, &install(&house));
    let mut old = begin(&house, &daemon, "old", &mut begun);
    let [old_keeper] = house.keepers()[..] else {
        panic!("one keeper has it")
    };
    assert!(daemon.terminate().success(), "{}", daemon.log());
    old.go.say("printed while there was no freshd");

    let mut daemon = serve(&house, &install(&house));
    old.go.say("printed after the upgrade");
    let young = begin(&house, &daemon, "young", &mut begun);
    let keepers = house.keepers();
    assert!(keepers.len() == 2 && keepers.contains(&old_keeper), "{keepers:?}");

    // Once more, by a kill: by it no keeper is told to leave, but that of another build takes nothing new.
    daemon.kill();
    daemon = serve(&house, &install(&house));
    let newest = begin(&house, &daemon, "newest", &mut begun);
    assert_eq!(house.keepers().len(), 3, "one for each build");
    let leaves = process::open(old_keeper).expect("it lives");
    let printed = "before\nprinted while there was no freshd\nprinted after the upgrade\nafter\n";
    ends_with(&house, &daemon, old, 7, printed);
    wait_for_end(&leaves, "the old keeper");
    ends_with(&house, &daemon, young, 9, "before\nafter\n");
    ends_with(&house, &daemon, newest, 11, "before\nafter\n");
    assert!(daemon.terminate().success(), "{}", daemon.log());
    assert_eq!(
        house.read("evidence"),
        "began old 1\nbegan young 1\nbegan newest 1\nended old 1\nended young 1\nended newest 1\n"
    );
}
