//! What is usual: the median of the versions before, and how far they lie from it among themselves.

use crate::model::{Band, COMPARED_MIN, Comparison, Past};

/// What makes the median of the distances from the median as large as one standard deviation of normal noise.
const MAD_SCALE: f64 = 1.4826;

/// With `"auto"`, so many of those are still usual ...
const AUTO_DEVIATIONS: f64 = 5.0;

/// ... and so large a part of the median in any case: versions that were all alike must not make the next one odd.
const AUTO_PART_MIN: f64 = 0.2;

/// What was measured of the versions before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usual {
    /// The median.
    pub(super) median: f64,
    /// The median of the distances from it.
    pub(super) deviation: f64,
}

/// Where something must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    low: Option<f64>,
    high: Option<f64>,
}

impl Usual {
    /// `None` while there are too few versions of which it can be told.
    pub(super) fn of(comparison: &Comparison, of: impl Fn(&Past) -> Option<f64>) -> Option<Self> {
        if comparison.is_learning() {
            return None;
        }
        let mut numbers: Vec<f64> = comparison.versions.iter().filter_map(|past| of(past)).collect();
        if numbers.len() < COMPARED_MIN {
            return None;
        }
        let median = middle(&mut numbers);
        let mut distances: Vec<f64> = numbers.iter().map(|number| (number - median).abs()).collect();
        Some(Self {
            median,
            deviation: middle(&mut distances),
        })
    }

    /// Where a band around the median lies.
    pub(super) fn expected(&self, band: &Band) -> Expected {
        match band {
            Band::Auto => {
                let away = AUTO_DEVIATIONS * MAD_SCALE * self.deviation;
                let away = away.max(AUTO_PART_MIN * self.median.abs());
                Expected {
                    low: Some(self.median - away),
                    high: Some(self.median + away),
                }
            }
            Band::Between { low, high, .. } => {
                let (low, high) = (low.map(|low| low * self.median), high.map(|high| high * self.median));
                if self.median < 0.0 {
                    Expected { low: high, high: low }
                } else {
                    Expected { low, high }
                }
            }
        }
    }

    /// How far the versions before lie from each other, as a part of what is usual.
    pub(super) fn noise(&self) -> f64 {
        if self.median == 0.0 {
            return 0.0;
        }
        MAD_SCALE * self.deviation / self.median.abs()
    }
}

impl Expected {
    /// Both ends are part of it. A hair's breadth of rounding is forgiven.
    pub(super) fn contains(&self, number: f64) -> bool {
        let hair = 1e-9 * number.abs();
        self.low.is_none_or(|low| number >= low - hair) && self.high.is_none_or(|high| number <= high + hair)
    }

    /// `6.25 to 25`.
    pub(super) fn words(&self) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!("{} to {}", shown(low), shown(high)),
            (Some(low), None) => format!("at least {}", shown(low)),
            (None, Some(high)) => format!("at most {}", shown(high)),
            (None, None) => "anything".to_owned(),
        }
    }
}

/// The one in the middle; of an even count half way between the two.
fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len();
    match count {
        0 => 0.0,
        _ if count % 2 == 1 => numbers[count / 2],
        _ => f64::midpoint(numbers[count / 2 - 1], numbers[count / 2]),
    }
}

/// `2.2046 times`, `as many as`.
pub(super) fn times_usual(now: f64, usual: f64) -> String {
    if usual == 0.0 {
        return "instead of".to_owned();
    }
    format!("{} times", rounded(now / usual, 5))
}

/// A number as a message shows it: up to six digits that count.
pub(in crate::checks) fn shown(number: f64) -> String {
    rounded(number, 6)
}

/// `3.5 %`.
pub(in crate::checks) fn percent(part: f64) -> String {
    format!("{} %", rounded(part * 100.0, 3))
}

fn rounded(number: f64, digits: usize) -> String {
    if number == 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the powers of ten of all numbers that there are lie within a few hundred"
    )]
    let before_point = number.abs().log10().floor() as i64 + 1;
    let behind = i64::try_from(digits).unwrap_or(6) - before_point;
    let text = format!("{number:.*}", usize::try_from(behind.clamp(0, 12)).unwrap_or(0));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(numbers: &[f64]) -> Usual {
        let mut numbers = numbers.to_vec();
        let median = middle(&mut numbers);
        let mut distances: Vec<f64> = numbers.iter().map(|number| (number - median).abs()).collect();
        Usual {
            median,
            deviation: middle(&mut distances),
        }
    }

    fn between(low: f64, high: f64) -> Band {
        Band::Between {
            text: String::new(),
            low: Some(low),
            high: Some(high),
        }
    }

    #[test]
    fn one_version_that_was_odd_changes_little() {
        let steady = usual(&[100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 5_000.0]);
        assert!((steady.median - 100.0).abs() < 1e-9, "{steady:?}");
        assert_eq!(steady.expected(&between(0.7, 1.5)).words(), "70 to 150");
    }

    #[test]
    fn auto_is_as_wide_as_the_versions_differ_and_never_narrower_than_a_fifth() {
        assert_eq!(usual(&[100.0; 8]).expected(&Band::Auto).words(), "80 to 120");
        let wild = usual(&[60.0, 80.0, 100.0, 120.0, 140.0]);
        assert_eq!(wild.expected(&Band::Auto).words(), "-48.26 to 248.26");
    }

    #[test]
    fn the_ends_belong_to_the_band_also_below_zero() {
        let expected = usual(&[-10.0]).expected(&between(0.5, 2.0));
        assert_eq!(expected.words(), "-20 to -5");
        assert!(expected.contains(-20.0) && expected.contains(-5.0));
        assert!(!expected.contains(-20.1) && !expected.contains(-4.9));
        assert!(usual(&[0.1, 0.1, 0.1]).expected(&between(0.0, 3.0)).contains(0.1 * 3.0));
    }

    #[test]
    fn numbers_are_told_with_the_digits_that_count() {
        for (number, text) in [
            (2.204_62, "2.20462"),
            (1_234_567.0, "1234567"),
            (0.000_123_456_789, "0.000123457"),
            (12.50, "12.5"),
            (-3.0, "-3"),
            (0.0, "0"),
            (1000.0, "1000"),
        ] {
            assert_eq!(shown(number), text);
        }
        assert_eq!(times_usual(27.5, 12.5), "2.2 times");
        assert_eq!(percent(0.034_56), "3.46 %");
    }
}
