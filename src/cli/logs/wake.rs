//! Waits until an output or the records may have changed: the kernel tells, nobody asks again and again.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use super::printer::Printer;
use crate::cli::exit::Failure;
use crate::model::Name;

/// However often something changes, it is looked at once in so long.
const PACE: Duration = Duration::from_millis(50);
/// Looked at after so long although the kernel told nothing, should it have lost count.
const AT_LATEST: Duration = Duration::from_mins(1);
/// The pace where the kernel cannot tell: a user's `fs.inotify.max_user_instances` are in use.
const UNTOLD_PACE: Duration = Duration::from_millis(250);

/// What tells that there may be something new.
pub(super) struct Wake {
    told: Option<OwnedFd>,
    /// The kernel's numbers of what it watches.
    watches: Vec<i32>,
    state_dir: PathBuf,
    looked_at: Instant,
}

impl Wake {
    pub(super) fn new(state_dir: &Path) -> Self {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let mut wake = Self {
            told: inotify::init(flags).ok(),
            watches: Vec::new(),
            state_dir: state_dir.to_owned(),
            looked_at: Instant::now(),
        };
        // Commits are writes to the store's files in it. Before the first look, so that no change falls between.
        wake.watch(state_dir);
        wake
    }

    /// Watches a directory, and says whether it was not watched before.
    fn watch(&mut self, dir: &Path) -> bool {
        let changes = inotify::WatchFlags::MODIFY
            | inotify::WatchFlags::CREATE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::ONLYDIR;
        let watch = self.told.as_ref().map(|told| inotify::add_watch(told, dir, changes));
        let Some(Ok(watch)) = watch else { return false };
        let is_new = !self.watches.contains(&watch);
        if is_new {
            self.watches.push(watch);
        }
        is_new
    }

    /// Prints what was written so far, and waits for a change of the records or of a job's outputs.
    pub(super) fn wait(&mut self, job: &Name, printer: &mut Printer<'_>) -> Result<(), Failure> {
        printer.out.flush()?;
        // They may not be there before the first output; that they are made is told by the one above.
        let logs = self.state_dir.join("logs");
        let is_new = self.watch(&logs) | self.watch(&logs.join(job.as_str()));
        let (at_most, pace) = match &self.told {
            // What was written before it was watched was told to nobody.
            Some(_) if is_new => (Duration::ZERO, PACE),
            Some(_) => (AT_LATEST, PACE),
            None => (Duration::ZERO, UNTOLD_PACE),
        };
        if let Some(told) = &self.told {
            let at_most = Timespec::try_from(at_most).ok();
            let _ = poll(&mut [PollFd::new(told, PollFlags::IN)], at_most.as_ref());
        }
        std::thread::sleep(pace.saturating_sub(self.looked_at.elapsed()));
        // From here on a change is one for the next time.
        if let Some(told) = &self.told {
            let mut buffer = [MaybeUninit::uninit(); 4_096];
            let mut changes = inotify::Reader::new(told, &mut buffer);
            while changes.next().is_ok() {}
        }
        self.looked_at = Instant::now();
        Ok(())
    }
}
