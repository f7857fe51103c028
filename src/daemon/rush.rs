//! Many starts at one instant: the keeper hears of them a little before, and has made by then what they need.

use std::time::Duration;

use jiff::Timestamp;

use crate::engine::Engine;
use crate::model::{Now, earlier, later};
use crate::runner::Keepers;

/// From so many on the keeper is told. Fewer have what they need about as soon as it could be made ahead.
const STARTS_MIN: usize = 32;

/// More are not made ready for.
const STARTS_MAX: usize = 1_024;

/// How long before. The first turn may come late, and there is other work.
const AHEAD: Duration = Duration::from_secs(3);

/// What falls due so soon after the first belongs to the same rush.
const TOGETHER: Duration = Duration::from_secs(1);

/// The rush that was last told of.
#[derive(Debug, Default)]
pub(super) struct ComingRush {
    told: Option<Timestamp>,
}

impl ComingRush {
    /// Tells the keeper of the starts that are due with the `next` one, should these be many and near. Returns until
    /// when nothing is to be done.
    pub(super) fn look(&mut self, engine: &Engine, keepers: &Keepers, now: Now, next: Timestamp) -> Timestamp {
        let until = later(next, TOGETHER);
        if next <= now.wall || self.told == Some(next) || engine.jobs_due_until(until, STARTS_MIN) < STARTS_MIN {
            return next;
        }
        let tell_at = earlier(next, AHEAD);
        if now.wall < tell_at {
            return tell_at;
        }
        self.told = Some(next);
        keepers.get_ready(engine.jobs_due_until(until, STARTS_MAX));
        next
    }
}
