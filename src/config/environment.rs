//! What a configuration depends on besides its files: variables, credentials, PATH, who runs it, and when.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::model::{Doubt, Name, VersionRef};

/// PATH of jobs when the environment has none.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What must not be read from globals while a configuration is loaded.
///
/// `Debug` hides the values of the variables: some of them are secrets.
#[derive(Clone)]
pub struct Environment {
    /// Environment variables, for `{ env = "NAME" }`.
    pub variables: BTreeMap<String, String>,
    /// `CREDENTIALS_DIRECTORY` of systemd, for `{ credential = "NAME" }`.
    pub credentials_dir: Option<PathBuf>,
    /// Directories in which commands of jobs are looked up.
    pub path: Vec<PathBuf>,
    /// The state directory, absolute, where it is known: nothing is published into it.
    pub state_dir: Option<PathBuf>,
    /// Where the newest version of each dataset was put, by the records of that directory.
    pub published: BTreeMap<Name, (VersionRef, PathBuf)>,
    /// The rules of each dataset that would have refused what was accepted before.
    pub doubts: BTreeMap<Name, Vec<Doubt>>,
    /// Whether freshd runs as root: unsafe files are then refused.
    pub root: bool,
    /// From when coming occurrences and calendars are looked at.
    pub now: Timestamp,
}

impl Environment {
    /// The environment of this process, now.
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let path = variables
            .get("PATH")
            .filter(|path| !path.is_empty())
            .map_or(PATH_DEFAULT, String::as_str);
        Self {
            credentials_dir: variables.get("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            path: std::env::split_paths(path).collect(),
            state_dir: None,
            published: BTreeMap::new(),
            doubts: BTreeMap::new(),
            root: rustix::process::geteuid().is_root(),
            now: Timestamp::now(),
            variables,
        }
    }

    /// The same for the freshd of a state directory.
    #[must_use]
    pub fn with_state_dir(self, state_dir: &Path) -> Self {
        Self {
            state_dir: Some(state_dir.to_owned()),
            ..self
        }
    }

    /// The same with what is recorded as published: a file that was renamed since is told of.
    #[must_use]
    pub fn with_published(self, published: Vec<(VersionRef, PathBuf)>) -> Self {
        let by_dataset = |(version, file): (VersionRef, PathBuf)| (version.dataset.clone(), (version, file));
        Self {
            published: published.into_iter().map(by_dataset).collect(),
            ..self
        }
    }

    /// The same with rules that are to be doubted: each is told of where it stands.
    #[must_use]
    pub fn with_doubts(self, doubts: BTreeMap<Name, Vec<Doubt>>) -> Self {
        Self { doubts, ..self }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("credentials_dir", &self.credentials_dir)
            .field("path", &self.path)
            .field("state_dir", &self.state_dir)
            .field("published", &self.published)
            .field("doubts", &self.doubts)
            .field("root", &self.root)
            .field("now", &self.now)
            .finish()
    }
}
