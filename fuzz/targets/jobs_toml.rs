//! jobs.toml: whatever is written there is refused with a place and a remedy, or accepted and understood again later.

#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use freshd::config::{self, Environment, Level, Problem};
use freshd::engine::Engine;
use freshd::model::{AcceptedSettings, Event, Fact, Host, Now, Snapshot};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// Facts of one step, at most.
const STEP_FACTS_MAX: usize = 10_000;

/// Where jobs.toml lies; in memory where there is such a place.
static DIR: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::tempdir_in(parent).expect("a temporary directory")
});

fn environment() -> Environment {
    Environment {
        variables: BTreeMap::from([("TOKEN".to_owned(), "a-secret-of-the-environment".to_owned())]),
        credentials_dir: None,
        path: vec!["/bin".into()],
        state_dir: Some(DIR.path().join("state")),
        published: BTreeMap::new(),
        doubts: BTreeMap::new(),
        root: false,
        now: Timestamp::from_second(1_795_000_000).expect("a time"),
    }
}

fn assert_helps(problem: &Problem, files: &[(String, String)]) {
    assert!(!problem.message.is_empty());
    assert!(
        problem.level != Level::Error || problem.help.is_some(),
        "no remedy: {problem:?}"
    );
    assert!(problem.line >= 1 && problem.column >= 1, "{problem:?}");
    if let Some((_, text)) = files.iter().find(|(file, _)| *file == problem.file) {
        assert!(problem.line <= text.lines().count().max(1) + 1, "{problem:?}");
        assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
    }
    assert!(!problem.message.contains("a-secret-of-the-environment"));
}

fuzz_target!(|bytes: &[u8]| {
    let file = DIR.path().join("jobs.toml");
    std::fs::write(&file, bytes).expect("space");
    let environment = environment();
    let loaded = config::load(&file, &environment);
    for problem in &loaded.problems {
        assert_helps(problem, &loaded.files);
    }
    let _ = config::render(&loaded.problems, true);
    let Some(settings) = loaded.settings else {
        assert!(
            loaded.problems.iter().any(|problem| problem.level == Level::Error),
            "refused without a word"
        );
        return;
    };
    let recalled = config::recall(&file, &loaded.files, &environment).expect("it was accepted");
    assert_eq!(recalled.digest, settings.digest);
    assert_eq!(recalled.jobs.len(), settings.jobs.len());

    // What is accepted can be started with.
    let now = Now {
        wall: environment.now,
        boot: Duration::from_secs(60),
    };
    let accepted = AcceptedSettings {
        digest: settings.digest.clone(),
        files: loaded.files,
        at: now.wall,
        by: "fuzzer".to_owned(),
    };
    let host = Host {
        boot_id: "boot".to_owned(),
        state_dir: "/state".into(),
        env: Vec::new(),
        hostname: "here".to_owned(),
    };
    let mut engine = Engine::new(Arc::new(settings), host, Snapshot::default(), now);
    let step = engine.handle(
        now,
        Event::Started {
            accepted,
            shortage: None,
        },
    );
    assert!(step.facts.len() <= STEP_FACTS_MAX);
    assert!(step.facts.iter().any(|fact| matches!(fact, Fact::Settings(_))));
});
