//! A keeper's journal, and the ends of attempts in it: read without harm, believed as they are, never guessed.

#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use freshd::config::{self, Environment};
use freshd::engine::Engine;
use freshd::model::{
    AcceptedSettings, Action, AttemptId, Event, Exit, ExitStatus, Fact, Host, Now, Outcome, RunState, Snapshot,
};
use freshd::runner;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const JOBS: &str = r#"
[channels.mail]
type = "file"
dir = "outbox"
[fallback]
notify = ["mail:it@example.com"]
[teams.warehouse]
notify = ["mail:warehouse@example.com"]
[jobs.export]
owner = "warehouse"
command = "true"
every = "1h"
retry = { attempts = 2, delay = "1m" }
"#;
const START: i64 = 1_795_000_000;
/// An hour later the job is due.
const DUE: i64 = START + 3_600;

/// An engine with one attempt that runs.
static RUNNING: LazyLock<(Engine, AttemptId)> = LazyLock::new(|| {
    let file = Path::new("jobs.toml");
    let text = vec![("jobs.toml".to_owned(), JOBS.to_owned())];
    let mut environment = Environment::of_process();
    environment.now = Timestamp::from_second(START).expect("a time");
    let settings = config::recall(file, &text, &environment).expect("it is fine");
    let accepted = AcceptedSettings {
        digest: settings.digest.clone(),
        files: text,
        at: environment.now,
        by: "fuzzer".to_owned(),
    };
    let host = Host {
        boot_id: "boot".to_owned(),
        state_dir: "/state".into(),
        env: Vec::new(),
        hostname: "here".to_owned(),
    };
    let mut engine = Engine::new(Arc::new(settings), host, Snapshot::default(), at(START));
    engine.handle(
        at(START),
        Event::Started {
            accepted,
            shortage: None,
        },
    );
    let step = engine.handle(at(DUE), Event::Tick);
    let started = step.actions.into_iter().find_map(|action| match action {
        Action::Start(spec) => Some(spec.id),
        _ => None,
    });
    (engine, started.expect("it is due"))
});

fn at(second: i64) -> Now {
    Now {
        wall: Timestamp::from_second(second).expect("a time"),
        boot: Duration::from_secs(u64::try_from(second - START + 60).expect("later")),
    }
}

fuzz_target!(|bytes: &[u8]| {
    for exit in runner::exits_in(bytes) {
        let (engine, id) = &*RUNNING;
        let exit = Exit { id: *id, ..exit };
        let told = exit.status.clone();
        let is_stopped = exit.stop.is_some();
        let step = engine.clone().handle(at(DUE + 60), Event::AttemptEnded(exit));
        let attempts = step.facts.iter().filter_map(|fact| match fact {
            Fact::Attempt(attempt) if attempt.id == *id => attempt.outcome,
            _ => None,
        });
        let outcome = attempts.last().expect("its end is stored");
        let is_true = match told {
            ExitStatus::Code(0) => is_stopped || outcome == Outcome::Succeeded,
            ExitStatus::Unknown(_) => outcome == Outcome::Lost,
            _ => outcome != Outcome::Succeeded && outcome != Outcome::Lost,
        };
        assert!(is_true, "{told:?} was stored as {outcome:?}");
        // One attempt is left: a failed run is not over, and never succeeds by itself.
        let succeeded = step.facts.iter().any(|fact| match fact {
            Fact::Run(run) => run.state == RunState::Final && run.outcome == Some(Outcome::Succeeded),
            _ => false,
        });
        assert!(!succeeded || outcome == Outcome::Succeeded);
    }
});
