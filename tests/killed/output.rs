//! kill -9 of the keeper, and of everybody, while a job prints all the time: it loses nothing and notices nothing.

use freshd::model::{Attempt, Outcome, Run, RunId};

use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::freshd_process::pipe::Pipe;
use crate::freshd_process::process;

const JOBS: &str = r#"
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

[jobs.chatty]
owner = "it"
command = "jobs/chatty.sh"
retry = { attempts = 2, delay = "10ms" , on = ["killed"] }

[jobs.quick]
owner = "it"
command = "true"
"#;

/// Prints a line every 10 ms, and waits for a word after the lines 30 and 60.
const CHATTY: &str = r#"
echo "start" >> HOUSE/evidence
i=0
say() {
    while [ "$i" -lt "$1" ]; do
        i=$((i + 1))
        echo "line $i"
        sleep 0.01
    done
}
say 30
echo thirty > HOUSE/said
read -r word < HOUSE/go
say 60
echo sixty > HOUSE/said
read -r word < HOUSE/go
say 90
echo "end" >> HOUSE/evidence
exit 7
"#;

/// A house in which that job has printed its first lines.
struct Chatting {
    house: House,
    run: RunId,
    said: Pipe,
    go: Pipe,
}

impl Chatting {
    fn begin() -> (Self, Daemon) {
        let house = House::with(JOBS);
        house.script("jobs/chatty.sh", CHATTY);
        let (mut said, go) = (house.pipe("said"), house.pipe("go"));
        let daemon = house.daemon();
        let run = daemon.run("chatty");
        assert_eq!(said.line(), "thirty");
        // The keeper has read that when it has seen a whole other attempt since.
        let quick = daemon.run("quick");
        daemon.finished(quick, &house);
        (Self { house, run, said, go }, daemon)
    }

    fn kill_keeper(&self) {
        let keepers = self.house.keepers();
        assert_eq!(keepers.len(), 1);
        process::kill(keepers[0]);
    }

    /// It ran once, did its work, and all that it printed is there, in order.
    fn ended_unharmed(&self, daemon: &mut Daemon) -> (Run, Attempt) {
        let (run, mut attempts) = daemon.finished(self.run, &self.house);
        assert_eq!(attempts.len(), 1, "{attempts:?}");
        assert_eq!(self.house.read("evidence"), "start\nend\n");
        daemon.logs(&["told", "outbox"]);
        assert!(daemon.terminate().success(), "{}", daemon.log());
        let expected: Vec<_> = (1..=90).map(|i| format!("line {i}")).collect();
        let (code, printed) = self.house.freshd(&["logs", "chatty"]);
        assert_eq!(code, Some(0));
        let printed: Vec<_> = printed
            .lines()
            .map(|line| &line[line.find("line").unwrap_or(0)..])
            .collect();
        assert_eq!(printed, expected);
        let attempt = attempts.remove(0);
        let bytes: usize = expected.iter().map(|line| line.len() + 1).sum();
        assert_eq!(
            (attempt.output.bytes, attempt.output.dropped_bytes),
            (bytes as u64, 0),
            "{attempt:?}"
        );
        (run, attempt)
    }
}

#[test]
fn a_chatty_job_whose_keeper_is_killed_ends_with_its_true_code_and_all_its_lines() {
    let (mut chatting, mut daemon) = Chatting::begin();
    chatting.kill_keeper();
    chatting.go.say("on");
    assert_eq!(chatting.said.line(), "sixty");
    chatting.go.say("on");
    let (run, attempt) = chatting.ended_unharmed(&mut daemon);
    assert_eq!((run.outcome, run.exit_code), (Some(Outcome::Failed), Some(7)));
    assert_eq!((attempt.outcome, attempt.exit_code), (Some(Outcome::Failed), Some(7)));
}

#[test]
fn a_chatty_job_that_outlives_daemon_and_keeper_is_lost_and_its_lines_are_not() {
    let (mut chatting, daemon) = Chatting::begin();
    daemon.kill();
    chatting.kill_keeper();
    chatting.go.say("on");
    assert_eq!(chatting.said.line(), "sixty");
    let mut daemon = chatting.house.daemon();
    chatting.go.say("on");
    let (run, attempt) = chatting.ended_unharmed(&mut daemon);
    assert_eq!((run.outcome, run.exit_code), (Some(Outcome::Lost), None));
    assert_eq!((attempt.outcome, attempt.exit_code), (Some(Outcome::Lost), None));
    let why = run.reason.expect("a reason");
    assert!(why.contains("keeper died"), "{why}");
}
