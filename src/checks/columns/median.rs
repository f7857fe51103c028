//! The number in the middle of many, in memory that does not grow with them.
//!
//! Exact up to a limit. Beyond it numbers are counted in buckets whose borders grow by a constant factor, as in `DDSketch`
//! (Masson, Rim and Lee, "`DDSketch`: a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019):
//! the answer is then within 0.5 % of the true one, and the same in whatever order they came.

/// So many are kept as they are: 800 kB.
const EXACT_MAX: usize = 100_000;

/// Half a percent on both sides of what a bucket is told as.
const GAMMA: f64 = 1.005 / 0.995;

/// Powers beyond this are counted as it: what is larger than 1e35 or nearer to zero than 1e-35 is nothing anybody exports.
const POWER_MAX: i32 = 8_192;

/// Buckets of one sign.
const SIDE: usize = 2 * POWER_MAX as usize + 1;

/// Numbers, as far as their median needs them.
#[derive(Clone, Debug, Default)]
pub(in crate::checks) struct Median {
    exact: Vec<f64>,
    /// Once there are too many: how many numbers lie in each bucket, in the order of the numbers; 256 kB.
    buckets: Vec<u64>,
    count: u64,
}

impl Median {
    pub(in crate::checks) fn add(&mut self, number: f64) {
        self.count += 1;
        if self.buckets.is_empty() {
            self.exact.push(number);
            if self.exact.len() > EXACT_MAX {
                self.buckets = vec![0; 2 * SIDE + 1];
                for number in std::mem::take(&mut self.exact) {
                    self.buckets[bucket_of(number)] += 1;
                }
            }
        } else {
            self.buckets[bucket_of(number)] += 1;
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
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            if below > rank {
                return Some(number_of(bucket));
            }
        }
        None
    }
}

/// Where a number is counted: below zero the largest magnitude first, then zero, then the others.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a power is bounded, and moved to where it is not negative"
)]
fn bucket_of(number: f64) -> usize {
    if number == 0.0 {
        return SIDE;
    }
    let power = (number.abs().ln() / GAMMA.ln()).ceil() as i32;
    let power = (power.clamp(-POWER_MAX, POWER_MAX) + POWER_MAX) as usize;
    if number < 0.0 {
        SIDE - 1 - power
    } else {
        SIDE + 1 + power
    }
}

/// What lies in the middle of a bucket.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "there are some ten thousand buckets"
)]
fn number_of(bucket: usize) -> f64 {
    let middle = |power: usize| 2.0 * GAMMA.powi(power as i32 - POWER_MAX) / (GAMMA + 1.0);
    match bucket {
        SIDE => 0.0,
        bucket if bucket < SIDE => -middle(SIDE - 1 - bucket),
        bucket => middle(bucket - SIDE - 1),
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
        assert!(median.buckets.len() == 2 * SIDE + 1 && median.exact.is_empty());
        assert!(median.value().is_some());
    }
}
