//! When the next piece is removed: due jobs have the writer most of the time, and whatever is due next goes first.

use std::time::{Duration, Instant};

/// A piece is followed by a pause that is so many times as long as it took, from its search until its files were gone.
const PAUSE_FOLD: u32 = 2;
/// A pause after a piece that took very long is no longer than this.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A piece is begun only if nothing is due for so long: most are over by then.
const CLEAR: Duration = Duration::from_millis(250);
/// What was due is left alone for so long, so that what starts is recorded.
const SETTLES: Duration = Duration::from_millis(100);

/// The pace of a round of `[history]`.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Pace {
    /// When the piece before began.
    began: Option<Instant>,
}

impl Pace {
    /// A round begins: no piece went before.
    pub(in crate::daemon) fn first(&mut self) {
        self.began = None;
    }

    /// How long the next piece of a round has to wait at `now`, when something is due in `due_in`.
    ///
    /// It waits for one due time and no more, so that a round also ends where something is due all the time.
    pub(in crate::daemon) fn pause(&mut self, now: Instant, due_in: Option<Duration>) -> Duration {
        let took = self
            .began
            .map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let mut pause = took.saturating_mul(PAUSE_FOLD).min(PAUSE_MAX);
        if let Some(due_in) = due_in.filter(|due_in| *due_in + SETTLES > pause && *due_in < pause + CLEAR) {
            pause = due_in + SETTLES;
        }
        self.began = Some(now + pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn a_pause_is_twice_as_long_as_the_piece_before_it() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.pause(start, None), ms(0));
        assert_eq!(pace.pause(start + ms(30), None), ms(60));
        // It began when the pause was over.
        assert_eq!(pace.pause(start + ms(30 + 60 + 10), None), ms(20));
        assert_eq!(pace.pause(start + ms(3_600_000), None), PAUSE_MAX);
        pace.first();
        assert_eq!(pace.pause(start + ms(7_200_000), None), ms(0));
    }

    #[test]
    fn what_is_due_soon_goes_first() {
        for (due_in, pause) in [
            (0, 100),
            (249, 349),
            // It is over by then.
            (250, 0),
            (60_000, 0),
        ] {
            assert_eq!(
                Pace::default().pause(Instant::now(), Some(ms(due_in))),
                ms(pause),
                "{due_in}"
            );
        }
    }

    #[test]
    fn a_piece_waits_for_what_is_due_behind_its_pause_and_not_for_what_is_over_by_then() {
        for (due_in, pause) in [(100, 400), (299, 400), (301, 401), (649, 749), (650, 400)] {
            let (mut pace, start) = (Pace::default(), Instant::now());
            pace.pause(start, None);
            assert_eq!(pace.pause(start + ms(200), Some(ms(due_in))), ms(pause), "{due_in}");
        }
    }
}
