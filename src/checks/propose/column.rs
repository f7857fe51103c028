//! Proposals about one column: what its values are, and what is usual of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ProposedCheck;
use super::files::{Seen, Values};
use super::words::{band, count, key, quoted, round_up};
use crate::checks::learned::{percent, shown};
use crate::model::{ColumnKind, FixedColumn, Format, Numbers, format_duration};

/// So few different values, the same in every file, are a list.
const LISTED_MAX: usize = 12;

/// With fewer rows in a file nothing is concluded from what they have in common.
const ROWS_MIN: u64 = 20;

/// Codes that change more than this from file to file are none: numbers of lots, say.
const TURNOVER_MAX: f64 = 0.4;

/// Words in the name of a column whose whole numbers are codes and no quantities.
const CODE_WORDS: [&str; 12] = [
    "id", "sku", "ean", "gtin", "code", "lot", "no", "nr", "num", "number", "zip", "postcode",
];

const DAY: f64 = 86_400.0;

/// A job may take this long, however quick it was so far; less than the hour by which a wrong zone is off.
const NEWEST_MIN: f64 = 45.0 * 60.0;

/// A column of some files.
struct Column<'a> {
    name: &'a str,
    values: Vec<&'a Values>,
    rows_least: u64,
    /// The files have been written when their data ends: ages mean something.
    has_times: bool,
}

/// Whether the files lie here as they were written: a column of times ends shortly before, in all of them.
pub(super) fn has_times_of_writing(seen: &[Seen]) -> bool {
    let is_shortly_before = |values: &Values| {
        let newest = values.ages.map(|(newest, _)| newest);
        newest.is_some_and(|age| (-300.0..3.0 * DAY).contains(&age))
    };
    let columns = seen.first().map_or(0, |first| first.columns.len());
    (0..columns).any(|place| {
        seen.iter()
            .all(|seen| seen.values.get(place).is_some_and(is_shortly_before))
    })
}

/// The rule of the column at `place`, if there is anything to say.
pub(super) fn rule(seen: &[Seen], place: usize, has_times: bool) -> Option<ProposedCheck> {
    let name = seen.first()?.columns.get(place)?;
    let column = Column {
        name,
        values: seen.iter().filter_map(|seen| seen.values.get(place)).collect(),
        rows_least: seen.iter().map(|seen| seen.rows).min()?,
        has_times,
    };
    let (mut parts, mut evidence) = (Vec::new(), Vec::new());
    // Of fixed width, a column that is not written down is none.
    let layout = match &seen.first()?.reading.format {
        Some(Format::Fixed { columns, .. }) => columns.iter().find(|column| column.name == *name),
        _ => None,
    };
    if let Some(FixedColumn { from, width, .. }) = layout {
        parts.push(format!("from = {from}, width = {width}"));
    }
    if name.is_empty() || column.sum(|values| values.profile.filled) == 0 {
        return layout.map(|_| ProposedCheck {
            line: format!("columns.{} = {{ {} }}", key(name), parts.join(", ")),
            evidence: "where it is".to_owned(),
        });
    }
    let kind = column.kind(&mut parts, &mut evidence);
    column.presence(&mut parts, &mut evidence);
    match kind {
        ColumnKind::Integer | ColumnKind::Decimal => column.numbers(&mut parts, &mut evidence),
        ColumnKind::Date | ColumnKind::Datetime => column.ages(&mut parts, &mut evidence),
        ColumnKind::Text => column.codes(&mut parts, &mut evidence),
        ColumnKind::Boolean => {}
    }
    Some(ProposedCheck {
        line: format!("columns.{} = {{ {} }}", key(name), parts.join(", ")),
        evidence: evidence.join("; "),
    })
}

impl Column<'_> {
    fn sum(&self, of: impl Fn(&Values) -> u64) -> u64 {
        self.values.iter().map(|values| of(values)).sum()
    }

    fn kind(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) -> ColumnKind {
        let filled = self.sum(|values| values.profile.filled);
        let whole = self.sum(|values| values.kinds.whole);
        let (point, comma) = (
            self.sum(|values| values.kinds.point),
            self.sum(|values| values.kinds.comma),
        );
        let lower = self.name.to_lowercase();
        let is_code = self.sum(|values| values.kinds.padded) > 0
            || lower
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| CODE_WORDS.contains(&word));
        let kind = if whole == filled && !is_code {
            ColumnKind::Integer
        } else if (point > 0 && whole + point == filled) || (comma > 0 && whole + comma == filled) {
            ColumnKind::Decimal
        } else if self.sum(|values| values.kinds.date) == filled {
            ColumnKind::Date
        } else if self.sum(|values| values.kinds.datetime) == filled {
            ColumnKind::Datetime
        } else if self.sum(|values| values.kinds.boolean) == filled {
            ColumnKind::Boolean
        } else {
            ColumnKind::Text
        };
        parts.push(format!("type = {}", quoted(kind.as_str())));
        if comma > 0 && kind == ColumnKind::Decimal {
            parts.push("decimal = \"comma\"".to_owned());
        }
        if kind != ColumnKind::Text {
            evidence.push(format!("all {filled} values"));
        }
        kind
    }

    fn presence(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) {
        if self.sum(|values| values.profile.empty) == 0 {
            parts.push("required = true".to_owned());
            evidence.push("never empty".to_owned());
            return;
        }
        let shares = || self.values.iter().map(|values| empty_part(values));
        let (least, most) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
        let more = round_up((2.0 * (most - least)).max(0.05) * 20.0 - 1e-9) * 5;
        parts.push(format!("nulls = \"{}%\"", more.min(100)));
        evidence.push(format!("empty in {} to {} of the rows", percent(least), percent(most)));
    }

    fn unique(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) -> bool {
        let is_unique = self.rows_least >= ROWS_MIN && self.values.iter().all(|values| values.is_unique);
        if is_unique {
            parts.push("unique = true".to_owned());
            evidence.push("no value twice in a file".to_owned());
        }
        is_unique
    }

    fn numbers(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) {
        let numbers: Vec<Numbers> = self.values.iter().filter_map(|values| values.profile.numbers).collect();
        let of = |get: fn(&Numbers) -> f64| numbers.iter().map(get).collect::<Vec<f64>>();
        let least = of(|numbers| numbers.min.get())
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let most = of(|numbers| numbers.max.get())
            .into_iter()
            .fold(f64::NEG_INFINITY, f64::max);
        let low = if least >= 0.0 { 0.0 } else { -above(-least) };
        let high = if most > 0.0 { above(most) } else { 0.0 };
        parts.push(format!("range = \"{}..{}\"", shown(low), shown(high)));
        evidence.push(format!("{} to {}", shown(least), shown(most)));
        let (medians, sums) = (of(|numbers| numbers.median.get()), of(|numbers| numbers.sum.get()));
        if self.rows_least < ROWS_MIN || numbers.len() < self.values.len() {
            return;
        }
        let told = |numbers: &[f64]| {
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{} to {}", shown(least), shown(most))
        };
        if medians.iter().all(|median| *median != 0.0) {
            parts.push(format!("median = {}", quoted(&band(&medians, (0.5, 1.0)))));
            evidence.push(format!("median {}", told(&medians)));
        }
        if sums.iter().all(|sum| *sum != 0.0) {
            parts.push(format!("sum = {}", quoted(&band(&sums, (0.6, 1.5)))));
            evidence.push(format!("sum {}", told(&sums)));
        }
    }

    fn ages(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) {
        if !self.has_times {
            evidence.push("the files are not as old as what is in them, so nothing is said of ages".to_owned());
            return;
        }
        let ages: Vec<(f64, f64)> = self.values.iter().filter_map(|values| values.ages).collect();
        let newest = || ages.iter().map(|(newest, _)| *newest);
        let (first, last) = (
            newest().fold(f64::INFINITY, f64::min),
            newest().fold(f64::NEG_INFINITY, f64::max),
        );
        let oldest = ages.iter().map(|(_, oldest)| *oldest).fold(f64::NEG_INFINITY, f64::max);
        let low = if first >= 0.0 {
            "-5m".to_owned()
        } else {
            format!("-{}", length(2.0 * -first))
        };
        parts.push(format!("age = \"{low}..{}\"", length(2.0 * oldest.max(0.0))));
        evidence.push(format!(
            "{} to {} before the file was written",
            signed(first),
            signed(oldest)
        ));
        // The newest of each file always as old: then it is the time of the export.
        if first >= -300.0 && last - first <= DAY {
            parts.push(format!("newest = \"-5m..{}\"", length((2.0 * last).max(NEWEST_MIN))));
            evidence.push(format!("the newest {} to {}", signed(first), signed(last)));
        }
    }

    fn codes(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) {
        let is_unique = self.unique(parts, evidence);
        let codes: Option<Vec<BTreeSet<&str>>> = self
            .values
            .iter()
            .map(|values| Some(values.profile.codes.as_ref()?.iter().map(String::as_str).collect()))
            .collect();
        let mut is_listed = false;
        if let Some(codes) = codes.filter(|_| !is_unique) {
            is_listed = self.list(&codes, parts, evidence);
            if !is_listed {
                turnover(&codes, parts, evidence);
            }
        }
        if !is_listed {
            self.shape(parts, evidence);
        }
    }

    /// The same few values in every file.
    fn list(&self, codes: &[BTreeSet<&str>], parts: &mut Vec<String>, evidence: &mut Vec<String>) -> bool {
        let Some(first) = codes.first() else { return false };
        let are_few = first.len() <= LISTED_MAX && count(self.rows_least) >= 5.0 * count(first.len() as u64);
        let has_all = self.sum(|values| values.profile.empty) == 0;
        if !are_few || !has_all || codes.len() < 2 || codes.iter().any(|codes| codes != first) {
            return false;
        }
        let values: Vec<String> = first.iter().map(|code| quoted(code)).collect();
        let values = values.join(", ");
        parts.push(format!("in = [{values}]"));
        if first.len() > 1 {
            parts.push(format!("parts = [{values}]"));
        }
        evidence.push(format!("the same {} in every file", first.len()));
        true
    }

    /// What the values look like.
    fn shape(&self, parts: &mut Vec<String>, evidence: &mut Vec<String>) {
        let mut shapes: BTreeSet<&str> = BTreeSet::new();
        for values in &self.values {
            let Some(found) = &values.shapes else { return };
            shapes.extend(found.keys().map(String::as_str));
        }
        let filled = self.sum(|values| values.profile.filled);
        if shapes.is_empty() || shapes.len() > 3 || filled < 2 * ROWS_MIN {
            return;
        }
        let expressions: Vec<String> = shapes.iter().map(|shape| expression(shape)).collect();
        let expression = match expressions.as_slice() {
            [only] => format!("^{only}$"),
            several => format!("^({})$", several.join("|")),
        };
        parts.push(format!("matches = {}", quoted(&expression)));
        evidence.push(format!("all {filled} values look so"));
    }
}

/// How much codes change from file to file.
fn turnover(codes: &[BTreeSet<&str>], parts: &mut Vec<String>, evidence: &mut Vec<String>) {
    if codes.len() < 2 {
        return;
    }
    let (mut new, mut gone) = (0.0_f64, 0.0_f64);
    for (place, own) in codes.iter().enumerate() {
        let others: Vec<&BTreeSet<&str>> = codes
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .map(|(_, codes)| codes)
            .collect();
        let strange = own
            .iter()
            .filter(|code| !others.iter().any(|codes| codes.contains(*code)));
        let always: Vec<&&str> = others[0]
            .iter()
            .filter(|code| others.iter().all(|codes| codes.contains(*code)))
            .collect();
        let missing = always.iter().filter(|code| !own.contains(**code)).count();
        new = new.max(part(strange.count(), own.len()));
        gone = gone.max(part(missing, always.len()));
    }
    if new > TURNOVER_MAX || gone > TURNOVER_MAX {
        return;
    }
    let twice = |part: f64| round_up((2.0 * part).max(0.1) * 20.0 - 1e-9) * 5;
    parts.push(format!(
        "codes = {{ new = \"{}%\", vanished = \"{}%\" }}",
        twice(new),
        twice(gone)
    ));
    let (least, most) = (
        codes.iter().map(BTreeSet::len).min(),
        codes.iter().map(BTreeSet::len).max(),
    );
    evidence.push(format!(
        "{} to {} different values, up to {} new and {} gone from file to file",
        least.unwrap_or(0),
        most.unwrap_or(0),
        percent(new),
        percent(gone)
    ));
}

fn part(some: usize, of: usize) -> f64 {
    if of == 0 {
        0.0
    } else {
        count(some as u64) / count(of as u64)
    }
}

fn empty_part(values: &Values) -> f64 {
    let rows = values.profile.filled + values.profile.empty;
    if rows == 0 {
        0.0
    } else {
        count(values.profile.empty) / count(rows)
    }
}

/// `[A-Z][0-9]{6}` for `A999999`.
fn expression(shape: &str) -> String {
    let mut expression = String::new();
    let characters: Vec<char> = shape.chars().collect();
    for run in characters.chunk_by(|one, next| one == next) {
        let class = match run[0] {
            '9' => "[0-9]".to_owned(),
            'A' => "[A-Z]".to_owned(),
            'a' => "[a-z]".to_owned(),
            other => regex::escape(&other.to_string()),
        };
        expression.push_str(&class);
        if run.len() > 1 {
            expression.push_str(&format!("{{{}}}", run.len()));
        }
    }
    expression
}

/// Ten times as much, rounded up to one digit.
fn above(number: f64) -> f64 {
    let most = 10.0 * number;
    let power = 10.0_f64.powf(most.log10().floor());
    (most / power).ceil() * power
}

/// A length of time that a person would write: whole days, hours or minutes, rounded up.
fn length(seconds: f64) -> String {
    for (unit, name) in [(DAY, "d"), (3_600.0, "h")] {
        if seconds >= 2.0 * unit {
            return format!("{}{name}", round_up(seconds / unit));
        }
    }
    format!("{}m", round_up(seconds / 60.0).max(5))
}

fn signed(age: f64) -> String {
    let length = Duration::try_from_secs_f64(age.abs().round()).unwrap_or_default();
    let minus = if age < 0.0 { "-" } else { "" };
    format!("{minus}{}", format_duration(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_becomes_an_expression() {
        assert_eq!(expression("A999999"), "[A-Z][0-9]{6}");
        assert_eq!(expression("AA-9.a"), "[A-Z]{2}\\-[0-9]\\.[a-z]");
    }

    #[test]
    fn lengths_are_those_that_people_write() {
        for (seconds, text) in [(61.0, "5m"), (1_801.0, "31m"), (7_201.0, "3h"), (172_801.0, "3d")] {
            assert_eq!(length(seconds), text);
        }
        assert!((above(4_123.0) - 50_000.0).abs() < 1e-6);
    }
}
