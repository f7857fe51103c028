//! How time passes in a world, and what becomes of its clocks.

use std::time::Duration;

use freshd::model::{Event, later};
use jiff::Timestamp;

use super::{World, at};

impl World {
    /// The wall clock is set; the boot clock does not notice.
    pub(crate) fn set_clock(&mut self, to: &str) {
        let by_ms = at(to).as_millisecond() - self.now.wall.as_millisecond();
        self.shift(by_ms);
        if self.engine.is_some() {
            self.handle(Event::ClockStepped { by_ms });
        }
    }

    /// The machine sleeps, processes and all; both clocks go on.
    pub(crate) fn sleep_until(&mut self, until: &str) {
        let by_ms = at(until).as_millisecond() - self.now.wall.as_millisecond();
        self.shift(by_ms);
        self.now.boot += Duration::from_millis(by_ms.unsigned_abs());
        self.handle(Event::Tick);
    }

    /// What goes on in processes is not tied to the wall clock.
    pub(super) fn shift(&mut self, by_ms: i64) {
        let by = jiff::SignedDuration::from_millis(by_ms);
        self.now.wall += by;
        let queue = std::mem::take(&mut self.queue);
        self.queue = queue
            .into_iter()
            .map(|((at, number), event)| ((at + by, number), event))
            .collect();
    }

    /// Time passes in which nobody does anything.
    pub(crate) fn pass(&mut self, by: Duration) {
        self.pass_to(later(self.now.wall, by));
    }

    pub(super) fn pass_to(&mut self, to: Timestamp) {
        self.now.boot += freshd::model::elapsed(self.now.wall, to);
        self.now.wall = to;
    }
}
