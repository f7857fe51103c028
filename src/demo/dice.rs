//! Chance that can be repeated: the same seed and moment throw the same numbers.

/// A generator after Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (`SplitMix64`).
pub(super) struct Dice(u64);

impl Dice {
    /// Dice of their own for each seed, system and second.
    pub(super) fn new(seed: u64, system: &str, second: i64) -> Self {
        let mut dice = Self(seed);
        for byte in system.bytes().chain(second.to_le_bytes()) {
            dice.0 = dice.throw() ^ u64::from(byte);
        }
        dice
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high - low) + 1;
        low + u32::try_from(self.throw() % span).expect("a remainder of a 32-bit span fits")
    }

    /// A number of tenths from `low` to `high`, both in tenths and included: `tenths(-25, 5)` is -2.5 to 0.5.
    pub(super) fn tenths(&mut self, low: i32, high: i32) -> f64 {
        let above = self.between(0, high.abs_diff(low));
        f64::from(low + i32::try_from(above).expect("no more than the span")) / 10.0
    }

    /// One of several.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let last = u32::try_from(choices.len() - 1).expect("a short list");
        &choices[self.between(0, last) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_system_and_second_throw_the_same_and_any_other_does_not() {
        let throws = |seed, system, second| {
            let mut dice = Dice::new(seed, system, second);
            (0..8).map(|_| dice.between(0, u32::MAX - 1)).collect::<Vec<_>>()
        };
        assert_eq!(throws(1, "erp", 7), throws(1, "erp", 7));
        assert_ne!(throws(1, "erp", 7), throws(2, "erp", 7));
        assert_ne!(throws(1, "erp", 7), throws(1, "wms", 7));
        assert_ne!(throws(1, "erp", 7), throws(1, "erp", 8));
    }

    #[test]
    fn throws_stay_within_their_bounds_and_reach_both_ends() {
        let mut dice = Dice::new(1, "erp", 0);
        let throws: Vec<f64> = (0..500).map(|_| dice.tenths(-3, 2)).collect();
        assert!(throws.contains(&-0.3) && throws.contains(&0.2));
        assert!(throws.iter().all(|throw| (-0.3..=0.2).contains(throw)));
    }
}
