//! Whether values come twice where none may: one memory for all columns of a file, and one file for what is beyond it.

use std::collections::BTreeMap;
use std::path::Path;

use super::EXAMPLES_MAX;
use super::repeats::{Repeats, Untold};
use super::seen::{Added, Seen, hash_in};
use crate::probe::Progress;

/// The values of all such columns.
pub(super) struct Unique {
    columns: u16,
    seen: Seen,
    repeats: Repeats,
}

/// How many values of a column came before, and the first few lines on which they come once more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) count: u64,
    pub(super) lines: Vec<u64>,
}

impl Unique {
    /// `beside` is where the candidate lies: its disk may hold what memory does not.
    pub(super) fn new(beside: Option<&Path>) -> Self {
        Self {
            columns: 0,
            seen: Seen::default(),
            repeats: Repeats::new(beside),
        }
    }

    /// The number of one more column. A configuration has no room for as many as there are numbers.
    pub(super) fn add_column(&mut self) -> u16 {
        let column = self.columns;
        self.columns = column.saturating_add(1);
        column
    }

    /// Takes the value of a column.
    pub(super) fn add(&mut self, column: u16, line: u64, value: &str) -> Added {
        let hash = hash_in(column, value);
        let added = self.seen.add(hash);
        if added == Added::Unknown {
            self.repeats.add(hash, (column, line));
        }
        added
    }

    /// All were taken: what came twice of those that memory did not hold, by column.
    pub(super) fn found(&mut self, progress: &Progress) -> Result<BTreeMap<u16, Found>, Untold> {
        if self.seen.is_full() {
            self.repeats.found(EXAMPLES_MAX, progress)
        } else {
            Ok(BTreeMap::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::seen::VALUES_MAX;
    use super::*;

    #[test]
    fn all_columns_share_one_memory_and_none_takes_a_value_for_that_of_another() {
        let mut unique = Unique::new(None);
        let columns = [unique.add_column(), unique.add_column()];
        let half = VALUES_MAX as u64 / 2;
        for line in 0..half {
            for column in columns {
                assert_eq!(unique.add(column, line, &line.to_string()), Added::New);
            }
        }
        for column in columns {
            assert_eq!(unique.add(column, half, "7"), Added::Repeated);
            assert_eq!(unique.add(column, half, "more"), Added::Unknown);
        }
        assert_eq!(unique.add(columns[1], half + 1, "more"), Added::Unknown);
        let twice = Found {
            count: 1,
            lines: vec![half + 1],
        };
        let found = unique.found(&Progress::default()).ok();
        assert_eq!(found, Some(BTreeMap::from([(columns[1], twice)])));
    }
}
