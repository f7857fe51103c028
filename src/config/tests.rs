//! Configurations written to a temporary directory and loaded as `check` and the daemon do.

mod accepted;
mod channels;
mod columns;
mod counted;
mod edits;
mod files;
mod findings;
mod formats;
mod learned;
mod made_from;
mod maintenance;
mod mistakes;
mod renamed;
mod mistakes_beside_jobs;
mod parts;
mod recalled;
mod secrets;
mod syntax;
mod titles;
mod web;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;

/// A configuration on disk.
struct Place {
    dir: TempDir,
    environment: Environment,
}

/// Everything but jobs that a small configuration needs, on lines 1 to 16.
const TOP: &str = "\
[fallback]
notify = [\"out\"]
[channels.out]
type = \"file\"
dir = \"outbox\"
[teams.ops]
notify = [\"out:ops\"]
[pools.erp]
slots = 2
[systems.wms]
owner = \"ops\"
[calendars.norway]
weekend = [\"Sat\", \"Sun\"]
[datasets.lots]
owner = \"ops\"
probe = { file = \"lots.csv\", every = \"1m\" }
";

impl Place {
    /// An empty directory, with `bin/run.sh` to be used as a command.
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("freshd").tempdir().unwrap();
        let place = Self {
            environment: Environment {
                state_dir: Some(dir.path().join("state")),
                published: std::collections::BTreeMap::new(),
                doubts: std::collections::BTreeMap::new(),
                variables: [("HOOK_SECRET".to_owned(), "hook-in-variable".to_owned())].into(),
                credentials_dir: None,
                path: vec!["/usr/bin".into(), "/bin".into()],
                root: false,
                now: "2026-11-23T12:00:00Z".parse::<Timestamp>().unwrap(),
            },
            dir,
        };
        place.script("bin/run.sh");
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn script(&self, name: &str) {
        self.write(name, "#!/bin/sh\n");
        self.mode(name, 0o755);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self) -> Loaded {
        load(&self.path("jobs.toml"), &self.environment)
    }

    /// Loads `text` as jobs.toml.
    fn load_text(&self, text: &str) -> Loaded {
        self.write("jobs.toml", text);
        self.load()
    }

    /// What people read, with the directory left out.
    fn rendered(&self, loaded: &Loaded) -> String {
        let dir = format!("{}/", self.dir.path().display());
        render(&loaded.problems, false).replace(&dir, "")
    }

    /// `file:line:column level: message (help)` for each problem of a level.
    fn lines(&self, loaded: &Loaded, level: Level) -> Vec<String> {
        let dir = format!("{}/", self.dir.path().display());
        loaded
            .problems
            .iter()
            .filter(|problem| problem.level == level)
            .map(|problem| {
                format!(
                    "{}:{}:{} `{}` {} ({})",
                    problem.file,
                    problem.line,
                    problem.column,
                    &problem.excerpt[problem.mark.clone()],
                    problem.message,
                    problem.help.as_deref().unwrap_or("-")
                )
                .replace(&dir, "")
            })
            .collect()
    }
}

/// The errors that a job, dataset or whatever else is appended to `TOP` makes.
fn errors(text: &str) -> Vec<String> {
    let place = Place::new();
    let loaded = place.load_text(&format!("{TOP}{text}"));
    assert_eq!(
        loaded.settings.is_none(),
        loaded.problems.iter().any(|problem| problem.level == Level::Error)
    );
    place.lines(&loaded, Level::Error)
}
