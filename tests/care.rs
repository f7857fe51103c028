//! A damaged database under the real binary: set aside, a backup goes on, and nothing that ran runs again.

mod freshd_process;

#[path = "care/backup.rs"]
mod backup;
#[path = "care/by_hand.rs"]
mod by_hand;
#[path = "care/damaged.rs"]
mod damaged;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use freshd::model::{Outcome, RunId};
use freshd_process::House;
use freshd_process::daemon::Daemon;
use freshd_process::pipe::Pipe;

/// A job that is due each second, one that waits for a word, one that publishes; two teams with an outbox each.
const COMPANY: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"

[fallback]
notify = ["files:fallback"]

[channels.files]
type = "file"
dir = "HOUSE/outbox"

[teams.warehouse]
notify = ["files:warehouse"]

[teams.sales]
notify = ["files:sales"]

[datasets.stock]
owner = "warehouse"
file = "HOUSE/stock.csv"
checks = { format = "csv" }

[jobs.ticks]
owner = "warehouse"
command = "echo $FRESHD_DUE >> HOUSE/evidence; echo tick $FRESHD_RUN_ID"
schedule = "* * * * * *"
seconds = true
catch_up = "all"

[jobs.waits]
owner = "sales"
command = "HOUSE/waits.sh"
timeout = "5m"

[jobs.export]
owner = "warehouse"
command = "printf 'lot,qty\nL1,%s\n' $FRESHD_RUN_ID > $FRESHD_OUTPUT"
produces = "stock"
"#;

const WAITS: &str = "echo begun > HOUSE/begun\nread -r word < HOUSE/go\nexit 7\n";

/// A house in which a backup was taken, and much has happened since.
struct Going {
    house: House,
    /// Lets the waiting job end.
    go: Pipe,
    /// The waiting job's run, which the backup does not know.
    waits: RunId,
    /// What the backup knows.
    backed_up: u64,
}

impl Going {
    /// With a daemon that goes on.
    fn begin() -> (Self, Daemon) {
        let house = House::with(COMPANY);
        house.script("waits.sh", WAITS);
        let (mut begun, go) = (house.pipe("begun"), house.pipe("go"));
        let daemon = house.daemon();
        let export = daemon.run("export");
        daemon.finished(export, &house);
        until_ticked(&house, 2);
        let (code, said) = house.freshd(&["backup"]);
        assert_eq!(code, Some(0), "{said}");
        let backed_up = house.reader().snapshot().unwrap().last_run.unwrap().0;
        let waits = daemon.run("waits");
        assert_eq!(begun.line(), "begun");
        let export = daemon.run("export");
        daemon.finished(export, &house);
        until_ticked(&house, backed_up + 4);
        let going = Self {
            house,
            go,
            waits,
            backed_up,
        };
        (going, daemon)
    }

    /// A file of the state directory.
    fn state(&self, name: &str) -> PathBuf {
        self.house.state_dir().join(name)
    }

    fn change(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.state(name)).unwrap();
        change(&mut bytes);
        fs::write(self.state(name), bytes).unwrap();
    }

    /// A start goes on from a backup, and everything that can be known is known.
    #[track_caller]
    fn goes_on(mut self, what: &str) -> House {
        let ran_before = self.dues();
        let highest = highest_attempt(&self);
        let mut daemon = self.house.daemon();
        daemon.logs(&["are lost, and nothing of that time is repeated"]);
        // The job that goes on has its run, and ends with its true code.
        let (run, _) = self.house.run(self.waits);
        assert_eq!((run.job.as_str(), run.outcome), ("waits", None), "{what}");
        self.go.say("go");
        let (run, _) = daemon.finished(self.waits, &self.house);
        assert_eq!((run.outcome, run.exit_code), (Some(Outcome::Failed), Some(7)), "{what}");
        // What is due now runs, under numbers that were never used.
        let now = self.house.reader().snapshot().unwrap().last_run.unwrap().0;
        assert!(now >= highest, "{what}: run {now} after {highest}");
        until_ticked(&self.house, now + 2);
        self.nothing_ran_twice(&ran_before, what);
        self.readers_see_the_second_version(&daemon, what);
        assert!(daemon.terminate().success(), "{}", daemon.log());
        assert_eq!(told(&self.house), ["fallback", "sales", "warehouse"], "{what}");
        // And it is over: another start is like any other.
        let mut daemon = self.house.daemon();
        assert!(daemon.terminate().success(), "{}", daemon.log());
        assert_eq!(told(&self.house).len(), 3, "{what}");
        self.house
    }

    fn dues(&self) -> Vec<String> {
        self.house.read("evidence").lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn nothing_ran_twice(&self, ran_before: &[String], what: &str) {
        let ran = self.dues();
        let unique: BTreeSet<_> = ran.iter().collect();
        assert_eq!(unique.len(), ran.len(), "{what}: {ran:?}");
        assert!(ran.len() > ran_before.len(), "{what}: nothing runs any more");
        // What a keeper's journal still says is known again: each second has one record, with its true end.
        let runs = self.house.runs();
        let dues: Vec<_> = runs.iter().filter_map(|run| run.due_at).collect();
        let unique: BTreeSet<_> = dues.iter().copied().collect();
        assert_eq!(unique.len(), dues.len(), "{what}");
        for due in ran_before {
            let due = due.parse().unwrap();
            let run = runs.iter().find(|run| run.due_at == Some(due));
            let run = run.unwrap_or_else(|| panic!("{what}: nothing is recorded of {due}"));
            assert_eq!(run.outcome, Some(Outcome::Succeeded), "{what}: {run:?}");
        }
        let (first, last) = (unique.first().unwrap(), unique.last().unwrap());
        let seconds = usize::try_from(last.as_second() - first.as_second()).unwrap() + 1;
        assert_eq!(unique.len(), seconds, "{what}: each second is decided about");
    }

    #[track_caller]
    fn readers_see_the_second_version(&self, daemon: &Daemon, what: &str) {
        let versions = self.house.reader().versions_of(&"stock".into(), 9).unwrap();
        assert_eq!(versions[0].number.0, 2, "{what}");
        let export = daemon.run("export");
        daemon.finished(export, &self.house);
        let versions = self.house.reader().versions_of(&"stock".into(), 9).unwrap();
        assert_eq!(versions[0].number.0, 3, "{what}");
        let sidecar = self.house.read("stock.csv.freshd.json");
        assert!(sidecar.contains("\"version\": 3"), "{what}: {sidecar}");
    }
}

/// Waits until a run of this number or a later one is recorded as ended well.
#[track_caller]
fn until_ticked(house: &House, run: u64) {
    house.until_stored("the clock ticks", |reader| {
        let ended = reader.last_run_of(&"ticks".into()).unwrap();
        ended.is_some_and(|ended| ended.id.0 >= run && ended.outcome == Some(Outcome::Succeeded))
    });
}

/// The highest run that left a log.
fn highest_attempt(going: &Going) -> u64 {
    let logs = fs::read_dir(going.state("logs/ticks")).unwrap();
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.split('.').next()?.parse().ok();
    logs.filter_map(|entry| number(entry.unwrap())).max().unwrap()
}

/// To whom a message went that records were lost.
fn told(house: &House) -> Vec<String> {
    let mut told = Vec::new();
    for entry in fs::read_dir(house.path("outbox")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "json") {
            let message: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let text = message.to_string();
            if text.contains("records were lost") {
                let team = message["data"]["team"].as_str().unwrap_or_else(|| panic!("{text}"));
                told.push(team.to_owned());
            }
        }
    }
    told.sort();
    told
}
