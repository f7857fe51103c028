//! What was acknowledged survives kill -9.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::store::Reader;

/// Names the state directory to the copy of this test that is to be killed.
const CHILD_DIR: &str = "FRESHD_TEST_STORE_DIR";

/// Writers within the killed process.
const THREADS: u64 = 4;

/// Stores runs until it is killed, and says each number once it is told that it is stored.
fn write_until_killed(dir: &str) -> ! {
    let store = Store::open(std::path::Path::new(dir)).unwrap();
    let begun = store.load().unwrap().last_run.map_or(0, |run| run.0);
    let writer = store.into_writer().unwrap();
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let writer = &writer;
            scope.spawn(move || {
                // A cursor belongs to one writer: it never moves back.
                let job = format!("job-{thread}");
                for id in (begun + thread..).step_by(usize::try_from(THREADS).unwrap()) {
                    for step in life_of_a_run(id, &job, i64::try_from(id).unwrap()) {
                        writer.commit_blocking(step).unwrap();
                    }
                    // Past the test's own capture; one write, so that lines stay whole.
                    let line = format!("stored {id}\n");
                    std::io::stderr().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
    unreachable!("numbers do not end");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    if let Ok(dir) = std::env::var(CHILD_DIR) {
        write_until_killed(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(std::thread::current().name().unwrap())
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut evidence = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut number = || {
            let line = evidence.next()?.unwrap();
            Some(line.strip_prefix("stored ")?.parse::<u64>().unwrap())
        };
        acknowledged.extend((0..20 + 17 * round).map(|_| number().expect("it writes")));
        child.kill().unwrap();
        // What it said before it died counts, too.
        acknowledged.extend(std::iter::from_fn(&mut number));
        child.wait().unwrap();

        let reader = Reader::open(dir.path()).unwrap();
        for id in &acknowledged {
            let (run, attempts) = reader.run(RunId(*id)).unwrap().expect("it was acknowledged");
            assert_eq!(run.state, RunState::Final);
            assert_eq!(attempts.len(), 1);
        }
        assert_eq!(reader.damage().unwrap(), None);
    }
    Store::open(dir.path()).unwrap();
}
