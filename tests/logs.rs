//! `freshd logs` on real runs: followed over the daemon's death, searched through, packed when they are final.

mod freshd_process;

#[path = "logs/following.rs"]
mod following;
#[path = "logs/packing.rs"]
mod packing;
#[path = "logs/searching.rs"]
mod searching;

use std::process::Command;

use freshd_process::House;
use serde_json::Value;

/// The head of a jobs.toml, and one team.
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

/// A house with these jobs.
fn house(jobs: &str) -> House {
    House::with(&format!("{HEAD}{jobs}"))
}

/// `freshd logs` with these words, not yet begun.
fn logs(house: &House, words: &[&str]) -> Command {
    let mut command = Command::new(freshd_process::EXE);
    command.arg("--config").arg(house.path("jobs.toml"));
    command.arg("--state").arg(house.state_dir());
    command.arg("logs").args(words).env("NO_COLOR", "1");
    command
}

/// The lines of `freshd logs --json` with these words.
#[track_caller]
fn lines(house: &House, words: &[&str]) -> Vec<Value> {
    let output = logs(house, &[words, &["--json"]].concat()).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).expect("JSON");
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// `text` of each.
fn texts(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["text"].as_str().expect("a text"))
        .collect()
}
