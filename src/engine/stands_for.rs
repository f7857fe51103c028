//! A promised delivery that stands for others: after a long downtime there may be too many to be told one by one.

use crate::model::DUE_COUNTED_MAX;

/// Begins the reason of one that stands for others.
const STANDS_FOR: &str = "stands for ";

/// Why a delivery stands for so many, itself included, that were due before a time.
pub(super) fn stands_for_words(count: u64, before: &str) -> String {
    let count = match count {
        DUE_COUNTED_MAX.. => format!("at least {count}"),
        count => format!("all {count}"),
    };
    format!("{STANDS_FOR}{count} that were due before {before}, too many to be told apart")
}

/// For how many a delivery stands, by its reason: for itself alone, unless that says otherwise.
pub(super) fn stands_for(reason: Option<&str>) -> u64 {
    let others = reason.and_then(|reason| reason.strip_prefix(STANDS_FOR));
    let mut words = others.unwrap_or_default().split(' ');
    words.find_map(|word| word.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_hold_the_number() {
        for count in [2, 1_180, DUE_COUNTED_MAX] {
            let words = stands_for_words(count, "Mon 2026-11-30 06:59");
            assert_eq!(stands_for(Some(&words)), count, "{words}");
            assert_eq!(stands_for(Some(&format!("{words}; freshd was down"))), count);
        }
        assert_eq!(stands_for(Some("freshd was down at its deadline, from 2 to 3")), 1);
        assert_eq!(stands_for(None), 1);
    }
}
