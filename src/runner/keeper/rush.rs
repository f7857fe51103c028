//! A rush of starts: while any wait, ends are noted when they come, and all that they make to do waits.
//!
//! Half of the work for a short job comes after its end. Of a thousand that are due together the last would be late by
//! what the first ones leave. Timeouts, stops and output wait for the starts of one turn at most.

use std::time::Duration;

/// Longest that anything waits for starts: a rush that does not end must not keep ends from being told.
const RUSH_MAX: Duration = Duration::from_millis(500);

/// Of so many in one turn it is likely that more are on their way.
const MANY: usize = 32;

/// How long they are waited for: the daemon needs a commit for each part of them.
const MORE_WITHIN: Duration = Duration::from_millis(10);

/// Whether starts go first just now. Times are those of the boot clock.
#[derive(Debug, Default)]
pub(super) struct Rush {
    since: Option<Duration>,
    /// Until when more are waited for.
    until: Option<Duration>,
}

impl Rush {
    /// A turn begins at `now` in which starts wait, or none.
    pub(super) fn turn(&mut self, starts_wait: bool, now: Duration) {
        self.until = self.until.filter(|until| now < *until);
        let since = self.since.unwrap_or(now);
        let goes_on = starts_wait || self.until.is_some();
        self.since = (goes_on && now < since + RUSH_MAX).then_some(since);
    }

    /// So many were started in this turn, by `now`.
    pub(super) fn started(&mut self, count: usize, now: Duration) {
        if count >= MANY {
            self.until = Some(now + MORE_WITHIN);
        }
    }

    /// Whether everything else waits in this turn.
    pub(super) fn goes_on(&self) -> bool {
        self.since.is_some()
    }

    /// Until when more starts are waited for, though none wait now.
    pub(super) fn waits_until(&self) -> Option<Duration> {
        self.since.and(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_secs(1_000) + Duration::from_millis(milliseconds)
    }

    /// Which of these turns, by milliseconds, are for starts alone. So many are started in each.
    fn rushed(turns: &[(usize, u64)]) -> Vec<bool> {
        let mut rush = Rush::default();
        let mut turn = |(starts, milliseconds): &(usize, u64)| {
            rush.turn(*starts > 0, at(*milliseconds));
            rush.started(*starts, at(*milliseconds));
            rush.goes_on()
        };
        turns.iter().map(&mut turn).collect()
    }

    #[test]
    fn all_else_waits_while_starts_do_and_not_a_turn_longer() {
        let turns = [(0, 0), (1, 10), (1, 30), (0, 31), (1, 60)];
        assert_eq!(rushed(&turns), [false, true, true, false, true]);
    }

    #[test]
    fn where_many_were_started_more_are_waited_for_a_moment() {
        let turns = [
            (MANY, 0),
            (0, 9),
            (0, 10),
            (MANY, 20),
            (0, 25),
            (1, 27),
            (0, 29),
            (0, 30),
        ];
        assert_eq!(rushed(&turns), [true, true, false, true, true, true, true, false]);
    }

    #[test]
    fn a_rush_that_does_not_end_lets_everything_else_through_every_half_second() {
        for starts in [1, MANY] {
            let turns = [0, 499, 500, 510, 1_009, 1_010].map(|at| (starts, at));
            assert_eq!(rushed(&turns), [true, true, false, true, true, false]);
        }
    }
}
