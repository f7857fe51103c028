//! Puts an accepted version in place, in steps that can be cut short anywhere and done again.
//!
//! Two names cannot be renamed at one instant, so a reader may see the file and its sidecar disagree for a
//! moment. The order makes the moment harmless: the file changes first, and the sidecar of the version before
//! then promises less than the file holds, never more. Who needs certainty compares the sidecar's `sha256`.
//!
//! | cut short after | a reader sees | what is left beside it |
//! |---|---|---|
//! | (nothing), `Bring`, `Seal` | the old file with the old sidecar | the hidden candidate |
//! | `Keep`, `Describe` | the same | also the kept copy with its sidecar, and the hidden new sidecar |
//! | `Replace` | the new file with the old sidecar, whose `sha256` differs | the hidden new sidecar |
//! | `Reveal` | the new file with the new sidecar | kept versions beyond those to keep or still needed |
//! | `Prune` | the same | nothing |
//!
//! The first version of all has no file before `Replace`, and no sidecar before `Reveal`.
//!
//! The kept copy is a file of its own, so that nobody who writes into the published one reaches it. Where the file
//! system can share blocks between files (Btrfs, XFS), it costs no space until one of the two is written to.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Gid, Mode};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::disk::{
    Directory, PRIVATE_MODE, PublishError, SHARED_MODE, bytes, permissions, plain, remove_oldest, set_group, set_owner,
    set_permissions, sha256, stamp,
};
use super::sidecar::{present, sidecar};
use crate::model::{Publishing, Stamp, VersionRef, hidden_name, sidecar_path, version_path};

/// One step of publishing. Doing it twice does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Have the candidate in the directory of the target, also from another file system or the kept copy.
    Bring,
    /// See that it is what was judged, give it the permissions of the file before it, make it durable.
    Seal,
    /// Keep it restorable, with its sidecar.
    Keep,
    /// Write the new sidecar under a hidden name.
    Describe,
    /// Rename the candidate over the target: from here on readers see the new version.
    Replace,
    /// Rename the new sidecar over the old one.
    Reveal,
    /// Remove kept versions beyond those to keep, but for those still needed.
    Prune,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 7] = [
        Self::Bring,
        Self::Seal,
        Self::Keep,
        Self::Describe,
        Self::Replace,
        Self::Reveal,
        Self::Prune,
    ];
}

/// Puts an accepted version in place, and says by what its file is known again. Cut short anywhere, a second call
/// finishes the work; done twice, it changes nothing.
pub fn publish(publishing: &Publishing) -> Result<Stamp, PublishError> {
    let site = Site::open(publishing)?;
    let mut placed = Stamp::default();
    for step in Step::ALL {
        if step == Step::Replace {
            // Of what was judged: as soon as it has its name, others may put something else there.
            placed = stamp(&site.metadata(&site.new_file()?, site.name)?);
        }
        site.go(step)?;
    }
    Ok(placed)
}

/// Does only these steps; the others have been done, or are left for later.
pub fn publish_steps(publishing: &Publishing, steps: &[Step]) -> Result<(), PublishError> {
    let site = Site::open(publishing)?;
    steps.iter().try_for_each(|step| site.go(*step))
}

/// Where one version is published.
struct Site<'a> {
    publishing: &'a Publishing,
    /// The target's directory, name, and the names beside it.
    directory: Directory,
    name: &'a OsStr,
    /// The candidate once it is in the target's directory.
    incoming: OsString,
    sidecar: OsString,
    hidden_sidecar: OsString,
    kept: Directory,
    kept_name: &'a OsStr,
    kept_sidecar: OsString,
    /// Where the candidate was staged, when that is not beside the target.
    elsewhere: Option<&'a Path>,
}

impl<'a> Site<'a> {
    fn open(publishing: &'a Publishing) -> Result<Self, PublishError> {
        let version = &publishing.version;
        let target = version.file.as_deref();
        let place = target.and_then(|target| Some((target, target.parent()?, target.file_name()?)));
        let Some(((target, parent, name), kept_as)) = place.zip(version.kept_as.as_deref()) else {
            return Err(PublishError::NoTarget {
                dataset: version.dataset.to_string(),
            });
        };
        plain(OsStr::new(version.dataset.as_str()))?;
        let kept_name = plain(OsStr::new(kept_as))?;
        let versions_dir = &publishing.versions_dir;
        let kept = version_path(versions_dir, &version.dataset, version.number, kept_as);
        let staged = publishing.staged.as_path();
        let (incoming, elsewhere) = match staged.file_name() {
            Some(incoming) if staged.parent() == Some(parent) => (incoming.to_owned(), None),
            _ => (hidden_name(target, "incoming"), Some(staged)),
        };
        Ok(Self {
            publishing,
            directory: Directory::make(parent, SHARED_MODE)?,
            name,
            incoming,
            sidecar: file_name(&sidecar_path(target)),
            hidden_sidecar: hidden_name(target, "sidecar"),
            kept_name,
            kept_sidecar: file_name(&sidecar_path(&kept)),
            kept: Directory::make(kept.parent().unwrap_or(versions_dir), PRIVATE_MODE)?,
            elsewhere,
        })
    }

    fn go(&self, step: Step) -> Result<(), PublishError> {
        match step {
            Step::Bring => self.bring(),
            Step::Seal => self.seal(),
            Step::Keep => self.keep(),
            Step::Describe => self.describe(),
            Step::Replace => self.replace(),
            Step::Reveal => self.reveal(),
            Step::Prune => {
                self.prune();
                Ok(())
            }
        }
    }

    fn bring(&self) -> Result<(), PublishError> {
        self.refuse_if_superseded()?;
        if let Some(staged) = self.elsewhere {
            self.bring_from(staged)?;
        }
        if let Some(candidate) = self.directory.file(&self.incoming)? {
            let shared = self.metadata(&candidate, &self.incoming)?;
            if shared.nlink() > 1 {
                // The job made it a link to a file that goes on living elsewhere: a version is a file of its own.
                self.directory.copy(&candidate, &self.incoming)?;
            }
            return Ok(());
        }
        if self.target_is_new()? {
            return Ok(());
        }
        match self.kept.file(self.kept_name)? {
            Some(kept) if self.has_digest(&kept, &self.kept, self.kept_name)? => {
                self.directory.copy(&kept, &self.incoming)
            }
            _ => Err(PublishError::Gone {
                version: self.version(),
                staged: self.publishing.staged.clone(),
            }),
        }
    }

    /// Brings the candidate here, unless it is gone: it may have been brought before.
    fn bring_from(&self, staged: &Path) -> Result<(), PublishError> {
        let Some(written) = found(staged)? else {
            return Ok(());
        };
        let Found {
            from,
            name,
            file: candidate,
            metadata,
        } = written;
        if self.publishing.is_kept {
            // What is kept, or in quarantine, stays there whatever becomes of this.
            return self.directory.copy(&candidate, &self.incoming);
        }
        if metadata.uid() != geteuid().as_raw() {
            if self.target_is_new()? {
                return Ok(());
            }
            // Its owner may still hold it open: what readers get is a file that nobody else could ever write to.
            return self.directory.copy(&candidate, &self.incoming);
        }
        match from.try_rename(name, &self.directory, &self.incoming) {
            Ok(()) => self.directory.sync(),
            // It stays where it was until the attempt is cleaned away.
            Err(Errno::XDEV) => self.directory.copy(&candidate, &self.incoming),
            Err(error) => Err(from.failed("move", name)(error.into())),
        }
    }

    /// The group of what another user's job wrote, while that is there.
    fn group_of_its_user(&self) -> Result<Option<Gid>, PublishError> {
        let written = self.elsewhere.map(found).transpose()?.flatten();
        let of_another = written.filter(|written| written.metadata.uid() != geteuid().as_raw());
        Ok(of_another.map(|written| Gid::from_raw(written.metadata.gid())))
    }

    fn seal(&self) -> Result<(), PublishError> {
        let Some(candidate) = self.directory.file(&self.incoming)? else {
            return Ok(());
        };
        // Where others own the directory, what was brought may have become a link to a file of root's that holds the very
        // same: what follows would give that away.
        let is_linked = self.metadata(&candidate, &self.incoming)?.nlink() > 1;
        if is_linked || !self.has_digest(&candidate, &self.directory, &self.incoming)? {
            return Err(PublishError::Changed {
                path: self.directory.path().join(&self.incoming),
            });
        }
        let failed = || self.directory.failed("set the permissions of", &self.incoming);
        // Data is not for everybody to write to because a job thinks so; what was given to a file in its place stays.
        let mut mode = permissions(&self.metadata(&candidate, &self.incoming)?) & !Mode::WOTH;
        if let Some(before) = self.directory.file(self.name)? {
            let before = self.metadata(&before, self.name)?;
            set_owner(&candidate, &before).map_err(failed())?;
            mode = permissions(&before);
        } else if let Some(group) = self.group_of_its_user()? {
            // Readers are let in by the group of the job, when its umask lets nobody else in.
            set_group(&candidate, group).map_err(failed())?;
        }
        // Also takes set-user-id and its like away.
        set_permissions(&candidate, mode).map_err(failed())?;
        candidate
            .sync_all()
            .map_err(self.directory.failed("save", &self.incoming))
    }

    fn keep(&self) -> Result<(), PublishError> {
        let new = self.new_file()?;
        if !self.kept_is_right(&self.metadata(&new, self.name)?)? {
            self.kept.copy(&new, self.kept_name)?;
            // Something may still write to the candidate: what is restored some day must be what was judged.
            if !self.kept_is_right(&self.metadata(&new, self.name)?)? {
                self.kept.remove(self.kept_name)?;
                return Err(PublishError::Changed {
                    path: self.directory.path().join(&self.incoming),
                });
            }
        }
        let text = sidecar(&self.publishing.version, &self.publishing.dataset);
        let mode = Mode::from_raw_mode(0o600);
        self.kept.write(&self.kept_sidecar, mode, bytes(&text))
    }

    fn describe(&self) -> Result<(), PublishError> {
        let new = self.new_file()?;
        let mode = permissions(&self.metadata(&new, self.name)?);
        let text = sidecar(&self.publishing.version, &self.publishing.dataset);
        self.directory.write(&self.hidden_sidecar, mode, bytes(&text))
    }

    fn replace(&self) -> Result<(), PublishError> {
        if self.directory.file(&self.incoming)?.is_some() {
            // Bringing it may have taken long.
            self.refuse_if_superseded()?;
            // An error here says so when the target is something else than a file.
            self.directory.file(self.name)?;
            self.directory.rename(&self.incoming, &self.directory, self.name)?;
        }
        // Before the sidecar: after a power cut it must not be there without the file.
        self.directory.sync()
    }

    fn reveal(&self) -> Result<(), PublishError> {
        self.directory
            .rename(&self.hidden_sidecar, &self.directory, &self.sidecar)?;
        self.directory.sync()
    }

    /// The version is in place by now: what cannot be removed is no reason to say otherwise.
    fn prune(&self) {
        let number = self.publishing.version.number.0;
        let keep = usize::try_from(self.publishing.dataset.keep_versions).unwrap_or(usize::MAX);
        if let Some(directory) = self.kept.path().parent()
            && let Err(error) = remove_oldest(directory, number, keep, &self.publishing.spared)
        {
            let version = self.version();
            tracing::warn!(%version, %error, "cannot remove earlier versions in {}", directory.display());
        }
    }

    fn refuse_if_superseded(&self) -> Result<(), PublishError> {
        let version = &self.publishing.version;
        let text = self.directory.small_file(&self.sidecar);
        match text.and_then(|text| present(&text)) {
            // By number and by time: a new state directory begins again at 1.
            Some(there) if there.version > version.number.0 && there.arrived_at > version.arrived_at => {
                Err(PublishError::Superseded {
                    version: self.version(),
                    by: there.version,
                })
            }
            _ => Ok(()),
        }
    }

    /// The candidate, or the target when it is the candidate already.
    fn new_file(&self) -> Result<File, PublishError> {
        if let Some(candidate) = self.directory.file(&self.incoming)? {
            return Ok(candidate);
        }
        let target = self.directory.file(self.name)?;
        target.ok_or_else(|| PublishError::Gone {
            version: self.version(),
            staged: self.publishing.staged.clone(),
        })
    }

    fn target_is_new(&self) -> Result<bool, PublishError> {
        match self.directory.file(self.name)? {
            Some(target) => self.has_digest(&target, &self.directory, self.name),
            None => Ok(false),
        }
    }

    /// Whether the kept copy holds what was judged, in a file that is not also the published one.
    fn kept_is_right(&self, new: &Metadata) -> Result<bool, PublishError> {
        let Some(kept) = self.kept.file(self.kept_name)? else {
            return Ok(false);
        };
        let metadata = kept.metadata().map_err(self.kept.failed("look at", self.kept_name))?;
        let shared = (metadata.dev(), metadata.ino()) == (new.dev(), new.ino());
        Ok(!shared && self.has_digest(&kept, &self.kept, self.kept_name)?)
    }

    fn has_digest(&self, file: &File, directory: &Directory, name: &OsStr) -> Result<bool, PublishError> {
        let digest = sha256(file).map_err(directory.failed("read", name))?;
        Ok(digest == self.publishing.version.sha256)
    }

    fn metadata(&self, file: &File, name: &OsStr) -> Result<Metadata, PublishError> {
        file.metadata().map_err(self.directory.failed("look at", name))
    }

    fn version(&self) -> VersionRef {
        VersionRef {
            dataset: self.publishing.version.dataset.clone(),
            number: self.publishing.version.number,
        }
    }
}

/// A staged candidate that is there, opened.
struct Found<'a> {
    from: Directory,
    name: &'a OsStr,
    file: File,
    metadata: Metadata,
}

/// Opens a staged candidate; `None` when it is gone: it may have been brought before.
fn found(staged: &Path) -> Result<Option<Found<'_>>, PublishError> {
    let (Some(parent), Some(name)) = (staged.parent(), staged.file_name()) else {
        return Ok(None);
    };
    let from = match Directory::open(parent) {
        Ok(from) => from,
        Err(PublishError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(file) = from.file(name)? else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(from.failed("look at", name))?;
    Ok(Some(Found {
        from,
        name,
        file,
        metadata,
    }))
}

fn file_name(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}
