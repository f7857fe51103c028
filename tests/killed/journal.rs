//! A keeper's journal that is damaged, overwritten or gone: what lives is found by the kernel, and nothing runs beside it.

use std::fs;
use std::path::Path;

use freshd::daemon::Ask;
use freshd::model::{About, Incident, IncidentState, KEEPER_JOURNAL, Name, Outcome, Reply, Request, RunId};

use super::freshd_process::House;
use super::freshd_process::daemon::Daemon;
use super::freshd_process::pipe::Pipe;
use super::freshd_process::process::{self, wait_for_end};

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[channels.warehouse-box]
type = "file"
dir = "warehouse-box"

[teams.warehouse]
notify = ["warehouse-box"]

[jobs.quick]
owner = "warehouse"
command = "true"

[jobs.long]
owner = "warehouse"
command = "jobs/long.sh"
timeout = "1m"
"#;

const LONG: &str = r#"
echo "start $FRESHD_RUN_ID" >> HOUSE/evidence
echo $$ > HOUSE/begun
read -r word < HOUSE/go
echo "end $FRESHD_RUN_ID" >> HOUSE/evidence
"#;

/// Who is told when the job is not accounted for.
const BOTH: [&str; 2] = ["fallback", "warehouse"];

/// A house in which `long` goes on, and whose daemon and keeper are dead.
struct Abandoned {
    house: House,
    run: RunId,
    job: i32,
    go: Pipe,
}

impl Abandoned {
    fn new(script: &str) -> Self {
        let house = House::with(JOBS);
        house.script("jobs/long.sh", script);
        let (mut begun, go) = (house.pipe("begun"), house.pipe("go"));
        let daemon = house.daemon();
        let quick = daemon.run("quick");
        daemon.finished(quick, &house);
        let run = daemon.run("long");
        let job = begun.line().parse().expect("a process id");
        house.until_stored("the job is known to run", |reader| {
            let stored = reader.run(run).expect("the store can be read");
            stored.is_some_and(|(_, attempts)| attempts.iter().any(|attempt| attempt.pid.is_some()))
        });
        daemon.kill();
        for keeper in house.keepers() {
            process::kill(keeper);
        }
        Self { house, run, job, go }
    }

    fn journal(&self, change: impl FnOnce(&Path)) {
        change(&self.house.state_dir().join("keeper/1.journal"));
    }

    /// The job is watched, nothing starts beside it, people are told, and at its end it is lost.
    fn stays_alone_and_is_told(mut self, why: &str, teams: &[&str]) {
        let mut daemon = self.house.daemon();
        let refused = run(&daemon);
        assert!(
            refused.contains(&format!("run {} of long is going on", self.run)),
            "{refused}"
        );
        let told = told(&self.house);
        assert!(told.reason.contains(why), "no {why:?} in {}", told.reason);
        let told_teams: Vec<&str> = told.told.iter().map(|(team, _)| team.as_str()).collect();
        assert_eq!(told_teams, teams, "{told:?}");
        // The next start says it no second time.
        assert!(daemon.terminate().success(), "{}", daemon.log());
        let mut daemon = self.house.daemon();
        assert!(run(&daemon).contains("is going on"));
        let again: Vec<Incident> = incidents(&self.house);
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!((again[0].id, &again[0].told), (told.id, &told.told));
        let job = process::open(self.job).expect("the job lives");
        self.go.say("go");
        wait_for_end(&job, "the job");
        let (ended, attempts) = daemon.finished(self.run, &self.house);
        assert_eq!((ended.outcome, attempts.len()), (Some(Outcome::Lost), 1), "{ended:?}");
        assert_eq!(
            self.house.read("evidence"),
            format!("start {0}\nend {0}\n", self.run),
            "it ran once, and to its end"
        );
        assert!(daemon.terminate().success(), "{}", daemon.log());
    }
}

/// Why the job cannot be run by hand.
fn run(daemon: &Daemon) -> String {
    let job = Name::from("long");
    match daemon.ask(&Ask::Engine(Request::Run { job, args: Vec::new() })) {
        Reply::Refused(why) => why,
        Reply::Done(begun) => panic!("it runs beside itself: {begun}"),
    }
}

fn incidents(house: &House) -> Vec<Incident> {
    let mut incidents = house.reader().snapshot().expect("the store can be read").incidents;
    incidents.retain(|incident| incident.about == About::Freshd && incident.subject.as_str() == KEEPER_JOURNAL);
    incidents
}

/// What people are told of the journal.
fn told(house: &House) -> Incident {
    house.until_stored("people are told", |_| {
        let incidents = incidents(house);
        incidents.iter().any(|incident| incident.state == IncidentState::Open)
    });
    incidents(house).remove(0)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("the journal");
    bytes[at..at + 4].iter_mut().for_each(|byte| *byte ^= 0xFF);
    fs::write(path, bytes).expect("the journal");
}

#[test]
fn a_job_does_not_run_beside_itself_after_an_older_record_was_damaged() {
    let abandoned = Abandoned::new(LONG);
    abandoned.journal(|path| flip(path, 40));
    abandoned.stays_alone_and_is_told("the journal of keeper 1 is damaged", &["fallback"]);
}

#[test]
fn a_job_does_not_run_beside_itself_after_its_own_records_were_damaged() {
    let abandoned = Abandoned::new(LONG);
    abandoned.journal(|path| {
        let text = String::from_utf8_lossy(&fs::read(path).expect("the journal")).into_owned();
        let names_long = |(at, _): &(usize, &str)| text[*at..].starts_with("\"id\"") && text[*at..].len() > 4;
        let places: Vec<usize> = text
            .match_indices("\"id\"")
            .filter(names_long)
            .map(|(at, _)| at)
            .collect();
        // Behind what is not text the places are off by a little, which is as good.
        for place in &places[places.len() - 2..] {
            flip(path, *place);
        }
    });
    abandoned.stays_alone_and_is_told("the journal of keeper 1 is damaged", &BOTH);
}

#[test]
fn a_job_does_not_run_beside_itself_after_the_journal_was_overwritten() {
    let abandoned = Abandoned::new(LONG);
    abandoned.journal(|path| {
        let length = fs::metadata(path).expect("the journal").len();
        let bytes: Vec<u8> = (0..length)
            .map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()[7] | 1)
            .collect();
        fs::write(path, bytes).expect("the journal");
    });
    abandoned.stays_alone_and_is_told("the journal of keeper 1 is damaged", &BOTH);
}

#[test]
fn a_job_does_not_run_beside_itself_after_the_journal_was_emptied() {
    let abandoned = Abandoned::new(LONG);
    abandoned.journal(|path| fs::write(path, "").expect("the journal"));
    abandoned.stays_alone_and_is_told("no keeper's journal knows what is recorded as running", &BOTH);
}

#[test]
fn a_job_does_not_run_beside_itself_after_the_journal_was_removed() {
    let abandoned = Abandoned::new(LONG);
    abandoned.journal(|path| fs::remove_file(path).expect("the journal"));
    abandoned.stays_alone_and_is_told("the journal of keeper 1 is gone", &BOTH);
}

#[test]
fn a_job_does_not_run_beside_itself_after_the_keepers_directory_was_removed() {
    let abandoned = Abandoned::new(LONG);
    fs::remove_dir_all(abandoned.house.state_dir().join("keeper")).expect("the directory");
    abandoned.stays_alone_and_is_told("no keeper's journal knows what is recorded as running", &BOTH);
}

#[test]
fn a_job_that_cleared_its_environment_is_known_by_its_number_and_its_start() {
    let abandoned = Abandoned::new(&format!(
        "[ \"$CLEARED\" ] || exec env -i CLEARED=1 FRESHD_RUN_ID=\"$FRESHD_RUN_ID\" \"$0\"\n{LONG}"
    ));
    abandoned.journal(|path| fs::remove_file(path).expect("the journal"));
    abandoned.stays_alone_and_is_told("the journal of keeper 1 is gone", &BOTH);
}

#[test]
fn the_time_limit_of_a_job_without_a_journal_still_holds() {
    let house = House::with(&JOBS.replace("timeout = \"1m\"", "timeout = \"3s\""));
    house.script("jobs/long.sh", LONG);
    let (mut begun, _go) = (house.pipe("begun"), house.pipe("go"));
    let daemon = house.daemon();
    let run = daemon.run("long");
    let job = process::open(begun.line().parse().expect("a process id")).expect("it lives");
    house.until_stored("the job is known to run", |reader| {
        let stored = reader.run(run).expect("the store can be read");
        stored.is_some_and(|(_, attempts)| attempts.iter().any(|attempt| attempt.pid.is_some()))
    });
    daemon.kill();
    for keeper in house.keepers() {
        process::kill(keeper);
    }
    fs::remove_file(house.state_dir().join("keeper/1.journal")).expect("the journal");
    let daemon = house.daemon();
    wait_for_end(&job, "the job");
    let (ended, _) = daemon.finished(run, &house);
    assert_eq!(ended.outcome, Some(Outcome::Lost), "nobody saw its status: {ended:?}");
}
