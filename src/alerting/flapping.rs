//! When a problem comes and goes so often that nobody is told of each turn any more, and when that is over.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{FLAPPING_WITHIN, Flapping, Spell, elapsed, later};

/// So many openings within [`FLAPPING_WITHIN`] are flapping; the last of them is told as such.
pub const FLAPS_MIN: usize = 3;

/// Good evaluations that it takes.
const GOOD_MIN: u32 = 2;

/// Where no second evaluation comes, it is over when it was well for this long.
const WELL_WITHOUT_SECOND: Duration = Duration::from_hours(24);

/// Spells that are kept.
const SPELLS_KEPT_MAX: usize = 100;

/// Whether a problem that opens now comes and goes. `before` is when it was told before, and was over since.
pub fn flapping(before: &[Timestamp], now: Timestamp) -> Option<Flapping> {
    let recent = before.iter().filter(|at| is_recent(**at, now));
    let times = recent.clone().count() + 1;
    let since = recent.min().copied().filter(|_| times >= FLAPS_MIN)?;
    Some(Flapping {
        since,
        times: u32::try_from(times).unwrap_or(u32::MAX),
        well_since: None,
        good: 0,
        good_at: None,
        spells: Vec::new(),
    })
}

/// Whether an opening still counts.
pub fn is_recent(opened_at: Timestamp, now: Timestamp) -> bool {
    opened_at <= now && elapsed(opened_at, now) < FLAPPING_WITHIN
}

/// It is found to be well, by something that happened at `evidence`: the same evidence counts once.
pub fn found_well(flapping: &mut Flapping, evidence: Option<Timestamp>, now: Timestamp) {
    if flapping.well_since.is_none() {
        flapping.well_since = Some(now);
        (flapping.good, flapping.good_at) = (1, evidence);
    } else if evidence > flapping.good_at && flapping.good < GOOD_MIN {
        flapping.good += 1;
        flapping.good_at = evidence;
    }
}

/// It is found to be wrong. Says whether it had been well.
pub fn found_wrong(flapping: &mut Flapping, now: Timestamp) -> bool {
    let Some(from) = flapping.well_since.take() else {
        return false;
    };
    (flapping.good, flapping.good_at) = (0, None);
    flapping.times = flapping.times.saturating_add(1);
    flapping.spells.push(Spell { from, to: now });
    let too_many = flapping.spells.len().saturating_sub(SPELLS_KEPT_MAX);
    flapping.spells.drain(..too_many);
    true
}

/// When it is over if it stays well and nothing further is heard of it; `None` while it is wrong.
pub fn over_at(flapping: &Flapping) -> Option<Timestamp> {
    let well_for = match flapping.good {
        good if good >= GOOD_MIN => FLAPPING_WITHIN,
        _ => WELL_WITHOUT_SECOND,
    };
    flapping.well_since.map(|since| later(since, well_for))
}
