//! The oracle: what is due, found by walking through local time minute by minute, and the zones and lines it is asked about.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::CronFields;
use freshd::schedule::parse_cron;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};

const FIRST: &str = "1970-01-01T00:00:00Z";
const LAST: &str = "2100-01-01T00:00:00Z";
pub(crate) const HOUR: i64 = 3_600;

/// What is expected at an instant: the nominal times, as seconds on the local clock, and whether it is the date line's.
pub(crate) type Expected = BTreeMap<i64, (BTreeSet<i64>, bool)>;

/// A cron line as plain lists, and its text.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) minutes: Vec<i64>,
    pub(crate) hours: Vec<i64>,
    /// Days of the month; empty when open.
    pub(crate) days: Vec<i64>,
    /// Sunday is 0; empty when open.
    pub(crate) weekdays: Vec<i64>,
    pub(crate) fields: CronFields,
}

/// A change of a zone's offset or name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) at: i64,
    pub(crate) before: i64,
    pub(crate) after: i64,
}

pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) rules: TimeZone,
    pub(crate) first_offset: i64,
    pub(crate) changes: Vec<Change>,
}

/// The oracle. Keys are twice the second, plus one for the millisecond before a date-line gap.
pub(crate) fn expected(zone: &Zone, line: &Line, from: i64, to: i64) -> Expected {
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
    let mut offsets: BTreeSet<i64> = near.iter().flat_map(|change| [change.before, change.after]).collect();
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
                    .find(|change| change.at + change.before <= local && local < change.at + change.after)
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
    let entry = expected.entry(at).or_insert_with(|| (BTreeSet::new(), date_line));
    entry.0.insert(local);
}

/// Whether the line names a local time.
fn names(line: &Line, local: i64) -> bool {
    let day = local.div_euclid(24 * HOUR);
    let (hour, minute) = (local.rem_euclid(24 * HOUR) / HOUR, local.rem_euclid(HOUR) / 60);
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
pub(crate) fn zones() -> Vec<Zone> {
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
pub(crate) fn zone(name: &str) -> Zone {
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
        // Also where only the name changes, and nothing may happen.
        let at = change.timestamp().as_second();
        changes.push(Change { at, before, after });
        before = after;
    }
    Zone {
        name: name.to_owned(),
        rules,
        first_offset,
        changes,
    }
}

pub(crate) fn fixed_lines() -> Vec<Line> {
    let every = |step: usize, to: i64| (0..to).step_by(step).collect::<Vec<_>>();
    let mut lines = Vec::new();
    for (minutes, hours) in [
        // At each change.
        (vec![30], vec![2]),
        (vec![30], every(1, 24)),
        (vec![0], vec![0, 2, 3]),
        (vec![15, 45], vec![0, 1, 2, 3, 23]),
        // In turn.
        (vec![0], vec![0]),
        (vec![0, 30], every(1, 24)),
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
pub(crate) fn random_lines() -> Vec<Line> {
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
    pub(crate) fn new(minutes: Vec<i64>, hours: Vec<i64>, days: Vec<i64>, weekdays: Vec<i64>) -> Line {
        let list = |values: &[i64]| match values {
            [] => "*".to_owned(),
            values => values.iter().map(i64::to_string).collect::<Vec<_>>().join(","),
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

pub(crate) fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn clock(local: DateTime) -> i64 {
    local
        .duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0))
        .as_secs()
}
