//! Looks back: which rules of columns would have refused versions that were accepted, so that the next one like them is
//! refused too.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::columns::asked;
use super::judge;
use crate::model::{
    Among, AsOf, AttemptId, CheckLevel, Checks, ColumnRule, Comparison, Dataset, Doubt, Judging, RunId, Verdict,
    Version,
};
use crate::probe::Progress;

/// The rules of `dataset` that would have refused any of `recent`, its last accepted versions, the newest first.
///
/// What is recorded of these is asked first: a rule by which they were judged already is none to doubt, and numbers are
/// remembered. Only what is not known then is looked for in `kept`, the copy of the newest; without it, or when it cannot be
/// read, nothing is said. Answers with whether it was read, too. Rules that only warn, and those about time, repetition and habit are left out.
pub fn hindsight(dataset: &Dataset, recent: &[Version], kept: Option<&Path>) -> (Vec<Doubt>, bool) {
    let Some(newest) = recent.first() else {
        return (Vec::new(), false);
    };
    let rules = facts(dataset);
    let mut doubts: Vec<Doubt> = rules.iter().filter_map(|rule| range_then(rule, recent)).collect();
    let kept = kept.filter(|_| rules.iter().any(|rule| !is_known(rule, newest)));
    if let Some(kept) = kept {
        let found = read_again(dataset, rules, newest, kept);
        let is_new = |doubt: &Doubt| {
            let same = |known: &Doubt| (&known.column, known.key) == (&doubt.column, doubt.key);
            !doubts.iter().any(same)
        };
        let new: Vec<Doubt> = found.into_iter().filter(is_new).collect();
        doubts.extend(new);
    }
    (doubts, kept.is_some())
}

/// What is true or false of each value, and holds a file back.
fn facts(dataset: &Dataset) -> Vec<ColumnRule> {
    let rules = dataset.checks.columns.iter();
    let holds = rules.filter(|rule| rule.level.of_fact() == CheckLevel::Hold);
    holds
        .map(|rule| ColumnRule {
            column: rule.column.clone(),
            kind: rule.kind,
            decimal_comma: rule.decimal_comma,
            required: rule.required,
            range: rule.range.clone(),
            among: rule.among.clone().filter(|among| matches!(among, Among::Values(_))),
            matches: rule.matches.clone(),
            zone: rule.zone.clone(),
            level: rule.level,
            ..ColumnRule::default()
        })
        .collect()
}

/// Whether a version was judged by this very rule, however that went: then people know.
fn was_asked(version: &Version, column: &str, (name, expected): &(&str, String)) -> bool {
    let is_it = |check: &&crate::model::CheckResult| {
        check.name == *name && check.expected == *expected && check.column.as_deref() == Some(column)
    };
    version.checks.iter().any(|check| is_it(&check))
}

fn is_known(rule: &ColumnRule, version: &Version) -> bool {
    let profile = version
        .lesson
        .as_ref()
        .and_then(|lesson| lesson.profile.columns.get(&rule.column));
    let was_there = profile.is_some_and(|column| column.filled + column.empty > 0);
    let was_checked = version
        .checks
        .iter()
        .any(|check| check.column.as_deref() == Some(&rule.column) && check.name != "columns");
    let has_numbers = profile.is_some_and(|column| column.numbers.is_some());
    let is_answered = |asks: &(&'static str, String)| {
        was_asked(version, &rule.column, asks) || (asks.0 == "range" && rule.is_numeric() && has_numbers)
    };
    (was_there || was_checked) && asked(rule).iter().all(is_answered)
}

/// What is remembered of the numbers of earlier versions, against a range that they were not judged by.
fn range_then(rule: &ColumnRule, recent: &[Version]) -> Option<Doubt> {
    let range = rule.range.as_ref().filter(|_| rule.is_numeric())?;
    let asks = asked(rule).into_iter().find(|(name, _)| *name == "range")?;
    let unasked = recent.iter().filter(|version| !was_asked(version, &rule.column, &asks));
    let numbers = unasked.filter_map(|version| {
        let column = version.lesson.as_ref()?.profile.columns.get(&rule.column)?;
        Some((version, column.numbers?))
    });
    let outside: Vec<_> = numbers
        .filter(|(_, numbers)| {
            range.min.is_some_and(|min| numbers.min.get() < min) || range.max.is_some_and(|max| numbers.max.get() > max)
        })
        .collect();
    let (version, numbers) = outside.first()?;
    let others = match outside.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more of the last {} versions", recent.len()),
    };
    Some(Doubt {
        column: rule.column.clone(),
        key: Some("range"),
        message: format!(
            "{}{others} would have been refused: column `{}` had {} to {}, which does not lie in {}",
            version.reference(),
            rule.column,
            numbers.min.get(),
            numbers.max.get(),
            range.text
        ),
    })
}

/// Judges the kept copy of a version by these rules alone.
fn read_again(dataset: &Dataset, rules: Vec<ColumnRule>, version: &Version, kept: &Path) -> Vec<Doubt> {
    let asks: Vec<(String, (&'static str, String))> = rules
        .iter()
        .flat_map(|rule| asked(rule).into_iter().map(|asks| (rule.column.clone(), asks)))
        .collect();
    let judging = Judging {
        id: AttemptId {
            run: RunId(0),
            number: 0,
        },
        dataset: Arc::new(Dataset {
            checks: Checks {
                reading: dataset.checks.reading.clone(),
                columns: rules,
                ..Checks::default()
            },
            as_of: AsOf::Start,
            requires_as_of: false,
            may_be_empty: true,
            ..dataset.clone()
        }),
        staged: kept.to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        script: None,
        compared_with: Vec::new(),
        comparison: Comparison::default(),
        inputs: Vec::new(),
        report: Vec::new(),
    };
    let Ok(judgement) = judge(&judging, &Progress::default()) else {
        return Vec::new();
    };
    let refused = judgement
        .checks
        .into_iter()
        .filter(|check| check.verdict == Verdict::Hold);
    let doubts = refused.filter_map(|check| {
        let column = check.column?;
        let asked = asks.iter().find(|(of, (name, _))| *of == column && *name == check.name);
        let is_old = asked.is_some_and(|(_, asks)| was_asked(version, &column, asks));
        (!is_old).then(|| Doubt {
            key: asked.map(|(_, (name, _))| *name),
            message: format!("{} would have been refused: {}", version.reference(), check.message),
            column,
        })
    });
    doubts.collect()
}
