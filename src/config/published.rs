//! Findings about the files that datasets are published to: one each, of their own, and where only those write who may.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::FileError;
use super::report::{Report, Spot};
use super::trust;
use crate::model::{Command, Job, Name, RunAs, Settings, sidecar_path};

/// Looks at one published file after the other.
pub(super) struct Published<'a> {
    report: &'a Report,
    settings: &'a Settings,
    state_dir: Option<&'a Path>,
    root: bool,
    /// Every file with its sidecar, by where it really lies.
    taken: HashMap<PathBuf, &'a Name>,
    /// Directories looked at so far, as they are written and for whose output: thousands of files share a few.
    dirs: HashMap<(PathBuf, Option<u32>), Directory>,
}

#[derive(Clone, Debug)]
struct Directory {
    /// Where it really lies.
    real: PathBuf,
    /// Why others can put something there.
    error: Option<FileError>,
}

impl<'a> Published<'a> {
    pub(super) fn new(report: &'a Report, settings: &'a Settings, state_dir: Option<&'a Path>, root: bool) -> Self {
        Self {
            report,
            settings,
            state_dir,
            root,
            taken: HashMap::new(),
            dirs: HashMap::new(),
        }
    }

    /// Tells what is wrong with publishing a dataset that `job` makes to `file`, which is named at `spot`.
    pub(super) fn look(&mut self, dataset: &'a Name, job: &Name, file: &Path, spot: Spot) {
        let dir = self.directory(file, self.user_of(job).map(|user| user.uid));
        let real = dir.real.join(file.file_name().unwrap_or_default());
        let sidecar = sidecar_path(&real);
        let own = "name a file of its own, as in file = \"exports/NAME.csv\"";
        if let Some(other) = self.taken.get(&real).or(self.taken.get(&sidecar)) {
            let message = format!("datasets `{dataset}` and `{other}` are published to one file");
            self.report.error(spot, message, "give each dataset a file of its own");
        }
        if let Some(what) = self.overwritten(file).or_else(|| self.overwritten(&real)) {
            let message = format!("dataset `{dataset}` would be published over {what}");
            self.report.error(spot, message, own);
        } else if !self.report.was_accepted() && real.is_dir() {
            let message = format!("dataset `{dataset}` would be published over a directory");
            self.report.error(spot, message, own);
        }
        if let Some(error) = dir.error {
            let message = format!(
                "the directory that dataset `{dataset}` is published to {}",
                error.message
            );
            if self.root {
                self.report.error(spot, message, error.help);
            } else {
                self.report.warning(spot, message, error.help);
            }
        }
        self.taken.insert(real, dataset);
        self.taken.insert(sidecar, dataset);
    }

    /// As whom a job runs, where that is not freshd's own user.
    fn user_of(&self, job: &Name) -> Option<&'a RunAs> {
        self.settings.jobs.get(job)?.policy.conditions.as_ref()?.run_as.as_ref()
    }

    /// The directory of a file that a job of this user has published.
    ///
    /// A job of root writes there itself: whoever can change the directory can put a link where it is about to write, and
    /// lets it overwrite what that link leads to. The output of another user's job lies apart until it is judged, and then
    /// freshd goes there without following a link that somebody else can turn (`checks`): so that user may own the place.
    fn directory(&mut self, file: &Path, user: Option<u32>) -> Directory {
        let dir = file.parent().unwrap_or(Path::new("/"));
        let key = (dir.to_owned(), user);
        if let Some(known) = self.dirs.get(&key) {
            return known.clone();
        }
        let looks = !self.report.was_accepted();
        let found = Directory {
            real: real(dir),
            error: looks.then(|| trust::changeable_by_others(dir, user)).flatten(),
        };
        self.dirs.insert(key, found.clone());
        found
    }

    /// What of freshd's own or of a job's a published file would take the place of.
    fn overwritten(&self, file: &Path) -> Option<String> {
        if self.report.sources().iter().any(|source| source.path() == file) {
            return Some("a file of this configuration".to_owned());
        }
        if self.state_dir.is_some_and(|dir| file.starts_with(dir)) {
            return Some("what freshd keeps in its state directory".to_owned());
        }
        let is_its_program = |job: &&Arc<Job>| {
            let program = match &job.command {
                Command::Shell(text) => text.split_whitespace().next(),
                Command::Argv(words) => words.first().map(|word| &**word),
            };
            program.is_some_and(|program| Path::new(program) == file)
        };
        let job = self.settings.jobs.values().find(is_its_program)?;
        Some(format!("the program of job `{}`", job.name))
    }
}

/// Where a directory really lies: two names of one directory are one place. What is not there yet is taken as it is
/// written.
fn real(dir: &Path) -> PathBuf {
    let found = dir.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, real)) = found else {
        return dir.to_owned();
    };
    dir.strip_prefix(part)
        .map_or_else(|_| dir.to_owned(), |missing| real.join(missing))
}
