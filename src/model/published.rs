//! Published files where readers find them: what freshd put there, and what a look finds.

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::VersionRef;

/// By what a file is known again without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stamp {
    /// Size.
    pub bytes: u64,
    /// When it was last written to, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Its inode: a file that was put over another has a new one.
    pub inode: u64,
}

/// What lies where readers look: its stamp, and the SHA-256 of its content in hex. The digest is empty where nobody read
/// it, since the size alone shows that it is something else.
pub type Lying = (Stamp, String);

/// A published file that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The version that freshd put there.
    pub version: VersionRef,
    /// Where readers look, absolute.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its content digest in hex.
    pub sha256: String,
    /// The version's own stamp, as far as it is known.
    pub stamp: Option<Stamp>,
    /// What the look before found, if there was one in this life of the daemon.
    pub before: Option<Result<Option<Lying>, String>>,
}

impl Placed {
    /// The digest of what has this stamp, where that is known without reading: what was put in place, what was seen
    /// before, or something of another size.
    pub fn known(&self, stamp: Stamp) -> Option<String> {
        if self.stamp == Some(stamp) {
            return Some(self.sha256.clone());
        }
        match &self.before {
            Some(Ok(Some((known, digest)))) if *known == stamp => Some(digest.clone()),
            _ => (stamp.bytes != self.bytes).then(String::new),
        }
    }

    /// Whether a look has found just what it was known to find.
    pub fn is_no_news(&self, found: &Result<Option<Lying>, String>) -> bool {
        match &self.before {
            Some(before) => before == found,
            None => matches!((found, self.stamp), (Ok(Some((stamp, _))), Some(known)) if *stamp == known),
        }
    }
}

/// A look at a published file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The version that is to be there.
    pub version: VersionRef,
    /// Where freshd looked.
    pub file: PathBuf,
    /// When.
    pub at: Timestamp,
    /// What lies there, `Ok(None)` for nothing; `Err` says why nobody can tell.
    pub found: Result<Option<Lying>, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, VersionNumber};

    fn stamp(bytes: u64, inode: u64) -> Stamp {
        Stamp {
            bytes,
            modified_ns: 5,
            inode,
        }
    }

    #[test]
    fn only_a_file_of_the_same_size_and_an_unknown_stamp_must_be_read() {
        let mut placed = Placed {
            version: VersionRef {
                dataset: Name::from("stock"),
                number: VersionNumber(41),
            },
            file: PathBuf::from("/srv/stock.csv"),
            bytes: 10,
            sha256: "aa".to_owned(),
            stamp: Some(stamp(10, 1)),
            before: None,
        };
        assert_eq!(placed.known(stamp(10, 1)).as_deref(), Some("aa"));
        assert_eq!(
            placed.known(stamp(11, 1)).as_deref(),
            Some(""),
            "no version of its size"
        );
        assert_eq!(placed.known(stamp(10, 2)), None, "as long, and another file");
        placed.before = Some(Ok(Some((stamp(10, 2), "bb".to_owned()))));
        assert_eq!(placed.known(stamp(10, 2)).as_deref(), Some("bb"), "it was read before");
        assert!(placed.is_no_news(&Ok(Some((stamp(10, 2), "bb".to_owned())))));
        assert!(!placed.is_no_news(&Ok(None)));
    }
}
