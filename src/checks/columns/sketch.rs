//! What a column is like, gathered value by value: the part of a profile that is about it.

use std::collections::BTreeMap;

use super::median::Median;
use crate::model::{CODE_BYTES_MAX, CODES_MAX, ColumnProfile, Finite, Numbers};

/// A column as it is seen so far.
#[derive(Clone, Debug)]
pub(in crate::checks) struct Sketch {
    filled: u64,
    empty: u64,
    /// Lines of the first rows without a value, and of the first with one.
    pub(in crate::checks) empty_lines: Vec<u64>,
    pub(in crate::checks) filled_lines: Vec<(u64, String)>,
    min: f64,
    max: f64,
    sum: Sum,
    median: Median,
    /// Each value with the line on which it first came; `None` when nobody asks, or there are too many.
    codes: Option<BTreeMap<String, u64>>,
}

/// How many lines are remembered as examples.
const EXAMPLES_MAX: usize = 3;

impl Sketch {
    pub(in crate::checks) fn new(wants_codes: bool) -> Self {
        Self {
            filled: 0,
            empty: 0,
            empty_lines: Vec::new(),
            filled_lines: Vec::new(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: Sum::default(),
            median: Median::default(),
            codes: wants_codes.then(BTreeMap::new),
        }
    }

    /// A row without a value.
    pub(in crate::checks) fn add_empty(&mut self, line: u64) {
        self.empty += 1;
        if self.empty_lines.len() < EXAMPLES_MAX {
            self.empty_lines.push(line);
        }
    }

    /// A row with one, and its number if it has one.
    pub(in crate::checks) fn add(&mut self, line: u64, value: &str, number: Option<f64>) {
        self.filled += 1;
        if self.filled_lines.len() < EXAMPLES_MAX {
            self.filled_lines.push((line, crate::probe::shortened(value)));
        }
        if let Some(number) = number {
            self.min = self.min.min(number);
            self.max = self.max.max(number);
            self.sum.add(number);
            self.median.add(number);
        }
        if let Some(codes) = &mut self.codes
            && !codes.contains_key(value)
        {
            if codes.len() < CODES_MAX && value.len() <= CODE_BYTES_MAX {
                codes.insert(value.to_owned(), line);
            } else {
                self.codes = None;
            }
        }
    }

    /// The line on which a code first came.
    pub(in crate::checks) fn line_of(&self, code: &str) -> Option<u64> {
        self.codes.as_ref()?.get(code).copied()
    }

    /// What is remembered of it.
    pub(in crate::checks) fn profile(&mut self) -> ColumnProfile {
        let numbers = self.median.value().and_then(|median| {
            Some(Numbers {
                min: Finite::new(self.min)?,
                max: Finite::new(self.max)?,
                sum: Finite::new(self.sum.total())?,
                median: Finite::new(median)?,
            })
        });
        ColumnProfile {
            filled: self.filled,
            empty: self.empty,
            numbers,
            codes: self.codes.as_ref().map(|codes| codes.keys().cloned().collect()),
        }
    }
}

/// A sum that does not lose the small parts of many numbers (Neumaier, 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::checks) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(in crate::checks) fn add(&mut self, number: f64) {
        let sum = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() {
            (self.sum - sum) + number
        } else {
            (number - sum) + self.sum
        };
        self.sum = sum;
    }

    pub(in crate::checks) fn total(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_tells_what_was_seen() {
        let mut sketch = Sketch::new(true);
        for (line, value) in [(2, "3"), (3, "1"), (5, "3")] {
            sketch.add(line, value, value.parse().ok());
        }
        sketch.add_empty(4);
        let profile = sketch.profile();
        assert_eq!((profile.filled, profile.empty), (3, 1));
        let numbers = profile.numbers.expect("numbers");
        let told = [numbers.min, numbers.max, numbers.sum, numbers.median].map(Finite::get);
        assert_eq!(told.map(|number| number.to_string()), ["1", "3", "7", "3"]);
        assert_eq!(profile.codes, Some(vec!["1".to_owned(), "3".to_owned()]));
        assert_eq!((sketch.line_of("3"), sketch.line_of("2")), (Some(2), None));
    }

    #[test]
    fn too_many_codes_are_none() {
        let mut sketch = Sketch::new(true);
        for number in 0..=CODES_MAX {
            sketch.add(1, &number.to_string(), None);
        }
        assert_eq!(sketch.profile().codes, None);
        let mut sketch = Sketch::new(true);
        sketch.add(1, &"x".repeat(CODE_BYTES_MAX + 1), None);
        assert_eq!(sketch.profile().codes, None);
    }

    #[test]
    fn a_sum_keeps_small_parts() {
        let mut sum = Sum::default();
        for number in [1e16, 1.0, -1e16] {
            sum.add(number);
        }
        assert!((sum.total() - 1.0).abs() < f64::EPSILON);
    }
}
