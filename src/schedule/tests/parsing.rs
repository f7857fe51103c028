//! Cron lines as they are written, and the mistakes in them.

use super::{cron, lines};
use crate::schedule::{CRON_LINE_BYTES_MAX, day_rule_note, parse_cron};

fn bits(values: impl IntoIterator<Item = u32>) -> u64 {
    values.into_iter().fold(0, |bits, value| bits | 1 << value)
}

#[test]
fn minutes_and_hours_are_lists_of_values_ranges_and_steps() {
    for (text, minutes) in [
        ("*", bits(0..60)),
        ("0", bits([0])),
        ("05", bits([5])),
        ("0,30", bits([0, 30])),
        ("*/5", bits((0..60).step_by(5))),
        ("*/60", bits([0])),
        ("5-5", bits([5])),
        ("5-50/5", bits((5..=50).step_by(5))),
        ("5/10", bits([5, 15, 25, 35, 45, 55])),
        ("1,10-12,50/5", bits([1, 10, 11, 12, 50, 55])),
    ] {
        let fields = parse_cron(&format!("{text} * * * *"), false).unwrap();
        assert_eq!(fields.minutes, minutes, "{text}");
        assert_eq!(fields.seconds, 1, "{text}");
    }
    for (text, hours) in [
        ("22-2", bits([22, 23, 0, 1, 2])),
        ("20-4/3", bits([20, 23, 2])),
        ("23-23", bits([23])),
        ("*/24", bits([0])),
    ] {
        let fields = parse_cron(&format!("0 {text} * * *"), false).unwrap();
        assert_eq!(u64::from(fields.hours), hours, "{text}");
    }
}

#[test]
fn months_and_weekdays_have_names_and_run_on_over_their_end() {
    for (text, months) in [
        ("JAN,jul", bits([1, 7])),
        ("nov-Feb", bits([11, 12, 1, 2])),
        ("*/3", bits([1, 4, 7, 10])),
        ("10-3/2", bits([10, 12, 2])),
    ] {
        let fields = parse_cron(&format!("0 0 1 {text} *"), false).unwrap();
        assert_eq!(u64::from(fields.months), months, "{text}");
    }
    for (text, weekdays) in [
        ("0", bits([0])),
        ("7", bits([0])),
        ("MON-FRI", bits(1..6)),
        ("FRI-MON", bits([5, 6, 0, 1])),
        ("SAT-SUN", bits([6, 0])),
        ("SUN-SAT", bits(0..7)),
        ("0-7", bits(0..7)),
        ("1-7", bits(0..7)),
        ("5-7", bits([5, 6, 0])),
        ("7-7", bits([0])),
        ("7-2", bits([0, 1, 2])),
        ("1-5/2", bits([1, 3, 5])),
        ("*/2", bits([0, 2, 4, 6])),
        ("0-7/7", bits([0])),
    ] {
        let fields = parse_cron(&format!("0 0 * * {text}"), false).unwrap();
        assert_eq!(u64::from(fields.weekdays.days), weekdays, "{text}");
    }
}

#[test]
fn special_days_are_read() {
    let days = parse_cron("0 0 1,15W,l,L-3,LW * ?", false).unwrap().days;
    assert_eq!(days.days, 1 << 1);
    assert_eq!(days.nearest_weekday, 1 << 15);
    assert_eq!(days.from_last, 1 | 1 << 3);
    assert!(days.last_weekday && !days.starred);

    let weekdays = parse_cron("0 0 ? * fri#2,5L,MONL,SUN#L,7#1", false).unwrap().weekdays;
    assert_eq!(weekdays.nth, [1, 1 << 5, 0, 0, 0]);
    assert_eq!(weekdays.last, 1 << 5 | 1 << 1 | 1);
    assert!(!weekdays.starred && weekdays.days == 0);
}

#[test]
fn nicknames_mean_their_lines() {
    for (nickname, line) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        (" @Annually ", "0 0 1 JAN *"),
    ] {
        assert_eq!(parse_cron(nickname, false), parse_cron(line, false));
        assert_eq!(parse_cron(nickname, true), parse_cron(line, false));
    }
}

#[test]
fn seconds_are_read_only_where_they_are_asked_for() {
    let fields = parse_cron("*/20 1 2 * * *", true).unwrap();
    assert_eq!(fields.seconds, bits([0, 20, 40]));
    assert_eq!(fields.minutes, bits([1]));

    let six = parse_cron("0 30 2 * * 2027", false).unwrap_err();
    assert!(six.message.contains("second first") && six.message.contains("year last"));
    assert!(six.help.contains("seconds = true") && six.help.contains("`2027`"));
    let five = parse_cron("30 2 * * *", true).unwrap_err();
    assert!(five.help.contains("0 30 2 * * *"), "{five}");
}

#[test]
fn a_mistake_names_its_field_its_place_and_what_to_write() {
    for (line, offending, message, help) in [
        ("61 * * * *", "61", "minute", "0 to 59"),
        ("0 24 * * *", "24", "hour", "0 to 23"),
        ("0 0 0 * *", "0", "day-of-month", "1 to 31"),
        ("0 0 32 * *", "32", "day-of-month", "1 to 31"),
        ("0 0 * 13 *", "13", "month", "1 to 12"),
        ("0 0 * * 8", "8", "day-of-week", "0 to 7"),
        ("300000 * * * *", "300000", "outside the minute", "0 to 59"),
        ("*/90 * * * *", "90", "wider than the minute", "every ="),
        ("0 */25 * * *", "25", "wider than the hour", "every ="),
        ("0 0 */40 * *", "40", "wider than the day-of-month", "1 to 31"),
        ("0 0 */32 * *", "32", "wider than the day-of-month", "1 to 31"),
        ("0 0 1 */13 *", "13", "wider than the month", "1 to 12"),
        ("*/0 * * * *", "0", "step of 0", "*/5"),
        ("*/x * * * *", "*/x", "not a number", "*/5"),
        ("*5 * * * *", "*5", "minute", "*/5"),
        ("/5 * * * *", "", "missing in the minute", "*/5"),
        ("0,,30 * * * *", "", "empty entry", "commas"),
        ("50-10 * * * *", "50-10", "backwards", "50-59,0-10"),
        ("0 0 28-3 * *", "28-3", "backwards", "28-31,1-3"),
        ("5- * * * *", "5-", "not a range", "0 to 59"),
        ("-5 * * * *", "-5", "not a range", "0 to 59"),
        ("0 1-2-3 * * *", "1-2-3", "not a range", "0 to 23"),
        ("0 0 * MARCH *", "MARCH", "month", "write MAR"),
        ("0 0 * * Friday", "Friday", "day-of-week", "write FRI"),
        ("0 0 * * MON/2", "MON/2", "no end", "1-5/2"),
        ("0 0 * * L", "L", "day-of-week", "FRIL"),
        ("0 0 * * FRI#6", "FRI#6", "at most five", "#1 to #5"),
        ("0 0 * * FRI#0", "FRI#0", "at most five", "#1 to #5"),
        ("0 0 * * FRI#x", "FRI#x", "at most five", "#1 to #5"),
        ("0 0 L-31 * *", "L-31", "back from the last", "L-3"),
        ("0 0 W * *", "W", "day-of-month", "15W"),
        ("0 0 L-3W * *", "L-3W", "back from the last", "L-3"),
        ("H 2 * * *", "H", "minute", "jitter"),
        ("0~59 * * * *", "0~59", "minute", "jitter"),
        ("0 0 * ? *", "?", "month", "1 to 12"),
        ("TZ=UTC 0 2 * * *", "TZ=UTC", "TZ=UTC", "timezone"),
        ("ø * * * *", "ø", "minute", "0 to 59"),
    ] {
        let error = parse_cron(line, false).unwrap_err();
        assert_eq!(&line[error.span.clone()], offending, "{line}: {error}");
        assert!(error.message.contains(message), "{line}: {error}");
        assert!(error.help.contains(help), "{line}: {error}");
    }
    for (line, message, help) in [
        ("", "empty", "minute, hour"),
        ("* * *", "3 fields", "minute, hour"),
        ("* * * * * * *", "seven fields", "year"),
        ("@reboot", "not a nickname", "reboot"),
        ("@every 5m", "not a nickname", "every = "),
        ("@hourly 5", "not a nickname", "@daily"),
    ] {
        let error = parse_cron(line, false).unwrap_err();
        assert_eq!(error.span, 0..line.len(), "{line}");
        assert!(error.message.contains(message), "{line}: {error}");
        assert!(error.help.contains(help), "{line}: {error}");
    }
    let line = |bytes: usize| format!("0{}* * * *", " ".repeat(bytes - 8));
    assert!(parse_cron(&line(CRON_LINE_BYTES_MAX), false).is_ok());
    let long = line(CRON_LINE_BYTES_MAX + 1);
    assert!(parse_cron(&long, false).unwrap_err().message.contains("bytes"));
}

#[test]
fn an_author_is_told_where_both_day_fields_have_a_say() {
    for (line, told) in [
        ("0 0 * * *", None),
        ("0 0 13 * *", None),
        ("0 0 * * FRI", None),
        ("0 0 13 * ?", None),
        ("0 0 */2 * *", None),
        ("0 0 13 * FRI", Some("either is enough")),
        ("0 0 L * MON#1", Some("either is enough")),
        ("0 0 */2 * MON", Some("both day fields must match")),
        ("0 0 13 * */2", Some("both day fields must match")),
        ("0 0 */2 * */2", Some("both day fields must match")),
    ] {
        let note = day_rule_note(&parse_cron(line, false).unwrap());
        match (note, told) {
            (Some(note), Some(told)) => assert!(note.contains(told), "{line}: {note}"),
            (note, told) => assert_eq!(note, told, "{line}"),
        }
    }
}

#[test]
fn what_is_named_twice_is_named() {
    for (twice, once) in [
        ("0,0 8 * * *", "0 8 * * *"),
        ("0 8 * * 1-5,3", "0 8 * * 1-5"),
        ("0 8 * * 0,7", "0 8 * * SUN"),
        ("0 8 1,1-3 JAN,1 *", "0 8 1-3 JAN *"),
    ] {
        assert_eq!(parse_cron(twice, false), parse_cron(once, false), "{twice}");
    }
}

#[test]
fn a_question_mark_leaves_the_day_to_the_other_field() {
    let coming = |text| lines(&cron(text, "UTC"), "2026-11-27T00:00:00Z", 5);
    assert_eq!(coming("0 8 ? * MON"), coming("0 8 * * MON"));
    assert_eq!(coming("0 8 3 * ?"), coming("0 8 3 * *"));
}
