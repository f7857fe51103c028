//! Programs that do not want to end, through the real binary: nothing of them is left, nobody waits for them, and
//! nothing grows.
//!
//! Three rounds of each; two hundred of each, five at a time, by `FRESHD_ROUNDS=40 FRESHD_COPIES=5 cargo test --release
//! --test hostile -- --nocapture`. Times are judged against a witness, which does beside freshd what a start needs: what the machine takes from it, it takes from freshd
//! too. Needs a C compiler.

#[path = "keeper/delegated.rs"]
mod delegated;
mod freshd_process;
#[path = "hostile/witness.rs"]
mod witness;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use delegated::Delegated;
use freshd::model::{Attempt, Outcome, Run, RunId, Trigger};
use freshd_process::House;
use freshd_process::daemon::Daemon;
use jiff::Timestamp;
use witness::Witness;

const ROUNDS: usize = 3;

/// Asks for more of them.
const ROUNDS_ASKED: &str = "FRESHD_ROUNDS";

/// Asks for more of each program in a round; one unless said.
const COPIES_ASKED: &str = "FRESHD_COPIES";

/// As in jobs.toml below.
const TIMEOUT: Duration = Duration::from_millis(400);
const KILL_AFTER: Duration = Duration::from_millis(200);

/// After that, a run whose main process has ended is final.
const FINAL_WITHIN: Duration = Duration::from_secs(3);

/// How much later than told an attempt may be ended.
const ENDED_WITHIN: Duration = Duration::from_secs(2);

/// How late the job that is due each second may be started.
const START_WITHIN: Duration = Duration::from_secs(1);

/// Times that freshd waits for the machine in each of these at most: the clock's thread, the loop, the keeper and the
/// process are set to work after each other, and two syncs lie between.
const WAITS: u32 = 6;

/// How much the memory of daemon and keeper may grow once they are warm, to the last round: the keeper after the first,
/// the daemon after `WARM_RUNS`, or after the first where there are not so many.
const GROWTH_KIB_MAX: u64 = 1_024;

/// What the daemon may keep of its database besides; it fills slowly.
const PAGE_CACHE_KIB: u64 = 2_048;

/// After so many runs the daemon is warm.
const WARM_RUNS: usize = 600;

/// What each program comes to.
const PROGRAMS: [(&str, Outcome); 12] = [
    ("session", Outcome::TimedOut),
    ("double-fork", Outcome::TimedOut),
    ("bomb", Outcome::TimedOut),
    ("deaf", Outcome::TimedOut),
    ("stopped", Outcome::TimedOut),
    ("holder", Outcome::Succeeded),
    ("silent", Outcome::TimedOut),
    ("flood", Outcome::TimedOut),
    ("line", Outcome::TimedOut),
    ("bytes", Outcome::Succeeded),
    ("writers", Outcome::Succeeded),
    ("group", Outcome::TimedOut),
];

const TOP: &str = r#"
timezone = "UTC"
run_as_root = true

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[jobs.steady]
owner = "it"
command = ["/bin/true"]
every = "1s"
"#;

/// A job that runs a hostile program.
struct Hostile {
    job: String,
    program: &'static str,
    outcome: Outcome,
}

/// As many of each as were asked for.
fn copies_of(programs: &[(&'static str, Outcome)]) -> Vec<Hostile> {
    let copies = 1..=asked(COPIES_ASKED, 1);
    let copies = copies.flat_map(|copy| programs.iter().map(move |program| (copy, program)));
    copies
        .map(|(copy, (program, outcome))| Hostile {
            job: format!("{program}-{copy}"),
            program,
            outcome: *outcome,
        })
        .collect()
}

fn jobs_toml(programs: &[Hostile]) -> String {
    let jobs = programs.iter().map(|Hostile { job, program, outcome }| {
        // What ends by itself must never be told to, however busy the machine is.
        let timeout = match outcome {
            Outcome::TimedOut => TIMEOUT,
            _ => Duration::from_secs(30),
        };
        format!(
            "\n[jobs.{job}]\nowner = \"it\"\ncommand = [\"HOUSE/program\", \"{program}\", \"HOUSE/mark\"]\n\
             timeout = \"{}ms\"\nkill_after = \"{}ms\"\nlog_limit = \"64 KiB\"\n",
            timeout.as_millis(),
            KILL_AFTER.as_millis()
        )
    });
    TOP.to_owned() + &jobs.collect::<String>()
}

fn build(house: &House) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/program.c");
    let built = Command::new("cc")
        .args(["-O1", "-o"])
        .arg(house.path("program"))
        .arg(source)
        .output();
    let built = built.expect("this test needs cc");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

fn asked(variable: &str, otherwise: usize) -> usize {
    let asked = std::env::var(variable).ok();
    asked.map_or(otherwise, |asked| asked.parse().expect("a number"))
}

/// Processes of the programs, zombies left out: all carry the mark in their arguments.
fn survivors(house: &House) -> Vec<String> {
    let mark = house.path("mark").display().to_string();
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&mark)).collect()
}

/// What a process holds in memory of its own. Its code is the kernel's to drop and to read again.
fn own_kib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon"))
        .expect("its memory");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

/// Runs all of them at once, and judges what is left and what is recorded. Returns the runs.
fn round(house: &House, daemon: &Daemon, programs: &[Hostile], longest: &mut Longest) -> Vec<RunId> {
    let begun: Vec<(RunId, &Hostile)> = programs
        .iter()
        .map(|program| (daemon.run(&program.job), program))
        .collect();
    for (id, Hostile { job, outcome, .. }) in &begun {
        let (run, attempts) = daemon.finished(*id, house);
        assert_eq!(run.outcome, Some(*outcome), "{job}: {:?}", run.reason);
        longest.see(&run, &attempts[0]);
    }
    assert_eq!(survivors(house), [""; 0]);
    begun.into_iter().map(|(id, _)| id).collect()
}

/// The cgroups of these runs that are still there. The steady job may be running in one of its own.
fn leaves_of(delegated: &Delegated, runs: &[RunId]) -> Vec<PathBuf> {
    let mut leaves = delegated.leaves();
    leaves.retain(|leaf| {
        let name = leaf.file_name().unwrap_or_default().to_string_lossy().into_owned();
        runs.iter().any(|RunId(run)| name.ends_with(&format!("-{run}.1")))
    });
    leaves
}

/// The longest of what a test has seen.
#[derive(Debug, Default)]
struct Longest {
    /// From the end of a main process until its run was final.
    wait: Duration,
    /// From the start of a main process until its end.
    life: Duration,
    /// From the instant at which the steady job was due until it was started.
    lateness: Duration,
}

impl Longest {
    fn see(&mut self, run: &Run, attempt: &Attempt) {
        let at = |time: Option<Timestamp>| time.expect("it is final");
        let (started, ended, is_final) = (at(attempt.started_at), at(attempt.ended_at), at(run.ended_at));
        self.wait = self.wait.max(between(ended, is_final));
        self.life = self.life.max(between(started, ended));
    }

    /// Each promise, and what the machine took from whoever did the same.
    fn judge(mut self, house: &House, witness: Witness) {
        let runs = house.runs();
        let due = runs.iter().filter(|run| run.trigger == Trigger::Schedule);
        let late = due.filter_map(|run| Some(between(run.due_at?, run.started_at?)));
        self.lateness = late.max().expect("the steady job ran");
        let taken = witness.longest();
        println!("{self:?}, and the witness waited {taken:?}");
        for (what, took, promised) in [
            ("a run was final after the end of its process", self.wait, FINAL_WITHIN),
            ("an attempt was ended", self.life, TIMEOUT + KILL_AFTER + ENDED_WITHIN),
            ("the steady job was started", self.lateness, START_WITHIN),
        ] {
            assert!(
                took <= promised + taken * WAITS,
                "{what} after {took:?}, and {promised:?} were promised; the witness waited {taken:?}"
            );
        }
    }
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    later.duration_since(earlier).try_into().unwrap_or_default()
}

/// One world at a time: each of them takes all that the machine has.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn nothing_of_a_hostile_program_is_left_nobody_waits_for_it_and_nothing_grows() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut longest = Longest::default();
    let house = House::new();
    build(&house);
    let programs = copies_of(&PROGRAMS);
    house.configure(&jobs_toml(&programs));
    let mut daemon = house.daemon();
    let witness = Witness::begin(&house.path("witness"));
    let pids = |daemon: &Daemon| [i32::try_from(daemon.pid()).expect("a pid"), house.keepers()[0]];
    let rounds = asked(ROUNDS_ASKED, ROUNDS);
    let warm = WARM_RUNS.div_ceil(programs.len());
    let mut before = [0; 2];
    for number in 1..=rounds {
        round(&house, &daemon, &programs, &mut longest);
        let now = pids(&daemon).map(own_kib);
        match number {
            1 => before = now,
            _ if number == warm && number < rounds => before[0] = now[0],
            _ => {}
        }
    }
    let after = pids(&daemon).map(own_kib);
    for (who, (before, after)) in ["daemon", "keeper"].into_iter().zip(before.into_iter().zip(after)) {
        println!("{who}: {before} KiB when it was warm, {after} KiB after {rounds} rounds");
        let grown = after.saturating_sub(before);
        let cache = if who == "daemon" { PAGE_CACHE_KIB } else { 0 };
        assert!(grown <= GROWTH_KIB_MAX + cache, "the {who} grew by {grown} KiB");
    }
    longest.judge(&house, witness);
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn in_a_cgroup_not_even_a_storm_of_forks_gets_away() {
    let Some(delegated) = Delegated::new() else { return };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut longest = Longest::default();
    let house = House::new();
    build(&house);
    let mut programs = copies_of(&PROGRAMS);
    // Several of these leave nobody on the machine a process to start, the witness neither.
    programs.push(Hostile {
        job: "storm".to_owned(),
        program: "storm",
        outcome: Outcome::Succeeded,
    });
    house.configure(&jobs_toml(&programs));
    let mut inside = Command::new("/bin/sh");
    let enter = format!(
        "echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"",
        delegated.dir.display()
    );
    inside.args(["-c", &enter]);
    let mut daemon = Daemon::start(house.serve_under(inside), &house);
    daemon.logs(&["each attempt gets a cgroup of its own"]);
    let witness = Witness::begin(&house.path("witness"));
    for _ in 0..asked(ROUNDS_ASKED, ROUNDS) {
        let runs = round(&house, &daemon, &programs, &mut longest);
        // The kernel lets no cgroup go in which anything lives; a storm is gone before /proc can be read.
        assert_eq!(leaves_of(&delegated, &runs), [""; 0].map(PathBuf::from));
    }
    delegated.until_no_leaf();
    longest.judge(&house, witness);
    assert!(daemon.terminate().success(), "{}", daemon.log());
}
