//! What keeps freshd from doing what it is for, as far as the engine can tell.

use std::time::Duration;

use super::Engine;
use crate::model::{Now, elapsed, format_duration, format_time};

/// Longest time that something due may wait for its decision.
const LAG_MAX: Duration = Duration::from_mins(1);

/// How long a message may wait for its address to take it before somebody elsewhere is to hear of that.
const UNTOLD_MAX: Duration = Duration::from_mins(15);

impl Engine {
    /// How long the earliest decision has been due, when that is too long. While there is much to decide, what is due now
    /// is the next part of it.
    pub fn lag(&self, now: Now) -> Option<Duration> {
        let lag = elapsed(self.next_wake(now)?, now.wall);
        (lag > LAG_MAX).then(|| Duration::from_secs(lag.as_secs()))
    }

    /// All that is found, in words; nothing while all is well.
    pub fn self_test(&self, now: Now) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(lag) = self.lag(now) {
            found.push(format!("what was due {} ago is not decided", format_duration(lag)));
        }
        if let Some(hold) = &self.clock_hold {
            let until = format_time(hold.until, &self.settings.timezone);
            found.push(format!(
                "the clock is earlier than the newest record of {until}: nothing starts"
            ));
        }
        if let Some(hold) = &self.space_hold {
            found.push(format!("{}: nothing starts", hold.shortage.in_words()));
        }
        if let Some((since, address)) = self.outbox.refused().min() {
            let waits = Duration::from_secs(elapsed(since, now.wall).as_secs());
            if waits > UNTOLD_MAX {
                let waits = format_duration(waits);
                found.push(format!("{address} has not taken a message for {waits}"));
            }
        }
        found
    }
}
