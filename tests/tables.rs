//! Tables in every format, judged by `freshd verify`: workbooks and Parquet files are read in a process of their own.

#[path = "tables/apart.rs"]
mod apart;
#[path = "tables/damaged.rs"]
mod damaged;
#[path = "tables/files.rs"]
mod files;
#[path = "tables/formats.rs"]
mod formats;
mod freshd_process;
#[path = "tables/served.rs"]
mod served;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const EXE: &str = env!("CARGO_BIN_EXE_freshd");

/// The same rules for each format.
const CHECKS: &str = r#"
rows = { max = 3 }
columns.lot = { type = "text", unique = true }
columns.qty = { type = "decimal", range = "0..10" }
columns.day = { type = "date", required = true }
"#;

/// A dataset for each way of reading.
const DATASETS: [(&str, &str); 5] = [
    ("csv", "format = \"csv\""),
    ("fixed", "format = \"fixed\"\nskip_lines = 1"),
    ("xlsx", "format = \"xlsx\""),
    ("sheet", "format = \"xlsx\"\nsheet = \"Stock\""),
    ("parquet", "format = \"parquet\""),
];

/// A directory with a configuration, in which files are judged.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let mut config = "[fallback]\nnotify = [\"outbox\"]\n[channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n\
                          [teams.a]\nnotify = [\"outbox\"]\n"
            .to_owned();
        for (name, reading) in DATASETS {
            let mut checks = CHECKS.to_owned();
            if name == "fixed" {
                for (column, place) in [
                    ("lot", "from = 1, width = 4"),
                    ("qty", "from = 5, width = 6"),
                    ("day", "from = 13, width = 10"),
                ] {
                    checks = checks.replace(
                        &format!("columns.{column} = {{"),
                        &format!("columns.{column} = {{ {place},"),
                    );
                }
            }
            config.push_str(&format!(
                "[datasets.{name}]\nowner = \"a\"\nfile = \"{name}\"\nas_of = {{ column = \"day\", zone = \"UTC\" }}\n\
                 [datasets.{name}.checks]\n{reading}{checks}"
            ));
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("jobs.toml"), config).expect("a configuration");
        Self { dir }
    }

    fn write(&self, content: &[u8]) -> PathBuf {
        let path = self.dir.path().join("tried");
        fs::write(&path, content).expect("a file");
        path
    }

    /// `freshd verify` of what was written.
    fn verify(&self, dataset: &str) -> Command {
        let mut command = Command::new(EXE);
        command
            .args(["verify", "--json", "tried", "--dataset", dataset])
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// What is said of a file.
    fn judge(&self, content: &[u8], dataset: &str) -> Value {
        self.write(content);
        said(&mut self.verify(dataset))
    }

    /// Names and sentences of the checks that do not pass.
    fn problems(&self, content: &[u8], dataset: &str) -> Vec<(String, String)> {
        problems(&self.judge(content, dataset))
    }
}

fn said(command: &mut Command) -> Value {
    let output = command.output().expect("freshd runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        panic!("{error}: {}\n{stderr}", output.status)
    })
}

fn problems(judgement: &Value) -> Vec<(String, String)> {
    let checks = judgement["checks"].as_array().expect("checks");
    let bad = checks.iter().filter(|check| check["verdict"] != "pass");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    bad.map(|check| (text(&check["name"]), text(&check["message"])))
        .collect()
}
