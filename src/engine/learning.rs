//! With which accepted versions a candidate is compared, and what an accepted one teaches.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use super::runs::StartedWith;
use crate::model::{
    COMPARED_MAX, COMPARED_MIN, Comparison, Dataset, Name, Past, Run, Version, VersionNumber, WEEKDAYS, elapsed,
};

/// What comes less often than this on average has no day of the week.
const RARE: Duration = Duration::from_hours(24 * 8);

impl Engine {
    /// With what a candidate of this run is compared.
    pub(super) fn comparison(&self, dataset: &Name, weekday: i8) -> Comparison {
        let Some(state) = self.data.get(dataset) else {
            return Comparison::default();
        };
        Comparison {
            since: state
                .expectation
                .iter()
                .flat_map(|known| &known.jumps)
                .cloned()
                .collect(),
            ..chosen(&state.past, weekday)
        }
    }

    /// The day of the week for which a run makes its version: that of its occurrence, however late it runs.
    pub(super) fn weekday_of(&self, run: &Run, with: Option<&StartedWith>) -> i8 {
        let schedule = with.and_then(|with| with.job.schedule.as_ref());
        let zone = schedule.map_or(&self.settings.timezone, |schedule| &schedule.zone);
        let at: Timestamp = run.due_at.unwrap_or(run.created_at);
        zone.to_datetime(at).weekday().to_monday_one_offset()
    }

    /// With what a candidate of each day of the week would be compared, as far as anything was learned of it.
    pub(super) fn compared_json(&self, dataset: &Dataset) -> Value {
        if !dataset.checks.learn() {
            return Value::Null;
        }
        let past = self.data.get(&dataset.name).map_or(&[][..], |state| &state.past);
        let mut found: Vec<Value> = Vec::new();
        for weekday in 1..=7 {
            let chosen = chosen(past, weekday);
            let versions: Vec<VersionNumber> = chosen.versions.iter().map(|past| past.number).collect();
            let value = json!({ "of": chosen.of, "needed": COMPARED_MIN, "versions": versions, "days": chosen.days() });
            if !versions.is_empty() && !found.contains(&value) {
                found.push(value);
            }
        }
        Value::Array(found)
    }

    /// An accepted version is something to compare with.
    pub(super) fn learn(&mut self, version: &Version) {
        if let Some(past) = version.past() {
            self.data
                .entry(version.dataset.clone())
                .or_default()
                .learn(Arc::new(past));
        }
    }
}

impl super::data::DataState {
    /// Takes one on; of each day the last few are enough.
    pub(super) fn learn(&mut self, past: Arc<Past>) {
        let weekday = past.lesson.weekday;
        self.past.retain(|known| known.number != past.number);
        self.past.push(past);
        self.past.sort_by_key(|past| past.number);
        let of_day = |known: &Arc<Past>| known.lesson.weekday == weekday;
        if self.past.iter().filter(|known| of_day(known)).count() > COMPARED_MAX
            && let Some(oldest) = self.past.iter().position(of_day)
        {
            self.past.remove(oldest);
        }
    }
}

/// The last of the same weekday; of what comes more seldom than once a week, the last of any day.
fn chosen(past: &[Arc<Past>], weekday: i8) -> Comparison {
    let last = |of: &dyn Fn(&&Arc<Past>) -> bool| -> Vec<Arc<Past>> {
        let mut found: Vec<Arc<Past>> = past.iter().rev().filter(of).take(COMPARED_MAX).cloned().collect();
        found.reverse();
        found
    };
    let any = last(&|_| true);
    if is_rare(&any) {
        return Comparison {
            of: "versions",
            versions: any,
            since: Vec::new(),
        };
    }
    let index = usize::try_from(weekday - 1).unwrap_or(0);
    Comparison {
        of: WEEKDAYS.get(index).copied().unwrap_or("versions"),
        versions: last(&|past| past.lesson.weekday == weekday),
        since: Vec::new(),
    }
}

fn is_rare(versions: &[Arc<Past>]) -> bool {
    let [first, .., last] = versions else { return false };
    let between = u32::try_from(versions.len() - 1).unwrap_or(u32::MAX);
    elapsed(first.arrived_at, last.arrived_at) / between >= RARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::DataState;
    use crate::model::{Lesson, Profile};

    /// Made on day `day` of a count on which 1 is a Monday.
    fn past(number: u64, day: i64) -> Arc<Past> {
        Arc::new(Past {
            dataset: Name::from("stock"),
            number: VersionNumber(number),
            arrived_at: Timestamp::from_second(day * 86_400).expect("a time"),
            rows: Some(1),
            bytes: 1,
            sha256: String::new(),
            lesson: Lesson {
                weekday: i8::try_from((day - 1).rem_euclid(7) + 1).expect("a day"),
                profile: Arc::new(Profile::default()),
            },
        })
    }

    fn state(days: impl IntoIterator<Item = i64>) -> DataState {
        let mut state = DataState::default();
        for (number, day) in (1..).zip(days) {
            state.learn(past(number, day));
        }
        state
    }

    fn numbers(comparison: &Comparison) -> Vec<u64> {
        comparison.versions.iter().map(|past| past.number.0).collect()
    }

    #[test]
    fn a_friday_is_compared_with_the_last_eight_fridays() {
        let daily = state(1..=70);
        assert_eq!(daily.past.len(), 7 * COMPARED_MAX);
        let fridays = chosen(&daily.past, 5);
        assert_eq!(fridays.of, "Fridays");
        assert_eq!(numbers(&fridays), [19, 26, 33, 40, 47, 54, 61, 68]);
    }

    #[test]
    fn it_is_learning_until_there_are_four() {
        let fridays = chosen(&state([5, 12, 19]).past, 5);
        assert!(fridays.is_learning());
        assert_eq!(fridays.progress(), "learning 3/4");
        assert!(!chosen(&state([5, 12, 19, 26]).past, 5).is_learning());
        assert_eq!(chosen(&state([5, 12, 19, 26]).past, 6).progress(), "learning 0/4");
    }

    #[test]
    fn what_comes_once_a_month_is_compared_whatever_the_day() {
        let monthly = chosen(&state((0..10).map(|month| 1 + month * 31)).past, 1);
        assert_eq!((monthly.of, numbers(&monthly).len()), ("versions", 8));
    }

    #[test]
    fn what_comes_each_eight_days_has_no_weekday_and_what_comes_each_week_has() {
        for (days, of) in [([1, 9], "versions"), ([1, 8], "Mondays")] {
            assert_eq!(chosen(&state(days).past, 1).of, of, "{days:?}");
        }
    }

    #[test]
    fn a_version_that_is_told_twice_counts_once() {
        let mut weekly = state([5, 12]);
        weekly.learn(past(2, 12));
        assert_eq!(numbers(&chosen(&weekly.past, 5)), [1, 2]);
    }
}
