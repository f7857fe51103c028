//! What may have happened to values that break a rule.

use super::compared::Compared;
use super::value::{Reading, date, number, read};
use super::{Broken, contains};
use crate::model::{ColumnKind, ColumnRule};

/// Words that programs write for an empty value.
const NOTHING: [&str; 10] = [
    "null",
    "none",
    "nil",
    "n/a",
    "#n/a",
    "na",
    "nan",
    "-",
    "undefined",
    "(null)",
];

/// The likely cause, as a question, if a value shows one.
pub(super) fn hint(broken: Broken, rule: &ColumnRule, allowed: &Compared<'_>, value: &str) -> Option<String> {
    let whole = value;
    let value = value.trim();
    if NOTHING.contains(&value.to_ascii_lowercase().as_str()) {
        return Some(format!("`{value}` is a word for an empty value: write nothing instead"));
    }
    match broken {
        Broken::Type if rule.is_numeric() => of_number(rule, value),
        Broken::Type if matches!(rule.kind, Some(ColumnKind::Date | ColumnKind::Datetime)) => of_date(value),
        Broken::Range => {
            let turned = value.strip_prefix('-')?;
            let is_turned = matches!(read(turned, rule), Reading::Size(size) if contains(rule, size));
            is_turned.then(|| "a sign that is turned round, or more taken out than there was?".to_owned())
        }
        Broken::In | Broken::Matches => of_code(whole, &|value| {
            allowed.contains(value) && rule.matches.as_ref().is_none_or(|pattern| pattern.0.is_match(value))
        }),
        _ => None,
    }
}

fn of_number(rule: &ColumnRule, value: &str) -> Option<String> {
    let is_whole = rule.kind == Some(ColumnKind::Integer);
    let (own, other) = if rule.decimal_comma { (',', '.') } else { ('.', ',') };
    if is_whole && (number(value, '.').is_some() || number(value, ',').is_some()) {
        return Some("whole numbers that became decimal ones, or thousands set apart?".to_owned());
    }
    if number(value, other).is_some() {
        return Some(if other == ',' {
            "a decimal comma instead of a point?".to_owned()
        } else {
            "a decimal point instead of a comma?".to_owned()
        });
    }
    let bare: String = value
        .chars()
        .filter(|c| !matches!(c, ' ' | '\'' | '\u{a0}' | '\u{202f}'))
        .collect();
    let grouped = bare.replace(other, "");
    if number(&grouped, own).is_some() {
        return Some("separators of thousands?".to_owned());
    }
    if number(&bare.replace(own, ""), other).is_some() {
        return Some("separators of thousands and another decimal sign?".to_owned());
    }
    if date(value).is_some() {
        return Some("a date: has a column shifted?".to_owned());
    }
    let digits = bare.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | ','));
    if digits.len() < bare.len() && !digits.is_empty() && digits.chars().all(|c| c.is_alphabetic() || c == '%') {
        return Some(format!("a unit, `{digits}`, behind the number?"));
    }
    (!value.contains(|c: char| c.is_ascii_digit())).then(|| "a text: has a column shifted?".to_owned())
}

fn of_date(value: &str) -> Option<String> {
    if value.len() == 5 && value.parse().is_ok_and(|days| (20_000..80_000_u32).contains(&days)) {
        return Some("the number by which a spreadsheet counts days?".to_owned());
    }
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let has_mark = value.contains(['.', '/', '-']);
    (digits >= 5 && has_mark && number(value, '.').is_none())
        .then(|| "dates written in another way: write them as in 2026-11-20".to_owned())
}

/// What a code would have to be to be one of those that `is_known`.
pub(in crate::checks) fn of_code(value: &str, is_known: &dyn Fn(&str) -> bool) -> Option<String> {
    let has = |text: &str| value.contains(text);
    if has("Ã") || has("â€") || has("\u{fffd}") || has("Â") {
        return Some("UTF-8 that was read as Latin-1 on its way?".to_owned());
    }
    let scientific = value.split_once(['E', 'e']).is_some_and(|(mantissa, power)| {
        number(mantissa, '.').is_some() && power.starts_with('+') && number(&power[1..], '.').is_some()
    });
    if scientific {
        return Some("a long number that a spreadsheet has shortened?".to_owned());
    }
    if let Some(whole) = value.strip_suffix(".0")
        && is_known(whole)
    {
        return Some("a code that became a decimal number?".to_owned());
    }
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let padded = (value.len() + 1..=20).map(|width| format!("{value:0>width$}"));
        if padded.into_iter().any(|padded| is_known(&padded)) {
            return Some("leading zeros lost?".to_owned());
        }
    }
    let cased = [value.to_uppercase(), value.to_lowercase()];
    if cased.iter().any(|cased| cased != value && is_known(cased)) {
        return Some("upper and lower case?".to_owned());
    }
    let shortened = value.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    (shortened != value && is_known(shortened)).then(|| "quotes or white space around it?".to_owned())
}

/// Whether a value would be fine by the rule of another column, and not by chance: a text without a rule takes anything.
pub(super) fn fits(rule: &ColumnRule, allowed: &Compared<'_>, value: &str) -> Option<bool> {
    let is_narrow =
        !matches!(rule.kind, None | Some(ColumnKind::Text)) || rule.among.is_some() || rule.matches.is_some();
    is_narrow.then(|| {
        let of_type = match read(value, rule) {
            Reading::Wrong => false,
            Reading::Size(size) => contains(rule, size),
            Reading::Other => true,
        };
        of_type && allowed.contains(value) && rule.matches.as_ref().is_none_or(|pattern| pattern.0.is_match(value))
    })
}
