//! Files of a configuration: bounded reading, and which ones `include` means.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

/// Largest file of a configuration, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Most files that patterns of `include` may match.
pub(super) const FILES_MAX: usize = 10_000;

const READABLE_BY_OTHERS: u32 = 0o004;

/// Why a file cannot be used, for people: `message` begins behind the file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileError {
    /// What is wrong, as the end of a sentence about the file.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
    /// The byte at which it is not UTF-8, with the text before it.
    pub(super) text_before: Option<String>,
}

impl FileError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            text_before: None,
        }
    }
}

/// Reads a whole text file of at most `bytes_max`.
pub(super) fn read_text(path: &Path, bytes_max: u64) -> Result<String, FileError> {
    // A pipe or device would block or never end.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(FileError::new("is not a file", "name a regular file"));
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(bytes_max)).unwrap_or(0));
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("is larger than {} KiB", bytes_max >> 10);
        return Err(FileError::new(message, "split it into several files"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        FileError {
            text_before: Some(text),
            ..FileError::new("is not UTF-8 text", "save it in the encoding UTF-8")
        }
    })
}

/// Whether everybody may read a file.
pub(super) fn readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & READABLE_BY_OTHERS != 0)
}

/// The files that a pattern of `include` matches, sorted; hidden ones only where the pattern says so.
pub(super) fn matching(dir: &Path, pattern: &str) -> Result<Vec<PathBuf>, FileError> {
    let mut found = vec![dir.to_owned()];
    let mut components = Path::new(pattern).components().peekable();
    while let Some(component) = components.next() {
        let last = components.peek().is_none();
        match component {
            Component::RootDir => found = vec![PathBuf::from("/")],
            Component::Normal(name) => {
                let name = name.to_str().unwrap_or("");
                if is_pattern(name) {
                    found = matching_names(&found, name, last)?;
                } else {
                    for path in &mut found {
                        path.push(name);
                    }
                }
            }
            Component::ParentDir => found.iter_mut().for_each(|path| path.push("..")),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    found.retain(|path| path.exists());
    found.sort();
    Ok(found)
}

/// Whether a text has characters with a meaning in patterns.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn matching_names(dirs: &[PathBuf], name: &str, last: bool) -> Result<Vec<PathBuf>, FileError> {
    if name.contains("**") {
        let help = "write one `*` for each directory, as in jobs.d/*/*.toml";
        return Err(FileError::new("`**` is not a pattern of `include`", help));
    }
    let matcher = GlobBuilder::new(name)
        .literal_separator(true)
        .build()
        .map_err(|error| {
            let message = format!("`{name}` is not a pattern: {}", error.kind());
            FileError::new(message, "write a pattern as in jobs.d/*.toml")
        })?
        .compile_matcher();
    let mut found = Vec::new();
    for entry in dirs.iter().filter_map(|dir| dir.read_dir().ok()).flatten() {
        let Ok(entry) = entry else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let path = entry.path();
        let fits = matcher.is_match(entry.file_name()) && (!hidden || name.starts_with('.'));
        if fits && (if last { path.is_file() } else { path.is_dir() }) {
            found.push(path);
        }
        if found.len() > FILES_MAX {
            let message = format!("the pattern matches more than {FILES_MAX} files");
            return Err(FileError::new(message, "write a narrower pattern"));
        }
    }
    Ok(found)
}

fn unreadable(error: &io::Error) -> FileError {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "create it, or correct the path",
        io::ErrorKind::PermissionDenied => "let the user that runs freshd read it",
        _ => "check the file and its disk",
    };
    let message = match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    FileError::new(message, help)
}
