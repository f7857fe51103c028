//! Chance without chance: numbers spread over the whole range, the same each time.

/// The step between two states of `SplitMix64`.
pub const SPREAD_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Spreads a number: the finalizer of `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
pub fn spread(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
