//! The values that were seen, as hashes, so that their number bounds the memory and not their length.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// Most values that are remembered: about 32 MiB. Beyond that, what was seen is no longer known.
pub(in crate::checks) const VALUES_MAX: usize = 3_000_000;

/// Values by a hash of 64 bits: that two of 3,000,000 share one by chance happens once in four million files.
#[derive(Default)]
pub(in crate::checks) struct Seen {
    hashes: HashSet<u64, BuildHasherDefault<Already>>,
    is_full: bool,
}

impl Seen {
    /// Adds a value; `false` when it was there. Once it is full, whatever is not known counts as new.
    pub(super) fn add(&mut self, value: &str) -> bool {
        let hash = hash(value);
        if self.hashes.len() < VALUES_MAX {
            return self.hashes.insert(hash);
        }
        let is_new = !self.hashes.contains(&hash);
        self.is_full |= is_new;
        is_new
    }

    pub(super) fn contains(&self, value: &str) -> bool {
        self.hashes.contains(&hash(value))
    }

    /// There were more values than can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }
}

fn hash(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// For numbers that are hashes already.
#[derive(Default)]
pub(super) struct Already(u64);

impl Hasher for Already {
    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "only numbers are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_bound_is_told_and_not_remembered() {
        let mut seen = Seen::default();
        for number in 0..VALUES_MAX {
            assert!(seen.add(&number.to_string()));
        }
        assert!(!seen.add("0"));
        assert!(!seen.is_full());
        assert!(seen.add("another"));
        assert!(seen.add("another"));
        assert!(seen.is_full());
        assert_eq!(seen.hashes.len(), VALUES_MAX);
    }
}
