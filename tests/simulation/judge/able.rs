//! When freshd was able to start what is due: a start that falls into such a time and is told as missed is a lie.

use std::collections::VecDeque;

use freshd::model::{Outcome, Run};
use jiff::{SignedDuration, Timestamp};

use super::{Judged, hold};

const MISSED: &str = "missed for a reason";
/// So late may an ordinary start be; what is left alone for longer was missed.
const ORDINARY: SignedDuration = SignedDuration::from_secs(60);
/// Longer ago than any world is down: nothing that old is decided.
const STRETCHES_MAX: usize = 4_096;

/// Stretches of wall time in which nothing was in freshd's way, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Able {
    stretches: VecDeque<(Timestamp, Timestamp)>,
    goes_on: bool,
}

impl Able {
    /// It is, or is not, able to start something at `wall`.
    pub(super) fn look(&mut self, is_able: bool, wall: Timestamp) {
        match self.stretches.back_mut().filter(|_| is_able && self.goes_on) {
            Some((_, until)) => *until = wall,
            None if is_able => self.stretches.push_back((wall, wall)),
            None => {}
        }
        self.goes_on = is_able;
        if self.stretches.len() > STRETCHES_MAX {
            self.stretches.pop_front();
        }
    }

    /// The clock does not go on from where it was.
    pub(super) fn interrupted(&mut self) {
        self.goes_on = false;
    }

    /// The clock was confirmed: what is later is yet to come.
    pub(super) fn clock_confirmed(&mut self, at: Timestamp) {
        self.stretches.retain(|(from, _)| *from <= at);
        for (_, until) in &mut self.stretches {
            *until = (*until).min(at);
        }
    }

    /// A run is durable that was decided at `wall`, and nothing was known of it before.
    pub(super) fn decided(&self, run: &Run, wall: Timestamp) -> Judged {
        let Some(due) = run.due_at.filter(|_| run.outcome == Some(Outcome::Missed)) else {
            return Ok(());
        };
        // Decided at once, or left alone for as long as it was an ordinary start.
        let last = (run.due_until.unwrap_or(due) + ORDINARY).min(wall);
        let mut stretches = self.stretches.iter();
        let able = stretches.find(|(from, until)| *from < due && last <= *until);
        hold(able.is_none(), MISSED, || {
            format!(
                "{} was due {due} and is told as missed ({:?}), and freshd was able: {able:?}",
                run.job, run.reason
            )
        })
    }
}
