//! Spreads starts by a stable hash of a name, the same on every machine and in every version.

use std::time::Duration;

/// How much later than due a job starts under `jitter`: in whole milliseconds, from zero up to but not including `jitter`.
///
/// The hash is FNV-1a (64 bits) with the finisher of `MurmurHash3`, since FNV alone leaves the high bits of short names alike.
pub fn start_offset(name: &str, jitter: Duration) -> Duration {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    let width = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX);
    let offset = (u128::from(hash) * u128::from(width)) >> 64;
    Duration::from_millis(u64::try_from(offset).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_depends_on_the_name_alone_and_never_changes() {
        let jitter = Duration::from_mins(5);
        for (name, millis) in [
            ("stock-export", 137_306),
            ("stock-import", 269_024),
            ("a", 153_088),
            ("", 281_030),
        ] {
            assert_eq!(start_offset(name, jitter), Duration::from_millis(millis), "{name}");
        }
    }

    #[test]
    fn offsets_of_similar_names_fill_the_whole_width_evenly() {
        let jitter = Duration::from_secs(100);
        let mut tenths = [0_u32; 10];
        for number in 0..10_000 {
            let offset = start_offset(&format!("job-{number}"), jitter);
            assert!(offset < jitter);
            tenths[usize::try_from(offset.as_secs() / 10).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (850..=1_150).contains(count)), "{tenths:?}");
    }

    #[test]
    fn no_jitter_is_no_offset() {
        assert_eq!(start_offset("stock-export", Duration::ZERO), Duration::ZERO);
    }
}
