//! Compares due times with an oracle written from the prose, over every change of every time zone from 1970 to 2100.
//!
//! The oracle shares no code with the crate: it walks through local time minute by minute, asks a table of the zone's
//! changes how often each minute happens, and applies the rule for changes of clocks as a person would.

mod oracle;

use std::sync::atomic::{AtomicUsize, Ordering};

use freshd::model::{OnHoliday, Rule, Schedule, Skip};
use freshd::schedule::{next, previous};

use oracle::{Change, Expected, HOUR, Line, Zone, clock, expected, fixed_lines, instant, random_lines, zone, zones};

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
    const IN_TURN: usize = 3;
    let others = lines.len() - ALWAYS;
    let first = turn * IN_TURN % others;
    lines[..ALWAYS]
        .iter()
        .chain((first..first + IN_TURN).map(move |at| &lines[ALWAYS + at % others]))
}

/// What differs around one change.
fn difference_at(zone: &Zone, change: Change, line: &Line) -> Option<String> {
    let reach = (change.after - change.before).abs() + 5 * HOUR / 2;
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
        found.insert(at * 2 + i64::from(after.subsec_nanosecond() != 0), (nominal, date_line));
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
