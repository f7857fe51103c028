//! PURE: should someone be told? Problems, reminders, and the words.

mod acknowledged;
mod concern;
mod digest;
mod digest_lines;
mod drill;
mod flapping;
mod goes_on;
mod gone;
mod impact;
mod lines;
mod lost;
mod made_from;
mod problem;
mod proof;
mod quiet_cause;
mod quoted;
mod readers;
mod refused;
mod reminder;
mod resent;
pub mod retry;
mod sentences;
mod terms;
#[cfg(test)]
mod tests;
mod titles;
mod weekly;
mod words;

pub use acknowledged::{acknowledged, escalated};
pub use concern::{Concern, Own, concern};
pub use digest::{INSTEAD_OF, TOLD_LATE, ToGather, digest, down_words};
pub use drill::{Rehearsal, drill_message};
pub use flapping::{FLAPS_MIN, flapping, found_well, found_wrong, is_recent, over_at};
pub use goes_on::GoesOn;
pub use gone::{Gone, gone};
pub use impact::to_others;
pub use lost::{LostRecords, lost_reason, lost_records, lost_span};
pub use problem::{Problem, problem_of_data, problem_of_job};
pub use proof::{ToProve, canary};
pub use quiet_cause::{quiet_cause_words, quiet_words, told_cause_words};
pub use quoted::quoted;
pub use refused::Refused;
pub use reminder::{ack_until, next_reminder};
pub use resent::resent;
pub use weekly::{TeamWeek, ToReport, WEEK, weekly, weekly_times};
pub use words::{DataSide, JobSide, OwnerReach, Reading, Situation, message};
