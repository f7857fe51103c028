//! Runs the company's scripts as the daemon would, without the daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use toml::{Table, Value};

pub(crate) const FRESHD: &str = env!("CARGO_BIN_EXE_freshd");

/// A Thursday noon, when everybody is at work.
pub(crate) const NOON: &str = "2026-03-12T11:00:00Z";

/// The company in a directory of its own, with the jobs of the repository's jobs.toml.
pub(crate) struct Company {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) jobs: Table,
    pub(crate) datasets: Table,
    pub(crate) now: Timestamp,
}

impl Company {
    pub(crate) fn new() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir = tempfile::tempdir().unwrap();
        for folder in ["transfers", "exports", "staging", "reports"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for script in fs::read_dir(repository.join("transfers")).unwrap() {
            let script = script.unwrap();
            let copy = dir.path().join("transfers").join(script.file_name());
            fs::copy(script.path(), copy).unwrap();
        }
        let text = fs::read_to_string(repository.join("jobs.toml")).unwrap();
        let mut settings: Table = text.parse().unwrap();
        let mut table = |key: &str| match settings.remove(key) {
            Some(Value::Table(table)) => table,
            other => panic!("jobs.toml has no [{key}]: {other:?}"),
        };
        Self {
            dir,
            jobs: table("jobs"),
            datasets: table("datasets"),
            now: NOON.parse().unwrap(),
        }
    }

    /// Lets fifteen seconds pass in every system.
    pub(crate) fn live(&mut self) {
        self.now += SignedDuration::from_secs(15);
        let now = self.now.to_string();
        self.demo_db(&["live", "--now", &now]);
    }

    pub(crate) fn demo_db(&self, arguments: &[&str]) -> String {
        let output = Command::new(FRESHD)
            .args(["demo-db", "--company"])
            .arg(self.dir.path().join(".freshd/company"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn value(&self, system: &str, sql: &str) -> String {
        let answer = self.demo_db(&["query", "--no-header", system, sql]);
        answer.trim_end().to_owned()
    }

    /// Where readers find a dataset.
    pub(crate) fn published(&self, dataset: &str) -> PathBuf {
        let dataset = self.datasets[dataset].as_table().unwrap();
        let file = dataset.get("file").unwrap_or_else(|| &dataset["probe"]["file"]);
        self.dir.path().join(file.as_str().unwrap())
    }

    /// A job's command with the environment that a job gets, and nothing else.
    pub(crate) fn command(&self, name: &str) -> Command {
        let job = &self.jobs[name];
        let line = job["command"].as_str().unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("{}/{line}", self.dir.path().display()))
            .current_dir(self.dir.path().join("staging"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("FRESHD_BIN", FRESHD)
            .env("FRESHD_OUTPUT", self.dir.path().join("staging").join(name))
            .env("FRESHD_REPORT", self.dir.path().join("reports").join(name));
        for input in names(job.get("needs")) {
            let key = input.to_uppercase().replace('-', "_");
            command.env(format!("FRESHD_INPUT_{key}"), self.published(&input));
        }
        command
    }

    /// Runs a job, publishes what it made, and returns what it reported.
    pub(crate) fn run(&self, name: &str) -> BTreeMap<String, String> {
        let report = self.dir.path().join("reports").join(name);
        fs::write(&report, "").unwrap();
        let output = self.command(name).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output));
        if let Some(dataset) = self.jobs[name].get("produces") {
            let staged = self.dir.path().join("staging").join(name);
            fs::rename(staged, self.published(dataset.as_str().unwrap())).unwrap();
        }
        let report = fs::read_to_string(report).unwrap();
        let pairs = report.lines().map(|line| {
            let (key, value) = line.split_once('=').expect("key=value");
            (key.to_owned(), value.to_owned())
        });
        pairs.collect()
    }

    /// The jobs with a key: `produces` for the exports, `on` for the loads.
    pub(crate) fn jobs_with(&self, key: &str) -> Vec<String> {
        let with = self.jobs.iter().filter(|(_, job)| job.get(key).is_some());
        with.map(|(name, _)| name.clone()).collect()
    }

    /// Fifteen seconds of life, then every transfer once.
    pub(crate) fn round(&mut self) {
        self.live();
        for job in self.jobs_with("produces").into_iter().chain(self.jobs_with("on")) {
            self.run(&job);
        }
    }
}

pub(crate) fn names(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array);
    let names = list.into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
