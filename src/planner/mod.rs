//! PURE: a job's life: due, waiting, running, backing off, paused; overlap, retry, catch-up.
//!
//! Each file answers one question about plain values; the engine keeps the state and asks.

mod admit;
mod backoff;
mod due;
mod ending;
mod history;
mod lost;
#[cfg(test)]
mod tests;

pub use admit::{Admission, Going, admit};
pub use backoff::{Next, after_failure, hash, is_given_up};
pub use due::{
    Decided, Decision, ENUMERATED_MAX, Known, ORDINARY_LATENESS, RANGE_MIN, count_range, decide, paused_words, start_of,
};
pub use ending::{Ending, ending, stop_words};
pub use history::{RunOutput, history_limits, logs_beyond};
pub use lost::decide_lost;
