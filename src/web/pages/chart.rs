//! Small pictures: runs and how long they took, deliveries day by day; and what pictures are made of.
//!
//! A shape says what a colour says, a title names each thing, and the numbers stand in a table below.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use maud::{Markup, html};

use super::words::{self, Tone, View, outcome_tone, slot_tone};
use crate::model::{Run, Slot, SlotState, elapsed, format_age, moment, took};

/// Runs of a picture.
pub(super) const RUNS_SHOWN: usize = 60;
/// Weeks of a calendar, the current one included.
const WEEKS_SHOWN: i64 = 18;
/// Width of one thing, in units of the picture.
pub(super) const STEP: f64 = 12.0;
/// Height of the space in which bars and points stand.
pub(super) const HEIGHT: f64 = 72.0;
/// Width of what stands on the left of it.
pub(super) const MARGIN: f64 = 56.0;
/// A day of the calendar, with the space around it.
const DAY: f64 = 18.0;

/// Runs from the oldest to the newest (given the newest first): a sign for how each ended, a bar for how long it took.
pub(super) fn history(view: &View, runs: &[Run]) -> Markup {
    let shown: Vec<&Run> = runs.iter().take(RUNS_SHOWN).collect();
    let seconds = |run: &Run| match (run.started_at, run.ended_at) {
        (Some(from), Some(to)) => Some(elapsed(from, to).as_secs_f64()),
        (Some(from), None) => Some(elapsed(from, view.now).as_secs_f64()),
        _ => None,
    };
    let longest = shown.iter().filter_map(|run| seconds(run)).fold(0.0, f64::max);
    if shown.is_empty() {
        return html! {};
    }
    let width = MARGIN + STEP * places(shown.len()) + 4.0;
    html! {
        svg.chart viewBox=(format!("0 0 {width:.0} {:.0}", HEIGHT + 26.0)) width=(format!("{width:.0}")) role="group"
            aria-label=(format!("the last {} runs and how long they took", shown.len())) {
            (axis(Some(&longest_words(longest))))
            @for (place, run) in shown.iter().rev().enumerate() {
                @let x = MARGIN + STEP * places(place);
                @let tone = run.outcome.map_or(Tone::Busy, outcome_tone);
                a href={ "/runs/" (run.id) } {
                    title { (title(view, run)) }
                    rect.hit x=(one(x)) y="0" width=(one(STEP)) height=(one(HEIGHT + 26.0)) {}
                    @if let Some(seconds) = seconds(run) {
                        @let height = bar(seconds, longest);
                        rect class={ "bar " (tone.class()) } x=(one(x + 2.0)) y=(one(HEIGHT - height)) width=(one(STEP - 4.0)) height=(one(height)) {}
                    }
                    (sign(tone, x + 1.0, HEIGHT + 8.0))
                }
            }
        }
    }
}

fn title(view: &View, run: &Run) -> String {
    let word = run.outcome.map_or(run.state.as_str(), |outcome| outcome.as_str());
    let at = run.started_at.or(run.due_at).unwrap_or(run.created_at);
    let lasted = run.started_at.zip(run.ended_at).map(|(from, to)| took(from, to));
    let lasted = lasted.map_or_else(String::new, |lasted| format!(", {lasted}"));
    let reason = run
        .reason
        .as_deref()
        .map_or_else(String::new, |why| format!(": {}", words::text(why)));
    format!(
        "run {}, {}: {}{lasted}{reason}",
        run.id,
        moment(at, view.now, &view.zone),
        word.replace('_', " ")
    )
}

fn longest_words(seconds: f64) -> String {
    let longest = std::time::Duration::from_secs_f64(seconds);
    match longest.as_secs() {
        0 => format!("{}ms", longest.as_millis()),
        1..=9 => format!("{seconds:.1}s"),
        _ => format_age(longest),
    }
}

/// Promised deliveries day by day, a column for each week; the worst of a day is shown.
pub(super) fn calendar(view: &View, slots: &[Slot]) -> Markup {
    let mut days: BTreeMap<Date, Vec<&Slot>> = BTreeMap::new();
    for slot in slots {
        let day = view.zone.to_datetime(slot.due_at).date();
        days.entry(day).or_default().push(slot);
    }
    let shown = days.into_iter().map(|(day, slots)| {
        let worst = slots.iter().map(|slot| tone_of(slot)).min().unwrap_or(Tone::Quiet);
        (day, (worst, day_words(view, day, &slots)))
    });
    weeks(view, "promised deliveries day by day", &shown.collect())
}

/// The first day of a calendar that is drawn now: a Monday.
pub(super) fn first_day(today: Date) -> Option<Date> {
    let back = i64::from(today.weekday().to_monday_zero_offset()) + 7 * (WEEKS_SHOWN - 2);
    today.checked_sub(jiff::Span::new().days(back)).ok()
}

/// Days with a sign and words each, a column for each week: the last ones, and the next week.
pub(super) fn weeks(view: &View, label: &str, days: &BTreeMap<Date, (Tone, String)>) -> Markup {
    let today = view.zone.to_datetime(view.now).date();
    let Some(first) = first_day(today) else { return html! {} };
    let is_shown = |day: &Date| *day >= first && weeks_after(first, *day) < WEEKS_SHOWN;
    if !days.keys().any(is_shown) {
        return html! {};
    }
    let left = 34.0;
    let width = left + DAY * number(WEEKS_SHOWN.unsigned_abs());
    html! {
        svg.chart.calendar viewBox=(format!("0 0 {width:.0} {:.0}", 8.0 * DAY)) width=(format!("{width:.0}")) role="img"
            aria-label=(label) {
            @for (row, name) in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().enumerate() {
                text x="0" y=(one(DAY * (places(row) + 1.0) + 12.0)) { (name) }
            }
            @for week in 0..WEEKS_SHOWN {
                @let start = first.saturating_add(jiff::Span::new().weeks(week));
                @if start.day() <= 7 || week == 0 {
                    text x=(one(left + DAY * number(week.unsigned_abs()))) y="11" { (start.strftime("%b").to_string()) }
                }
            }
            @for week in 0..WEEKS_SHOWN {
                @for weekday in 0..7_i64 {
                    @let day = first.saturating_add(jiff::Span::new().weeks(week).days(weekday));
                    @let (x, y) = (left + DAY * number(week.unsigned_abs()), DAY * (number(weekday.unsigned_abs()) + 1.0));
                    rect class=(if day == today { "day today" } else { "day" }) x=(one(x)) y=(one(y)) width=(one(DAY - 3.0)) height=(one(DAY - 3.0)) rx="3" {}
                    @if let Some((tone, words)) = days.get(&day) {
                        g {
                            title { (words) }
                            rect.hit x=(one(x)) y=(one(y)) width=(one(DAY)) height=(one(DAY)) {}
                            @if *tone == Tone::Quiet {
                                circle class="point quiet" cx=(one(x + 7.5)) cy=(one(y + 7.5)) r="2.5" {}
                            } @else {
                                (sign(*tone, x + 2.0, y + 2.0))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A delivery to come is quiet, as is one that nobody waits for.
fn tone_of(slot: &Slot) -> Tone {
    slot_tone(slot.state)
}

fn day_words(view: &View, day: Date, slots: &[&Slot]) -> String {
    let word = |slot: &&Slot| {
        let due: Timestamp = slot.due_at;
        let state = match slot.state {
            SlotState::Recovered => "came late",
            other => other.as_str(),
        };
        format!("{} {state}", view.zone.to_datetime(due).strftime("%H:%M"))
    };
    let words: Vec<String> = slots.iter().rev().map(word).collect();
    format!("{}: {}", day.strftime("%a %Y-%m-%d"), words.join(", "))
}

fn weeks_after(first: Date, day: Date) -> i64 {
    (day.duration_since(first).as_hours() / 24).div_euclid(7)
}

/// The largest value on the left, unless that is nothing, and a line at the bottom.
pub(super) fn axis(largest: Option<&str>) -> Markup {
    html! {
        @if let Some(largest) = largest { text.axis x=(one(MARGIN - 6.0)) y="10" text-anchor="end" { (largest) } }
        text.axis x=(one(MARGIN - 6.0)) y=(one(HEIGHT)) text-anchor="end" { "0" }
        line.axis x1=(one(MARGIN)) x2="100%" y1=(one(HEIGHT + 0.5)) y2=(one(HEIGHT + 0.5)) {}
    }
}

/// A tone's shape at a place, 10 by 10.
pub(super) fn sign(tone: Tone, x: f64, y: f64) -> Markup {
    html! {
        path class={ "mark " (tone.class()) } transform=(format!("translate({x:.1} {y:.1}) scale(.66)")) d=(tone.shape()) {}
    }
}

/// The height of a value: never nothing, so that it is seen.
pub(super) fn bar(value: f64, largest: f64) -> f64 {
    if largest > 0.0 {
        (value / largest * (HEIGHT - 4.0)).max(2.0)
    } else {
        2.0
    }
}

pub(super) fn one(value: f64) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "a picture is not exact to 2^52")]
pub(super) fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "a picture has few places")]
pub(super) fn places(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Outcome, RunId, plain_run};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn every_run_is_a_link_the_oldest_first_with_a_sign_for_its_end() {
        let run = |id: u64, outcome: Outcome, ended_at: &str| Run {
            id: RunId(id),
            started_at: Some(at("2026-11-27T22:00:00Z")),
            ended_at: Some(at(ended_at)),
            outcome: Some(outcome),
            reason: Some("<b>why</b>".to_owned()),
            ..plain_run("stock-export", at("2026-11-27T22:00:00Z"))
        };
        let newest_first = [
            run(8, Outcome::Failed, "2026-11-27T22:00:30Z"),
            run(7, Outcome::Succeeded, "2026-11-27T22:01:00Z"),
        ];
        let picture = history(&words::test_view(), &newest_first).into_string();
        let (older, newer) = (picture.find("/runs/7"), picture.find("/runs/8"));
        assert!(older.is_some() && older < newer, "{picture}");
        assert!(
            picture.contains(Tone::Bad.shape()) && picture.contains(Tone::Good.shape()),
            "{picture}"
        );
        assert!(
            picture.contains("run 8, 23:00: failed, 30s: &lt;b&gt;why&lt;/b&gt;"),
            "{picture}"
        );
        // Half as long is half as high.
        assert!(
            picture.contains("height=\"68.0\"") && picture.contains("height=\"34.0\""),
            "{picture}"
        );
    }

    #[test]
    fn a_day_of_the_calendar_shows_its_worst_delivery_in_the_zone_of_the_file() {
        let slot = |due_at: &str, state: SlotState| Slot {
            dataset: Name::from("stock"),
            due_at: at(due_at),
            opens_at: at(due_at),
            warn_at: at(due_at),
            deadline: at(due_at),
            covers: None,
            state,
            version: None,
            decided_at: None,
            reason: None,
        };
        // 23:30 in London on Thursday is 00:30 in Oslo on Friday.
        let slots = [
            slot("2026-11-27T22:00:00Z", SlotState::Met),
            slot("2026-11-26T23:30:00Z", SlotState::Late),
            slot("2020-01-01T00:00:00Z", SlotState::Missed),
        ];
        let picture = calendar(&words::test_view(), &slots).into_string();
        assert!(picture.contains("Fri 2026-11-27: 00:30 late, 23:00 met"), "{picture}");
        assert!(
            picture.contains(Tone::Bad.shape()) && !picture.contains(Tone::Good.shape()),
            "{picture}"
        );
        assert!(!picture.contains("2020"), "{picture}");
    }
}
