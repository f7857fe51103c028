//! The state of a dataset, computed from stored facts and the clock, never stored.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::resting::Resting;
use super::sight::{failed_elsewhere, sight};
use crate::model::{
    Dataset, Name, Observation, OpenDays, Slot, SlotState, Version, VersionRef, due_since_one_came, earlier,
    format_age, format_duration, format_time,
};
use crate::schedule;

/// An `as_of` further in the future than this cannot be believed.
const FUTURE_TOLERANCE: Duration = Duration::from_mins(5);

/// How fresh a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataState {
    /// Every promise holds.
    Fresh,
    /// Every promise holds, but a deadline or age limit is near.
    DueSoon,
    /// A promised delivery did not come by its deadline.
    Late,
    /// Older than promised.
    Stale,
    /// What lies where readers look is not its newest version: others have removed it or written over it, or its `file` was
    /// renamed.
    Changed,
    /// Its `as_of` lies in the future.
    Suspect,
    /// A newer version was refused; the last good one is served.
    Held,
    /// Never seen, or the probe cannot tell.
    Unknown,
    /// Nothing is expected, since its job is paused.
    Paused,
}

impl DataState {
    /// The word in JSON and on the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::DueSoon => "due_soon",
            Self::Late => "late",
            Self::Stale => "stale",
            Self::Changed => "changed",
            Self::Suspect => "suspect",
            Self::Held => "held",
            Self::Unknown => "unknown",
            Self::Paused => "paused",
        }
    }

    /// Whether readers have what they were promised.
    pub fn keeps_promise(self) -> bool {
        match self {
            Self::Fresh | Self::DueSoon | Self::Held | Self::Paused => true,
            Self::Late | Self::Stale | Self::Changed | Self::Suspect | Self::Unknown => false,
        }
    }
}

/// The stored facts that a dataset's state follows from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The version readers see.
    pub current: Option<&'a Version>,
    /// The newest refused candidate, if it is newer than `current`.
    pub refused: Option<&'a Version>,
    /// Slots that are pending or late, the newest decided one, and the first of those that were missed up to that, in order
    /// of due time.
    pub slots: &'a [Slot],
    /// What the probe last saw, for probed data; for published files what a look saw, if that ever was something else than
    /// the version.
    pub observation: Option<&'a Observation>,
    /// The job that produces it.
    pub producer: Option<&'a Name>,
    /// Since when its age is promised, as far as that is known.
    pub promised_since: Option<Timestamp>,
    /// The zone in which people are told times.
    pub zone: &'a TimeZone,
    /// Whether the reason says how old something is, as of now. What is kept says as of when it is, which stays true.
    pub tells_age: bool,
    /// That people have set the job aside that produces it.
    pub resting: Option<Resting<'a>>,
    /// A first version could have come by now: its job has run, or its probe has looked.
    pub had_its_chance: bool,
}

/// How a promise that holds breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// What was promised has not come in time.
    Late,
    /// What is there is too old.
    Stale,
}

/// How fresh a dataset is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: DataState,
    /// The rule and the evidence, in one sentence.
    pub reason: String,
    /// Newest business time inside the current version.
    pub as_of: Option<Timestamp>,
    /// The same, limited by the inputs.
    pub effective_as_of: Option<Timestamp>,
    /// The ancestor that limits it.
    pub limited_by: Option<VersionRef>,
    /// When the current version was accepted.
    pub arrived_at: Option<Timestamp>,
    /// Whether readers see the current version. Whoever has none of it where they look is not promised anything that holds.
    pub is_served: bool,
    /// The next instant at which a promise breaks.
    pub deadline: Option<Timestamp>,
    /// What it is from then on: late, or stale.
    pub breaks_as: Breach,
    /// Since when a promise is broken: of deliveries that did not come, since the first.
    pub since: Option<Timestamp>,
    /// Since when it is in this state, where that is a problem: later than `since` if another promise broke first.
    pub state_since: Option<Timestamp>,
    /// When what its reason tells of went wrong: of deliveries that did not come, the last.
    pub reason_since: Option<Timestamp>,
    /// Whether people should hear of it.
    pub is_problem: bool,
    /// When to look again: the next instant at which the state may change by itself.
    pub next_change: Option<Timestamp>,
}

/// Computes the state of a dataset at `now`.
pub fn standing(dataset: &Dataset, view: View<'_>, now: Timestamp) -> Standing {
    let current = view.current;
    let older_at = |(from, age)| schedule::older_at(dataset.counted_in.as_ref(), from, age);
    let as_of = current.map(|version| version.effective_as_of);
    let age_limit = |age: Option<Duration>| as_of.zip(age).and_then(older_at);
    let first_by = view.promised_since.zip(dataset.max_age).and_then(older_at);
    let first_by = first_by.filter(|_| current.is_none());
    let stale_at = age_limit(dataset.max_age).or(first_by);
    let age_warn_at = age_limit(dataset.warn_age);
    let pending = view
        .slots
        .iter()
        .find(|slot| slot.state == SlotState::Pending && slot.deadline > now);
    // A delivery that was missed is history, once none is promised any more.
    let missing = dataset.due.as_ref().and_then(|_| missing(view.slots, now));
    let believable_at = current
        .map(|version| earlier(version.as_of, FUTURE_TOLERANCE))
        .filter(|at| *at > now);
    let stale_next = stale_at.filter(|at| *at > now);
    let late_next = pending.map(|slot| slot.deadline);
    let deadline = [stale_next, late_next].into_iter().flatten().min();
    // What is both is told as stale.
    let breaks_as = match deadline == stale_next {
        true => Breach::Stale,
        false => Breach::Late,
    };
    let (state, mut reason, state_since, is_problem) = judge(
        dataset,
        view,
        now,
        stale_at,
        age_warn_at,
        pending,
        missing,
        believable_at,
    );
    if let Some(resting) = view.resting {
        reason.push_str(&resting.behind(state, view.producer));
    }
    let (reason, state_since, is_problem) = match failed_elsewhere(dataset, view) {
        Some((why, at)) => {
            let reason = format!("{why} ({}); {reason}", format_time(at, view.zone));
            (reason, state_since.or(Some(at)), true)
        }
        None => (reason, state_since, is_problem),
    };
    let (since, reason_since) = match (state, missing) {
        (DataState::Late, Some(missing)) => (state_since, Some(missing.last.deadline)),
        // It was late before it was too old.
        (DataState::Stale, Some(missing)) => {
            let late_since = missing.first.deadline;
            (state_since.map(|stale_since| stale_since.min(late_since)), state_since)
        }
        _ => (state_since, state_since),
    };
    let changes = [
        stale_at,
        age_warn_at,
        believable_at,
        pending.map(|slot| slot.warn_at),
        pending.map(|slot| slot.deadline),
        view.slots.last().map(|slot| slot.due_at),
        view.slots.last().map(|slot| slot.deadline),
    ];
    Standing {
        state,
        reason,
        as_of: current.map(|version| version.as_of),
        effective_as_of: current.map(|version| version.effective_as_of),
        limited_by: current.and_then(|version| version.limited_by.clone()),
        arrived_at: current.map(|version| version.arrived_at),
        is_served: current.is_some() && sight(dataset, view).is_none(),
        deadline,
        breaks_as,
        since,
        state_since,
        reason_since,
        is_problem,
        next_change: changes.into_iter().flatten().filter(|at| *at > now).min(),
    }
}

/// A state with its reason, since when, and whether people should hear of it.
pub(super) type Judged = (DataState, String, Option<Timestamp>, bool);

#[expect(
    clippy::too_many_arguments,
    reason = "the instants that decide, each computed once by the caller"
)]
fn judge(
    dataset: &Dataset,
    view: View<'_>,
    now: Timestamp,
    stale_at: Option<Timestamp>,
    age_warn_at: Option<Timestamp>,
    pending: Option<&Slot>,
    missing: Option<Missing<'_>>,
    believable_at: Option<Timestamp>,
) -> Judged {
    if let Some(changed) = sight(dataset, view) {
        return changed;
    }
    if let Some(observation) = view
        .observation
        .filter(|_| dataset.probe.is_some() && !dataset.is_told_of())
    {
        match &observation.found {
            Err(why) => {
                let reason = format!("the probe cannot tell: {why}");
                return (DataState::Unknown, reason, Some(observation.at), true);
            }
            // Where it was due by now, it is known to be missing.
            Ok(None) if view.current.is_none() && missing.is_none() => {
                let reason = "never seen: the probe finds nothing there".to_owned();
                return (DataState::Unknown, reason, Some(observation.at), true);
            }
            Ok(_) => {}
        }
    }
    let zoned = |at| format_time(at, view.zone);
    let open = dataset.counted_in.as_ref().map_or_else(String::new, OpenDays::words);
    let age = |from| {
        format!(
            "{}{open}",
            format_age(schedule::age(dataset.counted_in.as_ref(), from, now))
        )
    };
    let Some(current) = view.current else {
        if let Some(missing) = missing {
            let reason = format!(
                "no delivery has ever come; the last was due by {}",
                zoned(missing.last.deadline)
            );
            return (DataState::Late, reason, Some(missing.first.deadline), true);
        }
        if let (Some(at), Some(since), Some(max_age)) = (stale_at, view.promised_since, dataset.max_age)
            && at <= now
            && !view.had_its_chance
        {
            let max_age = format_duration(max_age);
            let reason = format!(
                "never seen, although promised at most {max_age}{open} old since {}",
                zoned(since)
            );
            return (DataState::Unknown, reason, Some(at), true);
        }
        let reason = if dataset.is_told_of() {
            "never seen: nobody has said that it is there".to_owned()
        } else if view.had_its_chance {
            "never seen: its job has run, but no version was published".to_owned()
        } else {
            match pending {
                Some(slot) => format!("never seen; the first delivery is due {}", zoned(slot.due_at)),
                None => "never seen".to_owned(),
            }
        };
        return (DataState::Unknown, reason, None, view.had_its_chance);
    };
    if let Some(at) = believable_at {
        let reason = format!(
            "its as_of {} lies in the future, believable from {}",
            zoned(current.as_of),
            zoned(at)
        );
        return (DataState::Suspect, reason, Some(current.arrived_at), true);
    }
    if let Some((at, max_age)) = stale_at.zip(dataset.max_age).filter(|(at, _)| *at <= now) {
        let limited = current
            .limited_by
            .as_ref()
            .map_or_else(String::new, |by| format!(", limited by {by}"));
        let as_of = format!("as of {}{limited}", zoned(current.effective_as_of));
        let promised = format!("promised at most {}", format_duration(max_age));
        let mut reason = match view.tells_age {
            true => {
                let shown = age(current.effective_as_of);
                // An age that is shown as the limit is would look like a promise that holds.
                let is_alike = shown == format!("{}{open}", format_age(max_age));
                let just = if is_alike { "just over " } else { "" };
                format!("{just}{shown} old ({as_of}), {promised}")
            }
            false => format!("{as_of}, {promised}{open} old"),
        };
        if current.unchanged && current.limited_by.is_none() {
            let _ = write!(
                reason,
                "; version {} of {} brought the same content again, so the data is no newer",
                current.number,
                zoned(current.arrived_at)
            );
        }
        return (DataState::Stale, reason, Some(at), true);
    }
    if let Some(missing) = missing {
        let grace = dataset.due.as_ref().map_or(Duration::ZERO, |due| due.grace);
        let grace = if grace.is_zero() {
            String::new()
        } else {
            format!(" with {} grace", format_duration(grace))
        };
        let reason = format!("the delivery due {}{grace} has not come", zoned(missing.last.due_at));
        return (DataState::Late, reason, Some(missing.first.deadline), true);
    }
    if let Some(refused) = view.refused {
        let why = refused.reason.as_deref().unwrap_or("refused by the checks");
        let reason = format!(
            "version {} is held back ({why}); version {} is served",
            refused.number, current.number
        );
        return (DataState::Held, reason, None, false);
    }
    if let Some(slot) = pending.filter(|slot| slot.warn_at <= now) {
        let reason = format!("nothing delivered yet; it becomes late {}", zoned(slot.deadline));
        return (DataState::DueSoon, reason, None, false);
    }
    if age_warn_at.is_some_and(|at| at <= now) {
        let how_old = match view.tells_age {
            true => format!("{} old", age(current.effective_as_of)),
            false => format!("as of {}", zoned(current.effective_as_of)),
        };
        let reason = format!("{how_old}; it becomes stale soon");
        return (DataState::DueSoon, reason, None, false);
    }
    if let Some(resting @ Resting::Paused(_)) = view.resting {
        return (DataState::Paused, resting.words(view.producer), None, false);
    }
    let reason = match (dataset.max_age, &dataset.due) {
        (None, None) => "no promise is made for it".to_owned(),
        _ => format!("as of {}, within its promise", zoned(current.effective_as_of)),
    };
    (DataState::Fresh, reason, None, false)
}

/// Deliveries that have not come, one after the other, by the first and the last of them.
#[derive(Clone, Copy)]
struct Missing<'a> {
    first: &'a Slot,
    last: &'a Slot,
}

/// The newest slot that is late or missed, unless a later one was delivered since its deadline; with the first that was not
/// delivered either, since one was.
fn missing(slots: &[Slot], now: Timestamp) -> Option<Missing<'_>> {
    let is_broken = |slot: &&Slot| match slot.state {
        SlotState::Pending => slot.deadline <= now,
        SlotState::Late | SlotState::Missed => true,
        SlotState::Met | SlotState::Recovered | SlotState::Excused | SlotState::Withdrawn => false,
    };
    let (place, last) = slots.iter().enumerate().rfind(|(_, slot)| is_broken(slot))?;
    let mut later = slots[place..].iter().filter(|slot| slot.has_come());
    let is_made_good = later.any(|slot| slot.decided_at.is_some_and(|at| at >= last.deadline));
    let first = due_since_one_came(slots[..=place].iter().rev())
        .filter(is_broken)
        .last();
    let missing = Missing {
        first: first.unwrap_or(last),
        last,
    };
    (!is_made_good).then_some(missing)
}
