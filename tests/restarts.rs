//! Five hundred jobs run across twenty restarts, half of them kill -9: each runs once, to its end, with its true status.

mod freshd_process;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;

use freshd::model::{Outcome, RunId};
use freshd_process::House;
use freshd_process::process::{self, wait_for_end};

const JOBS: usize = 500;
const RESTARTS: usize = 20;

const HEAD: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]
"#;

/// Writes down that it began and that it ends, prints before and after, and ends with a code of its own.
const JOB: &str = r#"
echo "began $FRESHD_RUN_ID $FRESHD_ATTEMPT $$" >> "HOUSE/evidence/$1"
echo "before $1"
echo $$ >> HOUSE/begun
read -r word < "HOUSE/gates/$1"
echo "after $1 $word" >&2
echo "ended $FRESHD_RUN_ID $FRESHD_ATTEMPT $$" >> "HOUSE/evidence/$1"
exit "$2"
"#;

/// The code that a job ends with: 0 for some.
fn code_of(number: usize) -> i32 {
    i32::try_from(number % 125).expect("small")
}

/// Lets a job end. Its gate is open at its side already, or will be: neither waits for the other.
fn open_gate(house: &House, number: usize) {
    let mut gate = OpenOptions::new()
        .read(true)
        .write(true)
        .open(house.path(&format!("gates/{number}")))
        .expect("its gate");
    writeln!(gate, "word-{number}").expect("the gate takes a word");
    // Kept open until the job has read it: without a holder the word would be gone.
    let pid = pid_of(house, number);
    if let Some(job) = process::open(pid) {
        wait_for_end(&job, "the job");
    }
}

fn pid_of(house: &House, number: usize) -> i32 {
    let evidence = house.read(&format!("evidence/{number}"));
    let pid = evidence.lines().next().and_then(|line| line.split(' ').nth(3));
    pid.expect("it began").parse().expect("a process id")
}

#[test]
fn five_hundred_running_jobs_outlive_twenty_restarts_unharmed_and_end_with_their_true_codes() {
    let mut jobs = String::new();
    for number in 0..JOBS {
        let code = code_of(number);
        jobs += &format!("\n[jobs.j{number}]\nowner = \"it\"\ncommand = [\"jobs/job.sh\", \"{number}\", \"{code}\"]\n");
    }
    let house = House::with(&format!("{HEAD}{jobs}"));
    house.script("jobs/job.sh", JOB);
    for dir in ["evidence", "gates"] {
        fs::create_dir(house.path(dir)).expect("a directory");
    }
    let mut begun = house.pipe("begun");
    for number in 0..JOBS {
        drop(house.pipe(&format!("gates/{number}")));
    }
    let mut daemon = house.daemon();
    let runs: BTreeMap<usize, RunId> = (0..JOBS)
        .map(|number| (number, daemon.run(&format!("j{number}"))))
        .collect();
    for _ in 0..JOBS {
        begun.line();
    }
    // A few end in each round: half of those while there is no daemon.
    let mut numbers = 0..JOBS;
    let a_round = JOBS / RESTARTS;
    for round in 0..RESTARTS {
        if round % 2 == 0 {
            daemon.kill();
        } else {
            assert!(daemon.terminate().success(), "{}", daemon.log());
            drop(daemon);
        }
        numbers
            .by_ref()
            .take(a_round / 2)
            .for_each(|number| open_gate(&house, number));
        daemon = house.daemon();
        numbers
            .by_ref()
            .take(a_round - a_round / 2)
            .for_each(|number| open_gate(&house, number));
    }
    assert_eq!(numbers.next(), None);
    house.until_all_final();
    for (number, run) in runs {
        let (run, attempts) = house.run(run);
        let evidence = house.read(&format!("evidence/{number}"));
        let pid = pid_of(&house, number);
        let once = format!("began {0} 1 {pid}\nended {0} 1 {pid}\n", run.id);
        assert_eq!(evidence, once, "job {number} ran once, and to its end");
        let code = code_of(number);
        let outcome = if code == 0 { Outcome::Succeeded } else { Outcome::Failed };
        assert_eq!(
            (run.outcome, run.exit_code, run.signal, attempts.len()),
            (Some(outcome), Some(code), None, 1),
            "{run:?}"
        );
        let printed = format!("before {number}\nafter {number} word-{number}\n");
        assert_eq!(attempts[0].output.tail, printed);
        assert_eq!(attempts[0].output.bytes, printed.len() as u64);
    }
    assert!(daemon.terminate().success());
}
