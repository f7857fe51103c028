//! What values are written as in `checks`: ranges, bands, shares, lists, expressions.

use jiff::tz::TimeZone;
use regex::RegexBuilder;

use crate::config::context::{Context, Section};
use crate::config::reader::{Text, Value};
use crate::model::{Among, Band, ColumnKind, Pattern, Range, Share, parse_duration};

/// Most memory of one compiled regular expression.
const PATTERN_BYTES_MAX: usize = 1 << 20;

const RANGE_HELP: &str = "write both ends or one of them, as in \"0..40000\", \"0..\" or \"..40000\"";

const BAND_HELP: &str = "write how far it may lie from what is usual, as in \"-30%..+50%\", or \"auto\"";

const AGE_HELP: &str = "write durations, as in \"0s..26h\", \"-5m..2h\" or \"..7d\"";

/// A regular expression.
pub(super) fn pattern(value: Value<'_>) -> Option<Pattern> {
    let text = value.text()?;
    match RegexBuilder::new(text.text).size_limit(PATTERN_BYTES_MAX).build() {
        Ok(regex) => Some(Pattern(regex)),
        Err(error) => {
            let error = error.to_string();
            // The first lines repeat the pattern and point into it.
            let why = error.lines().last().unwrap_or_default().trim();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            text.error(
                format!("not a regular expression: {why}"),
                "write one, as in '^L[0-9]{6}$', in single quotes",
            );
            None
        }
    }
}

/// A list of values, or `{ dataset, column }`.
pub(super) fn among(context: &Context<'_>, value: Value<'_>, path: String) -> Option<Among> {
    if !value.is_table() {
        if !value.is_list() {
            let help = "write in = [\"kg\", \"pcs\"] or in = { dataset = \"items\", column = \"sku\" }";
            value.expected("a list or a table", help);
            return None;
        }
        let values: Vec<String> = value.texts().iter().map(|text| text.text.to_owned()).collect();
        if value.list().is_some_and(|list| list.is_empty()) {
            value.error("`in` allows nothing", "write the values that are allowed");
        }
        return Some(Among::Values(values));
    }
    let table = value.table(path)?;
    let dataset = table
        .text("dataset")
        .and_then(|text| context.refer(Section::Datasets, &text));
    let column = table.text("column").map(|text| text.text.to_owned());
    for key in ["dataset", "column"] {
        if !table.has(key) {
            let help = "write in = { dataset = \"items\", column = \"sku\" }";
            table.missing(key, format!("`in` does not name its {key}"), help);
        }
    }
    table.finish();
    Some(Among::Column {
        dataset: dataset?,
        column: column?,
    })
}

/// `"0..40000"`, of numbers or dates.
pub(super) fn range(value: Value<'_>, kind: Option<ColumnKind>) -> Option<Range> {
    let text = value.text()?;
    let size: fn(&str) -> Option<f64> = match kind {
        None | Some(ColumnKind::Integer | ColumnKind::Decimal) => number,
        Some(ColumnKind::Date | ColumnKind::Datetime) => date,
        Some(kind @ (ColumnKind::Text | ColumnKind::Boolean)) => {
            text.error(
                format!("a {} lies in no range", kind.as_str()),
                "write another `type`, or take `range` out",
            );
            return None;
        }
    };
    let Some((min, max)) = text.text.split_once("..") else {
        text.error(format!("`{}` is not a range", text.text), RANGE_HELP);
        return None;
    };
    let mut ends = [None, None];
    for (end, written) in ends.iter_mut().zip([min.trim(), max.trim()]) {
        if written.is_empty() {
            continue;
        }
        *end = size(written);
        if end.is_none() {
            let what = match kind {
                Some(ColumnKind::Date | ColumnKind::Datetime) => "a date",
                _ => "a number",
            };
            text.error(format!("`{written}` is not {what}"), RANGE_HELP);
            return None;
        }
    }
    between(ends, &text, RANGE_HELP)
}

/// A range from its two ends, of which one may be missing.
fn between(ends: [Option<f64>; 2], text: &Text<'_>, help: &'static str) -> Option<Range> {
    match ends {
        [None, None] => {
            text.error("the range has no end", help);
            None
        }
        [Some(min), Some(max)] if min > max => {
            text.error("the range begins behind its end", "exchange the two");
            None
        }
        [min, max] => Some(Range {
            text: text.text.to_owned(),
            min,
            max,
        }),
    }
}

fn number(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number: f64 = is_plain.then(|| text.parse().ok()).flatten()?;
    number.is_finite().then_some(number)
}

/// In seconds since 1970; what has no offset is taken as UTC, as the values are.
#[expect(
    clippy::cast_precision_loss,
    reason = "the seconds of all years that there are fit into 53 bits"
)]
fn date(text: &str) -> Option<f64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_second() as f64);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let time = TimeZone::UTC.to_timestamp(local).ok()?;
    Some(time.as_second() as f64)
}

/// `"-30%..+50%"`, or `"auto"`.
pub(super) fn band(value: Value<'_>) -> Option<Band> {
    let text = value.text()?;
    if text.text == "auto" {
        return Some(Band::Auto);
    }
    let Some((low, high)) = text.text.split_once("..") else {
        text.error(format!("`{}` is not a band", text.text), BAND_HELP);
        return None;
    };
    let mut ends = [None, None];
    for (end, written) in ends.iter_mut().zip([low.trim(), high.trim()]) {
        if written.is_empty() {
            continue;
        }
        *end = percent(written).map(|part| 1.0 + part);
        if end.is_none_or(|factor| factor < 0.0) {
            text.error(format!("`{written}` is not a change in percent"), BAND_HELP);
            return None;
        }
    }
    match ends {
        [None, None] => {
            text.error("the band has no end", BAND_HELP);
            None
        }
        [Some(low), Some(high)] if low > high => {
            text.error("the band begins behind its end", "exchange the two");
            None
        }
        [low, high] => Some(Band::Between {
            text: text.text.to_owned(),
            low,
            high,
        }),
    }
}

/// `"10%"`.
pub(super) fn share(value: Value<'_>) -> Option<Share> {
    let text = value.text()?;
    match percent(text.text).filter(|part| (0.0..=1.0).contains(part)) {
        Some(part) => Some(Share {
            text: text.text.to_owned(),
            part,
        }),
        None => {
            text.error(format!("`{}` is not a share", text.text), "write \"0%\" to \"100%\"");
            None
        }
    }
}

/// `"0s..26h"`, in seconds; below zero it lies ahead.
pub(super) fn age(value: Value<'_>) -> Option<Range> {
    let text = value.text()?;
    let Some((min, max)) = text.text.split_once("..") else {
        text.error(format!("`{}` is not a range of ages", text.text), AGE_HELP);
        return None;
    };
    let mut ends = [None, None];
    for (end, written) in ends.iter_mut().zip([min.trim(), max.trim()]) {
        if written.is_empty() {
            continue;
        }
        let (sign, length) = match written.strip_prefix('-') {
            Some(length) => (-1.0, length),
            None => (1.0, written),
        };
        match parse_duration(length) {
            Ok(length) => *end = Some(sign * length.as_secs_f64()),
            Err(_) => {
                text.error(format!("`{written}` is not a duration"), AGE_HELP);
                return None;
            }
        }
    }
    between(ends, &text, AGE_HELP)
}

fn percent(text: &str) -> Option<f64> {
    number(text.strip_suffix('%')?.trim()).map(|percent| percent / 100.0)
}
