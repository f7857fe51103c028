//! How old readers have found a dataset, day by day: how much of each day it was as fresh as promised, and its worst age.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use maud::{Markup, html};

use super::chart;
use super::words::{Tone, View, state, time};
use crate::model::{Dataset, OpenDays, elapsed, format_age, format_duration, moment, rounded};
use crate::schedule;

/// Days in the list below the picture, the newest first.
const LISTED: usize = 14;

/// One day of a dataset, as far as it is over and something was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Day {
    /// How long something was there.
    known: Duration,
    /// How much of that it was as fresh as promised.
    fresh: Duration,
    /// How old it was at the worst, in the time by which the promise counts.
    worst: Duration,
    /// Since when something was there, on a day that began without.
    since: Option<Timestamp>,
    /// It goes on.
    is_today: bool,
}

impl Day {
    fn tone(self) -> Tone {
        match self.fresh {
            fresh if fresh == self.known => Tone::Good,
            Duration::ZERO => Tone::Bad,
            _ => Tone::Warn,
        }
    }

    fn word(self) -> &'static str {
        match self.tone() {
            Tone::Good if self.since.is_some() => "always",
            Tone::Good if self.is_today => "so far",
            Tone::Good => "all day",
            Tone::Bad => "never",
            _ => "in part",
        }
    }

    /// How much of it was fresh: `100 %` is all of it, `0 %` nothing at all.
    fn share(self) -> String {
        let percent = self.fresh.as_secs_f64() / self.known.as_secs_f64().max(f64::MIN_POSITIVE) * 100.0;
        match self.tone() {
            Tone::Good => "100\u{202f}%".to_owned(),
            Tone::Bad => "0\u{202f}%".to_owned(),
            _ if percent < 1.0 => "less than 1\u{202f}%".to_owned(),
            _ => format!("{:.0}\u{202f}%", percent.floor().min(99.0)),
        }
    }

    fn worst(self) -> String {
        format_age(rounded(self.worst))
    }
}

/// Since when arrivals are wanted for the days that are shown now.
pub(in crate::web) fn days_shown(zone: &TimeZone, now: Timestamp) -> Timestamp {
    chart::first_day(zone.to_datetime(now).date()).map_or(Timestamp::UNIX_EPOCH, |first| midnight(zone, first))
}

/// The calendar of a dataset of which an age is promised, and its last days as a list. `arrivals` as
/// [`super::DatasetPage`] has them.
pub(super) fn ages(view: &View, dataset: &Dataset, arrivals: &[(Timestamp, Timestamp)]) -> Markup {
    let Some(max_age) = dataset.max_age else {
        return html! {};
    };
    let days = days(view, dataset.counted_in.as_ref(), max_age, arrivals);
    let words = |day: &Date, of: &Day| {
        let (share, worst) = (of.share(), of.worst());
        let since = of
            .since
            .map(|since| format!(" since {}", moment(since, view.now, &view.zone)));
        let (day, since) = (day.strftime("%a %Y-%m-%d"), since.unwrap_or_default());
        format!("{day}: fresh {share} of the time{since}, at worst {worst} old")
    };
    let shown = days.iter().map(|(day, of)| (*day, (of.tone(), words(day, of))));
    html! {
        @if !days.is_empty() {
            section aria-labelledby="ages" {
                h2 id="ages" { "Age" }
                div.wide.endless tabindex="0" role="region" aria-label="ages as a calendar" { (chart::weeks(view, "how fresh it was day by day", &shown.collect())) }
                p.dim { "Each day held against what is promised now: never older than " (format_duration(max_age)) @if let Some(open) = &dataset.counted_in { (open.words()) } "." }
                div.wide tabindex="0" role="region" aria-label="the last days" { table {
                    thead { tr { th scope="col" { "Day" } th scope="col" { "Fresh" } th.num scope="col" { "Of the time" } th.num scope="col" { "At worst" } } }
                    tbody {
                        @for (day, of) in days.iter().rev().take(LISTED) {
                            tr {
                                td { (day.strftime("%a %Y-%m-%d").to_string()) }
                                td { (state(of.tone(), of.word())) @if let Some(since) = of.since { " since " (time(view, since)) ", when the first came" } }
                                td.num { (of.share()) }
                                td.num { (of.worst()) " old" }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Each day that is shown and on which something was there, up to now.
fn days(
    view: &View,
    counted_in: Option<&OpenDays>,
    max_age: Duration,
    arrivals: &[(Timestamp, Timestamp)],
) -> BTreeMap<Date, Day> {
    let first = days_shown(&view.zone, view.now);
    let today = view.zone.to_datetime(view.now).date();
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for (place, (arrived_at, as_of)) in arrivals.iter().enumerate() {
        let replaced_at = arrivals
            .get(place + 1)
            .map_or(view.now, |(next, _)| *next)
            .min(view.now);
        let older_at = schedule::older_at(counted_in, *as_of, max_age);
        let mut from = (*arrived_at).max(first);
        while from < replaced_at {
            let date = view.zone.to_datetime(from).date();
            let until = midnight(&view.zone, date.saturating_add(Span::new().days(1))).min(replaced_at);
            // A zone that begins its day twice, or leaves one out.
            if until <= from {
                break;
            }
            let day = days.entry(date).or_insert_with(|| Day {
                since: Some(from).filter(|from| *from > midnight(&view.zone, date)),
                is_today: date == today,
                ..Day::default()
            });
            day.known += elapsed(from, until);
            day.fresh += elapsed(from, older_at.map_or(until, |at| at.clamp(from, until)));
            day.worst = day.worst.max(schedule::age(counted_in, *as_of, until));
            from = until;
        }
    }
    days
}

/// The first instant of a day.
fn midnight(zone: &TimeZone, day: Date) -> Timestamp {
    let midnight = zone.to_ambiguous_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
    midnight.compatible().unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plain_dataset;
    use crate::web::pages::words::test_view;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn each_day_in_the_zone_of_the_file_has_its_share_and_its_worst_age() {
        // Now is 23:16 on Friday in Oslo. What came on Wednesday at noon was of that time, and at most a day may pass.
        let arrivals = [
            (at("2026-11-25T11:00:00Z"), at("2026-11-25T11:00:00Z")),
            (at("2026-11-27T11:00:00Z"), at("2026-11-27T09:00:00Z")),
        ];
        let days = days(&test_view(), None, Duration::from_hours(24), &arrivals);
        let day = |day: &str| days[&day.parse::<Date>().expect("a date")];
        assert_eq!(days.len(), 3);
        let (wednesday, thursday, friday) = (day("2026-11-25"), day("2026-11-26"), day("2026-11-27"));
        assert_eq!(
            (wednesday.share().as_str(), wednesday.tone()),
            ("100\u{202f}%", Tone::Good)
        );
        assert_eq!(wednesday.known, Duration::from_hours(12));
        assert_eq!(
            (thursday.share().as_str(), thursday.tone()),
            ("50\u{202f}%", Tone::Warn)
        );
        assert_eq!(thursday.worst, Duration::from_hours(36));
        // Until noon it was two days old.
        assert_eq!(friday.worst, Duration::from_hours(48));
        assert_eq!(friday.known, friday.fresh + Duration::from_hours(12));
    }

    #[test]
    fn a_day_on_which_the_first_came_says_since_when_it_counts() {
        let shown = |arrived_at: &str| {
            let dataset = Dataset {
                max_age: Some(Duration::from_hours(24)),
                ..plain_dataset("stock")
            };
            ages(&test_view(), &dataset, &[(at(arrived_at), at(arrived_at))]).into_string()
        };
        // Now is 23:16 in Oslo.
        let first = shown("2026-11-27T22:15:37Z");
        assert!(
            first.contains("always</span> since <time ") && first.contains(">23:15</time>, when the first came</td>"),
            "{first}"
        );
        assert!(
            first.contains("Fri 2026-11-27: fresh 100\u{202f}% of the time since 23:15, at worst"),
            "{first}"
        );
        assert!(!first.contains("all day"), "{first}");
        let second = shown("2026-11-26T22:30:00Z");
        let (today, before) = second.split_once("Thu 2026-11-26</td>").expect("the day before");
        assert!(today.contains("so far</span></td>"), "{today}");
        assert!(before.contains("always</span> since <time "), "{before}");
    }

    #[test]
    fn what_is_almost_all_or_almost_nothing_is_not_told_as_that() {
        let day = |fresh: u64| Day {
            known: Duration::from_hours(24),
            fresh: Duration::from_secs(fresh),
            ..Day::default()
        };
        let shares: Vec<String> = [0, 1, 86_399, 86_400].map(|fresh| day(fresh).share()).to_vec();
        assert_eq!(
            shares,
            ["0\u{202f}%", "less than 1\u{202f}%", "99\u{202f}%", "100\u{202f}%"]
        );
    }

    #[test]
    fn a_clock_change_makes_a_day_longer_and_no_day_is_lost() {
        let mut view = test_view();
        view.now = at("2026-10-27T12:00:00Z");
        let arrivals = [(at("2026-10-23T22:00:00Z"), at("2026-10-23T22:00:00Z"))];
        let days = days(&view, None, Duration::from_hours(1), &arrivals);
        assert_eq!(
            days[&"2026-10-25".parse().expect("a date")].known,
            Duration::from_hours(25)
        );
        assert_eq!(days.len(), 4);
    }
}
