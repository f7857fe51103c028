//! iCalendar files as calendars of closed days.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::schedule::{ClosedDays, ICAL_BYTES_MAX, IcalError, parse_ical};

fn read(text: &str) -> Result<ClosedDays, IcalError> {
    let window = "2026-01-01".parse().unwrap()..="2028-12-31".parse().unwrap();
    parse_ical(text, &TimeZone::get("Europe/Oslo").unwrap(), window)
}

/// A calendar of one event.
fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

fn days(lines: &str) -> String {
    let closed = read(&event(lines)).unwrap_or_else(|error| panic!("{lines}: {error}"));
    let days: Vec<String> = closed.days.keys().map(Date::to_string).collect();
    days.join(" ")
}

#[test]
fn an_event_closes_the_days_it_covers_from_midnight_to_midnight() {
    for (lines, expected) in [
        ("DTSTART;VALUE=DATE:20261225", "2026-12-25"),
        (
            "DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227",
            "2026-12-25 2026-12-26",
        ),
        ("DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261225", "2026-12-25"),
        ("DTSTART;VALUE=DATE:20261225\r\nDURATION:P2D", "2026-12-25 2026-12-26"),
        (
            "DTSTART;TZID=Europe/Oslo:20261225T000000\r\nDTEND;TZID=Europe/Oslo:20261226T000000",
            "2026-12-25",
        ),
        ("DTSTART:20261225T000000\r\nDTEND:20261225T235959", "2026-12-25"),
        ("DTSTART:20261225T000000\r\nDTEND:20261225T233000", ""),
        ("DTSTART:20261225T000000\r\nDTEND:20261225T125900", ""),
        ("DTSTART:20261225T000000\r\nDURATION:PT24H", "2026-12-25"),
        ("DTSTART:20261224T230000Z\r\nDTEND:20261225T230000Z", "2026-12-25"),
        (
            "DTSTART:20261224T120000\r\nDTEND:20261227T120000",
            "2026-12-25 2026-12-26",
        ),
        (
            "DTSTART;VALUE=DATE:20251230\r\nDTEND;VALUE=DATE:20260103",
            "2026-01-01 2026-01-02",
        ),
        ("DTSTART;VALUE=DATE:20261225\r\nSTATUS:CANCELLED", ""),
        (
            "DTSTART;VALUE=DATE:20261225\r\n\r\n \t\r\nSUMMARY:a line is empty",
            "2026-12-25",
        ),
        ("DTSTART;X-ODD=\"a:b;c\";VALUE=DATE:20261225", "2026-12-25"),
    ] {
        assert_eq!(days(lines), expected, "{lines}");
    }
}

#[test]
fn an_event_over_part_of_a_day_closes_nothing_and_is_listed() {
    let half = read(&event(
        "DTSTART:20261224T120000\r\nDTEND:20261224T180000\r\nSUMMARY:Half day",
    ))
    .unwrap();
    assert!(half.days.is_empty());
    assert_eq!(half.ignored, [(3, "Half day".into())]);
}

#[test]
fn a_calendar_without_events_closes_nothing() {
    assert_eq!(
        read("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"),
        Ok(ClosedDays::default())
    );
}

#[test]
fn recurrences_are_expanded_inside_the_window() {
    for (lines, expected) in [
        (
            "DTSTART;VALUE=DATE:19900517\r\nRRULE:FREQ=YEARLY",
            "2026-05-17 2027-05-17 2028-05-17",
        ),
        (
            "RRULE:FREQ=YEARLY;UNTIL=20270517\r\nDTSTART;VALUE=DATE:20200517",
            "2026-05-17 2027-05-17",
        ),
        (
            "RRULE:FREQ=YEARLY;UNTIL=20270517T000000Z\r\nDTSTART;VALUE=DATE:20200517",
            "2026-05-17 2027-05-17",
        ),
        (
            "DTSTART;VALUE=DATE:20240517\r\nRRULE:FREQ=YEARLY;COUNT=4",
            "2026-05-17 2027-05-17",
        ),
        (
            "DTSTART;VALUE=DATE:20200517\r\nRRULE:FREQ=YEARLY;INTERVAL=4",
            "2028-05-17",
        ),
        ("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY", "2028-02-29"),
        (
            "DTSTART;VALUE=DATE:20201126\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "2026-11-26 2027-11-25 2028-11-23",
        ),
        (
            "DTSTART;VALUE=DATE:20200525\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
            "2026-05-25 2027-05-31 2028-05-29",
        ),
        (
            "DTSTART;VALUE=DATE:20201103\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=2,3,4,5,6,7,8;BYDAY=TU",
            "2026-11-03 2027-11-02 2028-11-07",
        ),
        (
            "DTSTART;VALUE=DATE:20261231\r\nRRULE:FREQ=YEARLY;BYMONTHDAY=-1;BYMONTH=12",
            "2026-12-31 2027-12-31 2028-12-31",
        ),
        (
            "DTSTART;VALUE=DATE:20261001\r\nRRULE:FREQ=MONTHLY;COUNT=3",
            "2026-10-01 2026-11-01 2026-12-01",
        ),
        (
            "DTSTART;VALUE=DATE:20261030\r\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3",
            "2026-10-30 2026-11-30 2026-12-31",
        ),
        (
            "DTSTART;VALUE=DATE:20281129\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=WE,FR",
            "2028-11-29 2028-12-01 2028-12-13 2028-12-15 2028-12-27 2028-12-29",
        ),
        (
            "DTSTART;VALUE=DATE:20281229\r\nRRULE:FREQ=DAILY",
            "2028-12-29 2028-12-30 2028-12-31",
        ),
        (
            "DTSTART;VALUE=DATE:20260517\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20270517,20280517\r\nRDATE;VALUE=DATE:20280518",
            "2026-05-17 2028-05-18",
        ),
        (
            "DTSTART;VALUE=DATE:20261230\r\nDTEND;VALUE=DATE:20270102\r\nRRULE:FREQ=YEARLY;COUNT=1",
            "2026-12-30 2026-12-31 2027-01-01",
        ),
        (
            "DTSTART;VALUE=DATE:20201230\r\nDTEND;VALUE=DATE:20210102\r\nRRULE:FREQ=YEARLY;UNTIL=20251231",
            "2026-01-01",
        ),
    ] {
        assert_eq!(days(lines), expected, "{lines}");
    }
}

#[test]
fn the_last_day_of_a_recurrence_written_as_an_instant_is_that_day_in_every_zone() {
    let text = event("RRULE:FREQ=YEARLY;UNTIL=20270517T000000Z\r\nDTSTART;VALUE=DATE:20260517");
    for zone in ["Europe/Oslo", "America/New_York", "Pacific/Auckland"] {
        let window = "2026-01-01".parse().unwrap()..="2028-12-31".parse().unwrap();
        let closed = parse_ical(&text, &TimeZone::get(zone).unwrap(), window).unwrap();
        assert_eq!(closed.days.len(), 2, "{zone}");
    }
}

#[test]
fn a_changed_instance_takes_the_place_of_the_regular_one() {
    let text = "BEGIN:VCALENDAR
BEGIN:VEVENT
UID:stock-taking
DTSTART;VALUE=DATE:20260601
RRULE:FREQ=YEARLY;COUNT=3
SUMMARY:Stock taking
BEGIN:VALARM
DTSTART;VALUE=DATE:20260101
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:stock-taking
RECURRENCE-ID;VALUE=DATE:20270601
DTSTART;VALUE=DATE:20270607
SUMMARY:Stock tak
 ing\\, moved\\nby a week
END:VEVENT
BEGIN:VEVENT
UID:stock-taking
RECURRENCE-ID;VALUE=DATE:20280601
DTSTART;VALUE=DATE:20280601
STATUS:CANCELLED
END:VEVENT
END:VCALENDAR";
    let closed = read(text).unwrap();
    let days: Vec<(String, &str)> = closed
        .days
        .iter()
        .map(|(day, name)| (day.to_string(), &**name))
        .collect();
    assert_eq!(
        days,
        [
            ("2026-06-01".to_owned(), "Stock taking"),
            ("2027-06-07".to_owned(), "Stock taking, moved by a week"),
        ]
    );
}

#[test]
fn what_cannot_be_read_in_full_is_refused_with_its_line() {
    let wrapped = |lines: &str| event(lines);
    for (text, line, message) in [
        (String::new(), 1, "empty"),
        ("<!DOCTYPE html>\n<html>".to_owned(), 1, "web page"),
        ("BEGIN:VCARD\nEND:VCARD".to_owned(), 1, "BEGIN:VCALENDAR"),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225".to_owned(),
            3,
            "cut off",
        ),
        ("BEGIN:VCALENDAR\nEND:VEVENT".to_owned(), 2, "closes nothing"),
        (wrapped("SUMMARY:x"), 3, "no DTSTART"),
        (wrapped("DTSTART:2026-12-25"), 5, "not a date"),
        (wrapped("DTSTART:20261325"), 5, "not a date"),
        (wrapped("DTSTART:20261225T08"), 5, "not a date"),
        (wrapped("DTSTART:2026122xT080000"), 5, "not a date"),
        (wrapped("a b:c"), 5, "not a line of an iCalendar file"),
        (wrapped(":c"), 5, "not a line of an iCalendar file"),
        (wrapped("DTSTART:20261225\r\nDTEND:20261224"), 3, "ends before"),
        (wrapped("DTSTART:20261225\r\nDURATION:one day"), 6, "P1D"),
        (wrapped("DTSTART:20261225\r\nRRULE:FREQ=HOURLY"), 6, "FREQ=HOURLY"),
        (
            wrapped("DTSTART:20261225\r\nRRULE:FREQ=YEARLY;BYEASTER=0"),
            6,
            "BYEASTER",
        ),
        (
            wrapped("DTSTART:20261225\r\nRRULE:FREQ=YEARLY;BYWEEKNO=1"),
            6,
            "BYWEEKNO",
        ),
        (
            wrapped("DTSTART:20261225\r\nRRULE:FREQ=YEARLY;INTERVAL=0"),
            6,
            "INTERVAL=0",
        ),
        (wrapped("DTSTART:20261225\r\nRRULE:COUNT=3"), 6, "FREQ"),
        (wrapped("DTSTART:20261225\r\nRRULE:FREQ=WEEKLY;BYDAY=2MO"), 6, "BYDAY"),
        (
            wrapped("DTSTART:20261225\r\nRRULE:FREQ=YEARLY\r\nRRULE:FREQ=MONTHLY"),
            7,
            "two RRULE lines",
        ),
        (wrapped("DTSTART:20261225\r\nEXRULE:FREQ=YEARLY"), 6, "EXDATE"),
        (
            wrapped(
                "DTSTART:00010101\r\nRRULE:FREQ=DAILY;COUNT=65000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:00010101\r\nRRULE:FREQ=DAILY;COUNT=65000",
            ),
            8,
            "more days",
        ),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
}

#[test]
fn a_file_may_be_as_large_as_it_may_and_no_larger() {
    let of_bytes = |bytes: usize| {
        let with = |spaces: usize| event(&format!("DTSTART:20261225\r\nX:{}", " ".repeat(spaces)));
        let padded = with(bytes - with(0).len());
        read(&padded).map_err(|error| error.message)
    };
    let too_large = of_bytes(ICAL_BYTES_MAX + 1).unwrap_err();
    assert!(too_large.contains("larger"), "{too_large}");
    let at_most = of_bytes(ICAL_BYTES_MAX).map(|closed| closed.days.len());
    assert!(at_most.is_ok_and(|days| days == 1));
}

#[test]
fn the_day_on_which_weeks_begin_says_which_weeks_are_left_out() {
    // The example of RFC 5545, section 3.3.10, in another year.
    for (week_start, expected) in [
        ("MO", "2026-08-04 2026-08-09 2026-08-18 2026-08-23"),
        ("SU", "2026-08-04 2026-08-16 2026-08-18 2026-08-30"),
    ] {
        let rule = format!("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={week_start}");
        assert_eq!(days(&format!("DTSTART:20260804\r\n{rule}")), expected);
    }
}

#[test]
fn each_day_that_a_month_names_comes_and_positions_count_from_both_ends() {
    for (rule, expected) in [
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=3",
            "2026-01-01 2026-01-15 2026-02-01",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=5,10,15;BYSETPOS=1,-1;COUNT=4",
            "2026-01-01 2026-01-05 2026-01-15 2026-02-05",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=5,10,15;BYSETPOS=-3,4;COUNT=3",
            "2026-01-01 2026-01-05 2026-02-05",
        ),
        (
            "FREQ=DAILY;BYMONTHDAY=-1,1;COUNT=4",
            "2026-01-01 2026-01-31 2026-02-01 2026-02-28",
        ),
        ("FREQ=WEEKLY;BYDAY=SA;COUNT=3", "2026-01-01 2026-01-03 2026-01-10"),
        ("FREQ=WEEKLY;COUNT=3", "2026-01-01 2026-01-08 2026-01-15"),
    ] {
        assert_eq!(days(&format!("DTSTART:20260101\r\nRRULE:{rule}")), expected, "{rule}");
    }
}

#[test]
fn a_recurrence_names_each_of_its_days_from_the_first_one_asked_for_however_long_ago_it_began() {
    for (lines, first) in [
        (
            "DTSTART:19701205\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=5",
            "2026-01-05 2026-02-05",
        ),
        (
            "DTSTART:19700105\r\nRRULE:FREQ=MONTHLY;INTERVAL=5",
            "2026-04-05 2026-09-05",
        ),
        ("DTSTART:20251205\r\nRRULE:FREQ=MONTHLY", "2026-01-05 2026-02-05"),
        ("DTSTART:20260305\r\nRRULE:FREQ=MONTHLY", "2026-03-05 2026-04-05"),
        (
            "DTSTART:20250605\r\nRRULE:FREQ=MONTHLY;INTERVAL=12",
            "2026-06-05 2027-06-05",
        ),
        // It lasts for three months, so that the one of last October counts too.
        (
            "DTSTART:20201205\r\nDTEND:20210307\r\nRRULE:FREQ=MONTHLY;BYMONTH=10;BYMONTHDAY=5",
            "2026-01-01 2026-01-02 2026-01-03 2026-01-04 2026-10-05",
        ),
        ("DTSTART:20251226\r\nRRULE:FREQ=WEEKLY", "2026-01-02 2026-01-09"),
        ("DTSTART:19900105\r\nRRULE:FREQ=WEEKLY", "2026-01-02 2026-01-09"),
    ] {
        let found = days(lines);
        assert!(found.starts_with(first), "{lines}: {found}");
    }
}
