//! A rush of starts: while any wait, ends are noted when they come, and all that they make to do waits.
//!
//! Half of the work for a short job comes after its end. Of a thousand that are due together the last would be late by
//! what the first ones leave. Timeouts, stops and output wait for the
//! starts of one turn at most.

use std::time::Duration;

/// Longest that anything waits for starts: a rush that does not end must not keep ends from being told.
const RUSH_MAX: Duration = Duration::from_millis(500);

/// Whether starts go first just now.
#[derive(Debug, Default)]
pub(super) struct Rush {
    since: Option<Duration>,
}

impl Rush {
    /// A turn begins at `now`, by the boot clock, in which starts wait, or none.
    pub(super) fn turn(&mut self, starts_wait: bool, now: Duration) {
        let since = self.since.unwrap_or(now);
        self.since = (starts_wait && now < since + RUSH_MAX).then_some(since);
    }

    /// Whether everything else waits in this turn.
    pub(super) fn goes_on(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these turns, by milliseconds, are for starts alone.
    fn rushed(turns: &[(bool, u64)]) -> Vec<bool> {
        let mut rush = Rush::default();
        let mut turn = |(starts_wait, at): &(bool, u64)| {
            rush.turn(*starts_wait, Duration::from_secs(1_000) + Duration::from_millis(*at));
            rush.goes_on()
        };
        turns.iter().map(&mut turn).collect()
    }

    #[test]
    fn all_else_waits_while_starts_do_and_not_a_turn_longer() {
        let turns = [(false, 0), (true, 10), (true, 30), (false, 50), (true, 60)];
        assert_eq!(rushed(&turns), [false, true, true, false, true]);
    }

    #[test]
    fn a_rush_that_does_not_end_lets_everything_else_through_every_half_second() {
        let turns = [
            (true, 0),
            (true, 499),
            (true, 500),
            (true, 510),
            (true, 1_009),
            (true, 1_010),
        ];
        assert_eq!(rushed(&turns), [true, true, false, true, true, false]);
    }
}
