//! Compares due times with an oracle written from the prose, over every change of every time zone from 1970 to 2100.
//!
//! The oracle shares no code with the crate: it walks through local time minute by minute, asks a table of the zone's
//! changes how often each minute happens, and applies the rule for changes of clocks as a person would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use freshd::model::{CronFields, OnHoliday, Rule, Schedule, Skip};
use freshd::schedule::{next, parse_cron, previous};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};

const FIRST: &str = "1970-01-01T00:00:00Z";
const LAST: &str = "2100-01-01T00:00:00Z";
const HOUR: i64 = 3_600;

/// What is expected at an instant: the nominal times, as seconds on the local clock, and whether it is the date line's.
type Expected = BTreeMap<i64, (BTreeSet<i64>, bool)>;

/// A cron line as plain lists, and its text.
struct Line {
    text: String,
    minutes: Vec<i64>,
    hours: Vec<i64>,
    /// Days of the month; empty when open.
    days: Vec<i64>,
    /// Sunday is 0; empty when open.
    weekdays: Vec<i64>,
    fields: CronFields,
}

/// A change of a zone's offset.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: i64,
    before: i64,
    after: i64,
}

struct Zone {
    name: String,
    rules: TimeZone,
    first_offset: i64,
    changes: Vec<Change>,
}

#[test]
fn due_times_agree_with_the_prose_at_every_change_of_every_zone_from_1970_to_2100() {
    let zones = zones();
    assert!(zones.len() > 200, "zone data with {} zones", zones.len());
    let lines: Vec<Line> = fixed_lines().into_iter().chain(random_lines()).collect();
    let compared = AtomicUsize::new(0);
    let position = AtomicUsize::new(0);
    let mut differences: Vec<String> = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut differences = Vec::new();
                    loop {
                        let index = position.fetch_add(1, Ordering::Relaxed);
                        let Some(zone) = zones.get(index) else {
                            return differences;
                        };
                        for (number, change) in zone.changes.iter().enumerate() {
                            for line in chosen(&lines, index + number) {
                                compared.fetch_add(1, Ordering::Relaxed);
                                differences.extend(difference_at(zone, *change, line));
                            }
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            differences.extend(thread.join().expect("a comparing thread ends"));
        }
    });
    let compared = compared.into_inner();
    println!("{compared} comparisons in {} zones", zones.len());
    assert!(compared > 200_000, "only {compared} comparisons");
    assert!(
        differences.is_empty(),
        "{} of {compared} differ, as in\n{}",
        differences.len(),
        differences[..differences.len().min(5)].join("\n")
    );
}

/// The lines tried at one change: those that matter most at each, the others in turn.
fn chosen(lines: &[Line], turn: usize) -> impl Iterator<Item = &Line> {
    const ALWAYS: usize = 4;
    const IN_TURN: usize = 4;
    let others = lines.len() - ALWAYS;
    let first = turn * IN_TURN % others;
    lines[..ALWAYS]
        .iter()
        .chain((first..first + IN_TURN).map(move |at| &lines[ALWAYS + at % others]))
}

/// What differs around one change.
fn difference_at(zone: &Zone, change: Change, line: &Line) -> Option<String> {
    let reach = (change.after - change.before).abs() + 4 * HOUR;
    difference(zone, change.at - reach, change.at + reach, line)
}

/// What differs between two instants, both excluded.
fn difference(zone: &Zone, from: i64, to: i64, line: &Line) -> Option<String> {
    let expected = expected(zone, line, from, to);

    let schedule = Schedule {
        text: line.text.as_str().into(),
        rule: Rule::Cron(line.fields.clone()),
        zone: zone.rules.clone(),
        calendar: None,
        on_holiday: OnHoliday::Skip,
    };
    let mut found = Expected::new();
    let mut runs = Vec::new();
    let mut after = instant(from);
    while let Some(occurrence) = next(&schedule, after) {
        if occurrence.at >= instant(to) {
            break;
        }
        after = occurrence.at;
        let nominal = occurrence.nominal.iter().map(|time| clock(*time)).collect();
        let date_line = occurrence.skip == Some(Skip::CalendarGap);
        assert!(date_line || occurrence.skip.is_none());
        if !date_line {
            runs.push(occurrence.clone());
        }
        let at = after.as_millisecond().div_euclid(1_000);
        found.insert(
            at * 2 + i64::from(after.subsec_nanosecond() != 0),
            (nominal, date_line),
        );
    }
    if found != expected {
        return Some(format!(
            "{} from {} to {}, `{}`:\n  expected {expected:?}\n  found    {found:?}",
            zone.name,
            instant(from),
            instant(to),
            line.text
        ));
    }
    let mut before = instant(to);
    for run in runs.iter().rev() {
        match previous(&schedule, before) {
            Some(occurrence) if occurrence == *run => before = occurrence.at,
            other => {
                return Some(format!(
                    "{} before {before}, `{}`: expected {run:?}, found {other:?}",
                    zone.name, line.text
                ));
            }
        }
    }
    None
}

/// The oracle. Keys are twice the second, plus one for the millisecond before a date-line gap.
fn expected(zone: &Zone, line: &Line, from: i64, to: i64) -> Expected {
    let mut expected = Expected::new();
    let near: Vec<&Change> = zone
        .changes
        .iter()
        .filter(|change| change.at > from - 60 * HOUR && change.at < to + 60 * HOUR)
        .collect();
    let offset_at = |at: i64| {
        let earlier = zone.changes.partition_point(|change| change.at <= at);
        match earlier.checked_sub(1) {
            Some(last) => zone.changes[last].after,
            None => zone.first_offset,
        }
    };
    let mut offsets: BTreeSet<i64> = near
        .iter()
        .flat_map(|change| [change.before, change.after])
        .collect();
    offsets.insert(offset_at(from));
    // Every local minute that can have to do with the window.
    let first_minute = (from + offsets.first().unwrap()).div_euclid(60);
    let last_minute = (to + offsets.last().unwrap()).div_euclid(60);
    for minute in first_minute..=last_minute {
        let local = minute * 60;
        if !names(line, local) {
            continue;
        }
        let hour = local.rem_euclid(24 * HOUR) / HOUR;
        let runs_before = line.hours.contains(&((hour + 23) % 24));
        let runs_after = line.hours.contains(&((hour + 1) % 24));
        let cadence = runs_before && runs_after;
        // How often does this minute happen?
        let mut instants: Vec<i64> = offsets
            .iter()
            .map(|offset| local - offset)
            .filter(|at| offset_at(*at) == local - at)
            .collect();
        instants.sort_unstable();
        match instants[..] {
            [] if cadence => {}
            [] => {
                let change = near
                    .iter()
                    .find(|change| {
                        change.at + change.before <= local && local < change.at + change.after
                    })
                    .expect("a minute that does not happen lies in a gap");
                if change.after - change.before <= 3 * HOUR {
                    due(&mut expected, change.at * 2, local, false);
                } else {
                    due(&mut expected, change.at * 2 - 1, local, true);
                }
            }
            [only] => due(&mut expected, only * 2, local, false),
            [first, second] => {
                due(&mut expected, first * 2, local, false);
                if cadence {
                    due(&mut expected, second * 2, local, false);
                } else if second - first > 3 * HOUR {
                    due(&mut expected, second * 2, local, true);
                }
            }
            _ => panic!("{}: a minute happens {} times", zone.name, instants.len()),
        }
    }
    expected.retain(|at, _| *at > from * 2 && *at < to * 2);
    expected
}

fn due(expected: &mut Expected, at: i64, local: i64, date_line: bool) {
    let entry = expected
        .entry(at)
        .or_insert_with(|| (BTreeSet::new(), date_line));
    entry.0.insert(local);
}

/// Whether the line names a local time.
fn names(line: &Line, local: i64) -> bool {
    let day = local.div_euclid(24 * HOUR);
    let (hour, minute) = (
        local.rem_euclid(24 * HOUR) / HOUR,
        local.rem_euclid(HOUR) / 60,
    );
    if !line.minutes.contains(&minute) || !line.hours.contains(&hour) {
        return false;
    }
    let weekday = (day + 4).rem_euclid(7);
    let by_date = line.days.contains(&day_of_month(day));
    let by_weekday = line.weekdays.contains(&weekday);
    match (line.days.is_empty(), line.weekdays.is_empty()) {
        (true, true) => true,
        (false, true) => by_date,
        (true, false) => by_weekday,
        (false, false) => by_date || by_weekday,
    }
}

/// The day of the month of a day counted from 1970-01-01.
fn day_of_month(day: i64) -> i64 {
    let (mut year, mut left) = (1970, day);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left < 0 {
        year -= 1;
        left += 365 + i64::from(leap(year));
    }
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
    }
    left + 1
}

/// Every zone with its changes; of zones with the same changes one.
fn zones() -> Vec<Zone> {
    let mut names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    names.sort();
    let mut seen = BTreeSet::new();
    let mut zones = Vec::new();
    for name in names {
        let zone = zone(&name);
        let table: Vec<_> = zone
            .changes
            .iter()
            .map(|change| (change.at, change.before, change.after))
            .collect();
        if seen.insert(table) {
            zones.push(zone);
        }
    }
    zones
}

/// A zone with its changes.
fn zone(name: &str) -> Zone {
    let (first, last): (Timestamp, Timestamp) = (FIRST.parse().unwrap(), LAST.parse().unwrap());
    let rules = TimeZone::get(name).unwrap();
    let first_offset = i64::from(rules.to_offset(first).seconds());
    let mut before = first_offset;
    let mut changes = Vec::new();
    for change in rules.following(first) {
        if change.timestamp() >= last {
            break;
        }
        let after = i64::from(change.offset().seconds());
        if after != before {
            let at = change.timestamp().as_second();
            changes.push(Change { at, before, after });
        }
        before = after;
    }
    Zone {
        name: name.to_owned(),
        rules,
        first_offset,
        changes,
    }
}

fn fixed_lines() -> Vec<Line> {
    let every = |step: usize, to: i64| (0..to).step_by(step).collect::<Vec<_>>();
    let mut lines = Vec::new();
    for (minutes, hours) in [
        // At each change.
        (vec![30], vec![2]),
        (vec![0, 30], every(1, 24)),
        (vec![0], vec![0, 2, 3]),
        (vec![15, 45], vec![0, 1, 2, 3, 23]),
        // In turn.
        (vec![0], vec![0]),
        (vec![0, 30], vec![2]),
        (vec![30], every(2, 24)),
        (vec![0], vec![2, 3]),
        (vec![0, 30], vec![1, 2, 3]),
        (every(5, 60), every(1, 24)),
        (vec![59], vec![1]),
        (vec![0], vec![1]),
        (vec![1], vec![0, 1]),
        (vec![0], vec![3]),
        (vec![30], vec![0, 23]),
        (vec![10, 50], every(3, 24)),
        (vec![0], vec![23]),
        (every(20, 60), vec![0, 1, 2]),
    ] {
        lines.push(Line::new(minutes, hours, Vec::new(), Vec::new()));
    }
    lines
}

/// Lines from a fixed seed.
fn random_lines() -> Vec<Line> {
    let mut state: u64 = 0x5eed_f00d_2027_0328;
    let mut below = move |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        i64::try_from((state >> 11) % limit).unwrap()
    };
    (0..400)
        .map(|_| {
            let mut some = |first: i64, values: u64, most: u64| -> Vec<i64> {
                let count = 1 + below(most);
                let set: BTreeSet<i64> = (0..count).map(|_| first + below(values)).collect();
                set.into_iter().collect()
            };
            let minutes = some(0, 60, 3);
            let hours = match some(0, 4, 1)[0] {
                0 => some(0, 24, 20),
                1 => some(0, 4, 3),
                _ => some(0, 24, 4),
            };
            let days = match some(0, 4, 1)[0] {
                0 => some(1, 31, 12),
                _ => Vec::new(),
            };
            let weekdays = match some(0, 4, 1)[0] {
                0 => some(0, 7, 3),
                _ => Vec::new(),
            };
            Line::new(minutes, hours, days, weekdays)
        })
        .collect()
}

impl Line {
    fn new(minutes: Vec<i64>, hours: Vec<i64>, days: Vec<i64>, weekdays: Vec<i64>) -> Line {
        let list = |values: &[i64]| match values {
            [] => "*".to_owned(),
            values => values
                .iter()
                .map(i64::to_string)
                .collect::<Vec<_>>()
                .join(","),
        };
        let text = format!(
            "{} {} {} * {}",
            list(&minutes),
            list(&hours),
            list(&days),
            list(&weekdays)
        );
        let fields = parse_cron(&text, false).unwrap();
        Line {
            text,
            minutes,
            hours,
            days,
            weekdays,
            fields,
        }
    }
}

fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn clock(local: DateTime) -> i64 {
    local
        .duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0))
        .as_secs()
}

/// Far from any change, and over months and years, the walk through the bit sets finds what a walk through minutes finds.
#[test]
fn due_times_agree_with_the_prose_over_whole_years() {
    const DAYS: i64 = 400;
    const FROM: i64 = 1_798_761_600;
    for name in ["Europe/Oslo", "America/New_York", "Asia/Kathmandu"] {
        let zone = zone(name);
        for line in random_lines().iter().step_by(40) {
            let difference = difference(&zone, FROM, FROM + DAYS * 24 * HOUR, line);
            assert_eq!(difference, None);
        }
    }
}
