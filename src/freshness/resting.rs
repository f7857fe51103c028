//! Why the job that makes a dataset does not do so by itself: people have set it aside.

use super::standing::DataState;
use crate::model::{Name, Pause};

/// How people have set a job aside.
#[derive(Clone, Copy, Debug)]
pub enum Resting<'a> {
    /// Somebody has paused it.
    Paused(&'a Pause),
    /// jobs.toml switches it off.
    SwitchedOff,
}

impl<'a> Resting<'a> {
    /// Of a job that is switched off or not, and its pause. Of both the pause is told: somebody said why.
    pub fn of(is_enabled: bool, pause: Option<&'a Pause>) -> Option<Self> {
        match pause {
            Some(pause) => Some(Self::Paused(pause)),
            None => (!is_enabled).then_some(Self::SwitchedOff),
        }
    }

    /// `its job export is paused by root: the move`.
    pub(super) fn words(self, producer: Option<&Name>) -> String {
        let job = producer.map_or_else(|| "its job".to_owned(), |job| format!("its job {job}"));
        match self {
            Self::Paused(pause) => format!("{job} is {}", pause.words()),
            Self::SwitchedOff => format!("{job} is switched off"),
        }
    }

    /// The same behind the reason of a state that a new delivery would mend; nothing behind those that it would not.
    pub(super) fn behind(self, state: DataState, producer: Option<&Name>) -> String {
        match state {
            DataState::Stale | DataState::Late | DataState::Unknown => format!("; {}", self.words(producer)),
            DataState::Fresh
            | DataState::DueSoon
            | DataState::Changed
            | DataState::Suspect
            | DataState::Held
            | DataState::Paused => String::new(),
        }
    }
}
