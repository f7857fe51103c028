//! The values that were seen, as hashes, so that their number bounds the memory and not their length.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Most values that are remembered: about 18 MiB. Beyond that, what was seen is no longer known at once.
pub(in crate::checks) const VALUES_MAX: usize = 1_800_000;

/// Values by a hash of 64 bits: that two of 50,000,000 share one by chance happens once in fifteen thousand files.
#[derive(Default)]
pub(in crate::checks) struct Seen {
    hashes: HashSet<u64, BuildHasherDefault<Already>>,
    is_full: bool,
}

/// What is known of a value that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    New,
    Repeated,
    /// There were too many before it: the value is not among those that are remembered.
    Unknown,
}

impl Seen {
    /// Adds a value by its hash. Once it is full, what is not known is not added.
    pub(super) fn add(&mut self, hash: u64) -> Added {
        if self.hashes.len() < VALUES_MAX {
            return if self.hashes.insert(hash) {
                Added::New
            } else {
                Added::Repeated
            };
        }
        if self.hashes.contains(&hash) {
            return Added::Repeated;
        }
        self.is_full = true;
        Added::Unknown
    }

    pub(super) fn contains(&self, value: &str) -> bool {
        self.hashes.contains(&hash(value))
    }

    /// There were more values than can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }
}

/// Two odd numbers without a pattern: digits of pi.
const MIXERS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];

/// The same for a value of one of several columns, so that all of them are remembered together.
pub(super) fn hash_in(column: u16, value: &str) -> u64 {
    folded(hash(value) ^ MIXERS[0], MIXERS[1] ^ u64::from(column))
}

/// A hash of 64 bits: pieces of 16 bytes are multiplied to 128 bits, of which the halves are put over each other.
pub(super) fn hash(value: &str) -> u64 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let mut state = MIXERS[1] ^ value.len() as u64;
    for piece in value.as_bytes().chunks(16) {
        let (low, high) = piece.split_at(piece.len().min(8));
        state = folded(word(low) ^ MIXERS[0], word(high) ^ state);
    }
    folded(state ^ MIXERS[0], MIXERS[1])
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
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
            assert_eq!(seen.add(hash(&number.to_string())), Added::New);
        }
        assert_eq!(seen.add(hash("0")), Added::Repeated);
        assert!(!seen.is_full());
        assert_eq!(seen.add(hash("another")), Added::Unknown);
        assert_eq!(seen.add(hash("another")), Added::Unknown);
        assert!(seen.is_full());
        assert_eq!(seen.hashes.len(), VALUES_MAX);
    }

    #[test]
    fn values_that_are_nearly_alike_have_hashes_of_their_own() {
        let mut hashes = HashSet::new();
        for number in 0..300_000 {
            assert!(hashes.insert(hash(&format!("L{number:06}"))));
            assert!(hashes.insert(hash(&format!("L{number:06}\0"))));
            assert!(hashes.insert(hash(&format!("a much longer lot, of which the end is {number}"))));
        }
    }
}
