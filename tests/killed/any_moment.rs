//! kill -9 at any moment, over and over, while twenty jobs are due every second; judged by what the jobs wrote.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use freshd::model::{Outcome, Run};
use jiff::Timestamp;
use rustix::process::Signal;

use crate::freshd_process::daemon::Daemon;
use crate::freshd_process::{House, PATIENCE, process};

const JOBS: u64 = 20;
/// Of the daemon alone, and then of the daemon, the keeper or both.
const KILLS_OF_DAEMON: usize = 14;
const KILLS_OF_ANY: usize = 16;
/// Longest life between two kills, and longest life of a daemon that is not ready yet.
const LIFE_MS_MAX: u64 = 500;
const START_MS_MAX: u64 = 120;
const SEED: u64 = 20_261_127;

/// Appends are whole: one write each, at the end of the file.
const EVIDENCE: &str = r#"
echo "start $FRESHD_JOB $FRESHD_DUE $FRESHD_ATTEMPT" >> HOUSE/evidence
[ "$2" = 0 ] || sleep "$2"
echo "end $FRESHD_JOB $FRESHD_DUE $FRESHD_ATTEMPT $1" >> HOUSE/evidence
exit "$1"
"#;

/// A team, and where it hears.
pub(super) const HEAD: &str = r#"
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

/// Twenty jobs: every fourth fails, some take long enough to overlap, some are tried again.
fn jobs_toml(enabled: bool) -> String {
    let mut text = HEAD.to_owned();
    for job in 0..JOBS {
        let code = if job % 4 == 3 { job } else { 0 };
        let pause = match job {
            5 | 11 => "0.2",
            7 | 12 | 18 => "1.3",
            _ => "0",
        };
        let overlap = ["skip", "queue", "allow"][usize::try_from(job % 3).expect("small")];
        let attempts = 1 + job % 2;
        write!(
            text,
            "
            [jobs.job-{job}]
            owner = \"it\"
            command = \"jobs/evidence.sh {code} {pause}\"
            every = \"1s\"
            enabled = {enabled}
            overlap = \"{overlap}\"
            retry = {{ attempts = {attempts}, delay = \"20ms\" }}
            "
        )
        .expect("text");
    }
    text
}

/// Chance that comes again (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn milliseconds(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    /// A daemon, ready; before it perhaps one that was killed while it began.
    fn daemon(&mut self, house: &House) -> Daemon {
        if self.below(4) == 0 {
            let beginning = Daemon::spawn(house.serve(), house);
            beginning.lives_for(self.milliseconds(START_MS_MAX));
            beginning.kill();
        }
        house.daemon()
    }
}

fn kill_keepers(house: &House) {
    for keeper in house.keepers() {
        process::kill(keeper);
    }
}

#[test]
fn nothing_runs_twice_and_nothing_is_recorded_wrong_however_often_and_whenever_freshd_is_killed() {
    let house = House::with(&jobs_toml(true));
    house.script("jobs/evidence.sh", EVIDENCE);
    let mut chance = Chance(SEED);
    let mut daemon = house.daemon();
    for _ in 0..KILLS_OF_DAEMON {
        daemon.lives_for(chance.milliseconds(LIFE_MS_MAX));
        daemon.kill();
        daemon = chance.daemon(&house);
    }
    let lost = house
        .runs()
        .iter()
        .filter(|run| run.outcome == Some(Outcome::Lost))
        .count();
    assert_eq!(lost, 0, "the death of the daemon alone loses nothing");
    for _ in 0..KILLS_OF_ANY {
        daemon.lives_for(chance.milliseconds(LIFE_MS_MAX));
        match chance.below(3) {
            0 => {
                daemon.kill();
                daemon = chance.daemon(&house);
            }
            1 => kill_keepers(&house),
            _ => {
                daemon.kill();
                kill_keepers(&house);
                daemon = chance.daemon(&house);
            }
        }
    }
    house.configure(&jobs_toml(false));
    daemon.signal(Signal::HUP);
    assert!(daemon.tells("READY=1", PATIENCE), "reloaded: {}", daemon.log());
    house.until_all_final();
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let outcomes = judge(&house);
    let count = |outcome: Outcome| outcomes.get(outcome.as_str()).copied().unwrap_or(0);
    assert!(
        count(Outcome::Succeeded) > 50 && count(Outcome::Failed) > 10,
        "hardly anything ran: {outcomes:?}"
    );
}

/// What one attempt did, by its own word.
#[derive(Debug, Default)]
pub(super) struct Did {
    starts: usize,
    ended: Vec<i32>,
}

pub(super) type Occurrence = (String, Timestamp);

pub(super) fn evidence(house: &House) -> HashMap<(Occurrence, u32), Did> {
    let mut evidence = HashMap::<_, Did>::new();
    for line in house.read("evidence").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let occurrence = (words[1].to_owned(), words[2].parse().expect("a due time"));
        let did = evidence
            .entry((occurrence, words[3].parse().expect("a number")))
            .or_default();
        match words[0] {
            "start" => did.starts += 1,
            _ => did.ended.push(words[4].parse().expect("a code")),
        }
    }
    evidence
}

/// Everything that was recorded is true, and each attempt ran once. How often each outcome was recorded.
pub(super) fn judge(house: &House) -> BTreeMap<&'static str, usize> {
    let evidence = evidence(house);
    let mut runs = BTreeMap::<Occurrence, Run>::new();
    for run in house.runs() {
        assert_eq!(run.occurrences, 1, "a short downtime is told occurrence by occurrence");
        let due_at = run.due_at.expect("only the schedule starts anything");
        let before = runs.insert((run.job.to_string(), due_at), run);
        assert!(before.is_none(), "decided twice: {before:?}");
    }
    for ((occurrence, number), did) in &evidence {
        assert_eq!(
            did.starts, 1,
            "{occurrence:?} attempt {number} ran {} times",
            did.starts
        );
        let run = runs
            .get(occurrence)
            .unwrap_or_else(|| panic!("{occurrence:?} ran and is not recorded"));
        assert!(
            *number <= run.attempts,
            "attempt {number} of {run:?} ran and is not recorded"
        );
    }
    let mut outcomes = BTreeMap::new();
    let reader = house.reader();
    for (occurrence, run) in &runs {
        let (_, attempts) = reader.run(run.id).expect("the store can be read").expect("a run");
        assert_eq!(attempts.len(), run.attempts as usize);
        for pair in attempts.windows(2) {
            let is_next = pair[0].ended_at.is_some_and(|ended_at| ended_at <= pair[1].claimed_at);
            assert!(is_next, "two attempts of one run at a time: {pair:?}");
        }
        for attempt in attempts {
            let did = evidence.get(&(occurrence.clone(), attempt.id.number));
            let outcome = attempt.outcome.unwrap_or_else(|| panic!("no outcome: {attempt:?}"));
            *outcomes.entry(outcome.as_str()).or_default() += 1;
            let is_true = match outcome {
                Outcome::Lost => true,
                Outcome::SpawnFailed => did.is_none(),
                Outcome::Succeeded => did.is_some_and(|did| did.ended == [0]),
                Outcome::Failed => did.is_some_and(|did| Some(did.ended[0]) == attempt.exit_code && did.ended[0] != 0),
                _ => false,
            };
            assert!(is_true, "recorded {attempt:?}, but it did {did:?}");
        }
    }
    every_occurrence_is_decided(&runs);
    outcomes
}

/// From a job's first second to its last one none is left out.
fn every_occurrence_is_decided(runs: &BTreeMap<Occurrence, Run>) {
    let mut before: Option<&Occurrence> = None;
    for (occurrence, run) in runs {
        assert!(run.outcome.is_some(), "{run:?}");
        if let Some(before) = before.filter(|before| before.0 == occurrence.0) {
            let step = occurrence.1.as_second() - before.1.as_second();
            assert_eq!(
                step, 1,
                "{} has nothing between {} and {}",
                occurrence.0, before.1, occurrence.1
            );
        }
        before = Some(occurrence);
    }
}
