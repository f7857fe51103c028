//! kill -9 of the daemon, the keeper and both: what ran keeps its true end or is lost, and runs once.

#[path = "keeper/delegated.rs"]
mod delegated;
mod freshd_process;
mod support;

#[path = "killed/alerts.rs"]
mod alerts;
#[path = "killed/any_moment.rs"]
mod any_moment;
#[path = "killed/cgroup.rs"]
mod cgroup;
#[path = "killed/edited.rs"]
mod edited;
#[path = "killed/heartbeat.rs"]
mod heartbeat;
#[path = "killed/journal.rs"]
mod journal;
#[path = "killed/output.rs"]
mod output;
#[path = "killed/pings.rs"]
mod pings;
#[path = "killed/rush.rs"]
mod rush;
#[path = "killed/silence.rs"]
mod silence;

use freshd::model::{Attempt, Outcome, Run, RunId};
use freshd_process::House;
use freshd_process::daemon::Daemon;
use freshd_process::pipe::Pipe;
use freshd_process::process::{self, wait_for_end};
use mail_parser::MessageParser;
use support::smtp::{SmtpRules, SmtpSink};

/// One job that says when it begins, waits for a word, and ends with 7.
const WAITS: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"

[fallback]
notify = ["mail:it@seafood.example"]

[channels.mail]
type = "email"
server = "smtp://localhost:MAIL_PORT"
from = "freshd@seafood.example"

[teams.warehouse]
notify = ["mail:warehouse@seafood.example"]

[jobs.waits]
owner = "warehouse"
command = "jobs/waits.sh"
timeout = "1m"
retry = { attempts = 2, delay = "10ms", on = ["killed"] }
"#;

const WAITS_SCRIPT: &str = r#"
echo "start $FRESHD_RUN_ID $FRESHD_ATTEMPT" >> HOUSE/evidence
echo $$ > HOUSE/begun
read -r word < HOUSE/go
echo "end $FRESHD_RUN_ID $FRESHD_ATTEMPT" >> HOUSE/evidence
exit 7
"#;

/// A house with that job going on.
struct Going {
    house: House,
    mail: SmtpSink,
    run: RunId,
    job: i32,
    go: Pipe,
}

impl Going {
    async fn begin() -> (Self, Daemon) {
        let mail = SmtpSink::start(SmtpRules::default()).await;
        let house = House::with(&WAITS.replace("MAIL_PORT", &mail.port().to_string()));
        house.script("jobs/waits.sh", WAITS_SCRIPT);
        let (mut begun, go) = (house.pipe("begun"), house.pipe("go"));
        let daemon = house.daemon();
        let run = daemon.run("waits");
        let job = begun.line().parse().expect("a process id");
        // The job says that it begins before its keeper has written down which process it is: without that line nobody
        // could find it again, which is another story.
        house.until_stored("the job is known to run", |reader| {
            let stored = reader.run(run).expect("the store can be read");
            stored.is_some_and(|(_, attempts)| attempts.iter().any(|attempt| attempt.pid.is_some()))
        });
        (
            Self {
                house,
                mail,
                run,
                job,
                go,
            },
            daemon,
        )
    }

    /// Lets the job end, and waits for that.
    fn let_it_end(&mut self) {
        let job = process::open(self.job).expect("the job lives");
        self.go.say("go");
        wait_for_end(&job, "the job");
    }

    fn kill_keeper(&self) {
        let keepers = self.house.keepers();
        assert_eq!(keepers.len(), 1, "one keeper has it");
        process::kill(keepers[0]);
    }

    /// The run is final by the word of this daemon, the job ran once and to its end, and its owner was told once.
    async fn ended(&self, daemon: &mut Daemon, told: &str) -> (Run, Vec<Attempt>) {
        let (run, attempts) = daemon.finished(self.run, &self.house);
        assert_eq!(attempts.len(), 1, "{attempts:?}");
        assert_eq!(
            self.house.read("evidence"),
            format!("start {0} 1\nend {0} 1\n", self.run)
        );
        let mails = self.mail.mails(1).await;
        assert!(daemon.terminate().success(), "{}", daemon.log());
        assert_eq!(mails.len(), 1);
        let mail = MessageParser::default()
            .parse(&mails[0].data)
            .expect("a mail")
            .body_text(0)
            .expect("a text")
            .into_owned();
        let mail = mail.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(mail.contains(told), "no {told:?} in {mail}");
        (run, attempts)
    }

    async fn ended_with_seven(&self, daemon: &mut Daemon) {
        let (run, attempts) = self
            .ended(daemon, ": exit code 7; its retry rules exclude this kind of failure.")
            .await;
        assert_eq!((run.outcome, run.exit_code), (Some(Outcome::Failed), Some(7)));
        assert_eq!(
            (attempts[0].outcome, attempts[0].exit_code),
            (Some(Outcome::Failed), Some(7))
        );
    }

    async fn ended_lost(&self, daemon: &mut Daemon) {
        let (run, attempts) = self.ended(daemon, "ended without a trace").await;
        assert_eq!(
            (run.outcome, run.exit_code, run.signal),
            (Some(Outcome::Lost), None, None),
            "{run:?}"
        );
        assert_eq!(
            (attempts[0].outcome, attempts[0].exit_code),
            (Some(Outcome::Lost), None)
        );
        assert!(run.reason.is_some_and(|why| why.contains("keeper died")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_while_the_daemon_is_dead_keeps_its_exit_code() {
    let (mut going, daemon) = Going::begin().await;
    daemon.kill();
    going.let_it_end();
    let mut daemon = going.house.daemon();
    going.ended_with_seven(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_on_is_taken_up_by_the_next_daemon() {
    let (mut going, daemon) = Going::begin().await;
    daemon.kill();
    let mut daemon = going.house.daemon();
    going.let_it_end();
    going.ended_with_seven(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlives_an_orderly_restart() {
    let (mut going, mut daemon) = Going::begin().await;
    assert_eq!(daemon.terminate().code(), Some(0), "{}", daemon.log());
    let mut daemon = going.house.daemon();
    going.let_it_end();
    going.ended_with_seven(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_keeper_is_killed_ends_with_its_true_code_because_the_daemon_inherits_it() {
    let (mut going, mut daemon) = Going::begin().await;
    going.kill_keeper();
    daemon.logs(&["the keeper died"]);
    going.let_it_end();
    going.ended_with_seven(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_while_daemon_and_keeper_are_dead_is_lost_and_told() {
    let (mut going, daemon) = Going::begin().await;
    daemon.kill();
    going.kill_keeper();
    going.let_it_end();
    let mut daemon = going.house.daemon();
    going.ended_lost(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_outlives_daemon_and_keeper_is_watched_to_its_end_and_lost() {
    let (mut going, daemon) = Going::begin().await;
    daemon.kill();
    going.kill_keeper();
    let mut daemon = going.house.daemon();
    going.let_it_end();
    going.ended_lost(&mut daemon).await;
}
