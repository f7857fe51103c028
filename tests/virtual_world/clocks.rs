//! How time passes in a world, and what becomes of its clocks.

use std::time::Duration;

use freshd::model::{Event, later};
use jiff::Timestamp;

use super::{World, at};

impl World {
    /// A daemon writes down each minute that it lives; here it does when it dies, for all those minutes.
    pub(super) fn note_that_it_lived(&mut self) {
        let life = self.reader().snapshot().expect("the store is read").life;
        let life = life.filter(|life| self.engine.is_some() && life.started_at == self.life_began_at);
        let Some(mut life) = life else { return };
        let minutes = freshd::model::elapsed(life.started_at, self.now.wall).as_secs() / 60;
        let seen_at = later(life.started_at, Duration::from_mins(minutes));
        if seen_at > life.seen_at {
            life.seen_at = seen_at;
            self.commit_only(vec![freshd::model::Fact::Life(life)]);
        }
    }

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
