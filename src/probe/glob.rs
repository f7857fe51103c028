//! The files that an absolute pattern matches, found without looking at more than a bounded number of names.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::model::SIDECAR_SUFFIX;

/// Names looked at for one pattern; beyond it the probe says that it cannot tell.
pub(super) const ENTRIES_MAX: u64 = 100_000;

/// One component of a pattern.
enum Part {
    /// A name as it is.
    Name(String),
    /// A name with wildcards. Names that begin with a dot need a pattern that does.
    Wild { matcher: GlobMatcher, hidden: bool },
    /// `**`: any number of directories. Symbolic links are not followed, so that it ends.
    AnyDepth,
}

struct Walk<'a> {
    entries: u64,
    entries_max: u64,
    found: &'a mut dyn FnMut(PathBuf, Metadata),
}

/// Calls `found` with each regular file that matches, symbolic links followed.
///
/// A directory that the pattern names without wildcards must exist: when a share is not mounted, nobody can
/// tell what lies on it.
pub(super) fn walk(pattern: &str, entries_max: u64, found: &mut dyn FnMut(PathBuf, Metadata)) -> Result<(), String> {
    if !pattern.starts_with('/') {
        return Err(format!("the pattern {pattern} is not absolute; begin it with /"));
    }
    let parts = pattern
        .split('/')
        .filter(|part| !part.is_empty())
        .map(compile)
        .collect::<Result<Vec<_>, _>>()?;
    let mut walk = Walk {
        entries: 0,
        entries_max,
        found,
    };
    walk.visit(Path::new("/"), &parts, true).map_err(|why| match why {
        Stop::TooMany => format!(
            "more than {entries_max} names to look at for {pattern}; write a narrower pattern or keep fewer files there"
        ),
        Stop::Io(path, error) => format!("cannot look into {}: {error}", path.display()),
        Stop::NoDirectory(path) => format!(
            "the directory {} does not exist; is a share not mounted?",
            path.display()
        ),
    })
}

enum Stop {
    TooMany,
    Io(PathBuf, io::Error),
    NoDirectory(PathBuf),
}

fn compile(part: &str) -> Result<Part, String> {
    if part == "**" {
        return Ok(Part::AnyDepth);
    }
    if !part.contains(['*', '?', '[', '{', '\\']) {
        return Ok(Part::Name(part.to_owned()));
    }
    let glob = GlobBuilder::new(part)
        .literal_separator(true)
        .build()
        .map_err(|error| format!("the pattern `{part}` cannot be read: {}", error.kind()))?;
    Ok(Part::Wild {
        matcher: glob.compile_matcher(),
        hidden: part.starts_with('.'),
    })
}

impl Walk<'_> {
    /// `named`: no wildcard led here, so that the directory is expected to exist.
    fn visit(&mut self, directory: &Path, parts: &[Part], named: bool) -> Result<(), Stop> {
        let Some((first, rest)) = parts.split_first() else {
            return Ok(());
        };
        match first {
            Part::Name(name) => {
                let path = directory.join(name);
                if !rest.is_empty() {
                    return self.visit(&path, rest, named);
                }
                if named {
                    list(directory, named)?;
                }
                self.consider(path)
            }
            Part::Wild { matcher, hidden } => self.visit_each(directory, named, |walk, name, path| {
                if (is_hidden(name) && !hidden) || !matcher.is_match(Path::new(name)) {
                    return Ok(());
                }
                if rest.is_empty() {
                    return walk.consider(path);
                }
                match metadata(&path)? {
                    Some(metadata) if metadata.is_dir() => walk.visit(&path, rest, false),
                    _ => Ok(()),
                }
            }),
            Part::AnyDepth => {
                if !rest.is_empty() {
                    self.visit(directory, rest, named)?;
                }
                self.visit_each(directory, named, |walk, name, path| {
                    if is_hidden(name) {
                        return Ok(());
                    }
                    match std::fs::symlink_metadata(&path) {
                        Ok(metadata) if metadata.is_dir() => walk.visit(&path, parts, false),
                        Ok(_) if rest.is_empty() => walk.consider(path),
                        Ok(_) => Ok(()),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                        Err(error) => Err(Stop::Io(path, error)),
                    }
                })
            }
        }
    }

    fn visit_each(
        &mut self,
        directory: &Path,
        named: bool,
        mut each: impl FnMut(&mut Self, &OsStr, PathBuf) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Some(entries) = list(directory, named)? else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry.map_err(|error| Stop::Io(directory.to_owned(), error))?;
            self.entries += 1;
            if self.entries > self.entries_max {
                return Err(Stop::TooMany);
            }
            each(self, &entry.file_name(), entry.path())?;
        }
        Ok(())
    }

    fn consider(&mut self, path: PathBuf) -> Result<(), Stop> {
        let suffix = SIDECAR_SUFFIX.as_bytes();
        let ours = path.as_os_str().as_bytes().ends_with(suffix);
        if let Some(metadata) = metadata(&path)?
            && metadata.is_file()
            && !ours
        {
            (self.found)(path, metadata);
        }
        Ok(())
    }
}

/// `None` when it is gone, which is fine for what a wildcard found a moment ago.
fn list(directory: &Path, named: bool) -> Result<Option<std::fs::ReadDir>, Stop> {
    match std::fs::read_dir(directory) {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named => Err(Stop::NoDirectory(directory.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory && !named => Ok(None),
        Err(error) => Err(Stop::Io(directory.to_owned(), error)),
    }
}

fn metadata(path: &Path) -> Result<Option<Metadata>, Stop> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Stop::Io(path.to_owned(), error)),
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}
