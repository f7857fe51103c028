//! The limit of open files: freshd raises its own as far as it goes, and jobs get the one that freshd was given.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limits of a process that needs more open files than it gives to its children.
#[derive(Clone, Copy)]
pub(super) struct OpenFiles {
    pub(super) own: Rlimit,
    pub(super) children: Rlimit,
}

impl OpenFiles {
    /// Raises the limit of this process. Children get what it was given, since some programs cannot cope with more;
    /// or `children`, where whoever started this process had raised its own.
    pub(super) fn raise(children: Option<u64>) -> Self {
        let given = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: given.maximum,
            maximum: given.maximum,
        };
        let _ = setrlimit(Resource::Nofile, raised);
        Self {
            own: getrlimit(Resource::Nofile),
            children: Rlimit {
                current: children.or(given.current),
                maximum: given.maximum,
            },
        }
    }
}

/// What this process was given, once it has raised it.
static GIVEN: OnceLock<Option<u64>> = OnceLock::new();

/// Raises the limit of the daemon. Its keepers inherit that, and are told what their jobs are to get: lowering it while
/// a keeper is started would for that moment take descriptors from every other thread.
pub fn raise_open_files() {
    GIVEN.get_or_init(|| OpenFiles::raise(None).children.current);
}

/// What a keeper is to be told; `None` when its jobs get what it inherits.
pub(super) fn told_to_keepers() -> Option<u64> {
    GIVEN.get().copied().flatten()
}
