//! What freshd's own incidents about keepers are about, by name.

/// The journals of keepers: what ran, and how it ended, is not certain any more.
pub const KEEPER_JOURNAL: &str = "journal-of-keepers";

/// Behind this comes the number of a keeper that does not answer.
pub const KEEPER_PREFIX: &str = "keeper-";
