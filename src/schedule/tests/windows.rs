//! Windows of maintenance: open from an instant to another, once or again and again.

use std::time::Duration;

use super::{cron, instant, office, with_calendar};
use crate::model::{Maintenance, OnHoliday, Schedule, Window, Windows};
use crate::schedule::{next, note_window, open_window, window_after, window_at};

fn again(schedule: Schedule, hours: u64) -> Windows {
    Windows::Again {
        schedule: Box::new(schedule),
        length: Duration::from_hours(hours),
    }
}

fn once(from: &str, to: &str) -> Windows {
    Windows::Once(Window {
        from: instant(from),
        to: instant(to),
    })
}

fn planned(name: &str, windows: Windows) -> Maintenance {
    Maintenance {
        name: name.into(),
        windows,
        author: "Anna".to_owned(),
        because: "it moves".to_owned(),
        datasets: [].into(),
        jobs: ["export".into()].into(),
    }
}

/// From and to of a window, or `-`.
fn told(window: Option<Window>) -> String {
    window.map_or("-".to_owned(), |window| format!("{} {}", window.from, window.to))
}

#[test]
fn a_window_holds_its_first_instant_and_not_its_last() {
    let windows = again(cron("0 2 * * SUN", "UTC"), 4);
    let sunday = "2026-11-22T02:00:00Z 2026-11-22T06:00:00Z";
    for (at, open) in [
        ("2026-11-22T01:59:59.999999Z", "-"),
        ("2026-11-22T02:00Z", sunday),
        ("2026-11-22T05:59:59.999999Z", sunday),
        ("2026-11-22T06:00Z", "-"),
    ] {
        assert_eq!(told(window_at(&windows, instant(at))), open, "{at}");
    }
    let next = "2026-11-29T02:00:00Z 2026-11-29T06:00:00Z";
    assert_eq!(told(window_after(&windows, instant("2026-11-22T01:00Z"))), sunday);
    assert_eq!(told(window_after(&windows, instant("2026-11-22T02:00Z"))), next);
    let single = once("2026-11-22T02:00Z", "2026-11-22T06:00Z");
    assert_eq!(told(window_at(&single, instant("2026-11-22T02:00Z"))), sunday);
    assert_eq!(told(window_at(&single, instant("2026-11-22T06:00Z"))), "-");
    assert_eq!(told(window_after(&single, instant("2026-11-22T01:00Z"))), sunday);
    assert_eq!(told(window_after(&single, instant("2026-11-22T02:00Z"))), "-");
}

#[test]
fn a_window_lasts_as_long_as_it_says_also_where_the_clocks_change() {
    let windows = again(cron("0 1 * * SUN", "Europe/Oslo"), 4);
    let spring = "2027-03-28T00:00:00Z 2027-03-28T04:00:00Z";
    assert_eq!(told(window_at(&windows, instant("2027-03-28T03:59Z"))), spring);
}

#[test]
fn a_closed_day_opens_no_window_where_the_calendar_says_so() {
    let calendar = office(&[("2026-11-23", "")]);
    let windows = again(with_calendar("0 2 * * MON", "UTC", calendar, OnHoliday::Skip), 4);
    assert_eq!(told(window_at(&windows, instant("2026-11-23T03:00Z"))), "-");
    let next = "2026-11-30T02:00:00Z 2026-11-30T06:00:00Z";
    assert_eq!(told(window_after(&windows, instant("2026-11-22T03:00Z"))), next);
}

#[test]
fn windows_that_follow_on_each_others_heels_are_one_quiet_time() {
    let all = [
        planned("first", once("2026-11-22T02:00Z", "2026-11-22T06:00Z")),
        planned("within", once("2026-11-22T03:00Z", "2026-11-22T04:00Z")),
        planned("next", once("2026-11-22T06:00Z", "2026-11-22T08:00Z")),
        planned("later", once("2026-11-22T09:00Z", "2026-11-22T10:00Z")),
    ];
    let open = |at: &str| {
        let found = open_window(all.iter(), instant(at));
        found.map_or("-".to_owned(), |open| format!("{} {}", open.name, open.until))
    };
    assert_eq!(open("2026-11-22T01:59Z"), "-");
    assert_eq!(open("2026-11-22T03:30Z"), "first 2026-11-22T08:00:00Z");
    assert_eq!(open("2026-11-22T07:00Z"), "next 2026-11-22T08:00:00Z");
    assert_eq!(open("2026-11-22T08:00Z"), "-");
}

#[test]
fn an_occurrence_in_a_window_says_so_behind_what_else_is_odd_about_it() {
    let all = [planned("move", once("2027-03-28T00:00Z", "2027-03-28T06:00Z"))];
    let mut odd = next(&cron("30 2 * * *", "Europe/Oslo"), instant("2027-03-27T12:00Z")).unwrap();
    note_window(&mut odd, all.iter());
    assert_eq!(
        odd.note.as_deref(),
        Some("02:30 does not exist on 2027-03-28; runs at 03:00 once; during maintenance move (Anna: it moves)")
    );
    let mut plain = next(&cron("30 2 * * *", "UTC"), instant("2027-03-28T12:00Z")).unwrap();
    note_window(&mut plain, all.iter());
    assert_eq!(plain.note, None);
}
