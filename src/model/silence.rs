//! Silences: a person says that nobody is to be told of a job or dataset for a while, and why.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Name, OpenWindow, format_time, moment_and_hint};

/// The longest silence: what is to stay quiet for longer is not watched, and belongs out of jobs.toml.
pub const SILENCE_MAX: Duration = Duration::from_hours(30 * 24);

/// The shortest silence: one that is shorter is over before anybody would have been told.
pub const SILENCE_MIN: Duration = Duration::from_mins(1);

/// Nobody is told of a job or dataset for a while, since a person said so. All is evaluated, recorded and resolved as ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Silence {
    /// The job, the dataset, or both where they share the name.
    pub subject: Name,
    /// Counts up from 1 for each subject.
    pub number: u64,
    /// Who said so.
    pub by: String,
    /// Why.
    pub because: String,
    /// Since when.
    #[schemars(with = "super::Instant")]
    pub from: Timestamp,
    /// Until when, unless it ends before.
    #[schemars(with = "super::Instant")]
    pub until: Timestamp,
    /// What ended it before its time; nothing while it stands, and where its time ran out.
    pub ended: Option<SilenceEnd>,
}

/// A silence ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceEnd {
    /// When.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// How, and by whom, in words: `lifted by anna`.
    pub how: String,
}

impl Silence {
    /// The first instant at which it no longer holds.
    pub fn over_at(&self) -> Timestamp {
        self.ended.as_ref().map_or(self.until, |end| end.at.min(self.until))
    }

    /// Whether it keeps people from being told.
    pub fn stands(&self, now: Timestamp) -> bool {
        now < self.over_at()
    }

    /// For people, while it stands: `until Thu 18:00 (in 2h), by anna: the database is moved`.
    pub fn words(&self, now: Timestamp, zone: &TimeZone) -> String {
        let until = moment_and_hint(self.until, now, zone);
        format!("until {until}, by {}: {}", self.by, self.because)
    }

    /// For messages, also when it is over: `Thu 2026-11-26 13:00 to Thu 2026-11-26 18:00, by anna: the database is moved`.
    pub fn span_words(&self, zone: &TimeZone) -> String {
        let (from, to) = (format_time(self.from, zone), format_time(self.over_at(), zone));
        format!("{from} to {to}, by {}: {}", self.by, self.because)
    }
}

/// Why nobody is told of something for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// A window of planned work is open.
    Window(OpenWindow),
    /// A person has silenced it.
    Silence(Box<Silence>),
}

impl Quiet {
    /// When it is to be looked at again.
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Window(window) => window.until,
            Self::Silence(silence) => silence.over_at(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_silence_stands_until_its_time_is_over_or_somebody_lifts_it() {
        let mut silence = Silence {
            subject: Name::from("stock"),
            number: 1,
            by: "anna".to_owned(),
            because: "the database is moved".to_owned(),
            from: at(0),
            until: at(100),
            ended: None,
        };
        assert!(silence.stands(at(99)) && !silence.stands(at(100)));
        silence.ended = Some(SilenceEnd {
            at: at(50),
            how: "lifted by bob".to_owned(),
        });
        assert!(silence.stands(at(49)) && !silence.stands(at(50)));
        assert_eq!(
            silence.span_words(&TimeZone::UTC),
            "Thu 1970-01-01 00:00 to Thu 1970-01-01 00:00, by anna: the database is moved"
        );
    }
}
