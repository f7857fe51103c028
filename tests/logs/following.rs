//! `freshd logs -f` shows each line once, whatever becomes of the daemon meanwhile.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use super::{house, logs};
use crate::freshd_process::House;

/// Prints a line for each word it is told, and fails when it is told to.
const TELLS: &str = r#"
[jobs.tells]
owner = "it"
command = "jobs/tells.sh"
retry = { attempts = 2, delay = "10ms" }
"#;

const TELLS_SCRIPT: &str = r#"
echo "attempt $FRESHD_ATTEMPT"
while read -r word; do
    case $word in
    fail) exit 1 ;;
    end) exit 0 ;;
    *) echo "$word" ;;
    esac
done < HOUSE/go
"#;

/// A follower, killed when it is dropped.
struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn begin(house: &House, of: &str) -> Self {
        let mut child = logs(house, &[of, "-f"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    /// The next line, without its time; nothing at the end.
    fn line(&mut self) -> Option<String> {
        let line = self.lines.next()?.expect("a line");
        Some(line.split_once("  ").map_or(line.as_str(), |(_, text)| text).to_owned())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_run_is_followed_over_the_death_of_the_daemon_and_over_its_attempts_to_its_end() {
    let house = house(TELLS);
    house.script("jobs/tells.sh", TELLS_SCRIPT);
    let mut go = house.pipe("go");
    let daemon = house.daemon();
    let run = daemon.run("tells").to_string();
    let mut follower = Follower::begin(&house, &run);
    let mut says = |word: &str, shown: &[&str]| {
        go.say(word);
        for line in shown {
            assert_eq!(follower.line().as_deref(), Some(*line));
        }
    };
    says("one", &["attempt 1", "one"]);
    daemon.kill();
    // Shown while there is no daemon.
    says("two", &["two"]);
    let mut daemon = house.daemon();
    says("three", &["three"]);
    says("fail", &[&format!("-- attempt 2 of run {run}"), "attempt 2"]);
    says("four", &["four"]);
    assert!(daemon.terminate().success());
    says("five", &["five"]);
    says("end", &[]);
    let _daemon = house.daemon();
    assert_eq!(follower.line(), None);
    assert!(follower.child.wait().expect("it ends").success());
}

#[test]
fn a_job_is_followed_from_one_run_to_the_next() {
    let house = house(TELLS);
    house.script("jobs/tells.sh", TELLS_SCRIPT);
    let mut go = house.pipe("go");
    let daemon = house.daemon();
    let first = daemon.run("tells");
    let mut follower = Follower::begin(&house, "tells");
    assert_eq!(
        follower.line().as_deref(),
        Some(format!("-- run {first} of tells").as_str())
    );
    assert_eq!(follower.line().as_deref(), Some("attempt 1"));
    for run in first.0 + 1..first.0 + 3 {
        go.say("end");
        daemon.finished(freshd::model::RunId(run - 1), &house);
        assert_eq!(daemon.run("tells").0, run);
        assert_eq!(follower.line(), Some(format!("-- run {run} of tells")));
        assert_eq!(follower.line().as_deref(), Some("attempt 1"));
    }
    go.say("end");
}
