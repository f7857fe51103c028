//! The number in the middle of many, in memory that does not grow with them.
//!
//! Exact up to a limit. Beyond it numbers are counted in buckets whose borders grow by a constant factor, as in `DDSketch`
//! (Masson, Rim and Lee, "`DDSketch`: a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019):
//! the answer is then within 0.5 % of the true one, and the same in whatever order they came.

use std::collections::BTreeMap;

/// So many are kept as they are: 800 kB.
const EXACT_MAX: usize = 100_000;

/// Half a percent on both sides of what a bucket is told as.
const GAMMA: f64 = 1.005 / 0.995;

/// Most buckets; the whole range of what anybody exports, 1e-9 to 1e12 on both sides of zero, needs about 9,700.
const BUCKETS_MAX: usize = 16_384;

/// Numbers, as far as their median needs them.
#[derive(Clone, Debug, Default)]
pub(in crate::checks) struct Median {
    exact: Vec<f64>,
    /// Once there are too many: how many numbers lie in each bucket, in the order of the numbers.
    buckets: BTreeMap<Bucket, u64>,
    count: u64,
}

/// Ordered as the numbers in them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    /// Below zero, the largest magnitude first: the power, negated.
    Negative(i32),
    Zero,
    Positive(i32),
}

impl Median {
    pub(in crate::checks) fn add(&mut self, number: f64) {
        self.count += 1;
        if self.buckets.is_empty() {
            self.exact.push(number);
            if self.exact.len() > EXACT_MAX {
                for number in std::mem::take(&mut self.exact) {
                    self.count_in_bucket(number);
                }
            }
        } else {
            self.count_in_bucket(number);
        }
    }

    /// The one in the middle, of an even count the lower of the two; `None` of none.
    pub(in crate::checks) fn value(&mut self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = (self.count - 1) / 2;
        if self.buckets.is_empty() {
            let index = usize::try_from(rank).unwrap_or(0);
            let (_, middle, _) = self.exact.select_nth_unstable_by(index, f64::total_cmp);
            return Some(*middle);
        }
        let mut below = 0;
        for (bucket, count) in &self.buckets {
            below += count;
            if below > rank {
                return Some(bucket.number());
            }
        }
        None
    }

    fn count_in_bucket(&mut self, number: f64) {
        let bucket = Bucket::of(number);
        // Numbers of such different sizes are counted as their nearest neighbour.
        let bucket = if self.buckets.len() < BUCKETS_MAX || self.buckets.contains_key(&bucket) {
            bucket
        } else {
            let above = self.buckets.range(bucket..).next();
            let nearest = above.or_else(|| self.buckets.iter().next_back());
            nearest.map_or(bucket, |(nearest, _)| *nearest)
        };
        *self.buckets.entry(bucket).or_default() += 1;
    }
}

impl Bucket {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the powers of all numbers that there are lie within a hundred thousand"
    )]
    fn of(number: f64) -> Self {
        if number == 0.0 {
            return Self::Zero;
        }
        let power = (number.abs().ln() / GAMMA.ln()).ceil() as i32;
        if number < 0.0 {
            Self::Negative(-power)
        } else {
            Self::Positive(power)
        }
    }

    /// What lies in the middle of it.
    fn number(self) -> f64 {
        let middle = |power: i32| 2.0 * GAMMA.powi(power) / (GAMMA + 1.0);
        match self {
            Self::Negative(power) => -middle(-power),
            Self::Zero => 0.0,
            Self::Positive(power) => middle(power),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spread;
    use proptest::prelude::*;

    fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut median = Median::default();
        numbers.into_iter().for_each(|number| median.add(number));
        median.value()
    }

    proptest! {
        #[test]
        fn of_few_it_is_exact(mut numbers in proptest::collection::vec(-1e9_f64..1e9, 1..50)) {
            let found = median(numbers.clone());
            numbers.sort_by(f64::total_cmp);
            prop_assert_eq!(found, Some(numbers[(numbers.len() - 1) / 2]));
        }
    }

    #[test]
    fn of_many_it_is_within_half_a_percent_in_any_order() {
        let count = 3 * u64::try_from(EXACT_MAX).expect("a count") + 1;
        for (offset, factor) in [(0.0, 1.0), (-1e6, 1e-3), (-1e9, 1.0)] {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let number = |place: u64| offset * factor + (place as f64) * (place as f64) * factor;
            let mut sorted: Vec<f64> = (0..count).map(number).collect();
            sorted.sort_by(f64::total_cmp);
            let truth = sorted[sorted.len() / 2];
            let forward = median(sorted.iter().copied()).expect("there are some");
            assert!(((forward - truth) / truth).abs() < 0.006, "{forward} is not {truth}");
            let mut mixed: Vec<(u64, f64)> = (0..).zip(sorted).map(|(place, n)| (spread(place), n)).collect();
            mixed.sort_by_key(|(key, _)| *key);
            assert_eq!(median(mixed.into_iter().map(|(_, number)| number)), Some(forward));
        }
    }

    #[test]
    fn numbers_of_every_size_take_no_more_room() {
        let mut median = Median::default();
        for place in 0..400_000_u64 {
            let bits = spread(place);
            let number = f64::from_bits(bits);
            if number.is_finite() {
                median.add(number);
            }
        }
        assert!(median.buckets.len() <= BUCKETS_MAX && median.exact.is_empty());
        assert!(median.value().is_some());
    }
}
